"""What anybody can ask of the service, without being anybody."""

import httpx
import pytest

from prep.margin.data import Order, Payout
from prep.quotes.app import Service, create_app
from prep.quotes.orders import Kept, OrderStore
from prep.quotes.problems import Problem
from prep.quotes.web import one_client
from prep.quotes.wire import Position, Side
from prep.quotes.wishes import CloseWish
from tests.quotes import InProcess
from tests.unit.quotes.fake import LONG, POSITION, TRADER


def test_close__of_a_position_that_is_none__holds_nobody_up(create, monkeypatch):
    """The position is the asker's word until the chain has confirmed it."""
    waits = []
    monkeypatch.setattr("prep.quotes.quoting.time.sleep", waits.append)
    made_up = POSITION._replace(last_funding_timestamp=2**256 - 1)
    with pytest.raises(Problem) as raised:
        create().close(CloseWish(side=Side.LONG, position=Position.of(made_up)))
    assert (raised.value.code, waits) == ("UnknownPosition", [])


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("testclient", "testserver", False),
    ],
)
def test_one_client__of_an_address__is_a_customer_of_a_network(one, other, same):
    assert (one_client(one) == one_client(other)) is same


def test_watchers__more_than_the_limit__are_refused_by_themselves(create):
    """Each look at the health asks the node ten times: nobody may do that without end."""
    service = Service(create(limits={"per_client": "2/minute"}), OrderStore("sqlite://", 1, [LONG]))
    http = httpx.Client(base_url="http://q", transport=InProcess(create_app(service), "10.0.0.1"))
    assert [http.get("/health").status_code for _ in range(3)] == [200, 200, 429]
    assert http.get("/metrics").status_code == 429
    assert http.get("/v1/pairs").status_code == 200


def test_store__newest_removed__its_number_is_not_given_again(tmp_path):
    """Who reads page by page would not see what comes in the place of the last one he saw."""
    store = OrderStore(f"sqlite:///{tmp_path / 'orders.db'}", 1, [LONG])
    order = Order(7, TRADER, TRADER, True, 1, 1, 0, Payout.TOKEN, 2**60)
    for number in (1, 2):
        store.add(LONG, Kept(bytes(31) + bytes([number]), True, order, b""), 9)
    newest = store.page(0, 9)[-1]
    store.remove([newest.digest])
    store.add(LONG, Kept(bytes(31) + b"\x03", True, order, b""), 9)
    assert [kept.digest[-1] for kept in store.page(newest.number, 9)] == [3]
