// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {FixedPoint} from "../perps/FixedPoint.sol";

/// @title The price of one asset in another
/// @notice From the prices of both in dollars: base units of `quote` per base unit of `base`, WAD, rounded down. Refuses where
/// either oracle does, and where the ratio is zero or too large for 256 bits. An answer is as old as the older of the two
/// prices that it is made of.
contract RatioOracle is IPriceOracle {
    using FixedPoint for uint256;

    /// @notice The price of the base over that of the quote is zero, or does not fit into 256 bits.
    error RatioOutOfRange(uint256 basePrice, uint256 quotePrice);

    /// @notice Prices the asset.
    IPriceOracle public immutable base;
    /// @notice Prices that in which the asset is priced.
    IPriceOracle public immutable quote;

    constructor(IPriceOracle base_, IPriceOracle quote_) {
        base = base_;
        quote = quote_;
    }

    /// @inheritdoc IPriceOracle
    function price() external view returns (uint256 ratio) {
        (uint256 basePrice, uint256 quotePrice) = (base.price(), quote.price());
        ratio = _ratio(basePrice, quotePrice);
        require(ratio != 0 && ratio != type(uint256).max, RatioOutOfRange(basePrice, quotePrice));
    }

    /// @inheritdoc IPriceOracle
    function lastUpdate() external view returns (uint256) {
        return Math.min(base.lastUpdate(), quote.lastUpdate());
    }

    /// @inheritdoc IPriceOracle
    /// @dev Before the newer of the two prices there was the older one with that one's previous; before two of the same time
    /// there were both previous ones. Refuses where the older one is no price any more.
    function previous() external view returns (uint256 ratio, uint256 timestamp) {
        (uint256 baseAt, uint256 quoteAt) = (base.lastUpdate(), quote.lastUpdate());
        (bool baseStays, bool quoteStays) = (baseAt < quoteAt, quoteAt < baseAt);
        uint256 basePrice;
        uint256 quotePrice;
        if (baseStays) basePrice = base.price();
        else (basePrice, baseAt) = base.previous();
        if (quoteStays) quotePrice = quote.price();
        else (quotePrice, quoteAt) = quote.previous();
        return (_ratio(basePrice, quotePrice), Math.min(baseAt, quoteAt));
    }

    /// @dev Saturates where it does not fit, above a price of zero too: `previous()` may have one.
    function _ratio(uint256 basePrice, uint256 quotePrice) private pure returns (uint256) {
        (uint256 high,) = Math.mul512(basePrice, FixedPoint.WAD);
        return high < quotePrice ? basePrice.fullMulDiv(FixedPoint.WAD, quotePrice) : type(uint256).max;
    }
}
