// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IMarginClient} from "../../interfaces/IMarginClient.sol";
import {Hostile} from "./Hostile.sol";

/// @title A margin client that abuses being told of its settlements
/// @notice MOCK: for tests only. Trades through `run`, as anyone tells it to. While it is told that a position was changed
/// it makes the calls that it is armed with, or reverts.
contract HostileClient is Hostile, IMarginClient {
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
    bool private _refusing;

    constructor(IERC20 token) {
        TOKEN = token;
    }

    /// @notice From now on it makes these calls whenever it is told something; their failure is only noted. Then it
    /// reverts, if `refusing`.
    function arm(Call[] calldata calls, bool refusing) external {
        _arm(calls);
        _refusing = refusing;
    }

    /// @notice What the protocol said last.
    function told() external view returns (Told memory) {
        return _told;
    }

    /// @inheritdoc IMarginClient
    function onSettlement(uint256 account, uint256 marketId, int256 size, int256 settlement, bool forced) external {
        _told = Told(account, marketId, size, settlement, forced, TOKEN.balanceOf(address(this)));
        _makeCalls();
        require(!_refusing, Refused());
    }
}
