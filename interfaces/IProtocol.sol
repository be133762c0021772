// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Realised} from "./IMarkets.sol";
import {IOrders} from "./IOrders.sol";
import {ITradeRequests} from "./ITradeRequests.sol";
import {IVault} from "./IVault.sol";

/// @notice A trader's collateral and position.
/// @param id The position's id; 0 when there is no position.
/// @param size Base units, positive long, negative short.
/// @param entryPrice WAD.
/// @param collateral The trader's balance, PREP base units; also without a position.
/// @param entryNotional `|cost|` = |size * entryPrice / WAD|, PREP base units.
/// @param borrowIndex `B` at entry. @param fundingIndex `F` at entry.
struct PositionDetails {
    uint256 id;
    int256 size;
    uint256 entryPrice;
    uint256 collateral;
    uint256 entryNotional;
    uint256 borrowIndex;
    int256 fundingIndex;
}

/// @notice The isolated trades that can be requested.
enum TradeKind {
    OpenWithSize,
    OpenWithToken,
    Increase,
    Decrease,
    Close
}

/// @title Isolated perpetual futures
/// @notice One collateral balance and one position per address, on market 0, up to 15x; the vault is the counterparty.
/// Amounts are PREP base units (18 decimals), prices and rates WAD, sizes base units of the asset. Every change either
/// happens whole or reverts with an error that says why.
interface IProtocol is IOrders {
    /// @notice A trader's balance was changed by a deposit (positive) or a withdrawal (negative); `collateral`: after.
    event CollateralChanged(address indexed trader, int256 amount, uint256 collateral);

    /// @notice A position was opened or increased. Size, entry price, indices and collateral are those after.
    /// @param price The execution price of what was added. @param openingFee What the trader paid, not negative.
    /// @param borrowIndex The market's `B`; what the position has from then on is an average of both.
    event PositionIncreased(
        address indexed trader,
        uint256 indexed id,
        uint256 indexed marketId,
        int256 sizeAdded,
        uint256 price,
        int256 size,
        uint256 entryPrice,
        uint256 collateral,
        uint256 openingFee,
        uint256 borrowIndex
    );

    /// @notice A position was decreased or closed, by its owner or in a liquidation. Entry price and indices stay. A
    /// size of 0 frees the id.
    /// @param sizeRemoved What was closed, with the position's sign. @param price Its execution price.
    /// @param size After. @param collateral After. @param realised What the trader won or lost by it.
    /// @param badDebt What the trader owed and could not pay, without the protocol's share that was waived.
    /// @param borrowIndex The market's `B`.
    event PositionDecreased(
        address indexed trader,
        uint256 indexed id,
        uint256 indexed marketId,
        int256 sizeRemoved,
        uint256 price,
        int256 size,
        uint256 collateral,
        Realised realised,
        uint256 badDebt,
        uint256 borrowIndex
    );

    /// @notice A position was liquidated in part or whole; the decreases are logged before.
    /// @param collateral The trader's balance after. @param reward Credited to the liquidator's balance.
    /// @param fromVault The part of the reward that the vault added.
    /// @param liquidatorCollateral The liquidator's balance after.
    event PositionLiquidated(
        address indexed trader,
        uint256 indexed id,
        address indexed liquidator,
        uint256 collateral,
        uint256 reward,
        uint256 fromVault,
        uint256 liquidatorCollateral
    );

    /// @notice The caller has no position.
    error NoPosition();
    /// @notice The caller has a position already.
    error PositionExists(uint256 id);
    /// @notice No open position has this id.
    error UnknownPosition(uint256 id);
    /// @notice The balance does not cover what has to be paid from it.
    error InsufficientCollateral(uint256 collateral, uint256 required);
    /// @notice Leverage afterwards would be above the maximum. `type(uint256).max`: nothing would back the position.
    error LeverageTooHigh(uint256 leverage, uint256 max);
    /// @notice A decrease asks for more than the position's entry notional.
    error DecreaseTooLarge(uint256 notional, uint256 entryNotional);
    /// @notice Leverage is not above the liquidation threshold.
    error PositionHealthy(uint256 leverage, uint256 threshold);
    /// @notice A trader cannot liquidate himself.
    error SelfLiquidation();
    /// @notice The execution price is worse than the caller accepts.
    error PriceNotAcceptable(uint256 price, uint256 acceptable);
    /// @notice The deadline has passed.
    error DeadlinePassed(uint256 deadline);
    /// @notice The caller is not the vault.
    error NotVault(address caller);
    /// @notice The caller is not the contract of requests.
    error NotRequests(address caller);
    /// @notice The market fills trades in two steps: request it.
    error TwoStepMarket(uint256 marketId);

    /// @notice Largest leverage after opening, increasing and withdrawing collateral, WAD.
    function MAX_LEVERAGE() external view returns (uint256);

    /// @notice Leverage above which a position can be liquidated, WAD.
    function LIQUIDATION_LEVERAGE() external view returns (uint256);

