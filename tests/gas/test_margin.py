"""Gas of asset-backed positions, of all and without the swap."""

import pytest

from prep.margin.data import Order, Payout
from tests.exchange import FOREVER
from tests.gas.ceilings import MARGIN
from tests.gas.margin import PAIRS, Day, live, use_feed
from tests.gas.test_snapshot import compare
from tests.margin_suite import SIDES, create_margin_suite


@pytest.fixture(scope="module")
def margin(project, accounts):
    """By an account that deploys nothing else: addresses, and with them which token of a pool is
    the first, are always the same."""
    return create_margin_suite(project, list(accounts)[::-1])


def order_of(position, is_long):
    """That any price fulfils."""
    terms = {"take_profit": is_long, "quote_amount": 0, "base_amount": 1, "min_payout": 0}
    trader = position.trader
    return Order(
        id=position.id, trader=trader, signer=trader, payout=Payout.TOKEN, expiry=FOREVER, **terms
    )


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("name", SIDES)
def test_gas__asset_backed__as_committed(margin, project, trader, other_trader, name, kind):
    side, pair = margin.sides[name], PAIRS[kind]
    feed = use_feed(margin, project, pair) if kind == "check price" else None
    gas = live(Day(margin, side, pair, feed, trader, other_trader), order_of)
    section = f"margin, {name}, {kind}"
    totals = {action: each.total for action, each in gas.items()}
    many, one = (totals[f"record interest, {n}"] for n in ("10 positions", "one position"))
    totals["record interest, each further"] = (many - one) // 9
    compare(section, totals)
    swaps = {action: each.swap for action, each in gas.items() if each.swap}
    compare(f"{section}, of the swap", swaps)
    over = {
        action: gas[action].rest for action, ceiling in MARGIN.items() if gas[action].rest > ceiling
    }
    assert not over, f"above the ceilings: {over}"
