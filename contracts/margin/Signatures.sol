// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {EIP712} from "solady/src/utils/EIP712.sol";
import {IMarginPool, Order} from "../../interfaces/IMarginPool.sol";
import {Requests} from "./Requests.sol";

/// @title Who has signed: requests by order signers, orders by traders
/// @notice Requests are signed by keys that hold the role `ORDER_SIGNER`; orders by their trader or by whom he has authorised,
/// keys and contracts (ERC-1271) alike. A key's signature has one form only: its twin with the other `s` is refused.
abstract contract Signatures is IMarginPool, AccessManaged, EIP712 {
    using Requests for *;

    uint64 private constant ORDER_SIGNER = 4;

    /// @inheritdoc IMarginPool
    mapping(address trader => mapping(address signer => bool)) public isAuthorised;
    /// @inheritdoc IMarginPool
    mapping(bytes32 digest => bool) public isCancelled;

    /// @inheritdoc IMarginPool
    function authoriseSigner(address signer, bool authorised) external {
        isAuthorised[msg.sender][signer] = authorised;
        emit SignerAuthorised(msg.sender, signer, authorised);
    }

    /// @inheritdoc IMarginPool
    function cancelOrder(Order calldata order) external {
        require(msg.sender == order.trader || msg.sender == order.signer, NotTrader(msg.sender, order.trader));
        bytes32 digest = _hashTypedData(order.hash());
        isCancelled[digest] = true;
        emit OrderCancelled(order.trader, digest);
    }

    function _checkRequest(uint256 expiry, address trader, bytes32 digest, bytes calldata signature) internal view {
        _checkExpiry(expiry);
        require(msg.sender == trader, NotTrader(msg.sender, trader));
        _checkSigner(digest, signature);
    }

    function _checkExpiry(uint256 expiry) internal view {
        require(block.timestamp <= expiry, Expired(expiry, block.timestamp));
    }

    function _checkSigner(bytes32 digest, bytes calldata signature) internal view {
        (address signer,,) = ECDSA.tryRecover(digest, signature);
        (bool isSigner,) = IAccessManager(authority()).hasRole(ORDER_SIGNER, signer);
        require(signer != address(0) && isSigner, NotOrderSigner(signer));
    }

    function _checkOrder(Order calldata order, bytes32 digest, bytes calldata signature) internal view {
        _checkExpiry(order.expiry);
        require(
            (order.signer == order.trader || isAuthorised[order.trader][order.signer])
                && SignatureChecker.isValidSignatureNow(order.signer, digest, signature),
            NotOrderOfTrader(order.signer, order.trader)
        );
        require(!isCancelled[digest], OrderIsCancelled(digest));
    }
}
