// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {MockERC20} from "./MockERC20.sol";

/// @title A token that keeps one base unit of every transfer
/// @notice MOCK: for tests only. Nothing here supports such tokens; they must be refused.
contract MockFeeToken is MockERC20 {
    constructor() MockERC20("Fee", "FEE", 6) {}

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), 1);
    }
}
