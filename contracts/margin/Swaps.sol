// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LibCall} from "solady/src/utils/LibCall.sol";
import {SafeTransferLib} from "solady/src/utils/SafeTransferLib.sol";
import {IMarginPool} from "../../interfaces/IMarginPool.sol";

/// @notice What a swap did, by the balances before and after. Base units.
struct Fill {
    uint256 spent;
    uint256 received;
}

/// @title Swaps through allowed functions of allowed routers
/// @notice What a router says is not looked at: only what it took and brought. It can take what it is given at most, and is
/// given nothing beyond the call.
abstract contract Swaps is IMarginPool, AccessManaged {
    using Math for uint256;
    using SafeTransferLib for address;

    mapping(address router => mapping(bytes4 selector => bool)) private _allowed;

    /// @inheritdoc IMarginPool
    function setRouter(address router, bytes4 selector, bool allowed) external restricted {
        _allowed[router][selector] = allowed;
        emit RouterSet(router, selector, allowed);
    }

    /// @inheritdoc IMarginPool
    function isRouterAllowed(address router, bytes4 selector) external view returns (bool) {
        return _allowed[router][selector];
    }

    /// @dev Lets a router swap `given` of one token for another. Without anything to give there is no swap.
    function _swap(address tokenIn, address tokenOut, uint256 given, address router, bytes calldata data)
        internal
        returns (Fill memory fill)
    {
        if (given == 0) return fill;
        bytes4 selector = bytes4(data);
        require(_allowed[router][selector], SwapNotAllowed(router, selector));
        uint256 beforeIn = _balance(tokenIn);
        uint256 beforeOut = _balance(tokenOut);
        tokenIn.safeApproveWithRetry(router, given);
        LibCall.callContract(router, data);
        if (IERC20(tokenIn).allowance(address(this), router) != 0) tokenIn.safeApproveWithRetry(router, 0);
        fill.spent = beforeIn.saturatingSub(_balance(tokenIn));
        fill.received = _balance(tokenOut).saturatingSub(beforeOut);
        require(fill.spent <= given, WrongAmountSpent(fill.spent, given));
    }

    function _balance(address token) internal view returns (uint256 balance) {
        bool answered;
        (answered, balance) = token.checkBalanceOf(address(this));
        require(answered, BalanceUnknown(token));
    }
}
