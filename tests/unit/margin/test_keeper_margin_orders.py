"""Where orders come from, and who signs the closing."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from eth_account import Account

from prep.errors import UserError
from prep.exchange.calldata import exact_input, exact_output
from prep.keeper.margin import orders
from prep.keeper.margin.actions import NO_DEADLINE, Execute
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.orders import LIFETIME, NoOrders, OwnSigner, QuoteService
from prep.margin.typed import Domain, recover
from prep.quotes.client import OpenOrder, QuoteError
from prep.quotes.wire import Side
from tests.unit.margin.watched import NOW, long, order, short

ROUTER = "0x" + 40 * "9"
DOMAINS = {True: Domain("0x" + 40 * "1", True, 5), False: Domain("0x" + 40 * "2", False, 5)}
SIGNER = Account.from_key("0x" + 64 * "5")


def execute(watched, swap, bound=7):
    signed = order(watched, 1, 1, True, min_payout=11)
    return Execute(watched.id, watched.position, signed, swap, bound, 13)


def test_service__orders__are_those_of_all_pages():
    watched = short(9_000)
    given = order(watched, 1, 1, True).order
    client = SimpleNamespace(orders=lambda: iter([OpenOrder(b"\x12", False, given, b"\x34")]))
    (found,) = QuoteService(client).orders()
    assert (found.id, found.order, found.signature) == (PoolId(False, 1), given, b"\x34")
    assert (found.digest, found.kind) == ("0x12", "take-profit")


def test_service__request__is_that_of_a_close(monkeypatch):
    asked = []

    def close(*arguments, **options):
        asked.append((arguments, options))
        return SimpleNamespace(request="request", signature=b"\x01")

    watched = short(9_000)
    action = execute(watched, watched.purchase)
    service = QuoteService(SimpleNamespace(close=close))
    assert service.request(action, NOW) == ("request", b"\x01")
    payout = action.order.order.payout
    assert asked == [((Side.SHORT, watched.position), {"payout": payout})]


def test_service__says_no__is_why_there_are_none():
    def fail(*_, **__):
        raise QuoteError("ChainBehind", "the latest block is old")

    service = QuoteService(SimpleNamespace(orders=fail, close=fail))
    watched = long(12_000)
    for ask in (service.orders, lambda: service.request(execute(watched, watched.sale), NOW)):
        with pytest.raises(NoOrders, match="ChainBehind: the latest block is old"):
            ask()


@pytest.mark.parametrize("is_long", (True, False))
def test_own_signer__request__closes_the_whole_and_is_signed(is_long):
    watched = long(12_000) if is_long else short(9_000)
    swap = watched.sale if is_long else watched.purchase
    action = execute(watched, swap)
    signer = OwnSigner(SimpleNamespace(), SIGNER, DOMAINS, ROUTER)
    request, signature = signer.request(action, NOW)
    p, pool = watched.position, DOMAINS[is_long].pool
    if is_long:
        data = exact_input(swap.route, pool, NO_DEADLINE, p.collateral, 7)
    else:
        data = exact_output(swap.route, pool, NO_DEADLINE, swap.amount_out, 7)
    expected = (p.id, p.nonce, p.trader, p.collateral, 11, 13, 0, NOW + LIFETIME, ROUTER, data)
    assert tuple(request) == expected
    assert recover(DOMAINS[is_long], request, signature) == SIGNER.address


def test_own_signer__orders__are_those_of_the_service():
    kept = [replace(order(long(1), 1, 1, True))]
    source = SimpleNamespace(orders=lambda: kept)
    assert OwnSigner(source, SIGNER, DOMAINS, ROUTER).orders() == kept


def test_own_signer__does_not_sign__is_why_there_is_no_request(monkeypatch):
    def refuse(*_):
        raise UserError("the account did not sign")

    monkeypatch.setattr(orders, "sign", refuse)
    watched = long(12_000)
    with pytest.raises(NoOrders, match="did not sign"):
        OwnSigner(SimpleNamespace(), SIGNER, DOMAINS, ROUTER).request(
            execute(watched, watched.sale), NOW
        )
