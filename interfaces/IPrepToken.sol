// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

/// @title PREP, the unit of account
/// @notice ERC-20 with permit, 18 decimals, worth $1. A faucet for test networks, switched off by a zero amount.
interface IPrepToken is IERC20, IERC20Permit {
    /// @notice The faucet was used; the next use by `account` is possible at `nextAt` (seconds).
    event FaucetUsed(address indexed account, uint256 amount, uint256 nextAt);

    /// @notice This deployment has no faucet.
    error FaucetOff();
    /// @notice The caller used the faucet before and has to wait until `nextAt` (seconds).
    error FaucetTooSoon(uint256 nextAt);
    /// @notice An amount that must be above zero is zero.
    error ZeroAmount();

    /// @notice What one use of the faucet gives, base units; 0: no faucet.
    function faucetAmount() external view returns (uint256);

    /// @notice Seconds between two uses of the faucet by one address.
    function faucetInterval() external view returns (uint256);

    /// @notice Gives `faucetAmount` to the caller, once per interval.
    function mint() external;

    /// @notice Mints `amount` to `to`. Minter role only.
    function mint(address to, uint256 amount) external;
}
