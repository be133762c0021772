// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Exposure, MarketConfig} from "../interfaces/IMarkets.sol";
import {IDeleverager} from "../interfaces/IDeleverager.sol";
import {IProtocol} from "../interfaces/IProtocol.sol";
import {IVault} from "../interfaces/IVault.sol";
import {FixedPoint} from "./perps/FixedPoint.sol";
import {MarketReader} from "./perps/MarketReader.sol";

/// @title Closes positions that the vault can no longer carry
/// @notice Decides when that may be, and how much; the protocol closes. Holds nothing, has no owner and no setting: it is
/// apart because the protocol's code has a size limit. The protocol makes it and lets nobody else close on behalf of owners.
///
/// Rules: collateralization ratio below target: any size that pays its owner; side above its cap: at most the excess, or
/// the whole position where too little would be left. Afterwards the ratio must not be below both what it was and the
/// target, but from a ratio below one it may fall while the vault owes less. Sizes in base units, ratios WAD.
/// Cost: grows with the number of markets that have positions; each is valued before and after.
contract Deleverager is IDeleverager {
    using FixedPoint for uint256;
    using MarketReader for uint256[16];

    uint256 private constant BTC = 0;
    /// @dev What a cap is compared with: oracle and flags, open interest, smallest position, caps, last price.
    uint256 private constant CAP_WORDS = 1 << 0 | 1 << 1 | 1 << 12 | 1 << 13 | 1 << 15;

    /// @inheritdoc IDeleverager
    IProtocol public immutable protocol;
    IVault private immutable VAULT;

    /// @dev How the vault stands.
    struct Standing {
        uint256 ratio;
        uint256 debt;
        uint256 target;
    }

    constructor(IProtocol protocol_, IVault vault) {
        protocol = protocol_;
        VAULT = vault;
    }

    /// @inheritdoc IDeleverager
    function deleverage(address trader, uint256 maxSize) external returns (int256 settlement) {
        int256 held = protocol.getPositionDetails(trader).size;
        Standing memory before = _standing(held, maxSize);
        int256 size = _sizeToClose(before, BTC, held, maxSize);
        settlement = protocol.closeOnBehalf(trader, size);
        uint256 ratio = _checkAfter(before, BTC, held, size, settlement);
        emit TraderDeleveraged(trader, size, settlement, before.ratio, ratio);
    }

    /// @inheritdoc IDeleverager
    function deleverage(address client, uint256 account, uint256 marketId, uint256 maxSize)
        external
        returns (int256 settlement)
    {
        int256 held = protocol.marginPosition(client, account, marketId).size;
        Standing memory before = _standing(held, maxSize);
        int256 size = _sizeToClose(before, marketId, held, maxSize);
        settlement = protocol.closeOnBehalf(client, account, marketId, size);
        uint256 ratio = _checkAfter(before, marketId, held, size, settlement);
        emit AccountDeleveraged(client, account, marketId, size, settlement, before.ratio, ratio);
    }

    /// @dev How the vault stands before anything is closed, if there is something to close.
    function _standing(int256 held, uint256 maxSize) private view returns (Standing memory) {
        require(maxSize != 0, ZeroAmount());
        require(held != 0, NothingToClose());
        return _standing();
    }

    function _standing() private view returns (Standing memory s) {
        Exposure memory e = protocol.exposure(false);
        s.target = VAULT.targetCollateralizationRatio();
        s.debt = uint256(SignedMath.max(0, e.seqPnl + e.funding));
        s.ratio = s.debt == 0 ? type(uint256).max : e.liquidity.fullMulDiv(FixedPoint.WAD, s.debt);
    }

    /// @dev Below the target whatever is asked for: whether it pays is known only afterwards.
    function _sizeToClose(Standing memory s, uint256 marketId, int256 held, uint256 maxSize)
        private
        view
        returns (int256)
    {
        uint256 size = SignedMath.abs(held);
        if (s.ratio >= s.target) {
            uint256 allowed = _excess(marketId, held, 0, maxSize >= size);
            require(allowed != 0, NothingToDeleverage(s.ratio, s.target));
            maxSize = Math.min(maxSize, allowed);
        }
        size = Math.min(size, maxSize);
        return held > 0 ? int256(size) : -int256(size);
    }

    /// @dev What may be closed of a position because its side exceeds its cap: no more than brings the side's value down to
    /// it, or the whole, if it is asked for, where less than the smallest position would be left.
    /// @param closed What has been closed of it already.
    function _excess(uint256 marketId, int256 held, int256 closed, bool whole) private view returns (uint256 excess) {
        uint256[16] memory words = protocol.marketWords(marketId, CAP_WORDS);
        MarketConfig memory config = words.config();
        bool isLong = held > 0;
        uint256 cap = isLong ? config.maxLongOIValue : config.maxShortOIValue;
        if (cap == type(uint256).max) return 0;
        uint256 price = words.price();
        // The largest open interest whose value, rounded down, is the cap at most.
        uint256 most = ((cap + 1) * FixedPoint.WAD).divUp(price) - 1;
        uint256 openInterest = (isLong ? uint128(words[1]) : words[1] >> 128) + SignedMath.abs(closed);
        if (openInterest <= most) return 0;
        excess = openInterest - most;
        uint256 size = SignedMath.abs(held);
        if (whole && excess < size && (size - excess).wmul(price) < config.minPositionValue) excess = size;
    }

    function _checkAfter(Standing memory before, uint256 marketId, int256 held, int256 size, int256 settlement)
        private
        view
        returns (uint256)
    {
        if (before.ratio < before.target && settlement <= 0) {
            uint256 allowed = _excess(marketId, held, size, size == held);
            require(SignedMath.abs(size) <= allowed, SettlementNotPositive(settlement));
        }
        Standing memory s = _standing();
        bool fine = s.ratio >= Math.min(before.ratio, before.target)
            || (before.ratio < FixedPoint.WAD && s.debt < before.debt);
        require(fine, RatioWorsened(before.ratio, s.ratio, before.target));
        return s.ratio;
    }
}
