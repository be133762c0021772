// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IMarkets} from "../interfaces/IMarkets.sol";
import {Condition, OrderState} from "../interfaces/IOrderBook.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IProtocol, TradeKind} from "../interfaces/IProtocol.sol";
import {ITradeRequests, TradeRequest} from "../interfaces/ITradeRequests.sol";
import {FillWindow} from "./perps/FillWindow.sol";
import {MarketStorage} from "./perps/MarketStorage.sol";

/// @title Isolated trades in two steps
/// @notice Holds requests, and the keeper fees that they reserve, until somebody fills or removes them. No owner, no setting.
contract TradeRequests is ITradeRequests, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant BTC = 0;
    uint256 private constant MIN_KEEPER_FEE = 1e18;
    uint256 private constant MAX_KEEPER_FEE = 100e18;
    uint256 private constant MAX_LIFETIME = 1 days;
    uint256 private constant DELAY_BIT = 10;
    uint256 private constant DELAY = 0xfff << DELAY_BIT;

    IERC20 private immutable PREP;

    /// @dev A request in storage.
    struct RequestSlots {
        // 20 + 1 + 1 + 5 + 5
        address trader;
        TradeKind kind;
        bool isLong;
        uint40 placedAt;
        uint40 expiry;
        // 16 + 16
        uint128 amount;
        uint128 keeperFee;
        // 32
        uint256 acceptablePrice;
    }

    /// @inheritdoc ITradeRequests
    address public protocol;
    uint96 private _count;
    mapping(uint256 requestId => RequestSlots) private _requests;

    constructor(IERC20 prep) {
        PREP = prep;
    }

    /// @inheritdoc ITradeRequests
    function bind() external {
        require(protocol == address(0), AlreadyBound(protocol));
        protocol = msg.sender;
    }

    /// @inheritdoc ITradeRequests
    function request(
        TradeKind kind,
        bool isLong,
        uint256 amount,
        uint256 acceptablePrice,
        uint256 expiry,
        uint256 keeperFee
    ) external nonReentrant returns (uint256 requestId) {
        (, uint256 delay,) = _market();
        require(delay != 0, OneStepMarket(BTC));
        if (kind == TradeKind.Close) amount = 0;
        else require(amount != 0, IMarkets.ZeroAmount());
        require(amount <= type(uint128).max, IMarkets.AmountOutOfBounds(amount, type(uint128).max));
        uint256 min = block.timestamp + delay;
        uint256 max = block.timestamp + MAX_LIFETIME;
        require(expiry >= min && expiry <= max, ExpiryOutOfBounds(expiry, min, max));
        require(
            keeperFee >= MIN_KEEPER_FEE && keeperFee <= MAX_KEEPER_FEE,
            KeeperFeeOutOfBounds(keeperFee, MIN_KEEPER_FEE, MAX_KEEPER_FEE)
        );

        requestId = ++_count;
        _requests[requestId] = RequestSlots({
            trader: msg.sender,
            kind: kind,
            isLong: isLong,
            placedAt: uint40(block.timestamp),
            expiry: uint40(expiry),
            amount: uint128(amount),
            keeperFee: uint128(keeperFee),
            acceptablePrice: acceptablePrice
        });
        emit TradeRequested(requestId, msg.sender, tradeRequest(requestId));
        PREP.safeTransferFrom(msg.sender, address(this), keeperFee);
    }

    /// @inheritdoc ITradeRequests
    function execute(uint256 requestId) external nonReentrant {
        PREP.safeTransfer(msg.sender, _execute(requestId, msg.sender));
    }

    /// @inheritdoc ITradeRequests
    function executeMany(uint256[] calldata requestIds) external nonReentrant returns (bool[] memory filled) {
        filled = new bool[](requestIds.length);
        uint256 fees;
        for (uint256 i = 0; i < requestIds.length; ++i) {
            try this.executeFor(requestIds[i], msg.sender) returns (uint256 keeperFee) {
                fees += keeperFee;
                filled[i] = true;
            } catch (bytes memory reason) {
                emit TradeSkipped(requestIds[i], reason);
            }
        }
        if (fees != 0) PREP.safeTransfer(msg.sender, fees);
    }

    /// @notice One of a batch, undone alone if it fails. For this contract only.
    function executeFor(uint256 requestId, address keeper) external returns (uint256 keeperFee) {
        require(msg.sender == address(this), NotItself(msg.sender));
        return _execute(requestId, keeper);
    }

    /// @inheritdoc ITradeRequests
    function remove(uint256 requestId) external nonReentrant {
        TradeRequest memory r = _load(requestId);
        (OrderState state, bool feeToRemover) = _judge(r);
        require(state == OrderState.Dead, RequestAlive(requestId, state));
        delete _requests[requestId];
        emit TradeRemoved(requestId, r.trader, msg.sender, feeToRemover);
        PREP.safeTransfer(feeToRemover ? msg.sender : r.trader, r.keeperFee);
    }

    /// @inheritdoc ITradeRequests
    function tradeRequest(uint256 requestId) public view returns (TradeRequest memory) {
        RequestSlots storage s = _requests[requestId];
        return TradeRequest({
            trader: s.trader,
            kind: s.kind,
            isLong: s.isLong,
            amount: s.amount,
            acceptablePrice: s.acceptablePrice,
            expiry: s.expiry,
            keeperFee: s.keeperFee,
            placedAt: s.placedAt
        });
    }

    /// @inheritdoc ITradeRequests
    function stateOf(uint256 requestId) external view returns (OrderState state) {
        TradeRequest memory r = tradeRequest(requestId);
        if (r.trader == address(0)) return OrderState.Gone;
        (state,) = _judge(r);
    }

    /// @inheritdoc ITradeRequests
    function requestCount() external view returns (uint256) {
        return _count;
    }

    /// @dev Fills a request. What it leaves is the fee, which is to be paid.
    function _execute(uint256 requestId, address keeper) private returns (uint256 keeperFee) {
        TradeRequest memory r = _load(requestId);
        (OrderState state,) = _judge(r);
        require(state == OrderState.Ready, RequestNotReady(requestId, state));
        delete _requests[requestId];
        IProtocol(protocol).tradeFor(r.trader, r.kind, r.isLong, r.amount, r.acceptablePrice);
        emit TradeFilled(requestId, r.trader, keeper, r.keeperFee);
        return r.keeperFee;
    }

    /// @dev The state of a request, and who gets its fee should it be dead.
    function _judge(TradeRequest memory r) private view returns (OrderState state, bool feeToRemover) {
        (IPriceOracle oracle, uint256 delay, bool settled) = _market();
        bool expired = block.timestamp >= r.expiry;
        if (settled) {
            bool opens = r.kind <= TradeKind.Increase;
            return (expired || opens ? OrderState.Dead : OrderState.Ready, false);
        }
        (state,) = FillWindow.stateOf(oracle, delay, r.placedAt, Condition.Always, 0);
        if (state == OrderState.Dead) return (state, true);
        if (!expired) return (state, false);
        // What could have been filled in time has had its price.
        feeToRemover = delay != 0 && state == OrderState.Ready && oracle.lastUpdate() < r.expiry;
        return (OrderState.Dead, feeToRemover);
    }

    function _load(uint256 requestId) private view returns (TradeRequest memory r) {
        r = tradeRequest(requestId);
        require(r.trader != address(0), UnknownRequest(requestId));
    }

    /// @dev What the protocol's first word of the market says: see `MarketSlots`.
    function _market() private view returns (IPriceOracle oracle, uint256 delay, bool settled) {
        uint256 word = IProtocol(protocol).marketWords(BTC, 1)[0];
        uint256 flags = word >> 224;
        return (IPriceOracle(address(uint160(word))), (flags & DELAY) >> DELAY_BIT, flags & MarketStorage.SETTLED != 0);
    }
}
