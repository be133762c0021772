// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that takes more from who pays one receiver than he gets
/// @notice MOCK: for tests only. Anyone mints, and says whose payers pay more.
contract SurchargeToken is ERC20 {
    /// @notice What is burnt besides with every transfer to this receiver.
    mapping(address receiver => uint256) public surcharge;

    constructor() ERC20("Surcharge", "SUR") {}

    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Base units.
    function setSurcharge(address receiver, uint256 amount) external {
        surcharge[receiver] = amount;
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && surcharge[to] != 0) super._update(from, address(0), surcharge[to]);
    }
}
