// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IMarkets} from "../interfaces/IMarkets.sol";
import {Condition, OrderState} from "../interfaces/IOrderBook.sol";
import {IPriceOracle} from "../interfaces/IPriceOracle.sol";
import {IProtocol, TradeKind} from "../interfaces/IProtocol.sol";
import {ITradeRequests, TradeRequest} from "../interfaces/ITradeRequests.sol";
import {FillWindow} from "./perps/FillWindow.sol";
import {MarketStorage} from "./perps/MarketStorage.sol";

/// @title Isolated trades in two steps
/// @notice Holds requests, and the keeper fees that they reserve, until somebody fills or removes them.
///
/// WHY. Whoever sees prices elsewhere before they are published here would trade at the old one. A request fills at a price
/// that nobody knew when it was made: the first one published `minExecutionDelay` or more after it, and no other.
///
/// NO CHOICE AFTERWARDS. A request cannot be changed or cancelled. It fills while its price is the latest; then it is dead. The
/// worst price and the expiry are fixed before the price is known. The fee, at least 1 PREP, makes others fill it at once. A
/// trade that fails for lack of collateral uses the request up all the same, and its fee goes to who tried: otherwise a
/// trader would ask for more than he can pay, look at what prices elsewhere do, and pay in and fill it himself where
/// that wins. A trade that fails for any other reason leaves the request as it was: its trader cannot turn those on and off.
///
/// WHAT REMAINS. Until somebody first tries to fill it, a trader can still take collateral out or pay it in, and so decide with
/// what he knows between the price's observation and that try: one block where keepers are awake. It costs the fee, if
/// others come first, and the fees of trading where he lets it fill. Whoever fills requests decides, as everywhere, the
/// order of those that are ready. Nothing limits how many one trader has; each has to be paid for and can be filled.
///
/// DELAY. It must be longer than an answer takes from being observed to being published: an answer seen on its way would be
/// known otherwise. Where filling costs more than the fee, nobody does it but the trader, when he likes: fees of 1 PREP
/// are for chains where that pays for a trade.
///
/// DEATH. Of its price: the fee goes to who removes it. By expiry before there was a price, or of a settled market where it would
/// open something: the fee goes back to the trader. Neither needs a usable price. In a market that has become one-step a
/// request fills at once; in a settled one it closes at the last price.
///
/// MONEY. Holds exactly the fees of the requests that are left. Requires a token without hooks and without fees on transfer.
/// Amounts PREP base units, prices WAD, times seconds. No owner, no setting; the protocol binds itself once.
contract TradeRequests is ITradeRequests, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 private constant BTC = 0;
    uint256 private constant MIN_KEEPER_FEE = 1e18;
    uint256 private constant MAX_KEEPER_FEE = 100e18;
    uint256 private constant MAX_LIFETIME = 1 days;

    IERC20 private immutable PREP;

    /// @dev A request in storage.
    struct RequestSlots {
        // 20 + 1 + 1 + 5 + 5
        address trader;
        TradeKind kind;
        bool isLong;
        uint40 placedAt;
        uint40 expiry;
        // 16 + 16
        uint128 amount;
        uint128 keeperFee;
        // 32
        uint256 acceptablePrice;
    }

    /// @inheritdoc ITradeRequests
    address public protocol;
    uint96 private _count;
    mapping(uint256 requestId => RequestSlots) private _requests;

    constructor(IERC20 prep) {
        PREP = prep;
    }

    /// @inheritdoc ITradeRequests
    function bind() external {
        require(protocol == address(0), AlreadyBound(protocol));
        protocol = msg.sender;
    }

    /// @inheritdoc ITradeRequests
    function request(
        TradeKind kind,
        bool isLong,
        uint256 amount,
        uint256 acceptablePrice,
        uint256 expiry,
        uint256 keeperFee
    ) external nonReentrant returns (uint256 requestId) {
        (, uint256 delay,) = _market();
        require(delay != 0, OneStepMarket(BTC));
        if (kind == TradeKind.Close) amount = 0;
        else require(amount != 0, IMarkets.ZeroAmount());
        require(amount <= type(uint128).max, IMarkets.AmountOutOfBounds(amount, type(uint128).max));
        uint256 min = block.timestamp + delay;
        uint256 max = block.timestamp + MAX_LIFETIME;
        require(expiry >= min && expiry <= max, ExpiryOutOfBounds(expiry, min, max));
        require(
            keeperFee >= MIN_KEEPER_FEE && keeperFee <= MAX_KEEPER_FEE,
            KeeperFeeOutOfBounds(keeperFee, MIN_KEEPER_FEE, MAX_KEEPER_FEE)
        );

        requestId = ++_count;
        _requests[requestId] = RequestSlots({
            trader: msg.sender,
            kind: kind,
            isLong: isLong,
            placedAt: uint40(block.timestamp),
            expiry: uint40(expiry),
            amount: uint128(amount),
            keeperFee: uint128(keeperFee),
            acceptablePrice: acceptablePrice
        });
        emit TradeRequested(requestId, msg.sender, tradeRequest(requestId));
        PREP.safeTransferFrom(msg.sender, address(this), keeperFee);
    }

    /// @inheritdoc ITradeRequests
    function execute(uint256 requestId) external nonReentrant {
        (, uint256 keeperFee) = _execute(requestId, msg.sender);
        PREP.safeTransfer(msg.sender, keeperFee);
    }

    /// @inheritdoc ITradeRequests
    function executeMany(uint256[] calldata requestIds) external nonReentrant returns (bool[] memory filled) {
        filled = new bool[](requestIds.length);
        uint256 fees;
        for (uint256 i = 0; i < requestIds.length; ++i) {
            try this.executeFor(requestIds[i], msg.sender) returns (bool filled_, uint256 keeperFee) {
                filled[i] = filled_;
                fees += keeperFee;
            } catch (bytes memory reason) {
                emit TradeSkipped(requestIds[i], reason);
            }
        }
        if (fees != 0) PREP.safeTransfer(msg.sender, fees);
    }

    /// @notice One of a batch, undone alone if it fails. For this contract only.
    function executeFor(uint256 requestId, address keeper) external returns (bool filled, uint256 keeperFee) {
        require(msg.sender == address(this), NotItself(msg.sender));
        return _execute(requestId, keeper);
    }

    /// @inheritdoc ITradeRequests
    function remove(uint256 requestId) external nonReentrant {
        TradeRequest memory r = _load(requestId);
        (OrderState state, bool feeToRemover) = _judge(r);
        require(state == OrderState.Dead, RequestAlive(requestId, state));
        delete _requests[requestId];
        emit TradeRemoved(requestId, r.trader, msg.sender, feeToRemover);
        PREP.safeTransfer(feeToRemover ? msg.sender : r.trader, r.keeperFee);
    }

    /// @inheritdoc ITradeRequests
    function tradeRequest(uint256 requestId) public view returns (TradeRequest memory) {
        RequestSlots storage s = _requests[requestId];
        return TradeRequest({
            trader: s.trader,
            kind: s.kind,
            isLong: s.isLong,
            amount: s.amount,
            acceptablePrice: s.acceptablePrice,
            expiry: s.expiry,
            keeperFee: s.keeperFee,
            placedAt: s.placedAt
        });
    }

    /// @inheritdoc ITradeRequests
    function stateOf(uint256 requestId) external view returns (OrderState state) {
        TradeRequest memory r = tradeRequest(requestId);
        if (r.trader == address(0)) return OrderState.Gone;
        (state,) = _judge(r);
    }

    /// @inheritdoc ITradeRequests
    function requestCount() external view returns (uint256) {
        return _count;
    }

    /// @dev Fills a request, or uses it up where collateral is missing. Either way its fee is left to be paid.
    function _execute(uint256 requestId, address keeper) private returns (bool filled, uint256 keeperFee) {
        TradeRequest memory r = _load(requestId);
        (OrderState state,) = _judge(r);
        require(state == OrderState.Ready, RequestNotReady(requestId, state));
        delete _requests[requestId];
        try IProtocol(protocol).tradeFor(r.trader, r.kind, r.isLong, r.amount, r.acceptablePrice) {
            filled = true;
            emit TradeFilled(requestId, r.trader, keeper, r.keeperFee);
        } catch (bytes memory reason) {
            // Exactly these two: a filler could bring about others, such as running out of gas, and take the fee.
            bytes4 selector = bytes4(reason);
            if (selector != IProtocol.InsufficientCollateral.selector && selector != IProtocol.LeverageTooHigh.selector)
            {
                Address.verifyCallResult(false, reason);
            }
            emit TradeRefused(requestId, r.trader, keeper, reason);
        }
        return (filled, r.keeperFee);
    }

    /// @dev The state of a request, and who gets its fee should it be dead.
    function _judge(TradeRequest memory r) private view returns (OrderState state, bool feeToRemover) {
        (IPriceOracle oracle, uint256 delay, bool settled) = _market();
        bool expired = block.timestamp >= r.expiry;
        if (settled) {
            bool opens = r.kind <= TradeKind.Increase;
            return (expired || opens ? OrderState.Dead : OrderState.Ready, false);
        }
        (state,) = FillWindow.stateOf(oracle, delay, r.placedAt, Condition.Always, 0);
        if (state == OrderState.Dead) return (state, true);
        if (!expired) return (state, false);
        // What could have been filled in time has had its price.
        feeToRemover = delay != 0 && state == OrderState.Ready && oracle.lastUpdate() < r.expiry;
        return (OrderState.Dead, feeToRemover);
    }

    function _load(uint256 requestId) private view returns (TradeRequest memory r) {
        r = tradeRequest(requestId);
        require(r.trader != address(0), UnknownRequest(requestId));
    }

    /// @dev What the protocol's first word of the market says: see `MarketSlots`.
    function _market() private view returns (IPriceOracle oracle, uint256 delay, bool settled) {
        uint256 word = IProtocol(protocol).marketWords(BTC, 1)[0];
        uint256 flags = word >> 224;
        oracle = IPriceOracle(address(uint160(word)));
        delay = (flags & MarketStorage.DELAY) >> MarketStorage.DELAY_BIT;
        settled = flags & MarketStorage.SETTLED != 0;
    }
}
