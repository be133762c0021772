"""The action Reduce."""

import pytest

from prep.credit.actions import ALL, Action, ActionKind, reduce, trade
from tests.credit import ETHER, PREP, SOL
from tests.suite import WAD
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import acted, market_ids, refused
from tests.unit.credit.trading import SOL_UNIT, closing, configure, fill


@pytest.fixture
def account(credit, trader):
    """A million PREP."""
    return credit.funded(trader, prep=10**6 * WAD)


@both_sides
def test_reduce__part__the_rest_stays_open(credit, trader, account, is_long):
    size = sign(is_long) * 10 * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    least = sign(is_long) * SOL_UNIT // 10
    assert refused(credit, trader, account, reduce(SOL, least - size - sign(is_long))) == (
        0,
        ("PositionTooSmall", 10 * WAD - 10**14, 10 * WAD),
    )
    credit.act(trader, account, reduce(SOL, least - size))
    assert credit.size(account, SOL) == least
    assert market_ids(credit, account) == (SOL,)


@both_sides
@pytest.mark.parametrize("how", ["exact", "more", "all"])
def test_reduce__all_of_it_or_more__flat_and_settled(credit, trader, account, is_long, how):
    size = sign(is_long) * 10 * WAD
    credit.act(trader, account, trade(ETHER, size))
    before = credit.balance(account, PREP)
    amount = {"exact": -size, "more": -3 * size, "all": ALL}[how]
    settled = closing(size, fill(size), size)
    logs = acted(credit, trader, account, reduce(ETHER, amount))
    assert logs == [("BalanceChanged", account, PREP, settled, before + settled)]
    assert market_ids(credit, account) == ()


@both_sides
@pytest.mark.parametrize("how", ["part", "more", "all"])
def test_reduce__limit__at_the_price_of_what_is_closed(credit, trader, account, is_long, how):
    """What is more than the position does not count for the price."""
    s = sign(is_long)
    size = s * 10 * WAD
    credit.act(trader, account, trade(ETHER, size))
    amount = {"part": -size // 2, "more": -5 * size, "all": ALL}[how]
    price = fill(-size // 2 if how == "part" else -size, size)
    wanted = price + s
    assert refused(credit, trader, account, reduce(ETHER, amount, wanted)) == (
        0,
        ("PriceNotAcceptable", price, wanted),
    )
    credit.act(trader, account, reduce(ETHER, amount, price))
    assert credit.size(account, ETHER) == (size - size // 2 if how == "part" else 0)


@both_sides
@pytest.mark.parametrize("amount", [1, SOL_UNIT])
def test_reduce__the_side_of_the_position__refused(credit, trader, account, is_long, amount):
    s = sign(is_long)
    credit.act(trader, account, trade(SOL, s * SOL_UNIT))
    assert refused(credit, trader, account, reduce(SOL, s * amount)) == (
        0,
        ("NotReducible", s * SOL_UNIT, s * amount),
    )


def test_reduce__flat__refused(credit, trader, account):
    assert refused(credit, trader, account, reduce(SOL, -5)) == (0, ("NotReducible", 0, -5))
    assert refused(credit, trader, account, reduce(SOL, ALL)) == (0, ("ZeroAmount",))
    zero = Action(ActionKind.REDUCE, SOL, 0)
    assert refused(credit, trader, account, zero) == (0, ("ZeroAmount",))


def test_reduce__another_account_has_the_position__refused(credit, trader, other_trader, account):
    other = credit.funded(other_trader, prep=1_000 * WAD)
    credit.act(other_trader, other, trade(SOL, SOL_UNIT))
    assert refused(credit, trader, account, reduce(SOL, -1)) == (0, ("NotReducible", 0, -1))


@both_sides
def test_reduce__disabled_market__still_can(credit, trader, account, is_long):
    size = sign(is_long) * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    credit.suite.protocol.disableMarket(SOL, sender=credit.suite.guardian)
    credit.act(trader, account, reduce(SOL, ALL))
    assert market_ids(credit, account) == ()


@both_sides
def test_reduce__settled_market__at_its_last_price(credit, clock, trader, account, is_long):
    configure(credit, SOL, borrowRate=0)
    size = sign(is_long) * SOL_UNIT
    credit.act(trader, account, trade(SOL, size))
    clock.advance(3 * 86_400)
    last = 110 * 10**30
    credit.suite.protocol.settleMarket(SOL, last, sender=credit.suite.admin)
    credit.set_market_price(SOL, 0)
    wanted = last + sign(is_long)
    assert refused(credit, trader, account, reduce(SOL, ALL, wanted)) == (
        0,
        ("PriceNotAcceptable", last, wanted),
    )
    credit.act(trader, account, reduce(SOL, ALL, last))
    assert credit.balance(account, PREP) == (10**6 + sign(is_long) * 10) * WAD
