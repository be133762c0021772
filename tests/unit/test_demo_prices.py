"""Price paths of the demonstration: what a file may say, how wicks are walked, and seeds."""

import hashlib
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from prep.demo.prices import (
    DEFAULT_HOURS,
    HOUR,
    MAX_HOURS,
    Candle,
    PricePath,
    parse_price,
    read_path,
    synthetic_path,
)
from prep.errors import UserError

MIDNIGHT = 1_583_971_200  # 12 March 2020, UTC
FIRST = date(2020, 3, 12)
HEADER = "timestamp,open,high,low,close"
UNIT = 10**8


@pytest.fixture
def write(tmp_path):
    """A file with these rows below the header."""

    def write(*rows: str, header: str = HEADER) -> Path:
        file = tmp_path / "prices.csv"
        file.write_text("\n".join([header, *rows]) + "\n")
        return file

    return write


def hours(count: int, start: int = MIDNIGHT) -> list[str]:
    """Rows in which the hour `i` has the prices 100 + i, 110 + i, 90 + i and 105 + i."""
    return [f"{start + i * HOUR},{100 + i}.0,{110 + i},{90 + i},{105 + i}.00" for i in range(count)]


# --------------------------------------------------------------------------------------- candles


@pytest.mark.parametrize(
    "candle, expected",
    [
        (Candle(open=10, high=15, low=5, close=12), (10, 5, 15, 12)),
        (Candle(open=10, high=15, low=5, close=10), (10, 5, 15, 10)),
        (Candle(open=10, high=15, low=5, close=9), (10, 15, 5, 9)),
    ],
    ids=["up: low first", "unchanged: low first", "down: high first"],
)
def test_steps__any_candle__visits_both_ends_on_the_shorter_way(candle, expected):
    steps = candle.steps()
    other = (steps[0], steps[2], steps[1], steps[3])

    def length(way):
        return sum(abs(b - a) for a, b in pairwise(way))

    assert steps == expected
    assert length(steps) <= length(other)


# ----------------------------------------------------------------------------------------- prices


@pytest.mark.parametrize(
    "text, expected",
    [
        ("7934.57", 793_457_000_000),
        ("7934", 793_400_000_000),
        ("0.00000001", 1),
        ("123456789012.123456780000", 12_345_678_901_212_345_678),
        (" 1.5 ", 150_000_000),
        ("0.1", 10_000_000),
    ],
)
def test_parse_price__decimal_text__is_exact(text, expected):
    assert parse_price(text, "open") == expected


@pytest.mark.parametrize(
    "text, reason",
    [
        ("1.000000001", "has more than 8 decimals"),
        ("0", "is zero"),
        ("0.00", "is zero"),
        ("-1", "'-1' is not a decimal number"),
        ("1e3", "'1e3' is not a decimal number"),
        ("nan", "'nan' is not a decimal number"),
        ("1,5", "'1,5' is not a decimal number"),
        ("", "'' is not a decimal number"),
        (".5", "'.5' is not a decimal number"),
        ("5.", "'5.' is not a decimal number"),
        ("1_000", "'1_000' is not a decimal number"),
        ("٣", "'٣' is not a decimal number"),
    ],
)
def test_parse_price__anything_else__is_refused(text, reason):
    with pytest.raises(UserError) as refusal:
        parse_price(text, "f.csv:2: open")
    assert refusal.value.message.startswith("f.csv:2: open ")
    assert refusal.value.message.endswith(reason)


# ------------------------------------------------------------------------------------------ files


def test_read_path__two_days__has_their_candles_and_no_others(write):
    file = write(*hours(72, start=MIDNIGHT - 12 * HOUR))

    path = read_path(file, FIRST, date(2020, 3, 13))

    assert path.start == MIDNIGHT
    assert path.hours == 48
    assert path.source == "prices.csv"
    assert path.notes == ()
    # The first hour of the day is the 13th row.
    assert path.prices[:4] == tuple(n * UNIT for n in (112, 102, 122, 117))
    assert path.prices[-4:] == tuple(n * UNIT for n in (159, 149, 169, 164))


def test_read_path__without_dates__takes_the_first_hours_and_says_so(write):
    path = read_path(write(*hours(100)))

    assert (path.start, path.hours) == (MIDNIGHT, DEFAULT_HOURS)
    assert path.notes == ("no --from given: the first 48 hours of prices.csv",)


