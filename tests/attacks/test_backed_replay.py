"""Attack: a signed request used again, or for what it was not signed for.

A request is good once, on its chain, in its pool, for its trader, its position in one state, and
until it expires (R5).
"""

import pytest
from eth_utils import keccak

from prep.margin.data import CLOSED, NEVER_OPENED, encode_struct
from prep.margin.typed import Domain, recover, sign
from tests.attacks.backed import check_books, refused
from tests.attacks.backed_acts import EVENTS, KINDS, PAIR, changed
from tests.margin_suite import FUNCTIONS, _plain

CHANGING = KINDS[1:]
kinds = pytest.mark.parametrize("kind", KINDS)
changing = pytest.mark.parametrize("kind", CHANGING)


@pytest.fixture
def position(margin, pool, victim):
    return margin.typical(pool, victim, PAIR, 2)


def given(kind, position):
    """What is handed in with a request."""
    return None if kind == "open" else position


def hash_of(position) -> bytes:
    return keccak(encode_struct(position))


@kinds
@pytest.mark.parametrize("elsewhere", ["another chain", "the other pool", "another deployment"])
def test_request__signed_for_elsewhere__refused(
    acts, margin, pool, position, victim, kind, elsewhere
):
    here = pool.domain
    (other,) = (side for side in margin.sides.values() if side is not pool)
    domain = {
        "another chain": Domain(here.pool, here.is_long, here.chain_id + 1),
        "the other pool": other.domain,
        "another deployment": Domain(margin.controller.address, here.is_long, here.chain_id),
    }[elsewhere]
    request = acts.request(kind, victim, position)
    foreign = sign_for(margin, domain, request)
    with refused("NotOrderSigner", recover(here, request, foreign)):
        acts.do(kind, victim, request, foreign, position)
    acts.act(kind, victim, request, given(kind, position))


def sign_for(margin, domain, request) -> bytes:
    return sign(margin.signer, domain, request)


@kinds
def test_request__the_chain_splits__good_on_the_old_one_only(
    acts, margin, pool, position, victim, kind
):
    """Both chains have the contracts, their positions and the signers; only one has the id."""
    request = acts.request(kind, victim, position)
    signature = margin.signed(pool, request)
    here = pool.domain
    split = Domain(here.pool, here.is_long, here.chain_id + 1)
    margin.node.rpc("anvil_setChainId", split.chain_id)
    try:
        with refused("NotOrderSigner", recover(split, request, signature)):
            simulate(acts, kind, victim, request, signature, position)
        simulate(acts, kind, victim, request, sign_for(margin, split, request), position)
    finally:
        margin.node.rpc("anvil_setChainId", here.chain_id)
    acts.do(kind, victim, request, signature, given(kind, position))


def simulate(acts, kind, who, request, signature, position):
    """Accounts of the node sign for one chain only."""
    args = map(_plain, acts.call(kind, request, signature, position))
    acts.margin.node.simulate(who.address, acts.side.address, FUNCTIONS[kind], *args)


@kinds
def test_request__every_field_changed__signature_void(acts, pool, margin, position, victim, kind):
    request = acts.request(kind, victim, position)
    signature = margin.signed(pool, request)
    for field in request._fields:
        other = changed(request, field)
        # A trader is looked at before the signature, so he is asked in his own name.
        if field == "trader":
            with refused("NotTrader", victim.address, other.trader):
                acts.do(kind, victim, other, signature, position)
            continue
        with refused("NotOrderSigner", recover(pool.domain, other, signature)):
            acts.do(kind, victim, other, signature, position)
    acts.do(kind, victim, request, signature, position)


@kinds
def test_request__sent_by_another__refused(acts, margin, pool, position, victim, rogue, kind):
    request = acts.request(kind, victim, position)
    with refused("NotTrader", rogue.address, victim.address):
        acts.do(kind, rogue, request, margin.signed(pool, request), position)


@changing
def test_request__of_another_trader_for_this_position__refused(
    acts, margin, pool, position, victim, rogue, kind
):
    """Signed for the rogue, by a signer who does not look at whose it is."""
    request = acts.request(kind, victim, position)._replace(trader=rogue.address)
    with refused("NotTrader", rogue.address, victim.address):
        acts.act(kind, rogue, request, position)
    pretended = position._replace(trader=rogue.address)
    with refused("UnknownPosition", position.id, hash_of(position), hash_of(pretended)):
        acts.act(kind, rogue, request, pretended)


@changing
def test_request__for_another_position_of_the_trader__refused(
    acts, margin, pool, position, victim, kind
):
    other = margin.typical(pool, victim, PAIR, 2)
    request = acts.request(kind, victim, position)
    with refused("WrongPosition", other.id, other.nonce, position.id, position.nonce):
        acts.act(kind, victim, request, other)


