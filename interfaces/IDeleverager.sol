// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IProtocol} from "./IProtocol.sol";

/// @title Deleverage: closing positions that the vault can no longer carry
/// @notice Anyone may start it, and only while it is due:
/// - the vault's collateralization ratio is below its target: then only what pays its owner is closed;
/// - the position's side exceeds its open-interest cap: then at most the excess.
/// A position closes at the price and with the fees of an ordinary close. In a market with a skew scale only where nothing
/// else has happened in the same block (`MarketBusy` of the protocol): the price is then nobody's making. So simulate on the
/// pending block, and close one position of such a market at a time.
interface IDeleverager {
    /// @notice An isolated position was closed in part or whole. @param size Base units closed, with the position's sign.
    /// @param settlement What its owner won or lost by it, PREP base units, fees included.
    /// @param ratioBefore The vault's collateralization ratio before, WAD. @param ratioAfter And after.
    event TraderDeleveraged(
        address indexed trader, int256 size, int256 settlement, uint256 ratioBefore, uint256 ratioAfter
    );

    /// @notice As above, for an account of a margin client.
    event AccountDeleveraged(
        address indexed client,
        uint256 indexed account,
        uint256 indexed marketId,
        int256 size,
        int256 settlement,
        uint256 ratioBefore,
        uint256 ratioAfter
    );

    /// @notice The most that may be closed is zero.
    error ZeroAmount();
    /// @notice There is no such position.
    error NothingToClose();
    /// @notice The vault is at its target or above, and the position's side within its cap.
    error NothingToDeleverage(uint256 ratio, uint256 target);
    /// @notice Closing would cost its owner something; without an excess of open interest only winners are closed.
    error SettlementNotPositive(int256 settlement);
    /// @notice The collateralization ratio would fall, and be below its target.
    error RatioWorsened(uint256 ratioBefore, uint256 ratioAfter, uint256 target);

    /// @notice The protocol whose positions are closed.
    function protocol() external view returns (IProtocol);

    /// @notice Closes up to `maxSize` base units of a trader's isolated position.
    /// @return settlement What the trader won or lost by it, PREP base units.
    function deleverage(address trader, uint256 maxSize) external returns (int256 settlement);

    /// @notice Closes up to `maxSize` base units of a position of a margin client's account, and tells the client.
    /// @return settlement What was paid to the client or, negative, pulled from it, PREP base units.
    function deleverage(address client, uint256 account, uint256 marketId, uint256 maxSize)
        external
        returns (int256 settlement);
}
