"""The files of a replay: `config.json` and `input_actions.json`. docs/replay.md has the tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter

from prep.model import UNLIMITED, MarketConfig, Rejected, limits
from prep.model import config as bounds
from prep.replay.fields import (
    Account,
    Amount,
    Cap,
    Name,
    Price,
    Rate,
    Share,
    Signed,
    Time,
    decimal,
    wrong,
)
from prep.replay.strict import Place, parse, refuse, shorten

MAX_PERPS: Final = 63
"""The protocol has at most 64 markets, and one is that of isolated positions."""
MAX_SPAN: Final = limits.CLOCK - 1
"""The contracts keep times modulo 2**32 seconds."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Perp(Strict):
    """A market. Prices and rates are WAD here, values PREP base units, sizes base units."""

    denom: Name
    enabled: bool
    initial_price: Price
    max_funding_velocity: Rate
    skew_scale: Amount
    max_net_oi_value: Cap
    max_long_oi_value: Cap
    max_short_oi_value: Cap
    closing_fee_rate: Rate
    opening_fee_rate: Rate
    min_position_value: Amount
    max_position_value: Cap | None = None
    max_loan_to_value: Share
    liquidation_threshold: Share
    borrow_rate: Rate = 0
    reserve_factor: Rate = 0

    def market(self, oracle: int = 1) -> MarketConfig:
        """Its parameters as contracts and model know them. What concerns credit accounts only, the
        last two, has no part in a replay."""
        largest = self.max_position_value
        return MarketConfig(
            oracle=oracle,
            enabled=self.enabled,
            skew_scale=self.skew_scale,
            max_funding_velocity=self.max_funding_velocity,
            opening_fee_rate=self.opening_fee_rate,
            closing_fee_rate=self.closing_fee_rate,
            borrow_rate=self.borrow_rate,
            reserve_factor=self.reserve_factor,
            min_position_value=self.min_position_value,
            max_position_value=UNLIMITED if largest is None else largest,
            max_long_oi_value=self.max_long_oi_value,
            max_short_oi_value=self.max_short_oi_value,
            max_net_oi_value=self.max_net_oi_value,
        )


class Config(Strict):
    """`config.json`."""

    target_collaterization_ratio: Rate
    protocol_fee_rate: Rate
    perps: list[Perp]


class Deposit(Strict):
    """An LP brings PREP base units."""

    account_id: Account
    amount: Amount


class Order(Strict):
    """An order in base units of the asset, positive to buy."""

    account_id: Account
    denom: Name
    order_size: Signed
    reduce_only: bool = False


class PriceChange(Strict):
    """The oracle's price from now on, WAD."""

    denom: Name
    new_price: Price


class Snapshot(Strict):
    """The books are written down."""


class Deleverage(Strict):
    """Somebody closes at most `max_size` base units of an account's position against its owner's
    will. An extension of the format."""

    account_id: Account
    denom: Name
    max_size: Amount


Kind = Deposit | Order | PriceChange | Snapshot | Deleverage

KINDS: Final[dict[str, type[Kind]]] = {
    "deposit_to_vault": Deposit,
    "execute_perp_order": Order,
    "change_price": PriceChange,
    "snapshot_state": Snapshot,
    "deleverage": Deleverage,
}


def _one_kind(value: Any) -> Any:
    if isinstance(value, dict):
        if unknown := [key for key in value if key not in KINDS]:
            raise wrong(f"unknown action '{shorten(unknown[0])}'")
        if len(value) != 1:
            raise wrong(f"must have one action, has {len(value)}")
        kind, body = next(iter(value.items()))
        if not isinstance(body, dict):
            raise wrong(f"{kind} must be an object")
    return value


class _Body(Strict):
    deposit_to_vault: Deposit | None = None
    execute_perp_order: Order | None = None
    change_price: PriceChange | None = None
    snapshot_state: Snapshot | None = None
    deleverage: Deleverage | None = None


