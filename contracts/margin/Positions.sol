// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {IDebtController, PairTerms} from "../../interfaces/IDebtController.sol";
import {Closing, IMarginPool, Position} from "../../interfaces/IMarginPool.sol";
import {MarginMath} from "./MarginMath.sol";
import {Payments} from "./Payments.sol";
import {Requests} from "./Requests.sol";
import {Signatures} from "./Signatures.sol";
import {Fill} from "./Swaps.sol";

/// @title Positions: how they are kept, the terms they are under, and what their direction makes of them
/// @notice Of a position only the hash is stored: one slot, also what makes an id good once. The position itself comes with each
/// call and goes out with each event.
abstract contract Positions is Payments, Signatures {
    using MarginMath for uint256;
    using Requests for *;
    using SafeCast for uint256;

    bytes32 private constant CLOSED = bytes32(uint256(1));

    /// @dev Of a limit for a day. One slot.
    struct Usage {
        uint128 used;
        uint64 since;
    }

    /// @inheritdoc IMarginPool
    IDebtController public immutable controller;
    /// @inheritdoc IMarginPool
    bool public immutable isLong;

    /// @inheritdoc IMarginPool
    mapping(uint256 id => bytes32) public positionHash;
    mapping(address base => mapping(address quote => Usage)) private _usage;

    constructor(bool isLong_, IDebtController controller_, address weth_, address authority)
        Payments(weth_)
        AccessManaged(authority)
    {
        isLong = isLong_;
        controller = controller_;
    }

    /// @inheritdoc IMarginPool
    function borrowedToday(address base, address quote) external view returns (uint256) {
        return _used(base, quote, _limit(controller.terms(base, quote)));
    }

    // ---------------------------------------------------------------------------------------------- of the direction

    /// @dev The token that a position owes, and the one that it holds.
    function _owedToken(Position memory p) internal pure virtual returns (address);
    function _heldToken(Position memory p) internal pure virtual returns (address);

    /// @dev The value of the base tokens held or owed at a price, and what remains of it, or of the collateral, after debt.
    function _valueAndEquity(uint256 collateral, uint256 debt, uint256 price)
        internal
        pure
        virtual
        returns (uint256 value, int256 equity);

    /// @dev The most that may be borrowed on a margin at a check price.
    function _maxPrincipal(uint256 margin, uint256 leverage, uint256 price) internal pure virtual returns (uint256);

    /// @dev Reverts where an opening swap is worse than the check price allows.
    function _checkOpeningSwap(Fill memory fill, uint256 price, uint256 deviation) internal pure virtual;

    /// @dev Reverts where too much is borrowed on a down payment in a pair without a check price.
    function _checkUnpriced(uint256 downPayment, uint256 borrowed, Fill memory fill, uint256 leverage)
        internal
        pure
        virtual;

    /// @dev Reverts where a closing swap is worse than the check price allows.
    function _checkClosingSwap(Closing memory c, uint256 price, uint256 deviation) internal pure virtual;

    /// @dev Reverts unless a closing swap, given `c.amount`, pays `due` and the fee; the trader's quote and base tokens.
    function _split(Closing memory c, uint256 due) internal pure virtual returns (uint256 payout, uint256 excess);

    /// @dev What the base tokens that a liquidation sold, or bought of what is `due`, have turned out to be worth. Reverts where
    /// more could have been paid to the lenders.
    function _realise(Closing memory c, uint256 due) internal pure virtual returns (uint256 value);

    /// @dev The value and equity of a whole position, by what a part of it has realised.
    function _judge(Position memory p, Closing memory c, uint256 value, uint256 interest)
        internal
        pure
        virtual
        returns (uint256 whole, int256 equity);

    // ----------------------------------------------------------------------------------------------------- positions

    /// @dev Stores the next state of a position: its hash, or that it is closed.
    function _store(Position memory p) internal {
        ++p.nonce;
        positionHash[p.id] = p.collateral == 0 ? CLOSED : p.hash();
    }

    function _load(Position calldata position) internal view returns (Position memory p) {
        p = position;
        bytes32 given = p.hash();
        bytes32 stored = positionHash[p.id];
        require(given == stored, UnknownPosition(p.id, stored, given));
    }

    function _load(Position calldata position, address trader) internal view returns (Position memory p) {
        p = _load(position);
        require(p.trader == trader, NotTrader(trader, p.trader));
    }

    function _match(Position memory p, uint256 id, uint256 nonce) internal pure {
        require(p.id == id && p.nonce == nonce, WrongPosition(p.id, p.nonce, id, nonce));
    }

    function _checkInterest(Position memory p, uint256 interest) internal view {
        uint256 max = _maxInterest(p);
        require(interest <= max && (interest != 0 || max == 0), InvalidInterest(interest, max));
    }

    // --------------------------------------------------------------------------------------------------------- terms

    function _termsForRisk(address base, address quote) internal view returns (PairTerms memory terms) {
        terms = controller.terms(base, quote);
        require(!terms.disabled, PairIsDisabled(base, quote));
    }

    function _maxInterest(Position memory p) internal view returns (uint256) {
        return controller.computeMaxInterest(_owedToken(p), p.principal, p.lastFundingTimestamp);
    }

    function _useLimit(Position memory p, PairTerms memory terms, uint256 amount) internal {
        uint256 limit = _limit(terms);
        uint256 used = _used(p.base, p.quote, limit) + amount;
        require(used <= limit, DailyLimitExceeded(used, limit));
        _usage[p.base][p.quote] = Usage(used.toUint128(), uint64(block.timestamp));
    }

    function _used(address base, address quote, uint256 limit) private view returns (uint256) {
        Usage memory usage = _usage[base][quote];
        return uint256(usage.used).usedAfter(limit, block.timestamp - usage.since);
    }

    function _limit(PairTerms memory terms) private view returns (uint256) {
        return isLong ? terms.longLimit : terms.shortLimit;
    }
}
