// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {FixedPoint} from "./FixedPoint.sol";

/// @title Execution prices and fees
/// @notice docs/whitepaper.md, "Execution price" and "Fees". Sizes in base units, prices and rates WAD.
library Pricing {
    using FixedPoint for int256;
    using FixedPoint for uint256;

    /// @notice The price at which the skew moves from `from` to `to`: the oracle price with the mean of both premiums.
    function execution(uint256 price, uint256 skewScale, int256 from, int256 to) internal pure returns (uint256) {
        if (skewScale == 0) return price;
        int256 premium = (_premium(from, skewScale) + _premium(to, skewScale)) / 2;
        // -WAD is out of reach while no side exceeds the skew scale; the bound keeps the price from turning negative.
        return uint256((FixedPoint.IWAD + SignedMath.max(premium, -FixedPoint.IWAD)).wmul(int256(price)));
    }

    /// @notice What a trader pays for a fill of `size` at `fillPrice`, rounded up, as a positive number.
    function fee(uint256 rate, int256 size, uint256 fillPrice) internal pure returns (uint256) {
        if (rate == 0) return 0;
        return SignedMath.abs(size).wmulUp(fillPrice.wmul(rate));
    }

    function _premium(int256 skew, uint256 skewScale) private pure returns (int256) {
        return skew * FixedPoint.IWAD / int256(skewScale);
    }
}
