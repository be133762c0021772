"""What positions win and lose: credited in PREP, paid out of PREP, and borrowed where that is not
enough."""

import pytest

from prep.credit.actions import ALL, borrow, deposit, reduce, trade, withdraw
from tests.credit import ETHER, PREP, SOL, USD, WETH
from tests.suite import WAD, ZERO_ADDRESS
from tests.unit.books import both_sides, sign
from tests.unit.credit.acting import acted, drain, holdings, market_ids, refused, set_ltv, wallet
from tests.unit.credit.trading import SOL_UNIT, closing, fill, opening_fee

LOSS = 10 * WAD
"""Of one SOL that moves by ten dollars against its owner."""


def moved(credit, is_long, dollars):
    """SOL moves against a position of this side."""
    credit.set_market_price(SOL, 100 - sign(is_long) * dollars)


@pytest.fixture(params=[True, False], ids=["long", "short"])
def is_long(request):
    return request.param


def loser(credit, owner, is_long, **amounts):
    """An account whose SOL has lost ten dollars."""
    account = credit.funded(owner, weth=WAD, **amounts)
    credit.act(owner, account, trade(SOL, sign(is_long) * SOL_UNIT))
    moved(credit, is_long, 10)
    return account


@pytest.mark.parametrize("prep", [0, 1, LOSS - 1, LOSS, LOSS + 1])
def test_settle__loss__prep_first_and_the_rest_is_borrowed(credit, trader, is_long, prep):
    account = loser(credit, trader, is_long, **({"prep": prep} if prep else {}))
    vault = credit.lending[PREP]
    idle, custody = vault.idle(), wallet(credit, PREP, credit.manager)
    logs = acted(credit, trader, account, reduce(SOL, ALL))
    paid, owed = min(prep, LOSS), max(0, LOSS - prep)
    want = [("BalanceChanged", account, PREP, -paid, prep - paid)] if paid else []
    want += [("DebtChanged", account, PREP, owed, owed)] if owed else []
    assert logs == want
    of_prep = {PREP: (prep - paid, owed)} if prep - paid or owed else {}
    assert holdings(credit, account) == of_prep | {WETH: (WAD, 0)}
    assert vault.idle() == idle - owed
    assert wallet(credit, PREP, credit.manager) == custody - paid


def test_settle__gain__credited_beside_a_debt(credit, trader, is_long):
    account = credit.funded(trader, weth=WAD)
    credit.act(trader, account, borrow(PREP, 5 * WAD), withdraw(PREP, 5 * WAD))
    credit.act(trader, account, trade(SOL, sign(is_long) * SOL_UNIT))
    moved(credit, is_long, -10)
    logs = acted(credit, trader, account, reduce(SOL, ALL))
    assert logs == [("BalanceChanged", account, PREP, LOSS, LOSS)]
    assert holdings(credit, account)[PREP] == (LOSS, 5 * WAD)


@pytest.mark.parametrize("how", ["liquidity", "cap"])
def test_settle__lenders_can_lend_all_but_a_unit__refused(credit, trader, is_long, how):
    account = loser(credit, trader, is_long, prep=4 * WAD)
    needed = LOSS - 4 * WAD

    def lend(amount):
        if how == "cap":
            vault = credit.lending[PREP]
            vault.setBorrowCap(credit.manager, amount, sender=credit.suite.risk_manager)
        else:
            drain(credit, PREP, leave=amount)

    lend(needed)
    other = credit.funded(trader, weth=WAD)
    credit.act(trader, other, borrow(PREP, 1), withdraw(PREP, 1))
    assert refused(credit, trader, account, reduce(SOL, ALL)) == (
        0,
        ("CannotBorrow", PREP, needed, needed - 1),
    )
    credit.give(trader, PREP, 1)
    credit.act(trader, account, deposit(PREP, 1), reduce(SOL, ALL))
    assert holdings(credit, account) == {PREP: (0, needed - 1), WETH: (WAD, 0)}


def test_settle__prep_cannot_be_borrowed_at_all__refused(credit, trader, is_long):
    account = loser(credit, trader, is_long)
    set_ltv(credit, PREP, 10_000, 10_000, lendingVault=ZERO_ADDRESS)
    assert refused(credit, trader, account, reduce(SOL, ALL)) == (
        0,
        ("CannotBorrow", PREP, LOSS, 0),
    )


@both_sides
def test_settle__opening_fee_without_prep__borrowed(credit, trader, is_long):
    account = credit.funded(trader, usd=10_000 * 10**6)
    size = sign(is_long) * WAD
    logs = acted(credit, trader, account, trade(ETHER, size))
    paid = opening_fee(size)
    assert logs == [("DebtChanged", account, PREP, paid, paid)]
    assert holdings(credit, account) == {PREP: (0, paid), USD: (10**10, 0)}


def test_settle__growing_a_losing_position__its_loss_is_realised(credit, trader, is_long):
    """Every order settles the whole position."""
    account = loser(credit, trader, is_long)
    logs = acted(credit, trader, account, trade(SOL, sign(is_long) * SOL_UNIT))
    assert logs == [("DebtChanged", account, PREP, LOSS, LOSS)]
    assert credit.size(account, SOL) == sign(is_long) * 2 * SOL_UNIT


def test_settle__loss_of_one_market_paid_by_the_gain_of_another(credit, trader, is_long):
    """In one list, the gain first."""
    account = credit.funded(trader, weth=10 * WAD)
    size = sign(is_long) * WAD
    credit.act(trader, account, trade(SOL, 40 * sign(is_long) * SOL_UNIT), trade(ETHER, -size))
    owed = opening_fee(-size)
    moved(credit, is_long, -10)
    gain = 40 * LOSS
    loss = closing(-size, fill(-size), -size)
    assert loss < 0
    logs = acted(credit, trader, account, reduce(SOL, ALL), reduce(ETHER, ALL))
    assert logs == [
        ("BalanceChanged", account, PREP, gain, gain),
        ("BalanceChanged", account, PREP, loss, gain + loss),
    ]
    assert holdings(credit, account)[PREP] == (gain + loss, owed)
    assert market_ids(credit, account) == ()
