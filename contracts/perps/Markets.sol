// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Exposure, IMarkets, MarketConfig, MarketState, Position} from "../../interfaces/IMarkets.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {Check} from "../Check.sol";
import {Accounting} from "./Accounting.sol";
import {FixedPoint} from "./FixedPoint.sol";
import {Market, MarketLib} from "./MarketLib.sol";
import {MarketSlots, MarketStorage} from "./MarketStorage.sol";
import {PositionLib} from "./PositionLib.sol";
import {Pricing} from "./Pricing.sol";

/// @title The trading engine
/// @notice Knows markets, prices and positions; knows neither who owns a position nor who pays. An action loads a market
/// once, changes it in memory and saves it once, so its cost does not depend on how many positions are open.
///
/// Units: amounts in PREP base units, sizes in base units of the asset, prices and rates WAD, times in seconds.
/// Bounds: sizes and open interest 1e30, prices 1e36, a position's cost 1e37; the arithmetic is exact within them.
/// Roles: the risk manager adds and changes markets within coded bounds; the guardian can only close them to new risk; the
/// admin ends a market whose feed is dead.
/// Cost: of an action on one market, nothing grows with positions; orders that grow risk and all valuations of the vault
/// ask every other market that has positions.
abstract contract Markets is IMarkets, AccessManaged, ReentrancyGuardTransient {
    using Accounting for MarketState;
    using FixedPoint for uint256;
    using MarketLib for Market;
    using MarketStorage for MarketSlots;
    using PositionLib for Position;
    using SafeCast for int256;
    using SafeCast for uint256;

    // The bounds within which the arithmetic is exact, and those of parameters.
    uint256 internal constant MAX_SIZE = 1e30;
    uint256 internal constant MAX_PRICE = 1e36;
    uint256 internal constant MAX_COST = 1e37;
    uint256 private constant MAX_SKEW_SCALE = 1e36;
    uint256 private constant MAX_FUNDING_VELOCITY = 1000e18;
    uint256 private constant MAX_FEE_RATE = 0.1e18;
    uint256 private constant MAX_BORROW_RATE = 10e18;
    uint256 private constant MAX_RESERVE_RATE = 0.5e18;
    uint256 private constant MAX_PROTOCOL_FEE_RATE = 0.5e18;
    uint256 private constant MAX_MARKETS = 64;
    uint256 private constant MAX_EXECUTION_DELAY = 1 hours;
    uint256 private constant DEAD_FEED_PERIOD = 3 days;

    /// @dev The market of isolated positions.
    uint256 internal constant BTC = 0;
    /// @dev How many times a side's open interest has to fit into the skew scale of that market. An isolated loss ends at
    /// collateral, and the gain of whoever moves the skew against a position does not; with less depth that difference
    /// could be taken from the vault. Margin clients pay their losses: elsewhere it has to fit once.
    uint256 private constant MIN_DEPTH = 120;

    mapping(uint256 marketId => MarketSlots) internal _markets;

    // One slot: 16 + 8 + 4 + 4 bytes.
    uint128 private _unpaidProtocolFees;
    uint64 private _protocolFeeRate;
    uint32 private _marketCount;
    uint32 internal _highestId;

    address private _treasury;

    // One slot: 16 + 16 bytes. The money of LPs is counted here and not in the vault, because trading moves it.
    uint128 private _liquidity;
    int128 private _netDeposits;

    // ------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IMarkets
    function liquidity() external view returns (uint256) {
        return _liquidity;
    }

    /// @inheritdoc IMarkets
    function netDeposits() external view returns (int256) {
        return _netDeposits;
    }

    /// @inheritdoc IMarkets
    function marketCount() public view returns (uint256) {
        return _marketCount;
    }

    /// @inheritdoc IMarkets
    function marketWords(uint256 marketId, uint256 mask) external view returns (uint256[16] memory) {
        return _market(marketId).words(mask);
    }

    /// @inheritdoc IMarkets
    function protocolFees() external view returns (uint256 rate, uint256 unpaid, address treasury) {
        return (_protocolFeeRate, _unpaidProtocolFees, _treasury);
    }

    /// @inheritdoc IMarkets
    function exposure(bool byLargerSide) public view returns (Exposure memory) {
        return _exposure(byLargerSide, type(uint256).max);
    }

    // ------------------------------------------------------------------------------------------------------- roles

    /// @inheritdoc IMarkets
    function addMarket(MarketConfig calldata config) external restricted returns (uint256 marketId) {
        _checkConfig(config);
        marketId = _marketCount++;
        Check.that(marketId < MAX_MARKETS, TooManyMarkets.selector, MAX_MARKETS);
        MarketSlots storage s = _markets[marketId];
        s.configure(config);
        s.updatedAt = uint32(block.timestamp);
        emit MarketConfigured(marketId, config);
    }

    /// @inheritdoc IMarkets
    function setMarket(uint256 marketId, MarketConfig calldata config) external restricted nonReentrant {
        MarketSlots storage s = _market(marketId);
        Check.that(s.flags & MarketStorage.SETTLED == 0, MarketSettledAlready.selector, marketId);
        _checkConfig(config);
        uint256 openInterest = uint256(s.longOI) + s.shortOI;
        bool hadSkew = s.flags & MarketStorage.HAS_SKEW != 0;
        // The sums of squares are not kept without a skew scale, so it can come and go only with an empty market.
        Check.that(hadSkew == (config.skewScale != 0) || openInterest == 0, SkewScaleLocked.selector, openInterest);
        if (config.skewScale != 0) {
            _checkParameter("skewScale", config.skewScale, Math.max(s.longOI, s.shortOI), MAX_SKEW_SCALE);
        }

        // A change never reaches back: what has passed is charged at the old parameters. Funding needs a price for that:
        // the new oracle's, so that a dead feed can be replaced.
        _accrue(marketId, hadSkew ? _checkedPrice(config.oracle) : 0);
        if (hadSkew && config.skewScale == 0) {
            // Nobody is left to pay or receive; a rate of today would start a later life of the skew scale.
            (s.fundingRate, s.fundingIndex) = (0, 0);
            emit FundingAccrued(marketId, 0, 0);
        }

        s.configure(config);
        emit MarketConfigured(marketId, config);
    }

    /// @inheritdoc IMarkets
    function settleMarket(uint256 marketId, uint256 price) external restricted nonReentrant {
        MarketSlots storage s = _market(marketId);
        Check.that(s.flags & MarketStorage.SETTLED == 0, MarketSettledAlready.selector, marketId);
        _checkPrice(price);
        uint256 lastUpdate = s.oracle.lastUpdate();
        Check.that(block.timestamp >= lastUpdate + DEAD_FEED_PERIOD, FeedAlive.selector, lastUpdate);
        _accrue(marketId, price);
        s.settle(price);
        emit MarketSettled(marketId, price);
    }

    /// @inheritdoc IMarkets
    function disableMarket(uint256 marketId) external restricted {
        MarketSlots storage s = _market(marketId);
        s.flags &= ~uint32(MarketStorage.ENABLED);
        emit MarketDisabled(marketId);
    }

    /// @inheritdoc IMarkets
    function setProtocolFeeRate(uint256 rate) external restricted {
        _checkParameter("protocolFeeRate", rate, 0, MAX_PROTOCOL_FEE_RATE);
        _protocolFeeRate = uint64(rate);
        emit ProtocolFeeRateSet(rate);
    }

    /// @inheritdoc IMarkets
    function setTreasury(address treasury) external restricted {
        _checkParameter("treasury", uint160(treasury), 1, type(uint160).max);
        _treasury = treasury;
        emit TreasurySet(treasury);
    }

    /// @inheritdoc IMarkets
    function collectProtocolFees() external nonReentrant returns (uint256 amount) {
        address treasury = _treasury;
        _checkParameter("treasury", uint160(treasury), 1, type(uint160).max);
        amount = _unpaidProtocolFees;
        _checkNotZero(amount);
        _unpaidProtocolFees = 0;
        emit ProtocolFeesCollected(treasury, amount);
        _payOut(treasury, amount);
    }

    // ------------------------------------------------------------------------------------- an action on one market

    /// @dev Loads a market and brings it up to now in memory. Reverts if the oracle has no usable price.
    function _begin(uint256 marketId) internal view returns (Market memory market) {
        _begin(marketId, market);
    }

    /// @dev As above, into an empty market.
    function _begin(uint256 marketId, Market memory market) internal view {
        MarketSlots storage s = _market(marketId);
        _load(s, market, _price(s));
    }

    /// @dev As `_begin`, for looking at a position only: without a skew scale the aggregates are left out.
    function _beginLooking(uint256 marketId) internal view returns (Market memory market) {
        MarketSlots storage s = _market(marketId);
        _loadAccrued(s, market, _price(s));
    }

    /// @dev Checks that the market takes new risk, that the side of `size` and the vault can take it, and returns the price
    /// at which it fills and the opening fee.
    /// @param closed What the same order closes before, on the other side.
    function _quoteGrowth(uint256 marketId, Market memory market, int256 closed, int256 size)
        internal
        view
        returns (uint256 price, uint256 fee)
    {
        Check.that(market.flags & MarketStorage.ENABLED != 0, MarketClosed.selector, marketId);
        uint256 openInterest = (size > 0 ? market.state.longOI : market.state.shortOI) + SignedMath.abs(size);
        _checkAmount(openInterest, MAX_SIZE);
        if (market.skewScale != 0) {
            uint256 max = marketId == BTC ? market.skewScale.divDown(MIN_DEPTH) : market.skewScale;
            Check.that(openInterest <= max, SkewScaleExceeded.selector, openInterest, max);
        }
        price = market.fillPriceAfter(closed, size);
        if (market.flags & MarketStorage.HAS_OPENING_FEE != 0) {
            fee = Pricing.fee(_markets[marketId].openingFeeRate, size, price);
        }
        if (market.flags & MarketStorage.HAS_RESERVE != 0) {
            _checkReserves(marketId, market, PositionLib.notional(size, price));
        }
    }

    /// @dev Requires the vault to hold the reserve for `notional` more and for all that is open. The market itself is
    /// taken as it is in memory.
    function _checkReserves(uint256 marketId, Market memory market, uint256 notional) private view {
        uint256 factor = _markets[marketId].reserveFactor;
        Exposure memory others = _exposure(false, marketId);
        uint256 required = notional.wmul(factor) + market.reserves(factor, false) + others.reserves;
        Check.that(required <= others.liquidity, ReservesExceeded.selector, required, others.liquidity);
    }

    /// @dev Requires what an order has grown to be within its bounds and caps. `skewBefore`: before the order.
    function _checkGrowth(uint256 marketId, Market memory market, int256 size, int256 skewBefore) internal view {
        uint256 flags = market.flags;
        uint256 price = market.price;
        MarketSlots storage s = _markets[marketId];
        if (flags & MarketStorage.HAS_MAX_VALUE != 0) {
            uint256 value = SignedMath.abs(size).wmul(price);
            uint256 max = s.maxPositionValue;
            Check.that(value <= max, PositionTooLarge.selector, value, max);
        }
        if (size > 0 ? flags & MarketStorage.HAS_LONG_CAP != 0 : flags & MarketStorage.HAS_SHORT_CAP != 0) {
            uint256 value = (size > 0 ? market.state.longOI : market.state.shortOI).wmul(price);
            uint256 cap = size > 0 ? s.maxLongOIValue : s.maxShortOIValue;
            Check.that(value <= cap, OpenInterestCapExceeded.selector, value, cap);
        }
        if (flags & MarketStorage.HAS_NET_CAP != 0) {
            uint256 skew = SignedMath.abs(market.state.skew());
            uint256 cap = s.maxNetOIValue;
            if (skew > SignedMath.abs(skewBefore)) {
                uint256 value = skew.wmul(price);
                Check.that(value <= cap, NetOpenInterestCapExceeded.selector, value, cap);
            }
        }
    }

    /// @dev Requires a position of `size` to be worth at least the minimum.
    function _checkMinValue(uint256 marketId, Market memory market, int256 size) internal view {
        (uint256 value, uint256 min) = _minValue(marketId, market, size);
        Check.that(value >= min, PositionTooSmall.selector, value, min);
    }

    /// @dev A position's value at the oracle price and the smallest allowed, or 0 if the value is well above it.
    function _minValue(uint256 marketId, Market memory market, int256 size)
        internal
        view
        returns (uint256 value, uint256 min)
    {
        value = SignedMath.abs(size).wmul(market.price);
        // The exact bound is read only for what is not obviously large enough.
        if (value >> (market.flags >> MarketStorage.MIN_VALUE_EXPONENT) == 0) min = _markets[marketId].minPositionValue;
    }

    /// @dev Adds `size` to a position, and to the aggregates.
    function _grow(Market memory market, Position memory p, int256 size, uint256 price) internal pure {
        MarketState memory m = market.state;
        bool hasSkew = market.flags & MarketStorage.HAS_SKEW != 0;
        if (p.size != 0) m.remove(p, hasSkew);
        p.increase(size, price, m.fundingIndex, m.borrowIndex);
        _checkAmount(PositionLib.notional(p.size, p.entryPrice), MAX_COST);
        m.add(p, hasSkew);
    }

    /// @dev Takes `part` from a position, and from the aggregates.
    function _shrink(Market memory market, Position memory p, int256 part) internal pure {
        bool hasSkew = market.flags & MarketStorage.HAS_SKEW != 0;
        market.state.remove(p, hasSkew);
        p.size -= part;
        if (p.size != 0) market.state.add(p, hasSkew);
    }

    /// @dev The protocol's share of a fee, rounded up.
    function _protocolShare(uint256 fee) internal view returns (uint256) {
        return fee == 0 ? 0 : fee.wmulUp(_protocolFeeRate);
    }

    /// @dev Sets the protocol's share of a fee aside.
    function _bookProtocolFee(uint256 marketId, uint256 amount) internal {
        if (amount == 0) return;
        uint128 unpaid = (_unpaidProtocolFees + amount).toUint128();
        _unpaidProtocolFees = unpaid;
        emit ProtocolFeeCharged(marketId, amount, unpaid);
    }

    /// @dev Ends an action: stores the market and logs what time has accrued.
    function _save(uint256 marketId, Market memory market) internal {
        MarketSlots storage s = _markets[marketId];
        MarketState memory m = market.state;
        bool hasSkew = market.flags & MarketStorage.HAS_SKEW != 0;
        if (hasSkew && s.updatedAt != m.updatedAt) emit FundingAccrued(marketId, m.fundingRate, m.fundingIndex);
        s.save(m, hasSkew, market.freeId);
    }

    /// @dev Adds to liquidity what traders lost, or takes from it what they won.
    function _settleWithVault(int256 toVault) internal {
        if (toVault == 0) return;
        _liquidity = _checkVaultCanPay(toVault).toUint128();
    }

    /// @dev Liquidity after `toVault`.
    function _checkVaultCanPay(int256 toVault) internal view returns (uint256) {
        uint256 before = _liquidity;
        int256 held = int256(before) + toVault;
        Check.that(held >= 0, VaultCannotPay.selector, uint256(-toVault), before);
        return uint256(held);
    }

    /// @dev Counts what LPs deposit or withdraw.
    function _countDeposit(int256 assets) internal {
        uint128 newLiquidity = uint256(int256(uint256(_liquidity)) + assets).toUint128();
        int128 newNetDeposits = (_netDeposits + assets).toInt128();
        _liquidity = newLiquidity;
        _netDeposits = newNetDeposits;
    }

    /// @dev Liquidity after `toVault`, not below zero.
    function _liquidityAfter(int256 toVault) internal view returns (uint256) {
        return uint256(SignedMath.max(0, int256(uint256(_liquidity)) + toVault));
    }

    /// @dev Sends PREP out of the custodian.
    function _payOut(address to, uint256 amount) internal virtual;

    /// @dev Takes PREP into the custodian, by the payer's allowance.
    function _payIn(address from, uint256 amount) internal virtual;

    function _checkAmount(uint256 amount, uint256 max) internal pure {
        Check.that(amount <= max, AmountOutOfBounds.selector, amount, max);
    }

    function _checkNotZero(uint256 amount) internal pure {
        require(amount != 0, ZeroAmount());
    }

    // ------------------------------------------------------------------------------------------------------ private

    function _market(uint256 marketId) private view returns (MarketSlots storage s) {
        s = _markets[marketId];
        Check.that(address(s.oracle) != address(0), UnknownMarket.selector, marketId);
    }

    function _price(MarketSlots storage s) private view returns (uint256) {
        return s.flags & MarketStorage.SETTLED != 0 ? s.settlementPrice : _checkedPrice(s.oracle);
    }

    function _checkedPrice(IPriceOracle oracle) private view returns (uint256 price) {
        price = oracle.price();
        _checkPrice(price);
    }

    function _checkPrice(uint256 price) private pure {
        Check.that(price != 0 && price <= MAX_PRICE, PriceOutOfBounds.selector, price, MAX_PRICE);
    }

    /// @dev Brings a market in storage up to now.
    function _accrue(uint256 marketId, uint256 price) private {
        Market memory market;
        _load(_markets[marketId], market, price);
        _save(marketId, market);
        emit BorrowingAccrued(marketId, market.state.borrowIndex);
    }

    /// @dev What the positions of all markets but `except` could take from the vault.
    function _exposure(bool byLargerSide, uint256 except) private view returns (Exposure memory e) {
        e.liquidity = _liquidity;
        uint256 count = _marketCount;
        for (uint256 id = 0; id < count; ++id) {
            MarketSlots storage s = _markets[id];
            if (id == except || (s.longOI == 0 && s.shortOI == 0)) continue;
            Market memory market;
            _loadAccrued(s, market, _price(s));
            MarketState memory m = market.state;
            s.loadSums(m, market.flags & MarketStorage.HAS_SKEW != 0);
            int256 seqPnl = m.seqPnl(market.price, market.skewScale);
            int256 funding = m.funding();
            e.seqPnl += seqPnl;
            e.funding += funding;
            e.borrowing += m.borrowing();
            uint256 factor = market.flags & MarketStorage.HAS_RESERVE == 0 ? 0 : s.reserveFactor;
            e.reserves += m.reserves(factor, seqPnl, funding, byLargerSide);
        }
    }

    /// @dev Fills an empty market from storage and accrues it to now.
    function _load(MarketSlots storage s, Market memory market, uint256 price) private view {
        _loadAccrued(s, market, price);
        bool hasSkew = market.flags & MarketStorage.HAS_SKEW != 0;
        market.freeId = s.freeId;
        s.loadSums(market.state, hasSkew);
        if (hasSkew) s.loadSquares(market.state);
    }

    /// @dev Reads indices, accrues them, and reads what else every action needs. With a skew scale that includes open
    /// interest, on which funding depends.
    function _loadAccrued(MarketSlots storage s, Market memory market, uint256 price) private view {
        MarketState memory m = market.state;
        // Together, so that their slot is read once.
        (uint256 flags, uint256 reserveRate) = (s.flags, s.reserveRate);
        bool hasSkew = flags & MarketStorage.HAS_SKEW != 0;
        s.loadIndices(m, hasSkew);
        (market.price, market.flags) = (price, flags);
        if (hasSkew) market.skewScale = s.skewScale;
        if (flags & MarketStorage.HAS_CLOSING_FEE != 0) market.closingFeeRate = s.closingFeeRate;

        uint256 maxFundingVelocity = hasSkew ? s.maxFundingVelocity : 0;
        market.accrue(reserveRate, maxFundingVelocity, block.timestamp);
    }

    function _checkConfig(MarketConfig calldata c) private pure {
        _checkParameter("oracle", uint160(address(c.oracle)), 1, type(uint160).max);
        _checkParameter("skewScale", c.skewScale, 0, MAX_SKEW_SCALE);
        _checkParameter("maxFundingVelocity", c.maxFundingVelocity, 0, MAX_FUNDING_VELOCITY);
        _checkParameter("openingFeeRate", c.openingFeeRate, 0, MAX_FEE_RATE);
        _checkParameter("closingFeeRate", c.closingFeeRate, 0, MAX_FEE_RATE);
        _checkParameter("borrowRate", c.borrowRate, 0, MAX_BORROW_RATE);
        _checkParameter("reserveFactor", c.reserveFactor, 0, FixedPoint.WAD);
        _checkParameter("borrowRate", c.borrowRate.wmul(c.reserveFactor), 0, MAX_RESERVE_RATE);
        _checkParameter("minPositionValue", c.minPositionValue, 0, MAX_COST);
        _checkCap("maxPositionValue", c.maxPositionValue, c.minPositionValue);
        _checkCap("maxLongOIValue", c.maxLongOIValue, 0);
        _checkCap("maxShortOIValue", c.maxShortOIValue, 0);
        _checkCap("maxNetOIValue", c.maxNetOIValue, 0);
        _checkParameter("minExecutionDelay", c.minExecutionDelay, 0, MAX_EXECUTION_DELAY);
    }

    function _checkCap(bytes32 name, uint256 value, uint256 min) private pure {
        if (value != type(uint256).max) _checkParameter(name, value, min, MAX_COST);
    }

    function _checkParameter(bytes32 name, uint256 value, uint256 min, uint256 max) private pure {
        require(value >= min && value <= max, ParameterOutOfBounds(name, value, min, max));
    }
}
