// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

/// @title Ether as an ERC-20
interface IWrappedEther {
    /// @notice Gives the caller tokens for the ether sent.
    function deposit() external payable;

    /// @notice Gives the caller ether for his tokens.
    function withdraw(uint256 amount) external;
}
