"""Orders.setMarginClient, and what is left to clients not registered and in closed markets."""

import pytest

from tests.agreement import rejected
from tests.margin import ACCOUNT, PLAIN, every_market
from tests.suite import WAD
from tests.unit.books import both_sides, logs, sign

HELD = 40_000


@pytest.fixture
def stop(desk, guardian):
    """`stop(why, market)`: the client or the market may not take new risk any more. The refusal
    that names it."""

    def act(why: str, market: int) -> tuple:
        if why == "unregistered":
            desk.register(desk.client, False)
            return "NotMarginClient", desk.client
        call = (guardian.address, desk.protocol, "disableMarket(uint256)", market)
        assert desk.send(call) == [("MarketDisabled", (market,))]
        desk.model.disable_market(market)
        return "MarketClosed", market

    return act


every_reason = pytest.mark.parametrize("why", ["unregistered", "disabled"])


def test_set_margin_client__by_admin__registered_logged_and_ended(desk, admin, stranger):
    protocol = desk.suite.protocol
    assert not protocol.isMarginClient(stranger)
    for registered in (True, True, False, False):
        tx = protocol.setMarginClient(stranger, registered, sender=admin)
        event = {"client": stranger.address, "registered": registered}
        assert logs(tx, protocol) == [("MarginClientSet", event)]
        assert protocol.isMarginClient(stranger) == registered
    assert protocol.isMarginClient(desk.client), "others stay as they were"


def test_set_margin_client__by_anyone_else__refused(
    desk, stranger, risk_manager, guardian, trader, reverts
):
    protocol = desk.suite.protocol
    for caller in (stranger, risk_manager, guardian, trader):
        with reverts(protocol.AccessManagedUnauthorized, caller=caller):
            protocol.setMarginClient(stranger, True, sender=caller)
    assert not protocol.isMarginClient(stranger)


@every_market
@both_sides
@every_reason
def test_execute_order__no_new_risk__refused_to_open_grow_and_flip(
    desk, stop, market, is_long, why
):
    size = sign(is_long) * desk.units(market, HELD)
    desk.order(market, size)
    error = stop(why, market)
    orders = [(1, size), (1, -size), (ACCOUNT, sign(is_long)), (ACCOUNT, -2 * size)]
    for account, order in orders:
        with rejected(*error):
            desk.order(market, order, account=account)
    assert desk.position(market).size == size


@every_market
@both_sides
@every_reason
def test_execute_order__no_new_risk__reduces_and_closes(desk, stop, market, is_long, why):
    """P6."""
    size = sign(is_long) * desk.units(market, HELD)
    desk.order(market, size)
    desk.wait(86_400)
    stop(why, market)
    desk.order(market, -size // 4)
    desk.order(market, -size // 4, reduce_only=True)
    desk.order(market, -2 * size, reduce_only=True)
    assert desk.position(market).size == 0


@both_sides
@every_reason
def test_close_all__no_new_risk__closes(desk, stop, is_long, why):
    for market in range(4):
        desk.order(market, sign(is_long) * desk.units(market, HELD))
    stop(why, PLAIN)
    desk.close_all()
    assert [desk.position(market).size for market in range(4)] == [0, 0, 0, 0]


@both_sides
def test_execute_order__registered_again__opens(desk, is_long):
    size = sign(is_long) * desk.units(PLAIN, HELD)
    desk.register(desk.client, False)
    with rejected("NotMarginClient", desk.client):
        desk.order(PLAIN, size)
    desk.register(desk.client)
    desk.order(PLAIN, size)


@both_sides
def test_execute_order__one_market_disabled__others_open(desk, stop, is_long):
    stop("disabled", PLAIN)
    desk.order(2, sign(is_long) * desk.units(2, HELD))


def test_execute_order__never_registered__cannot_touch_accounts_of_others(desk, stranger):
    """Positions are the caller's: another's account of the same number is flat."""
    size = desk.units(PLAIN, HELD)
    desk.order(PLAIN, size)
    desk.money[stranger.address] = 0
    with rejected("NotReducible", 0, -size):
        desk.order(PLAIN, -size, client=stranger.address, reduce_only=True)
    with rejected("NotMarginClient", stranger.address):
        desk.order(PLAIN, -size, client=stranger.address)
    assert desk.close_all(client=stranger.address) == 0
    assert desk.position(PLAIN).size == size


def test_preview_order__for_anyone__needs_no_role_and_changes_nothing(desk, stranger):
    size = desk.units(2, HELD)
    view = desk.suite.protocol.previewOrder(desk.client, ACCOUNT, 2, size, False, sender=stranger)
    expected = desk.model.preview_order(desk.client, ACCOUNT, 2, size)
    assert view.settlement == expected.settlement == -expected.opening_fee < 0
    assert tuple(view.position) == expected.position
    desk.keys.add((desk.client, ACCOUNT, 2))
    desk.agree()
    assert desk.position(2).size == 0


@pytest.mark.parametrize("overload", ["trader", "account"])
def test_close_on_behalf__by_anyone_but_the_deleverager__refused(
    desk, admin, risk_manager, guardian, stranger, trader, reverts, overload
):
    size = desk.units(PLAIN, HELD)
    desk.order(PLAIN, size)
    desk.open_isolated(trader, 5_000 * WAD, 20_000 * WAD, True)
    protocol = desk.suite.protocol
    args = (trader, 1) if overload == "trader" else (desk.client, ACCOUNT, PLAIN, 1)
    for caller in (admin, risk_manager, guardian, stranger, trader):
        with reverts(protocol.NotDeleverager, caller=caller):
            protocol.closeOnBehalf(*args, sender=caller)
    desk.agree()


@both_sides
def test_close_on_behalf__size_against_the_position__not_reducible(desk, trader, is_long):
    """The deleverager can only reduce, whatever it asks for."""
    s, who = sign(is_long), desk.suite.deleverager.address
    size = s * desk.units(PLAIN, HELD)
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, size)
    desk.open_isolated(trader, 5_000 * WAD, 20_000 * WAD, is_long)
    desk.wait(1)
    own = desk.model.position(trader.address).size
    call = (who, desk.protocol)
    for_account = "closeOnBehalf(address,uint256,uint256,int256)"
    for_trader = "closeOnBehalf(address,int256)"
    wrong = [
        ((for_account, desk.client, ACCOUNT, PLAIN, -s), ("NotReducible", size, s)),
        ((for_account, desk.client, 0, PLAIN, s), ("NotReducible", 0, -s)),
        ((for_account, desk.client, ACCOUNT, PLAIN, 0), ("ZeroAmount",)),
        ((for_trader, trader.address, -s), ("NotReducible", own, s)),
        ((for_trader, who, s), ("NotReducible", 0, -s)),
    ]
    for args, error in wrong:
        assert desk.refusal(*call, *args) == error
    # A margin position's is cut to a close, as a reduce-only order's.
    desk.node.rpc("anvil_impersonateAccount", who)
    settlement = desk.model.execute_order(desk.client, ACCOUNT, PLAIN, -size).settlement
    assert desk.node.simulate(*call, for_account, desk.client, ACCOUNT, PLAIN, 2 * size) == 0
    assert settlement == 0
    desk.send((*call, for_account, desk.client, ACCOUNT, PLAIN, 2 * size))
    closed = desk.model.close_position(trader.address)
    assert desk.node.simulate(*call, for_trader, trader.address, own) == closed.realised
    desk.send((*call, for_trader, trader.address, own))
    desk.agree()
