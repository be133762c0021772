"""The reserve that an order needs, and profits that the vault cannot pay."""

import pytest

from tests.expected import Totals, execution_price, wmul
from tests.suite import WAD
from tests.unit.books import accrued, audit, both_sides, held, open_position, sign

COLLATERAL = 1_000 * WAD
NOTIONAL = 10_000 * WAD
FACTOR = 15 * WAD // 100
RESERVE = wmul(NOTIONAL, FACTOR)


@pytest.fixture
def market(suite, clock, lp, trader, other_trader):
    """The BTC market with an empty vault; traders and LP have PREP."""
    for account in (lp, trader, other_trader):
        suite.give(account, 1_000_000 * WAD)
    return suite


@both_sides
def test_reserve__as_much_as_liquidity__accepted_and_one_unit_more_not(
    market, lp, trader, reverts, is_long
):
    market.vault.deposit(RESERVE - 1, sender=lp)
    market.protocol.depositCollateral(COLLATERAL, sender=trader)
    values = {"required": RESERVE, "liquidity": RESERVE - 1}
    with reverts(market.protocol.ReservesExceeded, **values):
        market.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)
    market.vault.deposit(1, sender=lp)
    market.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)
    assert market.protocol.liquidityReservesToHold() == RESERVE


@both_sides
@pytest.mark.parametrize("same_side", [True, False])
@pytest.mark.parametrize("change", [300, -2_000])
def test_reserve__others_are_open__theirs_comes_on_top(
    market, lp, trader, other_trader, clock, reverts, is_long, same_side, change
):
    """As it is before the order: one that would shrink it needs its own reserve all the same."""
    market.vault.deposit(2 * RESERVE, sender=lp)
    open_position(market, other_trader, COLLATERAL, NOTIONAL, is_long == same_side)
    market.protocol.depositCollateral(COLLATERAL, sender=trader)
    market.set_price(10_000 + sign(is_long == same_side) * change)
    held_back = max(0, RESERVE + change * WAD)
    required = RESERVE + held_back
    surplus = 2 * RESERVE - required
    if surplus > 0:
        market.vault.withdraw(surplus, sender=lp)
    elif surplus < 0:
        market.vault.deposit(-surplus, sender=lp)
    liquidity = market.protocol.liquidity()
    assert liquidity == required
    price = market.price()
    size = NOTIONAL * WAD // price
    act = market.protocol.openPositionWithToken
    one_more = size + 10**6
    added = wmul(wmul(one_more, price), FACTOR) + held_back
    with reverts(market.protocol.ReservesExceeded, required=added, liquidity=liquidity):
        act(one_more, is_long, sender=trader)
    act(size, is_long, sender=trader)
    audit(market, trader, other_trader)


@both_sides
def test_reserve__increase__needed_for_what_is_added(market, lp, trader, reverts, is_long):
    market.vault.deposit(RESERVE + 150 * WAD, sender=lp)
    open_position(market, trader, COLLATERAL, NOTIONAL, is_long)
    values = {"required": RESERVE + 150 * WAD + 1_500, "liquidity": RESERVE + 150 * WAD}
    with reverts(market.protocol.ReservesExceeded, **values):
        market.protocol.increasePosition(1_000 * WAD + 10_000, sender=trader)
    market.protocol.increasePosition(1_000 * WAD, sender=trader)


@both_sides
def test_reserve__market_with_skew__of_the_notional_at_the_execution_price(
    full, lp, trader, other_trader, clock, reverts, is_long
):
    other = open_position(full, other_trader, 20_000 * WAD, 100_000 * WAD, is_long)
    now = accrued(full, clock.advance(3_600))
    size = sign(is_long) * 30 * WAD
    price, scale = full.price(), full.market["skewScale"]
    fill = execution_price(price, scale, other.size, other.size + size)
    totals = Totals.of([other], has_skew=True)
    seq, funding = totals.seq_pnl(price, scale), totals.funding(now.funding.index)
    required = wmul(abs(wmul(size, fill)), FACTOR) + totals.reserves(FACTOR, seq, funding)
    full.vault.withdraw(full.protocol.liquidity() - required + 1, sender=lp)
    full.protocol.depositCollateral(100_000 * WAD, sender=trader)
    values = {"required": required, "liquidity": required - 1}
    with reverts(full.protocol.ReservesExceeded, **values):
        full.protocol.openPositionWithToken(abs(size), is_long, sender=trader)
    full.vault.deposit(1, sender=lp)
    full.protocol.openPositionWithToken(abs(size), is_long, sender=trader)
    assert held(full, trader).entry_price == fill


@both_sides
def test_reserve__factor_is_zero__nothing_needed(market, trader, is_long):
    market.configure(reserveFactor=0)
    open_position(market, trader, COLLATERAL, NOTIONAL, is_long)
    assert market.protocol.liquidityReservesToHold() == 0
    market.set_price(10_000 + sign(is_long) * 500)
    assert market.protocol.liquidityReservesToHold() == 500 * WAD, "what the trader has won"


@both_sides
def test_profit__more_than_the_vault_has__refused_and_smaller_decrease_paid(
    market, lp, trader, reverts, is_long
):
    market.configure(borrowRate=0)
    market.vault.deposit(RESERVE, sender=lp)
    p = open_position(market, trader, COLLATERAL, NOTIONAL, is_long)
    market.set_price(10_000 + sign(is_long) * 2_000)
    values = {"amount": 2_000 * WAD, "liquidity": RESERVE}
    with reverts(market.protocol.VaultCannotPay, **values):
        market.protocol.closePosition(sender=trader)
    # A fifth of the notional is won: 7,500 of it win all that the vault has.
    values = {"amount": RESERVE + 2_000, "liquidity": RESERVE}
    with reverts(market.protocol.VaultCannotPay, **values):
        market.protocol.decreasePosition(7_500 * WAD + 10_000, sender=trader)
    market.protocol.decreasePosition(7_500 * WAD, sender=trader)
    assert held(market, trader).size == p.size - sign(is_long) * 75 * WAD // 100, "P6"
    assert market.position(trader).collateral == COLLATERAL + RESERVE
    assert audit(market, trader).liquidity == 0
    market.set_price(10_000)
    market.protocol.closePosition(sender=trader)
    market.protocol.withdrawCollateral(COLLATERAL + RESERVE, sender=trader)


def test_profit__exactly_what_the_vault_has__paid(market, lp, trader):
    market.vault.deposit(RESERVE, sender=lp)
    market.configure(borrowRate=0)
    open_position(market, trader, COLLATERAL, NOTIONAL, True)
    market.set_price(11_500)
    market.protocol.closePosition(sender=trader)
    assert audit(market, trader).liquidity == 0
