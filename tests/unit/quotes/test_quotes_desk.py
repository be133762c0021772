"""Quotes on a chain that answers from a table: a public one, where clocks matter."""

import httpx
import pytest
from eth_account import Account
from pydantic import SecretStr

from prep.errors import UserError
from prep.margin import read
from prep.margin.chain import Refused
from prep.margin.data import Order, Payout
from prep.margin.errors import Refusal
from prep.margin.typed import Domain, digest, recover, sign
from prep.quotes import desk, swaps
from prep.quotes.app import Service, create_app
from prep.quotes.client import QuoteClient, QuoteError
from prep.quotes.config import KEY
from prep.quotes.orders import Kept, OrderStore, TooManyOrdersError
from prep.quotes.problems import Problem
from prep.quotes.signer import load_signer
from prep.quotes.wire import Position, Side
from prep.quotes.wishes import CloseWish, OpenWish
from tests.quotes import InProcess
from tests.unit.quotes import fake
from tests.unit.quotes.fake import BASE, LONG, POSITION, QUOTE, SHORT, TRADER

WAD = 10**18
QUOTER_INPUT = (fake.QUOTER, swaps.EXACT_INPUT)


def opening(**changes):
    wish = {
        "side": Side.LONG,
        "trader": TRADER,
        "base": BASE,
        "quote": QUOTE,
        "down_payment": 10**18,
        "leverage": 30_000,
    }
    return OpenWish(**(wish | changes))


def closing(position=POSITION, **changes):
    return CloseWish(side=Side.LONG, position=Position.of(position), **changes)


# ---------------------------------------------------------------------------------------- the clock


def test_open__on_a_public_chain__ends_by_the_wall_clock(create, table):
    assert create(ahead=3, lifetime="30").open(opening()).expiry == table.now + 33
    # The head may be of this very second, or ahead of our clock.
    assert create(ahead=-5, lifetime="30").open(opening()).expiry == table.now + 31


def test_open__a_chain_that_is_behind__gives_no_quotes(create):
    create(ahead=120).open(opening())
    with pytest.raises(Problem) as raised:
        create(ahead=121).open(opening())
    assert (raised.value.status, raised.value.code) == (503, "ChainBehind")


def test_open__tried_out__is_the_very_transaction_in_the_next_second(create, table):
    quote = create(gas_limit="777000").open(opening())
    ((call, at),) = [
        (call, at) for call, at in table.calls if call.to == LONG and call.gas == 777_000
    ]
    assert (call.data, call.sender) == (quote.transaction.data, TRADER)
    assert (call.gas, quote.transaction.gas) == (777_000, 777_000)
    assert at == table.now + 1
    request, domain = quote.request.struct(), Domain(LONG, True, 1)
    assert recover(domain, request, quote.signature) == fake.SIGNER.address


def test_close__interest__is_charged_until_the_next_second(create, table):
    table.answers[QUOTER_INPUT] = lambda path, amount: (amount * 2_000, [2**96], [1], 1)
    quote = create().close(closing())
    # A tenth a year, and 101 seconds since the position was funded.
    exact, rest = divmod(1_000 * WAD * 101, 10 * 31_536_000)
    assert quote.expected.interest == exact + (rest > 0)


def test_close__a_debt_too_small_for_interest__ends_before_it_is_not(create, table):
    small = POSITION._replace(principal=300_000)
    table.answers[LONG, read.POSITION_HASH] = lambda _: read.position_hash(small)
    quote = create().close(closing(small))
    assert quote.expected.interest == 0
    # At the highest, 100 % a year, 300,000 bring one unit after 105.12 seconds.
    assert quote.expiry == fake.START + 105
    assert table.max_interest(None, 300_000, fake.START) == 0


# ------------------------------------------------------------------------------------------- routes


