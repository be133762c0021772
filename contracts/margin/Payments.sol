// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {ILendingVault} from "../../interfaces/ILendingVault.sol";
import {IMarginPool, Payout} from "../../interfaces/IMarginPool.sol";
import {IWrappedEther} from "../../interfaces/IWrappedEther.sol";
import {Swaps} from "./Swaps.sol";

/// @title Money in and out: traders, lenders, treasury
/// @notice Tokens that somebody just sends are in no count and stay.
abstract contract Payments is Swaps, ReentrancyGuardTransient {
    using Math for uint256;
    using SafeTransferLib for address;

    /// @inheritdoc IMarginPool
    address public immutable weth;
    /// @inheritdoc IMarginPool
    address public treasury;
    /// @inheritdoc IMarginPool
    mapping(address token => ILendingVault) public lendingVault;
    /// @inheritdoc IMarginPool
    mapping(address trader => mapping(address token => uint256)) public claimable;

    constructor(address weth_) {
        weth = weth_;
    }

    /// @dev Ether comes from unwrapping only.
    receive() external payable {
        require(msg.sender == weth, WrongEther(msg.value, 0));
    }

    /// @inheritdoc IMarginPool
    function claim(address token, address receiver) external nonReentrant returns (uint256 amount) {
        amount = claimable[msg.sender][token];
        require(amount != 0, ZeroAmount());
        delete claimable[msg.sender][token];
        emit PayoutClaimed(msg.sender, token, receiver, amount);
        token.safeTransfer(receiver, amount);
    }

    /// @inheritdoc IMarginPool
    function addLendingVault(ILendingVault vault) external restricted {
        address token = vault.asset();
        ILendingVault before = lendingVault[token];
        require(address(before) == address(0), LendingVaultFixed(token, address(before)));
        lendingVault[token] = vault;
        emit LendingVaultAdded(token, address(vault));
    }

    /// @inheritdoc IMarginPool
    function setTreasury(address treasury_) external restricted {
        require(treasury_ != address(0), ParameterOutOfBounds("treasury", 0, 1, type(uint160).max));
        treasury = treasury_;
        emit TreasurySet(treasury_);
    }

    /// @dev Takes tokens from the caller, or the ether he has sent, and looks that all of them arrive.
    function _take(address token, uint256 amount) internal {
        if (msg.value != 0) {
            require(token == weth && msg.value == amount, WrongEther(msg.value, token == weth ? amount : 0));
            IWrappedEther(token).deposit{value: amount}();
        } else if (amount != 0) {
            uint256 before = _balance(token);
            token.safeTransferFrom(msg.sender, address(this), amount);
            uint256 received = _balance(token).saturatingSub(before);
            require(received >= amount, TransferFellShort(received, amount));
        }
    }

    function _send(address token, address to, uint256 amount) internal {
        if (amount != 0) token.safeTransfer(to, amount);
    }

    /// @dev Sends tokens, or keeps them where the token refuses: nobody is spared liquidation because he cannot be paid.
    function _sendOrKeep(address token, address trader, uint256 amount) internal {
        if (amount == 0 || SafeERC20.trySafeTransfer(IERC20(token), trader, amount)) return;
        claimable[trader][token] += amount;
        emit PayoutKept(trader, token, amount);
    }

    /// @dev Pays a trader as he wishes.
    function _payOut(address token, address trader, uint256 amount, Payout payout) internal {
        if (payout == Payout.Ether) {
            require(token == weth, NotWrappedEther(token));
            if (amount == 0) return;
            IWrappedEther(token).withdraw(amount);
            trader.safeTransferETH(amount);
        } else if (payout == Payout.Lend) {
            ILendingVault vault = _vaultOf(token);
            if (amount == 0) return;
            token.safeApproveWithRetry(address(vault), amount);
            vault.deposit(amount, trader);
        } else {
            _send(token, trader, amount);
        }
    }

    /// @dev Fees go to the treasury; before there is one, nobody can charge any.
    function _payFee(address token, uint256 fee) internal {
        if (fee == 0) return;
        require(treasury != address(0), ParameterOutOfBounds("treasury", 0, 1, type(uint160).max));
        token.safeTransfer(treasury, fee);
    }

    /// @dev Pays lenders. `interest` is recorded first: it is part of `amount`.
    function _repay(address token, uint256 amount, uint256 interest) internal {
        ILendingVault vault = _vaultOf(token);
        if (interest != 0) vault.recordInterest(interest);
        if (amount == 0) return;
        token.safeApproveWithRetry(address(vault), amount);
        vault.repay(amount);
    }

    function _vaultOf(address token) internal view returns (ILendingVault vault) {
        vault = lendingVault[token];
        require(address(vault) != address(0), NoLendingVault(token));
    }
}
