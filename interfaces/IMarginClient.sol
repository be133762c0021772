// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

/// @title What the protocol tells a margin client
/// @notice Everything else a client does itself and knows.
interface IMarginClient {
    /// @notice A position of `account` was closed, in part or whole, by a deleverage that anyone may have started. A
    /// positive `settlement` (PREP base units) has been paid to the client before; a negative one is pulled from it
    /// afterwards, so its allowance and balance must cover it. Protocol only; a revert undoes the deleverage.
    function onDeleverage(uint256 account, uint256 marketId, int256 settlement) external;
}
