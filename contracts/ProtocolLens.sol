// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {CashFlow, Exposure, MarketConfig, MarketState, Position, Realised} from "../interfaces/IMarkets.sol";
import {IProtocol, PositionDetails} from "../interfaces/IProtocol.sol";
import {
    Balance,
    Books,
    IProtocolLens,
    MarginKey,
    MarginPositionView,
    MarketView,
    PositionView,
    VaultView
} from "../interfaces/IProtocolLens.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Accounting} from "./perps/Accounting.sol";
import {FixedPoint} from "./perps/FixedPoint.sol";
import {Market, MarketLib} from "./perps/MarketLib.sol";
import {MarketReader} from "./perps/MarketReader.sol";
import {PositionLib} from "./perps/PositionLib.sol";
import {Pricing} from "./perps/Pricing.sol";

/// @title Views over the protocol
/// @notice Holds nothing and can do nothing: it exists because the protocol's code has a size limit. Units as there.
/// Cost: of a list it grows with its length, of `vault` and `accounting` with the number of markets.
contract ProtocolLens is IProtocolLens {
    using Accounting for MarketState;
    using FixedPoint for uint256;
    using Math for uint256;
    using MarketLib for Market;
    using MarketReader for uint256[16];
    using PositionLib for Realised;

    uint256 private constant BTC = 0;
    /// @dev Every word of a market.
    uint256 private constant ALL = type(uint256).max;

    /// @dev What the traders of some markets have coming.
    struct Unrealised {
        int256 pricePnl;
        int256 closingFee;
        int256 funding;
        int256 borrowingFee;
    }

    /// @inheritdoc IProtocolLens
    IProtocol public immutable protocol;

    constructor(IProtocol protocol_) {
        protocol = protocol_;
    }

    /// @inheritdoc IProtocolLens
    function positions(uint256 fromId, uint256 count) external view returns (PositionView[] memory views) {
        uint256 first = Math.max(fromId, 1);
        uint256 end = Math.min(fromId.saturatingAdd(count), protocol.getNumOfOpenPositionsIds() + 1);
        if (first >= end) return views;

        Market memory m = _load(BTC);
        uint256 threshold = protocol.LIQUIDATION_LEVERAGE();
        views = new PositionView[](end - first);
        uint256 found;
        for (uint256 id = first; id < end; ++id) {
            address trader = protocol.positionOwner(id);
            if (trader != address(0)) _fill(views[found++], m, trader, threshold);
        }
        // Ids that are free leave room at the end; the array's length is its first word.
        assembly ("memory-safe") {
            mstore(views, found)
        }
    }

    /// @inheritdoc IProtocolLens
    function position(address trader) external view returns (PositionView memory p) {
        p.trader = trader;
        PositionDetails memory details = protocol.getPositionDetails(trader);
        p.collateral = details.collateral;
        if (details.id != 0) _fill(p, _load(BTC), trader, protocol.LIQUIDATION_LEVERAGE());
    }

    /// @inheritdoc IProtocolLens
    function marginPositions(MarginKey[] calldata keys) external view returns (MarginPositionView[] memory views) {
        views = new MarginPositionView[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            MarginKey memory key = keys[i];
            MarginPositionView memory v = views[i];
            v.key = key;
            v.position = protocol.marginPosition(key.client, key.account, key.marketId);
            if (v.position.size == 0) continue;
            Market memory m = _load(key.marketId);
            m.realise(v.unrealised, v.position, v.position.size, m.fillPrice(-v.position.size));
            v.settlement = v.unrealised.total();
        }
    }

    /// @inheritdoc IProtocolLens
    function quote(uint256 marketId, int256 size)
        external
        view
        returns (uint256 price, uint256 openingFee, uint256 closingFee)
    {
        uint256[16] memory words = protocol.marketWords(marketId, ALL);
        price = words.load().fillPrice(size);
        MarketConfig memory config = words.config();
        openingFee = Pricing.fee(config.openingFeeRate, size, price);
        closingFee = Pricing.fee(config.closingFeeRate, size, price);
    }

    /// @inheritdoc IProtocolLens
    function fundingRate(uint256 marketId) external view returns (int256) {
        return _load(marketId).state.fundingRate;
    }

    /// @inheritdoc IProtocolLens
    function marketBooks(uint256 marketId) external view returns (Books memory) {
        uint256[16] memory words = protocol.marketWords(marketId, ALL);
        return _books(words.cashFlow(), _unrealised(words));
    }

    /// @inheritdoc IProtocolLens
    function accounting() external view returns (Books memory total, uint256 totalWithdrawalBalance) {
        CashFlow memory flow;
        Unrealised memory u;
        uint256 count = protocol.marketCount();
        for (uint256 id = 0; id < count; ++id) {
            uint256[16] memory words = protocol.marketWords(id, ALL);
            CashFlow memory f = words.cashFlow();
            flow.pricePnl += f.pricePnl;
            flow.openingFee += f.openingFee;
            flow.closingFee += f.closingFee;
            flow.accruedFunding += f.accruedFunding;
            flow.borrowingFee += f.borrowingFee;
            flow.badDebt += f.badDebt;
            Unrealised memory more = _unrealised(words);
            u.pricePnl += more.pricePnl;
            u.closingFee += more.closingFee;
            u.funding += more.funding;
            u.borrowingFee += more.borrowingFee;
        }
        total = _books(flow, u);
        totalWithdrawalBalance = uint256(SignedMath.max(0, protocol.netDeposits() + total.withdrawalBalance.total));
    }

    /// @inheritdoc IProtocolLens
    function marketConfig(uint256 marketId) external view returns (MarketConfig memory) {
        return protocol.marketWords(marketId, ALL).config();
    }

    /// @inheritdoc IProtocolLens
    function marketState(uint256 marketId) external view returns (MarketState memory) {
        return protocol.marketWords(marketId, ALL).state();
    }

    /// @inheritdoc IProtocolLens
    function cashFlow(uint256 marketId) external view returns (CashFlow memory) {
        return protocol.marketWords(marketId, ALL).cashFlow();
    }

    /// @inheritdoc IProtocolLens
    function market(uint256 marketId) external view returns (MarketView memory v) {
        uint256[16] memory words = protocol.marketWords(marketId, ALL);
        v.config = words.config();
        v.settled = words.settled();
        Market memory m = words.load();
        v.price = m.price;
        v.state = m.state;
        v.cashFlow = words.cashFlow();
        v.pricePnl = m.state.pricePnl(m.price, m.skewScale);
        v.seqPnl = m.state.seqPnl(m.price, m.skewScale);
        v.funding = m.state.funding();
        v.borrowingFee = m.state.borrowing();
        v.closingFee = m.state.closingFee(m.price, m.skewScale, m.closingFeeRate);
        v.reserves = m.reserves(v.config.reserveFactor, false);
    }

    /// @inheritdoc IProtocolLens
    function vault() external view returns (VaultView memory v) {
        IVault lpVault = protocol.vault();
        Exposure memory e = protocol.exposure(lpVault.reservesByLargerSide());
        v.liquidity = e.liquidity;
        v.netDeposits = protocol.netDeposits();
        v.upperValue = lpVault.upperValue();
        v.lowerValue = lpVault.lowerValue();
        v.reserves = e.reserves;
        v.totalDebt = uint256(SignedMath.max(0, e.seqPnl + e.funding));
        v.collateralizationRatio =
            v.totalDebt == 0 ? type(uint256).max : v.liquidity.fullMulDiv(FixedPoint.WAD, v.totalDebt);
        v.totalSupply = lpVault.totalSupply();
        v.custody = IERC20(lpVault.asset()).balanceOf(address(lpVault));
    }

    /// @dev A market accrued to now.
    function _load(uint256 marketId) private view returns (Market memory) {
        return protocol.marketWords(marketId, ALL).load();
    }

    /// @dev A market without positions is not asked for its price.
    function _unrealised(uint256[16] memory words) private view returns (Unrealised memory u) {
        if (words[1] == 0) return u;
        Market memory m = words.load();
        u.pricePnl = m.state.pricePnl(m.price, m.skewScale);
        u.closingFee = m.state.closingFee(m.price, m.skewScale, m.closingFeeRate);
        u.funding = m.state.funding();
        u.borrowingFee = m.state.borrowing();
    }

    function _books(CashFlow memory flow, Unrealised memory u) private pure returns (Books memory books) {
        Unrealised memory counted;
        books.cashFlow = _balance(flow, counted);
        books.balance = _balance(flow, u);
        counted.pricePnl = SignedMath.max(0, u.pricePnl);
        counted.funding = SignedMath.max(0, u.funding);
        books.withdrawalBalance = _balance(flow, counted);
    }

    function _balance(CashFlow memory flow, Unrealised memory u) private pure returns (Balance memory b) {
        b.pricePnl = flow.pricePnl - u.pricePnl;
        b.openingFee = flow.openingFee;
        b.closingFee = flow.closingFee - u.closingFee;
        b.accruedFunding = flow.accruedFunding - u.funding;
        b.borrowingFee = flow.borrowingFee - u.borrowingFee;
        b.badDebt = flow.badDebt;
        b.total = b.pricePnl + b.openingFee + b.closingFee + b.accruedFunding + b.borrowingFee + b.badDebt;
    }

    function _fill(PositionView memory v, Market memory m, address trader, uint256 threshold) private view {
        PositionDetails memory details = protocol.getPositionDetails(trader);
        Position memory p = v.position;
        (p.size, p.entryPrice) = (details.size, details.entryPrice);
        (p.fundingIndex, p.borrowIndex) = (details.fundingIndex, details.borrowIndex);
        v.id = details.id;
        v.trader = trader;
        v.collateral = details.collateral;
        v.entryNotional = details.entryNotional;
        m.realise(v.unrealised, p, p.size, m.fillPrice(-p.size));
        (int256 equity, int256 atOracle) = m.equities(p, v.unrealised, details.collateral);
        v.equity = SignedMath.max(equity, atOracle);
        v.leverage = PositionLib.leverage(details.entryNotional, v.equity);
        v.liquidatable = v.leverage > threshold;
    }
}
