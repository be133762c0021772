// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IMarginClient} from "../../interfaces/IMarginClient.sol";

/// @title A margin client that abuses being told of its settlements
/// @notice MOCK: for tests only. Trades through `run`, as anyone tells it to. While it is told that a position was changed
/// it makes the calls that it is armed with, or reverts.
contract HostileClient is IMarginClient {
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

    /// @notice What the protocol said last, and what the client had of the token then.
    struct Told {
        uint256 account;
        uint256 marketId;
        int256 size;
        int256 settlement;
        bool forced;
        uint256 balance;
    }

    /// @notice What it reverts with if it is armed to.
    error Refused();

    IERC20 private immutable TOKEN;
    Told private _told;

    Call[] private _calls;
    Answer[] private _answers;
    bool private _refusing;

    constructor(IERC20 token) {
        TOKEN = token;
    }

    /// @notice Calls as this client, reverting as the target does.
    function run(address target, bytes calldata data) external returns (bytes memory) {
        return Address.functionCall(target, data);
    }

    /// @notice From now on it makes these calls whenever it is told something; their failure is only noted. Then it
    /// reverts, if `refusing`.
    function arm(Call[] calldata calls, bool refusing) external {
        delete _calls;
        delete _answers;
        for (uint256 i = 0; i < calls.length; ++i) {
            _calls.push(calls[i]);
        }
        _refusing = refusing;
    }

    /// @notice What the calls answered, in order.
    function answers() external view returns (Answer[] memory) {
        return _answers;
    }

    /// @notice What the protocol said last.
    function told() external view returns (Told memory) {
        return _told;
    }

    /// @inheritdoc IMarginClient
    function onSettlement(uint256 account, uint256 marketId, int256 size, int256 settlement, bool forced) external {
        _told = Told(account, marketId, size, settlement, forced, TOKEN.balanceOf(address(this)));
        for (uint256 i = 0; i < _calls.length; ++i) {
            (bool success, bytes memory data) = _calls[i].target.call(_calls[i].data);
            _answers.push(Answer(success, data));
        }
        require(!_refusing, Refused());
    }
}
