// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity ^0.8.30;

import {IDebtController} from "./IDebtController.sol";
import {ILendingVault} from "./ILendingVault.sol";

/// @notice A position. Only its hash is stored; events carry it in full, and who acts on it hands it in.
struct Position {
    uint256 id;
    address trader;
    address base;
    address quote;
    /// @dev What is owed, recorded interest included: of the quote token (long) or the base token (short).
    uint256 principal;
    /// @dev What is held: of the base token (long) or the quote token (short).
    uint256 collateral;
    /// @dev Until when interest has been charged; stays where none is due yet.
    uint256 lastFundingTimestamp;
    /// @dev 1 when opened, one more with every change: a request is good for one state of a position.
    uint256 nonce;
}

/// @notice Opens a position (`nonce` 0, an id never used) or increases one (`nonce` and tokens its own).
struct OpenRequest {
    uint256 id;
    uint256 nonce;
    address trader;
    address base;
    address quote;
    /// @dev The trader's, quote base units; may be 0 when the principal is.
    uint256 downPayment;
    /// @dev To be borrowed; may be 0 when increasing.
    uint256 principal;
    /// @dev Least tokens that the swap must give: base (long) or quote (short).
    uint256 minOutput;
    /// @dev Charged on the principal so far, in its token.
    uint256 interest;
    /// @dev From the trader, on top of the down payment, quote base units.
    uint256 fee;
    /// @dev Last second at which it is good.
    uint256 expiry;
    address router;
    bytes data;
}

/// @notice Closes a position or a part of it.
struct CloseRequest {
    uint256 id;
    uint256 nonce;
    address trader;
    /// @dev How much of the collateral is closed with its part of the principal; all of it: the position.
    uint256 amount;
    /// @dev Least that the trader gets in the end, quote base units.
    uint256 minPayout;
    /// @dev On the whole principal, in its token.
    uint256 interest;
    /// @dev Out of the proceeds, quote base units.
    uint256 fee;
    uint256 expiry;
    address router;
    bytes data;
}

/// @notice Adds to the collateral (`amount` above 0) or takes out of it (below 0), in the token that the position holds.
struct CollateralRequest {
    uint256 id;
    uint256 nonce;
    address trader;
    int256 amount;
    uint256 expiry;
}

/// @notice In which form a trader is paid.
enum Payout {
    Token,
    /// @dev Only where the quote token is wrapped ether.
    Ether,
    /// @dev As shares of the quote token's lending vault.
    Lend
}

/// @notice A take-profit or stop-loss, signed by the trader or by whom he has authorised. Closes the whole position when
/// the price that the swap realises is `quoteAmount / baseAmount` or beyond: for a long's take-profit and a short's
/// stop-loss at or above it, for the others at or below.
struct Order {
    uint256 id;
    address trader;
    /// @dev Whose signature it bears: the trader or an authorised signer.
    address signer;
    bool takeProfit;
    uint256 quoteAmount;
    uint256 baseAmount;
    /// @dev Least that the trader gets in the end, quote base units.
    uint256 minPayout;
    Payout payout;
    uint256 expiry;
}

/// @notice What a closing did. Base units; spent and received by the swap.
struct Closing {
    /// @dev Collateral that left the position.
    uint256 amount;
    uint256 spent;
    uint256 received;
    /// @dev Of the principal, paid to the lenders.
    uint256 principalPaid;
    /// @dev Paid to the lenders besides.
    uint256 interestPaid;
    /// @dev To the treasury, or to the liquidator.
    uint256 fee;
    /// @dev To the trader, quote base units.
    uint256 payout;
    /// @dev Principal that nobody pays: the lenders' loss.
    uint256 badDebt;
}

