// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

/// @title `require(condition, error(a, ...))` for errors whose values are words
/// @notice The code of reverting is in a contract once and not, at fifty bytes, with every check: contracts have a size limit.
/// `error` is the error's selector, numbers and addresses are given as they are encoded.
library Check {
    function that(bool condition, bytes4 error, uint256 a) internal pure {
        if (!condition) _fail(error, a, 0, 0, 36);
    }

    function that(bool condition, bytes4 error, uint256 a, uint256 b) internal pure {
        if (!condition) _fail(error, a, b, 0, 68);
    }

    function that(bool condition, bytes4 error, uint256 a, uint256 b, uint256 c) internal pure {
        if (!condition) _fail(error, a, b, c, 100);
    }

    /// @notice Reverts with what another call has reverted with.
    function bubble(bytes memory reason) internal pure {
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _fail(bytes4 error, uint256 a, uint256 b, uint256 c, uint256 length) private pure {
        assembly ("memory-safe") {
            let pointer := mload(0x40)
            mstore(pointer, error)
            mstore(add(pointer, 4), a)
            mstore(add(pointer, 36), b)
            mstore(add(pointer, 68), c)
            revert(pointer, length)
        }
    }
}
