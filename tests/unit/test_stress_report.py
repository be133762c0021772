"""What many paths say together, and the report of it."""

import json
from dataclasses import asdict, replace

import pytest
from plotly.offline import get_plotlyjs

from prep.errors import UserError
from prep.model import UNLIMITED, WAD
from prep.page import prepare
from prep.stress import figures
from prep.stress.paths import REGIMES, MadeUp
from prep.stress.report import Result, render, to_json, write
from prep.stress.results import Outcome, quantile, summary
from prep.stress.text import headline, rows
from tests.unit.pages import Page
from tests.unit.stress import FREE

CHARTS = ("prices", "lp_profit", "profit_by_price", "worst_ratio", "losses", "counts")


def outcome(number, **values):
    standard = Outcome(
        number=number,
        start=None,
        first_price=10_000,
        last_price=10_000 + 100 * number,
        lowest_price=9_000,
        highest_price=12_000,
        liquidity=1_000 * WAD,
        lp_profit=-number * WAD,
        traders_profit=number * WAD,
        keeper_profit=0,
        protocol_fees=0,
        unpaid=0,
        bad_debt=0,
        rewards_from_vault=0,
        worst_ratio=2 * WAD,
        worst_ratio_kept=3 * WAD,
        steps_below_target=0,
        liquidations=number,
        deleverages=0,
        most_open_interest=0,
        done={"openPositionWithSize": 3},
        rejected={"increasePosition: LeverageTooHigh": 2},
        violations=(),
    )
    return replace(standard, **values)


@pytest.fixture
def result():
    """Five paths; on the last one nearly everything went wrong."""
    outcomes = [outcome(number) for number in range(4)]
    outcomes[0] = replace(outcomes[0], worst_ratio=UNLIMITED, worst_ratio_kept=UNLIMITED)
    outcomes.append(
        outcome(
            4,
            lp_profit=-900 * WAD,
            bad_debt=12 * WAD,
            unpaid=7 * WAD,
            worst_ratio=WAD // 2,
            worst_ratio_kept=WAD,
            steps_below_target=6,
            deleverages=11,
        )
    )
    options = {"paths": "5", "seed": "1"}
    return Result(MadeUp(REGIMES["normal"], 48, 1), FREE, options, outcomes)


@pytest.mark.parametrize(
    "percent, expected", [(0, 1), (5, 1), (6, 2), (50, 10), (51, 11), (95, 19), (96, 20), (100, 20)]
)
def test_quantile__twenty_values__is_the_least_that_so_many_do_not_exceed(percent, expected):
    assert quantile(list(range(20, 0, -1)), percent) == expected


def test_quantile__one_value__is_it():
    assert [quantile([7], percent) for percent in (0, 50, 100)] == [7, 7, 7]


def test_summary__five_paths__sorts_each_metric_by_itself(result):
    found = summary(result.outcomes)

    assert found["lp_profit"] == {0: -900 * WAD, 5: -900 * WAD, 50: -2 * WAD, 95: 0, 100: 0}
    assert found["lp_return"][0] == -9 * WAD // 10
    assert found["worst_ratio"][0] == WAD // 2
    assert found["worst_ratio"][100] == UNLIMITED
    assert found["price_change"][50] == WAD * 2 // 100
    assert found["seconds_below_target"][100] == 5_400
    assert found["deleverages"] == {0: 0, 5: 0, 50: 0, 95: 11, 100: 11}


def test_rows__five_paths__are_readable(result):
    found = {label: values for label, *values in rows(result.outcomes)}

    assert found["LP profit, PREP"] == ["-900", "-900", "-2", "0", "0"]
    assert found["LP profit of the first liquidity"][0] == "-90.0 %"
    assert found["BTC price, first to last"] == ["+0.0 %", "+0.0 %", "+2.0 %", "+4.0 %", "+4.0 %"]
    assert found["Worst CR, after a price change"] == ["0.50", "0.50", "2.00", "∞", "∞"]
    assert found["Hours below the target"][-1] == "1.50"