class Action(Strict):
    """One entry of `input_actions.json`."""

    block_time: Time
    action: Annotated[_Body, BeforeValidator(_one_kind)]

    @property
    def kind(self) -> str:
        """Its name in the file."""
        return next(iter(self.action.model_fields_set))

    @property
    def body(self) -> Kind:
        """What it says."""
        body: Kind = getattr(self.action, self.kind)
        return body


_CONFIG: Final = TypeAdapter(Config)
_ACTIONS: Final = TypeAdapter(list[Action])

FIELDS: Final = {
    "skewScale": "skew_scale",
    "maxFundingVelocity": "max_funding_velocity",
    "openingFeeRate": "opening_fee_rate",
    "closingFeeRate": "closing_fee_rate",
    "borrowRate": "borrow_rate",
    "reserveFactor": "reserve_factor",
    "minPositionValue": "min_position_value",
    "maxPositionValue": "max_position_value",
    "maxLongOIValue": "max_long_oi_value",
    "maxShortOIValue": "max_short_oi_value",
    "maxNetOIValue": "max_net_oi_value",
    "protocolFeeRate": "protocol_fee_rate",
    "targetCollateralizationRatio": "target_collaterization_ratio",
}
"""Parameters of the contracts and where they stand in the file."""
_IN_WAD: Final = frozenset(name for name in FIELDS if name.endswith(("Rate", "Ratio", "Factor")))


def read_config(file: Path) -> Config:
    """The configuration; `BadInputError` for what contracts would not take either."""
    config = parse(file, _CONFIG)
    if not config.perps:
        refuse(file, ("perps",), "must not be empty")
    if len(config.perps) > MAX_PERPS:
        refuse(file, ("perps",), f"at most {MAX_PERPS} markets, not {len(config.perps)}")
    _check(
        file,
        (),
        lambda: bounds.require(
            "targetCollateralizationRatio",
            config.target_collaterization_ratio,
            0,
            limits.MAX_TARGET_COLLATERALIZATION_RATIO,
        ),
    )
    _check(file, (), lambda: bounds.check_protocol_fee_rate(config.protocol_fee_rate))
    seen: dict[str, int] = {}
    for index, perp in enumerate(config.perps):
        if perp.denom in seen:
            first = seen[perp.denom]
            refuse(
                file,
                ("perps", index, "denom"),
                f"'{shorten(perp.denom)}' is already perps[{first}]",
            )
        seen[perp.denom] = index
        _check(file, ("perps", index), perp.market().validate)
    return config


def read_actions(file: Path, config: Config) -> list[Action]:
    """The actions, in order, on the markets of the configuration."""
    actions = parse(file, _ACTIONS)
    if not actions:
        refuse(file, (), "must not be empty")
    denoms = {perp.denom for perp in config.perps}
    first = last = actions[0].block_time
    for index, action in enumerate(actions):
        now = action.block_time
        if now < last:
            refuse(
                file, (index, "block_time"), f"{now} is before {last}, that of the action before"
            )
        if now - first > MAX_SPAN:
            refuse(file, (index, "block_time"), f"more than {MAX_SPAN} seconds after the first")
        last = now
        denom = getattr(action.body, "denom", None)
        if denom is not None and denom not in denoms:
            place = (index, "action", action.kind, "denom")
            refuse(file, place, f"no market '{shorten(denom)}' in the configuration")
    return actions


def _check(file: Path, place: Place, check: Callable[[], None]) -> None:
    try:
        check()
    except Rejected as error:
        name, _, low, high = (str(a) for a in error.args)
        if name in _IN_WAD:
            low, high = decimal(int(low)), decimal(int(high))
        if name == "borrowRate" and int(error.args[3]) == limits.MAX_BORROWING_A_YEAR:
            reason = f"times reserve_factor must be at most {high}"
        else:
            reason = f"must be {low} to {high}"
        refuse(file, (*place, FIELDS[name]), reason)
