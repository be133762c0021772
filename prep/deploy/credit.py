"""Credit accounts in a parameters file: what they can hold and owe."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Discriminator, Field, Tag

from prep.deploy import values
from prep.deploy.prices import Fault, Model, Priced, scaling_faults
from prep.deploy.values import Integer, Limit, Token, Wad, Weight
from prep.model.credit_config import BPS, MAX_ASSETS, MAX_THRESHOLD, MIN_BORROWABLE
from prep.model.fixed import UNLIMITED, WAD
from prep.model.interest import MAX_RATE
from prep.model.lending import MAX_PROFIT_UNLOCK_TIME, MAX_RESERVE_SHARE

PREP: Final = "PREP"
SHARES: Final = "SHARES"
FIRST_TOKEN: Final = 2
"""PREP is asset 0, shares of the LP vault are asset 1, whether or not the file says so."""
_MAX_BORROW_CAP: Final = 10**36
"""Coded in LendingVault, base units."""
_SHARE_DECIMALS: Final = 24


class Lending(Model):
    """A vault that lends the asset to accounts. Rates are for a year, by utilisation."""

    at_zero: Wad
    at_kink: Wad
    at_full: Wad
    kink: Wad
    reserve_share: Wad
    profit_unlock_time: Integer = Field(le=MAX_PROFIT_UNLOCK_TIME)
    borrow_cap: Limit
    """Of all accounts together."""

    def curve_struct(self) -> dict[str, int]:
        """The contract's `RateCurve`, with its names."""
        return {
            "atZero": self.at_zero,
            "atKink": self.at_kink,
            "atFull": self.at_full,
            "kink": self.kink,
        }

    def cap(self, decimals: int) -> int:
        """The borrow cap in base units. It has no value that stands for none: its largest is."""
        most = _MAX_BORROW_CAP
        return most if self.borrow_cap is None else values.scaled(self.borrow_cap, decimals)

    def faults(self, decimals: int) -> Iterator[Fault]:
        """What the vault would refuse."""
        yield from _rate_faults("at_zero", self.at_zero, 0, self.at_kink)
        yield from _rate_faults("at_kink", self.at_kink, self.at_zero, self.at_full)
        yield from _rate_faults("at_full", self.at_full, self.at_kink, MAX_RATE)
        yield from _rate_faults("kink", self.kink, 1, WAD - 1)
        yield from _rate_faults("reserve_share", self.reserve_share, 0, MAX_RESERVE_SHARE)
        yield from _limit_faults("borrow_cap", self.borrow_cap, decimals, _MAX_BORROW_CAP)


class PrepAsset(Model):
    """PREP counts in full, has no price, and can be borrowed: losses are."""

    name: Literal["PREP"]
    deposit_cap: Limit
    lending: Lending

    decimals: ClassVar[int] = values.PREP_DECIMALS
    max_ltv: ClassVar[int] = BPS
    liquidation_threshold: ClassVar[int] = BPS


class ShareAsset(Model):
    """Shares of the LP vault, which prices them; they cannot be borrowed."""

    name: Literal["SHARES"]
    max_ltv: Weight
    liquidation_threshold: Weight
    deposit_cap: Limit

    decimals: ClassVar[int] = _SHARE_DECIMALS
    lending: ClassVar[None] = None


class TokenAsset(Priced):
    """Any other token; `asset_decimals` are its own."""

    token: Token
    max_ltv: Weight
    liquidation_threshold: Weight
    deposit_cap: Limit
    lending: Lending | None = None

    @property
    def decimals(self) -> int:
        """Of the token."""
        return self.asset_decimals


Asset = PrepAsset | ShareAsset | TokenAsset


def _kind(value: Any) -> str:
    name = value.get("name") if isinstance(value, dict) else getattr(value, "name", None)
    return name if name in (PREP, SHARES) else "TOKEN"


