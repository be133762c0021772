// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Condition, OrderState} from "../../interfaces/IOrderBook.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {FillWindow} from "../perps/FillWindow.sol";

/// @title The window of prices, to be looked into
/// @notice MOCK: for tests only. Is the oracle that it asks, so that one call says what was published and asks for the state.
contract WindowProbe is IPriceOracle {
    /// @notice There is no usable price.
    error NoPrice();

    /// @inheritdoc IPriceOracle
    uint256 public lastUpdate;
    uint256 private _price;
    uint256 private _before;
    uint256 private _beforeAt;

    /// @notice The state of what was placed at `placedAt`, and the price if it was asked for. @param latest 0: not usable.
    function stateOf(
        uint256 latest,
        uint256 latestAt,
        uint256 before,
        uint256 beforeAt,
        uint256 delay,
        uint256 placedAt,
        Condition condition,
        uint256 trigger
    ) external returns (OrderState, uint256) {
        (_price, lastUpdate, _before, _beforeAt) = (latest, latestAt, before, beforeAt);
        return FillWindow.stateOf(this, delay, placedAt, condition, trigger);
    }

    /// @inheritdoc IPriceOracle
    function price() external view returns (uint256) {
        require(_price != 0, NoPrice());
        return _price;
    }

    /// @inheritdoc IPriceOracle
    function previous() external view returns (uint256, uint256) {
        return (_before, _beforeAt);
    }
}
