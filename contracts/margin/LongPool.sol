// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {FixedPointMathLib} from "solady/src/utils/FixedPointMathLib.sol";
import {IDebtController} from "../../interfaces/IDebtController.sol";
import {Closing, Position} from "../../interfaces/IMarginPool.sol";
import {MarginMath} from "./MarginMath.sol";
import {MarginPool} from "./MarginPool.sol";
import {Positions} from "./Positions.sol";
import {Fill} from "./Swaps.sol";

/// @title Long positions: quote tokens are borrowed, base tokens held
/// @notice The arithmetic of one direction; everything else is `MarginPool`.
contract LongPool is MarginPool {
    using FixedPointMathLib for uint256;
    using MarginMath for uint256;

    constructor(IDebtController controller, address weth, address authority)
        Positions(true, controller, weth, authority)
    {}

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Prep LongPool", "1");
    }

    function _owedToken(Position memory p) internal pure override returns (address) {
        return p.quote;
    }

    function _heldToken(Position memory p) internal pure override returns (address) {
        return p.base;
    }

    function _valueAndEquity(uint256 collateral, uint256 debt, uint256 price)
        internal
        pure
        override
        returns (uint256 value, int256 equity)
    {
        value = collateral.valueDown(price);
        equity = int256(value) - int256(debt);
    }

    function _maxPrincipal(uint256 margin, uint256 leverage, uint256) internal pure override returns (uint256) {
        return margin.maxPrincipalLong(leverage);
    }

    function _checkOpeningSwap(Fill memory fill, uint256 price, uint256 deviation) internal pure override {
        uint256 limit = fill.received.highestCost(price, deviation);
        require(fill.spent <= limit, PriceDeviates(fill.spent, limit));
    }

    function _checkUnpriced(uint256 downPayment, uint256 borrowed, Fill memory, uint256 leverage)
        internal
        pure
        override
    {
        uint256 max = downPayment.maxPrincipalLong(leverage);
        require(borrowed <= max, PrincipalTooHigh(borrowed, max));
    }

    function _checkClosingSwap(Closing memory c, uint256 price, uint256 deviation) internal pure override {
        uint256 limit = c.spent.leastProceeds(price, deviation);
        require(c.received >= limit, PriceDeviates(c.received, limit));
    }

    /// @dev What is not sold was not needed.
    function _split(Closing memory c, uint256 due) internal pure override returns (uint256 payout, uint256 excess) {
        due += c.fee;
        require(c.received >= due, DebtNotCovered(c.received, due));
        return (c.received - due, c.amount - c.spent);
    }

    function _realise(Closing memory c, uint256) internal pure override returns (uint256) {
        require(c.spent == c.amount, WrongAmountSpent(c.spent, c.amount));
        return c.received;
    }

    function _judge(Position memory p, Closing memory c, uint256 value, uint256 interest)
        internal
        pure
        override
        returns (uint256 whole, int256 equity)
    {
        whole = c.amount == p.collateral ? value : value.fullMulDivUp(p.collateral, c.amount);
        equity = int256(whole) - int256(p.principal + interest);
    }
}
