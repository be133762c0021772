"""A position whose threshold is reached at the price that its swap realises."""

import pytest

from prep.margin.data import CLOSED, Closing
from tests.margin_expected import (
    highest_cost,
    least_margin,
    least_proceeds,
    liquidation_fee,
)
from tests.margin_suite import DEVIATION, LIQUIDATION_FEE, MAINTENANCE
from tests.unit.margin_pools.stand import COARSE, HOUR, LIMITED, UNKNOWN, add


def call_of(stand, position, interest, spent, received, **changes):
    data = changes.get("data", stand.swap(False, spent, received))
    return position, interest, changes.get("router", stand.router), data


def refusal_of(stand, *args, who=None, **changes):
    call = call_of(stand, *args, **changes)
    return stand.refusal("liquidate", *call, who=who or stand.margin.liquidator)


def realised(stand, position, interest, spent, received):
    """Value and equity by what the swap did."""
    owed = position.principal + interest
    if stand.is_long:
        return received, received - owed
    value = position.collateral if received < owed else spent * owed // received
    return value, position.collateral - value


def expected_liquidation(stand, position, interest, spent, received, share=LIQUIDATION_FEE):
    """What the closing did, and the base tokens that are the trader's."""
    value, _ = realised(stand, position, interest, spent, received)
    paid = min(received, position.principal + interest)
    principal_paid = min(paid, position.principal)
    excess = received - paid
    remaining = excess if stand.is_long else position.collateral - spent
    fee = min(remaining, liquidation_fee(value, share))
    closing = Closing(
        position.collateral,
        spent,
        received,
        principal_paid,
        paid - principal_paid,
        fee,
        remaining - fee,
        position.principal - principal_paid,
    )
    return closing, 0 if stand.is_long else excess


def money_of(stand, closing, excess=0, liquidator="liquidator"):
    base, quote = stand.pair
    paid = closing.principal_paid + closing.interest_paid
    return add(
        {("pool", stand.held): -closing.amount, ("router", stand.held): closing.spent},
        {("lenders", stand.owed): paid},
        {("debt", stand.owed): -closing.principal_paid - closing.bad_debt},
        {(liquidator, quote): closing.fee, ("trader", quote): closing.payout},
        {("trader", base): excess},
    )


def at_threshold(stand, position, interest):
    """Spent and received so that the equity is just within; `better` is a unit above."""
    owed, whole = position.principal + interest, position.collateral
    if stand.is_long:
        value = owed * 10_000 // (10_000 - MAINTENANCE)
        while value - owed <= least_margin(value, MAINTENANCE):
            value += 1
        return whole, value - 1
    value = whole * 10_000 // (10_000 + MAINTENANCE)
    while whole - value > least_margin(value, MAINTENANCE):
        value += 1
    return value, owed


def better(stand, spent, received):
    """For the position, by a unit."""
    return (spent, received + 1) if stand.is_long else (spent - 1, received)