/// @title Asset-backed positions of one direction
/// @notice A position is tokens bought with a loan of a lending vault, on an exchange, and held here.
/// Long: borrows the quote token and holds the base token. Short: borrows the base token and holds the quote token.
interface IMarginPool {
    event PositionOpened(
        uint256 indexed id,
        address indexed trader,
        Position position,
        uint256 downPayment,
        uint256 borrowed,
        uint256 fee,
        uint256 spent,
        uint256 received
    );
    /// @notice `borrowed`: without what the swap left and was returned. `interest`: added to the principal.
    event PositionIncreased(
        uint256 indexed id,
        address indexed trader,
        Position position,
        uint256 downPayment,
        uint256 borrowed,
        uint256 interest,
        uint256 fee,
        uint256 spent,
        uint256 received
    );
    /// @notice The position is as it is left; closed as a whole it has no principal and no collateral.
    event PositionClosed(uint256 indexed id, address indexed trader, Position position, Closing closing);
    event PositionLiquidated(
        uint256 indexed id, address indexed trader, address indexed liquidator, Position position, Closing closing
    );
    event CollateralChanged(uint256 indexed id, address indexed trader, Position position, int256 amount);
    event InterestRecorded(uint256 indexed id, address indexed trader, Position position, uint256 interest);
    event OrderExecuted(uint256 indexed id, address indexed trader, bytes32 digest);
    event OrderCancelled(address indexed trader, bytes32 digest);
    event SignerAuthorised(address indexed trader, address indexed signer, bool authorised);
    /// @notice The position was found within its threshold. Anyone may liquidate it from `from` to `until`, if it is then.
    event PositionMarked(uint256 indexed id, uint256 from, uint256 until);
    event PositionUnmarked(uint256 indexed id);
    /// @notice The token refused to be sent to the trader: it waits to be claimed.
    event PayoutKept(address indexed trader, address indexed token, uint256 amount);
    event PayoutClaimed(address indexed trader, address indexed token, address receiver, uint256 amount);
    event RouterSet(address indexed router, bytes4 indexed selector, bool allowed);
    event LendingVaultAdded(address indexed token, address vault);
    event TreasurySet(address indexed treasury);

