"""Price paths: made up from a seed, or slices of a file of hourly candles.

Made-up prices are floats only while they are drawn. Each becomes an integer in units of the feed
once, before the model sees it.
"""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from prep.demo.prices import (
    DAY,
    FEED_DECIMALS,
    HOUR,
    STEPS_PER_HOUR,
    PricePath,
    midnight,
    read_candles,
    utc,
    walk,
)
from prep.errors import UserError

FIRST_PRICE: Final = 10_000 * 10**FEED_DECIMALS
HIGHEST_PRICE: Final = 10**8 * 10**FEED_DECIMALS
"""Where a climb ends: an integer up to here is exact as a float."""
STEPS_PER_YEAR: Final = 365 * 24 * STEPS_PER_HOUR


@dataclass(frozen=True)
class Regime:
    """How made-up prices move: geometric Brownian motion with jumps, after Merton.

    `drift` and `volatility` are yearly, as fractions: without jumps the expected price after a year
    is `exp(drift)` times the first. So many `jumps` a year come on top, each changing the price's
    logarithm by a normal variable of this mean and deviation.
    """

    drift: float
    volatility: float
    jumps: float
    jump_mean: float
    jump_deviation: float

    def changed(self, drift: float | None, volatility: float | None) -> "Regime":
        """With another drift or volatility where one is given."""
        return replace(
            self,
            drift=self.drift if drift is None else drift,
            volatility=self.volatility if volatility is None else volatility,
        )


REGIMES: Final = {
    "calm": Regime(drift=0, volatility=0.35, jumps=4, jump_mean=0, jump_deviation=0.02),
    "normal": Regime(drift=0, volatility=0.7, jumps=52, jump_mean=0, jump_deviation=0.03),
    # Days like 12 March 2020: five jumps in 48 hours, of -8 % on average.
    "crash": Regime(drift=0, volatility=1.8, jumps=900, jump_mean=-0.08, jump_deviation=0.05),
    # Days like 25 and 26 October 2019, which is what hurts LPs while the crowd is long.
    "rally": Regime(drift=0, volatility=1.2, jumps=450, jump_mean=0.07, jump_deviation=0.04),
}


class Source(Protocol):
    """Where paths come from."""

    @property
    def name(self) -> str:
        """For people."""

    def path(self, number: int) -> PricePath:
        """The path with this number, from 0 on."""


@dataclass(frozen=True)
class MadeUp:
    """Paths of a seed."""

    regime: Regime
    hours: int
    seed: int

    @property
    def name(self) -> str:
        moves = f"drift {self.regime.drift:g} and volatility {self.regime.volatility:g} a year"
        return f"{self.hours} hours, made up from seed {self.seed}, {moves}"

    def path(self, number: int) -> PricePath:
        """Depends on regime, length, seed and number alone, not on how many there are."""
        rng = np.random.default_rng(_seeds(self.seed, number)[0])
        prices = draw(self.regime, self.hours * STEPS_PER_HOUR, rng)
        return PricePath(f"path {number}", None, prices)


@dataclass(frozen=True)
class Slices:
    """`count` slices of a file, their beginnings evenly spread from `start` on. Where there are
    more of them than hours to begin at, several share one, with another crowd each."""

    file: str
    start: int
    prices: tuple[int, ...]
    window: int
    """Hours of a slice."""
    count: int

    @property
    def name(self) -> str:
        end = self.start + len(self.prices) // STEPS_PER_HOUR * HOUR
        return f"{self.window} hours at a time of {self.file}, {utc(self.start)} to {utc(end)} UTC"

    def path(self, number: int) -> PricePath:
        spare = len(self.prices) // STEPS_PER_HOUR - self.window
        hour = spare * number // (self.count - 1) if self.count > 1 else 0
        first, length = hour * STEPS_PER_HOUR, self.window * STEPS_PER_HOUR
        prices = self.prices[first : first + length]
        return PricePath(f"path {number}", self.start + hour * HOUR, prices)


def read_slices(
    file: Path, first: date | None, last: date | None, window: int, count: int
) -> Slices:
    """Slices of the days from `first` to `last`, both included, or as far as the file goes."""
    if first is not None and last is not None and first > last:
        raise UserError(f"empty range: --from {first} is after --to {last}")
    candles = read_candles(file)
    begins, ends = min(candles), max(candles) + HOUR
    start = begins if first is None else midnight(first)
    stop = ends if last is None else midnight(last) + DAY
    if not begins <= start < stop <= ends:
        wanted = f"{first or 'the beginning'} to {last or 'the end'}"
        raise UserError(f"{file}: has prices from {utc(begins)} to {utc(ends)} UTC, not {wanted}")
    hours = (stop - start) // HOUR
    if window > hours:
        raise UserError(f"--window {window} is longer than the {hours} hours of prices chosen")
    prices = walk([candles[at] for at in range(start, stop, HOUR)])
    return Slices(file.name, start, prices, window, count)


def crowd_seed(seed: int, number: int) -> int:
    """What the people of a path act on. Independent of its prices."""
    return int(_seeds(seed, number)[1].generate_state(1, np.uint64)[0])


def draw(regime: Regime, steps: int, rng: np.random.Generator) -> tuple[int, ...]:
    """A path of `steps` prices that begins at `FIRST_PRICE`. Rounded to the nearest unit."""
    moves, year = steps - 1, STEPS_PER_YEAR
    trend = (regime.drift - regime.volatility**2 / 2) / year
    noise = regime.volatility / year**0.5 * rng.standard_normal(moves)
    jumps = rng.poisson(regime.jumps / year, moves)
    deviation = regime.jump_deviation * np.sqrt(jumps)
    jumped = jumps * regime.jump_mean + deviation * rng.standard_normal(moves)
    logs = np.concatenate(([0.0], np.cumsum(trend + noise + jumped)))
    within = np.clip(logs, -np.log(FIRST_PRICE), np.log(HIGHEST_PRICE / FIRST_PRICE))
    prices = np.rint(FIRST_PRICE * np.exp(within)).astype(np.int64)
    return tuple(prices.tolist())


def _seeds(seed: int, number: int) -> list[np.random.SeedSequence]:
    """For the prices and for the people of a path."""
    return np.random.SeedSequence(seed, spawn_key=(number,)).spawn(2)
