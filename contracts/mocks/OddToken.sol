// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token that answers its transfers oddly
/// @notice MOCK: for tests only. Anyone mints, and sets how it answers.
contract OddToken is ERC20 {
    /// @notice What a transfer does and says.
    enum Manner {
        Usual,
        MovesAndSaysNothing,
        SaysFalse,
        SaysTrueOnly
    }

    /// @notice From now on.
    Manner public manner;

    constructor() ERC20("Odd", "ODD") {}

    /// @notice Mints without asking.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice From now on.
    function setManner(Manner manner_) external {
        manner = manner_;
    }

    /// @notice As told.
    function transfer(address to, uint256 value) public override returns (bool) {
        if (_moves()) super.transfer(to, value);
        return _answer();
    }

    /// @notice As told.
    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (_moves()) super.transferFrom(from, to, value);
        return _answer();
    }

    function _moves() private view returns (bool) {
        return manner == Manner.Usual || manner == Manner.MovesAndSaysNothing;
    }

    function _answer() private view returns (bool) {
        if (manner == Manner.MovesAndSaysNothing) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return manner != Manner.SaysFalse;
    }
}
