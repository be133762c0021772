// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that refuses to move from or to some addresses
/// @notice MOCK: for tests only. Anyone mints, and blocks.
contract BlocklistToken is ERC20 {
    /// @notice A transfer from or to somebody who is blocked.
    error Blocked(address account);

    /// @notice Who cannot send or receive.
    mapping(address account => bool) public blocked;

    constructor() ERC20("Blocklist", "BLK") {}

    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice From now on, or no longer.
    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!blocked[from], Blocked(from));
        require(!blocked[to], Blocked(to));
        super._update(from, to, value);
    }
}