def near(stand, position, interest, spent, received):
    """Moves the check price to what the swap realises, where there is one."""
    if stand.checked:
        base = spent if stand.is_long else received
        quote = received if stand.is_long else spent
        stand.set_price(quote * 10**18 // base)


@pytest.fixture
def seized(any_stand):
    """A position in any pair, an hour old, and a swap at its threshold."""
    stand = any_stand
    position = stand.open()
    interest = stand.max_interest(position, stand.wait(HOUR))
    spent, received = at_threshold(stand, position, interest)
    near(stand, position, interest, spent, received)
    return stand, position, interest, spent, received


def test_liquidate__at_the_threshold__lenders_liquidator_and_trader_paid(seized):
    stand, position, interest, spent, received = seized
    before = stand.balances()
    call = call_of(stand, position, interest, spent, received)
    logs = stand.do("liquidate", *call, who=stand.margin.liquidator)
    closing, excess = expected_liquidation(stand, position, interest, spent, received)
    assert excess == 0
    assert closing.bad_debt == 0
    assert closing.payout > 0
    after = position._replace(
        principal=0, collateral=0, last_funding_timestamp=stand.time(), nonce=2
    )
    assert stand.stored(position) == CLOSED
    who = position.id, stand.trader.address, stand.margin.liquidator.address
    assert stand.logged(logs) == [("PositionLiquidated", (*who, after, closing))]
    assert stand.moved(before) == money_of(stand, closing)


def test_liquidate__a_unit_above_the_threshold__refused(seized):
    stand, position, interest, spent, received = seized
    assert refusal_of(stand, position, interest, spent, received) is None
    swap = better(stand, spent, received)
    value, equity = realised(stand, position, interest, *swap)
    least = least_margin(value, MAINTENANCE)
    assert equity == least + 1
    assert refusal_of(stand, position, interest, *swap) == ("NotLiquidatable", equity, least)


def liquidated(stand, position, interest, spent, received):
    """Checks money and event of a liquidation, and returns what it did."""
    near(stand, position, interest, spent, received)
    before = stand.balances()
    call = call_of(stand, position, interest, spent, received)
    logs = stand.do("liquidate", *call, who=stand.margin.liquidator)
    closing, excess = expected_liquidation(stand, position, interest, spent, received)
    assert stand.margin.closing(logs, "PositionLiquidated") == closing
    assert stand.moved(before) == money_of(stand, closing, excess)
    assert stand.stored(position) == CLOSED
    return closing


def swap_that_leaves(stand, position, owed, rest):
    """Pays what is owed and leaves so many quote tokens."""
    if stand.is_long:
        return position.collateral, owed + rest
    return position.collateral - rest, owed


def test_liquidate__less_left_than_the_fee__all_of_it_to_the_liquidator(stand, position):
    interest = stand.max_interest(position)
    spent, received = swap_that_leaves(stand, position, position.principal + interest, 1_000)
    closing = liquidated(stand, position, interest, spent, received)
    assert (closing.fee, closing.payout) == (1_000, 0)


def test_liquidate__as_much_left_as_the_fee__a_unit_more_is_the_traders(stand, position):
    interest = stand.max_interest(position)
    owed = position.principal + interest
    rest = 0
    for _ in range(100):
        spent, received = swap_that_leaves(stand, position, owed, rest)
        rest = liquidation_fee(
            realised(stand, position, interest, spent, received)[0], LIQUIDATION_FEE
        )
    closing = liquidated(
        stand, position, interest, *swap_that_leaves(stand, position, owed, rest + 1)
    )
    assert closing.payout == 1
    assert closing.fee == rest > 0


def test_liquidate__debt_just_paid__nothing_left(stand, position):
    interest = stand.max_interest(position)
    spent, received = swap_that_leaves(stand, position, position.principal + interest, 0)
    closing = liquidated(stand, position, interest, spent, received)
    assert closing[4:] == (interest, 0, 0, 0)


@pytest.mark.parametrize("missing", ["a unit of interest", "all interest", "a unit", "half"])
def test_liquidate__lenders_short_of__principal_first_then_interest(stand, position, missing):
    """Interest that is not paid is not recorded; principal that is not paid is written off."""
    interest, principal = stand.max_interest(position), position.principal
    received = {
        "a unit of interest": principal + interest - 1,
        "all interest": principal,
        "a unit": principal - 1,
        "half": principal // 2,
    }[missing]
    closing = liquidated(stand, position, interest, position.collateral, received)
    assert closing.interest_paid == max(0, received - principal)
    assert closing.bad_debt == max(0, principal - received)
    assert (closing.fee, closing.payout) == (0, 0)


def test_liquidate__swap_brings_nothing__all_written_off(limited):
    position = limited.open()
    limited.wait(HOUR)
    closing = liquidated(limited, position, limited.max_interest(position), position.collateral, 0)
    assert closing.bad_debt == position.principal
    assert (closing.principal_paid, closing.interest_paid) == (0, 0)


def test_liquidate__more_bought_than_owed__counts_at_its_price(create_stand, margin):
    """Of a short: the value is what the purchase cost of what was owed, rounded down; base tokens
    beyond it are the trader's."""
    stand = create_stand(margin.sides["short"], COARSE)
    position = stand.open()
    interest = stand.max_interest(position, stand.wait(HOUR))
    owed = position.principal + interest
    spent, received = position.collateral - 5, owed * 101 // 100
    closing = liquidated(stand, position, interest, spent, received)
    value = spent * owed // received
    assert value < spent
    assert closing.fee == min(5, liquidation_fee(value, LIQUIDATION_FEE))


def test_liquidate__more_bought_than_owed__threshold_by_the_value_rounded_down(
    create_stand, margin
):
    """Of a short, where a swap of another size decides, to the unit."""
    stand = create_stand(margin.sides["short"], LIMITED)
    position = stand.open()
    interest = stand.max_interest(position, stand.wait(HOUR))
    owed = position.principal + interest
    value, _ = at_threshold(stand, position, interest)
    received = owed + owed // 100
    # The least that is spent for it so that the value is reached.
    spent = -(-value * received // owed)
    assert spent <= position.collateral
    assert realised(stand, position, interest, spent, received)[0] == value
    assert refusal_of(stand, position, interest, spent, received) is None
    refusal = refusal_of(stand, position, interest, spent - 1, received)
    assert refusal[0] == "NotLiquidatable"


def test_liquidate__swap_spends_less_than_all__only_a_short_that_pays_may(stand, position):
    """A long sells everything; a short that brings less than it owes must have spent everything."""
    interest = stand.max_interest(position)
    owed, whole = position.principal + interest, position.collateral
    refused = ("WrongAmountSpent", whole - 1, whole)
    if stand.is_long:
        assert refusal_of(stand, position, interest, whole - 1, owed) == refused
    near(stand, position, interest, whole, owed - 1)
    assert refusal_of(stand, position, interest, whole - 1, owed - 1) == refused
    assert refusal_of(stand, position, interest, whole, owed - 1) is None
    if not stand.is_long:
        assert refusal_of(stand, position, interest, whole - 1, owed) is None


def test_liquidate__interest__above_zero_and_at_most_the_highest(stand, position):
    # The check price moves in a block of its own.
    most = stand.max_interest(position, stand.time() + 1)
    spent, received = at_threshold(stand, position, most)
    near(stand, position, most, spent, received)
    if stand.is_long:
        received -= most
    for interest, expected in (
        (0, ("InvalidInterest", 0, most)),
        (most, None),
        (most + 1, ("InvalidInterest", most + 1, most)),
    ):
        assert refusal_of(stand, position, interest, spent, received) == expected


def test_liquidate__swap_at_the_largest_deviation__allowed_and_a_unit_more_not(stand, position):
    """The check price stays above what a long sells for, or below what a short buys at."""
    interest = stand.max_interest(position)
    spent, received = at_threshold(stand, position, interest)
    if stand.is_long:
        # The highest price at which the proceeds are still enough.
        low, high = 1, stand.price * 10
        while high - low > 1:
            middle = (low + high) // 2
            enough = least_proceeds(spent, middle, DEVIATION) <= received
            low, high = (middle, high) if enough else (low, middle)
        good, bad = low, high
        limit = least_proceeds(spent, bad, DEVIATION)
        refused = ("PriceDeviates", received, limit)
    else:
        low, high = 1, stand.price * 10
        while high - low > 1:
            middle = (low + high) // 2
            enough = highest_cost(received, middle, DEVIATION) >= spent
            low, high = (low, middle) if enough else (middle, high)
        good, bad = high, low
        refused = ("PriceDeviates", spent, highest_cost(received, bad, DEVIATION))
    assert abs(refused[1] - refused[2]) == 1
    stand.set_price(good)
    assert refusal_of(stand, position, interest, spent, received) is None
    stand.set_price(bad)
    assert refusal_of(stand, position, interest, spent, received) == refused


def test_liquidate__no_check_price__at_any_price(limited):
    position = limited.open()
    interest = limited.max_interest(position, limited.wait(HOUR))
    received = position.principal // 10
    assert refusal_of(limited, position, interest, position.collateral, received) is None


def test_liquidate__everything_wrong__refused_in_the_order_of_the_page(stand, position):
    most = stand.max_interest(position)
    unknown = position._replace(nonce=2)
    whole, owed = position.collateral, position.principal + most
    selector = stand.swap(False, 0, 0)[:4]

    def refusal(handed, interest, spent, received, **call):
        return refusal_of(stand, handed, interest, spent, received, **call)

    stranger = stand.stranger
    refused = ("AccessManagedUnauthorized", stranger.address)
    assert refusal(unknown, most + 1, 1, 1, router=UNKNOWN, who=stranger) == refused
    assert refusal(unknown, most + 1, 1, 1, router=UNKNOWN)[:3] == (
        "UnknownPosition",
        position.id,
        stand.stored(position),
    )
    refused = ("InvalidInterest", most + 1, most)
    assert refusal(position, most + 1, 1, 1, router=UNKNOWN) == refused
    refused = ("SwapNotAllowed", UNKNOWN, selector)
    assert refusal(position, most, 1, 1, router=UNKNOWN) == refused
    refused = ("ERC20InsufficientAllowance", stand.router, whole, whole + 1)
    assert refusal(position, most, whole + 1, 1) == refused
    assert refusal(position, most, 1, 1) == ("WrongAmountSpent", 1, whole)
    assert refusal(position, most, whole, 1)[0] == "PriceDeviates"
    fair = stand.fair_closing(whole, owed)
    assert refusal(position, most, *fair)[0] == "NotLiquidatable"


@pytest.mark.parametrize("who", ["trader", "executor", "admin"])
def test_liquidate__without_the_role__refused(stand, position, margin, who):
    account = stand.trader if who == "trader" else getattr(margin, who)
    refusal = refusal_of(stand, position, 1, 1, 1, who=account)
    assert refusal == ("AccessManagedUnauthorized", account.address)


def test_liquidate__pair_disabled__still_liquidated(seized):
    stand, position, interest, spent, received = seized
    stand.set_terms(disabled=True)
    assert refusal_of(stand, position, interest, spent, received) is None


def test_liquidate__without_principal__never(stand):
    """Nothing is owed: all of the collateral is equity."""
    request = stand.open_request()
    spent = stand.given(request.down_payment, request.principal) - request.principal
    received = stand.fair_output(spent) if spent else 0
    request = stand.open_request(spent=spent, received=received)
    position = stand.margin.after(stand.opened(request), "PositionOpened")
    stand.wait(HOUR)
    if stand.is_long:
        value = stand.fair_closing(position.collateral, 0)[1]
        refused = ("NotLiquidatable", value, least_margin(value, MAINTENANCE))
        assert refusal_of(stand, position, 0, position.collateral, value) == refused
    else:
        refused = ("NotLiquidatable", position.collateral, 0)
        assert refusal_of(stand, position, 0, 0, 0) == refused


def test_liquidate__router_that_calls_a_pool__cannot_enter_it(stand, position):
    claim = stand.node._data("claim(address,address)", (stand.quote, stand.router))
    swap = position.collateral, 1, stand.side.address, bytes.fromhex(claim[2:])
    data = stand.calling_swap(False, *swap)
    interest = stand.max_interest(position)
    refusal = refusal_of(stand, position, interest, 0, 0, data=data)
    assert refusal == ("ReentrancyGuardReentrantCall",)


def test_liquidate__funding__is_not_charged_beyond_what_is_paid(stand, position):
    """The lenders' vault records what was paid of the interest, and nothing where nothing was."""
    interest, whole = stand.max_interest(position), position.collateral
    near(stand, position, interest, whole, position.principal)
    call = call_of(stand, position, interest, whole, position.principal)
    logs = stand.do("liquidate", *call, who=stand.margin.liquidator)
    names = [log.name for log in logs if log.address != stand.side.address]
    assert "InterestRecorded" not in names
    assert "WrittenOff" not in names
    assert "Repaid" in names
