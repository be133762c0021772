"""What a deployment is made from: `deployments/params/<network>.yml`, see docs/parameters.md."""

from collections.abc import Iterator
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)
from pydantic.alias_generators import to_camel, to_snake

from prep.connect import is_local
from prep.deploy import values
from prep.deploy.values import Address, Boolean, Cap, Holder, Integer, Number, Wad
from prep.errors import UserError
from prep.model import limits
from prep.model.config import MarketConfig, check_protocol_fee_rate
from prep.model.errors import Rejected
from prep.model.fixed import UNLIMITED
from prep.model.redeem_queue import MAX_COOLDOWN_PERIOD, MAX_REDEEM_WINDOW, MIN_REDEEM_WINDOW

# Bounds coded in ChainlinkOracle, MockAggregator and AccessManager.
_MAX_HEARTBEAT: Final = 7 * limits.DAY
_MAX_GRACE: Final = limits.DAY
_MAX_DECIMALS: Final = 36
_MAX_ANSWER: Final = 2**127 - 1
_MAX_DELAY: Final = 2**32 - 1
_PRICE_DECIMALS: Final = 36
"""Decimals of PREP and of WAD together."""
_ZERO_ADDRESS: Final = "0x" + 40 * "0"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Faucet(_Model):
    """What anyone may mint, and the seconds between two times. An amount of 0: no faucet."""

    amount: Wad = Field(le=UNLIMITED)
    interval: Integer = Field(le=UNLIMITED)


class Roles(_Model):
    """Who gets what."""

    admin: Holder
    admin_delay: Integer = Field(default=0, le=_MAX_DELAY)
    """Seconds between the announcement and the execution of whatever the admin does."""
    guardian: Holder
    risk_manager: Holder
    minter: Holder
    treasury: Holder

    def holder(self, role: str, deployer: str) -> str:
        """The address that has a role; `deployer` is the account that deploys."""
        value: str = getattr(self, role)
        return deployer if value == values.DEPLOYER else value


class Mock(_Model):
    """A feed that anyone can set, deployed along: for local chains."""

    description: str = Field(min_length=1)
    decimals: Integer = Field(le=_MAX_DECIMALS)
    initial_price: Number
    """Dollars for a whole unit of the asset."""

    @property
    def answer(self) -> int:
        """The first answer, in the feed's decimals."""
        return values.scaled(self.initial_price, self.decimals)


class Sequencer(_Model):
    """Uptime feed of a rollup's sequencer, and the seconds without a price after a downtime."""

    feed: Address
    grace: Integer = Field(ge=1, le=_MAX_GRACE)


class Market(_Model):
    """One market: its price, then the contract's `MarketConfig`."""

    name: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,15}$")
    feed: Annotated[
        Annotated[Mock, Tag("mock")] | Annotated[Address, Tag("address")],
        Discriminator(lambda value: "mock" if isinstance(value, dict | Mock) else "address"),
    ]
    heartbeat: Integer = Field(ge=1, le=_MAX_HEARTBEAT)
    feed_deviation_threshold: Wad
    asset_decimals: Integer = Field(default=18, le=_MAX_DECIMALS)
    min_price: Number = Decimal(0)
    max_price: Number = Decimal(0)
    sequencer: Sequencer | None = None
    allow_free_fills: Boolean = False
    enabled: Boolean = True
    skew_scale: Number
    max_funding_velocity: Wad
    opening_fee_rate: Wad
    closing_fee_rate: Wad
    borrow_rate: Wad
    reserve_factor: Wad
    min_position_value: Wad
    max_position_value: Cap
    max_long_oi_value: Cap
    max_short_oi_value: Cap
    max_net_oi_value: Cap
    min_execution_delay: Integer = 0

    def config(self) -> MarketConfig:
        """With the unit of each field as the contract has it; the oracle is not known yet."""
        own = {name: getattr(self, name) for name in asdict(MarketConfig()) if name != "oracle"}
        own["skew_scale"] = values.scaled(self.skew_scale, self.asset_decimals)
        return MarketConfig(**own)

    def config_struct(self, oracle: str) -> dict[str, Any]:
        """The contract's `MarketConfig`, with its names."""
        fields = asdict(self.config()) | {"oracle": oracle}
        return {to_camel(name).replace("Oi", "OI"): value for name, value in fields.items()}

    def oracle_struct(self, feed: str) -> dict[str, Any]:
        """The contract's `ChainlinkOracleConfig`, with its names."""
        decimals = _PRICE_DECIMALS - self.asset_decimals
        return {
            "feed": feed,
            "heartbeat": self.heartbeat,
            "assetDecimals": self.asset_decimals,
            "minPrice": values.scaled(self.min_price, decimals),
            "maxPrice": values.scaled(self.max_price, decimals),
            "sequencerFeed": self.sequencer.feed if self.sequencer else _ZERO_ADDRESS,
            "sequencerGrace": self.sequencer.grace if self.sequencer else 0,
        }


def _all_liquidity_if_unlimited(cap: int) -> int:
    """The vault's cap has no value that stands for none: its largest is what there is."""
    return limits.MAX_LIQUIDITY if cap == UNLIMITED else cap


