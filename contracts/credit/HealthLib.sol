// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SignedMath} from "@openzeppelin/contracts/utils/math/SignedMath.sol";
import {Health} from "../../interfaces/ICreditManager.sol";
import {FixedPoint} from "../perps/FixedPoint.sol";

/// @title The arithmetic of an account's health, and of what a liquidation takes
/// @notice docs/credit.md, "Health" and "Liquidation". Values in PREP base units, weights in basis points, prices WAD.
/// Balances and debts are below 2^128, prices at most 1e36, values of positions below 2^170, weights at most 10,000, and an account
/// has a few dozen of them: what is added up here is far below 2^255, which is why it is not checked again.
library HealthLib {
    using FixedPoint for uint256;

    uint256 internal constant BPS = 10_000;
    uint256 internal constant MIN_BONUS = 0.02e18;
    uint256 internal constant MAX_BONUS = 0.1e18;
    /// @dev The relative shortfall from which the bonus is the largest.
    uint256 internal constant FULL_SHORTFALL = 0.1e18;
    /// @dev What weighted collateral is of weighted debt after a liquidation, at most.
    uint256 internal constant TARGET = 1.1e18;
    /// @dev For closing positions, of their value.
    uint256 internal constant CLOSE_REWARD = 25;

    /// @notice Adds a balance. Rounded down.
    function addBalance(Health memory h, uint256 balance, uint256 price, uint256 weight) internal pure {
        uint256 value = balance.wmul(price);
        unchecked {
            h.assets += value;
            h.collateral += (value * weight).divDown(BPS);
        }
    }

    /// @notice Adds a debt. Rounded up.
    function addDebt(Health memory h, uint256 debt, uint256 price, uint256 weight) internal pure {
        uint256 value = debt.wmulUp(price);
        unchecked {
            h.owed += value;
            h.debt += (value * BPS).divUp(weight);
        }
    }

    /// @notice Adds a position. What it requires is rounded up.
    function addPosition(Health memory h, uint256 value, int256 pnl, uint256 weight) internal pure {
        unchecked {
            h.notional += value;
            h.required += (value * (BPS - weight) + BPS - 1).divDown(BPS);
            h.pnl += pnl;
        }
    }

    /// @notice Sums up. @return Whether the account stands well.
    function conclude(Health memory h) internal pure returns (bool) {
        h.equity = int256(h.collateral) + h.pnl - int256(h.debt);
        return h.equity >= int256(h.required);
    }

    /// @notice The liquidator's bonus: grows with the shortfall relative to what the account owes and needs. WAD, rounded down.
    function bonus(Health memory h) internal pure returns (uint256) {
        uint256 shortfall = uint256(int256(h.required) - h.equity);
        uint256 base = h.debt + h.required;
        uint256 relative = base == 0 ? FixedPoint.WAD : shortfall.fullMulDiv(FixedPoint.WAD, base);
        relative = Math.min(relative, FULL_SHORTFALL);
        return MIN_BONUS + ((MAX_BONUS - MIN_BONUS) * relative).divDown(FULL_SHORTFALL);
    }

    /// @notice The reward for closing positions worth `closed`: never more than the account has beyond what it owes.
    function closeReward(Health memory h, uint256 closed) internal pure returns (uint256) {
        int256 net = int256(h.assets) + h.pnl - int256(h.owed);
        return Math.min((closed * CLOSE_REWARD).divDown(BPS), uint256(SignedMath.max(0, net)));
    }

    /// @notice The value of debt whose repayment against collateral brings the account to the target. Rounded up.
    function toRepay(Health memory h, uint256 bonus_, uint256 debtWeight, uint256 collateralWeight)
        internal
        pure
        returns (uint256)
    {
        int256 missing =
            int256(h.debt.wmulUp(TARGET)) + int256(h.required) - int256(h.collateral) - h.pnl;
        if (missing <= 0) return 0;
        uint256 gain = (TARGET * BPS).divDown(debtWeight) - ((FixedPoint.WAD + bonus_) * collateralWeight).divDown(BPS);
        return (uint256(missing) * FixedPoint.WAD).divUp(gain);
    }
}
