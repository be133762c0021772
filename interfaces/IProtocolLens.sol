// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {CashFlow, MarketConfig, MarketState, Position, Realised} from "./IMarkets.sol";
import {IProtocol} from "./IProtocol.sol";

/// @notice An isolated position at the current price.
/// @param id The position's id. @param trader Its owner.
/// @param collateral PREP base units.
/// @param entryNotional PREP base units.
/// @param position Size, entry price and indices.
/// @param unrealised What closing it now would realise.
/// @param equity Collateral and PnL as liquidation sees them, PREP base units.
/// @param leverage WAD, rounded up; `type(uint256).max` when nothing is left.
/// @param liquidatable Whether it can be liquidated now.
struct PositionView {
    uint256 id;
    address trader;
    uint256 collateral;
    uint256 entryNotional;
    Position position;
    Realised unrealised;
    int256 equity;
    uint256 leverage;
    bool liquidatable;
}

/// @notice Which position of a margin client.
struct MarginKey {
    address client;
    uint256 account;
    uint256 marketId;
}

/// @notice A margin client's position at the current price.
/// @param key Whose. @param position As stored; all zero without one. @param unrealised What closing it now would realise.
/// @param settlement The sum of that, PREP base units: what closing would pay to the client or, negative, take from it.
struct MarginPositionView {
    MarginKey key;
    Position position;
    Realised unrealised;
    int256 settlement;
}

/// @notice A market at the current price, accrued to now. Unrealised amounts are the traders', PREP base units.
/// @param price WAD. @param state Aggregates. @param config Parameters. @param cashFlow Realised, the vault's view.
/// @param pricePnl What each position would realise through the price if it alone closed first, summed up.
/// @param seqPnl What closing all of them would realise through the price.
/// @param funding @param borrowingFee @param closingFee The other unrealised amounts.
/// @param reserves Liquidity that has to stay in the vault, by the difference of the sides.
/// @param settled Whether the market has its last price.
struct MarketView {
    uint256 price;
    MarketState state;
    MarketConfig config;
    CashFlow cashFlow;
    int256 pricePnl;
    int256 seqPnl;
    int256 funding;
    int256 borrowingFee;
    int256 closingFee;
    uint256 reserves;
    bool settled;
}

/// @notice The vault at the current prices, PREP base units.
/// @param liquidity Net deposits and realised cash flow. @param netDeposits LP deposits minus withdrawals.
/// @param upperValue What deposits are priced at. @param lowerValue What withdrawals are priced at.
/// @param reserves Liquidity that has to stay. @param totalDebt What traders would take, not below zero.
/// @param collateralizationRatio `CR`: liquidity over debt, WAD; `type(uint256).max` without debt.
/// @param totalSupply Shares, 24 decimals.
/// @param custody PREP that the vault holds: liquidity, traders' collateral, unpaid fees and gifts.
struct VaultView {
    uint256 liquidity;
    int256 netDeposits;
    uint256 upperValue;
    uint256 lowerValue;
    uint256 reserves;
    uint256 totalDebt;
    uint256 collateralizationRatio;
    uint256 totalSupply;
    uint256 custody;
}

/// @notice Amounts by component from the vault's side, PREP base units: positive is the vault's gain.
struct Balance {
    int256 pricePnl;
    int256 openingFee;
    int256 closingFee;
    int256 accruedFunding;
    int256 borrowingFee;
    int256 badDebt;
    int256 total;
}

/// @notice The books of a market, or of all.
/// @param cashFlow What has been realised. @param balance That, less all that is unrealised.
/// @param withdrawalBalance Cash flow less what traders have coming, without what they would have to pay or fees due.
struct Books {
    Balance cashFlow;
    Balance balance;
    Balance withdrawalBalance;
}

/// @title Everything worth knowing about the protocol, in few calls
/// @notice Reads only, and computes with the same libraries as the protocol. Reverts like it without a usable price.
interface IProtocolLens {
    /// @notice The protocol that this lens looks at.
    function protocol() external view returns (IProtocol);

    /// @notice Open positions with ids in `[fromId, fromId + count)`, in the order of ids.
    function positions(uint256 fromId, uint256 count) external view returns (PositionView[] memory);

    /// @notice One trader's position; all zero but the collateral when there is none.
    function position(address trader) external view returns (PositionView memory);

    /// @notice Positions of margin clients, in the order of the keys. Cost grows with their number.
    function marginPositions(MarginKey[] calldata keys) external view returns (MarginPositionView[] memory);

    /// @notice What trading `size` base units (positive buys) at once would cost: the execution price (WAD) and the fee on
    /// it if it opens or grows a position, and if it closes or decreases one (PREP base units, not negative).
    function quote(uint256 marketId, int256 size)
        external
        view
        returns (uint256 price, uint256 openingFee, uint256 closingFee);

    /// @notice The 24-hour funding rate of now, WAD; positive: longs pay.
    function fundingRate(uint256 marketId) external view returns (int256);

    /// @notice The books of a market.
    function marketBooks(uint256 marketId) external view returns (Books memory);

    /// @notice The books of all markets together. What is unrealised is summed over markets before a maximum is taken.
    /// @return total The books.
    /// @return totalWithdrawalBalance Net deposits and the withdrawal balance, not below zero.
    function accounting() external view returns (Books memory total, uint256 totalWithdrawalBalance);

    /// @notice A market's parameters. Needs no price, like the next two.
    function marketConfig(uint256 marketId) external view returns (MarketConfig memory);

    /// @notice A market's aggregates as stored, that is as of its last accrual.
    function marketState(uint256 marketId) external view returns (MarketState memory);

    /// @notice A market's realised cash flow, vault's view.
    function cashFlow(uint256 marketId) external view returns (CashFlow memory);

    /// @notice A market.
    function market(uint256 marketId) external view returns (MarketView memory);

    /// @notice The vault.
    function vault() external view returns (VaultView memory);
}