    /// @notice A liquidator's reward, WAD of the entry notional before.
    function LIQUIDATION_REWARD_RATE() external view returns (uint256);

    /// @notice The most that the vault adds to one reward where the trader's collateral does not cover it.
    function MAX_REWARD_FROM_VAULT() external view returns (uint256);

    /// @notice The counterparty and custodian.
    function vault() external view returns (IVault);

    /// @notice Who alone closes positions on behalf of their owners; its code says when.
    function deleverager() external view returns (address);

    /// @notice Counts what an LP deposits (positive) or withdraws (negative). Vault only.
    function countDeposit(int256 assets) external;

    // ------------------------------------------------------------------------------------------------- collateral

    /// @notice Adds to the caller's balance. Needs an allowance of PREP for this contract. Never needs a price.
    function depositCollateral(uint256 amount) external;

    /// @notice Takes from the caller's balance. With a position, leverage must be at most 15x afterwards.
    function withdrawCollateral(uint256 amount) external;

    // -------------------------------------------------------------------------------------------------- positions

    /// @notice Opens a position with a notional of `size` PREP base units.
    function openPositionWithSize(uint256 size, bool isLong) external;

    /// @notice As above, unless the execution price is worse than `acceptablePrice` or `deadline` has passed.
    function openPositionWithSize(uint256 size, bool isLong, uint256 acceptablePrice, uint256 deadline) external;

    /// @notice Opens a position of `sizeOfToken` base units of the asset.
    function openPositionWithToken(uint256 sizeOfToken, bool isLong) external;

    /// @notice As above, unless the execution price is worse than `acceptablePrice` or `deadline` has passed.
    function openPositionWithToken(uint256 sizeOfToken, bool isLong, uint256 acceptablePrice, uint256 deadline)
        external;

    /// @notice Adds a notional of `size` to the caller's position. Nothing is realised but the opening fee.
    function increasePosition(uint256 size) external;

    /// @notice As above, unless the execution price is worse than `acceptablePrice` or `deadline` has passed.
    function increasePosition(uint256 size, uint256 acceptablePrice, uint256 deadline) external;

    /// @notice Closes the part of the caller's position whose entry notional is `size`; its whole entry notional closes
    /// it. Reverts if collateral cannot pay what is realised; closing always works.
    function decreasePosition(uint256 size) external;

    /// @notice As above, unless the execution price is worse than `acceptablePrice` or `deadline` has passed.
    function decreasePosition(uint256 size, uint256 acceptablePrice, uint256 deadline) external;

    /// @notice Closes the caller's position. What collateral cannot pay is bad debt of the vault.
    function closePosition() external;

    /// @notice As above, unless the execution price is worse than `acceptablePrice` or `deadline` has passed.
    function closePosition(uint256 acceptablePrice, uint256 deadline) external;

    /// @notice Liquidates a third of a position whose leverage is above 30x, or all of it where a third does not help.
    /// Anyone but the trader. The reward is 0.5 % of the entry notional before, as far as what the trader has left, and then
    /// at most 50 PREP of the vault, pay for it. It is added to the caller's balance.
    function liquidatePosition(uint256 id) external;

    /// @notice Closes `size` base units, signed like the position, of a trader's position, as its owner could. For the
    /// deleverager.
    /// @return settlement What the trader won or lost by it, PREP base units, fees included.
    function closeOnBehalf(address trader, int256 size) external returns (int256 settlement);

    // ------------------------------------------------------------------------------------------------------ views

    /// @notice Leverage of a position, WAD, rounded up: entry notional / (collateral + PnL), where PnL is what closing
    /// now would realise, at the better of execution and oracle price; `type(uint256).max` when nothing is left.
    /// @return leverageRate Leverage. @return isLiquidable Whether it is strictly above 30x.
    function checkPositionLeverageAndLiquidability(uint256 id)
        external
        view
        returns (uint256 leverageRate, bool isLiquidable);

    /// @notice Liquidity that has to stay in the vault for the open positions, by the difference of the sides.
    function liquidityReservesToHold() external view returns (uint256);

    /// @notice The highest id ever given out.
    function getNumOfOpenPositionsIds() external view returns (uint256);

    /// @notice The ids free for reuse, the next one to be used first.
    function getIdsNotInUse() external view returns (uint256[] memory);

    /// @notice A trader's collateral and position as stored. Needs no price.
    function getPositionDetails(address trader) external view returns (PositionDetails memory);

    /// @notice The owner of an open position; the zero address for an id that is free or was never given out.
    function positionOwner(uint256 id) external view returns (address);

    /// @notice Trades for somebody who has requested it, with the worst price that he accepts. For the contract of requests.
    function tradeFor(address trader, TradeKind kind, bool isLong, uint256 amount, uint256 acceptablePrice) external;

    /// @notice Where trades are requested while the market fills them in two steps.
    function requests() external view returns (ITradeRequests);
}
