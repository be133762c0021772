"""Where a price comes from: what a market and an asset have in common in a parameters file."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from prep.deploy import values
from prep.deploy.values import Address, Integer, Number
from prep.model import limits

# Bounds coded in ChainlinkOracle and MockAggregator.
_MAX_HEARTBEAT: Final = 7 * limits.DAY
_MAX_GRACE: Final = limits.DAY
_MAX_DECIMALS: Final = 36
_MAX_ANSWER: Final = 2**127 - 1
_PRICE_DECIMALS: Final = 36
"""Decimals of PREP and of WAD together."""
ZERO_ADDRESS: Final = "0x" + 40 * "0"

NAME: Final = r"^[A-Z][A-Z0-9]{0,15}$"
Fault = tuple[str, str]
"""A field and what is wrong with it."""


class Model(BaseModel):
    """A part of a parameters file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Mock(Model):
    """A feed that anyone can set, deployed along: for local chains."""

    description: str = Field(min_length=1)
    decimals: Integer = Field(le=_MAX_DECIMALS)
    initial_price: Number
    """Dollars for a whole unit of the asset."""

    @property
    def answer(self) -> int:
        """The first answer, in the feed's decimals."""
        return values.scaled(self.initial_price, self.decimals)


class Sequencer(Model):
    """Uptime feed of a rollup's sequencer, and the seconds without a price after a downtime."""

    feed: Address
    grace: Integer = Field(ge=1, le=_MAX_GRACE)


class Priced(Model):
    """Something with a price adapter of its own."""

    name: str = Field(pattern=NAME)
    feed: Annotated[
        Annotated[Mock, Tag("mock")] | Annotated[Address, Tag("address")],
        Discriminator(lambda value: "mock" if isinstance(value, dict | Mock) else "address"),
    ]
    heartbeat: Integer = Field(ge=1, le=_MAX_HEARTBEAT)
    asset_decimals: Integer = Field(default=18, le=_MAX_DECIMALS)
    min_price: Number = Decimal(0)
    max_price: Number = Decimal(0)
    sequencer: Sequencer | None = None

    def oracle_struct(self, feed: str) -> dict[str, Any]:
        """The contract's `ChainlinkOracleConfig`, with its names."""
        decimals = _PRICE_DECIMALS - self.asset_decimals
        return {
            "feed": feed,
            "heartbeat": self.heartbeat,
            "assetDecimals": self.asset_decimals,
            "minPrice": values.scaled(self.min_price, decimals),
            "maxPrice": values.scaled(self.max_price, decimals),
            "sequencerFeed": self.sequencer.feed if self.sequencer else ZERO_ADDRESS,
            "sequencerGrace": self.sequencer.grace if self.sequencer else 0,
        }

    def price_faults(self, local: bool) -> Iterator[Fault]:
        """What is wrong although every value by itself is well-formed."""
        decimals = _PRICE_DECIMALS - self.asset_decimals
        yield from scaling_faults("min_price", self.min_price, decimals)
        yield from scaling_faults("max_price", self.max_price, decimals)
        if isinstance(self.feed, Mock):
            price = self.feed.initial_price
            yield from scaling_faults("feed.initial_price", price, self.feed.decimals)
            if not 0 < self.feed.answer <= _MAX_ANSWER:
                yield "feed.initial_price", f"an answer of {self.feed.answer} is not possible"
            if not local:
                yield "feed", "a mock, which anyone can set, is for local chains only"
        if 0 < self.max_price < self.min_price:
            yield "max_price", f"is below min_price, {self.min_price}"


def scaling_faults(field: str, value: Decimal, decimals: int) -> Iterator[Fault]:
    """Whether a number has more decimals than its unit."""
    try:
        values.scaled(value, decimals)
    except ValueError as error:
        yield field, str(error)
