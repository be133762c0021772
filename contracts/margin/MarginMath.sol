// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title The arithmetic of asset-backed positions
/// @notice Pure: the formulas of docs/margin.md, one function each. Amounts are token base units, shares of a whole basis
/// points (a leverage of 1 is 10,000), prices quote base units for a base base unit, WAD.
/// Products are formed in 512 bits: what is too large for a word is so in its result only, and reverts.
library MarginMath {
    using FixedPointMathLib for uint256;

    uint256 internal constant BPS = 10_000;
    uint256 internal constant WAD = 1e18;
    uint256 internal constant YEAR = 31_536_000;
    uint256 internal constant DAY = 86_400;

    // ------------------------------------------------------------------------------------------------- check price

    /// @notice What base tokens are worth in quote tokens, rounded up: what a short owes, what a sale should bring.
    function valueUp(uint256 baseAmount, uint256 price) internal pure returns (uint256) {
        return baseAmount.fullMulDivUp(price, WAD);
    }

    /// @notice What base tokens are worth in quote tokens, rounded down: what a long holds, what a purchase should cost.
    function valueDown(uint256 baseAmount, uint256 price) internal pure returns (uint256) {
        return baseAmount.fullMulDiv(price, WAD);
    }

    /// @notice The least that a sale of base tokens may bring, rounded up, and from a value that is.
    /// @param deviation At most 10,000.
    function leastProceeds(uint256 baseAmount, uint256 price, uint256 deviation) internal pure returns (uint256) {
        return valueUp(baseAmount, price).fullMulDivUp(BPS - deviation, BPS);
    }

    /// @notice The most that a purchase of base tokens may cost, rounded down, and from a value that is.
    function highestCost(uint256 baseAmount, uint256 price, uint256 deviation) internal pure returns (uint256) {
        return valueDown(baseAmount, price).fullMulDiv(BPS + deviation, BPS);
    }

    // ---------------------------------------------------------------------------------------------------- interest

    /// @notice The most that may be charged on a principal for some seconds, rounded down.
    /// @param maxApy A year, WAD.
    function maxInterest(uint256 principal, uint256 maxApy, uint256 elapsed) internal pure returns (uint256) {
        return principal.fullMulDiv(maxApy * elapsed, WAD * YEAR);
    }

    // ---------------------------------------------------------------------------------------------------- leverage

    /// @notice The most quote tokens that a long may borrow on a down payment, rounded down.
    /// @param leverage At least 10,000.
    function maxPrincipalLong(uint256 downPayment, uint256 leverage) internal pure returns (uint256) {
        return downPayment.fullMulDiv(leverage - BPS, BPS);
    }

    /// @notice The most base tokens that a short may borrow on a down payment, rounded down.
    /// @param price Above 0 and below 2^242.
    function maxPrincipalShort(uint256 downPayment, uint256 leverage, uint256 price) internal pure returns (uint256) {
        return downPayment.fullMulDiv(leverage * WAD, BPS * price);
    }

    /// @notice The most quote tokens that a short's sale may bring where there is no check price, rounded down.
    function maxSale(uint256 downPayment, uint256 leverage) internal pure returns (uint256) {
        return downPayment.fullMulDiv(leverage, BPS);
    }

    // ------------------------------------------------------------------------------------------------- liquidation

    /// @notice The margin at and below which a position of a value is within the threshold, rounded up.
    function minMargin(uint256 value, uint256 maintenanceMargin) internal pure returns (uint256) {
        return value.fullMulDivUp(maintenanceMargin, BPS);
    }

    /// @notice What whoever liquidates a position of a value may take out of what remains, rounded down.
    /// @param feeShare Basis points.
    function liquidationFee(uint256 value, uint256 feeShare) internal pure returns (uint256) {
        return value.fullMulDiv(feeShare, BPS);
    }

    // ----------------------------------------------------------------------------------------------------- parts

    /// @notice What of the principal stands against a part of the collateral, rounded up; all of it against all: what is paid
    /// when that is closed, and what taking it out uses of the limit for a day.
    /// @param amount Above 0 and at most `collateral`.
    function principalPart(uint256 principal, uint256 amount, uint256 collateral) internal pure returns (uint256) {
        return principal.fullMulDivUp(amount, collateral);
    }

    /// @notice What is left used of a limit for a day some seconds later: it comes back evenly, rounded down.
    /// @param limit Below 2^128, as it is now.
    function usedAfter(uint256 used, uint256 limit, uint256 elapsed) internal pure returns (uint256) {
        return used.saturatingSub(limit.fullMulDiv(elapsed, DAY));
    }
}
