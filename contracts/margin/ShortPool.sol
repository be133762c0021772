// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IDebtController} from "../../interfaces/IDebtController.sol";
import {Closing, Position} from "../../interfaces/IMarginPool.sol";
import {MarginMath} from "./MarginMath.sol";
import {MarginPool} from "./MarginPool.sol";
import {Positions} from "./Positions.sol";
import {Fill} from "./Swaps.sol";

/// @title Short positions: base tokens are borrowed and sold, quote tokens held
/// @notice The arithmetic of one direction; everything else is `MarginPool`.
contract ShortPool is MarginPool {
    using FixedPointMathLib for uint256;
    using MarginMath for uint256;

    constructor(IDebtController controller, address weth, address authority)
        Positions(false, controller, weth, authority)
    {}

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Prep ShortPool", "1");
    }

    function _owedToken(Position memory p) internal pure override returns (address) {
        return p.base;
    }

    function _heldToken(Position memory p) internal pure override returns (address) {
        return p.quote;
    }

    function _valueAndEquity(uint256 collateral, uint256 debt, uint256 price)
        internal
        pure
        override
        returns (uint256 value, int256 equity)
    {
        value = debt.valueUp(price);
        equity = int256(collateral) - int256(value);
    }

    function _maxPrincipal(uint256 margin, uint256 leverage, uint256 price) internal pure override returns (uint256) {
        return margin.maxPrincipalShort(leverage, price);
    }

    function _checkOpeningSwap(Fill memory fill, uint256 price, uint256 deviation) internal pure override {
        uint256 limit = fill.spent.leastProceeds(price, deviation);
        require(fill.received >= limit, PriceDeviates(fill.received, limit));
    }

    /// @dev What is sold is worth what it brings: nothing else says so here.
    function _checkUnpriced(uint256 downPayment, uint256, Fill memory fill, uint256 leverage) internal pure override {
        uint256 max = downPayment.maxSale(leverage);
        require(fill.received <= max, SaleTooLarge(fill.received, max));
    }

    function _checkClosingSwap(Closing memory c, uint256 price, uint256 deviation) internal pure override {
        uint256 limit = c.received.highestCost(price, deviation);
        require(c.spent <= limit, PriceDeviates(c.spent, limit));
    }

    function _split(Closing memory c, uint256 due) internal pure override returns (uint256 payout, uint256 excess) {
        require(c.received >= due, DebtNotCovered(c.received, due));
        uint256 cost = c.spent + c.fee;
        require(cost <= c.amount, DebtNotCovered(c.amount, cost));
        return (c.amount - cost, c.received - due);
    }

    /// @dev A swap that buys more than is owed makes nobody poorer: it counts at its price.
    function _realise(Closing memory c, uint256 due) internal pure override returns (uint256) {
        if (c.received < due) {
            require(c.spent == c.amount, WrongAmountSpent(c.spent, c.amount));
            return c.amount;
        }
        return due == 0 ? 0 : c.spent.fullMulDiv(due, c.received);
    }

    function _judge(Position memory p, Closing memory c, uint256 value, uint256 interest)
        internal
        pure
        override
        returns (uint256 whole, int256 equity)
    {
        uint256 due = c.principalPaid + interest;
        uint256 owed = p.principal + interest;
        whole = due == owed ? value : value.fullMulDiv(owed, due);
        equity = int256(p.collateral) - int256(whole);
    }
}
