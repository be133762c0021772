// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title A token that calls whom it likes while it is being transferred
/// @notice MOCK: for tests only. Stands in for PREP, whose transfers call nobody, to show what would happen if they did.
/// The token is its own attacker: it trades and provides liquidity through `run`, so that what it calls from inside of a
/// transfer comes from the same sender as the action that caused the transfer.
contract HostileToken is ERC20 {
    /// @notice Something to call.
    struct Call {
        address target;
        bytes data;
    }

    /// @notice What came back.
    struct Answer {
        bool success;
        bytes data;
    }

    Call[] private _calls;
    Answer[] private _answers;
    bool private _armed;
    bool private _afterwards;

    constructor() ERC20("Hostile", "HOSTILE") {}

    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Calls as this token, reverting as the target does.
    function run(address target, bytes calldata data) external returns (bytes memory) {
        return Address.functionCall(target, data);
    }

    /// @notice The next transfer makes these calls, before or after balances have changed. Their failure is only noted.
    function arm(Call[] calldata calls, bool afterwards) external {
        delete _calls;
        delete _answers;
        for (uint256 i = 0; i < calls.length; ++i) {
            _calls.push(calls[i]);
        }
        (_armed, _afterwards) = (true, afterwards);
    }

    /// @notice What the calls of the last armed transfer answered, in order.
    function answers() external view returns (Answer[] memory) {
        return _answers;
    }

    function _update(address from, address to, uint256 value) internal virtual override {
        bool hostile = _armed;
        _armed = false;
        if (hostile && !_afterwards) _makeCalls();
        super._update(from, to, value);
        if (hostile && _afterwards) _makeCalls();
    }

    function _makeCalls() private {
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success, bytes memory data) = _calls[i].target.call(_calls[i].data);
            _answers.push(Answer(success, data));
        }
    }
}