def test_open__several_routes__takes_the_best(create, table):
    def answer(path, amount):
        return (amount // (4 if path[20:23] == (500).to_bytes(3) else 2), [2**96], [1], 1)

    table.answers[QUOTER_INPUT] = answer
    assert create().open(opening()).expected.swap.fees == (3_000,)


def test_open__a_route_that_fails__is_passed_over(create, table):
    table.answers[QUOTER_INPUT] = lambda path, amount: (
        Refusal("NoReason", {})
        if path[20:23] == (3_000).to_bytes(3)
        else (amount // 9, [2**96], [1], 1)
    )
    assert create().open(opening()).expected.swap.fees == (500,)
    table.answers[QUOTER_INPUT] = Refusal("NoReason", {})
    with pytest.raises(Problem, match="no pool can swap"):
        create().open(opening())


def test_open__a_pool_that_is_exhausted__is_no_route(create, table):
    table.answers[QUOTER_INPUT] = lambda path, amount: (5, [4295128740], [1], 1)
    with pytest.raises(Problem) as raised:
        create().open(opening())
    assert raised.value.code == "NoRoute"


def test_close__of_a_short__buys_at_the_lowest_cost(create, table):
    costs = {500: 3, 3_000: 2}
    table.answers[fake.QUOTER, swaps.EXACT_OUTPUT] = lambda path, amount: (
        amount * costs[int.from_bytes(path[20:23])],
        [2**96],
        [1],
        1,
    )
    short = POSITION._replace(principal=10**17)
    table.answers[SHORT, read.POSITION_HASH] = lambda _: read.position_hash(short)
    wish = CloseWish(side=Side.SHORT, position=Position.of(short))
    swap = create().close(wish).expected.swap
    assert swap.fees == (3_000,)
    assert swap.amount_in == 2 * swap.amount_out


# ----------------------------------------------------------------------------------- what is unlike


def test_signature__of_a_refused_quote__is_given_to_nobody(create, table):
    refusal = Refusal("OutputTooLow", {"received": 1, "min": 2})
    table.answers[LONG, desk.OPEN] = refusal
    with pytest.raises(Problem) as raised:
        create().open(opening())
    assert raised.value.code == "OutputTooLow"
    signature = table.calls[-1][0].data[-128:]
    assert signature.hex()[:64] not in str(raised.value.content("id"))


def test_id__that_was_used__is_not_taken(create, table):
    answers = iter([b"\x01" * 32, bytes(32)])
    table.answers[LONG, read.POSITION_HASH] = lambda _: next(answers)
    create().open(opening())
    assert next(answers, None) is None


def test_quotes__of_another_chain__do_not_start(create, table):
    table.id = 5
    with pytest.raises(UserError, match="the settings are for chain 1, not 5"):
        create()


@pytest.mark.parametrize(
    "answer, reason",
    [
        (Refusal("NoReason", {}), "pools.long: there is no pool at"),
        (False, "pools.long: .* is a pool of the other direction"),
    ],
)
def test_quotes__of_other_contracts__do_not_start(create, table, answer, reason):
    table.answers[LONG, read.IS_LONG] = answer
    with pytest.raises(UserError, match=reason):
        create()


def test_read__what_is_no_contract__says_so(table):
    with pytest.raises(Refused, match="NoContract"):
        read.read_pool(table, table.head(), TRADER)


# ------------------------------------------------------------------------------------------- signer


def test_signer__from_the_environment__is_that_key(monkeypatch):
    monkeypatch.setenv(KEY, fake.KEY)
    assert load_signer(None).address == fake.SIGNER.address


@pytest.mark.parametrize("key", ["0x12", "hush", "0x" + 64 * "f", 32 * "5c" + "5"])
def test_signer__from_no_key__says_so_without_showing_it(monkeypatch, key):
    monkeypatch.setenv(KEY, key)
    with pytest.raises(UserError) as raised:
        load_signer(None)
    assert raised.value.message == f"what {KEY} holds is no private key"
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_signer__of_nobody_or_two__says_so(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(UserError, match="nobody signs"):
        load_signer(None)
    monkeypatch.setenv(KEY, fake.KEY)
    with pytest.raises(UserError, match="two signers"):
        load_signer("alice")


# ------------------------------------------------------------------------------------------- orders


def order(number):
    return Order(7, TRADER, TRADER, True, number, 1, 0, Payout.TOKEN, 2**40)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'orders.db'}"


def test_store__opened_again__has_kept_orders_of_its_chain(url):
    store = OrderStore(url, 1, [LONG, SHORT])
    kept = Kept(b"\x01" * 32, True, order(1), b"\x02" * 65)
    assert store.add(LONG, kept, 5)
    assert not store.add(LONG, kept, 5)
    again = OrderStore(url, 1, [LONG, SHORT])
    found = again.get(kept.digest)
    assert (found.order, found.signature, found.is_long) == (kept.order, kept.signature, True)
    assert (again.count(), len(again.page(0, 10)), len(again.page(found.number, 10))) == (1, 1, 0)
    for other in (OrderStore(url, 2, [LONG, SHORT]), OrderStore(url, 1, [SHORT])):
        assert (other.count(), other.get(kept.digest)) == (0, None)
        other.remove([kept.digest])
    assert again.count() == 1
    again.remove([kept.digest])
    assert again.count() == 0


def test_store__as_many_as_are_kept__takes_no_more(url):
    store = OrderStore(url, 1, [LONG])
    for number in (1, 2):
        store.add(LONG, Kept(bytes([number]) * 32, True, order(number), b""), 2)
    with pytest.raises(TooManyOrdersError):
        store.add(LONG, Kept(b"\x03" * 32, True, order(3), b""), 2)
    other = order(3)._replace(trader=SHORT)
    assert store.add(LONG, Kept(b"\x03" * 32, True, other, b""), 2)


@pytest.mark.parametrize("url", ["nonsense", "oracle://me:hush@host/db", "sqlite:////no/hush/x.db"])
def test_store__that_cannot_be_opened__says_so_without_its_url(url):
    with pytest.raises(UserError) as raised:
        OrderStore(url, 1, [LONG])
    assert "hush" not in raised.value.message
    assert raised.value.__suppress_context__


def test_orders__of_an_id_not_known_yet__stay(create, table):
    """A node that is behind, or a branch of the chain that was left, does not end an order."""
    service = Service(create(), OrderStore("sqlite://", 1, [LONG, SHORT]), SecretStr("t"))
    client = QuoteClient("http://q", "t", transport=InProcess(create_app(service)))
    trader = Account.create()
    position = POSITION._replace(trader=trader.address)
    table.answers[LONG, read.POSITION_HASH] = lambda _: read.position_hash(position)
    mine = order(1)._replace(trader=trader.address, signer=trader.address)
    domain = Domain(LONG, True, 1)
    client.submit(Side.LONG, mine, sign(trader, domain, mine), position)
    table.answers[LONG, read.POSITION_HASH] = bytes(32)
    assert list(client.orders()) == []
    table.answers[LONG, read.POSITION_HASH] = b"\x07" * 32
    assert [found.digest for found in client.orders()] == [digest(domain, mine)]
    table.answers[LONG, read.POSITION_HASH] = (1).to_bytes(32)
    assert list(client.orders()) == []
    assert service.orders.count() == 0


# ------------------------------------------------------------------------------------------- client


@pytest.mark.parametrize(
    "handler, code",
    [
        (lambda _: httpx.Response(200, json={"block": 1}), "NotUnderstood"),
        (lambda _: httpx.Response(200, text="hello"), "NotUnderstood"),
        (lambda _: httpx.Response(502, text="bad gateway"), "NotUnderstood"),
    ],
)
def test_client__another_answer__is_one_kind_of_error(handler, code):
    with (
        QuoteClient("http://q", transport=httpx.MockTransport(handler)) as client,
        pytest.raises(QuoteError) as raised,
    ):
        client.pairs()
    assert raised.value.code == code


def test_client__nobody_there__is_one_kind_of_error():
    with QuoteClient("http://127.0.0.1:9") as client, pytest.raises(QuoteError) as raised:
        client.pairs()
    assert (raised.value.code, raised.value.status) == ("NotReached", None)
