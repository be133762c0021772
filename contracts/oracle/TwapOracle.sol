// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IUniswapV3Pool} from "@uniswap/v3-core/contracts/interfaces/IUniswapV3Pool.sol";
import {TickMath} from "@uniswap/v4-core/src/libraries/TickMath.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {ITwapOracle, TwapOracleConfig} from "../../interfaces/ITwapOracle.sol";
import {FixedPoint} from "../perps/FixedPoint.sol";

/// @title Price adapter over a Uniswap v3 pool
/// @notice The geometric mean of a pool's price over the last `period` seconds, or a refusal.
///
/// UNITS. `price()` is base units of `quote` per base unit of `base`, WAD: `1.0001**tick`, where `tick` is the mean tick of
/// `base` in `quote`. Where `quote` has few decimals and `base` has many, few digits are left.
///
/// ROUNDING. The mean tick is rounded down in the direction that is asked for, which takes up to a part in 10,000; the price at
/// that tick is rounded down. So a price and the one of the other direction multiply to one at most.
///
/// REFUSALS. Each with its own error: a pool whose observations do not reach back over the period; a mean liquidity below
/// `minLiquidity`; a price that rounds to zero.
///
/// MANIPULATION. Whoever holds the price away by some ticks for some seconds moves the mean by their product over the period.
/// How far the price goes for how much money depends on the liquidity: where there is none, it goes to the end of all
/// prices for nothing. That is why the mean is harmonic: one second without liquidity makes it at most `period`, below every
/// `minLiquidity`. Whoever drives the price out of all liquidity does not get a price by it, but stops prices for a period.
///
/// REQUIREMENTS. The pool is one of Uniswap's factory, which is not checked. Somebody has made room in it for as many
/// observations as there are blocks with swaps in a period (`increaseObservationCardinalityNext`), or `price()` refuses.
///
/// SETTINGS are immutable and there is no owner. Nothing is in storage.
contract TwapOracle is ITwapOracle {
    uint256 private constant MIN_PERIOD = 30 minutes;
    uint256 private constant MAX_PERIOD = 1 days;

    /// @inheritdoc ITwapOracle
    IUniswapV3Pool public immutable pool;
    /// @inheritdoc ITwapOracle
    address public immutable base;
    /// @inheritdoc ITwapOracle
    address public immutable quote;
    /// @inheritdoc ITwapOracle
    uint256 public immutable period;
    /// @inheritdoc ITwapOracle
    uint256 public immutable minLiquidity;

    /// @dev Whether the pool's own price is the one that is asked for.
    bool private immutable _baseIsToken0;

    constructor(TwapOracleConfig memory config) {
        require(
            config.period >= MIN_PERIOD && config.period <= MAX_PERIOD,
            PeriodOutOfRange(config.period, MIN_PERIOD, MAX_PERIOD)
        );
        require(config.minLiquidity > config.period, MinLiquidityTooLow(config.minLiquidity, config.period));
        require(address(config.pool).code.length != 0, PoolNotContract(address(config.pool)));
        (address token0, address token1) = (config.pool.token0(), config.pool.token1());
        bool baseIsToken0 = config.base == token0;
        require(
            baseIsToken0 ? config.quote == token1 : config.base == token1 && config.quote == token0,
            TokensNotOfPool(config.base, config.quote, token0, token1)
        );

        pool = config.pool;
        base = config.base;
        quote = config.quote;
        period = config.period;
        minLiquidity = config.minLiquidity;
        _baseIsToken0 = baseIsToken0;
    }

    /// @inheritdoc IPriceOracle
    function price() external view returns (uint256 price_) {
        (int24 tick, uint256 liquidity) = mean();
        require(liquidity >= minLiquidity, LiquidityTooLow(liquidity, minLiquidity));
        uint256 root = TickMath.getSqrtPriceAtTick(tick);
        // The root has 160 bits and WAD 60: their product fits.
        price_ = FixedPoint.fullMulDiv(root * FixedPoint.WAD, root, 1 << 192);
        require(price_ != 0, PriceRoundsToZero(tick));
    }

    /// @inheritdoc IPriceOracle
    /// @dev A caller cannot make it 0 by giving little gas: with a 64th of what a price needs nothing can be done with it.
    function lastUpdate() external view returns (uint256 timestamp) {
        try this.price() returns (uint256) {
            timestamp = block.timestamp;
        } catch {}
    }

    /// @notice There is a price at every moment, and none before it: as now.
    function previous() external view returns (uint256, uint256) {
        return (this.price(), block.timestamp);
    }

    /// @inheritdoc ITwapOracle
    function mean() public view returns (int24 tick, uint256 liquidity) {
        uint32[] memory ago = new uint32[](2);
        ago[0] = uint32(period);
        try pool.observe(ago) returns (int56[] memory ticks, uint160[] memory secondsPerLiquidity) {
            int256 sum;
            uint160 secondsPerLiquidity_;
            unchecked {
                // The pool's sums wrap around; their differences are right all the same.
                sum = ticks[1] - ticks[0];
                secondsPerLiquidity_ = secondsPerLiquidity[1] - secondsPerLiquidity[0];
            }
            // At most a tick's 20 bits, as every one that is averaged.
            tick = int24(FixedPoint.divDown(_baseIsToken0 ? sum : -sum, int256(period)));
            // Not zero: each second adds at least 1.
            liquidity = FixedPoint.divDown(period << 128, secondsPerLiquidity_);
        } catch {
            revert HistoryTooShort(available(), period);
        }
    }

    /// @inheritdoc ITwapOracle
    function available() public view returns (uint256) {
        (,, uint16 latest, uint16 cardinality,,,) = pool.slot0();
        // Without a price yet.
        if (cardinality == 0) return 0;
        (uint32 oldest,,, bool initialized) = pool.observations((uint256(latest) + 1) % cardinality);
        // Room that was made but not used yet.
        if (!initialized) (oldest,,,) = pool.observations(0);
        unchecked {
            // The pool's times wrap around.
            return uint32(block.timestamp) - oldest;
        }
    }
}
