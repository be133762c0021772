// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {MarketState, Position} from "../../interfaces/IMarkets.sol";
import {FixedPoint} from "./FixedPoint.sol";
import {PositionLib} from "./PositionLib.sol";

/// @title A market's aggregates
/// @notice docs/whitepaper.md, "Aggregates" and "Reserves". The aggregates are kept exactly equal to sums over the open
/// positions, so that what the whole market could realise is known without looking at any of them. `K` is the skew
/// scale, `P` the oracle price.
library Accounting {
    using FixedPoint for int256;
    using FixedPoint for uint256;

    /// @notice `S`, base units: positive when longs prevail.
    function skew(MarketState memory m) internal pure returns (int256) {
        return int256(m.longOI) - int256(m.shortOI);
    }

    /// @notice Counts a position in.
    function add(MarketState memory m, Position memory p, bool hasSkew) internal pure {
        uint256 size = SignedMath.abs(p.size);
        uint256 cost = PositionLib.notional(p.size, p.entryPrice);
        m.borrowCost += cost.wmul(p.borrowIndex);
        if (p.size > 0) {
            m.longOI += size;
            m.costLong += cost;
        } else {
            m.shortOI += size;
            m.costShort += cost;
        }
        if (hasSkew) {
            m.fundingCost += p.size.wmul(p.fundingIndex);
            m.sumSquares += size * size;
            m.sumSignedSquares += p.size * int256(size);
        }
    }

    /// @notice Counts a position out.
    function remove(MarketState memory m, Position memory p, bool hasSkew) internal pure {
        uint256 size = SignedMath.abs(p.size);
        uint256 cost = PositionLib.notional(p.size, p.entryPrice);
        m.borrowCost -= cost.wmul(p.borrowIndex);
        if (p.size > 0) {
            m.longOI -= size;
            m.costLong -= cost;
        } else {
            m.shortOI -= size;
            m.costShort -= cost;
        }
        if (hasSkew) {
            m.fundingCost -= p.size.wmul(p.fundingIndex);
            m.sumSquares -= size * size;
            m.sumSignedSquares -= p.size * int256(size);
        }
    }

    /// @notice Unrealised price PnL if each position alone closed first: what is reported.
    function pricePnl(MarketState memory m, uint256 P, uint256 K) internal pure returns (int256) {
        int256 s = skew(m);
        return _linearPnl(m, s, P) + _impact(2 * s * s - int256(m.sumSquares), P, K);
    }

    /// @notice What closing all positions realises through the price, in any order: what the vault is valued by.
    function seqPnl(MarketState memory m, uint256 P, uint256 K) internal pure returns (int256) {
        int256 s = skew(m);
        return _linearPnl(m, s, P) + _impact(s * s, P, K);
    }

    /// @notice Unrealised funding of all positions.
    function funding(MarketState memory m) internal pure returns (int256) {
        return skew(m).wmul(m.fundingIndex) - m.fundingCost;
    }

    /// @notice Unrealised borrowing fees of all positions, never positive.
    function borrowing(MarketState memory m) internal pure returns (int256) {
        return -int256((m.costLong + m.costShort).wmul(m.borrowIndex) - m.borrowCost);
    }

    /// @notice Closing fees of all positions, never positive, if each alone closed first.
    function closingFee(MarketState memory m, uint256 P, uint256 K, uint256 rate) internal pure returns (int256) {
        int256 total = int256(m.longOI + m.shortOI);
        int256 impact = K == 0
            ? int256(0)
            : (m.sumSignedSquares - 2 * skew(m) * total).fullMulDiv(FixedPoint.WAD, 2 * K).divDown(FixedPoint.IWAD);
        return (impact - total).wmul(int256(P.wmul(rate)));
    }

    /// @notice Liquidity that the market needs to stay in the vault, given its unrealised `seqPnl` and `funding`.
    /// @param byLargerSide True: for the larger side; false: for the difference of the sides.
    function reserves(MarketState memory m, uint256 reserveFactor, int256 seq, int256 fund, bool byLargerSide)
        internal
        pure
        returns (uint256)
    {
        uint256 larger = Math.max(m.costLong, m.costShort);
        uint256 basis = byLargerSide ? larger : larger - Math.min(m.costLong, m.costShort);
        return uint256(SignedMath.max(0, int256(basis.wmul(reserveFactor)) + seq + fund));
    }

    function _linearPnl(MarketState memory m, int256 s, uint256 P) private pure returns (int256) {
        return s.wmul(int256(P)) - (int256(m.costLong) - int256(m.costShort));
    }

    function _impact(int256 squares, uint256 P, uint256 K) private pure returns (int256) {
        if (K == 0) return 0;
        return squares.fullMulDiv(FixedPoint.WAD, 2 * K).fullMulDiv(P, FixedPoint.WAD).divDown(FixedPoint.IWAD);
    }
}
