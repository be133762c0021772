"""Arithmetic of a statement, without a chain, and the tables it is shown in."""

from dataclasses import replace

import pytest
from rich.console import Console

from prep.credit.statement import AssetLine, OrderLine, PositionLine, Statement, nearest
from prep.credit.tables import show
from prep.model.config import MarketConfig
from prep.model.credit_config import MarketLtv
from prep.model.credit_results import Order, OrderTerms
from prep.model.market import Market
from prep.model.position import Position
from prep.model.window import Condition, OrderState

WAD = 10**18
NOW = 1_700_000_000
FULL = MarketLtv(10_000, 10_000)


def _prep(balance=0, debt=0):
    return AssetLine("PREP", 18, balance, debt, WAD, None, FULL, WAD // 10)


def _line(size, price=100 * WAD, weights=(9_500, 9_700), market_id=0, **config):
    """Of a market that has this position alone, entered at 100."""
    market = Market(MarketConfig(**config), NOW)
    market.long_oi, market.short_oi = max(size, 0), max(-size, 0)
    position = Position(size, 100 * WAD)
    name = f"M{market_id}"
    return PositionLine(market_id, name, 18, position, market, price, None, MarketLtv(*weights))


def _statement(*positions, assets=(), orders=()):
    return Statement(31337, 5, NOW, 3, "0xowner", tuple(assets), tuple(positions), tuple(orders))


# -------------------------------------------------------------------------------- liquidation price


@pytest.mark.parametrize("start, end", [(50, 0), (50, 100), (50, 51), (0, 10**36)])
@pytest.mark.parametrize("part", [0, 1, 3])
def test_nearest__monotone__is_the_first_on_the_way(start, end, part):
    first = start + (end - start) * part // 3
    found = nearest(lambda n: n <= first if end < start else n >= first, start, end)
    assert found == first


@pytest.mark.parametrize("size", [10 * WAD, -10 * WAD])
@pytest.mark.parametrize("collateral", [40 * WAD, 123 * WAD + 7])
def test_liquidation_price__one_position__by_hand(size, collateral):
    statement = _statement(line := _line(size), assets=[_prep(collateral)])
    price = statement.liquidation_price(line)
    # All in units of 10**-18 PREP and 10 assets: equity against three per cent of the value.
    sign = 1 if size > 0 else -1

    def stands_well(at):
        return collateral + sign * 10 * (at - 100 * WAD) >= -(-10 * at * 300 // 10_000)

    assert not stands_well(price)
    assert stands_well(price + sign)
    assert (price < 100 * WAD) == (size > 0)


def test_liquidation_price__other_position__counts_as_it_stands():
    hedge = _line(-10 * WAD, price=110 * WAD, market_id=1)
    alone = _statement(line := _line(10 * WAD), assets=[_prep(200 * WAD)])
    both = _statement(line, hedge, assets=[_prep(200 * WAD)])
    # The hedge has lost 100 and needs 33.
    poorer = _statement(line, assets=[_prep((200 - 100 - 33) * WAD)])
    assert both.liquidation_price(line) == poorer.liquidation_price(line)
    assert both.liquidation_price(line) > alone.liquidation_price(line)


def test_liquidation_price__more_collateral_than_it_can_lose__none():
    # At the lowest price, 1, it is worth 10 units and needs one.
    statement = _statement(line := _line(10 * WAD), assets=[_prep(1_000 * WAD - 9)])
    assert statement.liquidation_price(line) is None
    poorer = _statement(line, assets=[_prep(1_000 * WAD - 10)])
    assert poorer.liquidation_price(line) == 1


def test_liquidation_price__in_danger_already__the_price_of_now():
    statement = _statement(line := _line(10 * WAD), assets=[_prep(29 * WAD)])
    assert statement.liquidatable is True
    assert statement.liquidation_price(line) == 100 * WAD
    rescued = _statement(line, assets=[_prep(30 * WAD)])
    assert rescued.liquidatable is False
    assert rescued.liquidation_price(line) == 100 * WAD - 1


def test_liquidation_price__needs_more_than_it_wins__on_the_other_side():
    # Without weights a long one needs its value; its fee grows with the price, every 100 units.
    line = _line(10 * WAD, weights=(0, 0), closing_fee_rate=WAD // 100)
    statement = _statement(line, assets=[_prep(2_000 * WAD)])
    assert statement.liquidation_price(line) == 10_000 * WAD + 100


def test_liquidation_price__settled_or_unknown_price__none():
    line = _line(10 * WAD)
    settled = replace(line, market=Market(MarketConfig(), NOW))
    settled.market.settle(100 * WAD)
    assert _statement(settled, assets=[_prep(40 * WAD)]).liquidation_price(settled) is None
    unknown = replace(_prep(), name="X", price=None, no_price="AnswerStale()")
    statement = _statement(line, assets=[_prep(40 * WAD), unknown])
    assert statement.liquidation_price(line) is None
    assert statement.missing == ("X: AnswerStale()",)


# ------------------------------------------------------------------------------------------- tables


def _shown(statement):
    """Every table's rows, by their first cells."""
    console = Console(width=250, record=True, file=None)
    with console.capture() as capture:
        show(statement, console)
    lines = capture.get().splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines]
    return "\n".join(lines), {row[0]: row[1:] for row in rows if len(row) >= 2}


def test_show__everything__in_its_cells():
    terms = OrderTerms(Condition.AT_OR_BELOW, 90 * WAD, True, NOW + 60, WAD // 2, 0)
    order = Order(3, 0, -5 * WAD, 80 * WAD, terms, NOW, 9)
    waiting = OrderLine(8, "M0", 18, order, OrderState.WAITING, None)
    usd = AssetLine("USD", 6, 0, 10_000_000, 10**30, None, MarketLtv(8_000, 8_550), None)
    assets = [_prep(123_456 * WAD // 1_000), usd]
    text, rows = _shown(_statement(_line(10 * WAD), assets=assets, orders=[waiting]))
    assert text.startswith("Chain 31337, block 5, 2023-11-14 22:13:20 UTC")
    assert rows["Owner"] == ["0xowner"]
    assert rows["PREP"] == ["123.456", "123.45…", "0", "0", "10 %", "1", "100 / 100 %"]
    assert rows["USD"] == ["0", "0", "10", "10", "-", "1", "80 / 85.5 %"]
    price = "91.57112437…"  # 888.2399… / 9.7
    assert rows["M0"] == ["10", "100", "100", "1,000", "0", "0", "95 / 97 %", price]
    assert rows["8"] == [
        "M0",
        "-5",
        "at or below 90",
        "80",
        "reduce only",
        "2023-11-14 22:14:20 UTC",
        "0.5 PREP",
        "9",
        "waiting",
    ]
    assert rows["Collateral, weighted"] == ["123.456", "123.456"]
    assert rows["Debt, divided by weight"] == ["-12.5", "-11.695906432748538012"]
    assert rows["Equity"] == ["110.956", "111.760093567251461988"]
    assert rows["Required"] == ["50", "30"]
    assert rows["Covered"] == ["1.97…x", "2.96…x"]
    assert "liquidated" not in text


def test_show__in_danger__says_so():
    text, rows = _shown(_statement(_line(10 * WAD), assets=[_prep(29 * WAD)]))
    assert "The account can be liquidated now." in text
    assert rows["M0"][-1] == "now"
    assert rows["Covered"] == ["0.58x", "0.96…x"]


def test_show__no_price__says_what_and_why():
    reason = "AnswerStale(updatedAt=[1], heartbeat=2)"
    line = replace(_line(10 * WAD), price=None, no_price=reason)
    terms = OrderTerms(Condition.ALWAYS, 0, False, NOW, 0, 0)
    order = OrderLine(8, "M0", 18, Order(3, 0, WAD, 0, terms, NOW, 8), None, reason)
    text, rows = _shown(_statement(line, assets=[_prep(WAD)], orders=[order]))
    assert f"No usable price of M0: {reason}" in text
    unknown = "no price"
    assert rows["M0"][2:6] == [unknown] * 4
    assert rows["M0"][-1] == unknown
    assert rows["Equity"] == rows["Covered"] == [unknown, unknown]
    assert rows["8"][2:4] == ["first price", "any"]
    assert rows["8"][-2:] == ["", reason]


def test_show__empty_account__needs_nothing():
    _, rows = _shown(_statement())
    assert rows["Covered"] == ["nothing needed", "nothing needed"]