@changing
@pytest.mark.parametrize("between", CHANGING)
def test_request__position_has_changed__refused(
    acts, margin, pool, position, victim, kind, between
):
    """Whatever it was that changed it, and whichever state is claimed."""
    request = acts.request(kind, victim, position)
    after = acts.act(between, victim, acts.request(between, victim, position), position)
    assert after.nonce == position.nonce + 1
    with refused("WrongPosition", after.id, after.nonce, position.id, position.nonce):
        acts.act(kind, victim, request, after)
    with refused("UnknownPosition", after.id, hash_of(after), hash_of(position)):
        acts.act(kind, victim, request, position)
    for forged in (after._replace(nonce=position.nonce), after._replace(collateral=2**200)):
        with refused("UnknownPosition", after.id, hash_of(after), hash_of(forged)):
            acts.act(kind, victim, request, forged)
    check_books(margin)


@kinds
def test_request__used_twice__refused(acts, margin, pool, position, victim, kind):
    request = acts.request(kind, victim, position)
    signature = margin.signed(pool, request)
    after = margin.after(acts.do(kind, victim, request, signature, position), EVENTS[kind])
    acts.request(kind, victim, after)  # What it would take once more.
    if kind == "open":
        with refused("IdUsed", request.id):
            acts.do(kind, victim, request, signature)
        return
    with refused("WrongPosition", after.id, after.nonce, after.id, request.nonce):
        acts.do(kind, victim, request, signature, after)


@kinds
def test_request__twice_in_one_block__works_once(acts, margin, pool, position, victim, kind):
    request = acts.request(kind, victim, position)
    acts.request(kind, victim, position)
    args = acts.call(kind, request, margin.signed(pool, request), position)
    node = margin.node
    first = int(node.rpc("eth_getTransactionCount", victim.address, "latest"), 16)
    # One transaction can make the other one pointless: it must be worth the same to a miner.
    calls = [
        node.sending(
            victim.address, pool.address, FUNCTIONS[kind], *map(_plain, args), nonce=first + i
        )
        for i in range(2)
    ]
    node.rpc("evm_setAutomine", False)
    try:
        hashes = [node.batch([call])[0] for call in calls]
        node.mine()
    finally:
        node.rpc("evm_setAutomine", True)
    receipts = [node.rpc("eth_getTransactionReceipt", h) for h in hashes]
    assert len({r["blockNumber"] for r in receipts}) == 1
    assert [r["status"] for r in receipts] == ["0x1", "0x0"], "R5"
    check_books(margin)


@kinds
def test_request__at_its_last_second__good_and_then_no_more(
    acts, margin, pool, position, victim, isolated, kind
):
    expiry = margin.time() + 600
    request = acts.request(kind, victim, position, expiry=expiry)
    with isolated():
        margin.node.at(expiry)
        acts.act(kind, victim, request, given(kind, position))
    margin.node.at(expiry + 1)
    with refused("Expired", expiry, expiry + 1):
        acts.act(kind, victim, request, given(kind, position))


@kinds
def test_request__position_is_closed__refused_for_ever(acts, margin, pool, position, victim, kind):
    """An id is good once: not even a request to open it anew works."""
    request = acts.request(kind, victim, position)
    if kind == "open":
        request = request._replace(id=position.id)
    closed, _ = margin.close(pool, victim, position)
    assert margin.stored(pool, position.id) == CLOSED
    if kind == "open":
        with refused("IdUsed", position.id):
            acts.act(kind, victim, request)
        return
    for claimed in (position, closed):
        with refused("UnknownPosition", position.id, CLOSED, hash_of(claimed)):
            acts.act(kind, victim, request, claimed)


@changing
def test_request__for_a_position_that_never_was__refused(
    acts, margin, pool, position, victim, kind
):
    never = position._replace(id=10**6)
    request = acts.request(kind, victim, never)
    with refused("UnknownPosition", never.id, NEVER_OPENED, hash_of(never)):
        acts.act(kind, victim, request, never)


def test_increase__used_to_open__refused(acts, position, victim):
    request = acts.request("increase", victim, position)
    with refused("IdUsed", position.id):
        acts.act("open", victim, request)
    with refused("WrongPosition", 10**6, 0, 10**6, position.nonce):
        acts.act("open", victim, request._replace(id=10**6))


def test_open__used_to_increase__refused(acts, position, victim):
    """The request that opened it, and one that the signer gave for an id in use."""
    for id_ in (position.id, 10**6):
        request = acts.request("open", victim)._replace(id=id_)
        with refused("WrongPosition", position.id, position.nonce, id_, 0):
            acts.act("increase", victim, request, position)


def test_signature__of_one_kind_of_request__void_for_another(acts, margin, pool, position, victim):
    requests = {kind: acts.request(kind, victim, position) for kind in KINDS}
    for kind, request in requests.items():
        for other, message in requests.items():
            if type(message) is type(request):
                continue
            signature = margin.signed(pool, message)
            with refused("NotOrderSigner", recover(pool.domain, request, signature)):
                acts.do(kind, victim, request, signature, position)
            assert other != kind


def test_collateral_request__other_sign__refused(acts, margin, pool, position, victim):
    """What was signed to add cannot take out."""
    for kind, other in (("add", "remove"), ("remove", "add")):
        request = acts.request(kind, victim, position)
        with refused("ZeroAmount"):
            acts.act(other, victim, request, position)
