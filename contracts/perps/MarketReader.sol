// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {CashFlow, IMarkets, MarketConfig, MarketState} from "../../interfaces/IMarkets.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {Market, MarketLib} from "./MarketLib.sol";
import {MarketStorage} from "./MarketStorage.sol";

/// @title A market seen from outside of the protocol
/// @notice Unpacks the words of `MarketSlots` (their layout is there) and brings a market up to now as the protocol does.
library MarketReader {
    using MarketLib for Market;

    uint256 private constant MAX_PRICE = 1e36;

    /// @notice The market accrued to now at its price. Reverts without a usable one.
    function load(uint256[16] memory w) internal view returns (Market memory m) {
        m.price = price(w);
        m.state = state(w);
        m.flags = uint32(w[0] >> 224);
        m.freeId = uint32(w[3] >> 224);
        m.skewScale = uint128(w[14]);
        m.closingFeeRate = uint64(w[11] >> 192);
        m.accrue(uint64(w[0] >> 160), w[14] >> 128, block.timestamp);
    }

    /// @notice What the market's oracle says, or the last price of a market that has been settled, WAD.
    function price(uint256[16] memory w) internal view returns (uint256 p) {
        if (settled(w)) return w[15] >> 128;
        p = _oracle(w).price();
        require(p != 0 && p <= MAX_PRICE, IMarkets.PriceOutOfBounds(p, MAX_PRICE));
    }

    /// @notice Whether the market has been settled.
    function settled(uint256[16] memory w) internal pure returns (bool) {
        return (w[0] >> 224) & MarketStorage.SETTLED != 0;
    }

    /// @notice Seconds that an order waits at least for the price that it fills at; 0: it fills at once.
    function minExecutionDelay(uint256[16] memory w) internal pure returns (uint256) {
        return ((w[0] >> 224) & MarketStorage.DELAY) >> MarketStorage.DELAY_BIT;
    }

    /// @notice The parameters as they were given.
    function config(uint256[16] memory w) internal pure returns (MarketConfig memory c) {
        c.oracle = _oracle(w);
        c.enabled = (w[0] >> 224) & MarketStorage.ENABLED != 0;
        (c.borrowRate, c.reserveFactor) = (uint64(w[11]), uint64(w[11] >> 64));
        (c.openingFeeRate, c.closingFeeRate) = (uint64(w[11] >> 128), uint64(w[11] >> 192));
        (c.minPositionValue, c.maxPositionValue) = (uint128(w[12]), _bound(w[12] >> 128));
        (c.maxLongOIValue, c.maxShortOIValue) = (_bound(uint128(w[13])), _bound(w[13] >> 128));
        (c.skewScale, c.maxFundingVelocity) = (uint128(w[14]), w[14] >> 128);
        c.maxNetOIValue = _bound(uint128(w[15]));
        c.minExecutionDelay = minExecutionDelay(w);
    }

    /// @notice The aggregates as of the last accrual.
    function state(uint256[16] memory w) internal pure returns (MarketState memory m) {
        (m.longOI, m.shortOI) = (uint128(w[1]), w[1] >> 128);
        (m.costLong, m.costShort) = (uint128(w[2]), w[2] >> 128);
        (m.borrowCost, m.borrowIndex, m.updatedAt) = (uint128(w[3]), uint64(w[3] >> 128), uint32(w[3] >> 192));
        (m.fundingRate, m.fundingIndex) = (int96(uint96(w[4])), int160(uint160(w[4] >> 96)));
        (m.fundingCost, m.sumSquares, m.sumSignedSquares) = (int256(w[5]), w[6], int256(w[7]));
    }

    /// @notice The realised cash flow, vault's view.
    function cashFlow(uint256[16] memory w) internal pure returns (CashFlow memory c) {
        (c.pricePnl, c.borrowingFee) = (_low(w[8]), _high(w[8]));
        (c.openingFee, c.closingFee) = (_low(w[9]), _high(w[9]));
        (c.accruedFunding, c.badDebt) = (_low(w[10]), _high(w[10]));
    }

    function _oracle(uint256[16] memory w) private pure returns (IPriceOracle) {
        return IPriceOracle(address(uint160(w[0])));
    }

    /// @dev Unlimited is all ones, in 128 bits and in 256.
    function _bound(uint256 stored) private pure returns (uint256) {
        return stored == type(uint128).max ? type(uint256).max : stored;
    }

    function _low(uint256 word) private pure returns (int256) {
        return int128(uint128(word));
    }

    function _high(uint256 word) private pure returns (int256) {
        return int128(uint128(word >> 128));
    }
}
