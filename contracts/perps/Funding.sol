// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {FixedPoint} from "./FixedPoint.sol";

/// @title What time costs: funding and the borrowing fee
/// @notice docs/whitepaper.md, "Funding" and "Borrowing fee". Rates and indices WAD, times in seconds.
library Funding {
    using FixedPoint for int256;
    using FixedPoint for uint256;

    /// @notice Largest 24-hour funding rate in either direction, WAD.
    int256 internal constant MAX_RATE = 0.96e18;

    /// @notice Largest borrowing index that a market stores; when it is reached the fee stops and nothing reverts.
    uint256 internal constant MAX_BORROW_INDEX = type(uint64).max;

    /// @notice The 24-hour funding rate after `elapsed` seconds with an unchanged skew.
    function rateAfter(int256 rate, int256 skew, uint256 skewScale, uint256 maxVelocity, uint256 elapsed)
        internal
        pure
        returns (int256)
    {
        int256 velocity =
            _clamp(skew * FixedPoint.IWAD / int256(skewScale), FixedPoint.IWAD).wmul(int256(maxVelocity));
        return _clamp(rate + velocity.wmul(_inDays(elapsed)), MAX_RATE);
    }

    /// @notice Funding accrued per unit of size after `elapsed` seconds in which the rate went from `rate` to `newRate`.
    function indexAfter(int256 index, int256 rate, int256 newRate, uint256 price, uint256 elapsed)
        internal
        pure
        returns (int256)
    {
        return index - ((rate + newRate) / 2).wmul(_inDays(elapsed)).wmul(int256(price));
    }

    /// @notice The borrowing index after `elapsed` seconds at `reserveRate = wmul(borrowRate, reserveFactor)` a year.
    function borrowIndexAfter(uint256 index, uint256 reserveRate, uint256 elapsed) internal pure returns (uint256) {
        return Math.min(index + reserveRate * elapsed / 365 days, MAX_BORROW_INDEX);
    }

    function _inDays(uint256 elapsed) private pure returns (int256) {
        return int256(elapsed * FixedPoint.WAD / 1 days);
    }

    function _clamp(int256 x, int256 bound) private pure returns (int256) {
        return SignedMath.max(-bound, SignedMath.min(x, bound));
    }
}
