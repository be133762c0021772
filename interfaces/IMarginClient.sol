// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

/// @title What the protocol tells a margin client
/// @notice Everything else a client does itself and knows.
interface IMarginClient {
    /// @notice A position of `account` was changed, by the client's own `executeOrder` or by a deleverage that anyone may
    /// have started. A positive `settlement` (PREP base units) has been paid to the client before; a negative one is pulled
    /// from it afterwards, so its allowance and balance must cover it then. Protocol only; a revert undoes the change.
    /// @param size Of the position afterwards, base units. @param forced Whether it was a deleverage.
    function onSettlement(uint256 account, uint256 marketId, int256 size, int256 settlement, bool forced) external;
}
