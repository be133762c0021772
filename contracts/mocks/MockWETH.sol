// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {WETH} from "solady/src/tokens/WETH.sol";

/// @title Wrapped ether with a faucet
/// @notice MOCK: for tests and local networks only. Anyone mints, and nothing comes in for it: whoever deploys this gives it the
/// ether itself (`anvil_setBalance`), or the last ones to withdraw are refused.
contract MockWETH is WETH {
    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
