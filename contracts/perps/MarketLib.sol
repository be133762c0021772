// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {MarketState, Position, Realised} from "../../interfaces/IMarkets.sol";
import {Accounting} from "./Accounting.sol";
import {FixedPoint} from "./FixedPoint.sol";
import {Funding} from "./Funding.sol";
import {PositionLib} from "./PositionLib.sol";
import {Pricing} from "./Pricing.sol";

/// @notice A market during one action: its aggregates, accrued to now, and what else the action has read.
struct Market {
    MarketState state;
    uint256 price;
    uint256 flags;
    uint256 skewScale;
    uint256 closingFeeRate;
    uint32 freeId;
}

/// @title A market in memory
/// @notice What a market at one price means for a position. Shared by the engine and by views outside of it.
library MarketLib {
    using Accounting for MarketState;
    using FixedPoint for int256;
    using PositionLib for Position;
    using PositionLib for Realised;

    /// @notice Brings both indices up to `timestamp`, funding with the skew as it is.
    /// @param reserveRate `wmul(borrowRate, reserveFactor)`.
    function accrue(Market memory market, uint256 reserveRate, uint256 maxFundingVelocity, uint256 timestamp)
        internal
        pure
    {
        MarketState memory m = market.state;
        // Times are stored modulo 2**32, and so is their difference.
        uint256 elapsed;
        unchecked {
            elapsed = uint32(timestamp) - uint32(m.updatedAt);
        }
        if (elapsed == 0) return;
        m.updatedAt = uint32(timestamp);
        m.borrowIndex = Funding.borrowIndexAfter(m.borrowIndex, reserveRate, elapsed);
        if (market.skewScale != 0) {
            int256 rate = Funding.rateAfter(m.fundingRate, m.skew(), market.skewScale, maxFundingVelocity, elapsed);
            m.fundingIndex = Funding.indexAfter(m.fundingIndex, m.fundingRate, rate, market.price, elapsed);
            m.fundingRate = rate;
        }
    }

    /// @notice The price at which the skew moves by `size`: opening `size`, or closing `-size`.
    function fillPrice(Market memory market, int256 size) internal pure returns (uint256) {
        if (market.skewScale == 0) return market.price;
        int256 skew = market.state.skew();
        return Pricing.execution(market.price, market.skewScale, skew, skew + size);
    }

    /// @notice As `fillPrice`, once `closed` (signed like its position) has been closed.
    function fillPriceAfter(Market memory market, int256 closed, int256 size) internal pure returns (uint256) {
        int256 skew = market.state.skew() - closed;
        return Pricing.execution(market.price, market.skewScale, skew, skew + size);
    }

    /// @notice Fills `r` with what closing `part` of `p` at `price` realises. In place: a struct that a function returns is
    /// allocated and zeroed once more.
    function realise(Market memory market, Realised memory r, Position memory p, int256 part, uint256 price)
        internal
        pure
    {
        MarketState memory m = market.state;
        r.realise(p, part, price, m.fundingIndex, m.borrowIndex, market.closingFeeRate);
    }

    /// @notice What closing all of `p`, which realises `r`, leaves of `collateral`, and what it would leave at the oracle
    /// price. The lower one is for what lets a trader do more, the higher one for what lets others act against him.
    function equities(Market memory market, Position memory p, Realised memory r, uint256 collateral)
        internal
        pure
        returns (int256 equity, int256 atOracle)
    {
        equity = atOracle = int256(collateral) + r.total();
        if (market.skewScale != 0) atOracle += p.size.wmul(int256(market.price) - int256(p.entryPrice)) - r.pricePnl;
    }

    /// @notice Liquidity that has to stay in the vault for this market.
    function reserves(Market memory market, uint256 reserveFactor, bool byLargerSide) internal pure returns (uint256) {
        MarketState memory m = market.state;
        return m.reserves(reserveFactor, m.seqPnl(market.price, market.skewScale), m.funding(), byLargerSide);
    }
}