class Credit(Model):
    """The whole section."""

    assets: tuple[
        Annotated[
            Annotated[PrepAsset, Tag(PREP)]
            | Annotated[ShareAsset, Tag(SHARES)]
            | Annotated[TokenAsset, Tag("TOKEN")],
            Discriminator(_kind),
        ],
        ...,
    ] = Field(min_length=1)

    @property
    def tokens(self) -> tuple[TokenAsset, ...]:
        """The assets besides PREP and shares, in the order of their ids from `FIRST_TOKEN`."""
        return tuple(asset for asset in self.assets if isinstance(asset, TokenAsset))

    @property
    def built_in(self) -> tuple[tuple[int, PrepAsset | ShareAsset], ...]:
        """The assets that are there from the beginning, with their ids."""
        ids = {PREP: 0, SHARES: 1}
        return tuple((ids[a.name], a) for a in self.assets if not isinstance(a, TokenAsset))

    def faults(self, local: bool) -> Iterator[Fault]:
        """What is wrong although every value by itself is well-formed."""
        if PREP not in (asset.name for asset in self.assets):
            yield "assets", f"{PREP} is missing: losses are borrowed in it"
        if len(self.tokens) > (most := MAX_ASSETS - FIRST_TOKEN):
            yield "assets", f"there are {len(self.tokens)} besides PREP and shares, {most} at most"
        for index, asset in enumerate(self.assets):
            for field, reason in _asset_faults(asset, local):
                yield f"assets[{index}].{field}", reason


def config_struct(asset: Asset, token: str, oracle: str, lending_vault: str) -> dict[str, Any]:
    """The contract's `AssetConfig`, with its names."""
    return {
        "token": token,
        "oracle": oracle,
        "lendingVault": lending_vault,
        "maxLtv": asset.max_ltv,
        "liquidationThreshold": asset.liquidation_threshold,
        "depositCap": UNLIMITED
        if asset.deposit_cap is None
        else values.scaled(asset.deposit_cap, asset.decimals),
    }


def weight_faults(
    max_ltv: int, threshold: int, least: int, most: int, name: str
) -> Iterator[Fault]:
    """Of an asset or, with `name` for its `max_ltv`, of a market."""
    for field, value, low, high in (
        ("liquidation_threshold", threshold, least, most),
        (name, max_ltv, least, threshold),
    ):
        if not low <= value <= high:
            given, *bounds = (
                values.unscaled(n, values.WEIGHT_DECIMALS) for n in (value, low, high)
            )
            yield field, f"{given} is outside {' to '.join(bounds)}"


def _asset_faults(asset: Asset, local: bool) -> Iterator[Fault]:
    if isinstance(asset, TokenAsset):
        if asset.token == values.MOCK and not local:
            yield "token", "a mock, which anyone can mint, is for local chains only"
        yield from asset.price_faults(local)
    if not isinstance(asset, PrepAsset):
        least = MIN_BORROWABLE if asset.lending else 0
        weights = asset.max_ltv, asset.liquidation_threshold
        yield from weight_faults(*weights, least, MAX_THRESHOLD, "max_ltv")
    yield from _limit_faults("deposit_cap", asset.deposit_cap, asset.decimals)
    if asset.lending:
        for field, reason in asset.lending.faults(asset.decimals):
            yield f"lending.{field}", reason


def _rate_faults(field: str, value: int, low: int, high: int) -> Iterator[Fault]:
    if not low <= value <= high:
        given, *bounds = (values.unscaled(n, values.PREP_DECIMALS) for n in (value, low, high))
        yield field, f"{given} is outside {' to '.join(bounds)}"


def _limit_faults(
    field: str, value: Decimal | None, decimals: int, most: int = UNLIMITED
) -> Iterator[Fault]:
    if value is None:
        return
    yield from scaling_faults(field, value, decimals)
    if values.scaled(value, decimals) > most:
        yield field, f"{value} is more than the contract can hold"
