"""Asset-backed positions in a parameters file: pairs, their bounds, and where they are swapped."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag
from pydantic.alias_generators import to_camel, to_snake

from prep.deploy import values
from prep.deploy.credit import PREP, Asset, TokenAsset
from prep.deploy.prices import Fault, Model, scaling_faults
from prep.deploy.values import Address, Integer, Limit, Number, Wad, Weight
from prep.model.errors import Rejected
from prep.model.margin.terms import MAX_APY, MAX_GRACE, MAX_LIMIT, MIN_GRACE, PairTerms

LOCAL: Final = "local"
LOCAL_FEES: Final = (500, 3_000, 10_000)
"""Of pools, that a factory of Uniswap v3 knows when it is deployed; millionths."""
MAX_CAP: Final = 10**36
"""Coded in LendingVault, base units."""
MIN_TWAP: Final = 1_800
"""Coded in TwapOracle, seconds."""
MAX_TWAP: Final = 86_400


class Exchange(Model):
    """Contracts of Uniswap v3 that are there."""

    factory: Address
    router: Address
    """SwapRouter."""
    quoter: Address
    """QuoterV2."""


class Lent(Model):
    """A token that positions borrow: longs a quote token, shorts a base token. Lent by the vault of
    the credit asset with this name."""

    name: str
    max_apy: Wad
    long_cap: Limit
    """What longs may owe of it, in whole tokens."""
    short_cap: Limit

    def cap(self, is_long: bool, decimals: int) -> int:
        """In base units."""
        cap = self.long_cap if is_long else self.short_cap
        return MAX_CAP if cap is None else values.scaled(cap, decimals)


class Pair(Model):
    """Two tokens, by the names of credit assets."""

    base: str
    quote: str
    check: Literal["feeds", "twap", "none"]
    """Against which price swaps are checked: that of the assets' feeds, or of Uniswap's pool over
    `twap_period`; without one, there are limits for a day."""
    pool_fee: Integer
    """Of Uniswap's pool, millionths."""
    max_leverage: Weight
    maintenance_margin: Weight
    liquidation_fee: Weight
    max_deviation: Weight = 0
    twap_period: Integer = 0
    """Seconds."""
    twap_min_liquidity: Integer = 0
    """As the pool counts: the lowest mean over the period at which there is a price."""
    long_limit: Number = Decimal(0)
    """Whole quote tokens a day."""
    short_limit: Number = Decimal(0)
    """Whole base tokens a day."""
    local_liquidity: Number = Decimal(0)
    """Local chains: whole quote tokens, with base tokens of the same worth, in a pool made for
    them."""

    @property
    def name(self) -> str:
        """As people say it."""
        return f"{self.base}/{self.quote}"

    def terms(self, base_decimals: int, quote_decimals: int) -> PairTerms:
        """With the unit of each field as the contract has it; the oracle is not known yet."""
        return PairTerms(
            oracle=None if self.check == "none" else self.name,
            max_leverage=self.max_leverage,
            maintenance_margin=self.maintenance_margin,
            liquidation_fee=self.liquidation_fee,
            max_deviation=self.max_deviation,
            long_limit=values.scaled(self.long_limit, quote_decimals),
            short_limit=values.scaled(self.short_limit, base_decimals),
        )

    def twap_struct(self, pool: str, base: str, quote: str) -> dict[str, Any]:
        """The contract's `TwapOracleConfig`, with its names."""
        return {
            "pool": pool,
            "base": base,
            "quote": quote,
            "period": self.twap_period,
            "minLiquidity": self.twap_min_liquidity,
        }

    def terms_struct(self, oracle: str, base_decimals: int, quote_decimals: int) -> dict[str, Any]:
        """The contract's `PairTerms`, with its names."""
        fields = asdict(self.terms(base_decimals, quote_decimals)) | {"oracle": oracle}
        return {to_camel(name): value for name, value in fields.items()}


