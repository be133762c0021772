// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IUniswapV3Pool} from "@uniswap/v3-core/contracts/interfaces/IUniswapV3Pool.sol";
import {IPriceOracle} from "./IPriceOracle.sol";

/// @notice Everything that is decided about an adapter, once, at deployment.
/// @param pool The Uniswap v3 pool of the two tokens.
/// @param base The token that is priced.
/// @param quote The token in which it is priced.
/// @param period Seconds over which the price is averaged: 30 minutes to 1 day.
/// @param minLiquidity Lowest mean liquidity over the period at which a price is given out, as the pool counts it. More than
/// `period`: then no price is given out while the period has a second without any liquidity.
struct TwapOracleConfig {
    IUniswapV3Pool pool;
    address base;
    address quote;
    uint256 period;
    uint256 minLiquidity;
}

/// @title The price of a Uniswap v3 pool, averaged over time
/// @notice `price()` is base units of `quote` per base unit of `base`, WAD.
interface ITwapOracle is IPriceOracle {
    /// @notice The pool can tell averages over `available` seconds only: it is too young, or has too few observations.
    error HistoryTooShort(uint256 available, uint256 period);
    /// @notice The pool's mean liquidity over the period is too low for its price to be trusted.
    error LiquidityTooLow(uint256 liquidity, uint256 min);
    /// @notice One base unit of `base` is worth less than `quote` can express in WAD.
    error PriceRoundsToZero(int24 tick);

    /// @notice There is no code at the address given for the pool.
    error PoolNotContract(address pool);
    /// @notice The pool is not one of these two tokens.
    error TokensNotOfPool(address base, address quote, address token0, address token1);
    /// @notice The period is too short or too long.
    error PeriodOutOfRange(uint256 period, uint256 min, uint256 max);
    /// @notice The lowest liquidity is not above the period.
    error MinLiquidityTooLow(uint256 minLiquidity, uint256 period);

    /// @notice The pool that is asked.
    function pool() external view returns (IUniswapV3Pool);

    /// @notice The token that is priced.
    function base() external view returns (address);

    /// @notice The token in which it is priced.
    function quote() external view returns (address);

    /// @notice Seconds over which the price is averaged.
    function period() external view returns (uint256);

    /// @notice Lowest mean liquidity at which a price is given out.
    function minLiquidity() external view returns (uint256);

    /// @notice Over how many seconds the pool can tell averages now.
    function available() external view returns (uint256);

    /// @notice What the price is made of. Reverts only while the history is too short.
    /// @return tick The mean tick over the period, rounded down; of `base` in `quote`, whichever the pool has first.
    /// @return liquidity The harmonic mean of the pool's liquidity over the period.
    function mean() external view returns (int24 tick, uint256 liquidity);
}
