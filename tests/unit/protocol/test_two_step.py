"""Protocol.tradeFor, and what traders cannot do themselves while the market has a delay."""

import pytest

from prep.model import Rejected
from prep.model.isolated import TradeKind
from tests.agreement import rejected
from tests.margin import ISOLATED, KINDS, PLAIN
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, held, open_position

OPEN, OPEN_TOKEN, INCREASE, DECREASE, CLOSE = TradeKind
COLLATERAL = 1_000 * WAD
NOTIONAL = 4_321 * WAD + 98_765
TRADE = "tradeFor(address,uint8,bool,uint256,uint256)"
DAY = 86_400

# Every function that trades at once, with amounts that no check lets through or that all do.
DIRECT = [
    ("openPositionWithSize", (True,)),
    ("openPositionWithToken", (False,)),
    ("increasePosition", ()),
    ("decreasePosition", ()),
]


def direct(protocol, amount: int) -> list[tuple]:
    calls = [(getattr(protocol, name), (amount, *rest)) for name, rest in DIRECT]
    calls.append((protocol.closePosition, ()))
    return calls + [(method, (*args, 0, 0)) for method, args in calls]


# What is refused


@pytest.mark.parametrize("delay", [1, 3_600])
@pytest.mark.parametrize("amount", [0, 100 * WAD, UNLIMITED])
@pytest.mark.parametrize("with_position", [True, False])
def test_trade__delay__refused_before_anything_else(
    btc, trader, reverts, delay, amount, with_position
):
    """Senseless amounts, deadlines that have passed, no collateral, no price."""
    if with_position:
        open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    btc.configure(minExecutionDelay=delay)
    btc.set_answer(0)
    before = btc.position(trader)
    for method, args in direct(btc.protocol, amount):
        with reverts(btc.protocol.TwoStepMarket, marketId=0):
            method(*args, sender=trader)
    assert btc.position(trader) == before


def test_trade__delay_gone__at_once_again(btc, trader, reverts):
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    btc.configure(minExecutionDelay=60)
    with reverts(btc.protocol.TwoStepMarket, marketId=0):
        btc.protocol.openPositionWithSize(NOTIONAL, True, sender=trader)
    btc.configure(minExecutionDelay=0)
    btc.protocol.openPositionWithSize(NOTIONAL, True, sender=trader)
    btc.protocol.increasePosition(NOTIONAL, sender=trader)
    btc.protocol.decreasePosition(NOTIONAL, sender=trader)
    btc.protocol.closePosition(sender=trader)


@both_sides
def test_trade__delay_of_another_market__means_nothing(desk, trader, is_long):
    desk.configure(PLAIN, minExecutionDelay=3_600)
    desk.open_isolated(trader, 5_000 * WAD, 20_000 * WAD, is_long)
    desk.suite.protocol.closePosition(sender=trader)
    assert desk.suite.position(trader).size == 0


@both_sides
def test_trade__delay_of_a_settled_market__closes_at_once(desk, trader, is_long):
    """There is no later price to wait for."""
    desk.open_isolated(trader, 5_000 * WAD, 20_000 * WAD, is_long)
    desk.configure(ISOLATED, minExecutionDelay=3_600)
    with rejected("TwoStepMarket", 0):
        desk.model.close_position(trader.address)
    desk.wait(3 * DAY)
    desk.settle(ISOLATED, KINDS[ISOLATED].price)
    desk.model.close_position(trader.address)
    desk.send((trader.address, desk.protocol, "closePosition()"))
    desk.agree()


@both_sides
def test_delay__what_is_not_a_trade__goes_on(desk, trader, other_trader, liquidator, is_long):
    """Collateral, liquidation, deleverage, and orders of margin clients, who wait by themselves."""
    protocol, model, market = desk.protocol, desk.model, ISOLATED
    move = -150 if is_long else 150
    desk.open_isolated(trader, 2_000 * WAD, 20_000 * WAD, is_long)
    desk.open_isolated(other_trader, 9_000 * WAD, 20_000 * WAD, is_long)
    desk.configure(market, minExecutionDelay=60)
    desk.send((trader.address, protocol, "withdrawCollateral(uint256)", WAD))
    model.withdraw_collateral(trader.address, WAD)
    desk.suite.give_collateral(other_trader, WAD)
    model.deposit_collateral(other_trader.address, WAD)
    desk.order(market, desk.units(market, 1_000))
    desk.close_all()
    desk.wait(1)
    desk.move_price(market, move)
    victim = model.position(trader.address).id
    model.liquidate_position(liquidator.address, victim)
    desk.send((liquidator.address, protocol, "liquidatePosition(uint256)", victim))
    desk.configure(market, maxLongOIValue=0, maxShortOIValue=0, minExecutionDelay=60)
    desk.wait(1)
    assert desk.deleverage_trader(other_trader, UNLIMITED).closed.size == 0
    desk.agree()


