// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

/// @title A price that can be trusted or is refused
/// @notice One adapter serves one asset. It either answers with a fresh price or reverts; it never answers with a price
/// that it would not stand for.
interface IPriceOracle {
    /// @notice The current price.
    /// @return price PREP base units per base unit of the asset, WAD (18 decimals), greater than 0.
    function price() external view returns (uint256 price);

    /// @notice When the source last gave an answer that is one, however old it is now: how long it has been dead.
    /// @return timestamp Seconds; 0 when the source has no answer to give or refuses to be asked.
    function lastUpdate() external view returns (uint256 timestamp);

    /// @notice The answer before the latest one. What cannot be known is said to be like the latest: whoever needs to know that
    /// something was not true before cannot be told so.
    /// @return price As `price()`, but of any age and without bounds.
    /// @return timestamp Seconds.
    function previous() external view returns (uint256 price, uint256 timestamp);
}
