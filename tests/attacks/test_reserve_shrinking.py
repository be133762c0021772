"""Attack: an LP who must leave the reserve behind takes the other side of the market for a moment,
so that there is nothing to hold a reserve for, withdraws, and closes again.

With reserves by the difference of the sides this works, as documented; deployments that choose the
larger side are safe from it.
"""

import pytest

from tests.attacks.assets import dollars

NOTIONAL = dollars(2_000_000)
RESERVE = NOTIONAL * 15 // 100

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(scope="session")
def suites(create_suite, attacker, accomplice, trader):
    """By whether reserves follow the larger side. The attacker is the only LP."""
    result = {}
    for by_larger_side in (False, True):
        suite = create_suite(by_larger_side=by_larger_side)
        suite.provide(attacker, dollars(1_000_000))
        suite.open(trader, dollars(200_000), NOTIONAL, True)
        suite.give_collateral(accomplice, dollars(200_000))
        result[by_larger_side] = suite
    return result


def test_withdraw__reserve_by_difference__other_side_frees_it(suites, attacker, accomplice):
    suite = suites[False]
    assert suite.vault.maxWithdraw(attacker) == dollars(1_000_000) - RESERVE, "V4"
    suite.protocol.openPositionWithSize(NOTIONAL, False, sender=accomplice)
    assert suite.protocol.liquidityReservesToHold() == 0
    assert suite.vault.maxWithdraw(attacker) == dollars(1_000_000), "V4"
    suite.vault.withdraw(dollars(1_000_000), sender=attacker)
    suite.protocol.closePosition(sender=accomplice)
    # The known weakness: the trader's position has nothing behind it.
    assert suite.protocol.liquidityReservesToHold() == RESERVE
    assert suite.protocol.liquidity() == 0


def test_withdraw__reserve_by_larger_side__other_side_frees_nothing(
    suites, attacker, accomplice, reverts
):
    suite = suites[True]
    free = dollars(1_000_000) - RESERVE
    assert suite.vault.maxWithdraw(attacker) == free, "V4"
    suite.protocol.openPositionWithSize(NOTIONAL, False, sender=accomplice)
    assert suite.vault.maxWithdraw(attacker) == free, "V4: the reserve was shrunk"
    with reverts(suite.vault.ERC4626ExceededMaxWithdraw, owner=attacker, assets=free + 1, max=free):
        suite.vault.withdraw(free + 1, sender=attacker)
    suite.vault.withdraw(free, sender=attacker)
    suite.protocol.closePosition(sender=accomplice)
    assert suite.protocol.liquidity() == RESERVE == suite.protocol.liquidityReservesToHold(), "V4"


def test_withdraw__by_larger_side_own_side_closed__only_own_reserve_freed(
    suites, attacker, accomplice
):
    """Taking and leaving the larger side itself frees what was tied up for it, and no more."""
    suite = suites[True]
    suite.protocol.openPositionWithSize(NOTIONAL // 2, True, sender=accomplice)
    held = dollars(1_000_000) - RESERVE * 3 // 2
    assert suite.vault.maxWithdraw(attacker) == held, "V4"
    suite.protocol.closePosition(sender=accomplice)
    assert suite.vault.maxWithdraw(attacker) == dollars(1_000_000) - RESERVE, "V4"


@pytest.mark.parametrize("by_larger_side", [False, True])
@pytest.mark.parametrize("price", [9_900, 10_500])
def test_withdraw__everything_free__profit_still_payable(
    suites, attacker, trader, by_larger_side, price
):
    """Unrealised profit is reserved in full on top, so what is left pays it at once."""
    suite = suites[by_larger_side]
    suite.set_price(price)
    suite.vault.withdraw(suite.vault.maxWithdraw(attacker), sender=attacker)
    unrealised = suite.lens.position(trader).unrealised
    pnl = unrealised.pricePnl
    assert pnl == NOTIONAL * (price - 10_000) // 10_000
    reserved = suite.protocol.liquidity()
    assert reserved == max(0, RESERVE + pnl), "V4"
    suite.protocol.closePosition(sender=trader)
    assert suite.protocol.liquidity() == reserved - pnl - unrealised.borrowingFee, "M2"