def test_headline__five_paths__counts_what_happened_on_how_many(result):
    found = {label: (value, remark) for label, value, remark in headline(result.outcomes)}

    assert found == {
        "LPs lost money": ("4 of 5", "at worst -900 PREP, on path 4"),
        "Bad debt": ("1 of 5", "at worst 12 PREP"),
        "Below the target for a while": ("1 of 5", "after the keeper had done what it could"),
        "Deleveraged": ("1 of 5", "11 positions in all"),
        "Liquidated": ("4 of 5", "10 times in all"),
        "Vault could not pay": ("1 of 5", "at worst 7 PREP"),
    }


def test_to_json__any_result__has_every_number_of_every_path(result):
    content = json.loads(json.dumps(to_json(result)))

    assert [path["number"] for path in content["paths"]] == ["0", "1", "2", "3", "4"]
    assert content["paths"][0].keys() == asdict(result.outcomes[0]).keys()
    assert content["paths"][4]["lp_profit"] == str(-900 * WAD)
    assert content["paths"][0]["worst_ratio"] is None
    assert content["paths"][1]["rejected"] == {"increasePosition: LeverageTooHigh": "2"}
    assert content["summary"]["worst_ratio"]["100 %"] is None
    assert content["summary"]["lp_profit"]["50 %"] == str(-2 * WAD)
    assert content["options"] == {"paths": "5", "seed": "1"}
    assert content["setting"]["reserve_basis"] == "difference"
    assert content["setting"]["config"]["borrow_rate"] == str(WAD * 15 // 100)


def test_render__any_result__shows_all_charts_and_asks_no_server(result):
    page = render(result)

    parsed = Page(page)
    ids = [a["id"] for tag, a in parsed.elements if tag == "div" and "id" in a]
    assert ids == [f"chart-{name}" for name in CHARTS]
    assert [a for _, a in parsed.elements if {"src", "href", "srcset", "action"} & a.keys()] == []
    assert page.count(get_plotlyjs()) == 1
    assert "http" not in page.replace(get_plotlyjs(), "")
    for cell in ("-900", "4 of 5", "LeverageTooHigh", "10", "Path"):
        assert cell in parsed.text, cell
    assert any(
        "500,000 PREP\nwith a target collateralization ratio of 1.25" in t for t in parsed.text
    )
    assert render(result) == page


def test_render__nothing_refused__says_so(result):
    outcomes = [replace(outcome, rejected={}) for outcome in result.outcomes]

    assert "Nothing." in Page(render(replace(result, outcomes=outcomes))).text


def test_prices__paths_of_a_seed__spread_around_their_median(result):
    figure = figures.prices(result.source, result.outcomes)

    times = figure.data[0].x
    assert (times[0], times[-1]) == (0, 47.75)
    curves = [trace.y for trace in figure.data]
    least, most, low, high, quarter, three, median = curves
    assert [curve[0] for curve in curves] == [0] * 7
    ordered = zip(least, low, quarter, median, three, high, most, strict=True)
    assert all(list(values) == sorted(values) for values in ordered)
    ends = [result.source.path(number).prices for number in range(5)]
    assert most[-1] == round(max(100 * (path[-1] / path[0] - 1) for path in ends), 3)


def test_worst_ratio__paths_that_owe_nothing__count_in_the_share_but_are_not_drawn(result):
    figure = figures.worst_ratio(result.outcomes, FREE.target)

    changed, kept = figure.data
    assert (list(changed.x), list(changed.y)) == ([0.5, 2, 2, 2], [20, 40, 60, 80])
    assert list(kept.x) == [1, 3, 3, 3]


def test_profit_by_price__target_missed__is_another_colour(result):
    held, missed = figures.profit_by_price(result.outcomes, FREE.target).data

    assert (list(missed.x), list(missed.y), list(missed.text)) == ([4], [-900], ["path 4"])
    assert list(held.y) == [0, -1, -2, -3]


def test_losses__unpaid__are_drawn_where_there_are_any(result):
    bad_debt, unpaid = figures.losses(result.outcomes).data

    assert list(bad_debt.y) == [0, 0, 0, 0, 12]
    assert (list(unpaid.x), list(unpaid.y)) == ([4], [7])


def test_write__folder__gets_page_and_numbers(result, tmp_path):
    page, numbers = write(result, tmp_path / "new")

    assert page.read_text(encoding="utf-8") == render(result)
    assert json.loads(numbers.read_text(encoding="utf-8")) == to_json(result)


def test_prepare__not_a_folder__is_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match="file cannot be written: File exists"):
        prepare(tmp_path / "file")
