// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Exposure, IMarkets, MarketConfig, MarketState, Position} from "../interfaces/IMarkets.sol";
import {IProtocol, PositionDetails} from "../interfaces/IProtocol.sol";
import {IProtocolLens, MarketView, PositionView, VaultView} from "../interfaces/IProtocolLens.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Accounting} from "./perps/Accounting.sol";
import {FixedPoint} from "./perps/FixedPoint.sol";
import {Market, MarketLib} from "./perps/MarketLib.sol";
import {PositionLib} from "./perps/PositionLib.sol";

/// @title Views over the protocol
/// @notice Holds nothing and can do nothing: it exists because the protocol's code has a size limit. Units as there.
/// Cost: `positions` grows with `count`, the others with nothing but the number of markets.
contract ProtocolLens is IProtocolLens {
    using Accounting for MarketState;
    using FixedPoint for uint256;
    using Math for uint256;
    using MarketLib for Market;

    uint256 private constant BTC = 0;
    uint256 private constant MAX_PRICE = 1e36;

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
    function market(uint256 marketId) external view returns (MarketView memory v) {
        v.config = protocol.marketConfig(marketId);
        Market memory m = _load(marketId);
        v.price = m.price;
        v.state = m.state;
        v.cashFlow = protocol.cashFlow(marketId);
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

    /// @dev A market accrued to now, as the protocol would load it.
    function _load(uint256 marketId) private view returns (Market memory m) {
        MarketConfig memory config = protocol.marketConfig(marketId);
        m.state = protocol.marketState(marketId);
        m.price = config.oracle.price();
        require(
            m.price != 0 && m.price <= MAX_PRICE, IMarkets.PriceOutOfBounds(m.price, MAX_PRICE)
        );
        m.skewScale = config.skewScale;
        m.closingFeeRate = config.closingFeeRate;
        m.accrue(config.borrowRate.wmul(config.reserveFactor), config.maxFundingVelocity, block.timestamp);
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