def test_read_path__short_file__is_taken_whole_unless_more_was_asked_for(write):
    file = write(*hours(5))

    assert read_path(file).hours == 5
    assert read_path(file, FIRST).hours == 5
    assert read_path(file, hours=5).hours == 5
    with pytest.raises(UserError, match=r"not for 6 hours from the beginning$"):
        read_path(file, hours=6)


def test_read_path__from_and_hours__begins_at_midnight(write):
    path = read_path(write(*hours(30, start=MIDNIGHT - HOUR)), FIRST, hours=2)

    assert (path.start, path.hours) == (MIDNIGHT, 2)
    assert path.prices[0] == 101 * UNIT


def test_read_path__extra_columns_blank_lines_and_a_mark__do_not_matter(tmp_path):
    file = tmp_path / "prices.csv"
    rows = f"volume,{HEADER}\n7,{MIDNIGHT},100,110,90,105\n\n8,{MIDNIGHT + HOUR},1,1,1,1\n"
    file.write_bytes(b"\xef\xbb\xbf" + rows.replace("\n", "\r\n").encode())

    assert read_path(file) == PricePath(
        "prices.csv",
        MIDNIGHT,
        tuple(n * UNIT for n in (100, 90, 110, 105, 1, 1, 1, 1)),
        ("no --from given: the first 2 hours of prices.csv",),
    )


@pytest.mark.parametrize(
    "first, last, length, reason",
    [
        (None, FIRST, None, "--to needs --from"),
        (FIRST, FIRST, 3, "--to and --hours exclude each other"),
        (FIRST, date(2020, 3, 11), None, "empty range: --from 2020-03-12 is after --to 2020-03-11"),
        (date(2020, 3, 11), FIRST, None, "not from 2020-03-11 to 2020-03-12"),
        (FIRST, date(2020, 3, 13), None, "not from 2020-03-12 to 2020-03-13"),
        (date(2020, 3, 13), None, None, "not for 48 hours from 2020-03-13"),
        (date(2019, 1, 1), None, 1, "not for 1 hours from 2019-01-01"),
        (FIRST, date(9999, 12, 31), None, "not from 2020-03-12 to 9999-12-31"),
        (date(1, 1, 1), FIRST, None, "not from 0001-01-01 to 2020-03-12"),
    ],
)
def test_read_path__range_that_is_not_covered__is_refused(write, first, last, length, reason):
    file = write(*hours(24))

    with pytest.raises(UserError) as refusal:
        read_path(file, first, last, length)

    assert refusal.value.message.endswith(reason)
    if reason.startswith("not "):
        covered = f"{file}: has prices from 2020-03-12 00:00 to 2020-03-13 00:00 UTC, "
        assert refusal.value.message == covered + reason


def test_read_path__range_beyond_the_limit__is_refused(write):
    file = write(*hours(MAX_HOURS + 24))

    assert read_path(file, FIRST, date(2020, 3, 25)).hours == MAX_HOURS
    with pytest.raises(UserError, match="360 hours of prices are too many, the most is 336"):
        read_path(file, FIRST, date(2020, 3, 26))


GOOD = f"{MIDNIGHT},100,110,90,105"
NEXT = MIDNIGHT + HOUR


