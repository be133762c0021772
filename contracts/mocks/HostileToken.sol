// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Hostile} from "./Hostile.sol";

/// @title A token that calls whom it likes while it is being transferred
/// @notice MOCK: for tests only. Stands in for PREP, whose transfers call nobody, to show what would happen if they did.
/// The token is its own attacker: it trades and provides liquidity through `run`, so that what it calls from inside of a
/// transfer comes from the same sender as the action that caused the transfer.
contract HostileToken is ERC20, Hostile {
    bool private _armed;
    bool private _afterwards;

    constructor() ERC20("Hostile", "HOSTILE") {}

    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice The next transfer makes these calls, before or after balances have changed. Their failure is only noted.
    function arm(Call[] calldata calls, bool afterwards) external {
        _arm(calls);
        (_armed, _afterwards) = (true, afterwards);
    }

    function _update(address from, address to, uint256 value) internal virtual override {
        bool hostile = _armed;
        _armed = false;
        if (hostile && !_afterwards) _makeCalls();
        super._update(from, to, value);
        if (hostile && _afterwards) _makeCalls();
    }
}
