// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC20, ERC4626, IERC20, IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {BorrowerKind, ILendingVault, RateCurve} from "../interfaces/ILendingVault.sol";
import {LenderShares} from "./credit/LenderShares.sol";
import {Lending, Pool} from "./credit/Lending.sol";

/// @title Lends one token to registered contracts
/// @notice An ERC-4626 whose assets are counted, not looked up: tokens that somebody just sends are in no count. What is
/// lent out counts in full until its borrower writes it off; lenders can take out what lies idle.
///
/// Units: token base units; shares have 6 decimals more (virtual shares against inflation).
/// Rounding: always in favour of those who stay. Lenders count debts rounded down, borrowers pay them rounded up.
/// Requires a token that neither takes fees on transfer nor changes balances by itself. It may call others: all effects
/// come before transfers, and whatever transfers cannot be entered again.
/// Roles: the admin registers borrowers, who are trusted to repay, and names the treasury; the risk manager sets caps,
/// rates and shares within coded bounds; the guardian can stop a borrower from borrowing more. Nobody can stop
/// deposits, withdrawals or repayments.
contract LendingVault is ILendingVault, ERC4626, AccessManaged, ReentrancyGuardTransient {
    using LenderShares for uint256;
    using Lending for *;
    using Math for uint256;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    uint256 private constant MAX_CAP = 1e36;
    uint256 private constant MAX_RATE = 10e18;
    uint256 private constant MAX_RESERVE_SHARE = 0.5e18;
    uint256 private constant MAX_UNLOCK_TIME = 7 days;

    /// @dev What a borrower owes: debt shares of an indexed one, tokens of a quoted one. One slot: 16 + 15 + 1 bytes.
    struct Borrower {
        uint128 owed;
        uint120 cap;
        BorrowerKind kind;
    }

    // Deposits and withdrawals read the first three slots and the curve, and write the first two; so does borrowing, and
    // it writes the third one and the borrower's. While nobody owes debt shares they read and write less: neither the third
    // slot nor the curve, and only the first is written. Only where a quoted borrower was ever registered the fourth is read.

    // Slot 1: 16 + 16 bytes.
    uint128 private _index = uint128(Lending.RAY);
    uint128 private _idle;
    // Slot 2: 16 + 5 + 5 + 3 + 1 + 1 bytes. `_locked` is locked for `_lockedFor` seconds, until `_lockedUntil`.
    uint128 private _reserves;
    uint40 private _accruedAt;
    uint40 private _lockedUntil;
    uint24 private _lockedFor;
    bool private _hasIndexed;
    bool private _hasQuoted;
    // Slot 3: 16 + 8 + 3 bytes.
    uint128 private _shares;
    uint64 private _reserveShare;
    uint24 private _profitUnlockTime = 1 days;
    // Slot 4: 16 + 16 bytes.
    uint128 private _quoted;
    uint128 private _locked;
    // Slot 5, the curve: 8 + 8 + 8 + 8 bytes.
    uint64 private _rateAtZero;
    uint64 private _rateAtKink;
    uint64 private _rateAtFull;
    uint64 private _kink;

    /// @inheritdoc ILendingVault
    address public treasury;
    mapping(address account => Borrower) private _borrowers;

    constructor(IERC20 asset_, address authority, RateCurve memory curve)
        ERC20(
            string.concat("Prep Lending ", IERC20Metadata(address(asset_)).symbol()),
            string.concat("pl", IERC20Metadata(address(asset_)).symbol())
        )
        ERC4626(asset_)
        AccessManaged(authority)
    {
        _accruedAt = uint40(block.timestamp);
        _setCurve(curve);
    }

    // ------------------------------------------------------------------------------------------------------- lenders

    /// @inheritdoc IERC4626
    function deposit(uint256 assets, address receiver)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256 shares)
    {
        require(assets != 0, ZeroAmount());
        Pool memory p = _accrue();
        (uint256 value, uint256 supply) = (p.totalAssets(), totalSupply());
        shares = assets.toSharesDown(value, supply);
        if (assets > LenderShares.room(value, supply) || shares == 0) {
            uint256 max = LenderShares.maxDeposit(value, supply);
            require(assets <= max, ERC4626ExceededMaxDeposit(receiver, assets, max));
            revert ZeroAmount();
        }
        _enter(p, receiver, assets, shares);
    }

    /// @inheritdoc IERC4626
    function mint(uint256 shares, address receiver)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256 assets)
    {
        require(shares != 0, ZeroAmount());
        Pool memory p = _accrue();
        (uint256 value, uint256 supply) = (p.totalAssets(), totalSupply());
        uint256 max = LenderShares.maxMint(value, supply);
        require(shares <= max, ERC4626ExceededMaxMint(receiver, shares, max));
        assets = shares.toAssetsUp(value, supply);
        _enter(p, receiver, assets, shares);
    }

    /// @inheritdoc IERC4626
    function withdraw(uint256 assets, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256 shares)
    {
        require(assets != 0, ZeroAmount());
        Pool memory p = _accrue();
        (uint256 value, uint256 supply) = (p.totalAssets(), totalSupply());
        uint256 max = p.idle.maxWithdraw(value, supply, balanceOf(owner));
        require(assets <= max, ERC4626ExceededMaxWithdraw(owner, assets, max));
        shares = assets.toSharesUp(value, supply);
        _leave(p, receiver, owner, assets, shares);
    }

    /// @inheritdoc IERC4626
    function redeem(uint256 shares, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256 assets)
    {
        Pool memory p = _accrue();
        (uint256 value, uint256 supply, uint256 balance) = (p.totalAssets(), totalSupply(), balanceOf(owner));
        assets = shares.toAssetsDown(value, supply);
        if (shares > balance || assets > p.idle || assets == 0) {
            uint256 max = p.idle.maxRedeem(value, supply, balance);
            require(shares <= max, ERC4626ExceededMaxRedeem(owner, shares, max));
            revert ZeroAmount();
        }
        _leave(p, receiver, owner, assets, shares);
    }

    // ----------------------------------------------------------------------------------------------------- borrowers

    /// @inheritdoc ILendingVault
    function borrow(uint256 assets, address receiver) external nonReentrant returns (uint256 shares) {
        require(assets != 0, ZeroAmount());
        Borrower memory b = _registered(msg.sender);
        Pool memory p = _accrue();
        require(assets <= p.idle, InsufficientLiquidity(p.idle, assets));
        uint256 owed = b.owed;
        if (b.kind == BorrowerKind.Indexed) {
            shares = assets.toSharesUp(p.index);
            owed += shares;
            p.shares += shares;
            _shares = p.shares.toUint128();
        } else {
            owed += assets;
            _quoted = (p.quoted + assets).toUint128();
        }
        uint256 debt = _debt(b.kind, owed, p.index);
        require(debt <= b.cap, BorrowCapExceeded(debt, b.cap));
        _borrowers[msg.sender].owed = owed.toUint128();
        p.idle -= assets;
        _store(p);
        emit Borrowed(msg.sender, receiver, assets, shares, debt);
        IERC20(asset()).safeTransfer(receiver, assets);
    }

    /// @inheritdoc ILendingVault
    function repay(uint256 assets) external nonReentrant returns (uint256 shares) {
        Pool memory p = _accrue();
        uint256 debt;
        (shares, debt) = _reduceDebt(p, assets);
        p.idle = (p.idle + assets).toUint128();
        _store(p);
        emit Repaid(msg.sender, assets, shares, debt);
        _receive(assets);
    }

    /// @inheritdoc ILendingVault
    function recordInterest(uint256 interest) external {
        require(interest != 0, ZeroAmount());
        Borrower memory b = _registered(msg.sender);
        require(b.kind == BorrowerKind.Quoted, NotBorrower(msg.sender));
        Pool memory p = _accrue();
        _checkParameter("interest", interest, 1, type(uint128).max - p.quoted);
        uint256 toTreasury = interest.mulDiv(_reserveShare, Lending.WAD);
        uint256 added = interest - toTreasury;
        uint256 debt = b.owed + interest;
        _borrowers[msg.sender].owed = uint128(debt);
        _quoted = uint128(p.quoted + interest);
        p.addReserves(toTreasury);
        _store(p);
        uint256 period = _profitUnlockTime;
        if (period != 0) {
            uint256 remaining = uint256(_lockedUntil).saturatingSub(block.timestamp);
            uint256 until = block.timestamp + p.locked.lockTime(remaining, added, period);
            p.locked += added;
            _setLocked(p.locked, until);
        }
        emit InterestRecorded(msg.sender, interest, debt, p.locked);
    }

    /// @inheritdoc ILendingVault
    function writeOff(uint256 assets) external returns (uint256 shares) {
        Pool memory p = _accrue();
        uint256 debt;
        (shares, debt) = _reduceDebt(p, assets);
        uint256 fromLocked = Math.min(p.locked, assets);
        if (fromLocked != 0) {
            p.locked -= fromLocked;
            _setLocked(p.locked, _lockedUntil);
        }
        p.reserves = Math.min(p.reserves, p.unlocked());
        _store(p);
        emit WrittenOff(msg.sender, assets, shares, debt, assets - fromLocked);
    }

    // -------------------------------------------------------------------------------------------------------- anyone

    /// @inheritdoc ILendingVault
    function accrue() external {
        _store(_accrue());
    }

    /// @inheritdoc ILendingVault
    function collectReserves() external nonReentrant returns (uint256 amount) {
        address receiver = treasury;
        _checkAddress("treasury", receiver);
        Pool memory p = _accrue();
        amount = Math.min(p.reserves, p.idle);
        require(amount != 0, ZeroAmount());
        p.reserves -= amount;
        p.idle -= amount;
        _store(p);
        emit ReservesCollected(receiver, amount, p.reserves);
        IERC20(asset()).safeTransfer(receiver, amount);
    }

    // --------------------------------------------------------------------------------------------------------- roles

    /// @inheritdoc ILendingVault
    function registerBorrower(address account, BorrowerKind kind, uint256 cap) external restricted {
        _checkAddress("borrower", account);
        _checkParameter("kind", uint256(kind), uint256(BorrowerKind.Indexed), uint256(BorrowerKind.Quoted));
        BorrowerKind before = _borrowers[account].kind;
        require(before == BorrowerKind.None || before == kind, BorrowerKindFixed(account, before));
        _borrowers[account].kind = kind;
        if (kind == BorrowerKind.Quoted) _hasQuoted = true;
        _setCap(account, kind, cap);
    }

    /// @inheritdoc ILendingVault
    function setBorrowCap(address account, uint256 cap) external restricted {
        _setCap(account, _registered(account).kind, cap);
    }

    /// @inheritdoc ILendingVault
    function disableBorrower(address account) external restricted {
        _setCap(account, _registered(account).kind, 0);
    }

    /// @inheritdoc ILendingVault
    function setRateCurve(RateCurve calldata curve) external restricted {
        _store(_accrue());
        _setCurve(curve);
    }

    /// @inheritdoc ILendingVault
    function setReserveShare(uint256 share) external restricted {
        _checkParameter("reserveShare", share, 0, MAX_RESERVE_SHARE);
        _store(_accrue());
        _reserveShare = uint64(share);
        emit ReserveShareSet(share);
    }

    /// @inheritdoc ILendingVault
    function setProfitUnlockTime(uint256 period) external restricted {
        _checkParameter("profitUnlockTime", period, 0, MAX_UNLOCK_TIME);
        _profitUnlockTime = uint24(period);
        emit ProfitUnlockTimeSet(period);
    }

    /// @inheritdoc ILendingVault
    function setTreasury(address treasury_) external restricted {
        _checkAddress("treasury", treasury_);
        treasury = treasury_;
        emit TreasurySet(treasury_);
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ILendingVault
    function idle() external view returns (uint256) {
        return _idle;
    }

    /// @inheritdoc ILendingVault
    function totalDebt() external view returns (uint256 indexed_, uint256 quoted) {
        Pool memory p = _current();
        return (p.indexedDebt(), p.quoted);
    }

    /// @inheritdoc ILendingVault
    function lockedInterest() external view returns (uint256) {
        return _current().locked;
    }

    /// @inheritdoc ILendingVault
    function reserves() external view returns (uint256) {
        return _current().reserves;
    }

    /// @inheritdoc ILendingVault
    function utilisation() external view returns (uint256) {
        return _current().utilisation();
    }

    /// @inheritdoc ILendingVault
    function borrowRate() external view returns (uint256) {
        return rateCurve().rate(_current().utilisation());
    }

    /// @inheritdoc ILendingVault
    function rateCurve() public view returns (RateCurve memory) {
        return RateCurve(_rateAtZero, _rateAtKink, _rateAtFull, _kink);
    }

    /// @inheritdoc ILendingVault
    function reserveShare() external view returns (uint256) {
        return _reserveShare;
    }

    /// @inheritdoc ILendingVault
    function profitUnlockTime() external view returns (uint256) {
        return _profitUnlockTime;
    }

    /// @inheritdoc ILendingVault
    function debtIndex() external view returns (uint256) {
        return _current().index;
    }

    /// @inheritdoc ILendingVault
    function debtOf(address account) external view returns (uint256) {
        Borrower memory b = _borrowers[account];
        return _debt(b.kind, b.owed, _current().index);
    }

    /// @inheritdoc ILendingVault
    function debtShares(address account) external view returns (uint256) {
        Borrower memory b = _borrowers[account];
        return b.kind == BorrowerKind.Indexed ? b.owed : 0;
    }

    /// @inheritdoc ILendingVault
    function toDebt(uint256 shares) external view returns (uint256) {
        return shares.toDebt(_current().index);
    }

    /// @inheritdoc ILendingVault
    function borrower(address account) external view returns (BorrowerKind kind, uint256 cap) {
        Borrower memory b = _borrowers[account];
        return (b.kind, b.cap);
    }

    /// @inheritdoc ILendingVault
    function maxBorrow(address account) external view returns (uint256) {
        Borrower memory b = _borrowers[account];
        Pool memory p = _current();
        uint256 free =
            b.kind == BorrowerKind.Indexed ? b.owed.borrowable(b.cap, p.index) : uint256(b.cap).saturatingSub(b.owed);
        return Math.min(p.idle, free);
    }

    /// @notice Idle tokens and debts, without locked interest and what is the treasury's, as of now.
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        return _current().totalAssets();
    }

    /// @inheritdoc IERC4626
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        return LenderShares.maxDeposit(totalAssets(), totalSupply());
    }

    /// @inheritdoc IERC4626
    function maxMint(address) public view override(ERC4626, IERC4626) returns (uint256) {
        return LenderShares.maxMint(totalAssets(), totalSupply());
    }

    /// @inheritdoc IERC4626
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return LenderShares.maxWithdraw(_idle, totalAssets(), totalSupply(), balanceOf(owner));
    }

    /// @inheritdoc IERC4626
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return LenderShares.maxRedeem(_idle, totalAssets(), totalSupply(), balanceOf(owner));
    }

    // ------------------------------------------------------------------------------------------------------- private

    /// @dev Fills in the state as it was left.
    function _load(Pool memory p) private view {
        // All of the second slot at once: the compiler reads a slot again behind every branch.
        (uint256 period, uint256 until, bool hasIndexed, bool hasQuoted) =
            (_lockedFor, _lockedUntil, _hasIndexed, _hasQuoted);
        (p.reserves, p.index, p.idle) = (_reserves, _index, _idle);
        if (hasIndexed) p.shares = _shares;
        if (hasQuoted) {
            p.quoted = _quoted;
            p.locked = uint256(_locked).stillLocked(period, until, block.timestamp);
        }
    }

    /// @dev The state as of now.
    function _current() private view returns (Pool memory p) {
        _load(p);
        if (p.shares == 0) return p;
        uint256 elapsed = block.timestamp - _accruedAt;
        if (elapsed != 0) p.accrue(rateCurve(), elapsed, _reserveShare);
    }

    /// @dev The state as of now, for an action that will `_store` it.
    function _accrue() private returns (Pool memory p) {
        _load(p);
        if (p.shares == 0) return p;
        uint256 elapsed = block.timestamp - _accruedAt;
        if (elapsed == 0) return p;
        uint256 before = p.index;
        uint256 interest = p.accrue(rateCurve(), elapsed, _reserveShare);
        if (p.index != before) emit InterestAccrued(p.index, interest, p.reserves);
    }

    /// @dev After lenders came or went: without debt shares nothing has changed with time.
    function _storeIdle(Pool memory p) private {
        if (p.shares == 0) _idle = uint128(p.idle);
        else _store(p);
    }

    /// @dev What changes with time, and with every transfer.
    function _store(Pool memory p) private {
        (_index, _idle) = (uint128(p.index), uint128(p.idle));
        (_reserves, _accruedAt, _hasIndexed) = (uint128(p.reserves), uint40(block.timestamp), p.shares != 0);
    }

    /// @dev For repaying and writing off: the caller owes `assets` less. The debt shares that are gone, and the debt after.
    function _reduceDebt(Pool memory p, uint256 assets) private returns (uint256 shares, uint256 debt) {
        require(assets != 0, ZeroAmount());
        Borrower memory b = _registered(msg.sender);
        debt = _debt(b.kind, b.owed, p.index);
        require(assets <= debt, DebtExceeded(assets, debt));
        uint256 owed = b.owed;
        if (b.kind == BorrowerKind.Indexed) {
            // May be none: nobody who has to pay a last unit is stopped by rounding. The lenders keep it.
            shares = Math.min(assets.toSharesDown(p.index), owed);
            owed -= shares;
            p.shares -= shares;
            _shares = uint128(p.shares);
        } else {
            owed -= assets;
            p.quoted -= assets;
            _quoted = uint128(p.quoted);
        }
        _borrowers[msg.sender].owed = uint128(owed);
        debt = _debt(b.kind, owed, p.index);
    }

    /// @dev From now on. A period is 7 days at most.
    function _setLocked(uint256 locked, uint256 until) private {
        _locked = locked.toUint128();
        (_lockedUntil, _lockedFor) = (uint40(until), uint24(until - block.timestamp));
    }

    /// @dev Effects before the transfer: whoever is called by it sees shares and assets that fit each other.
    function _enter(Pool memory p, address receiver, uint256 assets, uint256 shares) private {
        p.idle = (p.idle + assets).toUint128();
        _storeIdle(p);
        _mint(receiver, shares);
        emit Deposit(msg.sender, receiver, assets, shares);
        _receive(assets);
    }

    function _leave(Pool memory p, address receiver, address owner, uint256 assets, uint256 shares) private {
        if (msg.sender != owner) _spendAllowance(owner, msg.sender, shares);
        unchecked {
            p.idle -= assets;
        }
        _storeIdle(p);
        _burn(owner, shares);
        emit Withdraw(msg.sender, receiver, owner, assets, shares);
        IERC20(asset()).safeTransfer(receiver, assets);
    }

    /// @dev Takes tokens from the caller and looks that all of them arrive.
    function _receive(uint256 assets) private {
        IERC20 token = IERC20(asset());
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), assets);
        uint256 received = token.balanceOf(address(this)).saturatingSub(before);
        require(received >= assets, TransferFellShort(received, assets));
    }

    function _setCap(address account, BorrowerKind kind, uint256 cap) private {
        _checkParameter("cap", cap, 0, MAX_CAP);
        _borrowers[account].cap = uint120(cap);
        emit BorrowerSet(account, kind, cap);
    }

    function _setCurve(RateCurve memory curve) private {
        _checkParameter("atZero", curve.atZero, 0, curve.atKink);
        _checkParameter("atKink", curve.atKink, curve.atZero, curve.atFull);
        _checkParameter("atFull", curve.atFull, curve.atKink, MAX_RATE);
        _checkParameter("kink", curve.kink, 1, Lending.WAD - 1);
        (_rateAtZero, _rateAtKink) = (uint64(curve.atZero), uint64(curve.atKink));
        (_rateAtFull, _kink) = (uint64(curve.atFull), uint64(curve.kink));
        emit RateCurveSet(curve);
    }

    function _registered(address account) private view returns (Borrower memory b) {
        b = _borrowers[account];
        require(b.kind != BorrowerKind.None, NotBorrower(account));
    }

    function _debt(BorrowerKind kind, uint256 owed, uint256 index) private pure returns (uint256) {
        return kind == BorrowerKind.Indexed ? owed.toDebt(index) : owed;
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return 6;
    }

    function _checkAddress(bytes32 name, address account) private pure {
        _checkParameter(name, uint160(account), 1, type(uint160).max);
    }

    function _checkParameter(bytes32 name, uint256 value, uint256 min, uint256 max) private pure {
        require(min <= value && value <= max, ParameterOutOfBounds(name, value, min, max));
    }
}
