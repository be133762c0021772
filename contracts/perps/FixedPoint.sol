// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title Fixed-point arithmetic with the rounding in the name
/// @notice WAD = 10**18 stands for one. Without a direction in its name a function truncates toward zero. Functions that
/// do not say "full" multiply in 256 bits: within the engine's bounds their products fit, beyond them they revert. Solady's
/// checked products cost a fifth of the compiler's, which shows on every trade.
library FixedPoint {
    uint256 internal constant WAD = 1e18;
    int256 internal constant IWAD = 1e18;

    /// @notice `a * b / WAD`.
    function wmul(uint256 a, uint256 b) internal pure returns (uint256) {
        return FixedPointMathLib.mulWad(a, b);
    }

    /// @notice `a * b / WAD`, toward zero.
    function wmul(int256 a, int256 b) internal pure returns (int256) {
        return FixedPointMathLib.sMulWad(a, b);
    }

    /// @notice `ceil(a * b / WAD)`.
    function wmulUp(uint256 a, uint256 b) internal pure returns (uint256) {
        return FixedPointMathLib.mulWadUp(a, b);
    }

    /// @notice `floor(a / b)`.
    function divDown(uint256 a, uint256 b) internal pure returns (uint256) {
        return a / b;
    }

    /// @notice `ceil(a / b)`.
    function divUp(uint256 a, uint256 b) internal pure returns (uint256) {
        return FixedPointMathLib.divUp(a, b);
    }

    /// @notice `a * b / c`, the product in 512 bits.
    function fullMulDiv(uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        return FixedPointMathLib.fullMulDiv(a, b, c);
    }

    /// @notice `a * b / c` toward zero, the product in 512 bits.
    function fullMulDiv(int256 a, uint256 b, uint256 c) internal pure returns (int256) {
        int256 magnitude = int256(FixedPointMathLib.fullMulDiv(FixedPointMathLib.abs(a), b, c));
        return a < 0 ? -magnitude : magnitude;
    }

    /// @notice `floor(a / b)`, toward minus infinity, for `b > 0`.
    function divDown(int256 a, int256 b) internal pure returns (int256 q) {
        q = a / b;
        if (a % b < 0) --q;
    }

    /// @notice `ceil(a / b)`, away from minus infinity, for `b > 0`.
    function divUp(int256 a, int256 b) internal pure returns (int256 q) {
        q = a / b;
        if (a % b > 0) ++q;
    }
}
