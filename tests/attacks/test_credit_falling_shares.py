"""Attack: an account borrows against shares of the LP vault, and another of the same attacker takes
the vault's money as a trader; or it lets the other one's losses raise what the shares count.

What traders are winning lowers shares at once, before they take it; what they are losing raises
them only once it is paid. So the lender sees the fall as it happens, and nothing can be borrowed
against a loss that is never paid. At one price nothing is gained: shares lose what the vault pays.
"""

import pytest

from prep.credit.actions import ALL, borrow, reduce, trade, withdraw
from tests.attacks.till import LIQUIDATE, check_books, liquidate, price, refusal, refused, wallet
from tests.credit import BITCOIN, PREP, SHARES
from tests.suite import WAD

DEPOSIT = 400_000 * WAD
DEBT = 199_000 * WAD
"""The maximum is half of what the shares are worth."""


@pytest.fixture
def shares(credit, attacker):
    return credit.funded(attacker, shares=DEPOSIT)


@pytest.fixture
def winner(credit, accomplice):
    """The attacker's trader, long 60 bitcoin."""
    account = credit.funded(accomplice, prep=150_000 * WAD)
    credit.act(accomplice, account, trade(BITCOIN, 60 * WAD))
    return account


def test_health__own_trader_is_winning__shares_fall_before_he_takes_it(
    credit, attacker, accomplice, shares, winner, one_block
):
    before = price(credit, SHARES)
    credit.set_market_price(BITCOIN, 15_000)
    fallen = price(credit, SHARES)
    assert fallen < before
    credit.act(accomplice, winner, reduce(BITCOIN, -60 * WAD), withdraw(PREP, ALL))
    # Taking it changes nothing any more but for roundings.
    assert 0 <= price(credit, SHARES) - fallen <= 1
    check_books(credit)


def test_borrow__own_trader_is_winning__not_against_what_the_shares_were(
    credit, attacker, shares, winner
):
    credit.set_market_price(BITCOIN, 15_000)
    assert (
        refused(credit, attacker, shares, borrow(PREP, DEBT), withdraw(PREP, ALL))[0]
        == "AccountUnhealthy"
    )
    credit.set_market_price(BITCOIN, 10_000)
    credit.act(attacker, shares, borrow(PREP, DEBT), withdraw(PREP, ALL))


def test_borrow__own_trader_is_losing__not_against_what_he_has_not_paid(
    credit, attacker, shares, winner
):
    """The price of a share is the same; only when he pays does it rise."""
    before = price(credit, SHARES)
    credit.set_market_price(BITCOIN, 9_000)
    assert price(credit, SHARES) == before
    more = 201_000 * WAD
    assert (
        refused(credit, attacker, shares, borrow(PREP, more), withdraw(PREP, ALL))[0]
        == "AccountUnhealthy"
    )


def test_borrow__own_trader_has_paid__against_what_is_there(
    credit, attacker, accomplice, shares, winner
):
    """The control: 60,000 have come into the vault."""
    before = price(credit, SHARES)
    credit.set_market_price(BITCOIN, 9_000)
    credit.act(accomplice, winner, reduce(BITCOIN, -60 * WAD))
    assert price(credit, SHARES) > before
    credit.act(attacker, shares, borrow(PREP, 201_000 * WAD), withdraw(PREP, ALL))


def test_liquidate__vault_has_lost_to_the_own_trader__lenders_are_paid(
    credit, attacker, accomplice, liquidator, shares, winner
):
    """A third of the vault's money is won by the trader; shares are seized for the debt in full,
    for the threshold of 70 % leaves that much. What is lost is lost by who holds shares."""
    credit.act(attacker, shares, borrow(PREP, DEBT), withdraw(PREP, ALL))
    lenders = credit.lending[PREP].totalAssets()
    credit.set_market_price(BITCOIN, 16_500)
    args = (shares, PREP, SHARES, 10**30)
    error = refusal(credit, liquidator, credit.manager, LIQUIDATE, *args)
    assert error[0] == "AccountHealthy", "a fall of 28 % is within the threshold's margin"
    credit.set_market_price(BITCOIN, 17_500)
    credit.give(liquidator, PREP, 10**6 * WAD)
    _, _, repaid, seized, bonus, bad_debt = liquidate(credit, liquidator, *args)
    assert bad_debt == 0
    assert seized * price(credit, SHARES) // WAD <= repaid + repaid * bonus // WAD
    health = credit.health(shares, True)
    assert health.equity >= health.required
    assert credit.lending[PREP].totalAssets() >= lenders
    check_books(credit)


def test_trade__both_sides_oneself_at_one_price__shares_and_traders_sum_to_nothing(
    credit, attacker, accomplice, shares, winner, one_block
):
    """M6: one account long, one short, and half of the shares: whatever the price has done, shares
    lose what the pair has gained, and that is nothing."""
    short = credit.funded(accomplice, prep=150_000 * WAD)
    credit.act(accomplice, short, trade(BITCOIN, -60 * WAD))
    before = price(credit, SHARES)
    credit.set_market_price(BITCOIN, 11_500)
    assert price(credit, SHARES) == before, "what one wins the other loses"
    credit.act(accomplice, winner, reduce(BITCOIN, ALL))
    credit.act(accomplice, short, reduce(BITCOIN, ALL))
    assert price(credit, SHARES) == before
    credit.act(accomplice, winner, withdraw(PREP, ALL))
    credit.act(accomplice, short, withdraw(PREP, ALL))
    assert wallet(credit, accomplice, PREP) == 300_000 * WAD
    check_books(credit)
