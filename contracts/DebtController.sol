// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IDebtController, PairTerms} from "../interfaces/IDebtController.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {MarginMath} from "./margin/MarginMath.sol";

/// @title Bounds of asset-backed margin
/// @notice What signed requests cannot exceed, whoever signed them: the pools ask here, on every trade. Holds no tokens.
///
/// Units: token base units; shares of a whole, and leverage, basis points; prices and yearly interest WAD; seconds.
/// Rounding: against who borrows, but interest, which cannot exceed the exact highest: down. By name in `MarginMath`.
/// Pairs: listed one way round, for ever. What terms change, they change for open positions too: who raises a margin can
/// make positions liquidatable, so the risk manager's changes belong behind a delay. Interest can be capped, and so lowered,
/// for the time before as well: the highest is that of today for all the time since the last funding.
/// Requires of an oracle that it reverts rather than answers with a price that it would not stand for: then what needs the
/// price waits, while closing and repaying need none.
/// Roles: the risk manager sets everything within coded bounds; the guardian stops new risk in a pair, at once. Nothing here
/// can stop anybody from closing, repaying or adding collateral. No terms are ever removed, so no position loses its own.
contract DebtController is IDebtController, AccessManaged {
    uint256 private constant MAX_LEVERAGE = 100_000;
    uint256 private constant MIN_MAINTENANCE_MARGIN = 100;
    uint256 private constant MAX_MAINTENANCE_MARGIN = 5_000;
    uint256 private constant MIN_DEVIATION = 10;
    uint256 private constant MAX_DEVIATION = 2_000;
    /// @dev Six digits: a price's last one is then far below the least deviation.
    uint256 private constant MIN_PRICE = 1e6;
    uint256 private constant MAX_APY = 10e18;
    uint256 private constant MIN_GRACE_PERIOD = 10 minutes;
    uint256 private constant MAX_GRACE_PERIOD = 1 days;

    /// @dev Two slots, of which a pair with a check price reads the first only.
    struct Pair {
        // Slot 1: 20 + 3 + 2 + 2 + 2 + 1 + 1 bytes.
        IPriceOracle oracle;
        uint24 maxLeverage;
        uint16 maintenanceMargin;
        uint16 liquidationFee;
        uint16 maxDeviation;
        bool listed;
        bool disabled;
        // Slot 2: 16 + 16 bytes.
        uint128 longLimit;
        uint128 shortLimit;
    }

    mapping(address base => mapping(address quote => Pair)) private _pairs;
    /// @inheritdoc IDebtController
    mapping(address token => uint256) public maxApy;
    /// @inheritdoc IDebtController
    uint256 public gracePeriod = 1 hours;

    constructor(address authority) AccessManaged(authority) {}

    // --------------------------------------------------------------------------------------------------------- roles

    /// @inheritdoc IDebtController
    function setPair(address base, address quote, PairTerms calldata t) external restricted {
        _checkParameter("base", uint160(base), 1, type(uint160).max);
        _checkParameter("quote", uint160(quote), 1, type(uint160).max);
        require(base != quote && !_pairs[quote][base].listed, PairReversed(base, quote));
        _checkTerms(t);
        _pairs[base][quote] = Pair({
            oracle: t.oracle,
            maxLeverage: uint24(t.maxLeverage),
            maintenanceMargin: uint16(t.maintenanceMargin),
            liquidationFee: uint16(t.liquidationFee),
            maxDeviation: uint16(t.maxDeviation),
            listed: true,
            disabled: t.disabled,
            longLimit: uint128(t.longLimit),
            shortLimit: uint128(t.shortLimit)
        });
        emit PairSet(base, quote, t);
    }

    /// @inheritdoc IDebtController
    function disablePair(address base, address quote) external restricted {
        _listed(base, quote).disabled = true;
        emit PairDisabled(base, quote);
    }

    /// @inheritdoc IDebtController
    function setMaxApy(address token, uint256 maxApy_) external restricted {
        _checkParameter("token", uint160(token), 1, type(uint160).max);
        _checkParameter("maxApy", maxApy_, 0, MAX_APY);
        maxApy[token] = maxApy_;
        emit MaxApySet(token, maxApy_);
    }

    /// @inheritdoc IDebtController
    function setGracePeriod(uint256 period) external restricted {
        _checkParameter("gracePeriod", period, MIN_GRACE_PERIOD, MAX_GRACE_PERIOD);
        gracePeriod = period;
        emit GracePeriodSet(period);
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IDebtController
    function terms(address base, address quote) external view returns (PairTerms memory t) {
        Pair storage pair = _listed(base, quote);
        (t.oracle, t.maxLeverage, t.maintenanceMargin) = (pair.oracle, pair.maxLeverage, pair.maintenanceMargin);
        (t.liquidationFee, t.maxDeviation, t.disabled) = (pair.liquidationFee, pair.maxDeviation, pair.disabled);
        if (address(t.oracle) == address(0)) (t.longLimit, t.shortLimit) = (pair.longLimit, pair.shortLimit);
    }

    /// @inheritdoc IDebtController
    function computeMaxInterest(address token, uint256 principal, uint256 lastFundingTimestamp)
        external
        view
        returns (uint256)
    {
        uint256 elapsed = Math.saturatingSub(block.timestamp, lastFundingTimestamp);
        return MarginMath.maxInterest(principal, maxApy[token], elapsed);
    }

    /// @inheritdoc IDebtController
    function computeMaxPrincipal(address collateralToken, address principalToken, uint256 downPayment)
        external
        view
        returns (uint256)
    {
        (Pair storage pair, bool isLong) = _either(collateralToken, principalToken);
        uint256 leverage = pair.maxLeverage;
        if (isLong) return MarginMath.maxPrincipalLong(downPayment, leverage);
        IPriceOracle oracle = pair.oracle;
        require(address(oracle) != address(0), NoCheckPrice(principalToken, collateralToken));
        return MarginMath.maxPrincipalShort(downPayment, leverage, oracle.price());
    }

    /// @inheritdoc IDebtController
    function minMargin(address collateralToken, address principalToken, uint256 value) external view returns (uint256) {
        (Pair storage pair,) = _either(collateralToken, principalToken);
        return MarginMath.minMargin(value, pair.maintenanceMargin);
    }

    // ------------------------------------------------------------------------------------------------------- private

    function _checkTerms(PairTerms calldata t) private view {
        bool limited = t.longLimit != 0 || t.shortLimit != 0;
        bool checked = address(t.oracle) != address(0);
        require(
            checked != limited && checked == (t.maxDeviation != 0),
            CheckOrLimits(address(t.oracle), t.maxDeviation, t.longLimit, t.shortLimit)
        );
        _checkParameter("maxLeverage", t.maxLeverage, MarginMath.BPS + 1, MAX_LEVERAGE);
        _checkParameter("maintenanceMargin", t.maintenanceMargin, MIN_MAINTENANCE_MARGIN, MAX_MAINTENANCE_MARGIN);
        _checkParameter("liquidationFee", t.liquidationFee, 0, t.maintenanceMargin);
        _checkParameter("longLimit", t.longLimit, 0, type(uint128).max);
        _checkParameter("shortLimit", t.shortLimit, 0, type(uint128).max);
        if (checked) {
            // A swap that is worse by more would take what lenders are owed out of positions that are not within their threshold.
            uint256 most = t.maintenanceMargin < MAX_DEVIATION ? t.maintenanceMargin : MAX_DEVIATION;
            _checkParameter("maxDeviation", t.maxDeviation, MIN_DEVIATION, most);
        }
        require(
            t.maxLeverage * (t.maintenanceMargin + t.maxDeviation) < MarginMath.BPS * MarginMath.BPS,
            LeverageTooHigh(t.maxLeverage, t.maintenanceMargin, t.maxDeviation)
        );
        if (!checked) return;
        uint256 price = t.oracle.price();
        require(price >= MIN_PRICE, PriceTooCoarse(price, MIN_PRICE));
    }

    function _listed(address base, address quote) private view returns (Pair storage pair) {
        pair = _pairs[base][quote];
        require(pair.listed, PairNotListed(base, quote));
    }

    /// @dev The pair of what a position holds and owes: a long holds the base token.
    function _either(address collateralToken, address principalToken)
        private
        view
        returns (Pair storage pair, bool isLong)
    {
        pair = _pairs[collateralToken][principalToken];
        if (pair.listed) return (pair, true);
        pair = _pairs[principalToken][collateralToken];
        require(pair.listed, PairNotListed(collateralToken, principalToken));
    }

    function _checkParameter(bytes32 parameter, uint256 value, uint256 min, uint256 max) private pure {
        require(value >= min && value <= max, ParameterOutOfBounds(parameter, value, min, max));
    }
}
