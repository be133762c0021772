// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {AssetConfig, Holding, ICreditManager} from "../../interfaces/ICreditManager.sol";
import {ILendingVault} from "../../interfaces/ILendingVault.sol";
import {IPriceOracle} from "../../interfaces/IPriceOracle.sol";
import {Check} from "../Check.sol";
import {Accounts} from "./Accounts.sol";
import {Bits} from "./Bits.sol";

/// @title What accounts hold and owe
/// @notice Assets, their parameters, and each account's balance and debt in them. The tokens of all accounts lie in the manager,
/// what is owed is owed by it to the lending vaults, and both are counted account by account (M5).
abstract contract Holdings is Accounts {
    using Bits for uint256;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @dev The unit of account, and shares of the LP vault.
    uint256 internal constant PREP = 0;
    uint256 internal constant SHARES = 1;
    uint256 internal constant BPS = 10_000;
    uint256 private constant MAX_THRESHOLD = 9_000;
    /// @dev Debt counts divided by the weight of its asset.
    uint256 private constant MIN_WEIGHT_OF_DEBT = 1_000;
    uint256 private constant MAX_ASSETS = 32;
    uint256 private constant MAX_HOLDINGS = 8;
    uint256 private constant MAX_PRICE = 1e36;

    /// @dev An asset in storage. A health check reads the first slot, and the second only of what is owed.
    struct AssetSlots {
        // 20 + 2 + 2 bytes
        IPriceOracle oracle;
        uint16 maxLtv;
        uint16 liquidationThreshold;
        // 20
        ILendingVault lendingVault;
        // 20
        IERC20 token;
        // 32
        uint256 depositCap;
    }

    /// @dev One slot: 16 + 16 bytes.
    struct HoldingSlot {
        uint128 balance;
        uint128 debtShares;
    }

    /// @inheritdoc ICreditManager
    uint256 public assetCount;

    mapping(uint256 assetId => AssetSlots) internal _assets;
    mapping(uint256 accountId => mapping(uint256 assetId => HoldingSlot)) internal _holdings;

    // Whoever lends to closing what the lenders cannot, how much he has lent, and may at most. Only during a liquidation.
    address internal transient _supplier;
    uint256 internal transient _supplied;
    uint256 internal transient _maxSupply;

    // ------------------------------------------------------------------------------------------------------- roles

    /// @inheritdoc ICreditManager
    function addAsset(AssetConfig calldata config) external restricted returns (uint256) {
        uint256 count = assetCount;
        bool refused = count == MAX_ASSETS || address(config.token).code.length == 0;
        for (uint256 id = 0; id < count; ++id) {
            if (_assets[id].token == config.token) refused = true;
        }
        _refuse(refused, config);
        return _addAsset(config);
    }

    /// @inheritdoc ICreditManager
    function setAsset(uint256 assetId, AssetConfig calldata config) external restricted {
        AssetSlots storage a = _asset(assetId);
        ILendingVault old = a.lendingVault;
        bool inUse = address(old) != address(0) && old != config.lendingVault && old.debtShares(address(this)) != 0;
        _refuse(inUse || config.token != a.token, config);
        _configure(assetId, config);
    }

    /// @inheritdoc ICreditManager
    function disableAsset(uint256 assetId) external restricted {
        _asset(assetId).depositCap = 0;
        emit AssetConfigured(assetId, asset(assetId));
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc ICreditManager
    function asset(uint256 assetId) public view returns (AssetConfig memory) {
        AssetSlots memory a = _asset(assetId);
        return AssetConfig(a.token, a.oracle, a.lendingVault, a.maxLtv, a.liquidationThreshold, a.depositCap);
    }

    /// @inheritdoc ICreditManager
    function holding(uint256 accountId, uint256 assetId) public view returns (Holding memory) {
        HoldingSlot memory h = _holdings[accountId][assetId];
        uint256 debt = h.debtShares == 0 ? 0 : _assets[assetId].lendingVault.toDebt(h.debtShares);
        return Holding(assetId, h.balance, h.debtShares, debt);
    }

    /// @inheritdoc ICreditManager
    function contents(uint256 accountId)
        external
        view
        returns (Holding[] memory holdings, uint256[] memory marketIds)
    {
        AccountSlot memory account = _accounts[accountId];
        uint256[] memory assetIds = uint256(account.assets).toArray();
        holdings = new Holding[](assetIds.length);
        for (uint256 i = 0; i < assetIds.length; ++i) {
            holdings[i] = holding(accountId, assetIds[i]);
        }
        marketIds = uint256(account.markets).toArray();
    }

    // ---------------------------------------------------------------------------------------------------- balances

    function _credit(uint256 accountId, uint256 assetId, uint256 amount) internal {
        if (amount == 0) return;
        HoldingSlot storage h = _holdings[accountId][assetId];
        uint256 balance = h.balance + amount;
        h.balance = balance.toUint128();
        _mark(accountId, assetId, true);
        emit BalanceChanged(accountId, assetId, int256(amount), balance);
    }

    function _take(uint256 accountId, uint256 assetId, uint256 amount) internal {
        if (amount == 0) return;
        HoldingSlot storage h = _holdings[accountId][assetId];
        uint256 balance = h.balance;
        _checkBalance(assetId, balance, amount);
        balance -= amount;
        h.balance = uint128(balance);
        if (balance == 0 && h.debtShares == 0) _mark(accountId, assetId, false);
        emit BalanceChanged(accountId, assetId, -int256(amount), balance);
    }

    /// @dev Takes PREP of the balance, and what is missing as a loan; in a liquidation, what cannot be lent, of the supplier.
    function _debit(uint256 accountId, uint256 amount) internal {
        uint256 missing = amount - Math.min(amount, _holdings[accountId][PREP].balance);
        _take(accountId, PREP, amount - missing);
        if (missing == 0) return;
        uint256 available = _maxBorrow(PREP);
        if (missing > available) {
            uint256 short = missing - available;
            bool supply = _supplier != address(0) && _supplied + short <= _maxSupply;
            Check.that(supply, CannotBorrow.selector, PREP, missing, available);
            _supplied += short;
            missing = available;
            _pull(PREP, _supplier, short);
        }
        if (missing != 0) _borrow(accountId, PREP, missing);
    }

    // ------------------------------------------------------------------------------------------------------- debts

    /// @dev The tokens come to the manager; whose they are is for the caller to say.
    function _borrow(uint256 accountId, uint256 assetId, uint256 amount) internal {
        uint256 before = _assets[assetId].token.balanceOf(address(this));
        uint256 shares = _assets[assetId].lendingVault.borrow(amount, address(this));
        _checkArrived(assetId, before, amount);
        // None for a quoted borrower, as which nobody is to have registered the manager: no account would owe it.
        Check.that(shares != 0, NotBorrowable.selector, assetId);
        HoldingSlot storage h = _holdings[accountId][assetId];
        shares += h.debtShares;
        h.debtShares = shares.toUint128();
        _mark(accountId, assetId, true);
        emit DebtChanged(accountId, assetId, int256(amount), shares);
    }

    /// @dev With tokens that lie in the manager and are nobody's. `amount`: at most the debt.
    function _repay(uint256 accountId, uint256 assetId, uint256 amount) internal {
        if (amount == 0) return;
        _reduceDebt(accountId, assetId, amount, _assets[assetId].lendingVault.repay(amount));
    }

    function _writeOff(uint256 accountId, uint256 assetId) internal returns (uint256 debt) {
        debt = _debt(accountId, assetId);
        _reduceDebt(accountId, assetId, debt, _assets[assetId].lendingVault.writeOff(debt));
        emit DebtWrittenOff(accountId, assetId, debt);
    }

    function _debt(uint256 accountId, uint256 assetId) internal view returns (uint256) {
        uint256 shares = _holdings[accountId][assetId].debtShares;
        return shares == 0 ? 0 : _assets[assetId].lendingVault.toDebt(shares);
    }

    function _maxBorrow(uint256 assetId) internal view returns (uint256) {
        ILendingVault lendingVault = _assets[assetId].lendingVault;
        return address(lendingVault) == address(0) ? 0 : lendingVault.maxBorrow(address(this));
    }

    function _reduceDebt(uint256 accountId, uint256 assetId, uint256 amount, uint256 shares) private {
        HoldingSlot storage h = _holdings[accountId][assetId];
        shares = h.debtShares - shares;
        h.debtShares = uint128(shares);
        if (shares == 0 && h.balance == 0) _mark(accountId, assetId, false);
        emit DebtChanged(accountId, assetId, -int256(amount), shares);
    }

    // ------------------------------------------------------------------------------------------------------ tokens

    /// @dev Takes tokens and requires all of them to arrive. @return held What the manager has then.
    function _pull(uint256 assetId, address from, uint256 amount) internal returns (uint256 held) {
        IERC20 token = _assets[assetId].token;
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        return _checkArrived(assetId, before, amount);
    }

    function _checkArrived(uint256 assetId, uint256 before, uint256 amount) private view returns (uint256 held) {
        held = _assets[assetId].token.balanceOf(address(this));
        Check.that(held == before + amount, TransferFellShort.selector, held - before, amount);
    }

    function _push(uint256 assetId, address to, uint256 amount) internal {
        if (amount != 0) _assets[assetId].token.safeTransfer(to, amount);
    }

    // ----------------------------------------------------------------------------------------------------- private

    function _price(uint256 assetId, IPriceOracle oracle) internal view returns (uint256 price) {
        if (assetId == PREP) return 1e18;
        price = oracle.price();
        Check.that(price != 0 && price <= MAX_PRICE, PriceOutOfBounds.selector, price, MAX_PRICE);
    }

    function _checkBalance(uint256 assetId, uint256 balance, uint256 needed) internal pure {
        Check.that(needed <= balance, InsufficientBalance.selector, assetId, balance, needed);
    }

    function _checkNotZero(uint256 amount) internal pure {
        require(amount != 0, ZeroAmount());
    }

    function _asset(uint256 assetId) internal view returns (AssetSlots storage) {
        Check.that(assetId < assetCount, UnknownAsset.selector, assetId);
        return _assets[assetId];
    }

    /// @dev Notes that an account has something in an asset, or nothing any more.
    function _mark(uint256 accountId, uint256 assetId, bool present) private {
        uint256 assets = _accounts[accountId].assets;
        uint256 marked = assets.with(assetId, present);
        if (marked == assets) return;
        // PREP has always room: what a position wins or loses must not fail because of what else is held.
        Check.that(!present || (marked >> 1).count() <= MAX_HOLDINGS, TooMany.selector, MAX_HOLDINGS);
        _accounts[accountId].assets = uint32(marked);
    }

    function _addAsset(AssetConfig memory config) internal returns (uint256 assetId) {
        assetId = assetCount++;
        _assets[assetId].token = config.token;
        _configure(assetId, config);
    }

    function _refuse(bool refused, AssetConfig memory config) private pure {
        Check.that(!refused, AssetRefused.selector, uint160(address(config.token)));
    }

    function _configure(uint256 assetId, AssetConfig memory config) private {
        bool isPrep = assetId == PREP;
        bool lends = address(config.lendingVault) != address(0);
        uint256 max = isPrep ? BPS : MAX_THRESHOLD;
        uint256 min = isPrep ? BPS : lends ? MIN_WEIGHT_OF_DEBT : 0;
        _checkParameter("liquidationThreshold", config.liquidationThreshold, min, max);
        _checkParameter("maxLtv", config.maxLtv, min, config.liquidationThreshold);
        _checkParameter("oracle", uint160(address(config.oracle)), isPrep ? 0 : 1, isPrep ? 0 : type(uint160).max);
        // Shares in cooldown pay for nothing, and a repayment does not know whose they are.
        _refuse(lends && (assetId == SHARES || config.lendingVault.asset() != address(config.token)), config);

        AssetSlots storage a = _assets[assetId];
        a.oracle = config.oracle;
        a.maxLtv = uint16(config.maxLtv);
        a.liquidationThreshold = uint16(config.liquidationThreshold);
        ILendingVault old = a.lendingVault;
        if (address(old) != address(0) && old != config.lendingVault) config.token.forceApprove(address(old), 0);
        a.lendingVault = config.lendingVault;
        a.depositCap = config.depositCap;
        if (lends) config.token.forceApprove(address(config.lendingVault), type(uint256).max);
        emit AssetConfigured(assetId, config);
    }
}
