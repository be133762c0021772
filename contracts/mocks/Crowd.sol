// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IProtocol} from "../../interfaces/IProtocol.sol";

/// @title A mock trader: opens one position and keeps it
/// @notice For tests only. Needs its collateral before it is told to trade.
contract CrowdMember {
    function trade(IProtocol protocol, IERC20 prep, uint256 collateral, uint256 notional, bool isLong) external {
        prep.approve(address(protocol), collateral);
        protocol.depositCollateral(collateral);
        protocol.openPositionWithSize(notional, isLong);
    }
}

/// @title Mock traders by the hundred
/// @notice For tests only: fills a market with positions of many addresses in few transactions.
contract Crowd {
    /// @notice Opens `count` positions, long and short in turn, with PREP that this contract holds.
    function trade(IProtocol protocol, IERC20 prep, uint256 count, uint256 collateral, uint256 notional) external {
        for (uint256 i = 0; i < count; ++i) {
            CrowdMember member = new CrowdMember();
            require(prep.transfer(address(member), collateral));
            member.trade(protocol, prep, collateral, notional, i % 2 == 0);
        }
    }
}