# What is done for others


@pytest.fixture
def ask(desk):
    """`ask(who, kind, is_long, amount, acceptable)`: the contract of requests does it, in a market
    that has a delay, contracts and model alike. The events."""
    requests = desk.suite.requests.address
    desk.node.rpc("anvil_impersonateAccount", requests)
    desk.configure(ISOLATED, minExecutionDelay=60)

    def act(who, kind, is_long, amount, acceptable) -> list[tuple]:
        call = (requests, desk.protocol, TRADE, who.address, kind, is_long, amount, acceptable)
        try:
            desk.model.trade_for(who.address, kind, is_long, amount, acceptable)
        except Rejected as refused:
            desk.refused_alike(refused, lambda: desk.node.simulate(*call))
            raise
        events = desk.send(call)
        desk.agree()
        return events

    yield act
    desk.node.rpc("anvil_stopImpersonatingAccount", requests)


@pytest.fixture
def rich(desk, trader):
    """A trader with collateral."""
    desk.suite.give_collateral(trader, 10_000 * WAD)
    desk.model.deposit_collateral(trader.address, 10_000 * WAD)
    return trader


def any_price(buying: bool) -> int:
    return UNLIMITED if buying else 0


@both_sides
def test_trade_for__every_kind__as_the_trader_himself_would(desk, ask, rich, isolated, is_long):
    """With the same events and books. `isLong` counts only where a position is opened, and no
    amount where all is closed."""
    buy, sell = any_price(is_long), any_price(not is_long)
    unit = NOTIONAL * WAD // desk.price(ISOLATED)
    steps = [
        (OPEN, NOTIONAL, buy, "openPositionWithSize(uint256,bool)", (NOTIONAL, is_long)),
        (INCREASE, NOTIONAL, buy, "increasePosition(uint256)", (NOTIONAL,)),
        (DECREASE, NOTIONAL // 3, sell, "decreasePosition(uint256)", (NOTIONAL // 3,)),
        (CLOSE, 0, sell, "closePosition()", ()),
        (OPEN_TOKEN, unit, buy, "openPositionWithToken(uint256,bool)", (unit, is_long)),
        (CLOSE, UNLIMITED, sell, "closePosition()", ()),
    ]
    protocol = desk.protocol
    for kind, amount, acceptable, signature, args in steps:
        desk.wait(3_600)
        desk.move_price(ISOLATED, 3)
        with isolated():
            desk.suite.configure(minExecutionDelay=0)
            himself = desk.send((rich.address, protocol, signature, *args))
            position = tuple(desk.suite.position(rich))
        # As in there: what passes until the parameters change is accrued then.
        desk.configure(ISOLATED, minExecutionDelay=60)
        way = is_long if kind in (OPEN, OPEN_TOKEN) else not is_long
        assert ask(rich, kind, way, amount, acceptable) == himself
        assert tuple(desk.suite.position(rich)) == position


@both_sides
@pytest.mark.parametrize("kind", TradeKind)
def test_trade_for__worst_price__to_the_unit(desk, ask, rich, kind, is_long):
    opens = kind in (OPEN, OPEN_TOKEN)
    if not opens:
        ask(rich, OPEN, is_long, 2 * NOTIONAL, any_price(is_long))
    amount = NOTIONAL * WAD // desk.price(ISOLATED) if kind == OPEN_TOKEN else NOTIONAL
    buying = is_long == (opens or kind == INCREASE)
    worse = -1 if buying else 1
    with pytest.raises(Rejected) as raised:
        ask(rich, kind, is_long, amount, 1 if buying else UNLIMITED)
    price = raised.value.args[0]
    with rejected("PriceNotAcceptable", price, price + worse):
        ask(rich, kind, is_long, amount, price + worse)
    (*_, (name, _)) = [e for e in ask(rich, kind, is_long, amount, price) if "Position" in e[0]]
    assert name == ("PositionIncreased" if opens or kind == INCREASE else "PositionDecreased")


def test_trade_for__no_deadline__long_after(desk, ask, rich):
    """Expiry is the affair of who keeps the requests."""
    desk.wait(6 * DAY)
    ask(rich, OPEN, True, NOTIONAL, UNLIMITED)


@pytest.mark.parametrize("kind", [OPEN, OPEN_TOKEN])
def test_trade_for__open_twice__refused(desk, ask, rich, kind):
    ask(rich, OPEN, True, NOTIONAL, UNLIMITED)
    with rejected("PositionExists", desk.model.position(rich.address).id):
        ask(rich, kind, False, 0, 0)


@pytest.mark.parametrize("kind", [INCREASE, DECREASE, CLOSE])
def test_trade_for__no_position__refused(ask, rich, kind):
    with rejected("NoPosition"):
        ask(rich, kind, False, 0, 0)


@pytest.mark.parametrize("kind", [OPEN, OPEN_TOKEN, INCREASE, DECREASE])
def test_trade_for__nothing__refused(desk, ask, rich, kind):
    if kind in (INCREASE, DECREASE):
        ask(rich, OPEN, True, NOTIONAL, UNLIMITED)
    with rejected("ZeroAmount"):
        ask(rich, kind, True, 0, UNLIMITED)


def test_trade_for__what_the_trader_cannot_have__refused_alike(desk, ask, rich, guardian):
    """All checks of the function of that kind hold."""
    with pytest.raises(Rejected, match="LeverageTooHigh"):
        ask(rich, OPEN, True, 151_000 * WAD, UNLIMITED)
    with rejected("AmountOutOfBounds", 10**30 + 1, 10**30):
        ask(rich, OPEN_TOKEN, True, 10**30 + 1, UNLIMITED)
    ask(rich, OPEN, True, NOTIONAL, UNLIMITED)
    entry = desk.model.position(rich.address).entry_notional
    with rejected("DecreaseTooLarge", entry + 1, entry):
        ask(rich, DECREASE, True, entry + 1, 0)
    with rejected("ZeroAmount"):  # a part that rounds to nothing: less than a base unit is worth
        ask(rich, DECREASE, True, 1, 0)
    with pytest.raises(Rejected, match="PositionTooSmall"):
        ask(rich, DECREASE, True, entry - WAD, 0)
    desk.send((guardian.address, desk.protocol, "disableMarket(uint256)", 0))
    desk.model.disable_market(0)
    with rejected("MarketClosed", 0):
        ask(rich, INCREASE, True, NOTIONAL, UNLIMITED)
    ask(rich, CLOSE, True, 0, 0)


def test_trade_for__no_such_kind__refused(desk, ask, rich):
    call = (desk.suite.requests.address, desk.protocol, TRADE)
    for kind in (5, 255):
        seen = desk.refusal(*call, rich.address, kind, True, NOTIONAL, UNLIMITED)
        assert seen == ("unknown error 0x",)


@pytest.mark.parametrize("delay", [0, 60])
def test_trade_for__by_anyone_else__refused(
    btc, trader, other_trader, admin, risk_manager, guardian, reverts, delay
):
    """The trader himself too."""
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    btc.configure(minExecutionDelay=delay)
    for sender in (trader, other_trader, admin, risk_manager, guardian):
        for kind in TradeKind:
            with reverts(btc.protocol.NotRequests, caller=sender):
                btc.protocol.tradeFor(trader, kind, True, NOTIONAL, UNLIMITED, sender=sender)
    assert held(btc, trader).size == 0


def test_trade_for__one_step_market__all_the_same(desk, trader):
    """What was requested before the delay went."""
    requests = desk.suite.requests.address
    desk.suite.give_collateral(trader, COLLATERAL)
    desk.node.rpc("anvil_impersonateAccount", requests)
    call = (requests, desk.protocol, TRADE, trader.address, OPEN, True, NOTIONAL, UNLIMITED)
    names = [name for name, _ in desk.send(call)]
    desk.node.rpc("anvil_stopImpersonatingAccount", requests)
    assert "PositionIncreased" in names


# Who keeps the requests


def test_constructor__requests__bound_to_this_protocol(btc, project, admin, reverts):
    requests = btc.requests
    assert btc.protocol.requests() == requests
    assert requests.protocol() == btc.protocol
    with reverts(requests.AlreadyBound, protocol=btc.protocol):
        requests.bind(sender=admin)
    with reverts(requests.AlreadyBound, protocol=btc.protocol):
        admin.deploy(project.Protocol, btc.prep, btc.authority, False, requests)
