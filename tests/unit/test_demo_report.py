"""The report of the demonstration: complete, exact, and readable without a network."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from plotly.offline import get_plotlyjs

from prep.demo.checks import Check
from prep.demo.credit_outcome import CreditReading
from prep.demo.credit_text import events, headlines, summary
from prep.demo.figures import most_at_risk
from prep.demo.margin_text import closings, traders
from prep.demo.prices import PricePath
from prep.demo.report import TEMPLATE, render, to_json, write
from prep.demo.text import amount, headline, moment
from prep.errors import UserError
from tests.unit.demo_outcome import (
    CASH_FLOW,
    CREDIT,
    LIQUIDATION,
    MARGIN,
    OUTCOME,
    PRICES,
    WAD,
)
from tests.unit.pages import Page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def outcome():
    return OUTCOME


def test_render__any_outcome__asks_no_server_for_anything(outcome):
    page = render(outcome)

    elements = Page(page).elements
    assert [a for _, a in elements if {"src", "href", "srcset", "action"} & a.keys()] == []
    assert {tag for tag, _ in elements} & {"link", "iframe", "img", "object", "base"} == set()
    assert page.count(get_plotlyjs()) == 1
    own = page.replace(get_plotlyjs(), "")
    assert "http" not in own
    assert "@import" not in own
    assert "url(" not in own


def test_render__all_charts__are_drawn_with_titles_on_their_axes(outcome):
    page = render(outcome).replace(get_plotlyjs(), "")

    ids = [a["id"] for tag, a in Page(page).elements if tag == "div" and "id" in a]
    charts = ("price", "open_interest", "leverage", "lp_share", "vault", "standing", "lending")
    charts += ("backed",)
    assert ids == [f"chart-{name}" for name in charts]
    for title in ("BTC price, $", "Open interest, PREP", "Open positions", "PREP per share"):
        assert f'"title":{{"text":"{title}"}}' in page
    assert page.count('"title":{"text":"Time, UTC"}') == len(charts)
    assert "[8000.0,6000.0,7000.0,6500.0]" in page


def test_render__numbers__are_on_the_page(outcome):
    text = Page(render(outcome)).text

    for cell in (
        "12 Mar 12:15",
        "$6,000.00",
        "24,000",
        "16,000",
        "120.00",
        "50.00",
        "345.00",
        "12.00",
        "LeverageTooHigh",
        "+300.00",
        "-3,544.00",
        "1,345.00",
        "-207.00",
        "Every unit of every token is accounted for.",
        "stop-loss filled, take-profit cancelled",
        "+20.00",
        "-500.00",
        "0.12",
        "take-profit executed",
        "400.00 PREP",
        "3.000000 WETH",
        "still open, worth 30 PREP",
        "-260.00",
    ):
        assert cell in text, cell
    for label, value, remark in headlines(outcome):
        position = text.index(label)
        assert value in text[position:]
        assert remark in text[position:]


def test_render__names_from_outside__are_escaped(outcome):
    page = render(outcome)

    assert "<b>prices" not in page
    assert "<td>stops &lt;early&gt;</td>" in page
    assert "<td>Trader &lt;1&gt;</td>" in page
    assert "<td>Trader <1></td>" not in page
    assert "<td>long &lt;fast&gt;</td>" in page


def test_render__twice__is_the_same_page(outcome):
    assert render(outcome) == render(outcome)


def test_render__money_missing__says_how_much(outcome):
    wrong = replace(outcome, checks=(*outcome.checks, Check("M3", "Sum", 0, -3)))
    text = Page(render(wrong)).text

    assert "3 base units of tokens are not where they should be." in text
    assert "Every unit of every token is accounted for." not in text


def test_render__nothing_liquidated__has_an_empty_table(outcome):
    assert "None." not in Page(render(outcome)).text
    assert "None." in Page(render(replace(outcome, liquidations=()))).text
    assert "None." in Page(render(replace(outcome, margin=replace(MARGIN, closings=())))).text


def test_render__nothing_happened_to_accounts__has_an_empty_table(outcome):
    quiet = replace(CREDIT, orders=(), liquidations=())

    assert "None." in Page(render(replace(outcome, credit=quiet))).text


def test_events__orders_and_liquidations__are_in_order_of_time(outcome):
    assert events(outcome) == [
        (
            "12 Mar 12:15",
            "$6,000.00",
            "Borrower",
            (
                "liquidated: positions worth 700 PREP closed; 300.00 PREP of debt repaid for "
                "2.25 WETH, bonus 5.0 %; 5.00 PREP written off"
            ),
        ),
        ("12 Mar 12:30", "$7,000.00", "Stopper", "stop-loss filled at $6,999.00"),
        ("12 Mar 12:30", "$7,000.00", "Stopper", "take-profit cancelled"),
    ]


def test_events__liquidation_without_payment__says_so(outcome):
    nothing = replace(LIQUIDATION, closed=0, repaid=0, seized=0, bad_debt=0)
    quiet = replace(outcome, credit=replace(CREDIT, orders=(), liquidations=((1, nothing),)))

    ((_, _, _, what),) = events(quiet)
    assert what == "liquidated: debts paid from its own balances"


def test_summary__everybody__says_what_happened():
    assert [summary(CREDIT, who) for who in CREDIT.participants] == [
        "stop-loss filled, take-profit cancelled",
        "limit order never filled, liquidated",
        "-",
    ]
    twice = replace(CREDIT, waiting=(), liquidations=2 * CREDIT.liquidations)
    assert summary(twice, CREDIT.participants[1]) == "liquidated 2 times"


def test_headlines__credit__comes_before_whether_it_adds_up(outcome):
    assert headlines(outcome) == [
        *headline(outcome)[:-1],
        ("Credit accounts", "2", "1 liquidated, 300 PREP of debt repaid for collateral"),
        ("Orders", "1 filled", "1 cancelled, 1 still waiting"),
        ("PREP lent", "5.0 % a year at most", "interest 4 PREP, losses 5 PREP"),
        ("Asset-backed", "3 positions", "1 take-profit executed, 1 liquidated, 1 still open"),
        ("Their interest", "6.60 PREP", "5.00 PREP, 0.010000 WETH"),
        ("Their bad debt", "20.00 PREP", "liquidators got 6.00 PREP"),
        headline(outcome)[-1],
    ]


def test_traders__everybody__is_told_with_the_result(outcome):
    assert traders(MARGIN) == [
        (
            *("Long", "long <fast>", "long", "WBTC/PREP", "take-profit executed", "2.5x"),
            *("6,600.00", "6,750.00", "+150.00"),
        ),
        (
            *("Short", "short", "short", "WETH/PREP", "liquidated", "4.0x"),
            *("300.00", "40.00", "-260.00"),
        ),
        (
            *("Open", "waits", "long", "WETH/PREP", "still open, worth 30 PREP", "1.0x"),
            *("0.00", "0.00", "+30.00"),
        ),
        (
            *("Nobody", "is refused", "long", "WETH/PREP", "never opened", "1.0x"),
            *("0.00", "0.00", "0.00"),
        ),
    ]


def test_closings__each__says_who_got_what(outcome):
    assert closings(outcome) == [
        (
            *("12 Mar 12:15", "$6,000.00", "Long", "a part closed"),
            *("400.00 PREP", "2.00 PREP", "1.00", "-", "50.00"),
        ),
        (
            *("12 Mar 12:30", "$7,000.00", "Short", "liquidated"),
            *("3.000000 WETH", "-", "6.00", "0.125000 WETH", "0.00"),
        ),
        (
            *("12 Mar 12:45", "$6,500.00", "Long", "take-profit executed"),
            *("200.00 PREP", "3.00 PREP", "0.50", "-", "6,700.00"),
        ),
    ]


def test_headlines__no_asset_backed_positions__says_so(outcome):
    nobody = replace(MARGIN, participants=MARGIN.participants[3:], closings=(), interest={})
    quiet = replace(outcome, margin=nobody)

    assert headlines(quiet)[-4:-2] == [
        ("Asset-backed", "0 positions", "-"),
        ("Their interest", "0.00 PREP", "none"),
    ]


def test_most_at_risk__account__was_liquidated_or_came_nearest():
    assert most_at_risk(CREDIT) == 2
    close = (CreditReading(((9, 8), (3, 0)), 0, 0), CreditReading(((9, 0), (4, 0)), 0, 0))
    assert most_at_risk(replace(CREDIT, samples=close, liquidations=())) == 1


def test_headline__outcome__is_computed_exactly(outcome):
    values = {label: (value, remark) for label, value, remark in headline(outcome)}

    assert values == {
        "BTC": ("$6,500.00", "-18.8 %, between $6,000.00 and $8,000.00"),
        "Trades": ("3", "by 2 traders, 4 rejected"),
        "Liquidations": ("1", "8,000 PREP of notional"),
        "Keeper rewards": ("120 PREP", "50 of it from the vault"),
        "Fees": ("10 PREP", "4 of it to the protocol"),
        "Bad debt": ("12 PREP", "losses beyond collateral, borne by LPs"),
        "LP share price": ("1.3000 PREP", "+30.0 % from 1.0000"),
        "LP profit": ("290 PREP", "LP 1: 300, LP 2: -10"),
        "Unexplained money": ("0", "base units: it adds up exactly"),
    }


def test_moment__made_up_path__counts_hours(outcome):
    path = PricePath("made up", None, PRICES * 30)

    assert moment(replace(outcome, path=path), 110) == "27:30"
    assert "Hours since the start" in render(replace(outcome, path=PricePath("x", None, PRICES)))


def test_amount__large__loses_no_digit():
    assert amount(123_456_789_012_345_678, 18) == "0.123456789012345678"
    assert amount(-1_234_567 * WAD - WAD // 2, 2) == "-1,234,567.50"


def leaves(value):
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return [value]
    return [leaf for item in value for leaf in leaves(item)]


def test_to_json__every_number__is_an_exact_string(outcome):
    content = json.loads(json.dumps(to_json(outcome)))

    assert {type(leaf) for leaf in leaves(content)} == {str, bool, type(None)}
    assert content["summary"] == {
        "traders": "2",
        "trades": "3",
        "liquidations": "1",
        "keeper_rewards": str(120 * WAD + 7),
        "fees": str(10 * WAD + 1),
        "protocol_fees": str(4 * WAD),
        "bad_debt": str(12 * WAD),
        "lp_profit": str(290 * WAD),
        "unexplained": "0",
    }
    assert content["steps"][1] == {
        "answer": str(6_000 * 10**8),
        "price": str(6_000 * WAD),
        "long_oi": str(3 * WAD),
        "short_oi": str(WAD),
        "skew": str(2 * WAD),
        "positions": "2",
        "leverages": [str(3 * WAD), str(12 * WAD + 5)],
        "liquidity": str(1_000 * WAD + 1),
        "reserves": str(17 * WAD),
        "lower_value": str(1_100 * WAD + 1),
        "upper_value": str(1_100 * WAD + 2),
        "share_price_lower": [str(1_100 * WAD + 2), str(10**27 + 10**6)],
        "share_price_upper": [str(1_100 * WAD + 3), str(10**27 + 10**6)],
        "bad_debt": str(12 * WAD),
    }
    assert content["liquidations"] == [
        {
            "step": "1",
            "position": "1",
            "trader": "Trader <1>",
            "is_long": True,
            "notional": str(24_000 * WAD),
            "left": str(16_000 * WAD),
            "reward": str(120 * WAD + 7),
            "from_vault": str(50 * WAD),
            "collateral": str(345 * WAD),
            "bad_debt": str(12 * WAD),
        }
    ]
    assert content["participants"][1]["profit"] == str(300 * WAD)
    credit = content["credit"]
    assert [p["result"] for p in credit["participants"]] == [
        str(20 * WAD + 7),
        str(-500 * WAD),
        str(3 * WAD),
    ]
    assert credit["orders"][1] == {
        "step": "2",
        "account": "1",
        "order": "stop-loss",
        "how": "filled",
        "price": str(6_999 * WAD),
    }
    assert credit["waiting"] == [{"account": "2", "order": "limit order"}]
    assert credit["liquidations"][0]["repaid"] == str(300 * WAD + 1)
    assert credit["lent"]["WETH"] == {"interest": "0", "losses": "0"}
    assert credit["steps"][1] == {
        "standings": [[str(50 * WAD), str(9 * WAD)], [str(5 * WAD), str(7 * WAD)]],
        "utilisation": str(WAD // 2),
        "rate": str(WAD // 20),
    }
    margin = content["margin"]
    assert [(p["result"], p["ending"], p["open"]) for p in margin["participants"]] == [
        (str(150 * WAD - 1), "order", None),
        (str(-260 * WAD), "liquidated", None),
        (str(30 * WAD - 7), None, str(30 * WAD)),
        ("0", None, None),
    ]
    assert margin["participants"][0]["paid"] == {"PREP": str(100 * WAD + 1), "WBTC": str(10**8)}
    assert margin["closings"][1] == {
        "step": "2",
        "trader": "Short",
        "how": "liquidated",
        "whole": True,
        "payout": "0",
        "interest": "0",
        "principal": str(3 * WAD),
        "fee": str(6 * WAD),
        "bad_debt": str(WAD // 8),
    }
    assert margin["interest"] == {"PREP": str(5 * WAD), "WETH": str(WAD // 100)}
    assert margin["bad_debt"] == {"PREP": "0", "WETH": str(WAD // 8)}
    assert (margin["fees"], margin["rewards"]) == (str(WAD * 3 // 2), str(6 * WAD))
    assert margin["steps"][1] == [None, str(5 * WAD), None, None]
    assert content["cash_flow"] == {name: str(value) for name, value in CASH_FLOW.items()}


def test_write__folder__gets_both_files(outcome, tmp_path):
    page, numbers = write(outcome, tmp_path / "new" / "folder")

    assert page.read_text() == render(outcome)
    assert json.loads(numbers.read_text()) == to_json(outcome)


def test_write__folder_that_is_a_file__is_refused(outcome, tmp_path):
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(UserError, match=r"file: the report cannot be written: File exists$"):
        write(outcome, file)


def test_write__template_missing__is_not_blamed_on_the_folder(outcome, tmp_path, monkeypatch):
    monkeypatch.setattr("prep.demo.report.TEMPLATE", tmp_path / "template.html")

    with pytest.raises(FileNotFoundError, match=r"template\.html"):
        write(outcome, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_package__files_that_are_no_code__are_in_it():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data = settings["tool"]["setuptools"]["package-data"]
    listed = {
        path
        for package, patterns in data.items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }

    files = (path for path in (ROOT / "prep").rglob("*") if path.is_file())
    assert listed == {path for path in files if path.suffix not in (".py", ".pyc")}
    assert TEMPLATE in listed
