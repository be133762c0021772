// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title A contract that signs what it was told to (ERC-1271)
/// @notice MOCK: for tests only. Anyone says what it signs.
contract ContractSigner is IERC1271 {
    /// @notice The signature of a digest, as it counts here.
    mapping(bytes32 digest => bytes) public signatures;

    /// @notice From now on these bytes are the signature of that digest.
    function sign(bytes32 digest, bytes calldata signature) external {
        signatures[digest] = signature;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bool known = signature.length != 0 && keccak256(signatures[digest]) == keccak256(signature);
        return known ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}
