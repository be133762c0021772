// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IAggregatorV3} from "../../interfaces/IAggregatorV3.sol";

/// @title A data feed that says what anyone tells it to
/// @notice MOCK: for local networks and tests only. Anyone may set any answer; nothing of value may ever depend on it.
/// Keeps all rounds, the latest apart so that asking for it costs one slot. Serves as a price feed and, with answers 0 (up) and 1 (down), as an uptime feed.
contract MockAggregator is IAggregatorV3 {
    using SafeCast for int256;
    using SafeCast for uint256;

    /// @dev One slot: 16 + 5 + 5 + 3 + 3 = 32 bytes.
    struct Round {
        int128 answer;
        uint40 startedAt;
        uint40 updatedAt;
        uint24 roundId;
        uint24 answeredInRound;
    }

    /// @notice There is a new round with a new answer, as real aggregators report it.
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    /// @notice There was no such round, or not yet.
    error NoDataPresent(uint80 roundId);

    /// @inheritdoc IAggregatorV3
    uint8 public immutable decimals;
    /// @inheritdoc IAggregatorV3
    uint256 public constant version = 4;
    /// @inheritdoc IAggregatorV3
    string public description;

    Round private _latest;
    mapping(uint256 roundId => Round) private _earlier;

    constructor(uint8 decimals_, string memory description_, int256 answer) {
        decimals = decimals_;
        description = description_;
        setAnswer(answer);
    }

    /// @notice Begins and completes the next round now, with this answer: good news or bad, of any sign.
    function setAnswer(int256 answer) public {
        uint256 roundId = uint256(_latest.roundId) + 1;
        setRound(roundId, answer, block.timestamp, block.timestamp, roundId);
    }

    /// @notice Makes this the latest round, however little sense it makes. It replaces the one of the same id.
    function setRound(uint256 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint256 answeredInRound)
        public
    {
        Round memory before = _latest;
        if (before.roundId != roundId) _earlier[before.roundId] = before;
        _latest = Round({
            answer: answer.toInt128(),
            startedAt: startedAt.toUint40(),
            updatedAt: updatedAt.toUint40(),
            roundId: roundId.toUint24(),
            answeredInRound: answeredInRound.toUint24()
        });
        emit AnswerUpdated(answer, roundId, updatedAt);
    }

    /// @inheritdoc IAggregatorV3
    function getRoundData(uint80 _roundId) external view returns (uint256, int256, uint256, uint256, uint256) {
        if (_roundId == _latest.roundId) return latestRoundData();
        Round memory round = _earlier[_roundId];
        require(_roundId != 0 && _roundId < _latest.roundId && round.roundId == _roundId, NoDataPresent(_roundId));
        return (round.roundId, round.answer, round.startedAt, round.updatedAt, round.answeredInRound);
    }

    /// @inheritdoc IAggregatorV3
    function latestRoundData() public view returns (uint256, int256, uint256, uint256, uint256) {
        Round memory round = _latest;
        return (round.roundId, round.answer, round.startedAt, round.updatedAt, round.answeredInRound);
    }
}
