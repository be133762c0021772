// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {MockERC20} from "./MockERC20.sol";

/// @title An exchange that does what it is told, to the unit
/// @notice MOCK: for tests only. Takes and gives what the call says; what it gives it mints.
contract ScriptedRouter {
    using SafeERC20 for IERC20;

    /// @notice Takes `spent` of one token from the caller and gives him `received` of another.
    function swap(address tokenIn, uint256 spent, address tokenOut, uint256 received) public {
        IERC20(tokenIn).safeTransferFrom(msg.sender, address(this), spent);
        MockERC20(tokenOut).mint(msg.sender, received);
    }

    /// @notice Calls somebody first, and reverts as he does.
    function callAndSwap(
        address target,
        bytes calldata data,
        address tokenIn,
        uint256 spent,
        address tokenOut,
        uint256 received
    ) external {
        Address.functionCall(target, data);
        swap(tokenIn, spent, tokenOut, received);
    }
}
