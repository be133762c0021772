// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

/// @title What a Chainlink data feed answers
/// @notice The part of a feed's proxy that consumers use, as deployed everywhere. Round ids are returned as `uint256`,
/// where Chainlink declares `uint80`: the encoding is the same, and decoding them costs less.
interface IAggregatorV3 {
    /// @notice Decimals of every answer.
    function decimals() external view returns (uint8);

    /// @notice What is priced in what, such as "BTC / USD".
    function description() external view returns (string memory);

    /// @notice Version of the aggregator behind the proxy.
    function version() external view returns (uint256);

    /// @notice The round `_roundId`; reverts when there is none.
    /// @return roundId The round.
    /// @return answer Its answer.
    /// @return startedAt When it began, seconds.
    /// @return updatedAt When its answer was computed, seconds; 0: not yet.
    /// @return answeredInRound Deprecated; below `roundId` on old feeds when the answer was carried over.
    function getRoundData(uint80 _roundId)
        external
        view
        returns (uint256 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint256 answeredInRound);

    /// @notice The latest round, as `getRoundData` gives it.
    function latestRoundData()
        external
        view
        returns (uint256 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint256 answeredInRound);
}
