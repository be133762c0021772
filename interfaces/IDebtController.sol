// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IPriceOracle} from "./IPriceOracle.sol";

/// @notice What a pair of tokens may be traded with. Basis points; a leverage of 1 is 10,000.
/// A pair has either a check price (`oracle` and `maxDeviation`) or limits of what may be borrowed a day.
/// Bounds: `10_000 < maxLeverage <= 100_000`, `100 <= maintenanceMargin <= 5_000`, `liquidationFee <= maintenanceMargin`,
/// `maxDeviation <= maintenanceMargin`, `maxLeverage * (maintenanceMargin + maxDeviation) < 10_000 * 10_000`: whoever opens at the largest leverage and the
/// worst price that is allowed is still not liquidatable.
struct PairTerms {
    /// @dev Of the base token in the quote token: base units for a base unit, WAD. Zero: the pair has limits instead.
    IPriceOracle oracle;
    /// @dev A long's position over its down payment; a short's sale over it.
    uint256 maxLeverage;
    /// @dev Of the value of the base tokens that are held or owed.
    uint256 maintenanceMargin;
    /// @dev Of the same value, to whoever liquidates, out of what remains.
    uint256 liquidationFee;
    /// @dev By how much a swap may be worse than the check price: 10 to 2,000, and at most the margin; 0 without one.
    uint256 maxDeviation;
    /// @dev What longs may borrow at once, and as much again over each day, quote base units, below 2^128; 0 with a check price.
    uint256 longLimit;
    /// @dev What shorts may borrow likewise, base base units, below 2^128; 0 with a check price.
    uint256 shortLimit;
    /// @dev No new risk: nothing is opened, increased, or taken out of collateral.
    bool disabled;
}

/// @title Bounds of asset-backed margin
/// @notice What signed requests cannot exceed, whoever signed them.
interface IDebtController {
    /// @notice A pair was listed or its terms changed.
    event PairSet(address indexed base, address indexed quote, PairTerms terms);
    /// @notice The guardian stopped new risk in a pair.
    event PairDisabled(address indexed base, address indexed quote);
    /// @notice The highest yearly interest on a token was changed, WAD.
    event MaxApySet(address indexed token, uint256 maxApy);
    /// @notice How long a mark stands before anyone may liquidate was changed, seconds.
    event GracePeriodSet(uint256 period);

    /// @notice No pair of these tokens is listed this way round.
    error PairNotListed(address base, address quote);
    /// @notice The tokens are listed the other way round, or are the same.
    error PairReversed(address base, address quote);
    /// @notice A pair has a check price or daily limits: one of them, not both.
    error CheckOrLimits(address oracle, uint256 maxDeviation, uint256 longLimit, uint256 shortLimit);
    /// @notice The largest leverage leaves no room for the maintenance margin and the deviation of prices.
    error LeverageTooHigh(uint256 maxLeverage, uint256 maintenanceMargin, uint256 maxDeviation);
    /// @notice A check price has too few digits to be checked against.
    error PriceTooCoarse(uint256 price, uint256 min);
    /// @notice A short's largest principal follows from a price, which this pair has not: its sale is limited instead.
    error NoCheckPrice(address base, address quote);
    /// @notice A parameter is outside of its coded bounds.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);

    /// @notice Lists a pair or changes its terms, within the bounds of `PairTerms`. Risk manager only.
    function setPair(address base, address quote, PairTerms calldata terms) external;

    /// @notice Stops new risk in a pair. Guardian only; the risk manager's `setPair` ends it.
    function disablePair(address base, address quote) external;

    /// @notice Sets the highest yearly interest on what is borrowed of a token, WAD, 0 to 10 (1,000 %). Risk manager only.
    function setMaxApy(address token, uint256 maxApy) external;

    /// @notice Sets how long a mark must stand: 10 minutes to 1 day. Risk manager only.
    function setGracePeriod(uint256 period) external;

    /// @notice The terms of a listed pair; reverts `PairNotListed` otherwise.
    function terms(address base, address quote) external view returns (PairTerms memory);

    /// @notice The highest yearly interest on what is borrowed of a token, WAD; 0 where it was never set.
    function maxApy(address token) external view returns (uint256);

    /// @notice Seconds that a mark must stand before anyone may liquidate; 1 hour until it is set.
    function gracePeriod() external view returns (uint256);

    /// @notice The most interest that may be charged on a principal since its last funding, rounded down:
    /// `principal * maxApy * elapsed / (WAD * 31_536_000)`.
    function computeMaxInterest(address token, uint256 principal, uint256 lastFundingTimestamp)
        external
        view
        returns (uint256);

    /// @notice The most that may be borrowed on a down payment in the quote token, rounded down. A long (the principal is
    /// the quote token): `downPayment * (maxLeverage - 1)`. A short: `downPayment * maxLeverage / check price`.
    function computeMaxPrincipal(address collateralToken, address principalToken, uint256 downPayment)
        external
        view
        returns (uint256);

    /// @notice The margin at and below which a position is within the threshold of liquidation, quote base units, rounded
    /// up. `value`: of the base tokens that a long holds or a short owes, in quote base units.
    function minMargin(address collateralToken, address principalToken, uint256 value) external view returns (uint256);
}
