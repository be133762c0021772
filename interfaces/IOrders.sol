// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IMarkets, Position, Realised} from "./IMarkets.sol";

/// @notice What an order does.
/// @param size Base units as executed: as asked for, or cut to a close.
/// @param closePrice At which the position before was realised, WAD; 0 if there was none.
/// @param realised Of the whole position before; the closing fee on the size removed only.
/// @param openingFee On the size added, PREP base units, not negative.
/// @param protocolFee The protocol's share of both fees, each rounded up.
/// @param settlement What was realised less the opening fee: paid to the client, or pulled from it when negative.
/// @param position After: held at its execution price and the indices of now; all zero when flat.
struct OrderOutcome {
    int256 size;
    uint256 closePrice;
    Realised realised;
    uint256 openingFee;
    uint256 protocolFee;
    int256 settlement;
    Position position;
}

/// @title Orders of margin clients, on every market
/// @notice A client is a contract that keeps accounts and answers for them. Every order settles in full: all that the
/// position has won or lost is paid at once in PREP, and what is left open is held anew at the price of now. Positions
/// are per (client, account, market) and are never liquidated here.
interface IOrders is IMarkets {
    /// @notice An order was executed, or a position closed on behalf of its account.
    event OrderExecuted(
        address indexed client, uint256 indexed account, uint256 indexed marketId, OrderOutcome outcome
    );

    /// @notice A client may, or may no longer, open and grow positions.
    event MarginClientSet(address indexed client, bool registered);

    /// @notice Only registered margin clients can open and grow positions.
    error NotMarginClient(address caller);
    /// @notice The market has a skew scale and has changed in this block already: no deleverage before the next one.
    error MarketBusy(uint256 marketId);
    /// @notice The caller is not the deleverager.
    error NotDeleverager(address caller);
    /// @notice `size` would not reduce a position of `held`.
    error NotReducible(int256 held, int256 size);

    /// @notice Trades `size` base units (positive buys) for an account of the caller. What changes the sign closes the
    /// position and opens the rest. A registered client may do anything, any other only reduce. The caller is told
    /// (`IMarginClient`): this fails if that fails, so always where the caller has no code.
    /// @param reduceOnly Refused when flat or when `size` has the position's sign; cut to a close when larger.
    /// @return settlement PREP base units, paid to the caller or, when negative, pulled from it.
    function executeOrder(uint256 account, uint256 marketId, int256 size, bool reduceOnly)
        external
        returns (int256 settlement);

    /// @notice What `executeOrder` would do for `client` now; reverts where it would.
    function previewOrder(address client, uint256 account, uint256 marketId, int256 size, bool reduceOnly)
        external
        view
        returns (OrderOutcome memory);

    /// @notice Closes all positions of an account of the caller; gains and losses are netted before anything is paid. The
    /// caller is not told: it must hold the net that it owes. Cost grows with the number of markets.
    function closeAll(uint256 account) external returns (int256 settlement);

    /// @notice Closes `size`, signed like the position, of an account's position in a market, as a reduce-only order of the
    /// client would, and tells the client. For the deleverager.
    function closeOnBehalf(address client, uint256 account, uint256 marketId, int256 size)
        external
        returns (int256 settlement);

    /// @notice Registers a client, or ends its registration: then it can still reduce and close. Admin only.
    function setMarginClient(address client, bool registered) external;

    /// @notice Whether a client is registered.
    function isMarginClient(address client) external view returns (bool);

    /// @notice A position as stored. Needs no price.
    function marginPosition(address client, uint256 account, uint256 marketId) external view returns (Position memory);

    /// @notice What a margin client needs to know of a position for its account's health. Reverts without a usable price;
    /// all zero, without a price, where there is no position.
    /// @return size Base units.
    /// @return value `|size|` at the oracle price, PREP base units, rounded down.
    /// @return atFill What closing all of it would realise now, fees included.
    /// @return atOracle The same, with the price PnL at the bare oracle price.
    function marginEquity(address client, uint256 account, uint256 marketId)
        external
        view
        returns (int256 size, uint256 value, int256 atFill, int256 atOracle);
}
