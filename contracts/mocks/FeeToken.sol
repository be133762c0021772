// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that can keep a part of every transfer
/// @notice MOCK: for tests only. Anyone mints, and sets the fee.
contract FeeToken is ERC20 {
    /// @notice What is burned of a transfer, in basis points.
    uint256 public fee;

    constructor() ERC20("Fee", "FEE") {}

    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice From now on.
    function setFee(uint256 fee_) external {
        fee = fee_;
    }

    function _update(address from, address to, uint256 value) internal override {
        uint256 kept = from == address(0) || to == address(0) ? 0 : value * fee / 10_000;
        super._update(from, to, value - kept);
        if (kept != 0) _burn(from, kept);
    }
}
