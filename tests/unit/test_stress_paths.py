"""Price paths of stress tests: drawn from a seed, or cut from a file."""

from datetime import date
from itertools import pairwise
from math import exp, log, sqrt

import numpy as np
import pytest

from prep.demo.prices import HOUR, STEPS_PER_HOUR, read_path
from prep.errors import UserError
from prep.stress.paths import (
    FIRST_PRICE,
    HIGHEST_PRICE,
    REGIMES,
    STEPS_PER_YEAR,
    MadeUp,
    Regime,
    crowd_seed,
    draw,
    read_slices,
)

STILL = Regime(drift=0, volatility=0, jumps=0, jump_mean=0, jump_deviation=0)
MIDNIGHT = 1_583_971_200
"""12 March 2020."""


def ends(regime, steps, count):
    """The logarithms of the last over the first price."""
    rng = np.random.default_rng(5)
    return [log(draw(regime, steps, rng)[-1] / FIRST_PRICE) for _ in range(count)]


# ---------------------------------------------------------------------------------------- made up


@pytest.mark.parametrize("regime", REGIMES.values(), ids=REGIMES)
def test_path__same_seed_and_number__is_the_same(regime):
    paths = [MadeUp(regime, 24, 3).path(number) for number in range(4)]

    assert [MadeUp(regime, 24, 3).path(number) for number in reversed(range(4))] == paths[::-1]
    assert len({path.prices for path in paths}) == 4
    assert MadeUp(regime, 24, 4).path(0).prices != paths[0].prices


@pytest.mark.parametrize("regime", REGIMES.values(), ids=REGIMES)
def test_path__any_regime__is_positive_integers_from_the_first_price(regime):
    path = MadeUp(regime, 48, 1).path(7)

    assert path.hours == 48
    assert path.prices[0] == FIRST_PRICE
    assert all(type(price) is int and 0 < price <= HIGHEST_PRICE for price in path.prices)
    assert path.start is None


def test_crowd_seed__seed_and_number__decide_it():
    seeds = [crowd_seed(seed, number) for seed in range(3) for number in range(3)]

    assert seeds == [crowd_seed(seed, number) for seed in range(3) for number in range(3)]
    assert len(set(seeds)) == 9


def test_draw__nothing_moves__stays_at_the_first_price():
    assert draw(STILL, 5, np.random.default_rng(1)) == (FIRST_PRICE,) * 5


def test_draw__drift_alone__grows_by_it_in_a_year():
    prices = draw(STILL.changed(0.5, None), STEPS_PER_YEAR + 1, np.random.default_rng(1))

    assert prices[-1] == pytest.approx(FIRST_PRICE * exp(0.5), rel=1e-9)
    assert all(before < after for before, after in pairwise(prices))


def test_draw__volatility__has_its_moments():
    regime, steps, count = STILL.changed(0.6, 1.6), STEPS_PER_YEAR // 12 + 1, 900

    found = ends(regime, steps, count)

    mean, deviation = (0.6 - 1.6**2 / 2) / 12, 1.6 / sqrt(12)
    assert abs(np.mean(found) - mean) < 4 * deviation / sqrt(count)
    assert np.std(found) == pytest.approx(deviation, rel=0.1)


def test_draw__jumps_alone__are_as_many_as_expected_and_of_their_size():
    regime = Regime(drift=0, volatility=0, jumps=900, jump_mean=-0.08, jump_deviation=0)
    steps, count = 48 * STEPS_PER_HOUR, 400

    found = [end / -0.08 for end in ends(regime, steps, count)]

    assert all(jumps == pytest.approx(round(jumps), abs=1e-6) for jumps in found)
    expected = 900 * (steps - 1) / STEPS_PER_YEAR
    assert abs(np.mean(found) - expected) < 4 * sqrt(expected / count)
    assert np.var(found) == pytest.approx(expected, rel=0.25)


def test_draw__jumps_that_differ__have_their_deviation():
    regime = Regime(drift=0, volatility=0, jumps=900, jump_mean=0, jump_deviation=0.05)
    steps = 48 * STEPS_PER_HOUR

    found = ends(regime, steps, 400)

    expected = 0.05 * sqrt(900 * (steps - 1) / STEPS_PER_YEAR)
    assert np.std(found) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("drift, reached", [(20, HIGHEST_PRICE), (-20, 1)])
def test_draw__beyond_all_bounds__ends_at_them(drift, reached):
    regime = STILL.changed(drift, 20)
    prices = draw(regime, 10 * STEPS_PER_YEAR // 20, np.random.default_rng(1))
    steady = draw(STILL.changed(2 * drift, 0), STEPS_PER_YEAR, np.random.default_rng(1))

    assert min(prices) >= 1
    assert max(prices) <= HIGHEST_PRICE
    assert abs(steady[-1] - reached) <= reached // 10**9


# ------------------------------------------------------------------------------------------- file


@pytest.fixture
def file(tmp_path):
    """Four days of hours, each with prices of its own."""
    rows = [f"{MIDNIGHT + i * HOUR},{1000 + i},{1002 + i},{998 + i},{1001 + i}" for i in range(96)]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(["timestamp,open,high,low,close", *rows]) + "\n")
    return path


def test_read_slices__several__spread_evenly_over_the_days(file):
    slices = read_slices(file, date(2020, 3, 12), date(2020, 3, 14), 24, 5)

    paths = [slices.path(number) for number in range(5)]
    assert [(path.start - MIDNIGHT) // HOUR for path in paths] == [0, 12, 24, 36, 48]
    assert paths[2].prices == read_path(file, date(2020, 3, 13), date(2020, 3, 13)).prices
    assert all(path.hours == 24 for path in paths)


def test_read_slices__one__is_the_first(file):
    path = read_slices(file, date(2020, 3, 14), None, 30, 1).path(0)

    assert path.start == MIDNIGHT + 48 * HOUR
    assert path.prices == read_path(file, date(2020, 3, 14), hours=30).prices


def test_read_slices__more_than_beginnings__share_them(file):
    slices = read_slices(file, None, None, 94, 6)

    starts = [(slices.path(number).start - MIDNIGHT) // HOUR for number in range(6)]
    assert starts == [0, 0, 0, 1, 1, 2]


def test_read_slices__whole_range__is_always_the_same(file):
    slices = read_slices(file, None, date(2020, 3, 15), 96, 3)

    assert [slices.path(number).start for number in range(3)] == [MIDNIGHT] * 3


@pytest.mark.parametrize(
    "first, last, window, message",
    [
        ("2020-03-14", "2020-03-13", 24, "empty range: --from 2020-03-14 is after --to 2020-03-13"),
        ("2020-03-13", "2020-03-13", 25, "--window 25 is longer than the 24 hours of prices"),
        (None, None, 97, "--window 97 is longer than the 96 hours of prices chosen"),
        ("2020-03-11", None, 24, "2020-03-12 00:00 to 2020-03-16 00:00 UTC, not 2020-03-11 to the"),
        (None, "2020-03-16", 24, "not the beginning to 2020-03-16"),
    ],
)
def test_read_slices__not_in_the_file__is_refused(file, first, last, window, message):
    days = [day and date.fromisoformat(day) for day in (first, last)]

    with pytest.raises(UserError, match=message):
        read_slices(file, *days, window, 3)


def test_read_slices__no_file__is_refused(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_slices(tmp_path / "none.csv", None, None, 24, 1)
