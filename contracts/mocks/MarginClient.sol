// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IMarginClient} from "../../interfaces/IMarginClient.sol";
import {IProtocol} from "../../interfaces/IProtocol.sol";
import {PrepToken} from "../PrepToken.sol";

/// @title A margin client with unlimited funds
/// @notice MOCK: for tests and for replaying orders. Anyone may trade for any account, and mint it what it will owe, for
/// which it needs the minter's role. Answers for nobody.
contract MarginClient is IMarginClient {
    /// @notice The client was told that a position was closed against its will.
    event Deleveraged(uint256 indexed account, uint256 indexed marketId, int256 settlement);

    IProtocol public immutable protocol;
    PrepToken public immutable prep;

    constructor(IProtocol protocol_, PrepToken prep_) {
        protocol = protocol_;
        prep = prep_;
        prep_.approve(address(protocol_), type(uint256).max);
        prep_.approve(address(protocol_.vault()), type(uint256).max);
    }

    /// @notice Mints PREP to the client.
    function fund(uint256 amount) external {
        prep.mint(address(this), amount);
    }

    /// @notice Deposits into the vault with fresh PREP; the shares are `receiver`'s.
    function deposit(uint256 amount, address receiver) external returns (uint256 shares) {
        prep.mint(address(this), amount);
        shares = protocol.vault().deposit(amount, receiver);
    }

    /// @notice As the protocol's function of this name.
    function executeOrder(uint256 account, uint256 marketId, int256 size, bool reduceOnly)
        external
        returns (int256 settlement)
    {
        settlement = protocol.executeOrder(account, marketId, size, reduceOnly);
    }

    /// @notice As the protocol's function of this name.
    function closeAll(uint256 account) external returns (int256 settlement) {
        settlement = protocol.closeAll(account);
    }

    /// @inheritdoc IMarginClient
    function onSettlement(uint256 account, uint256 marketId, int256, int256 settlement, bool forced) external {
        if (forced) emit Deleveraged(account, marketId, settlement);
    }
}
