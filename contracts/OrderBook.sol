// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {ICreditManager} from "../interfaces/ICreditManager.sol";
import {Condition, IOrderBook, Order, OrderState, OrderTerms} from "../interfaces/IOrderBook.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IProtocol} from "../interfaces/IProtocol.sol";
import {Check} from "./Check.sol";
import {FillWindow} from "./perps/FillWindow.sol";
import {MarketReader} from "./perps/MarketReader.sol";
import {Pricing} from "./perps/Pricing.sol";

/// @title Orders of credit accounts
/// @notice Keeps what accounts have asked for and says when it may be filled. The manager trades, checks the account's health and
/// pays; it makes this contract, and the two know no others.
///
/// Ids: `accountId << 32 | number`, numbers of an account counting up from 1: an id is never used twice. An account has few
/// orders, kept beside its counter, so nothing grows with the number of all orders.
/// Linked orders form a ring: who is linked to one is linked to all.
contract OrderBook is IOrderBook {
    using MarketReader for uint256[16];

    uint256 private constant MAX_ORDERS = 15;
    uint256 private constant MAX_SIZE = 1e30;
    uint256 private constant MAX_LIFETIME = 365 days;
    uint256 private constant MAX_KEEPER_FEE = 100e18;
    /// @dev Where execution is in two steps: or nobody but the trader would fill, and he only when it suits him.
    uint256 private constant MIN_TWO_STEP_FEE = 1e18;
    /// @dev Words of a market: flags and oracle; with open interest, skew scale and settlement price, for an execution price.
    uint256 private constant FLAGS = 1;
    uint256 private constant FOR_PRICE = 1 | 1 << 1 | 1 << 14 | 1 << 15;

    ICreditManager private immutable MANAGER;
    IProtocol private immutable PROTOCOL;

    /// @dev An order in storage. `placedAt` is 0 when it is gone.
    struct OrderSlots {
        // 16 + 16 bytes
        int128 size;
        uint128 trigger;
        // 16 + 5 + 5 + 4 + 1 + 1
        uint128 limit;
        uint40 placedAt;
        uint40 expiry;
        uint32 next;
        uint8 marketId;
        bool reduceOnly;
        // 12 + 1
        uint96 keeperFee;
        Condition condition;
    }

    mapping(uint256 orderId => OrderSlots) private _orders;
    /// @dev Two slots: the last number that was given, and the numbers of the orders that there are, in no order.
    mapping(uint256 accountId => uint32[MAX_ORDERS + 1]) private _numbers;

    modifier onlyManager() {
        require(msg.sender == address(MANAGER), NotManager(msg.sender));
        _;
    }

    constructor(ICreditManager manager, IProtocol protocol) {
        MANAGER = manager;
        PROTOCOL = protocol;
    }

    // ----------------------------------------------------------------------------------------------------- account

    /// @inheritdoc IOrderBook
    function place(uint256 accountId, uint256 marketId, int256 size, uint256 limit, OrderTerms calldata terms)
        external
        onlyManager
        returns (uint256 orderId)
    {
        bool twoStep = _delay(PROTOCOL.marketWords(marketId, FLAGS)) != 0;
        require(size != 0 && SignedMath.abs(size) <= MAX_SIZE, SizeOutOfBounds(size));
        require(terms.condition != Condition.Always || twoStep, ConditionRefused(terms.condition));
        uint256 max = block.timestamp + MAX_LIFETIME;
        bool inTime = terms.expiry > block.timestamp && terms.expiry <= max;
        require(inTime, ExpiryOutOfBounds(terms.expiry, block.timestamp + 1, max));
        uint256 min = twoStep ? MIN_TWO_STEP_FEE : 0;
        bool paid = terms.keeperFee >= min && terms.keeperFee <= MAX_KEEPER_FEE;
        require(paid, KeeperFeeOutOfBounds(terms.keeperFee, min, MAX_KEEPER_FEE));

        uint32 number = _add(accountId);
        orderId = accountId << 32 | number;
        OrderSlots storage o = _orders[orderId];
        o.size = int128(size);
        o.trigger = _bounded(terms.trigger);
        o.limit = _bounded(limit);
        // Before it is placed: linked to itself it would be the end of whoever walks its ring.
        o.next = terms.linkedTo == 0 ? number : _link(accountId, terms.linkedTo, number);
        o.placedAt = uint40(block.timestamp);
        o.expiry = uint40(terms.expiry);
        o.marketId = uint8(marketId);
        o.reduceOnly = terms.reduceOnly;
        o.keeperFee = uint96(terms.keeperFee);
        o.condition = terms.condition;
        emit OrderPlaced(orderId, accountId, order(orderId));
    }

    /// @inheritdoc IOrderBook
    function cancel(uint256 accountId, uint256 orderId) external onlyManager returns (uint256 keeperFee) {
        OrderSlots memory o = _order(orderId);
        require(orderId >> 32 == accountId, UnknownOrder(orderId));
        require(!_isBound(orderId, o), OrderBound(orderId));
        _delete(orderId, o.next);
        emit OrderCancelled(orderId, accountId);
        return o.keeperFee;
    }

    // ----------------------------------------------------------------------------------------------------- anybody

    /// @inheritdoc IOrderBook
    function execute(uint256 orderId) external {
        _execute(orderId, msg.sender);
    }

    /// @inheritdoc IOrderBook
    function executeMany(uint256[] calldata orderIds) external returns (bool[] memory filled) {
        filled = new bool[](orderIds.length);
        for (uint256 i = 0; i < orderIds.length; ++i) {
            try this.executeFor(orderIds[i], msg.sender) {
                filled[i] = true;
            } catch (bytes memory reason) {
                emit OrderSkipped(orderIds[i], reason);
            }
        }
    }

    /// @notice Fills one order of a batch. For the order book itself.
    function executeFor(uint256 orderId, address keeper) external {
        require(msg.sender == address(this), NotManager(msg.sender));
        _execute(orderId, keeper);
    }

    /// @notice Fills an order that is ready, or leaves everything as it was. For the order book itself.
    /// @param price Of its oracle, WAD.
    function fillFor(uint256 orderId, address keeper, uint256 price) external {
        require(msg.sender == address(this), NotManager(msg.sender));
        OrderSlots memory o = _order(orderId);
        uint256 accountId = orderId >> 32;
        _cancelLinked(accountId, orderId, o.next);
        _delete(orderId, _orders[orderId].next);
        emit OrderTriggered(orderId, accountId, keeper, price);
        if (o.limit != 0) {
            uint256[16] memory words = PROTOCOL.marketWords(o.marketId, FOR_PRICE);
            _checkPrice(words, accountId, o.marketId, o.size, o.limit, o.reduceOnly);
        }
        MANAGER.fill(accountId, o.marketId, o.size, o.reduceOnly, o.keeperFee, keeper);
    }

    /// @inheritdoc IOrderBook
    function remove(uint256 orderId) external {
        OrderSlots memory o = _order(orderId);
        (OrderState state,, bool missed) = _state(orderId, o);
        require(state == OrderState.Dead, OrderAlive(orderId, state));
        _delete(orderId, o.next);
        uint256 accountId = orderId >> 32;
        emit OrderRemoved(orderId, accountId, msg.sender, missed);
        MANAGER.release(accountId, o.keeperFee, missed ? msg.sender : address(0));
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IOrderBook
    function order(uint256 orderId) public view returns (Order memory) {
        OrderSlots memory o = _orders[orderId];
        uint256 base = orderId >> 32 << 32;
        bool alone = base | o.next == orderId;
        return Order({
            accountId: orderId >> 32,
            marketId: o.marketId,
            size: o.size,
            limit: o.limit,
            terms: OrderTerms(o.condition, o.trigger, o.reduceOnly, o.expiry, o.keeperFee, alone ? 0 : base | o.next),
            placedAt: o.placedAt,
            next: base | o.next
        });
    }

    /// @inheritdoc IOrderBook
    function checkTrade(uint256 accountId, uint256 marketId, int256 size, uint256 limit, bool reduceOnly)
        external
        view
    {
        uint256[16] memory words = PROTOCOL.marketWords(marketId, limit == 0 ? FLAGS : FOR_PRICE);
        require(_delay(words) == 0, TwoStepMarket(marketId));
        if (limit != 0) _checkPrice(words, accountId, marketId, size, limit, reduceOnly);
    }

    /// @inheritdoc IOrderBook
    function stateOf(uint256 orderId) external view returns (OrderState state) {
        OrderSlots memory o = _orders[orderId];
        if (o.placedAt == 0) return OrderState.Gone;
        (state,,) = _state(orderId, o);
    }

    /// @inheritdoc IOrderBook
    function ordersOf(uint256 accountId) external view returns (uint256[] memory orderIds) {
        uint32[MAX_ORDERS + 1] memory numbers = _numbers[accountId];
        orderIds = new uint256[](MAX_ORDERS);
        uint256 count;
        for (uint256 i = 1; i <= MAX_ORDERS; ++i) {
            if (numbers[i] != 0) orderIds[count++] = accountId << 32 | numbers[i];
        }
        // The array's length is its first word.
        assembly ("memory-safe") {
            mstore(orderIds, count)
        }
    }

    // ----------------------------------------------------------------------------------------------------- private

    function _execute(uint256 orderId, address keeper) private {
        OrderSlots memory o = _order(orderId);
        (OrderState state, uint256 price,) = _state(orderId, o);
        require(state == OrderState.Ready, OrderNotReady(orderId, state));
        if (price == 0) price = _oracle(PROTOCOL.marketWords(o.marketId, FLAGS)).price();
        try this.fillFor(orderId, keeper, price) {}
        catch (bytes memory reason) {
            if (!_isOwnFault(o, reason)) Check.bubble(reason);
            // Nothing was filled: what is linked to it stays.
            _delete(orderId, o.next);
            uint256 accountId = orderId >> 32;
            emit OrderRefused(orderId, accountId, keeper, reason);
            MANAGER.release(accountId, o.keeperFee, keeper);
        }
    }

    /// @dev Whether an order failed for its own account on a market with two-step execution. Could such an order be tried again,
    /// it would be filled only after its owner has seen more, by himself, once he has paid in what it lacks, or has made room for
    /// the position. What the lenders lack is not his fault: whoever lends could take a stop-loss away with it.
    function _isOwnFault(OrderSlots memory o, bytes memory reason) private view returns (bool) {
        bytes4 error = bytes4(reason);
        return (error == ICreditManager.AccountUnhealthy.selector || error == ICreditManager.TooMany.selector)
            && _delay(PROTOCOL.marketWords(o.marketId, FLAGS)) != 0;
    }

    /// @dev `price`: of the oracle, where it was asked. `missed`: dead because its price has passed.
    function _state(uint256 orderId, OrderSlots memory o)
        private
        view
        returns (OrderState state, uint256 price, bool missed)
    {
        uint256[16] memory words = PROTOCOL.marketWords(o.marketId, FLAGS);
        if (words.settled()) return (OrderState.Dead, 0, false);
        uint256 delay = words.minExecutionDelay();
        if (delay != 0 && o.condition == Condition.Always) {
            (state, price) = _window(words, delay, o);
            if (state == OrderState.Dead) return (state, price, true);
        }
        if (block.timestamp >= o.expiry) {
            // What could have been filled in time has had its price.
            missed = state == OrderState.Ready && _oracle(words).lastUpdate() < o.expiry;
            return (OrderState.Dead, 0, missed);
        }
        if (o.reduceOnly) {
            int256 held = _held(orderId >> 32, o.marketId);
            if (held == 0 || (held > 0) == (o.size > 0)) return (OrderState.Dead, 0, false);
        }
        if (delay == 0 || o.condition != Condition.Always) (state, price) = _window(words, delay, o);
    }

    function _window(uint256[16] memory words, uint256 delay, OrderSlots memory o)
        private
        view
        returns (OrderState, uint256)
    {
        return FillWindow.stateOf(_oracle(words), delay, o.placedAt, o.condition, o.trigger);
    }

    function _oracle(uint256[16] memory words) private pure returns (IPriceOracle) {
        return IPriceOracle(address(uint160(words[0])));
    }

    /// @dev Requires a trade to fill at `limit` or better. One that can only reduce is cut to the position first.
    function _checkPrice(
        uint256[16] memory words,
        uint256 accountId,
        uint256 marketId,
        int256 size,
        uint256 limit,
        bool reduceOnly
    ) private view {
        if (reduceOnly) {
            int256 held = _held(accountId, marketId);
            if (SignedMath.abs(size) > SignedMath.abs(held)) size = -held;
        }
        int256 skew = int256(uint256(uint128(words[1]))) - int256(words[1] >> 128);
        uint256 price = Pricing.execution(words.price(), uint128(words[14]), skew, skew + size);
        require(size > 0 ? price <= limit : price >= limit, PriceNotAcceptable(price, limit));
    }

    function _held(uint256 accountId, uint256 marketId) private view returns (int256) {
        return PROTOCOL.marginPosition(address(MANAGER), accountId, marketId).size;
    }

    /// @dev What a market that has not been settled makes orders wait for.
    function _delay(uint256[16] memory words) private pure returns (uint256) {
        return words.settled() ? 0 : words.minExecutionDelay();
    }

    function _order(uint256 orderId) private view returns (OrderSlots memory o) {
        o = _orders[orderId];
        require(o.placedAt != 0, UnknownOrder(orderId));
    }

    function _bounded(uint256 price) private pure returns (uint128) {
        // A price is at most 1e36: a bound above all prices is one above all prices.
        return price > type(uint128).max ? type(uint128).max : uint128(price);
    }

    /// @dev Gives the next number of an account to an order.
    function _add(uint256 accountId) private returns (uint32 number) {
        uint32[MAX_ORDERS + 1] storage numbers = _numbers[accountId];
        number = ++numbers[0];
        for (uint256 i = 1; i <= MAX_ORDERS; ++i) {
            if (numbers[i] == 0) {
                numbers[i] = number;
                return number;
            }
        }
        revert TooManyOrders(MAX_ORDERS);
    }

    /// @dev Puts a new order into the ring after `linkedTo`. @return next Its own next one.
    function _link(uint256 accountId, uint256 linkedTo, uint32 number) private returns (uint32 next) {
        OrderSlots storage other = _orders[linkedTo];
        require(other.placedAt != 0 && linkedTo >> 32 == accountId, UnknownOrder(linkedTo));
        next = other.next;
        other.next = number;
    }

    /// @dev Whether an order has to be left to whoever fills it: on a market with two-step execution nobody chooses afterwards.
    function _isBound(uint256 orderId, OrderSlots memory o) private view returns (bool) {
        if (_delay(PROTOCOL.marketWords(o.marketId, FLAGS)) == 0) return false;
        bool always = o.condition == Condition.Always;
        // Without a usable price it cannot be filled either.
        try this.stateOf(orderId) returns (OrderState state) {
            return always ? state != OrderState.Dead : state == OrderState.Ready;
        } catch {
            return always;
        }
    }

    /// @dev Cancels the others of a ring and gives their fees back. Not those that are bound: filling an order must not be a way
    /// to cancel another that cannot be cancelled.
    function _cancelLinked(uint256 accountId, uint256 orderId, uint32 next) private {
        uint256 fees;
        while (next != uint32(orderId)) {
            uint256 other = accountId << 32 | next;
            OrderSlots memory o = _orders[other];
            next = o.next;
            if (_isBound(other, o)) continue;
            fees += o.keeperFee;
            _delete(other, next);
            emit OrderCancelled(other, accountId);
        }
        if (fees != 0) MANAGER.release(accountId, fees, address(0));
    }

    /// @dev Takes an order out of its ring, and deletes it.
    function _delete(uint256 orderId, uint32 next) private {
        uint256 base = orderId >> 32 << 32;
        uint32 number = uint32(orderId);
        uint32 before = next;
        while (before != number && _orders[base | before].next != number) before = _orders[base | before].next;
        if (before != number) _orders[base | before].next = next;
        _clear(orderId);
    }

    function _clear(uint256 orderId) private {
        delete _orders[orderId];
        uint32[MAX_ORDERS + 1] storage numbers = _numbers[orderId >> 32];
        for (uint256 i = 1; i <= MAX_ORDERS; ++i) {
            if (numbers[i] == uint32(orderId)) {
                numbers[i] = 0;
                return;
            }
        }
    }
}