class Margin(Model):
    """The whole section."""

    wrapped_ether: str
    """The credit asset that is wrapped ether."""
    exchange: Annotated[
        Annotated[Literal["local"], Tag(LOCAL)] | Annotated[Exchange, Tag("addresses")],
        Discriminator(lambda value: "addresses" if isinstance(value, dict | Exchange) else LOCAL),
    ]
    """`local`: Uniswap is deployed along, on a local chain."""
    grace_period: Integer = Field(ge=MIN_GRACE, le=MAX_GRACE)
    lent: tuple[Lent, ...] = Field(min_length=1)
    pairs: tuple[Pair, ...] = Field(min_length=1)

    def faults(self, assets: Sequence[Asset], local: bool) -> Iterator[Fault]:
        """What is wrong although every value by itself is well-formed. `assets`: of `credit`."""
        known = {asset.name: asset for asset in assets}
        ether = known.get(self.wrapped_ether)
        if not isinstance(ether, TokenAsset) or ether.decimals != values.PREP_DECIMALS:
            yield "wrapped_ether", f"{self.wrapped_ether} is no token of 18 decimals in `credit`"
        if self.exchange == LOCAL and not local:
            yield "exchange", "one that is deployed along is for local chains only"
        for index, lent in enumerate(self.lent):
            for field, reason in _lent_faults(lent, known):
                yield f"lent[{index}].{field}", reason
        names = [lent.name for lent in self.lent]
        for name in names:
            if names.count(name) > 1:
                yield "lent", f"{name} is given twice"
        seen: set[frozenset[str]] = set()
        for index, pair in enumerate(self.pairs):
            for field, reason in _pair_faults(pair, known, names, local):
                yield f"pairs[{index}].{field}", reason
            if self.exchange == LOCAL and pair.pool_fee not in LOCAL_FEES:
                fees = ", ".join(map(str, LOCAL_FEES))
                yield f"pairs[{index}].pool_fee", f"{pair.pool_fee} is none of {fees}"
            if (tokens := frozenset((pair.base, pair.quote))) in seen:
                yield f"pairs[{index}]", f"{pair.name} is given twice, or the other way round"
            seen.add(tokens)


def _lent_faults(lent: Lent, known: dict[str, Asset]) -> Iterator[Fault]:
    asset = known.get(lent.name)
    if asset is None or asset.lending is None:
        yield "name", f"{lent.name} is no asset with `lending` in `credit`"
        return
    yield from _outside("max_apy", lent.max_apy, 0, MAX_APY, values.PREP_DECIMALS)
    for field, cap in (("long_cap", lent.long_cap), ("short_cap", lent.short_cap)):
        if cap is not None:
            yield from _amount_faults(field, cap, asset.decimals, MAX_CAP)


def _pair_faults(
    pair: Pair, known: dict[str, Asset], lent: Sequence[str], local: bool
) -> Iterator[Fault]:
    for field in ("base", "quote"):
        name = getattr(pair, field)
        if name not in lent:
            yield field, f"{name} is not in `lent`: one side of the pair borrows it"
            return
    if pair.base == pair.quote:
        yield "quote", f"{pair.quote} is the base token too"
    if pair.base == PREP:
        yield "base", f"{PREP} is the unit of account: it can be the quote token"
    if bool(pair.twap_period) != (pair.check == "twap"):
        yield "twap_period", "is for `check: twap`, which needs one"
    elif pair.twap_period and not MIN_TWAP <= pair.twap_period <= MAX_TWAP:
        yield "twap_period", f"{pair.twap_period} is outside {MIN_TWAP} to {MAX_TWAP} seconds"
    if pair.twap_period and pair.twap_min_liquidity <= pair.twap_period:
        yield "twap_min_liquidity", f"{pair.twap_min_liquidity} is not above twap_period"
    elif pair.twap_min_liquidity and not pair.twap_period:
        yield "twap_min_liquidity", "is for `check: twap`"
    if pair.local_liquidity and not local:
        yield "local_liquidity", "is for local chains only"
    base, quote = known[pair.base].decimals, known[pair.quote].decimals
    amounts = ("long_limit", quote), ("short_limit", base), ("local_liquidity", quote)
    faults = [
        fault
        for field, decimals in amounts
        for fault in _amount_faults(field, getattr(pair, field), decimals, MAX_LIMIT)
    ]
    yield from faults
    if not faults:
        yield from _terms_faults(pair, base, quote)


def _terms_faults(pair: Pair, base_decimals: int, quote_decimals: int) -> Iterator[Fault]:
    try:
        pair.terms(base_decimals, quote_decimals).validate()
    except Rejected as error:
        if error.name == "ParameterOutOfBounds":
            field, *bounds = error.args
            texts = [values.unscaled(int(n), values.WEIGHT_DECIMALS) for n in bounds]
            yield to_snake(str(field)), "{} is outside {} to {}".format(*texts)
        elif error.name == "LeverageTooHigh":
            yield "max_leverage", "times maintenance_margin plus max_deviation is not below 1"
        else:
            yield "check", "either a price with max_deviation, or `none` with a limit for a day"


def _amount_faults(field: str, amount: Decimal, decimals: int, most: int) -> Iterator[Fault]:
    faults = list(scaling_faults(field, amount, decimals))
    yield from faults
    if not faults and values.scaled(amount, decimals) > most:
        yield field, f"{amount} is more than the contract can hold"


def _outside(field: str, value: int, low: int, high: int, decimals: int) -> Iterator[Fault]:
    if not low <= value <= high:
        given, *bounds = (values.unscaled(n, decimals) for n in (value, low, high))
        yield field, f"{given} is outside {' to '.join(bounds)}"