@pytest.mark.parametrize(
    "row, reason",
    [
        (f"{NEXT},100,110,90", "not as many fields as the header has"),
        (f"{NEXT},100,110,90,105,1", "not as many fields as the header has"),
        (f"{NEXT},100,110,90,x", "close 'x' is not a decimal number"),
        (f"{NEXT},100,110,0,105", "low is zero"),
        (f"{NEXT},100,90,110,100", "low 110 is above high 90"),
        (f"{NEXT},111,110,90,105", "open 111 is not between low and high"),
        (f"{NEXT},100,110,90,89.99", "close 89.99 is not between low and high"),
        ("2020-03-12,100,110,90,105", "timestamp '2020-03-12' is not a full hour in Unix seconds"),
        (f"{NEXT + 60},1,1,1,1", f"timestamp '{NEXT + 60}' is not a full hour in Unix seconds"),
        (f"-{NEXT},1,1,1,1", f"timestamp '-{NEXT}' is not a full hour in Unix seconds"),
        (f"{NEXT}000,1,1,1,1", f"timestamp '{NEXT}000' is not a full hour in Unix seconds"),
        (GOOD, f"timestamp {MIDNIGHT} appears twice"),
        (
            f"{MIDNIGHT - HOUR},1,1,1,1",
            f"timestamp {MIDNIGHT - HOUR} comes after {MIDNIGHT}: rows must be sorted by time",
        ),
        (
            f"{NEXT + HOUR},1,1,1,1",
            f"timestamp {NEXT + HOUR} is 7200 seconds after the row before, not 3600",
        ),
    ],
)
def test_read_path__bad_row__is_named_with_its_line(write, row, reason):
    file = write(GOOD, row)

    # Outside the range too: a file is either right or not.
    with pytest.raises(UserError) as refusal:
        read_path(file, hours=1)

    assert refusal.value.message == f"{file}:3: {reason}"


@pytest.mark.parametrize(
    "header, missing",
    [
        ("timestamp,open,high,low", "close"),
        ("time,open,high,low,price", "timestamp, close"),
        ("timestamp,open,open,high,low,close", "open"),
        ("", "timestamp, open, high, low, close"),
    ],
)
def test_read_path__wrong_header__names_the_columns(write, header, missing):
    file = write(header=header)

    with pytest.raises(UserError) as refusal:
        read_path(file)

    assert refusal.value.message == f"{file}:1: not exactly one column {missing}"


def test_read_path__unreadable_file__is_refused(tmp_path, write):
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    quote = write(GOOD, f'"{NEXT}"1,1,1,1,1')

    for file, reason in [
        (tmp_path / "none.csv", ": No such file or directory"),
        (tmp_path, ": Is a directory"),
        (binary, ": not a text file in UTF-8"),
        (quote, ":3: ',' expected after '\"'"),
    ]:
        with pytest.raises(UserError) as refusal:
            read_path(file)
        assert refusal.value.message == f"{file}{reason}"


def test_read_path__only_a_header__is_refused(write):
    with pytest.raises(UserError, match=r"prices\.csv: no prices, only a header$"):
        read_path(write())


# ---------------------------------------------------------------------------------------- made up


@pytest.mark.parametrize(
    "seed, length, digest",
    [
        (2, DEFAULT_HOURS, "ef4f179619c8fa30cf1caf58125e9ac0367cf9295409f41b44ca0e1a688bfe12"),
        (7, 6, "0df5967d9955ac2e2a54ea74881041670aa2ee0917f5fdec1b2bc8513b5037be"),
    ],
)
def test_synthetic_path__seed__gives_the_same_integers_everywhere(seed, length, digest):
    path = synthetic_path(seed, length)

    text = ",".join(str(price) for price in path.prices)
    assert hashlib.sha256(text.encode()).hexdigest() == digest
    assert (path.hours, path.start, path.notes) == (length, None, ())


def test_synthetic_path__other_seed__gives_other_prices():
    assert synthetic_path(1).prices != synthetic_path(2).prices


@pytest.mark.parametrize("seed", range(50))
def test_synthetic_path__any_seed__is_a_crash_day(seed):
    prices = synthetic_path(seed).prices
    closes = [prices[0], *prices[3::4]]
    hourly = [abs(b - a) * 1_000 // a for a, b in pairwise(closes)]
    deepest = min(
        closes[j] * 100 // closes[i] for i in range(49) for j in range(i, min(49, i + 25))
    )

    # Within a day it loses two fifths, give or take; an hour moves by at most 15 %, one nearly so.
    assert 45 <= deepest <= 70
    assert 120 <= max(hourly) <= 150
    for i in range(0, len(prices), 4):
        first, second, third, fourth = prices[i : i + 4]
        assert min(second, third) <= min(first, fourth)
        assert max(second, third) >= max(first, fourth)
        assert i == 0 or first == prices[i - 1]


@pytest.mark.parametrize("length", [1, 2, 5, MAX_HOURS])
def test_synthetic_path__any_length__has_four_positive_prices_an_hour(length):
    path = synthetic_path(3, length)

    assert len(path.prices) == 4 * length
    assert min(path.prices) > 0
