"""Orders.executeOrder: what is paid, what is pulled, and what happens if it cannot be."""

import pytest

from tests.agreement import rejected
from tests.margin import EIGHTEEN, FUNDS, KINDS, LIQUIDITY, PLAIN, SIX, every_market
from tests.suite import WAD
from tests.unit.books import both_sides, sign

DAY = 86_400
ORDER = "executeOrder(uint256,uint256,int256,bool)"
FLAT = 0, 0, 0, 0


@every_market
@both_sides
@pytest.mark.parametrize("gain", [True, False], ids=["gain", "loss"])
def test_execute_order__settled__exactly_that_moves_between_client_and_vault(
    desk, market, is_long, gain
):
    """M1 to M3: tokens, liquidity and the protocol's fees add up, to the unit."""
    prep, vault = desk.suite.prep, desk.suite.vault
    s, size = sign(is_long), desk.units(market, 100_000)
    desk.order(market, s * size)
    desk.wait(DAY)
    desk.move_price(market, s * (100 if gain else -100))
    client, custody = prep.balanceOf(desk.client), prep.balanceOf(vault)
    liquidity, unpaid = desk.suite.protocol.liquidity(), desk.suite.protocol.protocolFees().unpaid
    done = desk.order(market, -s * size)
    assert (done.settlement > 0) == gain
    assert prep.balanceOf(desk.client) - client == done.settlement
    assert prep.balanceOf(vault) - custody == -done.settlement
    assert desk.suite.protocol.liquidity() - liquidity == -done.settlement - done.protocol_fee
    fees = desk.suite.protocol.protocolFees().unpaid - unpaid
    assert fees == done.protocol_fee == -(done.closing_fee // 10)


@both_sides
def test_execute_order__shares_of_both_fees_rounded_up__each(desk, is_long):
    """A flip pays two fees, and the protocol one unit more than of their sum."""
    market, s = EIGHTEEN, sign(is_long)
    desk.order(market, s * (desk.units(market, 40_000) + 1))
    for extra in range(100):
        size = -s * (desk.units(market, 90_000) + 77 * extra)
        if shares(desk.model.preview_order(desk.client, 7, market, size)):
            break
    done = desk.order(market, size)
    each = -(done.closing_fee // 10) + -(-done.opening_fee // 10)
    assert done.protocol_fee == each == -(-(done.opening_fee - done.closing_fee) // 10) + 1


def shares(done) -> bool:
    """Whether rounding each up is more than rounding the sum up."""
    both = -(-(done.opening_fee - done.closing_fee) // 10)
    return done.protocol_fee > both


@both_sides
def test_execute_order__half_to_the_protocol__half_of_each_fee(desk, is_long):
    call = (desk.suite.risk_manager.address, desk.protocol, "setProtocolFeeRate(uint256)")
    desk.send((*call, WAD // 2))
    desk.model.set_protocol_fee_rate(WAD // 2)
    size = sign(is_long) * desk.units(SIX, 40_000)
    opened = desk.order(SIX, size)
    assert opened.protocol_fee == -(-opened.opening_fee // 2)
    closed = desk.order(SIX, -size)
    assert closed.protocol_fee == -(closed.closing_fee // 2)


@both_sides
def test_execute_order__gain_is_all_the_vault_has__paid_and_one_unit_more_refused(desk, is_long):
    """500 bitcoin that win 2,000 dollars each, and then a unit more."""
    s, size = sign(is_long), 500 * 10**8
    desk.configure(PLAIN, borrowRate=0)
    desk.order(PLAIN, s * size)
    price = KINDS[PLAIN].price
    unit = WAD // size
    gained = s * price // 5
    desk.set_price(PLAIN, price + gained + s * unit)
    for reduce_only in (False, True):
        with rejected("VaultCannotPay", LIQUIDITY + 1, LIQUIDITY):
            desk.order(PLAIN, -s * size, reduce_only=reduce_only)
    with rejected("VaultCannotPay", LIQUIDITY + 1, LIQUIDITY):
        desk.close_all()
    desk.set_price(PLAIN, price + gained)
    done = desk.order(PLAIN, -s * size)
    assert done.settlement == LIQUIDITY
    assert desk.model.vault.liquidity == 0


@both_sides
def test_execute_order__any_order_settles_all__vault_cannot_pay_a_small_one_either(desk, is_long):
    """P6 knows the exception: every order realises the whole position."""
    s, size = sign(is_long), 500 * 10**8
    desk.order(PLAIN, s * size)
    desk.set_price(PLAIN, KINDS[PLAIN].price * (5 + s) // 5 + s * WAD // size)
    with rejected("VaultCannotPay", LIQUIDITY + 1, LIQUIDITY):
        desk.order(PLAIN, -s * 10**6)


# A client without money and allowance


@pytest.fixture
def poor(desk, other_client):
    desk.register(other_client.address)
    return other_client


@both_sides
@pytest.mark.parametrize("lacking", ["allowance", "balance"])
def test_execute_order__cannot_pay__nothing_changes(desk, poor, is_long, lacking):
    size, who = sign(is_long) * desk.units(SIX, 40_000), poor.address
    fee = desk.model.preview_order(who, 1, SIX, size).opening_fee
    prep = desk.suite.prep
    if lacking == "allowance":
        desk.suite_send(prep.address, "mint(address,uint256)", who, fee)
        held, allowed = fee, fee - 1
    else:
        desk.suite_send(prep.address, "mint(address,uint256)", who, fee - 1)
        held, allowed = fee - 1, fee
    desk.money[who] = held
    approve = (who, prep.address, "approve(address,uint256)", desk.protocol)
    desk.send((*approve, allowed))
    error = {
        "allowance": ("ERC20InsufficientAllowance", desk.protocol.lower(), fee - 1, fee),
        "balance": ("ERC20InsufficientBalance", who.lower(), fee - 1, fee),
    }
    assert desk.refusal(who, desk.protocol, ORDER, 1, SIX, size, False) == error[lacking]
    done, logs = desk.node.send(who, desk.protocol, ORDER, 1, SIX, size, False)
    assert (done, logs) == (False, [])
    desk.keys.add((who, 1, SIX))
    desk.agree()
    assert desk.position(SIX, 1, who) == FLAT

    if lacking == "balance":
        desk.suite_send(prep.address, "mint(address,uint256)", who, 1)
    desk.send((*approve, fee))
    desk.money[who] = fee
    desk.order(SIX, size, account=1, client=who)
    assert desk.money[who] == 0


@both_sides
def test_execute_order__gain__needs_no_allowance(desk, poor, is_long):
    s, who = sign(is_long), poor.address
    size = s * desk.units(PLAIN, 40_000)
    desk.order(PLAIN, size, client=who)
    desk.wait(1)
    desk.move_price(PLAIN, s * 10)
    desk.order(PLAIN, -size, client=who)
    assert desk.money[who] > 399 * WAD


@both_sides
def test_close_all__cannot_pay__nothing_changes(desk, poor, is_long):
    s, who = sign(is_long), poor.address
    size = s * desk.units(PLAIN, 40_000)
    desk.order(PLAIN, size, account=1, client=who)
    desk.move_price(PLAIN, -s * 10)
    loss = -desk.model.preview_order(who, 1, PLAIN, -size).settlement
    seen = desk.refusal(who, desk.protocol, "closeAll(uint256)", 1)
    assert seen == ("ERC20InsufficientAllowance", desk.protocol.lower(), 0, loss)
    assert desk.node.send(who, desk.protocol, "closeAll(uint256)", 1) == (False, [])
    desk.agree()
    assert desk.position(PLAIN, 1, who).size == size


def test_execute_order__nothing_to_settle__no_token_moves(desk):
    """A market without fees, opened and closed at one price in one block."""
    size = desk.units(PLAIN, 1_000)
    assert desk.order(PLAIN, size).settlement == 0
    assert desk.order(PLAIN, -size).settlement == 0
    assert desk.money[desk.client] == FUNDS
