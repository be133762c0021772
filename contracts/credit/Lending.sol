// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {RateCurve} from "../../interfaces/ILendingVault.sol";

/// @notice A lending vault's state at one moment. Tokens and debt shares are below 2^128, the index is at most that.
struct Pool {
    /// @dev What one debt share is worth, RAY.
    uint256 index;
    uint256 idle;
    /// @dev Debt shares of indexed borrowers.
    uint256 shares;
    /// @dev Debt of quoted borrowers.
    uint256 quoted;
    /// @dev Recorded interest that lenders do not count yet.
    uint256 locked;
    /// @dev The treasury's part.
    uint256 reserves;
}

/// @title The arithmetic of lending
/// @notice Pure. Amounts are token base units, rates WAD a year, the index RAY. Lenders count a debt rounded down, who
/// owes it pays it rounded up.
/// Within the bounds of `Pool` and `RateCurve` no sum or product here can overflow, so what every action needs does not
/// look: debts are below 2^167, and over 2^40 seconds the largest rate grows to below 2^235.
library Lending {
    uint256 internal constant WAD = 1e18;
    uint256 internal constant RAY = 1e27;
    uint256 internal constant YEAR = 31_536_000;
    /// @dev Where the index, and interest, stop.
    uint256 internal constant MAX_INDEX = type(uint128).max;

    // --------------------------------------------------------------------------------------------------------- state

    /// @notice What lenders count of the debt of indexed borrowers, rounded down.
    function indexedDebt(Pool memory p) internal pure returns (uint256) {
        unchecked {
            return p.shares * p.index / RAY;
        }
    }

    /// @notice What the lenders have: without what is locked, and what is the treasury's.
    function totalAssets(Pool memory p) internal pure returns (uint256) {
        unchecked {
            return FixedPointMathLib.saturatingSub(total(p), p.locked + p.reserves);
        }
    }

    /// @notice Everything but locked interest.
    function unlocked(Pool memory p) internal pure returns (uint256) {
        return FixedPointMathLib.saturatingSub(total(p), p.locked);
    }

    /// @notice Everything: what lies idle, and all that is owed.
    function total(Pool memory p) internal pure returns (uint256) {
        unchecked {
            return p.idle + p.quoted + indexedDebt(p);
        }
    }

    /// @notice Debt over debt and idle tokens, WAD, rounded down. 0 without debt.
    function utilisation(Pool memory p) internal pure returns (uint256) {
        unchecked {
            uint256 debt = indexedDebt(p) + p.quoted;
            return debt == 0 ? 0 : debt * WAD / (debt + p.idle);
        }
    }

    // ------------------------------------------------------------------------------------------------------ interest

    /// @notice The yearly rate at a utilisation.
    function rate(RateCurve memory curve, uint256 used) internal pure returns (uint256) {
        unchecked {
            if (used <= curve.kink) return curve.atZero + (curve.atKink - curve.atZero) * used / curve.kink;
            return curve.atKink + (curve.atFull - curve.atKink) * (used - curve.kink) / (WAD - curve.kink);
        }
    }

    /// @notice The index after `elapsed` seconds at a rate: three terms of the exponential function.
    function grown(uint256 index, uint256 yearly, uint256 elapsed) internal pure returns (uint256) {
        unchecked {
            uint256 x = yearly * 1e9 * elapsed / YEAR;
            uint256 second = x * x / (2 * RAY);
            uint256 third = second * x / (3 * RAY);
            uint256 growth = FixedPointMathLib.saturatingMul(index, x + second + third) / RAY;
            return FixedPointMathLib.min(index + growth, MAX_INDEX);
        }
    }

    /// @notice Brings a pool `elapsed` seconds forward, at the rate of the state as it was left.
    function accrue(Pool memory p, RateCurve memory curve, uint256 elapsed, uint256 reserveShare)
        internal
        pure
        returns (uint256 interest)
    {
        uint256 before = indexedDebt(p);
        p.index = grown(p.index, rate(curve, utilisation(p)), elapsed);
        unchecked {
            interest = indexedDebt(p) - before;
            addReserves(p, interest * reserveShare / WAD);
        }
    }

    /// @notice The treasury's part grows, below 2^128: what would be beyond stays the lenders'.
    function addReserves(Pool memory p, uint256 amount) internal pure {
        unchecked {
            p.reserves = FixedPointMathLib.min(p.reserves + amount, type(uint128).max);
        }
    }

    /// @notice What is still locked at `time` of what was `locked` for `period` seconds, `until` then, rounded up.
    function stillLocked(uint256 locked, uint256 period, uint256 until, uint256 time) internal pure returns (uint256) {
        unchecked {
            return time >= until ? 0 : FixedPointMathLib.divUp(locked * (until - time), period);
        }
    }

    /// @notice For how long `left`, which had `remaining` seconds, and `added` for a whole period are locked together:
    /// the average by amounts, rounded down. Rounded up, each dust that somebody lets be recorded would hold up all of it
    /// by up to a second. At least a second, where `period` is one: nothing is left of what has no time remaining.
    function lockTime(uint256 left, uint256 remaining, uint256 added, uint256 period) internal pure returns (uint256) {
        return (left * remaining + added * period) / (left + added);
    }

    // --------------------------------------------------------------------------------------------------- debt shares

    /// @notice What somebody owes for debt shares, rounded up.
    function toDebt(uint256 shares, uint256 index) internal pure returns (uint256) {
        return FixedPointMathLib.fullMulDivUp(shares, index, RAY);
    }

    /// @notice Debt shares for tokens taken, rounded up.
    function toSharesUp(uint256 assets, uint256 index) internal pure returns (uint256) {
        return FixedPointMathLib.divUp(assets * RAY, index);
    }

    /// @notice Debt shares for tokens paid, rounded down. For the exact debt of some shares (`toDebt`) those shares.
    function toSharesDown(uint256 assets, uint256 index) internal pure returns (uint256) {
        return assets * RAY / index;
    }

    /// @notice The most that can be taken so that the debt of `shares` and of what is added, rounded up, is within `cap`.
    function borrowable(uint256 shares, uint256 cap, uint256 index) internal pure returns (uint256) {
        return FixedPointMathLib.saturatingSub(toSharesDown(cap, index), shares) * index / RAY;
    }
}
