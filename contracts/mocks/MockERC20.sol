// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A plain token of any number of decimals
/// @notice MOCK: for tests and local networks only. Anyone mints.
contract MockERC20 is ERC20 {
    uint8 private immutable _decimals;

    constructor(string memory name, string memory symbol, uint8 decimals_) ERC20(name, symbol) {
        _decimals = decimals_;
    }

    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Of one whole token.
    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}
