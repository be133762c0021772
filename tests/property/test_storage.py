"""What does not fit into the types of the contracts is refused, and nothing has changed then."""

from collections.abc import Callable
from typing import Any

import pytest

from prep.model import WAD, MarketConfig, Rejected, System
from prep.model.checks import all_checks
from prep.model.storage import check_int128, check_uint128
from tests.property.world import outcome, picture

UINT, INT = "SafeCastOverflowedUintDowncast", "SafeCastOverflowedIntDowncast"
YEAR = 31_536_000


def vast(config: MarketConfig | None = None, **options: Any) -> System:
    """Three markets at a price of 10**6 and the fullest vault that deposits can make."""
    system = System(**options)
    for _ in range(3):
        system.add_market(config or MarketConfig())
        system.set_price(len(system.markets) - 1, 10**6 * WAD)
    system.deposit("lp", 10**37)
    system.set_margin_client("desk", True)
    return system


def refused_unchanged(system: System, action: Callable[..., Any], *args: Any) -> Rejected:
    before = picture(system)
    result = outcome(action, *args)
    assert isinstance(result, Rejected), result
    assert picture(system) == before, f"atomicity: {result} has changed something"
    return result


@pytest.mark.parametrize("amount", [2**128, -1, 2**127])
def test_check__around_the_bound__refuses_beyond(amount: int) -> None:
    check_int128(2**127 - 1, -(2**127))
    check_uint128(0, 2**128 - 1)
    if amount > 2**127:
        assert outcome(check_uint128, 7, amount) == Rejected(UINT, 128, amount)
    if amount > 0:
        assert outcome(check_int128, 7, amount) == Rejected(INT, 128, amount)
        assert outcome(check_int128, -amount - 1) == Rejected(INT, 128, -amount - 1)


def test_order__entry_notional_of_a_side__fits_into_128_bits() -> None:
    system, most = vast(), 2**128 - 1
    system.set_price(1, 10**25)  # 10**30 would cost 10**37
    fitting = most // 10**37
    for market_id in (1, 2):
        system.set_price(market_id, 10**31)
    for account in range(fitting):
        system.execute_order("desk", account, 1, 10**24)
        system.execute_order("desk", account, 2, -(10**24))
    rest = (most - fitting * 10**37) // 10**13
    system.execute_order("desk", "rest", 1, rest)
    cost = (fitting * 10**24 + rest + 1) * 10**13
    assert refused_unchanged(system, system.execute_order, "desk", "new", 1, 1) == Rejected(
        UINT, 128, cost
    )
    cost = (fitting + 1) * 10**37
    result = refused_unchanged(system, system.execute_order, "desk", "new", 2, -(10**24))
    assert result == Rejected(UINT, 128, cost)
    assert all_checks(system) == []


