"""What a quote service is told: a file for each network, see docs/quotes.md; secrets are not in it
but in the environment."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from limits import RateLimitItem, parse
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError

from prep.deploy.params import translate
from prep.deploy.prices import Fault, Model
from prep.deploy.record import Deployment
from prep.deploy.values import (
    WEIGHT_DECIMALS,
    Address,
    Integer,
    Wad,
    Weight,
    read_yaml,
    unscaled,
)
from prep.errors import UserError
from prep.exchange.route import MILLION, Route
from prep.model.errors import Rejected
from prep.model.interest import RateCurve
from prep.quotes.deployed import fill

KEY: Final = "PREP_QUOTES_KEY"
"""Environment variable with the private key that signs, unless an account of Ape does."""
DATABASE: Final = "PREP_QUOTES_DATABASE"
"""Environment variable with the URL of the database of orders."""
TOKEN: Final = "PREP_QUOTES_TOKEN"
"""Environment variable with what whoever lists orders has to show."""
MAX_LIFETIME: Final = 600
MAX_FEE: Final = 90
"""Basis points: below the hundredth that pools allow, as prices move until it is charged."""
MAX_SLIPPAGE: Final = 5_000
"""Basis points."""


def _rate_limit(value: Any) -> RateLimitItem:
    try:
        return parse(value)
    except (ValueError, TypeError):
        raise ValueError(f"{value!r} is not a limit such as 30/minute") from None


def _fee(value: int) -> int:
    if value >= MILLION or value == 0:
        raise ValueError(f"{value} millionths is no fee of a pool")
    return value


def _at_most(most: int) -> AfterValidator:
    """Of a `Weight`: said as the fraction that the file has."""

    def check(value: int) -> int:
        if value > most:
            given, bound = (unscaled(n, WEIGHT_DECIMALS) for n in (value, most))
            raise ValueError(f"{given} is above {bound}")
        return value

    return AfterValidator(check)


Fee = Annotated[Weight, _at_most(MAX_FEE)]
Slippage = Annotated[Weight, _at_most(MAX_SLIPPAGE)]
Limit = Annotated[RateLimitItem, BeforeValidator(_rate_limit)]
PoolFee = Annotated[Integer, AfterValidator(_fee)]


class Pools(Model):
    """The contracts that hold positions."""

    long: Address
    short: Address


class Exchange(Model):
    """Contracts of Uniswap v3."""

    factory: Address
    router: Address
    quoter: Address


class Path_(Model):  # noqa: N801 - `Path` is that of files
    """Pools from the base to the quote token: their fees in millionths, tokens between them."""

    fees: tuple[PoolFee, ...] = Field(min_length=1, max_length=4)
    via: tuple[Address, ...] = ()


class Pair(Model):
    """A pair that is quoted. Of several routes the best is taken each time."""

    base: Address
    quote: Address
    routes: tuple[Path_, ...] = Field(min_length=1, max_length=8)
    open_fee: Fee = 0
    """Of the swap's quote tokens, basis points."""
    close_fee: Fee = 0

    def routes_of(self, *, selling_base: bool) -> list[Route]:
        """All routes in this direction."""
        routes = [Route((self.base, *r.via, self.quote), r.fees) for r in self.routes]
        return routes if selling_base else [route.reverse() for route in routes]


class Curve(Model):
    """The yearly interest on what is borrowed of a token by its vault's utilisation, WAD: straight
    from `at_zero` to `at_kink`, and from there to `at_full`."""

    at_zero: Wad
    at_kink: Wad
    at_full: Wad
    kink: Wad

    def curve(self) -> RateCurve:
        """For its arithmetic."""
        return RateCurve(self.at_zero, self.at_kink, self.at_full, self.kink)


class Rate(Curve):
    """Of one token. Tokens without one have the curve of their vault."""

    token: Address


class RateLimits(Model):
    """How often anyone may ask, in any window of that length."""

    per_trader: Limit = parse("30/minute")
    """Quotes and orders for one trader."""
    per_client: Limit = parse("120/minute")
    """Requests of one address, of any kind."""

    model_config = Model.model_config | {"arbitrary_types_allowed": True}


class Settings(Model):
    """A whole file."""

    chain_id: Integer = Field(ge=1)
    pools: Pools
    exchange: Exchange
    pairs: tuple[Pair, ...] = Field(min_length=1)
    rates: tuple[Rate, ...] = ()
    lifetime: Integer = Field(default=60, ge=5, le=MAX_LIFETIME)
    """Seconds for which a quote is good."""
    slippage: Slippage = 50
    """Basis points, where a trader names none."""
    max_slippage: Slippage = 500
    max_head_age: Integer = Field(default=120, ge=1)
    """Seconds after which the node counts as behind. Not on local chains, where blocks come with
    transactions."""
    gas_limit: Integer = Field(default=1_500_000, ge=100_000)
    """Of a transaction, such as wallets find too tight by themselves: it is tried out with it."""
    max_orders: Integer = Field(default=20, ge=1, le=1_000)
    """Of one trader that are kept at a time."""
    database: str | None = None
    """URL of the database of orders; without: a file of SQLite in .cache/quotes."""
    limits: RateLimits = RateLimits()

    @classmethod
    def load(cls, path: Path, deployment: Deployment | None = None) -> "Settings":
        """Reads and checks a file; the first fault is a `UserError` with file, field and reason.
        `deployment`: where it may take addresses from."""
        content = fill(read_yaml(path), deployment)
        try:
            settings = cls.model_validate(content)
        except ValidationError as error:
            field, reason = translate(error)
            raise UserError(f"{path}: {field}: {reason}") from None
        for field, reason in _faults(settings):
            raise UserError(f"{path}: {field}: {reason}")
        return settings

    def pair(self, base: str, quote: str) -> Pair | None:
        """By its tokens, checksummed; None if it is not quoted."""
        return next((p for p in self.pairs if (p.base, p.quote) == (base, quote)), None)

    def curve(self, token: str) -> RateCurve | None:
        """None: the vault's own counts."""
        return next((rate.curve() for rate in self.rates if rate.token == token), None)


def _faults(settings: Settings) -> Iterator[Fault]:
    """What is wrong although every value by itself is well-formed."""
    if settings.slippage > settings.max_slippage:
        yield "slippage", "is above max_slippage"
    if settings.pools.long == settings.pools.short:
        yield "pools.short", "is the long pool too"
    seen: set[frozenset[str]] = set()
    for index, pair in enumerate(settings.pairs):
        tokens = frozenset((pair.base, pair.quote))
        if tokens in seen:
            yield f"pairs[{index}]", "is given twice, or both ways round"
        seen.add(tokens)
        for number, path in enumerate(pair.routes):
            try:
                Route((pair.base, *path.via, pair.quote), path.fees)
            except UserError as error:
                yield f"pairs[{index}].routes[{number}]", error.message
    for index, rate in enumerate(settings.rates):
        if rate.token in [other.token for other in settings.rates[:index]]:
            yield f"rates[{index}].token", "is given twice"
        try:
            rate.curve().validate()
        except Rejected as error:
            name, value, low, high = error.args
            yield f"rates[{index}]", f"{name} of {value} is outside {low} to {high}"


def secret(variable: str) -> SecretStr | None:
    """Of the environment; what is empty is not there. It shows its value only when asked to."""
    value = os.environ.get(variable)
    return SecretStr(value) if value else None
