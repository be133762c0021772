// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {OrderState} from "./IOrderBook.sol";
import {TradeKind} from "./IProtocol.sol";

/// @notice An isolated trade that waits for its price. `amount` and `isLong` as the protocol's function of that kind takes them.
/// @param acceptablePrice The worst price, WAD. @param expiry Seconds; from then on it cannot be filled.
/// @param keeperFee For whoever fills it, PREP base units; held here.
struct TradeRequest {
    address trader;
    TradeKind kind;
    bool isLong;
    uint256 amount;
    uint256 acceptablePrice;
    uint256 expiry;
    uint256 keeperFee;
    uint256 placedAt;
}

/// @title Isolated trades in two steps
/// @notice While the isolated market has a `minExecutionDelay`, opening, increasing, decreasing and closing go through here: a
/// request fills, by anyone and for its keeper fee, at the first oracle price published at least that long after it was
/// placed, and only while that price is the latest. It can be neither changed nor cancelled. Once a later price exists it is
/// dead, and whoever removes it takes its fee. So does whoever tries to fill it where its trader lacks the collateral.
/// Liquidation and deleverage need no request.
interface ITradeRequests {
    /// @notice A trade was requested.
    event TradeRequested(uint256 indexed requestId, address indexed trader, TradeRequest request);
    /// @notice A request was filled.
    event TradeFilled(uint256 indexed requestId, address indexed trader, address indexed keeper, uint256 keeperFee);
    /// @notice A request that was ready is gone because its trader lacks collateral: `reason` is the protocol's error. Its fee
    /// went to who tried to fill it.
    event TradeRefused(uint256 indexed requestId, address indexed trader, address indexed keeper, bytes reason);
    /// @notice A dead request was removed. `feeToRemover`: whether the fee went to who did it or back to the trader.
    event TradeRemoved(uint256 indexed requestId, address indexed trader, address indexed remover, bool feeToRemover);
    /// @notice A request of a batch was left as it is.
    event TradeSkipped(uint256 indexed requestId, bytes reason);

    /// @notice The protocol is set, once, by itself.
    error AlreadyBound(address protocol);
    /// @notice There is no such request.
    error UnknownRequest(uint256 requestId);
    /// @notice The market fills trades at once: no request is needed.
    error OneStepMarket(uint256 marketId);
    /// @notice The expiry is before the request could be filled, or too far away.
    error ExpiryOutOfBounds(uint256 expiry, uint256 min, uint256 max);
    /// @notice The fee is too small or too large.
    error KeeperFeeOutOfBounds(uint256 fee, uint256 min, uint256 max);
    /// @notice The request waits for its price, or has died.
    error RequestNotReady(uint256 requestId, OrderState state);
    /// @notice The request could be filled now or later: it cannot be removed.
    error RequestAlive(uint256 requestId, OrderState state);
    /// @notice Only this contract may call this.
    error NotItself(address caller);

    /// @notice Makes the caller the protocol that requests are for. For its constructor.
    function bind() external;

    /// @notice Requests a trade. The keeper fee is taken from the caller's wallet, by his allowance.
    /// @param amount As the protocol's function takes it; ignored for Close. @param isLong For the kinds that open.
    function request(
        TradeKind kind,
        bool isLong,
        uint256 amount,
        uint256 acceptablePrice,
        uint256 expiry,
        uint256 keeperFee
    ) external returns (uint256 requestId);

    /// @notice Fills a request, or ends it without a trade where its trader lacks collateral. Its fee goes to the caller.
    function execute(uint256 requestId) external;

    /// @notice As `execute`, for many; one that fails is skipped. @return filled Which ones were filled.
    function executeMany(uint256[] calldata requestIds) external returns (bool[] memory filled);

    /// @notice Removes a dead request. Its fee goes to the caller if its price has passed, to the trader if it has only expired.
    function remove(uint256 requestId) external;

    /// @notice The protocol.
    function protocol() external view returns (address);

    /// @notice A request; all zero when gone.
    function tradeRequest(uint256 requestId) external view returns (TradeRequest memory);

    /// @notice Whether a request can be filled. Reverts without a usable price, where one is needed.
    function stateOf(uint256 requestId) external view returns (OrderState);

    /// @notice The highest id ever given out.
    function requestCount() external view returns (uint256);
}
