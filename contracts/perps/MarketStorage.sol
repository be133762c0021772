// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {MarketConfig, MarketState, Realised} from "../../interfaces/IMarkets.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {FixedPoint} from "./FixedPoint.sol";

/// @notice A market as it lies in storage. Sums of bytes prove the slots; each is read only by actions that need it.
struct MarketSlots {
    // 0: 20 + 8 + 4 bytes. Read by every action; the rate and the flags follow from the parameters.
    IPriceOracle oracle;
    uint64 reserveRate;
    uint32 flags;
    // 1: 16 + 16
    uint128 longOI;
    uint128 shortOI;
    // 2: 16 + 16
    uint128 costLong;
    uint128 costShort;
    // 3: 16 + 8 + 4 + 4. `freeId` is the head of the protocol's list of free ids: it has no slot of its own because every
    // action that changes it writes this one anyway.
    uint128 borrowCost;
    uint64 borrowIndex;
    uint32 updatedAt;
    uint32 freeId;
    // 4 to 7: 12 + 20, 32, 32, 32. Only with a skew scale.
    int96 fundingRate;
    int160 fundingIndex;
    int256 fundingCost;
    uint256 sumSquares;
    int256 sumSignedSquares;
    // 8 to 10: 16 + 16 each. Cash flow.
    int128 pricePnl;
    int128 borrowingFee;
    int128 openingFee;
    int128 closingFee;
    int128 accruedFunding;
    int128 badDebt;
    // 11: 8 + 8 + 8 + 8
    uint64 borrowRate;
    uint64 reserveFactor;
    uint64 openingFeeRate;
    uint64 closingFeeRate;
    // 12 to 15: 16 + 16 each. A bound of type(uint128).max is none.
    uint128 minPositionValue;
    uint128 maxPositionValue;
    uint128 maxLongOIValue;
    uint128 maxShortOIValue;
    uint128 skewScale;
    uint128 maxFundingVelocity;
    uint128 maxNetOIValue;
    // 0 until the market is settled.
    uint128 settlementPrice;
}

