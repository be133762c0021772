"""Why a pool, or what it calls, refuses: the error with its values, and a sentence for people."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

SENTENCES: Final[Mapping[str, str]] = {
    # Pools.
    "ZeroAmount()": "an amount that must be above zero is zero",
    "Expired(uint256 expiry,uint256 timestamp)": "it was good until {expiry}, and now is "
    "{timestamp}",
    "NotTrader(address caller,address trader)": "it is for {trader}, not for {caller}",
    "NotOrderSigner(address signer)": "its signature is not that of an order signer but of "
    "{signer}",
    "IdUsed(uint256 id)": "there has been a position {id} before",
    "UnknownPosition(uint256 id,bytes32 stored,bytes32 given)": "position {id} is not open, or not "
    "as it was given",
    "WrongPosition(uint256 id,uint256 nonce,uint256 requestId,uint256 requestNonce)": "the request "
    "is for state {requestNonce} of position {requestId}, not for state {nonce} of {id}",
    "WrongTokens(address base,address quote)": "the position's tokens are not {base} and {quote}",
    "AmountTooLarge(uint256 amount,uint256 collateral)": "{amount} is more than can be taken of a "
    "collateral of {collateral}",
    "BalanceUnknown(address token)": "the token {token} does not say what the pool has of it",
    "AmountTooSmall(uint256 amount,uint256 least)": "{amount} is less than a hundredth of the "
    "collateral, {least}: no part is liquidated below that",
    "InvalidInterest(uint256 interest,uint256 max)": "interest of {interest} is not within what "
    "may be charged, at most {max}",
    "FeeTooHigh(uint256 fee,uint256 max)": "a fee of {fee} is above {max}, a hundredth of what the "
    "swap moves",
    "PairIsDisabled(address base,address quote)": "the pair takes no new risk at present",
    "PrincipalTooHigh(uint256 principal,uint256 max)": "a principal of {principal} is above {max}, "
    "the most on this down payment or margin",
    "SaleTooLarge(uint256 proceeds,uint256 max)": "the sale brings {proceeds}, more than {max}, "
    "the most on this down payment",
    "MarginTooLow(int256 equity,uint256 minMargin)": "its equity of {equity} would be at most "
    "{minMargin}, and so liquidatable",
    "DailyLimitExceeded(uint256 used,uint256 limit)": "{used} would be borrowed within a day, of "
    "{limit} that may be",
    "SwapNotAllowed(address router,bytes4 selector)": "the pool does not call {selector} of router "
    "{router}",
    "OutputTooLow(uint256 received,uint256 min)": "the swap brings {received}, below the least of "
    "{min}",
    "WrongAmountSpent(uint256 spent,uint256 expected)": "the swap spends {spent} instead of "
    "{expected}",
    "PriceDeviates(uint256 amount,uint256 limit)": "the swap moves {amount} of the quote token, "
    "beyond {limit} that the check price allows",
    "DebtNotCovered(uint256 available,uint256 due)": "{available} do not pay the {due} that are "
    "due",
    "PayoutTooLow(uint256 payout,uint256 min)": "the payout of {payout} is below {min}",
    "OrderMismatch()": "the order is for another position than the request, or not for all of it",
    "NotOrderOfTrader(address signer,address trader)": "the order is not signed by {signer}, or he "
    "may not sign for {trader}",
    "OrderIsCancelled(bytes32 digest)": "the order {digest} was cancelled",
    "ConditionNotMet(uint256 quoteAmount,uint256 baseAmount)": "the price of {quoteAmount} for "
    "{baseAmount} does not meet the order's condition",
    "NotLiquidatable(int256 equity,uint256 minMargin)": "its equity of {equity} is above "
    "{minMargin}: it is not liquidatable",
    "StillLiquidatable(int256 equity,uint256 minMargin)": "its equity of {equity} is at most "
    "{minMargin}: it is still liquidatable",
    "NoCheckPrice(address base,address quote)": "the pair has no check price",
    "AlreadyMarked(uint256 from,uint256 until)": "it is marked already, good from {from} until "
    "{until}",
    "NotMarked(uint256 from,uint256 until)": "it has no mark that is good now (from {from} until "
    "{until})",
    "NoLendingVault(address token)": "{token} has no lending vault",
    "LendingVaultFixed(address token,address vault)": "{token} has the lending vault {vault} "
    "already",
    "WrongEther(uint256 sent,uint256 expected)": "{sent} wei were sent where {expected} are due",
    "NotWrappedEther(address token)": "only wrapped ether is paid out as ether, and {token} is not",
    "TransferFellShort(uint256 received,uint256 expected)": "{received} tokens arrived of "
    "{expected}: tokens that take a fee are not supported",
    "ListsDiffer()": "the lists differ in length, or what is owed in token",
    "ParameterOutOfBounds(bytes32 parameter,uint256 value,uint256 min,uint256 max)": "{parameter} "
    "of {value} is outside {min} to {max}",
    # The controller.
    "PairNotListed(address base,address quote)": "the pair of {base} in {quote} is not listed",
    "PairReversed(address base,address quote)": "{base} in {quote} is listed the other way round, "
    "or the same twice",
    "CheckOrLimits(address oracle,uint256 maxDeviation,uint256 longLimit,uint256 shortLimit)": "a "
    "pair has a check price or limits for a day, one of them",
    "LeverageTooHigh(uint256 maxLeverage,uint256 maintenanceMargin,uint256 maxDeviation)": "a "
    "leverage of {maxLeverage} leaves no room for a margin of {maintenanceMargin} and a deviation "
    "of {maxDeviation}",
    "PriceTooCoarse(uint256 price,uint256 min)": "a price of {price} has too few digits, it should "
    "be at least {min}",
    # Lending vaults.
    "NotBorrower(address caller)": "{caller} may not borrow",
    "BorrowerKindFixed(address borrower,uint8 kind)": "{borrower} is registered as another kind",
    "InsufficientLiquidity(uint256 idle,uint256 needed)": "the lenders have {idle} left, and "
    "{needed} are needed",
    "BorrowCapExceeded(uint256 debt,uint256 cap)": "all positions would owe {debt}, above their "
    "cap of {cap}",
    "DebtExceeded(uint256 assets,uint256 debt)": "{assets} are more than the debt of {debt}",
    # Tokens, authority and libraries.
    "ERC20InsufficientBalance(address sender,uint256 balance,uint256 needed)": "{sender} has "
    "{balance}, and {needed} are needed",
    "ERC20InsufficientAllowance(address spender,uint256 allowance,uint256 needed)": "{spender} may "
    "take {allowance}, and {needed} are needed: approve it first",
    "SafeERC20FailedOperation(address token)": "the token {token} refused a transfer",
    "AccessManagedUnauthorized(address caller)": "{caller} does not have the role for this",
    "ReentrancyGuardReentrantCall()": "it was called while it was at work",
    "TransferFromFailed()": "the token was not taken: balance or allowance fall short",
    "TransferFailed()": "the token refused to be sent",
    "ApproveFailed()": "the token refused an allowance",
    "ETHTransferFailed()": "the receiver did not take ether",
    "InsufficientBalance()": "the balance falls short",
    "InsufficientAllowance()": "the allowance falls short: approve the pool first",
    "AccessManagedInvalidAuthority(address authority)": "{authority} is no authority",
    "AccessManagedRequiredDelay(address caller,uint32 delay)": "{caller} has to announce this "
    "{delay} s before",
    "AddressEmptyCode(address target)": "there is no contract at {target}",
    "FailedCall()": "a call failed without a reason",
    "InsufficientBalance(uint256 balance,uint256 needed)": "there is {balance}, and {needed} are "
    "needed",
    "SafeCastOverflowedUintDowncast(uint8 bits,uint256 value)": "{value} does not fit into {bits} "
    "bits",
    "ERC20InvalidApprover(address approver)": "{approver} cannot approve",
    "ERC20InvalidReceiver(address receiver)": "{receiver} cannot receive tokens",
    "ERC20InvalidSender(address sender)": "{sender} cannot send tokens",
    "ERC20InvalidSpender(address spender)": "{spender} cannot be approved",
    "ERC4626ExceededMaxDeposit(address receiver,uint256 assets,uint256 max)": "{assets} are more "
    "than the {max} that can be lent",
    "ERC4626ExceededMaxMint(address receiver,uint256 shares,uint256 max)": "{shares} shares are "
    "more than the {max} that can be had",
    "ERC4626ExceededMaxRedeem(address owner,uint256 shares,uint256 max)": "{shares} shares are "
    "more than the {max} that can be redeemed",
    "ERC4626ExceededMaxWithdraw(address owner,uint256 assets,uint256 max)": "{assets} are more "
    "than the {max} that can be withdrawn",
    "AllowanceOverflow()": "the allowance would be too large",
    "AllowanceUnderflow()": "the allowance would be below zero",
    "TotalSupplyOverflow()": "there would be too many of the token",
    # Check prices.
    "AnswerFromFuture(uint256 updatedAt)": "the feed's price is of {updatedAt}, which is to come",
    "AnswerNotPositive(int256 answer)": "the feed's price is {answer}",
    "AnswerStale(uint256 updatedAt,uint256 heartbeat)": "the feed's price is of {updatedAt}, older "
    "than the {heartbeat} s that it may be",
    "AnswerTooLarge(int256 answer,uint256 max)": "the feed's price of {answer} is above {max}",
    "PriceAboveMax(uint256 price,uint256 max)": "the feed's price of {price} is above {max}",
    "PriceBelowMin(uint256 price,uint256 min)": "the feed's price of {price} is below {min}",
    "RoundIncomplete(uint256 roundId,uint256 answeredInRound,uint256 updatedAt)": "the feed's "
    "round {roundId} has no answer yet",
    "SequencerDown(uint256 since)": "the rollup's sequencer is down since {since}",
    "SequencerInGrace(uint256 until)": "the rollup's sequencer was down: there is no price until "
    "{until}",
    "SequencerRoundInvalid(uint256 startedAt)": "it is not known whether the rollup's sequencer "
    "is up",
    "HistoryTooShort(uint256 available,uint256 period)": "the exchange's pool remembers "
    "{available} s of the {period} s that an average needs",
    "LiquidityTooLow(uint256 liquidity,uint256 min)": "the liquidity of {liquidity} in the "
    "exchange's pool is below {min}",
    "PriceRoundsToZero(int24 tick)": "the price of the exchange's pool is too low to be told",
    "RatioOutOfRange(uint256 basePrice,uint256 quotePrice)": "the ratio of {basePrice} to "
    "{quotePrice} is out of range",
    # What the compiler puts in by itself.
    "Error(string reason)": "{reason}",
    "Panic(uint256 code)": "a calculation failed (panic {code})",
}
"""By signature with names of the values. Errors of the same name in several contracts are the same
error."""

ROUTER_REASONS: Final[Mapping[str, str]] = {
    "Too little received": "the swap brings less than the least",
    "Too much requested": "the swap costs more than the most",
    "Transaction too old": "the swap's deadline has passed",
    "STF": "the exchange could not take its tokens: balance or allowance fall short",
    "AS": "the swap's amount is zero",
    "SPL": "the swap's price limit is on the wrong side of the price",
}
"""What Uniswap's contracts say, in words."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call reverted."""

    name: str
    """Of the error; "NoReason" without one, "UnknownError" for one that is not known here,
    "NoContract" if nothing, or something else, is at the address."""
    values: Mapping[str, Any]
    """By their names in Solidity: integers, addresses, text, and bytes as hex."""

    @property
    def sentence(self) -> str:
        """For people, on one line."""
        if self.name == "NoReason":
            return "a contract refused without a reason"
        if self.name == "UnknownError":
            return f"a contract refused with {self.values['data']}, which is not known here"
        if self.name == "NoContract":
            return f"at {self.values['address']} is not the contract that was asked for"
        if self.name == "Error":
            reason = " ".join(self.values["reason"].split())
            return f"a contract refused: {ROUTER_REASONS.get(reason, reason)}"
        return _TEXTS[self.name, *self.values].format(**self.values)

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.name}({values}): {self.sentence}"


