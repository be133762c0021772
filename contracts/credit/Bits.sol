// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {LibBit} from "solady/src/utils/LibBit.sol";

/// @title Small sets of small numbers, one bit each
library Bits {
    function with(uint256 set, uint256 i, bool present) internal pure returns (uint256) {
        return present ? set | (1 << i) : set & ~(1 << i);
    }

    function has(uint256 set, uint256 i) internal pure returns (bool) {
        return (set >> i) & 1 != 0;
    }

    function count(uint256 set) internal pure returns (uint256) {
        return LibBit.popCount(set);
    }

    /// @notice The smallest number of a set that is not empty, and the set without it.
    function pop(uint256 set) internal pure returns (uint256 i, uint256 rest) {
        return (LibBit.ffs(set), set & (set - 1));
    }

    function toArray(uint256 set) internal pure returns (uint256[] memory numbers) {
        numbers = new uint256[](count(set));
        for (uint256 i = 0; set != 0; ++i) {
            (numbers[i], set) = pop(set);
        }
    }
}
