// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IMarginClient} from "../../interfaces/IMarginClient.sol";
import {IProtocol} from "../../interfaces/IProtocol.sol";

/// @title A margin client that opens and closes thousands of times
/// @notice MOCK: for tests only. Needs PREP before it is told to trade.
contract Churner is IMarginClient {
    IProtocol private immutable PROTOCOL;

    constructor(IProtocol protocol, IERC20 prep) {
        PROTOCOL = protocol;
        prep.approve(address(protocol), type(uint256).max);
    }

    /// @notice `count` times: account 1 and then account 2 open, each in `steps` orders, and both close in one order, 1
    /// first. The signs of the sizes are as given; a size shrinks by one base unit with every repetition.
    /// @return gained What was settled in all, PREP base units; its maximum in one repetition is `most`.
    function churn(uint256 marketId, int256 first, int256 second, uint256 steps, uint256 count)
        external
        returns (int256 gained, int256 most)
    {
        for (uint256 i = 0; i < count; ++i) {
            int256 once;
            for (uint256 j = 0; j < steps; ++j) {
                once += PROTOCOL.executeOrder(1, marketId, first, false);
                if (second != 0) once += PROTOCOL.executeOrder(2, marketId, second, false);
            }
            once += PROTOCOL.closeAll(1);
            if (second != 0) once += PROTOCOL.closeAll(2);
            gained += once;
            if (once > most) most = once;
            first -= first > 0 ? int256(1) : -1;
            if (second != 0) second -= second > 0 ? int256(1) : -1;
        }
    }

    /// @inheritdoc IMarginClient
    function onSettlement(uint256, uint256, int256, int256, bool) external {}
}
