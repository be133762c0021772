"""Price paths for the demonstration: from a file of hourly candles, or made up from a seed.

A price is an integer at the feed's decimals, read digit by digit from the text: no float is ever
between a file and the chain.
"""

import csv
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

from prep.errors import UserError

FEED_DECIMALS = 8
HOUR = 3_600
DAY = 24 * HOUR
STEPS_PER_HOUR = 4
STEP_SECONDS = HOUR // STEPS_PER_HOUR
DEFAULT_HOURS = 48
MAX_HOURS = 14 * 24

_COLUMNS = ("timestamp", "open", "high", "low", "close")
_DECIMAL = re.compile(r"(\d{1,20})(?:\.(\d{1,20}))?", re.ASCII)
_SECONDS = re.compile(r"\d{1,11}", re.ASCII)


@dataclass(frozen=True)
class Candle:
    """One hour of prices, in units of the feed."""

    open: int
    high: int
    low: int
    close: int

    def steps(self) -> tuple[int, int, int, int]:
        """The four prices in the order in which the hour visits them.

        A candle does not say whether its high or its low came first. Low first when it closed at
        or above its open, high first otherwise, is the shorter way through all four: it claims no
        more movement than the candle proves, and still reaches both ends, where positions are
        liquidated.
        """
        if self.close >= self.open:
            return self.open, self.low, self.high, self.close
        return self.open, self.high, self.low, self.close


@dataclass(frozen=True)
class PricePath:
    """What the oracle will say, one price each `STEP_SECONDS`.

    `start` is the time of the first price in Unix seconds, `None` for a made-up path; `notes` is
    what the user should know about how it was chosen.
    """

    source: str
    start: int | None
    prices: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @property
    def hours(self) -> int:
        return len(self.prices) // STEPS_PER_HOUR


# ------------------------------------------------------------------------------------------- files


def read_path(
    file: Path, first: date | None = None, last: date | None = None, hours: int | None = None
) -> PricePath:
    """The prices of a file from `first` to `last`, whole days of UTC, both included.

    Without `last`: `hours` from `first` on, or from the file's beginning. Every row is checked,
    those outside the range too.
    """
    if last is not None and first is None:
        raise UserError("--to needs --from")
    if last is not None and hours is not None:
        raise UserError("--to and --hours exclude each other")
    if first is not None and last is not None and first > last:
        raise UserError(f"empty range: --from {first} is after --to {last}")

    candles = read_candles(file)
    begins, ends = min(candles), max(candles) + HOUR
    start = begins if first is None else midnight(first)
    if last is not None:
        wanted, stop = f"from {first} to {last}", midnight(last) + DAY
    else:
        length = DEFAULT_HOURS if hours is None else hours
        wanted, stop = f"for {length} hours from {first or 'the beginning'}", start + length * HOUR
        if hours is None and start < ends:
            stop = min(stop, ends)
    if not begins <= start < stop <= ends:
        covered = f"has prices from {utc(begins)} to {utc(ends)} UTC"
        raise UserError(f"{file}: {covered}, not {wanted}")
    length = (stop - start) // HOUR
    if length > MAX_HOURS:
        raise UserError(f"{length} hours of prices are too many, the most is {MAX_HOURS}")
    notes = () if first else (f"no --from given: the first {length} hours of {file.name}",)
    chosen = [candles[at] for at in range(start, stop, HOUR)]
    return PricePath(file.name, start, walk(chosen), notes)


def read_candles(file: Path) -> dict[int, Candle]:
    """All hours of a file by their Unix seconds, ascending and without gaps."""
    candles = dict(_candles(file))
    if not candles:
        raise UserError(f"{file}: no prices, only a header")
    return candles