/// @title Packing of a market
/// @notice Moves a market between storage and memory. Knows the layout and no rule of trading.
library MarketStorage {
    using SafeCast for uint256;
    using SafeCast for int256;

    /// Which slots hold something that has to be looked at.
    uint256 internal constant ENABLED = 1;
    /// Funding and the sums of squares are kept: there is a skew scale, or there was one until the market was settled.
    uint256 internal constant HAS_SKEW = 2;
    uint256 internal constant HAS_OPENING_FEE = 4;
    uint256 internal constant HAS_CLOSING_FEE = 8;
    uint256 internal constant HAS_RESERVE = 16;
    uint256 internal constant HAS_MAX_VALUE = 32;
    uint256 internal constant HAS_LONG_CAP = 64;
    uint256 internal constant HAS_SHORT_CAP = 128;
    uint256 internal constant HAS_NET_CAP = 256;
    uint256 internal constant SETTLED = 512;
    /// `minExecutionDelay` itself, from this bit on.
    uint256 internal constant DELAY_BIT = 10;
    uint256 internal constant DELAY = 0xfff << DELAY_BIT;
    /// From this bit on: the exponent of a power of two that is at least `minPositionValue`.
    uint256 internal constant MIN_VALUE_EXPONENT = 24;

    /// @notice Reads what changes with time, and with a skew scale what funding depends on.
    function loadIndices(MarketSlots storage s, MarketState memory m, bool hasSkew) internal view {
        (m.borrowCost, m.borrowIndex, m.updatedAt) = (s.borrowCost, s.borrowIndex, s.updatedAt);
        if (hasSkew) {
            (m.longOI, m.shortOI) = (s.longOI, s.shortOI);
            (m.fundingRate, m.fundingIndex) = (s.fundingRate, s.fundingIndex);
        }
    }

    /// @notice Reads the other sums over positions that the vault is valued by.
    function loadSums(MarketSlots storage s, MarketState memory m, bool hasSkew) internal view {
        (m.longOI, m.shortOI) = (s.longOI, s.shortOI);
        (m.costLong, m.costShort) = (s.costLong, s.costShort);
        if (hasSkew) m.fundingCost = s.fundingCost;
    }

    /// @notice Reads the sums of squares, which only reports are made from: whoever changes positions keeps them.
    function loadSquares(MarketSlots storage s, MarketState memory m) internal view {
        (m.sumSquares, m.sumSignedSquares) = (s.sumSquares, s.sumSignedSquares);
    }

    /// @notice Writes the aggregates back. `freeId` is written with them because it shares a slot.
    function save(MarketSlots storage s, MarketState memory m, bool hasSkew, uint32 freeId) internal {
        // All casts before all writes: fields of one slot that are assigned in a row are written at once.
        uint128 longOI = m.longOI.toUint128();
        uint128 shortOI = m.shortOI.toUint128();
        uint128 costLong = m.costLong.toUint128();
        uint128 costShort = m.costShort.toUint128();
        uint128 borrowCost = m.borrowCost.toUint128();
        uint64 borrowIndex = uint64(m.borrowIndex);
        uint32 updatedAt = uint32(m.updatedAt);
        s.longOI = longOI;
        s.shortOI = shortOI;
        s.costLong = costLong;
        s.costShort = costShort;
        s.borrowCost = borrowCost;
        s.borrowIndex = borrowIndex;
        s.updatedAt = updatedAt;
        s.freeId = freeId;
        if (hasSkew) {
            int160 fundingIndex = int160(m.fundingIndex);
            if (fundingIndex != m.fundingIndex) revert SafeCast.SafeCastOverflowedIntDowncast(160, m.fundingIndex);
            s.fundingRate = int96(m.fundingRate);
            s.fundingIndex = fundingIndex;
            s.fundingCost = m.fundingCost;
            s.sumSquares = m.sumSquares;
            s.sumSignedSquares = m.sumSignedSquares;
        }
    }

    /// @notice Books what a trader realised, from the vault's side.
    /// @param share The protocol's share of the closing fee before any of it was waived.
    function bookRealised(MarketSlots storage s, Realised memory r, uint256 share) internal {
        int128 pricePnl = (s.pricePnl - r.pricePnl).toInt128();
        int128 borrowingFee = (s.borrowingFee - r.borrowingFee).toInt128();
        s.pricePnl = pricePnl;
        s.borrowingFee = borrowingFee;
        if (r.closingFee != 0) s.closingFee = (s.closingFee - r.closingFee - int256(share)).toInt128();
        if (r.funding != 0) s.accruedFunding = (s.accruedFunding - r.funding).toInt128();
    }

    /// @notice Books an opening fee without the protocol's share.
    function bookOpeningFee(MarketSlots storage s, uint256 amount) internal {
        s.openingFee = (s.openingFee + int256(amount)).toInt128();
    }

    /// @notice Books what the vault lost to traders who could not pay, or added to a reward.
    function bookBadDebt(MarketSlots storage s, uint256 amount) internal {
        s.badDebt = (s.badDebt - int256(amount)).toInt128();
    }

    /// @notice Stores parameters that have been found within their bounds, and what follows from them.
    function configure(MarketSlots storage s, MarketConfig calldata c) internal {
        uint256 flags;
        if (c.enabled) flags |= ENABLED;
        if (c.skewScale != 0) flags |= HAS_SKEW;
        if (c.openingFeeRate != 0) flags |= HAS_OPENING_FEE;
        if (c.closingFeeRate != 0) flags |= HAS_CLOSING_FEE;
        if (c.reserveFactor != 0) flags |= HAS_RESERVE;
        if (c.maxPositionValue != type(uint256).max) flags |= HAS_MAX_VALUE;
        if (c.maxLongOIValue != type(uint256).max) flags |= HAS_LONG_CAP;
        if (c.maxShortOIValue != type(uint256).max) flags |= HAS_SHORT_CAP;
        if (c.maxNetOIValue != type(uint256).max) flags |= HAS_NET_CAP;
        flags |= c.minExecutionDelay << DELAY_BIT;
        flags |= Math.log2(c.minPositionValue, Math.Rounding.Ceil) << MIN_VALUE_EXPONENT;

        s.oracle = c.oracle;
        s.reserveRate = uint64(FixedPoint.wmul(c.borrowRate, c.reserveFactor));
        s.flags = uint32(flags);
        s.borrowRate = uint64(c.borrowRate);
        s.reserveFactor = uint64(c.reserveFactor);
        s.openingFeeRate = uint64(c.openingFeeRate);
        s.closingFeeRate = uint64(c.closingFeeRate);
        s.minPositionValue = uint128(c.minPositionValue);
        // Unlimited is all ones in 256 bits and in 128.
        s.maxPositionValue = uint128(c.maxPositionValue);
        s.maxLongOIValue = uint128(c.maxLongOIValue);
        s.maxShortOIValue = uint128(c.maxShortOIValue);
        s.skewScale = uint128(c.skewScale);
        s.maxFundingVelocity = uint128(c.maxFundingVelocity);
        s.maxNetOIValue = uint128(c.maxNetOIValue);
    }

    /// @notice Ends a market at its last price. Nothing accrues any more and nothing has impact, but what has accrued until
    /// now stays owed: that is why the sums over positions are still kept. No later price is waited for.
    function settle(MarketSlots storage s, uint256 price) internal {
        (s.reserveRate, s.flags) = (0, uint32((s.flags & ~(ENABLED | DELAY)) | SETTLED));
        s.fundingRate = 0;
        s.borrowRate = 0;
        (s.skewScale, s.maxFundingVelocity) = (0, 0);
        s.settlementPrice = uint128(price);
    }

    /// @notice Those words of a market whose bit is set in `mask`, for whoever unpacks them elsewhere.
    function words(MarketSlots storage s, uint256 mask) internal view returns (uint256[16] memory w) {
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, 16) { i := add(i, 1) } {
                if and(shr(i, mask), 1) { mstore(add(w, shl(5, i)), sload(add(s.slot, i))) }
            }
        }
    }
}
