"""Numbers as people read them: exact, and visibly cut where they are cut."""

import pytest

from prep.display import percent, ratio, units
from prep.model.fixed import UNLIMITED

WAD = 10**18


@pytest.mark.parametrize(
    "value, decimals, text",
    [
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (-1, 18, "-0.000000000000000001"),
        (1_234_567 * WAD + 5 * 10**17, 18, "1,234,567.5"),
        (-1_000 * WAD, 18, "-1,000"),
        (123456789, 0, "123,456,789"),
        (2**128, 18, "340,282,366,920,938,463,463.374607431768211456"),
    ],
)
def test_units__all_digits__are_exact(value, decimals, text):
    assert units(value, decimals) == text


@pytest.mark.parametrize(
    "value, places, text",
    [
        (1_990_000_000_000_000_000, 2, "1.99"),
        (1_999_999_999_999_999_999, 2, "1.99…"),
        (-1_999_999_999_999_999_999, 2, "-1.99…"),
        (1, 2, "0.00…"),
        (-1, 0, "-0…"),
        (WAD, 2, "1"),
    ],
)
def test_units__cut_off__toward_zero_and_marked(value, places, text):
    assert units(value, places=places) == text


def test_percent_and_ratio__wad():
    assert percent(15 * WAD // 100) == "15 %"
    assert percent(WAD // 3, 2) == "33.33… %"
    assert percent(-WAD // 2) == "-50 %"
    assert ratio(30 * WAD + 1, 2) == "30.00…x"
    assert ratio(UNLIMITED) == "∞"
