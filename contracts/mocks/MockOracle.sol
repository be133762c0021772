// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";

/// @title A price that anyone sets
/// @notice MOCK: for tests and replays, where prices have more digits than a feed. Never stale.
contract MockOracle is IPriceOracle {
    /// @inheritdoc IPriceOracle
    uint256 public price;
    /// @inheritdoc IPriceOracle
    uint256 public lastUpdate;

    constructor(uint256 price_) {
        setPrice(price_);
    }

    /// @notice Sets the price, WAD.
    function setPrice(uint256 price_) public {
        price = price_;
        lastUpdate = block.timestamp;
    }
}
