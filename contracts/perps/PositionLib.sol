// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Position, Realised} from "../../interfaces/IMarkets.sol";
import {FixedPoint} from "./FixedPoint.sol";
import {Pricing} from "./Pricing.sol";

/// @title The arithmetic of a single position
/// @notice docs/whitepaper.md, "Positions". Every rounding is against the trader.
library PositionLib {
    using FixedPoint for int256;
    using FixedPoint for uint256;

    /// @notice `|wmul(size, price)|`: notional, PREP base units, rounded down.
    function notional(int256 size, uint256 price) internal pure returns (uint256) {
        return SignedMath.abs(size).wmul(price);
    }

    /// @notice Fills `r` with what closing `part` of `p` at `fillPrice` realises, with the market's indices of now.
    function realise(
        Realised memory r,
        Position memory p,
        int256 part,
        uint256 fillPrice,
        int256 fundingIndex,
        uint256 borrowIndex,
        uint256 closingFeeRate
    ) internal pure {
        r.pricePnl = part.wmul(int256(fillPrice) - int256(p.entryPrice));
        if (fundingIndex != p.fundingIndex) r.funding = part.wmul(fundingIndex - p.fundingIndex);
        r.borrowingFee = -int256(notional(part, p.entryPrice).wmulUp(borrowIndex - p.borrowIndex));
        r.closingFee = -int256(Pricing.fee(closingFeeRate, part, fillPrice));
    }

    /// @notice Sum of everything realised.
    function total(Realised memory r) internal pure returns (int256) {
        return r.pricePnl + r.funding + r.borrowingFee + r.closingFee;
    }

    /// @notice Adds `size` at `fillPrice`: entry price and funding index become averages weighted by size, up for longs
    /// and down for shorts, the borrowing index the average weighted by cost, down.
    function increase(Position memory p, int256 size, uint256 fillPrice, int256 fundingIndex, uint256 borrowIndex)
        internal
        pure
    {
        if (p.size == 0) {
            (p.size, p.entryPrice, p.fundingIndex, p.borrowIndex) = (size, fillPrice, fundingIndex, borrowIndex);
            return;
        }
        uint256 held = SignedMath.abs(p.size);
        uint256 added = SignedMath.abs(size);
        uint256 weights = held + added;
        uint256 costHeld = notional(p.size, p.entryPrice);
        uint256 costAdded = notional(size, fillPrice);
        uint256 costs = costHeld + costAdded;

        p.borrowIndex = costs == 0
            ? borrowIndex
            : (costHeld * p.borrowIndex + costAdded * borrowIndex).divDown(costs);
        uint256 prices = held * p.entryPrice + added * fillPrice;
        p.entryPrice = size > 0 ? prices.divUp(weights) : prices.divDown(weights);
        if (fundingIndex != p.fundingIndex) {
            int256 indices = int256(held) * p.fundingIndex + int256(added) * fundingIndex;
            p.fundingIndex = size > 0 ? indices.divUp(int256(weights)) : indices.divDown(int256(weights));
        }
        p.size += size;
    }

    /// @notice Entry notional over equity, WAD, rounded up; `type(uint256).max` when nothing backs the position.
    function leverage(uint256 entryNotional, int256 equity) internal pure returns (uint256) {
        if (equity <= 0) return type(uint256).max;
        return (entryNotional * FixedPoint.WAD).divUp(uint256(equity));
    }
}
