"""Take-profits and stop-losses that traders leave with the service."""

import pytest
from eth_account.messages import encode_defunct
from eth_utils import to_checksum_address
from pydantic import SecretStr

from prep.margin.data import Order, Payout
from prep.margin.typed import digest, sign
from prep.quotes.client import QuoteError
from prep.quotes.orders import removal_text
from tests.integration.quotes.trading import ETHER, open_position, pass_time, send

CHAIN = 31_337
HOUR = 3_600


@pytest.fixture
def position(margin, client, side, trader):
    """Open."""
    return open_position(margin, client, side, trader)


@pytest.fixture
def order(margin, position, trader):
    """Good for an hour."""
    return Order(
        id=position.id,
        trader=trader.address,
        signer=trader.address,
        take_profit=True,
        quote_amount=3_000,
        base_amount=1,
        min_payout=0,
        payout=Payout.TOKEN,
        expiry=margin.time() + HOUR,
    )


@pytest.fixture
def submit(client, side, way, position, trader):
    """Leaves an order, signed by the trader unless by somebody else."""

    def leave(order, signer=None, signature=None, position=position, client=client):
        signature = signature or sign(signer or trader, side.domain, order)
        return client.submit(way, order, signature, position)

    return leave


def refused(call, code, status=422):
    with pytest.raises(QuoteError) as raised:
        call()
    assert (raised.value.code, raised.value.status) == (code, status), raised.value
    return raised.value


def test_submit__an_order_of_the_trader__is_listed(client, side, order, submit, trader):
    kept = submit(order)
    assert kept.digest == digest(side.domain, order)
    assert (kept.order, kept.is_long) == (order, side.is_long)
    assert list(client.orders()) == [kept]
    assert list(client.orders(trader.address)) == [kept]
    assert list(client.orders(side.address)) == []


def test_submit__twice__keeps_it_once(client, order, submit):
    assert submit(order) == submit(order)
    assert len(list(client.orders())) == 1


def test_submit__signed_by_somebody_else__is_refused(order, submit, stranger):
    refused(lambda: submit(order, stranger), "NotOrderOfTrader")
    by_stranger = order._replace(signer=stranger.address)
    refused(lambda: submit(by_stranger, stranger), "NotOrderOfTrader")


def test_submit__signed_by_whom_the_trader_authorised__is_kept(
    margin, side, order, submit, trader, stranger, client
):
    authorise = "authoriseSigner(address,bool)"
    margin.send(trader, side, authorise, stranger.address, True)
    kept = submit(order._replace(signer=stranger.address), stranger)
    assert list(client.orders()) == [kept]


@pytest.mark.parametrize("answer, kept", [("1626ba7e", True), ("ffffffff", False)])
def test_submit__signed_by_a_contract__is_what_that_says(
    margin, side, order, submit, trader, client, answer, kept
):
    """ERC-1271: its word counts, whatever the signature looks like."""
    wallet = "0x" + 20 * "c0"
    # Returns `answer` in the first four bytes of a word.
    code = f"0x63{answer}60e01b60005260206000f3"
    margin.node.rpc("anvil_setCode", wallet, code)
    signer = to_checksum_address(wallet)
    margin.send(trader, side, "authoriseSigner(address,bool)", signer, True)
    by_wallet = order._replace(signer=signer)
    if kept:
        submit(by_wallet, signature=b"anything")
        assert [found.order for found in client.orders()] == [by_wallet]
    else:
        refused(lambda: submit(by_wallet, signature=b"anything"), "NotOrderOfTrader")


@pytest.mark.parametrize(
    "change, code",
    [
        ({"quote_amount": 0}, "InvalidInput"),
        ({"base_amount": 0}, "InvalidInput"),
        ({"base_amount": 2**128}, "InvalidInput"),
        ({"id": 5}, "OrderMismatch"),
        ({"expiry": 1_000}, "Expired"),
        ({"payout": Payout.ETHER}, "NotWrappedEther"),
    ],
)
def test_submit__what_could_never_be_executed__is_refused(order, submit, change, code):
    refused(lambda: submit(order._replace(**change)), code)


def test_submit__paid_in_ether_where_that_is_the_token__is_kept(
    margin, side, client, trader, order, submit
):
    position = open_position(margin, client, side, trader, ETHER)
    kept = submit(order._replace(id=position.id, payout=Payout.ETHER), position=position)
    assert kept.order.payout is Payout.ETHER


def test_submit__for_a_position_that_is_not_so__is_refused(order, submit, position):
    for changed in (position._replace(nonce=2), position._replace(principal=0)):
        refused(lambda changed=changed: submit(order, position=changed), "UnknownPosition")


def test_submit__cancelled_on_chain__is_refused(margin, side, order, submit, trader):
    margin.do(trader, side, "cancel", order)
    refused(lambda: submit(order), "OrderIsCancelled")


def test_submit__too_many_of_one_trader__is_refused(create_client, order, submit):
    client = create_client(max_orders="2")
    for amount in (1, 2):
        submit(order._replace(quote_amount=amount), client=client)
    third = order._replace(quote_amount=3)
    assert refused(lambda: submit(third, client=client), "TooManyOrders").values["max"] == "2"
    # One that is kept is no further one.
    submit(order._replace(quote_amount=2), client=client)


@pytest.mark.parametrize("end", ["closed", "cancelled", "expired"])
def test_orders__that_ended__are_forgotten(
    margin, side, way, client, order, submit, position, trader, end
):
    kept = submit(order)
    if end == "closed":
        send(margin, trader, client.close(way, position))
    elif end == "cancelled":
        margin.do(trader, side, "cancel", order)
    else:
        pass_time(margin, HOUR + 60)
    assert list(client.orders()) == []
    refused(lambda: client.remove(kept.digest), "UnknownOrder", 404)


def test_orders__of_many_pages__are_all_listed(create_client, order, submit):
    client = create_client(max_orders="200")
    orders = [order._replace(quote_amount=n) for n in range(1, 104)]
    for one in orders:
        submit(one, client=client)
    assert [kept.order for kept in client.orders()] == orders


def signed_removal(account, hashed, chain=CHAIN):
    message = encode_defunct(text=removal_text(hashed, chain))
    return bytes(account.sign_message(message).encode_rsv())


def test_remove__at_its_traders_word__forgets_it(client, order, submit, trader):
    kept = submit(order)
    client.remove(kept.digest, signed_removal(trader, kept.digest))
    assert list(client.orders()) == []


def test_remove__without_that__keeps_it(client, order, submit, trader, stranger):
    kept = submit(order)
    refused(lambda: client.remove(kept.digest), "SignatureMissing", 401)
    for signature in (
        signed_removal(stranger, kept.digest),
        signed_removal(trader, kept.digest, 1),
        signed_removal(trader, bytes(32)),
        kept.signature,
        b"",
        bytes(65),
    ):
        call = lambda signature=signature: client.remove(kept.digest, signature)  # noqa: E731
        refused(call, "NotOrderOfTrader", 403)
    assert list(client.orders()) == [kept]


def test_remove__cancelled_on_chain__needs_no_word(margin, side, client, order, submit, trader):
    kept = submit(order)
    margin.do(trader, side, "cancel", order)
    client.remove(kept.digest)
    refused(lambda: client.remove(kept.digest), "UnknownOrder", 404)


def test_orders__with_the_token__are_listed(create_service, create_client, order, submit):
    service = create_service(token=SecretStr("word"))
    kept = submit(order, client=create_client(service))
    refused(lambda: list(create_client(service).orders()), "TokenMissing", 401)
    assert list(create_client(service, "word").orders()) == [kept]
