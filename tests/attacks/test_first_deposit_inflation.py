"""Attack: a first deposit of next to nothing, then making a share so dear that the next depositor's
money rounds away into the attacker's shares.

Sent tokens are not counted, so the attacker has to make liquidity grow by paying fees. The market
of these tests has the highest opening fee and no reserve, which is all he can wish for.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.attacks.assets import dollars, leave, wealth
from tests.suite import BTC, WAD

VIRTUAL_SHARES = 10**6
FEE_RATE = WAD // 10

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(scope="session")
def empty(create_suite):
    """An empty vault, and a market in which a tenth of a trade's notional is a gift to it."""
    market = BTC | {"openingFeeRate": FEE_RATE, "borrowRate": 0, "reserveFactor": 0}
    return create_suite(market=market | {"minPositionValue": 0})


def grow_liquidity(suite, account, gift):
    """Pays `gift` as an opening fee: it becomes the LPs'."""
    notional = gift * WAD // FEE_RATE
    suite.give_collateral(account, gift + notional)
    suite.protocol.openPositionWithSize(notional, True, sender=account)
    suite.protocol.closePosition(sender=account)


def inflate(suite, attacker, accomplice, victim_lp, first, gift, deposit):
    """The attack. What attacker and victim gained by it."""
    suite.give(attacker, first)
    suite.give(victim_lp, deposit)
    before = wealth(suite, attacker), wealth(suite, victim_lp)
    suite.vault.deposit(first, sender=attacker)
    if gift:
        grow_liquidity(suite, accomplice, gift)
    liquidity = suite.protocol.liquidity()
    supply = suite.vault.totalSupply()
    expected = deposit * (supply + VIRTUAL_SHARES) // (liquidity + 1)
    suite.vault.deposit(deposit, sender=victim_lp)
    assert suite.vault.balanceOf(victim_lp) == expected
    leave(suite, attacker)
    leave(suite, victim_lp)
    after = wealth(suite, attacker), wealth(suite, victim_lp)
    paid = liquidity - first
    return after[0] - before[0] - paid, after[1] - before[1], paid


@pytest.mark.parametrize(
    "first, gift, deposit",
    [
        (1, 0, dollars(1_000)),
        (1, dollars(1_000), dollars(1_000)),
        (1, dollars(1_000_000), dollars(1_000)),
        (1, dollars(1_000_000), dollars(999_999) + 7),
        (10**6, dollars(1_000_000), dollars(3)),
        (dollars(1), dollars(1_000_000), dollars(1_500_000)),
    ],
)
def test_deposit__first_share_made_dear__attacker_loses(
    empty, attacker, accomplice, victim_lp, first, gift, deposit
):
    gained, victim_gained, paid = inflate(
        empty, attacker, accomplice, victim_lp, first, gift, deposit
    )
    # The virtual shares own as much as one wei that was deposited first, and of a gift alike.
    gift_lost = paid // (first + 1)
    assert gained <= min(0, -victim_gained - gift_lost), "V2: the attacker gains"
    assert -victim_gained <= paid // VIRTUAL_SHARES + 2, "V2: more than a share's rounding is lost"


@settings(max_examples=5, deadline=None)
@given(
    first=st.integers(1, 10**20),
    gift=st.just(0) | st.integers(10**6, dollars(10_000_000)),
    deposit=st.integers(dollars(100), dollars(10_000_000)),
)
def test_deposit__any_inflation__attacker_never_gains(
    empty, isolated, attacker, accomplice, victim_lp, first, gift, deposit
):
    with isolated():
        gained, victim_gained, paid = inflate(
            empty, attacker, accomplice, victim_lp, first, gift, deposit
        )
        assert gained <= 0, "V2: the attacker gains"
        assert victim_gained >= -(paid // VIRTUAL_SHARES) - 2, "V2: the victim's money rounds away"


def test_deposit__rounds_to_no_shares__refused(empty, attacker, accomplice, victim_lp, reverts):
    empty.provide(attacker, 1)
    grow_liquidity(empty, accomplice, dollars(1_000_000))
    empty.give(victim_lp, dollars(1))
    # Two million shares, virtual ones included: one is worth half a dollar.
    price = (empty.protocol.liquidity() + 1) // (empty.vault.totalSupply() + VIRTUAL_SHARES)
    with reverts(empty.vault.ZeroAmount):
        empty.vault.deposit(price, sender=victim_lp)
    empty.vault.deposit(price + 1, sender=victim_lp)
    assert empty.vault.balanceOf(victim_lp) == 1


def test_deposit__minimum_of_shares__inflated_share_refused(
    empty, attacker, accomplice, victim_lp, reverts
):
    """Whoever looks before he deposits is not hurt at all."""
    empty.give(victim_lp, dollars(1_000))
    expected = empty.vault.previewDeposit(dollars(1_000))
    empty.provide(attacker, 1)
    grow_liquidity(empty, accomplice, dollars(1_000))
    received = empty.vault.previewDeposit(dollars(1_000))
    with reverts(empty.vault.TooLittleReceived, received=received, min=expected):
        empty.vault.deposit(dollars(1_000), victim_lp, expected, sender=victim_lp)
