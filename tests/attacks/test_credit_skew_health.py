"""Attack: an account's health is read while another of the same attacker, or of somebody who wants
to liquidate it, has moved the skew, and moves it back in the same block.

What lets an account do more counts the lower of two prices, one of which is the oracle's, and what
acts against it the higher one: moving the skew gets neither above the oracle's price nor below it.
And the round trip gains nothing (M6).
"""

import pytest

from prep.credit.actions import ALL, encode, reduce, trade, withdraw
from prep.node import Reverted
from tests.attacks.till import LIQUIDATE, check_books, later, refusal, refused, wallet
from tests.credit import ETHER, ETHER_MARKET, EXECUTE, PREP
from tests.suite import WAD

FUNDS = 60_000 * WAD
SIZE = 60 * WAD
PUSH = 120 * WAD

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(params=[1, -1], ids=["long", "short"])
def side(request):
    return request.param


@pytest.fixture
def account(credit, attacker, side):
    account = credit.funded(attacker, prep=FUNDS)
    credit.act(attacker, account, trade(ETHER, side * SIZE))
    later(credit, 1)
    return account


@pytest.fixture
def pusher(credit, accomplice):
    return credit.funded(accomplice, prep=10 * FUNDS)


def at_oracle(credit, account):
    """Equity and what is required with the position at the bare oracle price, as it may act."""
    call = "marginEquity(address,uint256,uint256)", credit.manager.address, account, ETHER
    _, _, _, pnl = credit.node.read((credit.suite.protocol.address, *call))[0]
    health = credit.health(account)
    return health.collateral + pnl - health.debt, health.required


def fee_on_impact():
    """A 300th of the position's value at the premium of the push; and the price of closing is
    rounded for each of two readings, twice."""
    impact = SIZE * 2_000 * PUSH // ETHER_MARKET["skewScale"]
    return impact * ETHER_MARKET["closingFeeRate"] // WAD + 4 * SIZE // WAD


def most(credit, who, account):
    """What may be withdrawn, by bisection: the last amount that is not refused."""
    low, high = 0, FUNDS
    while low < high:
        middle = (low + high + 1) // 2
        if withdrawable(credit, who, account, middle):
            low = middle
        else:
            high = middle - 1
    return low


def withdrawable(credit, who, account, amount):
    call = who.address, credit.manager.address, EXECUTE, account, encode([withdraw(PREP, amount)])
    try:
        credit.node.simulate(*call)
    except Reverted:
        return False
    return True


@pytest.mark.parametrize("push", [1, -1], ids=["towards-long", "towards-short"])
def test_withdraw__skew_pushed_by_another_account__not_above_the_oracle_price(
    credit, attacker, accomplice, account, pusher, push, side
):
    credit.act(accomplice, pusher, trade(ETHER, push * PUSH))
    amount = most(credit, attacker, account)
    equity, required = at_oracle(credit, account)
    assert amount <= equity - required
    credit.act(attacker, account, withdraw(PREP, amount))
    credit.act(accomplice, pusher, reduce(ETHER, ALL))
    # Whatever the price of closing is now, at the oracle's the account has what it needs, but for
    # the closing fee on what the push moved that price.
    equity, required = at_oracle(credit, account)
    assert equity >= required - fee_on_impact()
    args = (account, PREP, PREP, 10**30)
    error = refusal(credit, accomplice, credit.manager, LIQUIDATE, *args)
    assert error[0] == "AccountHealthy"


@pytest.mark.parametrize("push", [1, -1], ids=["towards-long", "towards-short"])
def test_liquidate__skew_pushed_against_a_victim__still_healthy(
    credit, attacker, accomplice, account, pusher, push, side
):
    """The victim has taken out all that he could."""
    credit.act(attacker, account, withdraw(PREP, most(credit, attacker, account)))
    credit.act(accomplice, pusher, trade(ETHER, push * PUSH))
    args = (account, PREP, PREP, 10**30)
    error = refusal(credit, accomplice, credit.manager, LIQUIDATE, *args)
    assert error[0] == "AccountHealthy"


def test_liquidate__oracle_price_against_a_victim__not_healthy(credit, attacker, account, side):
    """The control: at another oracle price the same account can be liquidated."""
    credit.act(attacker, account, withdraw(PREP, most(credit, attacker, account)))
    credit.set_market_price(ETHER, 2_000 - side * 200)
    health = credit.health(account, True)
    assert health.equity < health.required


@pytest.mark.parametrize("push", [1, -1], ids=["towards-long", "towards-short"])
def test_withdraw__and_round_trip_in_one_block__gains_nothing(
    credit, attacker, accomplice, account, pusher, push, side
):
    """Both end flat: fees aside they have what they had."""
    credit.act(accomplice, pusher, trade(ETHER, push * PUSH))
    credit.act(attacker, account, withdraw(PREP, most(credit, attacker, account)))
    credit.act(accomplice, pusher, reduce(ETHER, ALL))
    credit.act(attacker, account, reduce(ETHER, ALL))
    total = sum(wallet(credit, who, PREP) for who in (attacker, accomplice))
    total += sum(credit.balance(a, PREP) - credit.debt(a, PREP) for a in (account, pusher))
    assert total < 11 * FUNDS
    check_books(credit)


def test_withdraw__skew_pushed_against_it__refused_above_the_lower_price(
    credit, attacker, accomplice, account, pusher, side
):
    """The control: the price of closing counts where it is the lower one."""
    credit.act(accomplice, pusher, trade(ETHER, -side * PUSH))
    equity, required = at_oracle(credit, account)
    amount = most(credit, attacker, account)
    assert amount < equity - required
    assert refused(credit, attacker, account, withdraw(PREP, amount + 1))[0] == "AccountUnhealthy"
