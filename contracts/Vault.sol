// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC20, ERC4626, IERC20, IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/ERC4626.sol";
import {IERC4626} from "@openzeppelin/contracts/interfaces/IERC4626.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Exposure} from "../interfaces/IMarkets.sol";
import {IProtocol} from "../interfaces/IProtocol.sol";
import {IVault} from "../interfaces/IVault.sol";
import {RedeemQueue} from "./vault/RedeemQueue.sol";

/// @title The LP vault: counterparty of all perps, custodian of all PREP
/// @notice An ERC-4626 whose assets are counted, not looked up: liquidity grows by deposits and traders' losses and shrinks
/// by withdrawals and their profits. The protocol keeps that count, next to traders' collateral and unpaid fees, so that
/// trading moves no tokens and touches no second contract. Tokens that somebody just sends are in no count.
///
/// Units: PREP base units (18 decimals); shares have 24 decimals (offset 6 and virtual shares against inflation).
/// Rounding: always in favour of those who stay. Deposits and mints at `upperValue`, all else at `lowerValue`.
/// Requires a token without fees on transfer and without hooks. Only the protocol, fixed at deployment, pays out of it.
/// Roles: the risk manager bounds what comes in and what has to stay, and says how long it takes to leave; the guardian can
/// stop withdrawals, of shares alone, and only the admin lets them go on. While any market with open positions has no usable
/// price, nobody can enter or leave.
contract Vault is IVault, ERC4626, AccessManaged, ReentrancyGuardTransient {
    using Math for uint256;
    using Math for uint128;
    using RedeemQueue for RedeemQueue.Queue;
    using SafeERC20 for IERC20;

    /// @dev Largest liquidity that deposits can lead to whatever the cap.
    uint256 private constant MAX_LIQUIDITY = 1e37;
    uint256 private constant MAX_TARGET = 10e18;
    uint256 private constant MAX_COOLDOWN = 30 days;
    uint256 private constant MIN_WINDOW = 1 days;
    uint256 private constant MAX_WINDOW = 365 days;
    uint256 private constant VIRTUAL_SHARES = 1e6;
    /// @dev Deposits close when a share is worth less than a millionth of what the first one cost.
    uint256 private constant WIPED_OUT_SHARES_PER_ASSET = 1e12;

    /// @inheritdoc IVault
    address public immutable protocol;
    /// @inheritdoc IVault
    bool public immutable reservesByLargerSide;

    // One slot: 16 + 8 + 3 + 1 + 1 bytes.
    uint128 private _depositCap;
    uint64 private _target;
    uint24 private _cooldownPeriod;
    bool private _stopped;
    /// @dev Whether there can be locked shares: where there never was a cooldown, withdrawals need not look.
    bool private _hadCooldown;

    // One slot, for requests alone: 4 + 8 + 8 bytes. The clock of lapsing stands still while withdrawals are stopped.
    uint32 private _redeemWindow = 7 days;
    uint64 private _stoppedAt;
    /// @dev For how long in all, the present stop not included.
    uint64 private _stoppedTime;

    /// @dev What is in all queues of an owner. Never more than his balance.
    mapping(address owner => uint256) private _locked;
    mapping(address owner => mapping(uint256 ref => RedeemQueue.Queue)) private _queues;

    /// @dev What the shares stand for, in one reading.
    struct Value {
        uint256 liquidity;
        uint256 debt;
        uint256 upper;
        uint256 lower;
        uint256 reserves;
        uint256 supply;
    }

    constructor(IERC20 prep, address protocol_, address authority, bool reservesByLargerSide_)
        ERC20("Prep Vault", "vPREP")
        ERC4626(prep)
        AccessManaged(authority)
    {
        _depositCap = uint128(MAX_LIQUIDITY);
        protocol = protocol_;
        reservesByLargerSide = reservesByLargerSide_;
        // How the protocol pays out collateral and fees, a call cheaper than through a function of the vault.
        prep.forceApprove(protocol_, type(uint256).max);
    }

    // ----------------------------------------------------------------------------------------------------- liquidity

    /// @inheritdoc IVault
    function deposit(uint256 assets) external returns (uint256) {
        return _deposit(assets, msg.sender, 0);
    }

    /// @inheritdoc IERC4626
    function deposit(uint256 assets, address receiver) public override(ERC4626, IERC4626) returns (uint256) {
        return _deposit(assets, receiver, 0);
    }

    /// @inheritdoc IVault
    function deposit(uint256 assets, address receiver, uint256 minShares) external returns (uint256) {
        return _deposit(assets, receiver, minShares);
    }

    /// @inheritdoc IERC4626
    function mint(uint256 shares, address receiver)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256 assets)
    {
        require(shares != 0, ZeroAmount());
        Value memory v = _value();
        uint256 max = _maxMint(v);
        require(shares <= max, ERC4626ExceededMaxMint(receiver, shares, max));
        assets = _assets(shares, v.upper, v.supply, Math.Rounding.Ceil);
        _enter(receiver, assets, shares);
    }

    /// @inheritdoc IVault
    function withdraw(uint256 assets) external returns (uint256) {
        return withdraw(assets, msg.sender, msg.sender);
    }

    /// @inheritdoc IERC4626
    function withdraw(uint256 assets, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        nonReentrant
        returns (uint256 shares)
    {
        require(assets != 0, ZeroAmount());
        require(!_stopped, WithdrawalsStopped());
        Value memory v = _value();
        uint256 max = _maxWithdraw(v, _redeemable(owner, 0));
        require(assets <= max, ERC4626ExceededMaxWithdraw(owner, assets, max));
        shares = _shares(assets, v.lower, v.supply, Math.Rounding.Ceil);
        _leave(receiver, owner, 0, assets, shares);
    }

    /// @inheritdoc IVault
    function redeem(uint256 shares) external returns (uint256) {
        return _redeem(shares, msg.sender, msg.sender, 0, 0);
    }

    /// @inheritdoc IERC4626
    function redeem(uint256 shares, address receiver, address owner)
        public
        override(ERC4626, IERC4626)
        returns (uint256)
    {
        return _redeem(shares, receiver, owner, 0, 0);
    }

    /// @inheritdoc IVault
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets) external returns (uint256) {
        return _redeem(shares, receiver, owner, minAssets, 0);
    }

    /// @inheritdoc IVault
    function redeem(uint256 shares, address receiver, address owner, uint256 minAssets, uint256 ref)
        external
        returns (uint256)
    {
        return _redeem(shares, receiver, owner, minAssets, ref);
    }

    // ------------------------------------------------------------------------------------------------------ requests

    /// @inheritdoc IVault
    function requestRedeem(uint256 shares) external returns (uint256) {
        return _request(shares, 0);
    }

    /// @inheritdoc IVault
    function requestRedeem(uint256 shares, uint256 ref) external returns (uint256) {
        return _request(shares, ref);
    }

    /// @inheritdoc IVault
    function cancelRequest(uint256 shares, uint256 ref) external {
        require(shares != 0, ZeroAmount());
        _takeMatured(msg.sender, ref, 0);
        _queues[msg.sender][ref].cancel(shares);
        uint256 locked = _locked[msg.sender] - shares;
        _locked[msg.sender] = locked;
        emit RequestsCancelled(msg.sender, ref, shares, locked);
    }

    /// @inheritdoc IVault
    function clearLapsed(address owner, uint256 ref) external returns (uint256) {
        uint256 before = _locked[owner];
        return before - _takeMatured(owner, ref, 0);
    }

    /// @notice Of unlocked shares.
    function transfer(address to, uint256 shares) public override(ERC20, IERC20) returns (bool) {
        _checkUnlocked(msg.sender, shares);
        return super.transfer(to, shares);
    }

    /// @notice Of unlocked shares.
    function transferFrom(address from, address to, uint256 shares) public override(ERC20, IERC20) returns (bool) {
        _checkUnlocked(from, shares);
        return super.transferFrom(from, to, shares);
    }

    // --------------------------------------------------------------------------------------------------------- roles

    /// @inheritdoc IVault
    function setTargetCollateralizationRatio(uint256 ratio) external restricted {
        _checkParameter("targetCollateralizationRatio", ratio, 0, MAX_TARGET);
        _target = uint64(ratio);
        emit TargetCollateralizationRatioSet(ratio);
    }

    /// @inheritdoc IVault
    function setDepositCap(uint256 cap) external restricted {
        _checkParameter("depositCap", cap, 0, MAX_LIQUIDITY);
        _depositCap = uint128(cap);
        emit DepositCapSet(cap);
    }

    /// @inheritdoc IVault
    function setCooldownPeriod(uint256 period) external restricted {
        _checkParameter("cooldownPeriod", period, 0, MAX_COOLDOWN);
        _cooldownPeriod = uint24(period);
        if (period != 0) _hadCooldown = true;
        emit CooldownPeriodSet(period);
    }

    /// @inheritdoc IVault
    function setRedeemWindow(uint256 window) external restricted {
        if (window != 0) _checkParameter("redeemWindow", window, MIN_WINDOW, MAX_WINDOW);
        _redeemWindow = uint32(window);
        emit RedeemWindowSet(window);
    }

    /// @inheritdoc IVault
    function stopWithdrawals() external restricted {
        if (!_stopped) (_stopped, _stoppedAt) = (true, uint64(block.timestamp));
        emit WithdrawalsSwitched(true);
    }

    /// @inheritdoc IVault
    function resumeWithdrawals() external restricted {
        if (_stopped) (_stopped, _stoppedTime) = (false, _stoppedTime + uint64(block.timestamp) - _stoppedAt);
        emit WithdrawalsSwitched(false);
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IVault
    function targetCollateralizationRatio() external view returns (uint256) {
        return _target;
    }

    /// @inheritdoc IVault
    function depositCap() external view returns (uint256) {
        return _depositCap;
    }

    /// @inheritdoc IVault
    function withdrawalsStopped() external view returns (bool) {
        return _stopped;
    }

    /// @inheritdoc IVault
    function cooldownPeriod() external view returns (uint256) {
        return _cooldownPeriod;
    }

    /// @inheritdoc IVault
    function redeemWindow() external view returns (uint256) {
        return _redeemWindow;
    }

    /// @inheritdoc IVault
    function requests(address owner, uint256 ref) external view returns (RedeemRequest[] memory) {
        return _queues[owner][ref].live(_clock());
    }

    /// @inheritdoc IVault
    function lockedShares(address owner) external view returns (uint256) {
        (, uint256 lapsed) = _queues[owner][0].totals(_clock());
        return _locked[owner] - lapsed;
    }

    /// @inheritdoc IVault
    function redeemableShares(address owner, uint256 ref) external view returns (uint256) {
        return _redeemable(owner, ref);
    }

    /// @inheritdoc IVault
    function upperValue() external view returns (uint256) {
        return _value().upper;
    }

    /// @inheritdoc IVault
    function lowerValue() external view returns (uint256) {
        return _value().lower;
    }

    /// @notice The value that withdrawals are priced at.
    function totalAssets() public view override(ERC4626, IERC4626) returns (uint256) {
        return _value().lower;
    }

    /// @inheritdoc IERC4626
    function convertToShares(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        Value memory v = _value();
        return _shares(assets, v.lower, v.supply, Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    function convertToAssets(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        return previewRedeem(shares);
    }

    /// @inheritdoc IERC4626
    function previewDeposit(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        Value memory v = _value();
        return _shares(assets, v.upper, v.supply, Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    function previewMint(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        Value memory v = _value();
        return _assets(shares, v.upper, v.supply, Math.Rounding.Ceil);
    }

    /// @inheritdoc IERC4626
    function previewWithdraw(uint256 assets) public view override(ERC4626, IERC4626) returns (uint256) {
        Value memory v = _value();
        return _shares(assets, v.lower, v.supply, Math.Rounding.Ceil);
    }

    /// @inheritdoc IERC4626
    function previewRedeem(uint256 shares) public view override(ERC4626, IERC4626) returns (uint256) {
        Value memory v = _value();
        return _assets(shares, v.lower, v.supply, Math.Rounding.Floor);
    }

    /// @inheritdoc IERC4626
    function maxDeposit(address) public view override(ERC4626, IERC4626) returns (uint256) {
        (bool known, Value memory v) = _tryValue();
        return known ? _maxDeposit(v) : 0;
    }

    /// @inheritdoc IERC4626
    function maxMint(address) public view override(ERC4626, IERC4626) returns (uint256) {
        (bool known, Value memory v) = _tryValue();
        return known ? _maxMint(v) : 0;
    }

    /// @inheritdoc IERC4626
    function maxWithdraw(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return maxWithdraw(owner, 0);
    }

    /// @inheritdoc IVault
    function maxWithdraw(address owner, uint256 ref) public view returns (uint256) {
        (bool known, Value memory v) = _tryValue();
        return known && !_stopped ? _maxWithdraw(v, _redeemable(owner, ref)) : 0;
    }

    /// @inheritdoc IERC4626
    function maxRedeem(address owner) public view override(ERC4626, IERC4626) returns (uint256) {
        return maxRedeem(owner, 0);
    }

    /// @inheritdoc IVault
    function maxRedeem(address owner, uint256 ref) public view returns (uint256) {
        (bool known, Value memory v) = _tryValue();
        return known && !_stopped ? _maxRedeem(v, _redeemable(owner, ref)) : 0;
    }

    /// @notice 24: the asset's 18 and the offset of 6.
    function decimals() public view override(ERC4626, IERC20Metadata) returns (uint8) {
        return super.decimals();
    }

    // ------------------------------------------------------------------------------------------------------- private

    function _deposit(uint256 assets, address receiver, uint256 minShares)
        private
        nonReentrant
        returns (uint256 shares)
    {
        require(assets != 0, ZeroAmount());
        Value memory v = _value();
        uint256 max = _maxDeposit(v);
        require(assets <= max, ERC4626ExceededMaxDeposit(receiver, assets, max));
        shares = _shares(assets, v.upper, v.supply, Math.Rounding.Floor);
        require(shares != 0, ZeroAmount());
        require(shares >= minShares, TooLittleReceived(shares, minShares));
        _enter(receiver, assets, shares);
    }

    function _redeem(uint256 shares, address receiver, address owner, uint256 minAssets, uint256 ref)
        private
        nonReentrant
        returns (uint256 assets)
    {
        require(shares != 0, ZeroAmount());
        require(!_stopped, WithdrawalsStopped());
        Value memory v = _value();
        uint256 max = _maxRedeem(v, _redeemable(owner, ref));
        require(shares <= max, ERC4626ExceededMaxRedeem(owner, shares, max));
        assets = _assets(shares, v.lower, v.supply, Math.Rounding.Floor);
        require(assets != 0, ZeroAmount());
        require(assets >= minAssets, TooLittleReceived(assets, minAssets));
        _leave(receiver, owner, ref, assets, shares);
    }

    /// @dev Effects before the transfer: whoever is called by it sees shares and liquidity that fit each other.
    function _enter(address receiver, uint256 assets, uint256 shares) private {
        IProtocol(protocol).countDeposit(int256(assets));
        _mint(receiver, shares);
        emit Deposit(msg.sender, receiver, assets, shares);
        IERC20(asset()).safeTransferFrom(msg.sender, address(this), assets);
    }

    function _leave(address receiver, address owner, uint256 ref, uint256 assets, uint256 shares) private {
        if (msg.sender != owner) _spendAllowance(owner, msg.sender, shares);
        IProtocol(protocol).countDeposit(-int256(assets));
        if (_hadCooldown) _takeMatured(owner, ref, shares);
        _burn(owner, shares);
        emit Withdraw(msg.sender, receiver, owner, assets, shares);
        IERC20(asset()).safeTransfer(receiver, assets);
    }

    function _request(uint256 shares, uint256 ref) private returns (uint256 maturesAt) {
        require(shares != 0, ZeroAmount());
        (uint256 period, uint256 window) = (_cooldownPeriod, _redeemWindow);
        require(period != 0, NoCooldown());
        uint256 locked = _takeMatured(msg.sender, ref, 0);
        uint256 unlocked = balanceOf(msg.sender) - locked;
        require(shares <= unlocked, InsufficientUnlocked(msg.sender, unlocked, shares));
        locked += shares;
        maturesAt = block.timestamp + period;
        _queues[msg.sender][ref].add(shares, maturesAt, window == 0 ? 0 : _clock() + period + window);
        _locked[msg.sender] = locked;
        emit RedeemRequested(msg.sender, ref, shares, maturesAt, window == 0 ? 0 : maturesAt + window, locked);
    }

    /// @dev Unlocks what has matured, up to `shares`, and all that has lapsed. What is left locked.
    function _takeMatured(address owner, uint256 ref, uint256 shares) private returns (uint256 locked) {
        locked = _locked[owner];
        if (locked == 0) return 0;
        (uint256 taken, uint256 lapsed) = _queues[owner][ref].take(shares, _clock());
        if (taken + lapsed == 0) return locked;
        locked -= taken + lapsed;
        _locked[owner] = locked;
        if (lapsed != 0) emit RequestsLapsed(owner, ref, lapsed, locked + taken);
        if (taken != 0) emit RequestsRedeemed(owner, ref, taken, locked);
    }

    /// @dev What has matured and, without a cooldown, all that is unlocked.
    function _redeemable(address owner, uint256 ref) private view returns (uint256) {
        if (!_hadCooldown) return balanceOf(owner);
        (uint256 matured, uint256 lapsed) = _queues[owner][ref].totals(_clock());
        return _cooldownPeriod == 0 ? balanceOf(owner) - _locked[owner] + lapsed + matured : matured;
    }

    /// @dev Time without what withdrawals were stopped for.
    function _clock() private view returns (uint256) {
        return (_stopped ? _stoppedAt : block.timestamp) - _stoppedTime;
    }

    /// @dev For the two functions that move shares from one owner to another. Minting only adds, and what is burned has been
    /// unlocked before: neither need look.
    function _checkUnlocked(address owner, uint256 shares) private {
        uint256 locked = _locked[owner];
        if (locked == 0) return;
        uint256 balance = balanceOf(owner);
        if (shares <= balance - locked) return;
        uint256 unlocked = balance - _takeMatured(owner, 0, 0);
        require(shares <= unlocked || shares > balance, InsufficientUnlocked(owner, unlocked, shares));
    }

    function _value() private view returns (Value memory) {
        return _valueOf(IProtocol(protocol).exposure(reservesByLargerSide));
    }

    /// @dev As `_value`, but answers `false` where a price is missing.
    function _tryValue() private view returns (bool known, Value memory v) {
        try IProtocol(protocol).exposure(reservesByLargerSide) returns (Exposure memory e) {
            return (true, _valueOf(e));
        } catch {}
    }

    function _valueOf(Exposure memory e) private view returns (Value memory v) {
        v.liquidity = e.liquidity;
        v.supply = totalSupply();
        v.reserves = e.reserves;
        v.debt = uint256(SignedMath.max(0, e.seqPnl + e.funding));
        int256 held = int256(v.liquidity);
        v.upper = uint256(SignedMath.max(0, held - e.seqPnl - e.funding - e.borrowing));
        v.lower = uint256(SignedMath.max(0, held - SignedMath.max(0, e.seqPnl) - SignedMath.max(0, e.funding)));
    }

    function _maxDeposit(Value memory v) private view returns (uint256) {
        if (v.supply != 0 && v.upper < v.supply / WIPED_OUT_SHARES_PER_ASSET) return 0;
        return _depositCap.saturatingSub(v.liquidity);
    }

    /// @dev The largest number of shares whose price is within `_maxDeposit`.
    function _maxMint(Value memory v) private view returns (uint256) {
        return _shares(_maxDeposit(v), v.upper, v.supply, Math.Rounding.Floor);
    }

    /// @dev What is free, and what the shares are worth.
    function _maxWithdraw(Value memory v, uint256 shares) private view returns (uint256) {
        return Math.min(_free(v), _assets(shares, v.lower, v.supply, Math.Rounding.Floor));
    }

    /// @dev The largest number of shares whose assets, rounded down, are free: one more would be worth one unit too many.
    function _maxRedeem(Value memory v, uint256 shares) private view returns (uint256 max) {
        uint256 free = _free(v);
        max = _assets(shares, v.lower, v.supply, Math.Rounding.Floor) <= free
            ? shares
            : _shares(free + 1, v.lower, v.supply, Math.Rounding.Ceil) - 1;
        if (_assets(max, v.lower, v.supply, Math.Rounding.Floor) == 0) return 0;
    }

    /// @dev What may leave: the reserves stay, and so much that the collateralization ratio stays at its target.
    function _free(Value memory v) private view returns (uint256) {
        uint256 needed = v.debt == 0 ? 0 : v.debt.mulDiv(_target, 1e18, Math.Rounding.Ceil);
        return v.liquidity.saturatingSub(Math.max(v.reserves, needed));
    }

    function _checkParameter(bytes32 name, uint256 value, uint256 min, uint256 max) private pure {
        require(min <= value && value <= max, ParameterOutOfBounds(name, value, min, max));
    }

    function _shares(uint256 assets, uint256 value, uint256 supply, Math.Rounding rounding)
        private
        pure
        returns (uint256)
    {
        return assets.mulDiv(supply + VIRTUAL_SHARES, value + 1, rounding);
    }

    function _assets(uint256 shares, uint256 value, uint256 supply, Math.Rounding rounding)
        private
        pure
        returns (uint256)
    {
        return shares.mulDiv(value + 1, supply + VIRTUAL_SHARES, rounding);
    }

    function _decimalsOffset() internal pure override returns (uint8) {
        return 6;
    }
}
