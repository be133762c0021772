// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @title The counterparty of all perps and the one custodian of PREP
/// @notice ERC-4626. Deposits and mints are priced at `upperValue`, withdrawals, redemptions, `totalAssets` and
/// `convertTo*` at `lowerValue`, so that nobody gains by stepping in or out around a realisation. Traders' collateral
/// and unpaid protocol fees lie here too and are not part of the value; nor are tokens that somebody just sends.
///
/// While `cooldownPeriod` is above 0, only shares whose owner has requested it that long ago can be withdrawn or redeemed.
/// A request locks its shares: they stay in the owner's balance, keep sharing profit and loss, and cannot be transferred
/// or requested twice. Once matured they can be taken, oldest request first, until the request lapses, which unlocks what
/// is left of it. Every owner has a queue for each `ref` that he chooses: 0 for ordinary owners, who need no other, and
/// whatever a contract that holds shares for many wants to tell apart. Functions without a `ref` act on 0.
///
/// What has lapsed counts as unlocked for every function that acts on its queue (transfers act on 0), and as locked for
/// those that act on another, until one of the former or `clearLapsed` has removed it.
interface IVault is IERC4626 {
    /// @notice A request that has not lapsed. `lapsesAt`: the first second in which the shares cannot be taken any more,
    /// if withdrawals are not stopped from now on; 0: never. While they are stopped, it moves along.
    struct RedeemRequest {
        uint256 shares;
        uint256 maturesAt;
        uint256 lapsesAt;
    }

    /// @notice An amount of assets or shares that must be above zero is zero, given so or after rounding.
    error ZeroAmount();
    /// @notice Fewer shares, or assets, than the caller accepts.
    error TooLittleReceived(uint256 received, uint256 min);
    /// @notice Withdrawals are switched off.
    error WithdrawalsStopped();
    /// @notice A parameter is outside of its coded bounds.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);
    /// @notice Without a cooldown there is nothing to request: shares can be redeemed at once.
    error NoCooldown();
    /// @notice The queue is full: redeem, cancel, or wait until a request lapses.
    error TooManyRequests(uint256 max);
    /// @notice Fewer shares of the owner are unlocked than a transfer or a request needs.
    error InsufficientUnlocked(address owner, uint256 unlocked, uint256 needed);
    /// @notice More shares to be cancelled than are requested.
    error RequestsExceeded(uint256 shares, uint256 requested);

    /// @notice Withdrawals leave this much liquidity for each unit that the vault owes to traders, WAD.
    event TargetCollateralizationRatioSet(uint256 ratio);
    /// @notice Deposits can bring liquidity up to this, PREP base units.
    event DepositCapSet(uint256 cap);
    /// @notice Withdrawals are switched off, or on again.
    event WithdrawalsSwitched(bool stopped);
    /// @notice Requests from now on mature after so many seconds; 0: none are needed.
    event CooldownPeriodSet(uint256 period);
    /// @notice Requests from now on lapse so many seconds after they have matured; 0: never.
    event RedeemWindowSet(uint256 window);
    /// @notice Shares were locked. `lapsesAt`: later by as long as withdrawals are stopped meanwhile; 0: never.
    /// @param locked All locked shares of the owner afterwards, as in the events below.
    event RedeemRequested(
        address indexed owner,
        uint256 indexed ref,
        uint256 shares,
        uint256 maturesAt,
        uint256 lapsesAt,
        uint256 locked
    );
    /// @notice Shares were unlocked by their owner, those of the newest requests first.
    event RequestsCancelled(address indexed owner, uint256 indexed ref, uint256 shares, uint256 locked);
    /// @notice Matured shares are being withdrawn or redeemed, those of the oldest requests first.
    event RequestsRedeemed(address indexed owner, uint256 indexed ref, uint256 shares, uint256 locked);
    /// @notice Lapsed requests were removed, and their shares unlocked.
    event RequestsLapsed(address indexed owner, uint256 indexed ref, uint256 shares, uint256 locked);

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

    /// @notice Seconds between a request and when it matures; 0: shares can be redeemed without one.
    function cooldownPeriod() external view returns (uint256);

    /// @notice Seconds between when a request matures and when it lapses, time during which withdrawals are stopped not
    /// counted; 0: it never does.
    function redeemWindow() external view returns (uint256);

    /// @notice Sets the target, at most 10 WAD. For the risk manager.
    function setTargetCollateralizationRatio(uint256 ratio) external;

    /// @notice Sets the cap, at most 1e37. Above it already: deposits are closed, nobody is put out. For the risk manager.
    function setDepositCap(uint256 cap) external;

    /// @notice Sets the period for requests from now on, at most 30 days. At 0, unlocked shares can be redeemed at once,
    /// locked ones when they have matured or after cancelling. For the risk manager.
    function setCooldownPeriod(uint256 period) external;

    /// @notice Sets the window for requests from now on: 0, or from 1 to 365 days. For the risk manager.
    function setRedeemWindow(uint256 window) external;

    /// @notice Switches withdrawals and redemptions off. Requests can be made and cancelled, mature, and do not lapse
    /// meanwhile. For the guardian.
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

    /// @notice As above, of the shares that the queue `ref` lets go.
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets, uint256 ref)
        external
        returns (uint256 assets);

    /// @notice Locks `shares` of the caller until they are redeemed, cancelled or lapsed. A queue takes 8 requests.
    function requestRedeem(uint256 shares) external returns (uint256 maturesAt);

    /// @notice As above, in the queue `ref`.
    function requestRedeem(uint256 shares, uint256 ref) external returns (uint256 maturesAt);

    /// @notice Unlocks `shares` of the caller's requests, matured or not, newest first.
    function cancelRequest(uint256 shares, uint256 ref) external;

    /// @notice Removes what has lapsed from a queue, which unlocks it for all purposes. For anyone.
    /// @return shares What was unlocked.
    function clearLapsed(address owner, uint256 ref) external returns (uint256 shares);

    /// @notice A queue, oldest request first.
    function requests(address owner, uint256 ref) external view returns (RedeemRequest[] memory);

    /// @notice What `owner` can neither transfer nor request: requests of all queues that have not lapsed, and those of
    /// queues other than 0 that have and were not removed yet.
    function lockedShares(address owner) external view returns (uint256);

    /// @notice What has matured in a queue and, without a cooldown, all unlocked shares. Limits of the vault and stopped
    /// withdrawals aside.
    function redeemableShares(address owner, uint256 ref) external view returns (uint256);

    /// @notice As ERC-4626 `maxWithdraw`, of the shares that the queue `ref` lets go. There is no `withdraw` with a queue:
    /// it says what `maxRedeem(owner, ref)` is worth.
    function maxWithdraw(address owner, uint256 ref) external view returns (uint256 assets);

    /// @notice As ERC-4626 `maxRedeem`, of the shares that the queue `ref` lets go.
    function maxRedeem(address owner, uint256 ref) external view returns (uint256 shares);
}
