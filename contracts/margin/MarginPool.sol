// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {PairTerms} from "../../interfaces/IDebtController.sol";
import {
    CloseRequest,
    Closing,
    CollateralRequest,
    IMarginPool,
    OpenRequest,
    Order,
    Payout,
    Position
} from "../../interfaces/IMarginPool.sol";
import {Liquidation} from "./Liquidation.sol";
import {MarginMath} from "./MarginMath.sol";
import {Requests} from "./Requests.sol";
import {Fill} from "./Swaps.sol";

/// @title Asset-backed positions: what long and short have in common
/// @notice Holds the collateral of positions, and owes their principals to lending vaults. docs/margin.md is the rule: what is
/// computed, in which order it is checked, how it is rounded.
///
/// PARTS. Here: what traders do, their orders, and interest. `Liquidation` and its marks; `Positions`, their hashes and terms;
/// `Payments`, `Swaps` and `Signatures`. The arithmetic of a direction is in `LongPool` and `ShortPool`.
///
/// TRUST. An order signer's word opens, increases, closes and moves collateral, and only for the trader who then sends it.
/// What he can set is bounded here and by the controller, so that a stolen key cannot take more than docs/margin.md says; that he is
/// silent costs a trader the highest interest, not the position (`exit`). Order executor and liquidator are trusted with
/// the moment and the route, within the trader's order or the threshold, and within the check price where there is one.
///
/// REQUIRES tokens without fees on transfer, and routers whose functions, once allowed, do no more than swap.
/// Units: token base units. What rounds does so against the trader. All is checked after the swap, by balances; nothing here
/// can be entered while it runs.
abstract contract MarginPool is Liquidation {
    using MarginMath for uint256;
    using Requests for *;

    uint256 private constant MAX_FEE_BPS = 100;

    // ------------------------------------------------------------------------------------------------------- traders

    /// @inheritdoc IMarginPool
    function open(OpenRequest calldata request, bytes calldata signature) external payable nonReentrant {
        _checkRequest(request.expiry, request.trader, _hashTypedData(request.hash()), signature);
        require(positionHash[request.id] == 0, IdUsed(request.id));
        require(request.nonce == 0, WrongPosition(request.id, 0, request.id, request.nonce));
        PairTerms memory terms = _termsForRisk(request.base, request.quote);
        require(request.principal != 0, ZeroAmount());
        require(request.interest == 0, InvalidInterest(request.interest, 0));
        Position memory p;
        (p.id, p.trader, p.base, p.quote) = (request.id, request.trader, request.base, request.quote);
        p.lastFundingTimestamp = block.timestamp;
        (uint256 borrowed, Fill memory fill) = _grow(p, request, terms);
        emit PositionOpened(
            p.id, p.trader, p, request.downPayment, borrowed, request.fee, fill.spent, fill.received
        );
    }

    /// @inheritdoc IMarginPool
    function increase(OpenRequest calldata request, bytes calldata signature, Position calldata position)
        external
        payable
        nonReentrant
    {
        _checkRequest(request.expiry, request.trader, _hashTypedData(request.hash()), signature);
        Position memory p = _load(position, request.trader);
        _match(p, request.id, request.nonce);
        require(request.base == p.base && request.quote == p.quote, WrongTokens(request.base, request.quote));
        PairTerms memory terms = _termsForRisk(p.base, p.quote);
        require(request.principal != 0 || request.downPayment != 0, ZeroAmount());
        _checkInterest(p, request.interest);
        // Even where no interest is due yet: what is borrowed now owes none for the time before.
        p.lastFundingTimestamp = block.timestamp;
        if (request.interest != 0) {
            p.principal += request.interest;
            _vaultOf(_owedToken(p)).recordInterest(request.interest);
        }
        (uint256 borrowed, Fill memory fill) = _grow(p, request, terms);
        _emitIncreased(p, request, borrowed, fill);
    }

    /// @inheritdoc IMarginPool
    function close(CloseRequest calldata request, bytes calldata signature, Position calldata position, Payout payout)
        external
        nonReentrant
    {
        _checkRequest(request.expiry, request.trader, _hashTypedData(request.hash()), signature);
        Position memory p = _load(position, request.trader);
        _match(p, request.id, request.nonce);
        _close(p, request, payout);
    }

    /// @inheritdoc IMarginPool
    function exit(Position calldata position, address router, bytes calldata data, uint256 minPayout, Payout payout)
        external
        nonReentrant
    {
        Position memory p = _load(position, msg.sender);
        Closing memory c;
        c.amount = p.collateral;
        c.interestPaid = _maxInterest(p);
        _settle(p, c, router, data);
        _finish(p, c, minPayout, payout);
    }

    /// @inheritdoc IMarginPool
    function addCollateral(CollateralRequest calldata request, bytes calldata signature, Position calldata position)
        external
        payable
        nonReentrant
    {
        Position memory p = _loadFor(request, signature, position);
        require(request.amount > 0, ZeroAmount());
        uint256 amount = uint256(request.amount);
        p.collateral += amount;
        _store(p);
        emit CollateralChanged(p.id, p.trader, p, request.amount);
        _take(_heldToken(p), amount);
    }

    /// @inheritdoc IMarginPool
    function removeCollateral(CollateralRequest calldata request, bytes calldata signature, Position calldata position)
        external
        nonReentrant
    {
        Position memory p = _loadFor(request, signature, position);
        require(request.amount < 0, ZeroAmount());
        uint256 amount = uint256(-request.amount);
        require(amount < p.collateral, AmountTooLarge(amount, p.collateral));
        PairTerms memory terms = _termsForRisk(p.base, p.quote);
        uint256 before = p.collateral;
        p.collateral -= amount;
        if (address(terms.oracle) == address(0)) {
            _useLimit(p, terms, p.principal.principalPart(amount, before));
        } else {
            uint256 price = terms.oracle.price();
            uint256 debt = p.principal + _maxInterest(p);
            (, int256 equity) = _valueAndEquity(p.collateral, debt, price);
            uint256 max = _maxPrincipal(equity > 0 ? uint256(equity) : 0, terms.maxLeverage, price);
            require(debt <= max, PrincipalTooHigh(debt, max));
        }
        _store(p);
        emit CollateralChanged(p.id, p.trader, p, request.amount);
        _send(_heldToken(p), p.trader, amount);
    }

    // ------------------------------------------------------------------------------------------------------- keepers

    /// @inheritdoc IMarginPool
    function executeOrder(
        Order calldata order,
        bytes calldata orderSignature,
        CloseRequest calldata request,
        bytes calldata signature,
        Position calldata position
    ) external restricted nonReentrant {
        _checkExpiry(request.expiry);
        _checkSigner(_hashTypedData(request.hash()), signature);
        Position memory p = _load(position, request.trader);
        _match(p, request.id, request.nonce);
        require(order.id == p.id && order.trader == p.trader && request.amount == p.collateral, OrderMismatch());
        bytes32 digest = _hashTypedData(order.hash());
        _checkOrder(order, digest, orderSignature);
        Closing memory c = _close(p, request, order.payout);
        require(c.payout >= order.minPayout, PayoutTooLow(c.payout, order.minPayout));
        require(!isLong || c.spent == c.amount, WrongAmountSpent(c.spent, c.amount));
        PairTerms memory terms = controller.terms(p.base, p.quote);
        if (address(terms.oracle) != address(0)) _checkClosingSwap(c, terms.oracle.price(), terms.maxDeviation);
        (uint256 quoteAmount, uint256 baseAmount) = isLong ? (c.received, c.spent) : (c.spent, c.received);
        uint256 realised = quoteAmount * order.baseAmount;
        uint256 wanted = order.quoteAmount * baseAmount;
        require(
            isLong == order.takeProfit ? realised >= wanted : realised <= wanted,
            ConditionNotMet(quoteAmount, baseAmount)
        );
        emit OrderExecuted(p.id, p.trader, digest);
    }

    /// @inheritdoc IMarginPool
    function recordInterest(Position[] calldata positions, uint256[] calldata interests)
        external
        restricted
        nonReentrant
    {
        require(positions.length == interests.length && positions.length != 0, ListsDiffer());
        address token;
        uint256 total;
        for (uint256 i; i < positions.length; ++i) {
            Position memory p = _load(positions[i]);
            if (i == 0) token = _owedToken(p);
            require(_owedToken(p) == token, ListsDiffer());
            uint256 interest = interests[i];
            require(interest != 0, ZeroAmount());
            _checkInterest(p, interest);
            p.principal += interest;
            p.lastFundingTimestamp = block.timestamp;
            _store(p);
            total += interest;
            emit InterestRecorded(p.id, p.trader, p, interest);
        }
        _vaultOf(token).recordInterest(total);
    }

    // ------------------------------------------------------------------------------------------------------- private

    /// @dev Pays, borrows, swaps and checks, for a position as it was, interest included. Stores it.
    function _grow(Position memory p, OpenRequest calldata request, PairTerms memory terms)
        private
        returns (uint256 borrowed, Fill memory fill)
    {
        address owed = _owedToken(p);
        address held = _heldToken(p);
        borrowed = request.principal;
        _take(p.quote, request.downPayment + request.fee);
        if (borrowed != 0) _vaultOf(owed).borrow(borrowed, address(this));
        uint256 given = isLong ? borrowed + request.downPayment : borrowed;
        fill = _swap(owed, held, given, request.router, request.data);
        require(fill.received >= request.minOutput, OutputTooLow(fill.received, request.minOutput));
        borrowed -= _returnUnused(p, owed, given - fill.spent, borrowed);

        p.principal += borrowed;
        p.collateral += isLong ? fill.received : fill.received + request.downPayment;
        require(p.collateral != 0, ZeroAmount());
        _checkGrown(p, request.downPayment, borrowed, fill, terms);
        _checkFee(request.fee, isLong ? fill.spent : fill.received);
        _store(p);
        _payFee(p.quote, request.fee);
    }

    /// @dev What a swap left goes back to the lenders, up to what they lent, and then to the trader.
    function _returnUnused(Position memory p, address token, uint256 unused, uint256 borrowed)
        private
        returns (uint256 returned)
    {
        if (unused == 0) return 0;
        returned = Math.min(unused, borrowed);
        _repay(token, returned, 0);
        _send(token, p.trader, unused - returned);
    }

    function _checkGrown(
        Position memory p,
        uint256 downPayment,
        uint256 borrowed,
        Fill memory fill,
        PairTerms memory terms
    ) private {
        if (address(terms.oracle) == address(0)) {
            _checkUnpriced(downPayment, borrowed, fill, terms.maxLeverage);
            _useLimit(p, terms, borrowed);
            return;
        }
        uint256 price = terms.oracle.price();
        _checkOpeningSwap(fill, price, terms.maxDeviation);
        uint256 max = _maxPrincipal(downPayment, terms.maxLeverage, price);
        require(borrowed <= max, PrincipalTooHigh(borrowed, max));
        (uint256 value, int256 equity) = _valueAndEquity(p.collateral, p.principal, price);
        uint256 least = value.minMargin(terms.maintenanceMargin);
        require(equity > int256(least), MarginTooLow(equity, least));
    }

    function _close(Position memory p, CloseRequest calldata request, Payout payout)
        private
        returns (Closing memory c)
    {
        require(request.amount != 0, ZeroAmount());
        require(request.amount <= p.collateral, AmountTooLarge(request.amount, p.collateral));
        _checkInterest(p, request.interest);
        (c.amount, c.interestPaid, c.fee) = (request.amount, request.interest, request.fee);
        _settle(p, c, request.router, request.data);
        _finish(p, c, request.minPayout, payout);
    }

    /// @dev Swaps collateral for what is due, and divides what comes of it.
    function _settle(Position memory p, Closing memory c, address router, bytes calldata data) private {
        c.principalPaid = p.principal.principalPart(c.amount, p.collateral);
        uint256 due = c.principalPaid + c.interestPaid;
        Fill memory fill = _swap(_heldToken(p), _owedToken(p), !isLong && due == 0 ? 0 : c.amount, router, data);
        (c.spent, c.received) = (fill.spent, fill.received);
        uint256 excess;
        (c.payout, excess) = _split(c, due);
        _checkFee(c.fee, isLong ? c.received : c.spent);
        _send(p.base, p.trader, excess);
    }

    /// @dev Pays lenders, treasury and trader, and stores what is left.
    function _finish(Position memory p, Closing memory c, uint256 minPayout, Payout payout) private {
        require(c.payout >= minPayout, PayoutTooLow(c.payout, minPayout));
        p.principal -= c.principalPaid;
        p.collateral -= c.amount;
        if (c.interestPaid != 0) p.lastFundingTimestamp = block.timestamp;
        _store(p);
        emit PositionClosed(p.id, p.trader, p, c);
        _repay(_owedToken(p), c.principalPaid + c.interestPaid, c.interestPaid);
        _payFee(p.quote, c.fee);
        _payOut(p.quote, p.trader, c.payout, payout);
    }

    function _loadFor(CollateralRequest calldata request, bytes calldata signature, Position calldata position)
        private
        view
        returns (Position memory p)
    {
        _checkRequest(request.expiry, request.trader, _hashTypedData(request.hash()), signature);
        p = _load(position, request.trader);
        _match(p, request.id, request.nonce);
    }

    function _checkFee(uint256 fee, uint256 moved) private pure {
        uint256 max = moved * MAX_FEE_BPS / MarginMath.BPS;
        require(fee <= max, FeeTooHigh(fee, max));
    }

    function _emitIncreased(Position memory p, OpenRequest calldata request, uint256 borrowed, Fill memory fill) private {
        emit PositionIncreased(
            p.id,
            p.trader,
            p,
            request.downPayment,
            borrowed,
            request.interest,
            request.fee,
            fill.spent,
            fill.received
        );
    }
}
