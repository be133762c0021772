// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Hostile} from "./Hostile.sol";

/// @title A router that does what its attacker tells it to
/// @notice MOCK: for tests only. Stands in for an exchange, and shows what it could do once it is allowed: it makes the
/// calls that it was armed with, whatever it is asked for. It is also a trader, through `run`, and a wallet that signs for
/// itself: what it calls from inside of a swap then comes from a trader.
contract HostileRouter is Hostile {
    /// @notice How it answers whoever asks for its signature.
    enum Wallet {
        Refuses,
        AnswersEverything,
        AnswersNothing,
        Reverts,
        BurnsGas
    }

    bytes4 private constant MAGIC = 0x1626ba7e;

    Wallet private _wallet;

    receive() external payable {}

    /// @notice Swaps make these calls from now on. Their failure is only noted.
    function arm(Call[] calldata calls) external {
        _arm(calls);
    }

    /// @notice How it signs from now on.
    function setWallet(Wallet wallet) external {
        _wallet = wallet;
    }

    /// @notice The function that is allowed.
    function swap() external {
        _makeCalls();
    }

    /// @notice ERC-1271.
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        Wallet wallet = _wallet;
        if (wallet == Wallet.AnswersEverything) return MAGIC;
        if (wallet == Wallet.BurnsGas) while (true) {}
        require(wallet != Wallet.Reverts, "no");
        if (wallet == Wallet.AnswersNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return 0xffffffff;
    }
}
