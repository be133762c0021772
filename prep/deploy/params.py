"""What a deployment is made from: `deployments/params/<network>.yml`, see docs/parameters.md."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidationError
from pydantic.alias_generators import to_camel, to_snake

from prep.connect import is_local
from prep.deploy import values
from prep.deploy.credit import PREP, SHARES, Credit, weight_faults
from prep.deploy.margin import LOCAL, Margin
from prep.deploy.prices import Fault, Model, Priced, scaling_faults
from prep.deploy.values import Boolean, Cap, Holder, Integer, Number, Wad, Weight
from prep.errors import UserError
from prep.model import limits
from prep.model.config import MarketConfig, check_protocol_fee_rate
from prep.model.credit_config import MAX_MARKET_THRESHOLD
from prep.model.errors import Rejected
from prep.model.fixed import UNLIMITED
from prep.model.redeem_queue import MAX_COOLDOWN_PERIOD, MAX_REDEEM_WINDOW, MIN_REDEEM_WINDOW

MARGIN_ROLES: Final = ("order_signer", "order_executor", "liquidator")
_MAX_DELAY: Final = 2**32 - 1
"""Coded in AccessManager."""


class Faucet(Model):
    """What anyone may mint, and the seconds between two times. An amount of 0: no faucet."""

    amount: Wad = Field(le=UNLIMITED)
    interval: Integer = Field(le=UNLIMITED)


class Roles(Model):
    """Who gets what."""

    admin: Holder
    admin_delay: Integer = Field(default=0, le=_MAX_DELAY)
    """Seconds between the announcement and the execution of whatever the admin does."""
    guardian: Holder
    risk_manager: Holder
    minter: Holder
    treasury: Holder
    order_signer: Holder | None = None
    """Like the next two only where there are asset-backed positions."""
    order_executor: Holder | None = None
    liquidator: Holder | None = None

    def holder(self, role: str, deployer: str) -> str:
        """The address that has a role; `deployer` is the account that deploys."""
        value: str = getattr(self, role)
        return deployer if value == values.DEPLOYER else value


class Market(Priced):
    """One market: its price, then the contract's `MarketConfig`."""

    feed_deviation_threshold: Wad
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
    max_loan_to_value: Weight = 0
    """Of positions of credit accounts, basis points; 0: they need all of their value."""
    liquidation_threshold: Weight = 0

    def config(self) -> MarketConfig:
        """With the unit of each field as the contract has it; the oracle is not known yet."""
        own = {name: getattr(self, name) for name in asdict(MarketConfig()) if name != "oracle"}
        own["skew_scale"] = values.scaled(self.skew_scale, self.asset_decimals)
        return MarketConfig(**own)

    def config_struct(self, oracle: str) -> dict[str, Any]:
        """The contract's `MarketConfig`, with its names."""
        fields = asdict(self.config()) | {"oracle": oracle}
        return {to_camel(name).replace("Oi", "OI"): value for name, value in fields.items()}


def _all_liquidity_if_unlimited(cap: int) -> int:
    """The vault's cap has no value that stands for none: its largest is what there is."""
    return limits.MAX_LIQUIDITY if cap == UNLIMITED else cap


def _never_or_within_bounds(window: int) -> int:
    if window and not MIN_REDEEM_WINDOW <= window <= MAX_REDEEM_WINDOW:
        bounds = f"from {MIN_REDEEM_WINDOW} to {MAX_REDEEM_WINDOW}"
        raise ValueError(f"{window} is neither 0 nor {bounds}")
    return window


class Parameters(Model):
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
    credit: Credit | None = None
    """None: there are no credit accounts."""
    margin: Margin | None = None
    """None: there are no asset-backed positions."""

    @classmethod
    def load(cls, path: Path) -> "Parameters":
        """Reads and checks a file; the first fault is a `UserError` with file, field and reason."""
        content = values.read_yaml(path)
        try:
            parameters = cls.model_validate(content)
        except ValidationError as error:
            field, reason = translate(error)
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
_TRIED: Final = ("mock", "address", PREP, SHARES, "TOKEN", LOCAL, "addresses")
"""Kinds of feeds and of assets: pydantic says which one it took the input for."""


def translate(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False)[0]
    where = ""
    for part in first["loc"]:
        if part in _TRIED:
            continue
        where += f"[{part}]" if isinstance(part, int) else f".{part}"
    reason = _REASONS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    return where.removeprefix(".") or "the file", reason


def _faults(parameters: Parameters) -> Iterator[Fault]:
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
    local = is_local(parameters.chain_id)
    priced = [(f"markets[{i}].", market.name) for i, market in enumerate(parameters.markets)]
    if parameters.credit:
        assets = parameters.credit.assets
        priced += [(f"credit.assets[{i}].", asset.name) for i, asset in enumerate(assets)]
    names = [name for _, name in priced]
    for index, (prefix, name) in enumerate(priced):
        if name in names[:index]:
            yield prefix + "name", f"{name} is given twice"
    for index, market in enumerate(parameters.markets):
        for field, reason in _market_faults(market, local, parameters.credit is not None):
            yield f"markets[{index}].{field}", reason
    if parameters.credit:
        for field, reason in parameters.credit.faults(local):
            yield f"credit.{field}", reason
    if parameters.margin:
        if not parameters.credit:
            yield "margin", "needs `credit`: its assets, and the vaults that lend them"
            return
        for role in MARGIN_ROLES:
            if getattr(parameters.roles, role) is None:
                yield f"roles.{role}", "is missing: `margin` needs it"
        for field, reason in parameters.margin.faults(parameters.credit.assets, local):
            yield f"margin.{field}", reason


def _market_faults(market: Market, local: bool, credit: bool) -> Iterator[Fault]:
    yield from scaling_faults("skew_scale", market.skew_scale, market.asset_decimals)
    yield from market.price_faults(local)
    try:
        market.config().validate()
    except Rejected as error:
        yield _out_of_bounds(error, market.asset_decimals)
    weights = market.max_loan_to_value, market.liquidation_threshold
    yield from weight_faults(*weights, 0, MAX_MARKET_THRESHOLD, "max_loan_to_value")
    if market.liquidation_threshold and not credit:
        yield "liquidation_threshold", "is for credit accounts, but there is no `credit`"
    fees = market.opening_fee_rate + market.closing_fee_rate
    accepted = local or market.min_execution_delay > 0 or market.allow_free_fills
    if fees < market.feed_deviation_threshold and not accepted:
        threshold = values.unscaled(market.feed_deviation_threshold, 18)
        reason = (
            f"with closing_fee_rate it is {values.unscaled(fees, 18)}, below "
            f"feed_deviation_threshold {threshold}: anyone could trade ahead of the feed; "
            "a min_execution_delay prevents that, allow_free_fills: true accepts it"
        )
        yield "opening_fee_rate", reason


def _out_of_bounds(error: Rejected, asset_decimals: int = 18) -> Fault:
    name, value, low, high = error.args
    field = to_snake(str(name))
    decimals = {"skew_scale": asset_decimals, "min_execution_delay": 0}.get(field, 18)
    given, least, most = (values.unscaled(int(n), decimals) for n in (value, low, high))
    times = " times reserve_factor" if high == limits.MAX_BORROWING_A_YEAR else ""
    times = times if field == "borrow_rate" else ""
    return field, f"{given}{times} is outside {least} to {most}"
