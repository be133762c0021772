// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {CloseRequest, CollateralRequest, OpenRequest, Order, Position} from "../../interfaces/IMarginPool.sol";

/// @title EIP-712 hashes of what is signed, and the hash of a position
/// @notice Pure. The domain is the pool's: its chain, and itself.
library Requests {
    bytes32 private constant OPEN = keccak256(
        "OpenRequest(uint256 id,uint256 nonce,address trader,address base,address quote,uint256 downPayment,uint256 principal,uint256 minOutput,uint256 interest,uint256 fee,uint256 expiry,address router,bytes data)"
    );
    bytes32 private constant CLOSE = keccak256(
        "CloseRequest(uint256 id,uint256 nonce,address trader,uint256 amount,uint256 minPayout,uint256 interest,uint256 fee,uint256 expiry,address router,bytes data)"
    );
    bytes32 private constant COLLATERAL =
        keccak256("CollateralRequest(uint256 id,uint256 nonce,address trader,int256 amount,uint256 expiry)");
    bytes32 private constant ORDER = keccak256(
        "Order(uint256 id,address trader,address signer,bool takeProfit,uint256 quoteAmount,uint256 baseAmount,uint256 minPayout,uint8 payout,uint256 expiry)"
    );

    function hash(OpenRequest calldata r) internal pure returns (bytes32) {
        bytes memory first = abi.encode(OPEN, r.id, r.nonce, r.trader, r.base, r.quote, r.downPayment);
        return keccak256(
            bytes.concat(
                first, abi.encode(r.principal, r.minOutput, r.interest, r.fee, r.expiry, r.router, keccak256(r.data))
            )
        );
    }

    function hash(CloseRequest calldata r) internal pure returns (bytes32) {
        bytes memory first = abi.encode(CLOSE, r.id, r.nonce, r.trader, r.amount, r.minPayout);
        return keccak256(
            bytes.concat(first, abi.encode(r.interest, r.fee, r.expiry, r.router, keccak256(r.data)))
        );
    }

    function hash(CollateralRequest calldata r) internal pure returns (bytes32) {
        return keccak256(abi.encode(COLLATERAL, r));
    }

    function hash(Order calldata order) internal pure returns (bytes32) {
        return keccak256(abi.encode(ORDER, order));
    }

    /// @notice That of the ABI encoding, which the words in memory are.
    function hash(Position memory position) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            result := keccak256(position, 0x100)
        }
    }
}
