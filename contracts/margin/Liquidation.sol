// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {PairTerms} from "../../interfaces/IDebtController.sol";
import {Closing, IMarginPool, Position} from "../../interfaces/IMarginPool.sol";
import {MarginMath} from "./MarginMath.sol";
import {Positions} from "./Positions.sol";
import {Fill} from "./Swaps.sol";

/// @title Liquidation: by the liquidator at once, by anybody after a mark
/// @notice The liquidator is trusted with the moment and the route, within the threshold, and within the check price where there is
/// one. Whoever sees a position at its threshold marks it; when the grace period is over, anybody liquidates it.
abstract contract Liquidation is Positions {
    using MarginMath for uint256;

    uint256 private constant MARK_LIFETIME = 1 days;
    /// @dev Of a position that is liquidated: what a small part brings says little about the whole.
    uint256 private constant MAX_PARTS = 100;

    mapping(uint256 id => uint256 from) private _marks;

    /// @inheritdoc IMarginPool
    function liquidate(Position calldata position, uint256 interest, address router, bytes calldata data)
        external
        restricted
        nonReentrant
    {
        Position memory p = _load(position);
        _liquidate(p, p.collateral, interest, router, data);
    }

    /// @inheritdoc IMarginPool
    function liquidatePart(
        Position calldata position,
        uint256 amount,
        uint256 interest,
        address router,
        bytes calldata data
    ) external restricted nonReentrant {
        Position memory p = _load(position);
        require(amount <= p.collateral, AmountTooLarge(amount, p.collateral));
        uint256 least = Math.ceilDiv(p.collateral, MAX_PARTS);
        require(amount >= least, AmountTooSmall(amount, least));
        _liquidate(p, amount, interest, router, data);
    }

    /// @inheritdoc IMarginPool
    function mark(Position calldata position) external {
        Position memory p = _load(position);
        (PairTerms memory terms,, uint256 value, int256 equity) = _atCheckPrice(p);
        _checkLiquidatable(equity, value, terms);
        (uint256 from, uint256 until) = markOf(p.id);
        require(block.timestamp > until, AlreadyMarked(from, until));
        from = block.timestamp + controller.gracePeriod();
        _marks[p.id] = from;
        emit PositionMarked(p.id, from, from + MARK_LIFETIME);
    }

    /// @inheritdoc IMarginPool
    function unmark(Position calldata position) external {
        Position memory p = _load(position);
        require(_marks[p.id] != 0, NotMarked(0, 0));
        (PairTerms memory terms,, uint256 value, int256 equity) = _atCheckPrice(p);
        uint256 least = value.minMargin(terms.maintenanceMargin);
        require(equity > int256(least), StillLiquidatable(equity, least));
        delete _marks[p.id];
        emit PositionUnmarked(p.id);
    }

    /// @inheritdoc IMarginPool
    function liquidateMarked(Position calldata position, address router, bytes calldata data) external nonReentrant {
        Position memory p = _load(position);
        (PairTerms memory terms, uint256 price, uint256 value, int256 equity) = _atCheckPrice(p);
        (uint256 from, uint256 until) = markOf(p.id);
        require(from <= block.timestamp && block.timestamp <= until, NotMarked(from, until));
        _checkLiquidatable(equity, value, terms);
        uint256 interest = _maxInterest(p);
        Closing memory c;
        (c, value) = _seize(p, p.collateral, interest, router, data);
        _checkClosingSwap(c, price, terms.maxDeviation);
        _distribute(p, c, interest, value.liquidationFee(terms.liquidationFee));
    }

    // --------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IMarginPool
    function markOf(uint256 id) public view returns (uint256 from, uint256 until) {
        from = _marks[id];
        if (from != 0) until = from + MARK_LIFETIME;
    }

    /// @inheritdoc IMarginPool
    function health(Position calldata position) external view returns (int256 equity, uint256 minMargin) {
        PairTerms memory terms;
        uint256 value;
        (terms,, value, equity) = _atCheckPrice(position);
        minMargin = value.minMargin(terms.maintenanceMargin);
    }

    // ------------------------------------------------------------------------------------------------------- private

    function _liquidate(
        Position memory p,
        uint256 amount,
        uint256 interest,
        address router,
        bytes calldata data
    ) private {
        PairTerms memory terms = controller.terms(p.base, p.quote);
        _checkInterest(p, interest);
        (Closing memory c, uint256 value) = _seize(p, amount, interest, router, data);
        if (address(terms.oracle) != address(0)) _checkClosingSwap(c, terms.oracle.price(), terms.maxDeviation);
        (uint256 whole, int256 equity) = _judge(p, c, value, interest);
        _checkLiquidatable(equity, whole, terms);
        _distribute(p, c, interest, value.liquidationFee(terms.liquidationFee));
    }

    /// @dev Swaps collateral for what is owed, as a liquidation; `c.principalPaid` is what is due of the principal.
    function _seize(Position memory p, uint256 amount, uint256 interest, address router, bytes calldata data)
        private
        returns (Closing memory c, uint256 value)
    {
        c.amount = amount;
        c.principalPaid = p.principal.principalPart(amount, p.collateral);
        Fill memory fill = _swap(_heldToken(p), _owedToken(p), amount, router, data);
        (c.spent, c.received) = (fill.spent, fill.received);
        value = _realise(c, c.principalPaid + interest);
    }

    /// @dev Lenders first, then whoever liquidates, then the trader.
    function _distribute(Position memory p, Closing memory c, uint256 interest, uint256 maxFee) private {
        uint256 due = c.principalPaid;
        uint256 paid = Math.min(c.received, due + interest);
        uint256 excess = c.received - paid;
        c.principalPaid = Math.min(paid, due);
        c.interestPaid = paid - c.principalPaid;
        // Nothing is given up while there is collateral.
        if (c.amount == p.collateral) c.badDebt = due - c.principalPaid;
        uint256 remaining = isLong ? excess : c.amount - c.spent;
        c.fee = Math.min(remaining, maxFee);
        c.payout = remaining - c.fee;

        address token = _owedToken(p);
        p.principal -= c.principalPaid + c.badDebt;
        p.collateral -= c.amount;
        if (interest != 0 && c.interestPaid == interest) p.lastFundingTimestamp = block.timestamp;
        _store(p);
        emit PositionLiquidated(p.id, p.trader, msg.sender, p, c);
        _repay(token, paid, c.interestPaid);
        if (c.badDebt != 0) _vaultOf(token).writeOff(c.badDebt);
        _send(p.quote, msg.sender, c.fee);
        _sendOrKeep(p.quote, p.trader, c.payout);
        if (!isLong) _sendOrKeep(p.base, p.trader, excess);
    }

    function _checkLiquidatable(int256 equity, uint256 value, PairTerms memory terms) private pure {
        uint256 least = value.minMargin(terms.maintenanceMargin);
        require(equity <= int256(least), NotLiquidatable(equity, least));
    }

    /// @dev The terms of a position's pair, and what it is worth at the check price.
    function _atCheckPrice(Position memory p)
        private
        view
        returns (PairTerms memory terms, uint256 price, uint256 value, int256 equity)
    {
        terms = controller.terms(p.base, p.quote);
        require(address(terms.oracle) != address(0), NoCheckPrice(p.base, p.quote));
        price = terms.oracle.price();
        (value, equity) = _valueAndEquity(p.collateral, p.principal, price);
    }
}
