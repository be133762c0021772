// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title The counterparty of all perps and the one custodian of PREP
/// @notice ERC-4626. Deposits and mints are priced at `upperValue`, withdrawals, redemptions, `totalAssets` and
/// `convertTo*` at `lowerValue`, so that nobody gains by stepping in or out around a realisation. Traders' collateral
/// and unpaid protocol fees lie here too and are not part of the value; nor are tokens that somebody just sends.
interface IVault is IERC4626 {
    /// @notice An amount of assets or shares that must be above zero is zero, given so or after rounding.
    error ZeroAmount();
    /// @notice Fewer shares, or assets, than the caller accepts.
    error TooLittleReceived(uint256 received, uint256 min);
    /// @notice Withdrawals are switched off.
    error WithdrawalsStopped();
    /// @notice A parameter is outside of its coded bounds.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);

    /// @notice Withdrawals leave this much liquidity for each unit that the vault owes to traders, WAD.
    event TargetCollateralizationRatioSet(uint256 ratio);
    /// @notice Deposits can bring liquidity up to this, PREP base units.
    event DepositCapSet(uint256 cap);
    /// @notice Withdrawals are switched off, or on again.
    event WithdrawalsSwitched(bool stopped);

    /// @notice The protocol whose trades this vault backs.
    function protocol() external view returns (address);

    /// @notice Whether withdrawals leave the reserve for the larger side of each market, not for the difference.
    function reservesByLargerSide() external view returns (bool);

    /// @notice Liquidity over what is owed to traders (`max(0, sum of seqPnl + funding)`) that withdrawals leave at least,
    /// WAD; 0: none.
    function targetCollateralizationRatio() external view returns (uint256);

    /// @notice Liquidity that deposits can lead to at most, PREP base units.
    function depositCap() external view returns (uint256);

    /// @notice Whether withdrawals and redemptions are switched off.
    function withdrawalsStopped() external view returns (bool);

    /// @notice Sets the target, at most 10 WAD. For the risk manager.
    function setTargetCollateralizationRatio(uint256 ratio) external;

    /// @notice Sets the cap, at most 1e37. Above it already: deposits are closed, nobody is put out. For the risk manager.
    function setDepositCap(uint256 cap) external;

    /// @notice Switches withdrawals and redemptions off. For the guardian.
    function stopWithdrawals() external;

    /// @notice Switches withdrawals and redemptions on again. For the admin.
    function resumeWithdrawals() external;

    /// @notice What deposits are priced at: liquidity less all that traders would take, never below zero.
    function upperValue() external view returns (uint256);

    /// @notice What withdrawals are priced at: liquidity less traders' profits, ignoring their losses.
    function lowerValue() external view returns (uint256);

    /// @notice Deposits `assets` for the caller.
    function deposit(uint256 assets) external returns (uint256 shares);

    /// @notice Withdraws `assets` of the caller to the caller.
    function withdraw(uint256 assets) external returns (uint256 shares);

    /// @notice Redeems `shares` of the caller to the caller.
    function redeem(uint256 shares) external returns (uint256 assets);

    /// @notice As ERC-4626 `deposit`, unless fewer than `minShares` would be minted.
    function deposit(uint256 assets, address receiver, uint256 minShares) external returns (uint256 shares);

    /// @notice As ERC-4626 `redeem`, unless less than `minAssets` would be paid.
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets)
        external
        returns (uint256 assets);
}
