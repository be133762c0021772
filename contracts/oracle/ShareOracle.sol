// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {FixedPoint} from "../perps/FixedPoint.sol";

/// @title Price of a share of an ERC-4626 vault
/// @notice What the vault says that a share is worth when it leaves, times the price of the vault's token. For the LP vault that
/// is its lower value: traders' gains count at once, their losses only when realised, and neither trading at one price nor
/// sending tokens moves it. Refuses where the vault, or the token's oracle, does. Rounded down, but never zero: whoever holds
/// shares of a vault that has nothing left can be liquidated.
contract ShareOracle is IPriceOracle {
    using FixedPoint for uint256;

    /// @dev So many shares keep all digits of the price of one base unit.
    uint256 private constant SHARES = 1e36;

    /// @notice The vault whose shares are priced.
    IERC4626 public immutable vault;
    /// @notice Prices the vault's token; zero where that is PREP.
    IPriceOracle public immutable assetOracle;

    constructor(IERC4626 vault_, IPriceOracle assetOracle_) {
        vault = vault_;
        assetOracle = assetOracle_;
    }

    /// @inheritdoc IPriceOracle
    function price() external view returns (uint256) {
        uint256 assetPrice = address(assetOracle) == address(0) ? FixedPoint.WAD : assetOracle.price();
        return Math.max(1, vault.convertToAssets(SHARES).fullMulDiv(assetPrice, SHARES));
    }

    /// @inheritdoc IPriceOracle
    function lastUpdate() external view returns (uint256) {
        return address(assetOracle) == address(0) ? block.timestamp : assetOracle.lastUpdate();
    }

    /// @notice What a share was worth before cannot be known: as now.
    function previous() external view returns (uint256, uint256) {
        return (this.price(), this.lastUpdate());
    }
}
