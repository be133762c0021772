// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {MarketState, Position, Realised} from "../../interfaces/IMarkets.sol";
import {IMarginClient} from "../../interfaces/IMarginClient.sol";
import {IOrders, OrderOutcome} from "../../interfaces/IOrders.sol";
import {Check} from "../Check.sol";
import {Accounting} from "./Accounting.sol";
import {Market, MarketLib} from "./MarketLib.sol";
import {Markets} from "./Markets.sol";
import {MarketSlots, MarketStorage} from "./MarketStorage.sol";
import {PositionLib} from "./PositionLib.sol";
import {Pricing} from "./Pricing.sol";

/// @title Orders of margin clients
/// @notice What an order does is planned in memory, checks included; then the plan is put into effect. `previewOrder` is
/// the plan alone. Clients are contracts that the admin has registered: they answer for what their accounts owe.
///
/// Units and roundings as in `Markets`. Requires of a client: that its allowance and balance of PREP cover what it owes.
abstract contract Orders is IOrders, Markets {
    using Accounting for MarketState;
    using MarketLib for Market;
    using MarketStorage for MarketSlots;
    using PositionLib for Realised;
    using SafeCast for uint256;

    /// @dev A position in storage. Everything but the indices is in the first slot.
    struct MarginSlots {
        // 16 + 16 bytes
        int128 size;
        uint128 entryPrice;
        // 20 + 8
        int160 fundingIndex;
        uint64 borrowIndex;
    }

    struct Order {
        address client;
        uint256 account;
        uint256 marketId;
        int256 size;
        bool reduceOnly;
    }

    /// @inheritdoc IOrders
    mapping(address client => bool) public isMarginClient;
    mapping(address client => mapping(uint256 account => mapping(uint256 marketId => MarginSlots))) private _positions;

    // ------------------------------------------------------------------------------------------------------ orders

    /// @inheritdoc IOrders
    function executeOrder(uint256 account, uint256 marketId, int256 size, bool reduceOnly)
        external
        returns (int256)
    {
        return _executeAndTell(Order(msg.sender, account, marketId, size, reduceOnly), false);
    }

    /// @inheritdoc IOrders
    function closeAll(uint256 account) external nonReentrant returns (int256 settlement) {
        int256 toVault;
        uint256 count = marketCount();
        for (uint256 id = 0; id < count; ++id) {
            int256 held = _positions[msg.sender][account][id].size;
            if (held == 0) continue;
            (int256 ofMarket, int256 gained,) = _execute(Order(msg.sender, account, id, -held, true));
            settlement += ofMarket;
            toVault += gained;
        }
        _pay(msg.sender, settlement, toVault);
        _collect(msg.sender, settlement);
    }

    /// @inheritdoc IOrders
    function closeOnBehalf(address client, uint256 account, uint256 marketId, int256 size)
        external
        returns (int256)
    {
        return _executeAndTell(Order(client, account, marketId, -size, true), true);
    }

    /// @inheritdoc IOrders
    function setMarginClient(address client, bool registered) external restricted {
        isMarginClient[client] = registered;
        emit MarginClientSet(client, registered);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IOrders
    function previewOrder(address client, uint256 account, uint256 marketId, int256 size, bool reduceOnly)
        external
        view
        returns (OrderOutcome memory out)
    {
        Market memory market;
        _plan(Order(client, account, marketId, size, reduceOnly), market, out);
        _checkVaultCanPay(-out.settlement - int256(out.protocolFee));
    }

    /// @inheritdoc IOrders
    function marginPosition(address client, uint256 account, uint256 marketId)
        public
        view
        returns (Position memory p)
    {
        MarginSlots storage slots = _positions[client][account][marketId];
        (p.size, p.entryPrice) = (slots.size, slots.entryPrice);
        (p.fundingIndex, p.borrowIndex) = (slots.fundingIndex, slots.borrowIndex);
    }

    /// @inheritdoc IOrders
    function marginEquity(address client, uint256 account, uint256 marketId)
        external
        view
        returns (int256 size, uint256 value, int256 atFill, int256 atOracle)
    {
        Position memory p = marginPosition(client, account, marketId);
        size = p.size;
        if (size == 0) return (0, 0, 0, 0);
        Market memory market = _beginLooking(marketId);
        value = PositionLib.notional(size, market.price);
        (atFill, atOracle) = _closingEquities(market, p, 0);
    }

    // ----------------------------------------------------------------------------------------------------- private

    /// @dev A whole order: puts it into effect, pays what it won, tells the client, and pulls what it lost. A client can so
    /// provide what an order of its own has lost, as what a deleverage has.
    function _executeAndTell(Order memory o, bool forced) private nonReentrant returns (int256 settlement) {
        if (forced) _checkForcedClose(o.marketId);
        int256 toVault;
        int256 size;
        (settlement, toVault, size) = _execute(o);
        _pay(o.client, settlement, toVault);
        IMarginClient(o.client).onSettlement(o.account, o.marketId, size, settlement, forced);
        _collect(o.client, settlement);
    }

    /// @dev Puts an order into effect, but for the payments. `toVault`: what the vault gains; `size`: of the position
    /// afterwards.
    function _execute(Order memory o) private returns (int256 settlement, int256 toVault, int256 size) {
        Market memory market;
        OrderOutcome memory out;
        _plan(o, market, out);
        _store(_positions[o.client][o.account][o.marketId], out.position);
        _save(o.marketId, market);
        emit OrderExecuted(o.client, o.account, o.marketId, out);
        _book(o.marketId, out);
        (settlement, size) = (out.settlement, out.position.size);
        toVault = -settlement - int256(out.protocolFee);
    }

    /// @dev Requires the caller to be who decides about deleverage, and that nobody has moved the skew in this block: who
    /// is closed against his will names no worst price, and would pay whoever moves it before and back afterwards.
    function _checkForcedClose(uint256 marketId) internal view {
        Check.that(msg.sender == _deleverager(), NotDeleverager.selector, uint160(msg.sender));
        MarketSlots storage s = _markets[marketId];
        Check.that(s.skewScale == 0 || s.updatedAt != uint32(block.timestamp), MarketBusy.selector, marketId);
    }

    function _deleverager() internal view virtual returns (address);

    /// @dev What an order would do, all checks included but whether the vault can pay. Fills `market` and `out`, which are
    /// empty, in place.
    function _plan(Order memory o, Market memory market, OrderOutcome memory out) private view {
        _checkNotZero(uint256(o.size));
        _checkAmount(SignedMath.abs(o.size), MAX_SIZE);
        _begin(o.marketId, market);
        out.position = marginPosition(o.client, o.account, o.marketId);
        int256 old = out.position.size;
        out.size = o.reduceOnly ? _reducing(old, o.size) : o.size;
        int256 next = old + out.size;
        (int256 removed, int256 added) = _split(old, next);
        int256 skewBefore = market.state.skew();

        if (added != 0) {
            Check.that(isMarginClient[o.client], NotMarginClient.selector, uint160(o.client));
            (, out.openingFee) = _quoteGrowth(o.marketId, market, removed, added);
        }
        if (old != 0) _planRealisation(market, out, removed);
        if (next != 0) {
            // What is left open is held anew, at the price of opening all of it.
            _grow(market, out.position, next, market.fillPrice(next));
            if (removed != 0 || old == 0) _checkMinValue(o.marketId, market, next);
            if (added != 0) _checkGrowth(o.marketId, market, next, skewBefore);
        }
        out.protocolFee = _protocolShare(uint256(-out.realised.closingFee)) + _protocolShare(out.openingFee);
        out.settlement = out.realised.total() - int256(out.openingFee);
    }

    /// @dev Realises the whole position in memory. The closing fee is on what is removed for good.
    function _planRealisation(Market memory market, OrderOutcome memory out, int256 removed) private pure {
        Position memory p = out.position;
        Realised memory r = out.realised;
        MarketState memory m = market.state;
        out.closePrice = market.fillPrice(-p.size);
        r.realise(p, p.size, out.closePrice, m.fundingIndex, m.borrowIndex, 0);
        if (removed != 0 && market.closingFeeRate != 0) {
            r.closingFee = -int256(Pricing.fee(market.closingFeeRate, removed, market.fillPrice(-removed)));
        }
        _shrink(market, p, p.size);
        (p.entryPrice, p.fundingIndex, p.borrowIndex) = (0, 0, 0);
    }

    /// @dev The size of an order that may only reduce.
    function _reducing(int256 held, int256 size) internal pure returns (int256) {
        bool ok = held != 0 && (held > 0) != (size > 0);
        Check.that(ok, NotReducible.selector, uint256(held), uint256(size));
        return SignedMath.abs(size) > SignedMath.abs(held) ? -held : size;
    }

    /// @dev What closing all of a position leaves of `collateral`, at its fill price and at the bare oracle price.
    function _closingEquities(Market memory market, Position memory p, uint256 collateral)
        internal
        pure
        returns (int256 equity, int256 atOracle)
    {
        Realised memory r;
        market.realise(r, p, p.size, market.fillPrice(-p.size));
        return market.equities(p, r, collateral);
    }

    /// @dev What of a position is closed and what is opened, each with the sign of its position.
    function _split(int256 old, int256 next) private pure returns (int256 removed, int256 added) {
        if ((old > 0) != (next > 0) && old != 0) return (old, next);
        if (SignedMath.abs(next) > SignedMath.abs(old)) added = next - old;
        else removed = old - next;
    }

    function _store(MarginSlots storage slots, Position memory p) private {
        uint128 entryPrice = p.entryPrice.toUint128();
        slots.size = int128(p.size);
        slots.entryPrice = entryPrice;
        slots.fundingIndex = int160(p.fundingIndex);
        slots.borrowIndex = uint64(p.borrowIndex);
    }

    /// @dev Books the fees and what was realised, each fee without the protocol's share of it.
    function _book(uint256 marketId, OrderOutcome memory out) private {
        MarketSlots storage s = _markets[marketId];
        uint256 openingFee = out.openingFee;
        uint256 share = _protocolShare(openingFee);
        if (openingFee != 0) s.bookOpeningFee(openingFee - share);
        Realised memory r = out.realised;
        if (r.pricePnl | r.funding | r.borrowingFee | r.closingFee != 0) s.bookRealised(r, out.protocolFee - share);
        _bookProtocolFee(marketId, out.protocolFee);
    }

    function _pay(address client, int256 settlement, int256 toVault) private {
        _settleWithVault(toVault);
        if (settlement > 0) _payOut(client, uint256(settlement));
    }

    function _collect(address client, int256 settlement) private {
        if (settlement < 0) _payIn(client, uint256(-settlement));
    }
}