def _candles(file: Path) -> Iterator[tuple[int, Candle]]:
    """All rows of a file, each an hour after the one before."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{file}: not a text file in UTF-8") from None

    reader = csv.DictReader(text.splitlines(), strict=True)
    before: int | None = None
    try:
        header = list(reader.fieldnames or ())
        if wrong := [name for name in _COLUMNS if header.count(name) != 1]:
            raise UserError(f"{file}:1: not exactly one column {', '.join(wrong)}")
        for row in reader:
            where = f"{file}:{reader.line_num}"
            at, candle = _parse(row, where)
            if before is not None and at != before + HOUR:
                raise UserError(f"{where}: {_misplaced(at, before)}")
            before = at
            yield at, candle
    except csv.Error as error:
        raise UserError(f"{file}:{reader.reader.line_num}: {error}") from None


def _misplaced(at: int, before: int) -> str:
    if at == before:
        return f"timestamp {at} appears twice"
    if at < before:
        return f"timestamp {at} comes after {before}: rows must be sorted by time"
    return f"timestamp {at} is {at - before} seconds after the row before, not {HOUR}"


def _parse(row: dict[str, str], where: str) -> tuple[int, Candle]:
    # A row that is too long has its rest under the key None, one that is too short has values None.
    if None in row or None in row.values():
        raise UserError(f"{where}: not as many fields as the header has")
    at = row["timestamp"].strip()
    if not _SECONDS.fullmatch(at) or int(at) % HOUR:
        raise UserError(f"{where}: timestamp {at!r} is not a full hour in Unix seconds")
    candle = Candle(*(parse_price(row[name], f"{where}: {name}") for name in _COLUMNS[1:]))
    if candle.low > candle.high:
        raise UserError(f"{where}: low {row['low']} is above high {row['high']}")
    for name, price in (("open", candle.open), ("close", candle.close)):
        if not candle.low <= price <= candle.high:
            raise UserError(f"{where}: {name} {row[name]} is not between low and high")
    return int(at), candle


def parse_price(text: str, where: str) -> int:
    """`text`, a positive decimal number of dollars, in units of the feed; exact or refused."""
    match = _DECIMAL.fullmatch(text.strip())
    if match is None:
        raise UserError(f"{where} {text!r} is not a decimal number")
    whole, fraction = match[1], (match[2] or "").rstrip("0")
    if len(fraction) > FEED_DECIMALS:
        raise UserError(f"{where} {text} has more than {FEED_DECIMALS} decimals")
    price = int(whole + fraction.ljust(FEED_DECIMALS, "0"))
    if price == 0:
        raise UserError(f"{where} is zero")
    return price


def midnight(day: date) -> int:
    """The day's beginning in UTC, Unix seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def utc(seconds: int) -> str:
    """A moment in Unix seconds, to the minute."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def walk(candles: Sequence[Candle]) -> tuple[int, ...]:
    """Their prices in order, one each `STEP_SECONDS`."""
    return tuple(price for candle in candles for price in candle.steps())


# --------------------------------------------------------------------------------------- made up

_MILLION = 1_000_000
_FIRST_PRICE = 8_000 * 10**FEED_DECIMALS
_LARGEST_MOVE = 150_000


@dataclass(frozen=True)
class _Phase:
    """A part of the path. Rates are millionths of the price, per hour."""

    until: int  # share of the path, forty-eighths
    drift: int
    noise: int  # largest deviation of an hour's close from the drift
    jumps: tuple[int, ...] = ()


# The shape of 12 and 13 March 2020: a nervous night, a first break, the collapse with its
# rebounds, and a day of wide swings that wins a part of it back.
_CRASH = (
    _Phase(until=10, drift=-4_000, noise=9_000),
    _Phase(until=20, drift=-3_000, noise=15_000, jumps=(-130_000,)),
    _Phase(until=28, drift=-8_000, noise=30_000, jumps=(-140_000, -100_000, -70_000, 90_000)),
    _Phase(until=48, drift=4_000, noise=35_000, jumps=(80_000, -70_000)),
)


def synthetic_path(seed: int, hours: int = DEFAULT_HOURS) -> PricePath:
    """A crash made up from a seed: the same integers on every machine."""
    rng = random.Random(seed)
    candles = []
    price = _FIRST_PRICE
    bounds = [0, *(-(-hours * phase.until // 48) for phase in _CRASH)]
    for phase, (begin, end) in zip(_CRASH, pairwise(bounds), strict=True):
        length = end - begin
        jumpy = rng.sample(range(length), min(length, len(phase.jumps)))
        jumps = dict(zip(jumpy, phase.jumps, strict=False))
        for hour in range(length):
            move = phase.drift + rng.randint(-phase.noise, phase.noise) + jumps.get(hour, 0)
            move = max(-_LARGEST_MOVE, min(_LARGEST_MOVE, move))
            candle = _candle(rng, price, move, phase.noise)
            candles.append(candle)
            price = candle.close
    return PricePath(f"made up from seed {seed}", None, walk(candles))


def _candle(rng: random.Random, price: int, move: int, noise: int) -> Candle:
    """An hour that moves by `move` millionths and overshoots by up to `noise` on either side."""
    close = price * (_MILLION + move) // _MILLION
    high = max(price, close) * (_MILLION + rng.randint(0, noise)) // _MILLION
    low = min(price, close) * (_MILLION - rng.randint(0, noise)) // _MILLION
    return Candle(price, high, low, close)