def _never_or_within_bounds(window: int) -> int:
    if window and not MIN_REDEEM_WINDOW <= window <= MAX_REDEEM_WINDOW:
        bounds = f"from {MIN_REDEEM_WINDOW} to {MAX_REDEEM_WINDOW}"
        raise ValueError(f"{window} is neither 0 nor {bounds}")
    return window


class Parameters(_Model):
    """A whole file."""

    chain_id: Integer = Field(ge=1)
    faucet: Faucet
    roles: Roles
    reserves_by_larger_side: Boolean
    target_collateralization_ratio: Wad
    deposit_cap: Annotated[Cap, AfterValidator(_all_liquidity_if_unlimited)]
    cooldown_period: Integer = Field(le=MAX_COOLDOWN_PERIOD)
    redeem_window: Annotated[Integer, AfterValidator(_never_or_within_bounds)]
    protocol_fee_rate: Wad
    markets: tuple[Market, ...] = Field(min_length=1)

    @classmethod
    def load(cls, path: Path) -> "Parameters":
        """Reads and checks a file; the first fault is a `UserError` with file, field and reason."""
        content = values.read_yaml(path)
        try:
            parameters = cls.model_validate(content)
        except ValidationError as error:
            field, reason = _translate(error)
            raise UserError(f"{path}: {field}: {reason}") from None
        for field, reason in _faults(parameters):
            raise UserError(f"{path}: {field}: {reason}")
        return parameters


_REASONS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a parameter",
    "model_type": "should be a list of fields with values",
    "tuple_type": "should be a list",
    "too_short": "is empty",
}


def _translate(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False)[0]
    where = ""
    for part in first["loc"]:
        if part in ("mock", "address"):  # which of the two kinds of feed was tried
            continue
        where += f"[{part}]" if isinstance(part, int) else f".{part}"
    reason = _REASONS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return where.removeprefix(".") or "the file", reason


def _faults(parameters: Parameters) -> Iterator[tuple[str, str]]:
    """What is wrong although every value by itself is well-formed."""
    try:
        check_protocol_fee_rate(parameters.protocol_fee_rate)
    except Rejected as error:
        yield _out_of_bounds(error)
    vault_bounds = {
        "target_collateralization_ratio": limits.MAX_TARGET_COLLATERALIZATION_RATIO,
        "deposit_cap": limits.MAX_LIQUIDITY,
    }
    for field, most in vault_bounds.items():
        if (value := getattr(parameters, field)) > most:
            yield _out_of_bounds(Rejected("ParameterOutOfBounds", field, value, 0, most))
    if not is_local(parameters.chain_id) and not parameters.reserves_by_larger_side:
        yield "reserves_by_larger_side", "must be true on a public network"
    names = [market.name for market in parameters.markets]
    for index, market in enumerate(parameters.markets):
        prefix = f"markets[{index}]."
        if market.name in names[:index]:
            yield prefix + "name", f"{market.name} is given twice"
        for field, reason in _market_faults(market, is_local(parameters.chain_id)):
            yield prefix + field, reason


def _market_faults(market: Market, local: bool) -> Iterator[tuple[str, str]]:
    yield from _scaling_faults(market)
    try:
        market.config().validate()
    except Rejected as error:
        yield _out_of_bounds(error, market.asset_decimals)
    if 0 < market.max_price < market.min_price:
        yield "max_price", f"is below min_price, {market.min_price}"
    if local:
        return
    if isinstance(market.feed, Mock):
        yield "feed", "a mock, which anyone can set, is for local chains only"
    fees = market.opening_fee_rate + market.closing_fee_rate
    two_step = market.min_execution_delay > 0
    if fees < market.feed_deviation_threshold and not (two_step or market.allow_free_fills):
        threshold = values.unscaled(market.feed_deviation_threshold, 18)
        reason = (
            f"with closing_fee_rate it is {values.unscaled(fees, 18)}, below "
            f"feed_deviation_threshold {threshold}: anyone could trade ahead of the feed; "
            "a min_execution_delay prevents that, allow_free_fills: true accepts it"
        )
        yield "opening_fee_rate", reason


def _scaling_faults(market: Market) -> Iterator[tuple[str, str]]:
    price_decimals = _PRICE_DECIMALS - market.asset_decimals
    scalings = [
        ("skew_scale", market.skew_scale, market.asset_decimals),
        ("min_price", market.min_price, price_decimals),
        ("max_price", market.max_price, price_decimals),
    ]
    if isinstance(market.feed, Mock):
        scalings.append(("feed.initial_price", market.feed.initial_price, market.feed.decimals))
    for field, value, decimals in scalings:
        try:
            values.scaled(value, decimals)
        except ValueError as error:
            yield field, str(error)
    if isinstance(market.feed, Mock) and not 0 < market.feed.answer <= _MAX_ANSWER:
        yield "feed.initial_price", f"an answer of {market.feed.answer} is not possible"


def _out_of_bounds(error: Rejected, asset_decimals: int = 18) -> tuple[str, str]:
    name, value, low, high = error.args
    field = to_snake(str(name))
    decimals = {"skew_scale": asset_decimals, "min_execution_delay": 0}.get(field, 18)
    given, least, most = (values.unscaled(int(n), decimals) for n in (value, low, high))
    times = " times reserve_factor" if high == limits.MAX_BORROWING_A_YEAR else ""
    times = times if field == "borrow_rate" else ""
    return field, f"{given}{times} is outside {least} to {most}"
