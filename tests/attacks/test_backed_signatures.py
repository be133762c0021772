"""Attack: signatures that are not quite signatures, and wallets that sign anything.

A request needs one signature of 65 bytes by a key that is an order signer now; an order that of its
trader, or of a signer whom he authorises now (R5).
"""

import pytest
from eth_account import Account
from eth_keys.constants import SECPK1_N

from prep.margin.data import Payout
from prep.margin.typed import sign
from tests.attacks.backed import check_books, refused
from tests.attacks.backed_acts import KINDS, PAIR
from tests.margin_suite import WETH
from tests.suite import ZERO_ADDRESS

WALLETS = ("refuses", "answers everything", "answers nothing", "reverts", "burns gas")


@pytest.fixture
def position(margin, pool, victim):
    return margin.typical(pool, victim, PAIR, 2)


def twisted(signature: bytes) -> dict[str, bytes]:
    """What is not the signature, but might be taken for it."""
    r, s, v = signature[:32], int.from_bytes(signature[32:64]), signature[64]
    other = (SECPK1_N - s).to_bytes(32)
    compact = (s | (v - 27) << 255).to_bytes(32)
    return {
        "high s": r + other + bytes([27 + 28 - v]),
        "v from 0": signature[:64] + bytes([v - 27]),
        "v of a chain": signature[:64] + bytes([v + 8]),
        "compact": r + compact,
        "longer": signature + b"\0",
        "shorter": signature[:64],
        "zero": bytes(65),
        "zero with v": bytes(64) + b"\x1b",
        "s of zero": r + bytes(32) + bytes([v]),
        "nothing": b"",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_request__signature_twisted__of_nobody(acts, margin, pool, position, victim, kind):
    request = acts.request(kind, victim, position)
    signature = margin.signed(pool, request)
    for twist in twisted(signature).values():
        with refused("NotOrderSigner", ZERO_ADDRESS):
            acts.do(kind, victim, request, twist, position)
    acts.do(kind, victim, request, signature, position)


def test_order__signature_twisted__refused(acts, margin, pool, position, victim):
    order, request = acts.order(position), acts.whole(position)
    signature = sign(victim, pool.domain, order)
    for twist in twisted(signature).values():
        with refused("NotOrderOfTrader", victim.address, victim.address):
            acts.execute(order, victim, position, request, order_signature=twist)
    acts.execute(order, victim, position, request)


def test_request__role_taken_away_or_another_key__refused(acts, margin, pool, position, victim):
    """What a signer has signed is void as soon as he is none any more: whatever it was."""
    authority, thief = margin.authority, Account.from_key("0x" + 32 * "5b")
    requests = {kind: acts.request(kind, victim, position) for kind in KINDS}
    for kind, request in requests.items():
        with refused("NotOrderSigner", thief.address):
            acts.do(kind, victim, request, margin.signed(pool, request, thief), position)
    authority.revokeRole(authority.ORDER_SIGNER(), margin.signer.address, sender=margin.admin)
    for kind, request in requests.items():
        with refused("NotOrderSigner", margin.signer.address):
            acts.do(kind, victim, request, margin.signed(pool, request), position)
    authority.grantRole(authority.ORDER_SIGNER(), thief, 0, sender=margin.admin)
    request = requests["close"]
    acts.do("close", victim, request, margin.signed(pool, request, thief), position)
    check_books(margin)


def test_request__signed_by_the_holder_of_another_role__refused(acts, margin, pool, victim):
    """Not the admin either."""
    request = acts.request("open", victim)
    for account in (margin.admin, margin.executor, margin.liquidator, margin.risk_manager, victim):
        with refused("NotOrderSigner", account.address):
            acts.do("open", victim, request, sign(account, pool.domain, request))


def test_order__signer_no_longer_authorised__refused(acts, margin, pool, position, victim, rogue):
    order = acts.order(position, signer=rogue.address)
    request = acts.whole(position)
    error = "NotOrderOfTrader", rogue.address, victim.address

    def authorise(who, signer, yes):
        margin.send(who, pool, "authoriseSigner(address,bool)", signer, yes)

    # Nobody authorises himself for another trader.
    authorise(rogue, rogue.address, True)
    authorise(rogue, victim.address, True)
    with refused(*error):
        acts.execute(order, rogue, position, request)
    authorise(victim, rogue.address, True)
    # His own signature, under the signer's name, is not the signer's.
    with refused(*error):
        acts.execute(order, victim, position, request)
    authorise(victim, rogue.address, False)
    with refused(*error):
        acts.execute(order, rogue, position, request)
    authorise(victim, rogue.address, True)
    acts.execute(order, rogue, position, request)
    check_books(margin)


def test_order__of_the_zero_address__refused(acts, margin, pool, position, victim):
    """Whom anybody could sign for, if a signature that recovers to nothing were his."""
    margin.send(victim, pool, "authoriseSigner(address,bool)", ZERO_ADDRESS, True)
    order = acts.order(position, signer=ZERO_ADDRESS)
    for signature in (bytes(65), bytes(64) + b"\x1b", b""):
        with refused("NotOrderOfTrader", ZERO_ADDRESS, victim.address):
            acts.execute(order, victim, position, order_signature=signature)


@pytest.mark.parametrize("wallet", range(len(WALLETS)), ids=WALLETS)
def test_order__wallet_of_a_trader__only_the_right_answer_counts(
    acts, margin, pool, hostile, position, victim, wallet
):
    """It harms its own trader only: what it says is asked for in its name alone."""
    node = margin.node
    node.execute(margin.admin.address, hostile.address, "setWallet(uint8)", wallet)
    margin.send(victim, pool, "authoriseSigner(address,bool)", hostile.address, True)
    order, request = acts.order(position, signer=hostile.address), acts.whole(position)
    if WALLETS[wallet] == "answers everything":
        acts.execute(order, victim, position, request, order_signature=b"anything")
        check_books(margin)
        return
    with refused("NotOrderOfTrader", hostile.address, victim.address):
        acts.execute(order, victim, position, request, order_signature=b"anything")
    # And it is no order signer, whatever it answers.
    with refused("NotOrderSigner", ZERO_ADDRESS):
        acts.do("close", victim, request, b"anything", position)


def test_order__wallet_without_code_or_with_a_role__no_difference(
    acts, margin, pool, hostile, position, victim
):
    """A contract that holds the role of an order signer cannot sign: only keys can."""
    margin.authority.grantRole(
        margin.authority.ORDER_SIGNER(), hostile.address, 0, sender=margin.admin
    )
    margin.node.execute(margin.admin.address, hostile.address, "setWallet(uint8)", 1)
    request = acts.request("close", victim, position)
    for signature in (b"", bytes(65), hostile.address.encode().ljust(65, b"\0")):
        with refused("NotOrderSigner", ZERO_ADDRESS):
            acts.do("close", victim, request, signature, position)


def test_order__paid_as_ether_to_who_refuses_it__only_his_own_order_fails(
    acts, margin, pool, position, victim
):
    """PREP is not ether: an order that says so can never be executed, and nothing has moved."""
    order = acts.order(position, payout=Payout.ETHER)
    with refused("NotWrappedEther", position.quote):
        acts.execute(order, victim, position)
    assert position.quote != margin.tokens[WETH].address
    check_books(margin)
