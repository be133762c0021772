"""Orders.executeOrder and what the client is told: what, when, and what it can do about it."""

import pytest

from tests.agreement import rejected
from tests.margin import ACCOUNT, FUNDS, LIQUIDITY, PLAIN, SIX, every_market
from tests.suite import UNLIMITED, WAD
from tests.unit.books import both_sides, sign

HELD = 40_000
ORDER = "executeOrder(uint256,uint256,int256,bool)"
NEVER_TOLD = 0, 0, 0, 0, False, 0


@pytest.fixture
def client(stage, desk, project, admin):
    """Keeps what it was told. Registered, with PREP that the protocol may take; the node signs for
    it."""
    suite = stage.suite
    client = admin.deploy(project.HostileClient, suite.prep)
    stage.node.interface.learn(project.HostileClient.contract_type)
    stage.node.rpc("anvil_impersonateAccount", client.address)
    suite.give(client, FUNDS)
    desk.register(client.address)
    yield client
    stage.node.rpc("anvil_stopImpersonatingAccount", client.address)


def told(client) -> tuple:
    """Account, market, size, settlement, whether forced, and the client's PREP at that moment."""
    return tuple(client.told())


@every_market
@both_sides
@pytest.mark.parametrize("gain", [True, False], ids=["gain", "loss"])
def test_execute_order__settled__told_after_a_gain_is_paid_and_before_a_loss_is_pulled(
    desk, client, market, is_long, gain
):
    s, who = sign(is_long), client.address
    size = s * desk.units(market, HELD)
    desk.order(market, size, client=who)
    desk.wait(3_600)
    desk.move_price(market, s * (60 if gain else -60))
    before = desk.money[who]
    done = desk.order(market, -size // 2, client=who)
    assert (done.settlement > 0) == gain
    held = desk.position(market, client=who).size
    had = before + max(0, done.settlement)
    assert told(client) == (ACCOUNT, market, held, done.settlement, False, had)
    assert desk.money[who] == before + done.settlement


@both_sides
def test_execute_order__any_kind__told_the_size_afterwards(desk, client, is_long):
    """Opening, growing, reducing, flipping and closing; also where nothing is settled."""
    s, who, unit = sign(is_long), client.address, desk.units(PLAIN, HELD)
    orders = [
        (2 * unit, False, 2 * unit),
        (unit, False, 3 * unit),
        (-unit, False, 2 * unit),
        (-4 * unit, False, -2 * unit),
        (5 * unit, True, 0),
    ]
    for account, (size, reduce_only, after) in enumerate(orders, start=3):
        desk.order(PLAIN, s * size, client=who, reduce_only=reduce_only)
        assert told(client) == (ACCOUNT, PLAIN, s * after, 0, False, FUNDS), account


def test_execute_order__many_accounts_and_markets__told_which(desk, client):
    for account, market in ((0, SIX), (UNLIMITED, PLAIN), (5, SIX)):
        done = desk.order(market, desk.units(market, HELD), account=account, client=client.address)
        assert told(client)[:4] == (account, market, done.size, done.settlement)


def test_close_all__any_settlement__not_told(desk, client):
    """It has to have the net already."""
    who = client.address
    for market in (PLAIN, SIX):
        desk.order(market, desk.units(market, HELD), client=who)
    last = told(client)
    client.arm([], True, sender=desk.suite.admin)
    desk.move_price(PLAIN, -50)
    assert desk.close_all(client=who) < 0
    assert told(client) == last
    assert desk.position(PLAIN, client=who).size == desk.position(SIX, client=who).size == 0


@both_sides
@pytest.mark.parametrize("gain", [True, False], ids=["gain", "loss"])
def test_deleverage__told_that_it_was_forced(desk, client, is_long, gain):
    s, who = sign(is_long), client.address
    desk.order(PLAIN, s * desk.units(PLAIN, HELD), client=who)
    desk.move_price(PLAIN, s * (60 if gain else -60))
    desk.configure(PLAIN, maxLongOIValue=0, maxShortOIValue=0)
    held, before = desk.position(PLAIN, client=who).size, desk.money[who]
    desk.model.deleverage_account(who, ACCOUNT, PLAIN, UNLIMITED)
    args = (who, ACCOUNT, PLAIN, UNLIMITED)
    deleverager = desk.suite.deleverager
    method = "deleverage(address,uint256,uint256,uint256)"
    logs = desk.send((desk.stage.lp, deleverager.address, method, *args))
    settlement = logs[-1][1][4]
    assert held
    assert (settlement > 0) == gain
    had = before + max(0, settlement)
    assert told(client) == (ACCOUNT, PLAIN, 0, settlement, True, had)
    desk.money[who] += settlement
    desk.agree()


@both_sides
def test_execute_order__client_refuses__nothing_changes_and_close_all_still_closes(
    desk, client, is_long
):
    size, who = sign(is_long) * desk.units(PLAIN, HELD), client.address
    desk.order(PLAIN, size, client=who)
    client.arm([], True, sender=desk.suite.admin)
    last = told(client)
    for change in (size, -size, -size // 2):
        call = (who, desk.protocol, ORDER, ACCOUNT, PLAIN, change, False)
        assert desk.refusal(*call) == ("Refused",)
        assert desk.node.send(*call) == (False, [])
    desk.agree()
    assert told(client) == last
    desk.close_all(client=who)
    assert desk.position(PLAIN, client=who).size == 0


@both_sides
def test_execute_order__client_has_nothing__can_fetch_what_it_lost_when_told(
    desk, client, admin, is_long
):
    """Money and allowance both; one unit less is not enough."""
    s, who, prep = sign(is_long), client.address, desk.suite.prep
    size = s * desk.units(PLAIN, HELD)
    desk.order(PLAIN, size, client=who)
    desk.move_price(PLAIN, -s * 50)
    desk.send((who, prep.address, "transfer(address,uint256)", admin.address, FUNDS))
    desk.send((who, prep.address, "approve(address,uint256)", desk.protocol, 0))
    desk.money[who] = 0
    loss = -desk.model.preview_order(who, ACCOUNT, PLAIN, -size).settlement
    desk.send((admin.address, prep.address, "approve(address,uint256)", who, loss))

    def fetch(amount):
        calls = [
            (prep, prep.transferFrom.encode_input(admin, who, amount)),
            (prep, prep.approve.encode_input(desk.protocol, amount)),
        ]
        client.arm(calls, False, sender=admin)

    fetch(loss - 1)
    seen = desk.refusal(who, desk.protocol, ORDER, ACCOUNT, PLAIN, -size, False)
    assert seen == ("ERC20InsufficientAllowance", desk.protocol.lower(), loss - 1, loss)
    desk.agree()
    fetch(loss)
    call = (who, desk.protocol, ORDER, ACCOUNT, PLAIN, -size, False)
    assert desk.node.simulate(*call) == -loss
    desk.model.execute_order(who, ACCOUNT, PLAIN, -size)
    names = [name for name, _ in desk.send(call)]
    assert names == ["OrderExecuted", "Transfer", "Approval", "Transfer"]
    desk.agree()
    assert prep.allowance(who, desk.protocol) == 0


def test_execute_order__gain_that_the_vault_cannot_pay__not_told(desk, client):
    who, size = client.address, 500 * 10**8
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, size, client=who)
    last = told(client)
    desk.move_price(PLAIN, 201)
    with rejected("VaultCannotPay", LIQUIDITY * 201 // 200, LIQUIDITY):
        desk.order(PLAIN, -size, client=who)
    assert told(client) == last


@both_sides
def test_execute_order__client_without_code__refused_though_registered(desk, trader, is_long):
    """Nobody can be told: a wallet cannot be a client. Looking is free."""
    who, size = trader.address, sign(is_long) * desk.units(PLAIN, HELD)
    desk.suite.give(trader, 1_000 * WAD)
    desk.register(who)
    desk.model.preview_order(who, 1, PLAIN, size)
    view = "previewOrder(address,uint256,uint256,int256,bool)"
    assert desk.node.read((desk.protocol, view, who, 1, PLAIN, size, False))
    assert desk.refusal(who, desk.protocol, ORDER, 1, PLAIN, size, False) == ("unknown error 0x",)
    assert desk.node.send(who, desk.protocol, ORDER, 1, PLAIN, size, False) == (False, [])
    desk.keys.add((who, 1, PLAIN))
    desk.agree()


def test_on_settlement__nothing_executed__never_told(client):
    assert told(client) == NEVER_TOLD
