// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Position, Realised} from "../interfaces/IMarkets.sol";
import {IProtocol, PositionDetails, TradeKind} from "../interfaces/IProtocol.sol";
import {ITradeRequests} from "../interfaces/ITradeRequests.sol";
import {Check} from "./Check.sol";
import {Deleverager} from "./Deleverager.sol";
import {FixedPoint} from "./perps/FixedPoint.sol";
import {Market, MarketLib} from "./perps/MarketLib.sol";
import {MarketSlots, MarketStorage} from "./perps/MarketStorage.sol";
import {Orders} from "./perps/Orders.sol";
import {PositionLib} from "./perps/PositionLib.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Vault} from "./Vault.sol";

/// @title Isolated perpetual futures on market 0, and orders of margin clients on every market
/// @notice Isolated: every trader has one collateral balance and at most one position; PREP itself lies in the vault, which
/// is the counterparty of all of them. Gains and losses between trader and vault move no tokens. Orders: see `Orders`.
///
/// Units: amounts in PREP base units (18 decimals), sizes in base units of the asset, prices, rates and leverage WAD.
/// Rounding is against whoever acts, see docs/whitepaper.md. Requires a token without fees on transfer and without hooks.
/// Shape of every action: load trader and market, check inputs, change both in memory, check what they have become, store,
/// log, settle with the vault.
/// Two steps: while market 0 has a `minExecutionDelay`, only the contract of requests trades, for those who asked it to.
/// Stopping: the guardian closes the market to new risk (`disableMarket`). Nothing stops closing, decreasing, liquidating
/// or collateral movements, except the lack of a usable price where one is needed.
contract Protocol is IProtocol, Orders {
    using FixedPoint for uint256;
    using MarketLib for Market;
    using MarketStorage for MarketSlots;
    using PositionLib for Realised;
    using SafeCast for uint256;
    using SafeCast for int256;
    using SafeERC20 for IERC20;

    /// @inheritdoc IProtocol
    uint256 public constant MAX_LEVERAGE = 15e18;
    /// @inheritdoc IProtocol
    uint256 public constant LIQUIDATION_LEVERAGE = 30e18;
    /// @inheritdoc IProtocol
    uint256 public constant LIQUIDATION_REWARD_RATE = 0.005e18;
    /// @inheritdoc IProtocol
    uint256 public constant MAX_REWARD_FROM_VAULT = 50e18;

    /// @inheritdoc IProtocol
    IVault public immutable vault;
    /// @inheritdoc IProtocol
    address public immutable deleverager;
    /// @inheritdoc IProtocol
    ITradeRequests public immutable requests;
    IERC20 private immutable PREP;

    /// @dev A trader in storage. `id` is 0 without a position.
    struct TraderSlots {
        // 16 + 16 bytes
        int128 size;
        uint128 entryPrice;
        // 16 + 8 + 4
        uint128 collateral;
        uint64 borrowIndex;
        uint32 id;
        // 32; only in a market with a skew scale
        int256 fundingIndex;
    }

    /// @dev Who has an id, or which id is free after it. `used` keeps the slot of the last free id from being zero.
    struct IdSlot {
        address owner;
        uint32 nextFree;
        bool used;
    }

    /// @dev A trader during one action.
    struct Trader {
        address account;
        uint256 id;
        uint256 collateral;
        Position position;
    }

    /// @dev What closing a part of a position realises, and at which price.
    struct Fill {
        int256 part;
        uint256 price;
        Realised realised;
    }

    /// @dev The worst price that the caller accepts and until when; ignored unless `set`.
    struct Limits {
        bool set;
        uint256 acceptablePrice;
        uint256 deadline;
    }

    mapping(address account => TraderSlots) private _traders;
    mapping(uint256 id => IdSlot) private _ids;

    constructor(IERC20 prep, address authority, bool reservesByLargerSide, ITradeRequests requests_)
        AccessManaged(authority)
    {
        PREP = prep;
        Vault vault_ = new Vault(prep, address(this), authority, reservesByLargerSide);
        vault = vault_;
        deleverager = address(new Deleverager(this, vault_));
        requests = requests_;
        requests_.bind();
    }

    // --------------------------------------------------------------------------------------------------- collateral

    /// @inheritdoc IProtocol
    function depositCollateral(uint256 amount) external nonReentrant {
        _checkNotZero(amount);
        TraderSlots storage slots = _traders[msg.sender];
        uint256 collateral = slots.collateral + amount;
        _checkAmount(collateral, type(uint128).max);
        slots.collateral = uint128(collateral);
        emit CollateralChanged(msg.sender, int256(amount), collateral);
        _payIn(msg.sender, amount);
    }

    /// @inheritdoc IProtocol
    function withdrawCollateral(uint256 amount) external nonReentrant {
        _checkNotZero(amount);
        Trader memory trader = _load(msg.sender);
        uint256 collateral = trader.collateral;
        Check.that(amount <= collateral, InsufficientCollateral.selector, collateral, amount);
        collateral -= amount;
        trader.collateral = collateral;
        if (trader.id != 0) _checkLeverage(_beginLooking(BTC), trader);
        _traders[msg.sender].collateral = uint128(collateral);
        emit CollateralChanged(msg.sender, -int256(amount), collateral);
        _payOut(msg.sender, amount);
    }

    /// @inheritdoc IProtocol
    function countDeposit(int256 assets) external nonReentrant {
        Check.that(msg.sender == address(vault), NotVault.selector, uint160(msg.sender));
        _countDeposit(assets);
    }

    // ---------------------------------------------------------------------------------------------------- positions

    /// @inheritdoc IProtocol
    function openPositionWithSize(uint256 size, bool isLong) external {
        _direct(TradeKind.OpenWithSize, isLong, size);
    }

    /// @inheritdoc IProtocol
    function openPositionWithSize(uint256 size, bool isLong, uint256 acceptablePrice, uint256 deadline) external {
        _direct(TradeKind.OpenWithSize, isLong, size, acceptablePrice, deadline);
    }

    /// @inheritdoc IProtocol
    function openPositionWithToken(uint256 sizeOfToken, bool isLong) external {
        _direct(TradeKind.OpenWithToken, isLong, sizeOfToken);
    }

    /// @inheritdoc IProtocol
    function openPositionWithToken(uint256 sizeOfToken, bool isLong, uint256 acceptablePrice, uint256 deadline)
        external
    {
        _direct(TradeKind.OpenWithToken, isLong, sizeOfToken, acceptablePrice, deadline);
    }

    /// @inheritdoc IProtocol
    function increasePosition(uint256 size) external {
        _direct(TradeKind.Increase, false, size);
    }

    /// @inheritdoc IProtocol
    function increasePosition(uint256 size, uint256 acceptablePrice, uint256 deadline) external {
        _direct(TradeKind.Increase, false, size, acceptablePrice, deadline);
    }

    /// @inheritdoc IProtocol
    function decreasePosition(uint256 size) external {
        _direct(TradeKind.Decrease, false, size);
    }

    /// @inheritdoc IProtocol
    function decreasePosition(uint256 size, uint256 acceptablePrice, uint256 deadline) external {
        _direct(TradeKind.Decrease, false, size, acceptablePrice, deadline);
    }

    /// @inheritdoc IProtocol
    function closePosition() external {
        _direct(TradeKind.Close, false, 0);
    }

    /// @inheritdoc IProtocol
    function closePosition(uint256 acceptablePrice, uint256 deadline) external {
        _direct(TradeKind.Close, false, 0, acceptablePrice, deadline);
    }

    /// @inheritdoc IProtocol
    function tradeFor(address trader, TradeKind kind, bool isLong, uint256 amount, uint256 acceptablePrice) external {
        Check.that(msg.sender == address(requests), NotRequests.selector, uint160(msg.sender));
        _trade(trader, kind, isLong, amount, Limits(true, acceptablePrice, type(uint256).max));
    }

    /// @inheritdoc IProtocol
    function liquidatePosition(uint256 id) external nonReentrant {
        Trader memory trader = _load(_ownerOf(id));
        require(trader.account != msg.sender, SelfLiquidation());
        Market memory market = _begin(BTC);
        Position memory p = trader.position;
        uint256 reward = PositionLib.notional(p.size, p.entryPrice).wmul(LIQUIDATION_REWARD_RATE);
        int256 toVault = _settle(market, trader, _firstStep(market, trader));

        uint256 fromTrader = Math.min(reward, trader.collateral);
        if (p.size == 0) {
            trader.collateral -= fromTrader;
        } else {
            Fill memory rest = _fill(market, p, p.size);
            int256 equity = _lenientEquity(market, trader, rest);
            // Not out of what the rest owes: closing it would leave bad debt then, paid out as a reward.
            int256 left = int256(trader.collateral) + rest.realised.total();
            fromTrader = Math.min(fromTrader, uint256(SignedMath.max(0, left)));
            trader.collateral -= fromTrader;
            if (_mustCloseRest(market, p, equity - int256(fromTrader))) {
                toVault += _settle(market, trader, rest);
                // What the rest has won pays before the vault does.
                uint256 more = Math.min(reward - fromTrader, trader.collateral);
                trader.collateral -= more;
                fromTrader += more;
            }
        }
        // Last, and no more than there is: the vault's part of a reward never makes a liquidation fail.
        uint256 fromVault = Math.min(reward - fromTrader, MAX_REWARD_FROM_VAULT);
        if (fromVault != 0) {
            fromVault = Math.min(fromVault, _liquidityAfter(toVault));
            toVault -= int256(fromVault);
            _markets[BTC].bookBadDebt(fromVault);
        }

        _store(trader, market);
        reward = fromTrader + fromVault;
        uint256 balance = _traders[msg.sender].collateral + reward;
        _traders[msg.sender].collateral = balance.toUint128();
        emit PositionLiquidated(trader.account, id, msg.sender, trader.collateral, reward, fromVault, balance);
        _settleWithVault(toVault);
    }

    /// @inheritdoc IProtocol
    function closeOnBehalf(address account, int256 size) external nonReentrant returns (int256) {
        _checkForcedClose(BTC);
        Trader memory trader = _load(account);
        int256 part = -_reducing(trader.position.size, -size);
        return _reduce(_begin(BTC), trader, part, _noLimits());
    }

    // -------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IProtocol
    function checkPositionLeverageAndLiquidability(uint256 id)
        external
        view
        returns (uint256 leverageRate, bool isLiquidable)
    {
        Trader memory trader = _load(_ownerOf(id));
        Market memory market = _beginLooking(BTC);
        Position memory p = trader.position;
        leverageRate = _leverage(p, _lenientEquity(market, trader, _fill(market, p, p.size)));
        isLiquidable = leverageRate > LIQUIDATION_LEVERAGE;
    }

    /// @inheritdoc IProtocol
    function liquidityReservesToHold() external view returns (uint256) {
        return exposure(false).reserves;
    }

    /// @inheritdoc IProtocol
    function getNumOfOpenPositionsIds() external view returns (uint256) {
        return _highestId;
    }

    /// @inheritdoc IProtocol
    function getIdsNotInUse() external view returns (uint256[] memory ids) {
        ids = new uint256[](_highestId);
        uint256 count;
        for (uint256 id = _markets[BTC].freeId; id != 0; id = _ids[id].nextFree) {
            ids[count++] = id;
        }
        // The array's length is its first word.
        assembly ("memory-safe") {
            mstore(ids, count)
        }
    }

    /// @inheritdoc IProtocol
    function getPositionDetails(address account) external view returns (PositionDetails memory) {
        Trader memory trader = _load(account);
        Position memory p = trader.position;
        return PositionDetails({
            id: trader.id,
            size: p.size,
            entryPrice: p.entryPrice,
            collateral: trader.collateral,
            entryNotional: PositionLib.notional(p.size, p.entryPrice),
            borrowIndex: p.borrowIndex,
            fundingIndex: p.fundingIndex
        });
    }

    /// @inheritdoc IProtocol
    function positionOwner(uint256 id) external view returns (address) {
        return _ids[id].owner;
    }

    // ------------------------------------------------------------------------------------------------------ actions

    function _direct(TradeKind kind, bool isLong, uint256 amount) private {
        _direct(kind, isLong, amount, _noLimits());
    }

    function _direct(TradeKind kind, bool isLong, uint256 amount, uint256 acceptablePrice, uint256 deadline) private {
        _direct(kind, isLong, amount, Limits(true, acceptablePrice, deadline));
    }

    /// @dev A trade of the caller himself. It fills at once.
    function _direct(TradeKind kind, bool isLong, uint256 amount, Limits memory limits) private {
        Check.that(_markets[BTC].flags & MarketStorage.DELAY == 0, TwoStepMarket.selector, BTC);
        _trade(msg.sender, kind, isLong, amount, limits);
    }

    /// @dev `isLong` counts where a position is opened; `amount` as the function of that kind takes it, if it takes one.
    function _trade(address account, TradeKind kind, bool isLong, uint256 amount, Limits memory limits)
        private
        nonReentrant
    {
        Trader memory trader = _load(account);
        if (kind <= TradeKind.OpenWithToken) Check.that(trader.id == 0, PositionExists.selector, trader.id);
        else require(trader.id != 0, NoPosition());
        require(amount != 0 || kind == TradeKind.Close, ZeroAmount());
        Check.that(!limits.set || block.timestamp <= limits.deadline, DeadlinePassed.selector, limits.deadline);

        int256 size = trader.position.size;
        if (kind >= TradeKind.Decrease) {
            if (kind == TradeKind.Decrease) size = _partOf(trader.position, amount);
            Market memory market = _begin(BTC);
            _checkNotZero(uint256(size));
            _reduce(market, trader, size, limits);
        } else {
            Market memory market = _begin(BTC);
            if (kind != TradeKind.OpenWithToken) amount = _sizeOf(amount, market.price);
            _checkAmount(amount, MAX_SIZE);
            if (kind == TradeKind.Increase) isLong = size > 0;
            _grow(market, trader, isLong ? int256(amount) : -int256(amount), limits);
        }
    }

    /// @dev The part of a position whose entry notional is `notional`, toward zero.
    function _partOf(Position memory p, uint256 notional) private pure returns (int256) {
        uint256 entryNotional = PositionLib.notional(p.size, p.entryPrice);
        Check.that(notional <= entryNotional, DecreaseTooLarge.selector, notional, entryNotional);
        return notional == entryNotional ? p.size : p.size * int256(notional) / int256(entryNotional);
    }

    function _grow(Market memory market, Trader memory trader, int256 size, Limits memory limits) private {
        int256 skewBefore = int256(market.state.longOI) - int256(market.state.shortOI);
        (uint256 price, uint256 fee) = _quoteGrowth(BTC, market, 0, size);
        _checkPrice(price, size > 0, limits);
        Check.that(fee <= trader.collateral, InsufficientCollateral.selector, trader.collateral, fee);
        trader.collateral -= fee;

        bool opening = trader.id == 0;
        Position memory p = trader.position;
        _grow(market, p, size, price);
        if (opening) {
            _checkMinValue(BTC, market, p.size);
            trader.id = _takeId(market, trader.account);
        }
        _checkGrowth(BTC, market, p.size, skewBefore);
        _checkLeverage(market, trader);

        _store(trader, market);
        _logIncrease(market, trader, size, price, fee);
        if (fee != 0) {
            uint256 share = _protocolShare(fee);
            _markets[BTC].bookOpeningFee(fee - share);
            _bookProtocolFee(BTC, share);
            _settleWithVault(int256(fee - share));
        }
    }

    function _logIncrease(Market memory market, Trader memory trader, int256 size, uint256 price, uint256 fee) private {
        Position memory p = trader.position;
        emit PositionIncreased(
            trader.account,
            trader.id,
            BTC,
            size,
            price,
            p.size,
            p.entryPrice,
            trader.collateral,
            fee,
            market.state.borrowIndex
        );
    }

    /// @return realised What the trader won or lost, fees included.
    function _reduce(Market memory market, Trader memory trader, int256 part, Limits memory limits)
        private
        returns (int256 realised)
    {
        Fill memory fill = _fill(market, trader.position, part);
        _checkPrice(fill.price, part < 0, limits);
        int256 toVault = _settle(market, trader, fill);
        int256 rest = trader.position.size;
        if (rest != 0) {
            _checkMinValue(BTC, market, rest);
        }
        _store(trader, market);
        _settleWithVault(toVault);
        realised = fill.realised.total();
    }

    /// @dev What closing `part` of a position would realise now.
    function _fill(Market memory market, Position memory p, int256 part) private pure returns (Fill memory fill) {
        fill.part = part;
        fill.price = market.fillPrice(-part);
        market.realise(fill.realised, p, part, fill.price);
    }

    /// @dev Takes a part from a position and logs it. What collateral cannot pay is bad debt if nothing is left open, and
    /// an error otherwise.
    /// @return toVault What the vault gains.
    function _settle(Market memory market, Trader memory trader, Fill memory fill) private returns (int256 toVault) {
        Position memory p = trader.position;
        Realised memory r = fill.realised;
        _shrink(market, p, fill.part);

        uint256 share = _protocolShare(uint256(-r.closingFee));
        int256 balance = int256(trader.collateral) + r.total();
        uint256 badDebt;
        _markets[BTC].bookRealised(r, share);
        if (balance < 0) {
            uint256 shortfall = uint256(-balance);
            Check.that(
                p.size == 0, InsufficientCollateral.selector, trader.collateral, trader.collateral + shortfall
            );
            uint256 waived = Math.min(share, shortfall);
            badDebt = shortfall - waived;
            share -= waived;
            balance = 0;
            if (badDebt != 0) _markets[BTC].bookBadDebt(badDebt);
        }
        _bookProtocolFee(BTC, share);
        toVault = int256(trader.collateral) - balance - int256(share);
        trader.collateral = uint256(balance);
        _logDecrease(market, trader, fill, badDebt);
    }

    function _logDecrease(Market memory market, Trader memory trader, Fill memory fill, uint256 badDebt) private {
        emit PositionDecreased(
            trader.account,
            trader.id,
            BTC,
            fill.part,
            fill.price,
            trader.position.size,
            trader.collateral,
            fill.realised,
            badDebt,
            market.state.borrowIndex
        );
    }

    /// @dev What a liquidation closes first: a third where something is left and collateral can pay for it, else the whole.
    function _firstStep(Market memory market, Trader memory trader) private pure returns (Fill memory fill) {
        Position memory p = trader.position;
        fill = _fill(market, p, p.size);
        int256 equity = _lenientEquity(market, trader, fill);
        uint256 leverage = _leverage(p, equity);
        Check.that(leverage > LIQUIDATION_LEVERAGE, PositionHealthy.selector, leverage, LIQUIDATION_LEVERAGE);
        int256 part = p.size / 3;
        if (equity <= 0 || part == 0) return fill;
        Fill memory third = _fill(market, p, part);
        if (int256(trader.collateral) + third.realised.total() >= 0) fill = third;
    }

    /// @dev Whether what a liquidation has left is still unhealthy or too small to stand alone.
    function _mustCloseRest(Market memory market, Position memory p, int256 equity) private view returns (bool) {
        (uint256 value, uint256 min) = _minValue(BTC, market, p.size);
        return value < min || _leverage(p, equity) > LIQUIDATION_LEVERAGE;
    }

    // ------------------------------------------------------------------------------------------------------- checks

    function _checkPrice(uint256 price, bool buying, Limits memory limits) private pure {
        if (!limits.set) return;
        uint256 acceptable = limits.acceptablePrice;
        bool ok = buying ? price <= acceptable : price >= acceptable;
        Check.that(ok, PriceNotAcceptable.selector, price, acceptable);
    }

    function _checkLeverage(Market memory market, Trader memory trader) private pure {
        Position memory p = trader.position;
        (int256 equity, int256 atOracle) = _closingEquities(market, p, trader.collateral);
        uint256 leverage = _leverage(p, SignedMath.min(equity, atOracle));
        Check.that(leverage <= MAX_LEVERAGE, LeverageTooHigh.selector, leverage, MAX_LEVERAGE);
    }

    /// @dev Equity as it counts for being liquidated. `fill`: of the whole position.
    function _lenientEquity(Market memory market, Trader memory trader, Fill memory fill) private pure returns (int256) {
        (int256 equity, int256 atOracle) = market.equities(trader.position, fill.realised, trader.collateral);
        return SignedMath.max(equity, atOracle);
    }

    function _leverage(Position memory p, int256 equity) private pure returns (uint256) {
        return PositionLib.leverage(PositionLib.notional(p.size, p.entryPrice), equity);
    }

    /// @dev The size that a notional buys at the oracle price, rounded down.
    function _sizeOf(uint256 notional, uint256 price) private pure returns (uint256 size) {
        _checkAmount(notional, MAX_COST);
        size = (notional * FixedPoint.WAD).divDown(price);
        _checkNotZero(size);
    }

    // ------------------------------------------------------------------------------------------------------ storage

    function _noLimits() private pure returns (Limits memory) {}

    function _load(address account) private view returns (Trader memory trader) {
        TraderSlots storage slots = _traders[account];
        (trader.account, trader.id, trader.collateral) = (account, slots.id, slots.collateral);
        if (trader.id == 0) return trader;
        Position memory p = trader.position;
        (p.size, p.entryPrice, p.borrowIndex) = (slots.size, slots.entryPrice, slots.borrowIndex);
        if (_markets[BTC].flags & MarketStorage.HAS_SKEW != 0) p.fundingIndex = slots.fundingIndex;
    }

    function _ownerOf(uint256 id) private view returns (address owner) {
        owner = _ids[id].owner;
        Check.that(owner != address(0), UnknownPosition.selector, id);
    }

    /// @dev Stores trader and market. A position that has become flat is cleared and its id freed.
    function _store(Trader memory trader, Market memory market) private {
        TraderSlots storage slots = _traders[trader.account];
        Position memory p = trader.position;
        uint128 collateral = trader.collateral.toUint128();
        if (p.size == 0) {
            _freeId(market, trader.id);
            (p.entryPrice, p.borrowIndex, p.fundingIndex, trader.id) = (0, 0, 0, 0);
        }
        uint128 entryPrice = p.entryPrice.toUint128();
        slots.size = int128(p.size);
        slots.entryPrice = entryPrice;
        slots.collateral = collateral;
        slots.borrowIndex = uint64(p.borrowIndex);
        slots.id = uint32(trader.id);
        if (market.flags & MarketStorage.HAS_SKEW != 0) slots.fundingIndex = p.fundingIndex;
        _save(BTC, market);
    }

    /// @dev The id freed last, else a new one.
    function _takeId(Market memory market, address owner) private returns (uint256 id) {
        id = market.freeId;
        if (id == 0) {
            id = ++_highestId;
        } else {
            market.freeId = _ids[id].nextFree;
        }
        _ids[id] = IdSlot(owner, 0, true);
    }

    function _freeId(Market memory market, uint256 id) private {
        _ids[id] = IdSlot(address(0), market.freeId, true);
        market.freeId = uint32(id);
    }

    function _deleverager() internal view override returns (address) {
        return deleverager;
    }

    function _payOut(address to, uint256 amount) internal override {
        PREP.safeTransferFrom(address(vault), to, amount);
    }

    function _payIn(address from, uint256 amount) internal override {
        PREP.safeTransferFrom(from, address(vault), amount);
    }
}
