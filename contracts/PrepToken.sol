// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IPrepToken} from "../interfaces/IPrepToken.sol";

/// @title PREP
/// @notice The unit of account of the suite.
///
/// UNITS. 18 decimals; one whole PREP counts as one dollar everywhere. Nothing here backs or enforces that.
///
/// TRANSFERS are plain: no fee, no hook, no rebasing, nothing that can pause or block an address. An allowance of
/// `type(uint256).max` is infinite and is not decremented.
///
/// SUPPLY. `mint(address,uint256)` is for whoever the authority allows, without a cap. `mint()` is a faucet for test
/// networks: it gives anyone `faucetAmount`, once per `faucetInterval` seconds and address, which stops nobody who has
/// many addresses. A deployment whose PREP is worth something must set `faucetAmount` to 0, for good: both settings are
/// immutable. An interval of 0 puts no limit on the faucet; one of `type(uint256).max` allows one use only.
///
/// ROLES come from an OpenZeppelin `AccessManager`, the authority; it alone can name another authority.
contract PrepToken is ERC20, ERC20Permit, AccessManaged, IPrepToken {
    /// @inheritdoc IPrepToken
    uint256 public immutable faucetAmount;
    /// @inheritdoc IPrepToken
    uint256 public immutable faucetInterval;

    mapping(address account => uint256) private _nextFaucetUse;

    constructor(address authority_, uint256 faucetAmount_, uint256 faucetInterval_)
        ERC20("Prep", "PREP")
        ERC20Permit("Prep")
        AccessManaged(authority_)
    {
        faucetAmount = faucetAmount_;
        faucetInterval = faucetInterval_;
    }

    /// @inheritdoc IPrepToken
    function mint() external {
        require(faucetAmount != 0, FaucetOff());
        uint256 nextAt = _nextFaucetUse[msg.sender];
        require(block.timestamp >= nextAt, FaucetTooSoon(nextAt));

        nextAt = Math.saturatingAdd(block.timestamp, faucetInterval);
        _nextFaucetUse[msg.sender] = nextAt;
        emit FaucetUsed(msg.sender, faucetAmount, nextAt);
        _mint(msg.sender, faucetAmount);
    }

    /// @inheritdoc IPrepToken
    function mint(address to, uint256 amount) external restricted {
        require(amount != 0, ZeroAmount());
        _mint(to, amount);
    }

    /// @inheritdoc IERC20Permit
    function nonces(address owner) public view override(ERC20Permit, IERC20Permit) returns (uint256) {
        return super.nonces(owner);
    }
}
