"""Attack: a liquidator moves the skew against the positions of whom he liquidates, closes them at
that price, and moves it back, all in one block.

What he can take is known in closed form: the victim's size times his own, at the price, over the
skew scale, less his fees. It is taken from whoever can be liquidated anyway, from the lenders only
where he is bankrupt by it; and where fees are above the victim's part of the skew scale it is a
loss.
"""

import pytest

from prep.credit.actions import ALL, reduce, trade
from tests.attacks.till import check_books, later, liquidate, wallet
from tests.credit import ETHER, ETHER_MARKET, PREP, WETH
from tests.suite import WAD

FUNDS = 2_000_000 * WAD
SCALE = ETHER_MARKET["skewScale"]
PRICE = 1_900
PUSH = 400 * WAD
FEES = ETHER_MARKET["openingFeeRate"] + ETHER_MARKET["closingFeeRate"]
"""A thousandth and a 300th of the value: what a round trip costs at least."""


@pytest.fixture(params=[10, 100], ids="{} ether".format)
def size(request):
    return request.param * WAD


@pytest.fixture
def account(credit, victim, liquidator, accomplice, size):
    """Long, and liquidatable since the price has fallen by 5 %."""
    weth = size * 22 // 100
    account = credit.funded(victim, weth=weth)
    credit.act(victim, account, trade(ETHER, size))
    later(credit, 1)
    credit.set_market_price(ETHER, PRICE)
    credit.set_asset_price(WETH, 1_600)
    health = credit.health(account, True)
    assert health.equity < health.required
    credit.give(liquidator, PREP, FUNDS)
    return account


@pytest.fixture
def pusher(credit, attacker, account):
    return credit.funded(attacker, prep=FUNDS)


def closed_at(credit, victim_account, liquidator):
    """What the account has less what it owes, before and after it was closed by somebody else."""
    liquidate(credit, liquidator, victim_account, PREP, WETH, 0)
    assert credit.size(victim_account, ETHER) == 0
    health = credit.health(victim_account, True)
    return health.assets - health.owed


def test_liquidate__between_two_pushes_of_the_skew__at_most_the_impact_of_one_on_the_other(
    credit, attacker, liquidator, account, pusher, size, isolated, one_block
):
    with isolated():
        plain = closed_at(credit, account, liquidator)
    rewards = wallet(credit, liquidator, PREP)
    credit.act(attacker, pusher, trade(ETHER, -PUSH))
    left = closed_at(credit, account, liquidator)
    credit.act(attacker, pusher, reduce(ETHER, ALL))
    gained = credit.balance(pusher, PREP) - credit.debt(pusher, PREP) - FUNDS
    assert wallet(credit, liquidator, PREP) >= rewards

    impact = size * PUSH // SCALE * PRICE
    # Fees are on the prices of the fills: within the premium of both sizes of the oracle's.
    cheapest = PUSH * PRICE * FEES // WAD * (SCALE - PUSH - size) // SCALE
    assert gained <= impact - cheapest
    taken = plain - left
    assert 0 < taken <= impact
    assert gained < taken, "more than the victim has lost"
    # Where the size is below the fees' part of the skew scale, nothing is gained.
    assert (gained > 0) == (size > 31 * WAD)
    check_books(credit)
