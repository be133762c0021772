// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Condition, OrderState} from "../../interfaces/IOrderBook.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";

/// @title When published prices fill what waits for them
/// @notice With a delay only the first price fills, published at least that long after placing, of a run of prices at which
/// the condition holds, and only while it is the latest. docs/credit.md, "Orders".
library FillWindow {
    /// @notice The state of what was placed at `placedAt`, expiry aside: Waiting, Ready or Dead. What waits for no condition
    /// has a single run of prices: when that has gone on it is dead. Anything else waits for the next run.
    /// @param delay Seconds; 0: ready while the condition holds. @param trigger WAD; ignored with Always.
    /// @return state Found without `oracle.price()` for Always and while no price is in time, so that what is dead can be
    /// removed also when there is no usable price. @return price WAD, of now, if it was asked for; else 0.
    function stateOf(IPriceOracle oracle, uint256 delay, uint256 placedAt, Condition condition, uint256 trigger)
        internal
        view
        returns (OrderState state, uint256 price)
    {
        if (delay != 0 && oracle.lastUpdate() < placedAt + delay) return (OrderState.Waiting, 0);
        if (condition != Condition.Always) {
            price = oracle.price();
            if (!holds(condition, trigger, price)) return (OrderState.Waiting, price);
        }
        if (delay == 0) return (OrderState.Ready, price);

        (uint256 before, uint256 beforeAt) = oracle.previous();
        if (beforeAt < placedAt + delay || !holds(condition, trigger, before)) return (OrderState.Ready, price);
        return (condition == Condition.Always ? OrderState.Dead : OrderState.Waiting, price);
    }

    /// @notice Whether a condition holds at a price.
    function holds(Condition condition, uint256 trigger, uint256 price) internal pure returns (bool) {
        if (condition == Condition.AtOrAbove) return price >= trigger;
        if (condition == Condition.AtOrBelow) return price <= trigger;
        return true;
    }
}
