// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

/// @notice When an order may fill, by the oracle price of its market.
/// Always: at the first price. AtOrAbove, AtOrBelow: at a price that is at least, or at most, its trigger.
enum Condition {
    Always,
    AtOrAbove,
    AtOrBelow
}

/// @notice What an account asks for, beside market, size and worst price.
/// A limit order to buy is AtOrBelow, one to sell AtOrAbove; a stop the other way round. Take-profit and stop-loss are the same
/// with `reduceOnly`. Always is for markets with two-step execution: what would be traded at once elsewhere.
/// @param trigger WAD; ignored with Always. @param reduceOnly Whether it can only make a position smaller.
/// @param expiry Seconds; from then on it cannot be filled. @param keeperFee For whoever fills it, PREP base units, reserved.
/// @param linkedTo An order of the same account of which one that is filled cancels the other, and all others linked to it, where
/// they can be cancelled; 0: none.
struct OrderTerms {
    Condition condition;
    uint256 trigger;
    bool reduceOnly;
    uint256 expiry;
    uint256 keeperFee;
    uint256 linkedTo;
}

/// @notice An order that waits. @param next The next one in its ring of linked orders; itself if alone.
struct Order {
    uint256 accountId;
    uint256 marketId;
    int256 size;
    uint256 limit;
    OrderTerms terms;
    uint256 placedAt;
    uint256 next;
}

/// @notice Waiting: for its price. Ready: it may be filled now. Dead: it can never be filled again. Gone: filled, cancelled,
/// removed, or never placed.
enum OrderState {
    Waiting,
    Ready,
    Dead,
    Gone
}

/// @title Orders of credit accounts
/// @notice Anyone may fill an order whose condition holds, at the price of the moment, for its keeper fee. Where a market has a
/// `minExecutionDelay`, an order fills only at the first price, published at least that long after it was placed, of a run of
/// prices at which its condition holds, and only while that price is the latest: nobody trades on what he has already seen
/// elsewhere. Holds no money: fees are reserved in the manager.
interface IOrderBook {
    /// @notice An order was placed.
    event OrderPlaced(uint256 indexed orderId, uint256 indexed accountId, Order order);
    /// @notice An order was cancelled, by its account or because a linked one was filled. Its fee went back to the account.
    event OrderCancelled(uint256 indexed orderId, uint256 indexed accountId);
    /// @notice An order was filled.
    event OrderTriggered(uint256 indexed orderId, uint256 indexed accountId, address indexed keeper, uint256 price);
    /// @notice An order on a market with two-step execution could have been filled but for its own account (`reason`): it
    /// would not stand well, or has no room for one more position. It is gone, what was linked to it is not, and its fee went to
    /// whoever tried.
    event OrderRefused(uint256 indexed orderId, uint256 indexed accountId, address indexed keeper, bytes reason);
    /// @notice A dead order was removed. `feeToRemover`: whether the fee went to who did it or back to the account.
    event OrderRemoved(uint256 indexed orderId, uint256 indexed accountId, address indexed remover, bool feeToRemover);
    /// @notice An order of a batch was left as it is.
    event OrderSkipped(uint256 indexed orderId, bytes reason);

    /// @notice Trades on this market are filled in two steps: place an order instead.
    error TwoStepMarket(uint256 marketId);
    /// @notice The trade would fill at a price worse than is accepted, WAD.
    error PriceNotAcceptable(uint256 price, uint256 acceptable);
    /// @notice Only the manager may call this.
    error NotManager(address caller);
    /// @notice There is no such order, or not of this account.
    error UnknownOrder(uint256 orderId);
    /// @notice The order's size is zero or too large.
    error SizeOutOfBounds(int256 size);
    /// @notice An order that always may fill is for markets with two-step execution, and only there.
    error ConditionRefused(Condition condition);
    /// @notice The expiry is in the past, or too far away.
    error ExpiryOutOfBounds(uint256 expiry, uint256 min, uint256 max);
    /// @notice The fee is below what a market with two-step execution needs, or too large.
    error KeeperFeeOutOfBounds(uint256 fee, uint256 min, uint256 max);
    /// @notice The account has as many orders as it can have.
    error TooManyOrders(uint256 max);
    /// @notice The order's condition does not hold, or it must wait for a later price.
    error OrderNotReady(uint256 orderId, OrderState state);
    /// @notice The order could be filled now or later: it cannot be removed.
    error OrderAlive(uint256 orderId, OrderState state);
    /// @notice The order waits for its price, or could be filled now, in a market with two-step execution: it cannot be
    /// cancelled.
    error OrderBound(uint256 orderId);

    /// @notice Places an order. Manager only.
    function place(uint256 accountId, uint256 marketId, int256 size, uint256 limit, OrderTerms calldata terms)
        external
        returns (uint256 orderId);

    /// @notice Cancels an order. Manager only. @return keeperFee What was reserved.
    function cancel(uint256 accountId, uint256 orderId) external returns (uint256 keeperFee);

    /// @notice Fills an order whose condition holds. Its fee goes to the caller; orders linked to it are cancelled, but for those
    /// that could not be cancelled by their account either (`OrderBound`).
    function execute(uint256 orderId) external;

    /// @notice As `execute`, for many; one that fails is skipped. @return filled Which ones were filled, or used up (`OrderRefused`).
    function executeMany(uint256[] calldata orderIds) external returns (bool[] memory filled);

    /// @notice Removes a dead order. Its fee goes back to the account; in a market with two-step execution, where it is dead
    /// because its price has passed, to the caller.
    function remove(uint256 orderId) external;

    /// @notice Reverts unless an account could trade at once, and at `limit` (WAD, 0: any) or better: the price at which `size`,
    /// cut to the position if it can only reduce, moves the skew.
    function checkTrade(uint256 accountId, uint256 marketId, int256 size, uint256 limit, bool reduceOnly) external view;

    /// @notice An order.
    function order(uint256 orderId) external view returns (Order memory);

    /// @notice Whether an order can be filled. Reverts without a usable price, where one is needed.
    function stateOf(uint256 orderId) external view returns (OrderState);

    /// @notice Ids of the orders of an account, in no order.
    function ordersOf(uint256 accountId) external view returns (uint256[] memory);
}