def _parse(signature: str) -> tuple[str, list[str], list[str]]:
    name, _, inner = signature.removesuffix(")").partition("(")
    pairs = [field.split(" ") for field in inner.split(",") if field]
    return name, [kind for kind, _ in pairs], [label for _, label in pairs]


def selector_of(signature: str) -> bytes:
    """Of an error with names of its values."""
    name, kinds, _ = _parse(signature)
    return keccak(text=f"{name}({','.join(kinds)})")[:4]


_KNOWN: Final = {selector_of(signature): _parse(signature) for signature in SENTENCES}
_TEXTS: Final = {
    (name, *labels): SENTENCES[s] for s in SENTENCES for name, _, labels in [_parse(s)]
}
"""By name and names of the values: libraries give the same name to different errors."""


def decode_refusal(data: bytes) -> Refusal:
    """From what a call reverted with."""
    if not data:
        return Refusal("NoReason", {})
    unknown = Refusal("UnknownError", {"data": f"0x{data.hex()}"})
    if data[:4] not in _KNOWN:
        return unknown
    name, kinds, labels = _KNOWN[data[:4]]
    # Ape makes eth_abi read missing digits of integers as zeros.
    if len(data) < 4 + 32 * len(kinds):
        return unknown
    try:
        values = decode(kinds, data[4:])
    except (DecodingError, UnicodeDecodeError):
        return unknown
    readable = (_readable(kind, v) for kind, v in zip(kinds, values, strict=True))
    return Refusal(name, dict(zip(labels, readable, strict=True)))


def _readable(kind: str, value: Any) -> Any:
    if kind == "address":
        return to_checksum_address(value)
    return f"0x{value.hex()}" if kind.startswith("bytes") else value
