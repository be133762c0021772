// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";

/// @title What lenders' shares are worth, and the limits of ERC-4626
/// @notice Pure. `value` is what all shares stand for, in token base units. Every limit is exact: that amount succeeds,
/// one more does not.
/// Nothing that is added here can overflow: values are below 2^169, and as deposits close at 10^12 times as many shares, and at a
/// value of 10^37, supplies are below 10^50.
library LenderShares {
    using FixedPointMathLib for uint256;

    /// @dev Largest value that deposits can lead to.
    uint256 private constant MAX_VALUE = 1e37;
    /// @dev With one virtual token unit: who sends tokens before anyone else deposits cannot inflate what a share costs.
    uint256 private constant VIRTUAL_SHARES = 1e6;
    /// @dev Deposits close when a share is worth less than a millionth of what the first one cost.
    uint256 private constant WIPED_OUT_SHARES_PER_ASSET = 1e12;

    function toSharesDown(uint256 assets, uint256 value, uint256 supply) internal pure returns (uint256) {
        unchecked {
            return assets.fullMulDiv(supply + VIRTUAL_SHARES, value + 1);
        }
    }

    function toSharesUp(uint256 assets, uint256 value, uint256 supply) internal pure returns (uint256) {
        unchecked {
            return assets.fullMulDivUp(supply + VIRTUAL_SHARES, value + 1);
        }
    }

    function toAssetsDown(uint256 shares, uint256 value, uint256 supply) internal pure returns (uint256) {
        unchecked {
            return shares.fullMulDiv(value + 1, supply + VIRTUAL_SHARES);
        }
    }

    function toAssetsUp(uint256 shares, uint256 value, uint256 supply) internal pure returns (uint256) {
        unchecked {
            return shares.fullMulDivUp(value + 1, supply + VIRTUAL_SHARES);
        }
    }

    /// @notice How much more can come in; 0 as well where it would buy no share.
    function maxDeposit(uint256 value, uint256 supply) internal pure returns (uint256 max) {
        max = room(value, supply);
        if (toSharesDown(max, value, supply) == 0) return 0;
    }

    /// @notice The largest number of shares whose price can come in.
    function maxMint(uint256 value, uint256 supply) internal pure returns (uint256) {
        return toSharesDown(room(value, supply), value, supply);
    }

    /// @notice What lies idle, and what the shares are worth.
    function maxWithdraw(uint256 idle, uint256 value, uint256 supply, uint256 shares) internal pure returns (uint256) {
        return idle.min(toAssetsDown(shares, value, supply));
    }

    /// @notice The largest number of shares whose assets, rounded down, lie idle: one more would be worth one unit too
    /// many. 0 where they are worth nothing.
    function maxRedeem(uint256 idle, uint256 value, uint256 supply, uint256 shares)
        internal
        pure
        returns (uint256 max)
    {
        max = toAssetsDown(shares, value, supply) <= idle ? shares : toSharesUp(idle + 1, value, supply) - 1;
        if (toAssetsDown(max, value, supply) == 0) return 0;
    }

    /// @notice What can come in before the value is at its largest, nothing where almost all of it was lost.
    function room(uint256 value, uint256 supply) internal pure returns (uint256) {
        return value < supply / WIPED_OUT_SHARES_PER_ASSET ? 0 : MAX_VALUE.saturatingSub(value);
    }
}
