// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {
    Action,
    ActionKind,
    AssetConfig,
    Health,
    ICreditManager,
    Liquidation
} from "../interfaces/ICreditManager.sol";
import {ILendingVault} from "../interfaces/ILendingVault.sol";
import {IMarginClient} from "../interfaces/IMarginClient.sol";
import {IOrderBook, OrderTerms} from "../interfaces/IOrderBook.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IProtocol} from "../interfaces/IProtocol.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Check} from "./Check.sol";
import {Bits} from "./credit/Bits.sol";
import {HealthLib} from "./credit/HealthLib.sol";
import {Holdings} from "./credit/Holdings.sol";
import {OrderBook} from "./OrderBook.sol";
import {FixedPoint} from "./perps/FixedPoint.sol";

/// @title Cross-margin accounts
/// @notice A margin client of the protocol. An account holds several tokens and positions; what it wins is credited in PREP, what
/// it loses is taken from its PREP and then borrowed. Whoever acts gives a list of actions, and the account's health is
/// checked once, at the end. Anyone may liquidate an account that does not stand well.
///
/// Units: base units of tokens, PREP base units for values, prices WAD, weights basis points. All arithmetic and roundings:
/// docs/credit.md. Requires tokens without fees on transfer (refused) and without rebasing (not noticed); a token that calls
/// its receiver or blocks one harms nobody but those who hold it.
/// Shape: the money of an action is counted before tokens leave; nothing is kept in memory across a call to a token.
/// Roles: the risk manager adds assets and sets weights within coded bounds; the guardian stops deposits of an asset. Nothing
/// stops repaying, reducing, withdrawing what is not needed, or liquidating, but the lack of a usable price.
/// Cost: of a health check it grows with the account's own assets and positions, of which there are few; with nothing else.
contract CreditManager is ICreditManager, Holdings {
    using Bits for uint256;
    using FixedPoint for uint256;
    using HealthLib for Health;

    uint256 private constant MAX_POSITIONS = 8;
    uint256 private constant MAX_MARKET_THRESHOLD = 9_900;
    int256 private constant ALL = type(int256).max;

    /// @dev What a liquidator asks for, and what of his reward is still due to him, PREP.
    struct Seizure {
        uint256 accountId;
        uint256 debtAsset;
        uint256 collateralAsset;
        uint256 maxRepay;
        uint256 reward;
    }

    /// @inheritdoc ICreditManager
    IProtocol public immutable protocol;
    /// @inheritdoc ICreditManager
    IOrderBook public immutable orderBook;
    IVault private immutable VAULT;

    /// @inheritdoc ICreditManager
    uint256 public reservedFees;
    /// @dev Weights of eight markets in one word: 16 bits `maxLtv`, 16 bits `liquidationThreshold` each.
    mapping(uint256 word => uint256) private _marketLtvs;

    constructor(IProtocol protocol_, IPriceOracle shareOracle, address authority) AccessManaged(authority) {
        protocol = protocol_;
        orderBook = new OrderBook(this, protocol_);
        IVault vault = protocol_.vault();
        VAULT = vault;
        IERC20 prep = IERC20(vault.asset());
        prep.approve(address(protocol_), type(uint256).max);
        prep.approve(address(vault), type(uint256).max);
        uint256 unlimited = type(uint256).max;
        _addAsset(AssetConfig(prep, IPriceOracle(address(0)), ILendingVault(address(0)), BPS, BPS, unlimited));
        _addAsset(AssetConfig(vault, shareOracle, ILendingVault(address(0)), 0, 0, unlimited));
    }

    // ----------------------------------------------------------------------------------------------------- actions

    /// @inheritdoc ICreditManager
    function execute(uint256 accountId, Action[] calldata actions) external nonReentrant {
        uint256 allowed = _allowedActions(accountId, msg.sender);
        bool risky;
        int256 brought;
        for (uint256 i = 0; i < actions.length; ++i) {
            try this.perform(accountId, msg.sender, allowed, actions[i]) returns (bool r, int256 b) {
                risky = risky || r;
                brought += b;
            } catch (bytes memory reason) {
                revert ActionFailed(i, reason);
            }
        }
        if (risky || brought < 0) _checkHealth(accountId);
    }

    /// @notice Carries out one action of a list. For the manager itself: a call of its own tells where a list has failed.
    /// @return risky Whether the account may stand worse.
    /// @return brought PREP that was paid in, less what was reserved for keepers.
    function perform(uint256 accountId, address caller, uint256 allowed, Action calldata action)
        external
        returns (bool risky, int256 brought)
    {
        _onlyFor(address(this));
        ActionKind kind = action.kind;
        Check.that(allowed.has(uint256(kind)), NotAllowed.selector, uint160(caller), accountId, uint256(kind));
        (uint256 id, int256 amount, uint256 limit) = (action.id, action.amount, action.limit);

        if (kind == ActionKind.Trade) {
            _trade(accountId, id, amount, limit, false);
            return (true, 0);
        }
        if (kind == ActionKind.Reduce) {
            _trade(accountId, id, amount, limit, true);
            return (false, 0);
        }
        if (kind == ActionKind.PlaceOrder) return _placeOrder(accountId, action);
        if (kind == ActionKind.CancelOrder) {
            _giveBack(accountId, orderBook.cancel(accountId, id));
            return (false, 0);
        }
        require(amount > 0, ZeroAmount());
        if (kind == ActionKind.Deposit) {
            _deposit(accountId, id, uint256(amount), caller);
            return (false, id == PREP ? amount : int256(0));
        }
        if (kind == ActionKind.Withdraw) {
            _withdraw(accountId, id, amount);
            return (true, 0);
        }
        if (kind == ActionKind.Borrow) {
            Check.that(address(_asset(id).lendingVault) != address(0), NotBorrowable.selector, id);
            _borrow(accountId, id, uint256(amount));
            _credit(accountId, id, uint256(amount));
            return (true, 0);
        }
        if (kind == ActionKind.Repay) {
            _repayFromBalance(accountId, id, amount);
        } else if (kind == ActionKind.AddLiquidity) {
            _addLiquidity(accountId, amount, limit);
            return (true, 0);
        } else if (kind == ActionKind.RemoveLiquidity) {
            _removeLiquidity(accountId, amount, limit);
        } else if (kind == ActionKind.RequestRedeem) {
            _requestRedeem(accountId, amount);
        } else {
            uint256 requested = _requested(accountId);
            VAULT.cancelRequest(amount == ALL ? requested : uint256(amount), accountId);
        }
    }

    function _deposit(uint256 accountId, uint256 assetId, uint256 amount, address from) private {
        AssetSlots storage a = _asset(assetId);
        // An asset without a price keeps an account from being liquidated: nobody is to bring one in on purpose.
        if (!uint256(_accounts[accountId].assets).has(assetId)) _price(assetId, a.oracle);
        uint256 cap = a.depositCap;
        uint256 held = _pull(assetId, from, amount);
        Check.that(held <= cap, DepositCapExceeded.selector, assetId, held, cap);
        _credit(accountId, assetId, amount);
    }

    /// @dev To the owner: a delegate cannot take anything away.
    function _withdraw(uint256 accountId, uint256 assetId, int256 amount_) private {
        _asset(assetId);
        uint256 amount = _orAll(accountId, assetId, amount_);
        _take(accountId, assetId, amount);
        if (assetId == SHARES) {
            VAULT.clearLapsed(address(this), accountId);
            _checkRequested(accountId);
        }
        _push(assetId, _ownerOf(accountId), amount);
    }

    function _repayFromBalance(uint256 accountId, uint256 assetId, int256 amount_) private {
        _asset(assetId);
        uint256 balance = _holdings[accountId][assetId].balance;
        uint256 amount = Math.min(_debt(accountId, assetId), amount_ == ALL ? balance : uint256(amount_));
        _checkNotZero(amount);
        _take(accountId, assetId, amount);
        _repay(accountId, assetId, amount);
    }

    function _trade(uint256 accountId, uint256 marketId, int256 size, uint256 limit, bool reduceOnly) private {
        if (reduceOnly && size == ALL) size = -_held(accountId, marketId);
        _checkNotZero(uint256(size));
        orderBook.checkTrade(accountId, marketId, size, limit, reduceOnly);
        protocol.executeOrder(accountId, marketId, size, reduceOnly);
    }

    function _addLiquidity(uint256 accountId, int256 amount_, uint256 minShares) private {
        uint256 amount = _orAll(accountId, PREP, amount_);
        _take(accountId, PREP, amount);
        _credit(accountId, SHARES, VAULT.deposit(amount, address(this), minShares));
    }

    /// @dev The requests of the account let go what they can; the rest of its shares only where there is no cooldown.
    function _removeLiquidity(uint256 accountId, int256 shares_, uint256 minAssets) private {
        uint256 shares = _orAll(accountId, SHARES, shares_);
        _take(accountId, SHARES, shares);
        uint256 assets = VAULT.redeem(shares, address(this), address(this), minAssets, accountId);
        _checkRequested(accountId);
        _credit(accountId, PREP, assets);
    }

    function _requestRedeem(uint256 accountId, int256 shares_) private {
        uint256 unrequested = _holdings[accountId][SHARES].balance - _requested(accountId);
        uint256 shares = shares_ == ALL ? unrequested : uint256(shares_);
        _checkBalance(SHARES, unrequested, shares);
        VAULT.requestRedeem(shares, accountId);
    }

    function _placeOrder(uint256 accountId, Action calldata action) private returns (bool, int256) {
        OrderTerms memory terms = abi.decode(action.data, (OrderTerms));
        orderBook.place(accountId, action.id, action.amount, action.limit, terms);
        reservedFees += terms.keeperFee;
        _debit(accountId, terms.keeperFee);
        return (!terms.reduceOnly, -int256(terms.keeperFee));
    }

    // ------------------------------------------------------------------------------------------------------ orders

    /// @inheritdoc IMarginClient
    function onSettlement(uint256 accountId, uint256 marketId, int256 size, int256 settlement, bool) external {
        _onlyFor(address(protocol));
        uint256 markets = _accounts[accountId].markets;
        uint256 marked = markets.with(marketId, size != 0);
        if (marked != markets) {
            Check.that(size == 0 || marked.count() <= MAX_POSITIONS, TooMany.selector, MAX_POSITIONS);
            _accounts[accountId].markets = uint64(marked);
        }
        if (settlement > 0) _credit(accountId, PREP, uint256(settlement));
        else if (settlement < 0) _debit(accountId, uint256(-settlement));
    }

    /// @inheritdoc ICreditManager
    function fill(
        uint256 accountId,
        uint256 marketId,
        int256 size,
        bool reduceOnly,
        uint256 keeperFee,
        address keeper
    ) external nonReentrant {
        _onlyFor(address(orderBook));
        protocol.executeOrder(accountId, marketId, size, reduceOnly);
        if (!reduceOnly) _checkHealth(accountId);
        emit OrderFilled(accountId, marketId, keeper, keeperFee);
        _payKeeper(keeper, keeperFee);
    }

    /// @inheritdoc ICreditManager
    function release(uint256 accountId, uint256 keeperFee, address keeper) external nonReentrant {
        _onlyFor(address(orderBook));
        if (keeper == address(0)) _giveBack(accountId, keeperFee);
        else _payKeeper(keeper, keeperFee);
    }

    function _giveBack(uint256 accountId, uint256 keeperFee) private {
        reservedFees -= keeperFee;
        _credit(accountId, PREP, keeperFee);
    }

    function _payKeeper(address keeper, uint256 keeperFee) private {
        reservedFees -= keeperFee;
        _push(PREP, keeper, keeperFee);
    }

    // ------------------------------------------------------------------------------------------------- liquidation

    /// @inheritdoc ICreditManager
    function liquidate(uint256 accountId, uint256 debtAsset, uint256 collateralAsset, uint256 maxRepay)
        external
        nonReentrant
        returns (Liquidation memory done)
    {
        Health memory h = health(accountId, true);
        Check.that(h.equity < int256(h.required), AccountHealthy.selector, uint256(h.equity), h.required);
        _asset(debtAsset);
        _asset(collateralAsset);
        done.bonus = h.bonus();
        (_supplier, _supplied, _maxSupply) = (msg.sender, 0, debtAsset == PREP ? maxRepay : 0);

        uint256 notional = h.notional;
        _closePositions(accountId);
        _supplier = address(0);
        _payDebtsFromBalances(accountId);
        h = health(accountId, true);
        done.closed = notional - h.notional;
        uint256 reward = h.closeReward(done.closed);
        done.reward = Math.min(reward, _holdings[accountId][PREP].balance);
        _take(accountId, PREP, done.reward);
        h.collateral -= done.reward;
        _seize(Seizure(accountId, debtAsset, collateralAsset, maxRepay, reward - done.reward), h, done);
        done.badDebt = _writeOffIfNothingIsLeft(accountId);

        emit AccountLiquidated(accountId, msg.sender, debtAsset, collateralAsset, done);
        _push(PREP, msg.sender, done.reward);
        _push(collateralAsset, msg.sender, done.seized);
    }

    /// @dev In the order of markets. One that cannot be closed is skipped.
    function _closePositions(uint256 accountId) private {
        uint256 markets = _accounts[accountId].markets;
        while (markets != 0) {
            uint256 id;
            (id, markets) = markets.pop();
            try protocol.executeOrder(accountId, id, -_held(accountId, id), true) {}
            catch (bytes memory reason) {
                // Nothing is said where gas has run out: nobody is to leave a position open by sending too little.
                Check.that(reason.length != 0, CloseFailed.selector, id);
                emit CloseSkipped(accountId, id, reason);
            }
        }
    }

    function _payDebtsFromBalances(uint256 accountId) private {
        uint256 assets = _accounts[accountId].assets;
        while (assets != 0) {
            uint256 id;
            (id, assets) = assets.pop();
            HoldingSlot memory held = _holdings[accountId][id];
            if (held.balance == 0 || held.debtShares == 0) continue;
            uint256 amount = Math.min(held.balance, _debt(accountId, id));
            _take(accountId, id, amount);
            _repay(accountId, id, amount);
        }
    }

    /// @dev Lets the liquidator pay debt for collateral, what he has lent to closing included, and gives him of it what the PREP
    /// balance did not have for his reward.
    function _seize(Seizure memory z, Health memory h, Liquidation memory done) private {
        AssetSlots storage c = _assets[z.collateralAsset];
        AssetSlots storage d = _assets[z.debtAsset];
        (uint256 price, uint256 debtPrice) = (_price(z.collateralAsset, c.oracle), _price(z.debtAsset, d.oracle));
        uint256 balance = _holdings[z.accountId][z.collateralAsset].balance;
        uint256 reward = Math.min(z.reward, balance.wmul(price));
        uint256 supplied = _supplied;
        // Where there is nothing to take, nothing is paid. So PREP never pays for PREP, whose weights leave no gain: what was
        // held of it has repaid debt before.
        uint256 repaid = balance == 0 ? 0 : _debt(z.accountId, z.debtAsset);
        if (repaid != 0) {
            h.collateral -= (reward * c.liquidationThreshold).divDown(BPS);
            uint256 value = h.toRepay(done.bonus, d.liquidationThreshold, c.liquidationThreshold);
            repaid = Math.min(Math.min(repaid, (value * FixedPoint.WAD).divUp(debtPrice)), z.maxRepay - supplied);
        }
        uint256 rate = FixedPoint.WAD + done.bonus;
        uint256 seized = (((repaid.wmul(debtPrice) + supplied).wmul(rate) + reward) * FixedPoint.WAD).divDown(price);
        if (seized > balance) {
            Check.that(supplied == 0, CollateralInsufficient.selector, seized, balance);
            seized = balance;
            uint256 worth = ((balance.wmul(price) - reward) * FixedPoint.WAD).divUp(rate);
            repaid = Math.min(repaid, (worth * FixedPoint.WAD).divUp(debtPrice));
        }
        (done.seized, done.repaid) = (seized, repaid + supplied);
        _take(z.accountId, z.collateralAsset, seized);
        if (z.collateralAsset == SHARES && seized != 0) _cancelRequests(z.accountId);
        if (repaid == 0) return;
        _pull(z.debtAsset, msg.sender, repaid);
        _repay(z.accountId, z.debtAsset, repaid);
    }

    /// @dev @return value PREP value of what was written off, rounded up.
    function _writeOffIfNothingIsLeft(uint256 accountId) private returns (uint256 value) {
        AccountSlot memory account = _accounts[accountId];
        if (account.markets != 0) return 0;
        uint256[] memory ids = uint256(account.assets).toArray();
        for (uint256 i = 0; i < ids.length; ++i) {
            if (_holdings[accountId][ids[i]].balance != 0) return 0;
        }
        for (uint256 i = 0; i < ids.length; ++i) {
            value += _writeOff(accountId, ids[i]).wmulUp(_price(ids[i], _assets[ids[i]].oracle));
        }
    }

    // ------------------------------------------------------------------------------------------------------ health

    /// @inheritdoc ICreditManager
    function health(uint256 accountId, bool forLiquidation) public view returns (Health memory h) {
        AccountSlot memory account = _accounts[accountId];
        uint256 set = account.assets;
        uint256 id;
        while (set != 0) {
            (id, set) = set.pop();
            AssetSlots storage a = _assets[id];
            HoldingSlot memory held = _holdings[accountId][id];
            uint256 weight = forLiquidation ? a.liquidationThreshold : a.maxLtv;
            uint256 price = _price(id, a.oracle);
            h.addBalance(held.balance, price, weight);
            if (held.debtShares != 0) h.addDebt(a.lendingVault.toDebt(held.debtShares), price, weight);
        }
        set = account.markets;
        while (set != 0) {
            (id, set) = set.pop();
            (, uint256 value, int256 atFill, int256 atOracle) = protocol.marginEquity(address(this), accountId, id);
            // Against the account where it would do more, in its favour where others would act against it.
            int256 pnl = (atFill > atOracle) == forLiquidation ? atFill : atOracle;
            h.addPosition(value, pnl, _marketWeight(id, forLiquidation));
        }
        h.conclude();
    }

    function _checkHealth(uint256 accountId) private view {
        Health memory h = health(accountId, false);
        Check.that(h.equity >= int256(h.required), AccountUnhealthy.selector, uint256(h.equity), h.required);
    }

    // ---------------------------------------------------------------------------------------------------- settings

    /// @inheritdoc ICreditManager
    function setMarketLtv(uint256 marketId, uint256 maxLtv, uint256 liquidationThreshold) external restricted {
        uint256 count = protocol.marketCount();
        _checkParameter("marketId", marketId + 1, 1, count);
        _checkParameter("liquidationThreshold", liquidationThreshold, 0, MAX_MARKET_THRESHOLD);
        _checkParameter("maxLtv", maxLtv, 0, liquidationThreshold);
        uint256 shift = (marketId & 7) << 5;
        uint256 word = _marketLtvs[marketId >> 3] & ~(uint256(type(uint32).max) << shift);
        _marketLtvs[marketId >> 3] = word | (maxLtv | liquidationThreshold << 16) << shift;
        emit MarketLtvSet(marketId, maxLtv, liquidationThreshold);
    }

    /// @inheritdoc ICreditManager
    function marketLtv(uint256 marketId) public view returns (uint256 maxLtv, uint256 liquidationThreshold) {
        return (_marketWeight(marketId, false), _marketWeight(marketId, true));
    }

    function _marketWeight(uint256 marketId, bool forLiquidation) private view returns (uint256) {
        return uint16(_marketLtvs[marketId >> 3] >> (((marketId & 7) << 5) | (forLiquidation ? 16 : 0)));
    }

    // ----------------------------------------------------------------------------------------------------- private

    function _onlyFor(address caller) private view {
        Check.that(msg.sender == caller, NotAuthorised.selector, uint160(msg.sender));
    }

    function _orAll(uint256 accountId, uint256 assetId, int256 amount) private view returns (uint256 all) {
        all = amount == ALL ? _holdings[accountId][assetId].balance : uint256(amount);
        _checkNotZero(all);
    }

    function _held(uint256 accountId, uint256 marketId) private view returns (int256) {
        return protocol.marginPosition(address(this), accountId, marketId).size;
    }

    /// @dev Shares of the account that wait to be redeemed.
    function _requested(uint256 accountId) private view returns (uint256 shares) {
        IVault.RedeemRequest[] memory requests = VAULT.requests(address(this), accountId);
        for (uint256 i = 0; i < requests.length; ++i) {
            shares += requests[i].shares;
        }
    }

    /// @dev Requires the account to still have the shares that it has put into cooldown: those of others are not its own.
    function _checkRequested(uint256 accountId) private view {
        uint256 balance = _holdings[accountId][SHARES].balance;
        uint256 requested = _requested(accountId);
        _checkBalance(SHARES, balance, requested);
    }

    /// @dev Cancels what of the account's requests its shares do not cover any more.
    function _cancelRequests(uint256 accountId) private {
        VAULT.clearLapsed(address(this), accountId);
        uint256 balance = _holdings[accountId][SHARES].balance;
        uint256 requested = _requested(accountId);
        if (requested > balance) VAULT.cancelRequest(requested - balance, accountId);
    }
}
