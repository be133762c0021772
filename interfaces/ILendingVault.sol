// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";

/// @notice The yearly rate as a function of utilisation: straight from `atZero` to `atKink`, and from there to `atFull`.
/// All WAD. Bounds: `atZero <= atKink <= atFull <= 10`, `0 < kink < 1`.
struct RateCurve {
    uint256 atZero;
    uint256 atKink;
    uint256 atFull;
    uint256 kink;
}

/// @notice How a borrower's debt grows.
/// Indexed: by the vault's index, every second, at the rate of its curve.
/// Quoted: by interest that the borrower itself records.
enum BorrowerKind {
    None,
    Indexed,
    Quoted
}

/// @title Lends one token to registered contracts
/// @notice ERC-4626. What is lent out counts at its full value until it is written off; what lenders can take out is what
/// lies idle. Amounts are base units of the token. Tokens that somebody just sends are in no count.
interface ILendingVault is IERC4626 {
    /// @notice The index was brought up to date. @param index RAY. @param reserves The treasury's part, after.
    event InterestAccrued(uint256 index, uint256 interest, uint256 reserves);
    /// @notice A borrower took tokens. `debt`: after, rounded up. `shares`: what was added (indexed borrowers, else 0).
    event Borrowed(address indexed borrower, address indexed receiver, uint256 assets, uint256 shares, uint256 debt);
    /// @notice A borrower paid back.
    event Repaid(address indexed borrower, uint256 assets, uint256 shares, uint256 debt);
    /// @notice A quoted borrower recorded interest that it will pay. `locked`: what is not in `totalAssets` yet, after.
    event InterestRecorded(address indexed borrower, uint256 interest, uint256 debt, uint256 locked);
    /// @notice A debt will not be paid. `loss`: what lenders bear of it, after locked interest was consumed.
    event WrittenOff(address indexed borrower, uint256 assets, uint256 shares, uint256 debt, uint256 loss);
    /// @notice The treasury was paid.
    event ReservesCollected(address indexed treasury, uint256 amount, uint256 reserves);
    /// @notice A borrower was registered, or its cap changed.
    event BorrowerSet(address indexed borrower, BorrowerKind kind, uint256 cap);
    /// @notice The rate curve was changed.
    event RateCurveSet(RateCurve curve);
    /// @notice The treasury's part of interest was changed, WAD.
    event ReserveShareSet(uint256 share);
    /// @notice Recorded interest enters the share price over this many seconds from now on.
    event ProfitUnlockTimeSet(uint256 period);
    /// @notice The receiver of reserves was changed.
    event TreasurySet(address indexed treasury);

    /// @notice An amount that must be above zero is zero, given so or after rounding.
    error ZeroAmount();
    /// @notice The caller is not a registered borrower of the kind that may do this.
    error NotBorrower(address caller);
    /// @notice A borrower's kind cannot be changed.
    error BorrowerKindFixed(address borrower, BorrowerKind kind);
    /// @notice Less lies idle than is wanted.
    error InsufficientLiquidity(uint256 idle, uint256 needed);
    /// @notice The borrower's debt would exceed its cap.
    error BorrowCapExceeded(uint256 debt, uint256 cap);
    /// @notice More than the borrower owes.
    error DebtExceeded(uint256 assets, uint256 debt);
    /// @notice Fewer tokens arrived than were sent: the token takes a fee, which is not supported.
    error TransferFellShort(uint256 received, uint256 expected);
    /// @notice A parameter is outside of its coded bounds.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);

    /// @notice Lends `assets` to the caller, a registered borrower.
    /// @return shares Debt shares added, rounded up; 0 for a quoted borrower.
    function borrow(uint256 assets, address receiver) external returns (uint256 shares);

    /// @notice Takes `assets` back from the caller. The exact debt of some shares (`toDebt`) always repays all of them.
    /// @return shares Debt shares removed, rounded down, perhaps to none; 0 for a quoted borrower.
    function repay(uint256 assets) external returns (uint256 shares);

    /// @notice Adds interest to the debt of the caller, a quoted borrower. It enters `totalAssets` little by little.
    function recordInterest(uint256 interest) external;

    /// @notice Gives up `assets` of the caller's debt: locked interest is consumed first, the rest is the lenders' loss.
    /// @return shares Debt shares removed, rounded down; 0 for a quoted borrower.
    function writeOff(uint256 assets) external returns (uint256 shares);

    /// @notice Stores the accrued index. For anyone; everything does it by itself.
    function accrue() external;

    /// @notice Pays the treasury its part of interest, as much as lies idle. For anyone.
    function collectReserves() external returns (uint256 amount);

    /// @notice Registers a borrower, or changes its cap. Admin only.
    function registerBorrower(address borrower, BorrowerKind kind, uint256 cap) external;

    /// @notice Sets the cap of a registered borrower; below its debt: it borrows no more. Risk manager only.
    function setBorrowCap(address borrower, uint256 cap) external;

    /// @notice Sets the cap of a borrower to 0. Guardian only.
    function disableBorrower(address borrower) external;

    /// @notice Sets the rates from now on, within the bounds of `RateCurve`. Risk manager only.
    function setRateCurve(RateCurve calldata curve) external;

    /// @notice Sets the treasury's part of interest from now on, WAD, at most half. Risk manager only.
    function setReserveShare(uint256 share) external;

    /// @notice Sets how long interest recorded from now on takes to enter `totalAssets`: 0 to 7 days. Risk manager only.
    function setProfitUnlockTime(uint256 period) external;

    /// @notice Sets who receives reserves. Admin only.
    function setTreasury(address treasury) external;

    /// @notice What lies in the vault and is counted.
    function idle() external view returns (uint256);

    /// @notice All debt, interest until now included: of indexed borrowers (rounded down) and of quoted ones.
    function totalDebt() external view returns (uint256 indexed_, uint256 quoted);

    /// @notice What of recorded interest is not in `totalAssets` yet.
    function lockedInterest() external view returns (uint256);

    /// @notice The treasury's part that was not paid yet.
    function reserves() external view returns (uint256);

    /// @notice Who receives reserves.
    function treasury() external view returns (address);

    /// @notice Debt over debt and idle tokens, WAD, rounded down.
    function utilisation() external view returns (uint256);

    /// @notice The yearly rate of now, WAD.
    function borrowRate() external view returns (uint256);

    /// @notice The curve.
    function rateCurve() external view returns (RateCurve memory);

    /// @notice The treasury's part of interest, WAD.
    function reserveShare() external view returns (uint256);

    /// @notice Seconds over which recorded interest enters `totalAssets`.
    function profitUnlockTime() external view returns (uint256);

    /// @notice What one debt share is worth now, RAY (27 decimals); starts at 1. It stands still while nobody owes shares.
    function debtIndex() external view returns (uint256);

    /// @notice What a borrower owes now, rounded up.
    function debtOf(address borrower) external view returns (uint256);

    /// @notice A borrower's debt shares; 0 for a quoted one.
    function debtShares(address borrower) external view returns (uint256);

    /// @notice What `shares` of debt are worth now, rounded up.
    function toDebt(uint256 shares) external view returns (uint256 assets);

    /// @notice A borrower's kind and cap.
    function borrower(address account) external view returns (BorrowerKind kind, uint256 cap);

    /// @notice The most that a borrower could take now.
    function maxBorrow(address borrower) external view returns (uint256);
}
