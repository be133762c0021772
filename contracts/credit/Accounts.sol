// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ICreditManager} from "../../interfaces/ICreditManager.sol";
import {Check} from "../Check.sol";

/// @title Accounts, and who may act for them
/// @notice An account is a token. Its owner may do everything, a delegate what he was allowed, until then. Whoever may only
/// transfer the token (ERC-721 approvals) cannot act for the account. A transfer ends all delegations, and cannot happen
/// while the manager is at work.
abstract contract Accounts is ICreditManager, ERC721, AccessManaged, ReentrancyGuardTransient {
    /// @dev One slot: 8 + 4 + 4 bytes. Bit `i` of `markets`: there is a position on market `i`; of `assets`: there is a
    /// balance or a debt in asset `i`. `transfers`: how often the account has changed hands.
    struct AccountSlot {
        uint64 markets;
        uint32 assets;
        uint32 transfers;
    }

    /// @dev One slot: 4 + 8 bytes.
    struct Grant {
        uint32 actions;
        uint64 expiry;
    }

    uint256 internal constant ALL_ACTIONS = (1 << 12) - 1;

    /// @inheritdoc ICreditManager
    uint256 public accountCount;

    mapping(uint256 accountId => AccountSlot) internal _accounts;
    mapping(uint256 accountId => mapping(uint256 transfers => mapping(address delegate => Grant))) private _grants;

    constructor() ERC721("Prep Credit Account", "PCA") {}

    /// @inheritdoc ICreditManager
    function open(address owner) external returns (uint256 accountId) {
        accountId = ++accountCount;
        _mint(owner, accountId);
    }

    /// @inheritdoc ICreditManager
    function setDelegate(uint256 accountId, address delegate, uint256 actions, uint256 expiry) external {
        Check.that(_ownerOf(accountId) == msg.sender, NotOwner.selector, uint160(msg.sender), accountId);
        _checkParameter("actions", actions, 0, ALL_ACTIONS);
        _checkParameter("expiry", expiry, 0, type(uint64).max);
        _grants[accountId][_accounts[accountId].transfers][delegate] = Grant(uint32(actions), uint64(expiry));
        emit DelegateSet(accountId, delegate, actions, expiry);
    }

    /// @inheritdoc ICreditManager
    function delegateActions(uint256 accountId, address delegate)
        external
        view
        returns (uint256 actions, uint256 expiry)
    {
        Grant memory grant = _grants[accountId][_accounts[accountId].transfers][delegate];
        return block.timestamp < grant.expiry ? (grant.actions, grant.expiry) : (0, 0);
    }

    /// @notice There is no description of an account but its state.
    function tokenURI(uint256) public pure override returns (string memory) {
        return "";
    }

    /// @dev What somebody may do with an account, a bit for each kind of action.
    function _allowedActions(uint256 accountId, address caller) internal view returns (uint256) {
        if (_ownerOf(accountId) == caller) return ALL_ACTIONS;
        Grant memory grant = _grants[accountId][_accounts[accountId].transfers][caller];
        return block.timestamp < grant.expiry ? grant.actions : 0;
    }

    function _update(address to, uint256 accountId, address auth) internal override returns (address from) {
        require(!_reentrancyGuardEntered(), AccountBusy());
        from = super._update(to, accountId, auth);
        if (from != address(0)) ++_accounts[accountId].transfers;
    }

    function _checkParameter(bytes32 name, uint256 value, uint256 min, uint256 max) internal pure {
        require(value >= min && value <= max, ParameterOutOfBounds(name, value, min, max));
    }
}