def test_order__borrowing_of_the_whole_market__fits_into_128_bits() -> None:
    system = vast(MarketConfig(borrow_rate=5 * WAD, reserve_factor=WAD // 10))
    system.set_price(1, 10**31)
    system.now += 40 * YEAR  # the index has arrived at its bound
    index = 2**64 - 1
    system.vault.liquidity = 2**128 - 1  # for the reserves; traders' losses can bring it there
    system.execute_order("desk", 1, 1, 10**24)
    result = refused_unchanged(system, system.execute_order, "desk", 2, 1, -(10**24))
    assert result == Rejected(UINT, 128, 2 * (10**37 * index // WAD))
    # Neither does a position enter anew at a price that makes it too dear.
    system.execute_order("desk", 2, 1, -8 * 10**23)


def test_order__cash_flow__fits_into_128_bits() -> None:
    system = vast()
    system.set_price(1, 10**25)
    for account in range(2):
        system.execute_order("desk", account, 1, -5 * 10**29)
    system.set_price(1, 10**25 + 2 * 10**26)  # each loses 10**38
    system.execute_order("desk", 0, 1, 5 * 10**29)
    result = refused_unchanged(system, system.execute_order, "desk", 1, 1, 5 * 10**29)
    assert result == Rejected(INT, 128, 2 * 10**38)
    assert refused_unchanged(system, system.close_all, "desk", 1) == Rejected(INT, 128, 2 * 10**38)


@pytest.mark.parametrize("margin", [True, False])
def test_fees__that_nobody_collects__fit_into_128_bits(margin: bool) -> None:
    rates = {"opening_fee_rate": WAD // 10, "closing_fee_rate": WAD // 10}
    system = vast(MarketConfig(**rates), protocol_fee_rate=WAD // 2)
    system.deposit_collateral("a", 10**12)
    if margin:
        opens = closes = system.execute_order
        into, out = ("desk", 1, 1, 1_000), ("desk", 1, 1, -1_000)
    else:
        opens, closes = system.open_position_with_token, system.close_position
        into, out = ("a", 1_000, True), ("a",)
    system.unpaid_protocol_fees = 2**128 - 5 * 10**7
    assert refused_unchanged(system, opens, *into) == Rejected(UINT, 128, 2**128)
    system.unpaid_protocol_fees -= 1
    opens(*into)
    assert system.unpaid_protocol_fees == 2**128 - 1
    assert refused_unchanged(system, closes, *out) == Rejected(UINT, 128, 2**128 - 1 + 5 * 10**7)
    assert system.collect_protocol_fees().amount == 2**128 - 1
    closes(*out)


def test_close_all__the_second_market_overflows__the_first_is_as_before() -> None:
    system = vast()
    for market_id in (1, 2):
        system.set_price(market_id, 10**25)
        system.execute_order("desk", 1, market_id, -(10**30))
    system.set_price(1, 10**25 + 10**24)
    system.set_price(2, 10**27)
    result = refused_unchanged(system, system.close_all, "desk", 1)
    assert result == Rejected(INT, 128, 10**39 - 10**37)
    assert all_checks(system) == []


def test_order__liquidity__fits_into_128_bits() -> None:
    system = vast()
    for market_id in range(3):
        system.set_price(market_id, 10**25)
        system.execute_order("desk", 1, market_id, -(10**30))
        system.set_price(market_id, 10**25 + 165 * 10**24)  # a loss of 1.65 * 10**38
    system.execute_order("desk", 1, 0, 10**30)
    system.execute_order("desk", 1, 1, 10**30)
    liquidity = 10**37 + 3 * 165 * 10**36
    result = refused_unchanged(system, system.execute_order, "desk", 1, 2, 10**30)
    assert result == Rejected(UINT, 128, liquidity)


def test_close__isolated_loss__is_booked_before_bad_debt_and_fits() -> None:
    system = vast()
    system.set_price(0, 10**25)
    system.deposit_collateral("a", 2**128 - 1)
    system.open_position_with_token("a", 10**30, False)
    system.set_price(0, 10**27)
    loss = 10**39 - 10**37
    result = refused_unchanged(system, system.close_position, "a")
    assert result == Rejected(INT, 128, loss)
    assert refused_unchanged(system, system.liquidate_position, "b", 1) == Rejected(INT, 128, loss)
    result = refused_unchanged(system, system.decrease_position, "a", 9 * 10**36)
    assert result == Rejected(INT, 128, loss * 9 // 10)


def test_close__isolated_gain__fits_into_collateral() -> None:
    system = vast()
    system.deposit_collateral("a", 2**128 - 5)
    system.open_position_with_token("a", 10, True)
    system.set_price(0, 10**6 * WAD + WAD)
    result = refused_unchanged(system, system.close_position, "a")
    assert result == Rejected(UINT, 128, 2**128 + 5)
    result = refused_unchanged(system, system.decrease_position, "a", 5 * 10**6)
    assert result == Rejected(UINT, 128, 2**128)
    assert system.decrease_position("a", 4 * 10**6).collateral == 2**128 - 1


def test_close__bad_debt__fits_into_128_bits() -> None:
    system = vast()
    system.deposit_collateral("a", 10**8)
    system.open_position_with_token("a", 1_000, True)
    system.set_price(0, 8 * 10**5 * WAD)  # a loss of twice what is there
    system.markets[0].bad_debt = -(2**127) + 10**8 - 1
    beyond = Rejected(INT, 128, -(2**127) - 1)
    assert refused_unchanged(system, system.close_position, "a") == beyond
    assert refused_unchanged(system, system.liquidate_position, "keeper", 1) == beyond
    system.markets[0].bad_debt += 1
    # The reward of 0.5 % of 10**9 would be the vault's to pay, and a debt as well.
    beyond = Rejected(INT, 128, -(2**127) - 5 * 10**6)
    assert refused_unchanged(system, system.liquidate_position, "keeper", 1) == beyond
    assert system.close_position("a").bad_debt == 10**8


def test_liquidate__reward__fits_into_the_liquidators_collateral() -> None:
    system = vast()
    system.deposit_collateral("a", 10**9)
    system.open_position_with_token("a", 1_000, True)
    system.deposit_collateral("keeper", 2**128 - 1)
    system.set_price(0, 10**6 * WAD - 98 * 10**22)
    result = refused_unchanged(system, system.liquidate_position, "keeper", 1)
    assert result.name == UINT
    assert result.args[1] == 2**128 - 1 + 5 * 10**6


def test_open__isolated_side__fits_into_128_bits() -> None:
    system = vast()
    system.set_price(0, 10**31)
    fitting = (2**128 - 1) // 10**37
    for number in range(fitting + 1):
        system.deposit_collateral(number, 10**37)
    for number in range(fitting):
        system.open_position_with_token(number, 10**24, True)
    result = refused_unchanged(system, system.open_position_with_token, fitting, 10**24, True)
    assert result == Rejected(UINT, 128, (fitting + 1) * 10**37)


def test_deposit__net_deposits__fit_into_128_bits() -> None:
    system = vast()
    for _ in range(16):
        lost = system.vault.liquidity  # traders win all of it
        system.vault.liquidity -= lost
        system.markets[1].price_pnl -= lost
        system.vault.supply, system.vault.shares = 0, {}
        system.deposit("lp", 10**37)
    system.vault.liquidity = 0
    system.vault.supply, system.vault.shares = 0, {}
    result = refused_unchanged(system, system.deposit, "lp", 2**127 - 17 * 10**37)
    assert result == Rejected(INT, 128, 2**127)
    system.deposit("lp", 2**127 - 1 - 17 * 10**37)


def test_withdraw__net_deposits__fit_into_128_bits() -> None:
    system = vast()
    system.vault.net_deposits = -(2**127) + 5
    assert refused_unchanged(system, system.withdraw, "lp", 6) == Rejected(INT, 128, -(2**127) - 1)
    system.withdraw("lp", 5)