    /// @notice An amount that must be above zero is zero.
    error ZeroAmount();
    /// @notice The request is no longer good.
    error Expired(uint256 expiry, uint256 timestamp);
    /// @notice The caller is not the trader that the request is for.
    error NotTrader(address caller, address trader);
    /// @notice The signature is not that of an order signer, or of another request. `signer`: what it recovers to, or zero.
    error NotOrderSigner(address signer);
    /// @notice The id is that of a position that was opened before.
    error IdUsed(uint256 id);
    /// @notice No open position is as the one that was handed in.
    error UnknownPosition(uint256 id, bytes32 stored, bytes32 given);
    /// @notice The request is for another position or another state of it.
    error WrongPosition(uint256 id, uint256 nonce, uint256 requestId, uint256 requestNonce);
    /// @notice The request is for other tokens than the position's.
    error WrongTokens(address base, address quote);
    /// @notice More than the collateral.
    error AmountTooLarge(uint256 amount, uint256 collateral);
    /// @notice A part that is liquidated is below a hundredth of the collateral.
    error AmountTooSmall(uint256 amount, uint256 least);
    /// @notice The interest is above the highest, or is zero where that is not.
    error InvalidInterest(uint256 interest, uint256 max);
    /// @notice Interest was charged on the position less than an hour ago: more is recorded from `earliest` on.
    error RecordedLately(uint256 id, uint256 earliest);
    /// @notice The fee is above a hundredth of what the swap moved.
    error FeeTooHigh(uint256 fee, uint256 max);
    /// @notice The guardian has stopped new risk in the pair.
    error PairIsDisabled(address base, address quote);
    /// @notice More is borrowed than the down payment, or the margin, allows.
    error PrincipalTooHigh(uint256 principal, uint256 max);
    /// @notice Of a short without a check price: more is sold than the down payment allows.
    error SaleTooLarge(uint256 proceeds, uint256 max);
    /// @notice The position would be within the threshold of liquidation.
    error MarginTooLow(int256 equity, uint256 minMargin);
    /// @notice More than may be borrowed now, by the limit for a day.
    error DailyLimitExceeded(uint256 used, uint256 limit);
    /// @notice The router or its function is not allowed.
    error SwapNotAllowed(address router, bytes4 selector);
    /// @notice The swap gave less than the request demands.
    error OutputTooLow(uint256 received, uint256 min);
    /// @notice The swap did not spend what it had to, or spent more than it was given.
    error WrongAmountSpent(uint256 spent, uint256 expected);
    /// @notice The swap was worse than the check price allows: it received too little or spent too much, quote base units.
    error PriceDeviates(uint256 amount, uint256 limit);
    /// @notice The proceeds do not cover what is due. Positions that cannot pay are liquidated.
    error DebtNotCovered(uint256 available, uint256 due);
    /// @notice The trader would get less than he demands.
    error PayoutTooLow(uint256 payout, uint256 min);
    /// @notice The order is for another position or trader than the request, or not for the whole position.
    error OrderMismatch();
    /// @notice The order is not signed by its signer, or he may not sign for the trader.
    error NotOrderOfTrader(address signer, address trader);
    /// @notice The order was cancelled.
    error OrderIsCancelled(bytes32 digest);
    /// @notice The realised price does not meet the order's condition: quote and base base units of the swap.
    error ConditionNotMet(uint256 quoteAmount, uint256 baseAmount);
    /// @notice The position is not within the threshold of liquidation.
    error NotLiquidatable(int256 equity, uint256 minMargin);
    /// @notice The position is still within the threshold of liquidation: its mark stays.
    error StillLiquidatable(int256 equity, uint256 minMargin);
    /// @notice Anyone may liquidate only where there is a check price.
    error NoCheckPrice(address base, address quote);
    /// @notice The position has a mark already.
    error AlreadyMarked(uint256 from, uint256 until);
    /// @notice The position has no mark that is good now. `from` and `until`: when it is, 0 without a mark.
    error NotMarked(uint256 from, uint256 until);
    /// @notice No lending vault for this token.
    error NoLendingVault(address token);
    /// @notice The token has a lending vault already.
    error LendingVaultFixed(address token, address vault);
    /// @notice Ether was sent where it is not the token, or not as much as is due.
    error WrongEther(uint256 sent, uint256 expected);
    /// @notice Only wrapped ether can be paid out as ether.
    error NotWrappedEther(address token);
    /// @notice A token does not say what the pool has of it.
    error BalanceUnknown(address token);
    /// @notice Fewer tokens arrived than were sent: the token takes a fee, which is not supported.
    error TransferFellShort(uint256 received, uint256 expected);
    /// @notice The lists differ in length, or their principals in token.
    error ListsDiffer();
    /// @notice A parameter is outside of its coded bounds.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value, uint256 min, uint256 max);

    // ----------------------------------------------------------------------------------------------------- traders

    /// @notice Opens a position. The caller is the request's trader and pays down payment and fee in the quote token, or
    /// sends exactly that much ether where the quote token is wrapped ether.
    function open(OpenRequest calldata request, bytes calldata signature) external payable;

    /// @notice Adds to a position: interest is charged, more is borrowed and swapped.
    function increase(OpenRequest calldata request, bytes calldata signature, Position calldata position) external payable;

    /// @notice Closes a position or a part of it: lenders, fee, then the trader.
    function close(CloseRequest calldata request, bytes calldata signature, Position calldata position, Payout payout)
        external;

    /// @notice Closes a whole position without a signature, at the highest interest and without a fee: no signer can hold
    /// a position. Trader only.
    function exit(Position calldata position, address router, bytes calldata data, uint256 minPayout, Payout payout)
        external;

    /// @notice Adds to the collateral, in the token held; in ether where that is wrapped ether. Charges no interest: the
    /// principal stays.
    function addCollateral(CollateralRequest calldata request, bytes calldata signature, Position calldata position)
        external
        payable;

