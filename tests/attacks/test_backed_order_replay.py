"""Attack: a trader's order used again, or for what he did not sign it for (R5)."""

import pytest
from eth_utils import keccak

from prep.margin.data import CLOSED, encode_struct
from prep.margin.typed import Domain, digest, sign
from tests.attacks.backed import check_books, refused
from tests.attacks.backed_acts import KINDS, PAIR, changed

CHANGING = KINDS[1:]


@pytest.fixture
def position(margin, pool, victim):
    return margin.typical(pool, victim, PAIR, 2)


def hash_of(position) -> bytes:
    return keccak(encode_struct(position))


def test_order__executed_twice_or_for_a_closed_position__refused(
    acts, margin, pool, position, victim
):
    order, request = acts.order(position), acts.whole(position)
    acts.execute(order, victim, position, request)
    with refused("UnknownPosition", position.id, CLOSED, hash_of(position)):
        acts.execute(order, victim, position, request)
    check_books(margin)


def test_order__cancelled__refused(acts, margin, pool, position, victim, rogue):
    order = acts.order(position)
    with refused("NotTrader", rogue.address, victim.address):
        margin.do(rogue, pool, "cancel", order)
    # He who names himself the signer cancels another order.
    margin.do(rogue, pool, "cancel", order._replace(signer=rogue.address))
    margin.do(victim, pool, "cancel", order)
    with refused("OrderIsCancelled", digest(pool.domain, order)):
        acts.execute(order, victim, position)
    # Every other one stays good.
    acts.execute(order._replace(min_payout=1), victim, position)


@pytest.mark.parametrize("between", CHANGING)
def test_order__position_has_changed__good_for_what_there_is(
    acts, margin, pool, position, victim, between
):
    """It names a price and a least payout, for the whole position whatever it is: and the request
    with it the state."""
    order, old = acts.order(position), acts.whole(position)
    after = acts.act(between, victim, acts.request(between, victim, position), position)
    with refused("WrongPosition", after.id, after.nonce, position.id, position.nonce):
        acts.execute(order, victim, after, old)
    for amount in (after.collateral - 1, 1):
        part = margin.close_request(pool, after, amount, interest=1)
        with refused("OrderMismatch"):
            acts.execute(order, victim, after, part)
    acts.execute(order, victim, after)
    check_books(margin)


def test_order__for_another_position_or_trader__refused(
    acts, margin, pool, position, victim, rogue
):
    mine = margin.typical(pool, rogue, PAIR, 2)
    other = margin.typical(pool, victim, PAIR, 2)
    for order, signer in ((acts.order(other), victim), (acts.order(mine), rogue)):
        with refused("OrderMismatch"):
            acts.execute(order, signer, position)
    forged = acts.order(position)._replace(signer=rogue.address)
    with refused("NotOrderOfTrader", rogue.address, victim.address):
        acts.execute(forged, rogue, position)
    with refused("NotOrderOfTrader", victim.address, victim.address):
        acts.execute(acts.order(position), rogue, position)


def test_order__every_field_changed__signature_void(acts, margin, pool, position, victim):
    order = acts.order(position)
    signature = sign(victim, pool.domain, order)
    for field in order._fields:
        other = changed(order, field)
        error = {
            "id": ("OrderMismatch",),
            "trader": ("OrderMismatch",),
            "signer": ("NotOrderOfTrader", other.signer, victim.address),
        }.get(field, ("NotOrderOfTrader", victim.address, victim.address))
        with refused(*error):
            acts.execute(other, victim, position, order_signature=signature)
    acts.execute(order, victim, position, order_signature=signature)


def test_order__signed_for_elsewhere__refused(acts, margin, pool, position, victim):
    (other,) = (side for side in margin.sides.values() if side is not pool)
    order, here = acts.order(position), pool.domain
    for domain in (other.domain, Domain(here.pool, here.is_long, here.chain_id + 1)):
        with refused("NotOrderOfTrader", victim.address, victim.address):
            signature = sign(victim, domain, order)
            acts.execute(order, victim, position, order_signature=signature)


def test_order__at_its_last_second__good_and_then_no_more(acts, margin, position, victim, isolated):
    expiry = margin.time() + 600
    order, request = acts.order(position, expiry=expiry), acts.whole(position)
    with isolated():
        margin.node.at(expiry)
        acts.execute(order, victim, position, request)
    margin.node.at(expiry + 1)
    with refused("Expired", expiry, expiry + 1):
        acts.execute(order, victim, position, request)
