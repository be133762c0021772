// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {HostileToken} from "./HostileToken.sol";

/// @title A collateral with everything that tokens are not supposed to have
/// @notice MOCK: for tests only. Calls whom it likes, takes a fee on transfer, blocks accounts: each once it is told to.
contract HostileCollateral is HostileToken {
    /// @notice The sender or receiver is blocked.
    error Blocked(address account);

    uint256 private constant BPS = 10_000;

    mapping(address account => bool) private _blocked;
    uint256 private _feeRate;

    /// @notice From now on nothing can be sent from or to an account, or can again.
    function setBlocked(address account, bool blocked) external {
        _blocked[account] = blocked;
    }

    /// @notice From now on so much of a transfer is burned, basis points.
    function setFeeRate(uint256 rate) external {
        _feeRate = rate;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!_blocked[from], Blocked(from));
        require(!_blocked[to], Blocked(to));
        super._update(from, to, value);
        if (from != address(0) && to != address(0) && _feeRate != 0) super._update(to, address(0), value * _feeRate / BPS);
    }
}
