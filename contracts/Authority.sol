// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";

/// @title Who may do what
/// @notice OpenZeppelin's `AccessManager` with the suite's roles named. Which role may call which function is set at
/// deployment and can be read here; the admin (role 0) can change it, after the delays that he has been given.
contract Authority is AccessManager {
    /// @notice Acts toward safety only, at once: closes markets to new risk.
    uint64 public constant GUARDIAN = 1;
    /// @notice Adds and changes markets within coded bounds.
    uint64 public constant RISK_MANAGER = 2;
    /// @notice Mints PREP.
    uint64 public constant MINTER = 3;
    /// @notice Signs requests of asset-backed positions, within the controller's bounds.
    uint64 public constant ORDER_SIGNER = 4;
    /// @notice Executes what traders have signed as take-profits and stop-losses, and records interest.
    uint64 public constant ORDER_EXECUTOR = 5;
    /// @notice Liquidates asset-backed positions that are within their threshold, at the price that their swap realises.
    uint64 public constant LIQUIDATOR = 6;

    constructor(address admin) AccessManager(admin) {
        emit RoleLabel(GUARDIAN, "GUARDIAN");
        emit RoleLabel(RISK_MANAGER, "RISK_MANAGER");
        emit RoleLabel(MINTER, "MINTER");
        emit RoleLabel(ORDER_SIGNER, "ORDER_SIGNER");
        emit RoleLabel(ORDER_EXECUTOR, "ORDER_EXECUTOR");
        emit RoleLabel(LIQUIDATOR, "LIQUIDATOR");
    }
}