    /// @notice Takes out of the collateral, as far as the leverage allows at the check price, or the limit for a day.
    function removeCollateral(CollateralRequest calldata request, bytes calldata signature, Position calldata position)
        external;

    /// @notice Lets somebody sign orders for the caller, or no longer.
    function authoriseSigner(address signer, bool authorised) external;

    /// @notice Makes an order void. The order's trader or signer only.
    function cancelOrder(Order calldata order) external;

    /// @notice Takes payouts that could not be sent to the caller.
    function claim(address token, address receiver) external returns (uint256 amount);

    // ----------------------------------------------------------------------------------------------------- keepers

    /// @notice Closes a position by an order of its trader; the swap is checked against the check price, where the pair has one.
    /// Order executor only.
    function executeOrder(
        Order calldata order,
        bytes calldata orderSignature,
        CloseRequest calldata request,
        bytes calldata signature,
        Position calldata position
    ) external;

    /// @notice Adds interest to positions that owe the same token, to each at most once an hour. Order executor only.
    function recordInterest(Position[] calldata positions, uint256[] calldata interests) external;

    /// @notice Liquidates a position that is within its threshold at the price that the swap realises; where the pair has a check
    /// price, the swap is checked against it. Liquidator only.
    function liquidate(Position calldata position, uint256 interest, address router, bytes calldata data) external;

    /// @notice Liquidates a part of a position, at least a hundredth of the collateral: where the exchange does not take the whole at
    /// once. The whole is judged by the price that the part realises. Liquidator only.
    function liquidatePart(
        Position calldata position,
        uint256 amount,
        uint256 interest,
        address router,
        bytes calldata data
    ) external;

    /// @notice Marks a position that is within its threshold at the check price. Anyone.
    function mark(Position calldata position) external;

    /// @notice Clears the mark of a position that is not within its threshold at the check price. Anyone.
    function unmark(Position calldata position) external;

    /// @notice Liquidates a marked position that is within its threshold at the check price, at the highest interest.
    /// Anyone.
    function liquidateMarked(Position calldata position, address router, bytes calldata data) external;

    // ----------------------------------------------------------------------------------------------------- roles

    /// @notice Allows a function of a router to be called by swaps, or no longer. Admin only.
    function setRouter(address router, bytes4 selector, bool allowed) external;

    /// @notice Sets where a token is borrowed and lent, once for each token. Admin only.
    function addLendingVault(ILendingVault vault) external;

    /// @notice Sets who receives fees. Admin only.
    function setTreasury(address treasury) external;

    // ----------------------------------------------------------------------------------------------------- views

    function controller() external view returns (IDebtController);

    /// @notice The wrapped ether of this network.
    function weth() external view returns (address);

    /// @notice Whether positions here are long.
    function isLong() external view returns (bool);

    function treasury() external view returns (address);

    /// @notice The lending vault of a token, or zero.
    function lendingVault(address token) external view returns (ILendingVault);

    function isRouterAllowed(address router, bytes4 selector) external view returns (bool);

    /// @notice The hash of an open position; 0: never opened; 1: closed.
    function positionHash(uint256 id) external view returns (bytes32);

    /// @notice When anyone may liquidate a position, if it is within its threshold then; 0 and 0 without a mark.
    function markOf(uint256 id) external view returns (uint256 from, uint256 until);

    /// @notice A position at the check price: `equity` in quote base units, rounded down (negative: bad debt), without
    /// interest that was not recorded, and the margin at and below which it is within the threshold.
    function health(Position calldata position) external view returns (int256 equity, uint256 minMargin);

    /// @notice How much of a daily limit is used now, in the token that is borrowed.
    function borrowedToday(address base, address quote) external view returns (uint256);

    function isAuthorised(address trader, address signer) external view returns (bool);

    function isCancelled(bytes32 digest) external view returns (bool);

    /// @notice What waits to be claimed.
    function claimable(address trader, address token) external view returns (uint256);
}
