// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {IAggregatorV3} from "../../interfaces/IAggregatorV3.sol";
import {ChainlinkOracleConfig, IChainlinkOracle} from "../../interfaces/IChainlinkOracle.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {FixedPoint} from "../perps/FixedPoint.sol";

/// @title Price adapter over a Chainlink data feed
/// @notice Turns the answer of a feed, dollars per whole unit of an asset, into a price per base unit, or refuses.
///
/// UNITS. `price()` is PREP base units (18 decimals, $1 each whole) per base unit of the asset, WAD:
/// `answer * 10**(36 - feedDecimals - assetDecimals)`. One bitcoin of 8 decimals at $100,000 is 1e33.
///
/// ROUNDING. The price is exact unless feed and asset have more than 36 decimals together; then it is rounded down, and
/// an answer that rounds to zero is refused like one below the lowest price.
///
/// REFUSALS. Each with its own error: a round without an answer of its own; an answer that is zero, negative, stale,
/// from the future, or too large to scale; a price outside the bounds; with a sequencer feed, a sequencer that is down,
/// has been back for at most the grace period, or whose round is not initialised. A feed that reverts makes `price()`
/// revert with the feed's own error.
///
/// AGE. An answer is good while it is at most `heartbeat` seconds old. An uptime feed changes only with the sequencer's
/// state, so its own age says nothing and is not looked at.
///
/// REQUIREMENTS. The feed is quoted in dollars and its decimals, read once here, never change. The feed's owner is
/// trusted to put only such an aggregator behind its proxy. Bounds that leave too little room stop the market for as
/// long as the price stays outside.
///
/// SETTINGS are immutable and there is no owner. Another setting means another adapter. Nothing is in storage: a price
/// costs the call to the feed and little else.
contract ChainlinkOracle is IChainlinkOracle {
    uint256 private constant MAX_HEARTBEAT = 7 days;
    uint256 private constant MAX_GRACE = 1 days;
    uint256 private constant MAX_DECIMALS = 36;
    /// @dev Decimals of PREP and of WAD together.
    int256 private constant PRICE_DECIMALS = 36;

    /// @inheritdoc IChainlinkOracle
    IAggregatorV3 public immutable feed;
    /// @inheritdoc IChainlinkOracle
    uint256 public immutable heartbeat;
    /// @inheritdoc IChainlinkOracle
    uint256 public immutable assetDecimals;
    /// @inheritdoc IChainlinkOracle
    uint256 public immutable minPrice;
    /// @inheritdoc IChainlinkOracle
    uint256 public immutable maxPrice;
    /// @inheritdoc IChainlinkOracle
    IAggregatorV3 public immutable sequencerFeed;
    /// @inheritdoc IChainlinkOracle
    uint256 public immutable sequencerGrace;
    /// @inheritdoc IChainlinkOracle
    int256 public immutable exponent;

    /// @dev `10**|exponent|`.
    uint256 private immutable _scale;
    /// @dev The largest answer whose price fits into 256 bits.
    uint256 private immutable _maxAnswer;

    constructor(ChainlinkOracleConfig memory config) {
        require(
            config.heartbeat != 0 && config.heartbeat <= MAX_HEARTBEAT,
            HeartbeatOutOfRange(config.heartbeat, MAX_HEARTBEAT)
        );
        require(
            config.maxPrice == 0 || config.minPrice <= config.maxPrice, BoundsCrossed(config.minPrice, config.maxPrice)
        );
        if (address(config.sequencerFeed) == address(0)) {
            require(config.sequencerGrace == 0, GraceWithoutSequencer(config.sequencerGrace));
        } else {
            require(
                config.sequencerGrace != 0 && config.sequencerGrace <= MAX_GRACE,
                GraceOutOfRange(config.sequencerGrace, MAX_GRACE)
            );
            require(address(config.sequencerFeed).code.length != 0, FeedNotContract(address(config.sequencerFeed)));
        }
        require(address(config.feed).code.length != 0, FeedNotContract(address(config.feed)));
        uint256 feedDecimals = config.feed.decimals();
        require(
            feedDecimals <= MAX_DECIMALS && config.assetDecimals <= MAX_DECIMALS,
            DecimalsOutOfRange(feedDecimals, config.assetDecimals, MAX_DECIMALS)
        );

        feed = config.feed;
        heartbeat = config.heartbeat;
        assetDecimals = config.assetDecimals;
        minPrice = config.minPrice == 0 ? 1 : config.minPrice;
        maxPrice = config.maxPrice == 0 ? type(uint256).max : config.maxPrice;
        sequencerFeed = config.sequencerFeed;
        sequencerGrace = config.sequencerGrace;

        int256 exponent_ = PRICE_DECIMALS - int256(feedDecimals + config.assetDecimals);
        exponent = exponent_;
        uint256 scale = 10 ** SignedMath.abs(exponent_);
        _scale = scale;
        _maxAnswer = exponent_ >= 0 ? FixedPoint.divDown(type(uint256).max, scale) : type(uint256).max;
    }

    /// @inheritdoc IPriceOracle
    function price() external view returns (uint256 scaled) {
        if (address(sequencerFeed) != address(0)) _requireSequencerUp();

        (uint256 roundId, int256 answer,, uint256 updatedAt, uint256 answeredInRound) = feed.latestRoundData();
        require(updatedAt != 0 && answeredInRound >= roundId, RoundIncomplete(roundId, answeredInRound, updatedAt));
        require(updatedAt <= block.timestamp, AnswerFromFuture(updatedAt));
        unchecked {
            // Cannot underflow: checked just above.
            require(block.timestamp - updatedAt <= heartbeat, AnswerStale(updatedAt, heartbeat));
        }
        require(answer > 0, AnswerNotPositive(answer));
        require(uint256(answer) <= _maxAnswer, AnswerTooLarge(answer, _maxAnswer));
        scaled = _scaled(answer);
        require(scaled >= minPrice, PriceBelowMin(scaled, minPrice));
        require(scaled <= maxPrice, PriceAboveMax(scaled, maxPrice));
    }

    /// @inheritdoc IPriceOracle
    function lastUpdate() external view returns (uint256 timestamp) {
        try feed.latestRoundData() returns (uint256, int256 answer, uint256, uint256 updatedAt, uint256) {
            if (answer > 0) timestamp = updatedAt;
        } catch {}
    }

    /// @inheritdoc IPriceOracle
    /// @dev Not known are the round before the first of an aggregator (ids begin anew there, below the proxy's phase in the
    /// upper bits), one that the feed does not give, and one without an answer that can be scaled. A caller cannot make
    /// it unknown by giving little gas: with a 64th of what the feed needs nothing can be done with the answer.
    function previous() external view returns (uint256 scaled, uint256 timestamp) {
        (uint256 roundId, int256 answer,, uint256 updatedAt,) = feed.latestRoundData();
        require(answer > 0, AnswerNotPositive(answer));
        if (uint64(roundId) > 1 && roundId <= type(uint80).max) {
            try feed.getRoundData(uint80(roundId - 1)) returns (
                uint256, int256 earlier, uint256, uint256 earlierAt, uint256
            ) {
                if (earlier > 0 && uint256(earlier) <= _maxAnswer && earlierAt != 0) {
                    (answer, updatedAt) = (earlier, earlierAt);
                }
            } catch {}
        }
        return (uint256(answer) <= _maxAnswer ? _scaled(answer) : type(uint256).max, updatedAt);
    }

    /// @dev The price of an answer that is positive and at most `_maxAnswer`.
    function _scaled(int256 answer) private view returns (uint256) {
        if (exponent < 0) return FixedPoint.divDown(uint256(answer), _scale);
        unchecked {
            // Cannot overflow: this is what `_maxAnswer` is for.
            return uint256(answer) * _scale;
        }
    }

    /// @dev An uptime feed answers 0 while the sequencer is up; its round began when that last changed.
    function _requireSequencerUp() private view {
        (, int256 answer, uint256 startedAt,,) = sequencerFeed.latestRoundData();
        require(answer == 0, SequencerDown(startedAt));
        require(startedAt != 0 && startedAt <= block.timestamp, SequencerRoundInvalid(startedAt));
        require(block.timestamp - startedAt > sequencerGrace, SequencerInGrace(startedAt + sequencerGrace));
    }
}
