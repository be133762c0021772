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

    uint256 private _previousPrice;
    uint256 private _previousUpdate;

    constructor(uint256 price_) {
        (price, lastUpdate) = (price_, block.timestamp);
        setPrice(price_);
    }

    /// @inheritdoc IPriceOracle
    function previous() external view returns (uint256, uint256) {
        return (_previousPrice, _previousUpdate);
    }

    /// @notice Sets the price, WAD.
    function setPrice(uint256 price_) public {
        (_previousPrice, _previousUpdate) = (price, lastUpdate);
        (price, lastUpdate) = (price_, block.timestamp);
    }
}
