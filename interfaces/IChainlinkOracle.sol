// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IAggregatorV3} from "./IAggregatorV3.sol";
import {IPriceOracle} from "./IPriceOracle.sol";

/// @notice Everything that is decided about an adapter, once, at deployment.
/// @param feed The asset in dollars.
/// @param heartbeat Age, in seconds, above which an answer is stale: the feed's heartbeat and a margin. 1 to 7 days.
/// @param assetDecimals Decimals of the asset: one whole unit is `10**assetDecimals` base units. At most 36.
/// @param minPrice Lowest price given out, in units of `price()`. 0: no bound.
/// @param maxPrice Highest price given out, in units of `price()`. 0: no bound.
/// @param sequencerFeed Uptime feed of a rollup's sequencer. Zero address: there is none to watch.
/// @param sequencerGrace Seconds for which no price is given out after the sequencer came back. 1 second to 1 day
/// with a sequencer feed, 0 without.
struct ChainlinkOracleConfig {
    IAggregatorV3 feed;
    uint256 heartbeat;
    uint256 assetDecimals;
    uint256 minPrice;
    uint256 maxPrice;
    IAggregatorV3 sequencerFeed;
    uint256 sequencerGrace;
}

/// @title A Chainlink feed as a price of one base unit
interface IChainlinkOracle is IPriceOracle {
    /// @notice The feed's latest round has no answer of its own yet.
    error RoundIncomplete(uint256 roundId, uint256 answeredInRound, uint256 updatedAt);
    /// @notice The feed answers zero or less.
    error AnswerNotPositive(int256 answer);
    /// @notice The feed's answer is so large that the price does not fit into 256 bits.
    error AnswerTooLarge(int256 answer, uint256 max);
    /// @notice The feed's answer is older than the heartbeat allows.
    error AnswerStale(uint256 updatedAt, uint256 heartbeat);
    /// @notice The feed's answer claims to be newer than this block.
    error AnswerFromFuture(uint256 updatedAt);
    /// @notice The price is below the lowest one that this adapter stands for.
    error PriceBelowMin(uint256 price, uint256 min);
    /// @notice The price is above the highest one that this adapter stands for.
    error PriceAboveMax(uint256 price, uint256 max);
    /// @notice The rollup's sequencer has been down since `since` (seconds).
    error SequencerDown(uint256 since);
    /// @notice The sequencer came back too recently; prices are given out after `until` (seconds).
    error SequencerInGrace(uint256 until);
    /// @notice The sequencer's round is not initialised, or begins after this block.
    error SequencerRoundInvalid(uint256 startedAt);

    /// @notice There is no code at the address given for a feed.
    error FeedNotContract(address feed);
    /// @notice The heartbeat is zero or too long.
    error HeartbeatOutOfRange(uint256 heartbeat, uint256 max);
    /// @notice The feed or the asset has more decimals than this adapter handles.
    error DecimalsOutOfRange(uint256 feedDecimals, uint256 assetDecimals, uint256 max);
    /// @notice The lowest price is above the highest.
    error BoundsCrossed(uint256 min, uint256 max);
    /// @notice With a sequencer feed the grace period is zero or too long.
    error GraceOutOfRange(uint256 grace, uint256 max);
    /// @notice A grace period is given without a sequencer feed.
    error GraceWithoutSequencer(uint256 grace);

    /// @notice The feed that is asked.
    function feed() external view returns (IAggregatorV3);

    /// @notice Age, in seconds, above which an answer is stale.
    function heartbeat() external view returns (uint256);

    /// @notice Decimals of the asset's base unit.
    function assetDecimals() external view returns (uint256);

    /// @notice The `e` in `price = answer * 10**e`: 36 less the decimals of the feed and of the asset.
    function exponent() external view returns (int256);

    /// @notice Lowest price given out; 1 when no bound was set.
    function minPrice() external view returns (uint256);

    /// @notice Highest price given out; `type(uint256).max` when no bound was set.
    function maxPrice() external view returns (uint256);

    /// @notice Uptime feed of the rollup's sequencer, or the zero address.
    function sequencerFeed() external view returns (IAggregatorV3);

    /// @notice Seconds for which no price is given out after the sequencer came back.
    function sequencerGrace() external view returns (uint256);
}
