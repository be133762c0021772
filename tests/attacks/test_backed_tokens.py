"""Attack: a pair whose token is hostile. Whom can it hurt besides those who hold or lend it?

Nobody: other pairs of the same pools are closed and their lenders paid as if it were not there,
and a trader who cannot be paid is still liquidated (A7).
"""

from dataclasses import replace

import pytest
from eth_utils import keccak

from prep.margin.data import CLOSED, Payout
from prep.node import Reverted
from tests.attacks.backed import check_books, lent, refused
from tests.attacks.backed_acts import PAIR, Acts
from tests.attacks.listed import DOWN, TOKEN, Listed
from tests.margin_suite import (
    CAP,
    CURVE,
    FUNCTIONS,
    LEVERAGE,
    LIQUIDATION_FEE,
    MAINTENANCE,
    MAX_APY,
    PREP,
    QUOTED,
    TERMS,
    WETH,
    _plain,
)
from tests.suite import WAD, ZERO_ADDRESS

REENTRANT = keccak(text="ReentrancyGuardReentrantCall()")[:4]
LENT = 1_000_000 * WAD
USUAL, SAYS_NOTHING, SAYS_FALSE, SAYS_TRUE_ONLY = range(4)


KINDS = {
    "fee": "FeeToken",
    "blocklist": "BlocklistToken",
    "callback": "HostileCollateral",
    "odd": "OddToken",
}


@pytest.fixture(params=["base", "quote"])
def create(request, project, margin, pool, hostile, admin, victim):
    """`create(kind)`: lists a pair with such a token, as its base or as its quote."""

    def create(kind: str) -> Listed:
        token = admin.deploy(getattr(project, KINDS[kind]))
        vault = admin.deploy(project.LendingVault, token, margin.authority, CURVE)
        node = margin.node
        node.interface.learn(token.contract_type)
        tokens = margin.tokens | {TOKEN: token}
        suite = replace(
            margin,
            tokens=tokens,
            lending=margin.lending | {TOKEN: vault},
            exchange=replace(margin.exchange, tokens=tokens),
        )
        for side in margin.sides.values():
            side.contract.addLendingVault(vault, sender=admin)
            vault.registerBorrower(side.contract, QUOTED, CAP, sender=admin)
        pair = (TOKEN, PREP) if request.param == "base" else (WETH, TOKEN)
        terms = (ZERO_ADDRESS, LEVERAGE, MAINTENANCE, LIQUIDATION_FEE, 0, LENT, LENT, False)
        addresses = [tokens[s].address for s in pair]
        signature = f"setPair(address,address,{TERMS})"
        suite.send(suite.risk_manager, suite.controller, signature, *addresses, terms)
        set_apy = "setMaxApy(address,uint256)"
        suite.send(suite.risk_manager, suite.controller, set_apy, token.address, MAX_APY)
        suite.give(suite.lender, TOKEN, LENT)
        deposit = "deposit(uint256,address)"
        suite.send(suite.lender, vault, deposit, LENT, suite.lender.address)
        other = suite.typical(pool, victim, PAIR, 2)
        return Listed(suite, pool, replace(hostile, margin=suite), pair, other, victim)

    return create


def test_token__that_says_nothing__works(create, rogue):
    """As the most used one of all."""
    listed = create("odd")
    listed.margin.send(rogue, listed.token, "setManner(uint8)", SAYS_NOTHING)
    position = listed.open(rogue)
    check_books(listed.margin)
    _, closing = listed.close(rogue, position)
    assert closing.payout > DOWN * 9 // 10
    check_books(listed.margin)
    listed.check_others()


@pytest.mark.parametrize("manner", [SAYS_FALSE, SAYS_TRUE_ONLY])
def test_token__that_does_not_move__opens_nothing_and_holds_only_its_own(create, rogue, manner):
    """Who is to be paid in a token that lies may believe it: nobody else."""
    listed = create("odd")
    margin = listed.margin
    position = listed.open(rogue)
    request = listed.request(rogue)
    margin.send(rogue, listed.token, "setManner(uint8)", manner)
    with pytest.raises(Reverted):
        margin.do(rogue, listed.side, "open", request, margin.signed(listed.side, request))
    if manner == SAYS_TRUE_ONLY and listed.side.held(listed.pair) == TOKEN:
        if not listed.side.is_long:
            snapshot = margin.node.rpc("evm_snapshot")
            assert listed.close(rogue, position)[1].spent == 0
            assert margin.balance(rogue, TOKEN) == DOWN
            margin.node.rpc("evm_revert", snapshot)
    else:
        with pytest.raises(Reverted):
            listed.close(rogue, position)
    check_books(margin)
    listed.check_others()
    margin.send(rogue, listed.token, "setManner(uint8)", USUAL)
    listed.close(rogue, position)
    check_books(margin)


def test_token__starts_to_take_a_fee__opens_nothing_and_holds_only_its_own(create, rogue):
    """Such tokens are not supported: those who hold one find out."""
    listed = create("fee")
    margin = listed.margin
    position = listed.open(rogue)
    margin.send(rogue, listed.token, "setFee(uint256)", 100)
    request = listed.request(rogue)
    args = request, margin.signed(listed.side, request)
    if listed.side.is_long and listed.pair[0] == TOKEN:
        # What a swap brings is measured, so that only what arrived counts.
        brought = 2 * DOWN * 99 // 100
        opened = margin.after(margin.do(rogue, listed.side, "open", *args), "PositionOpened")
        assert opened.collateral == brought
    else:
        with pytest.raises(Reverted):
            margin.do(rogue, listed.side, "open", *args)
        assert margin.stored(listed.side, request.id) == bytes(32)
    check_books(margin)
    listed.check_others()
    margin.send(rogue, listed.token, "setFee(uint256)", 0)
    listed.close(rogue, position)
    check_books(margin)


def test_token__blocks_the_trader__he_is_liquidated_and_claims_later(create, rogue, accomplice):
    """His part waits for him, and can be sent to somebody who is not blocked."""
    listed = create("blocklist")
    margin, side = listed.margin, listed.side
    position = listed.open(rogue)
    margin.send(margin.admin, listed.token, "setBlocked(address,bool)", rogue.address, True)
    owed = side.owed(listed.pair)
    before = lent(margin, owed)
    brought = position.principal * (104 if side.is_long else 101) // 100
    logs = listed.seize(position, brought)
    closing = margin.closing(logs, "PositionLiquidated")
    assert closing.bad_debt == 0
    assert lent(margin, owed) == before + 1, "A7"
    # What a long leaves is the quote token, a short quote tokens and base tokens beyond the debt.
    parts = {listed.pair[1]: closing.payout}
    if not side.is_long:
        parts[listed.pair[0]] = brought - position.principal - 1
    for symbol, amount in parts.items():
        address = margin.tokens[symbol].address
        call = side.address, "claimable(address,address)", rogue.address, address
        kept = amount if symbol == TOKEN else 0
        assert margin.node.read(call)[0] == kept
    check_books(margin)
    kept = parts.get(TOKEN, 0)
    claim = "claim(address,address)"
    for who in (accomplice, margin.liquidator):
        with refused("ZeroAmount"):
            margin.send(who, side, claim, listed.token.address, who.address)
    if kept:
        with pytest.raises(Reverted):
            margin.send(rogue, side, claim, listed.token.address, rogue.address)
        margin.send(rogue, side, claim, listed.token.address, accomplice.address)
        assert margin.balance(accomplice, TOKEN) == kept
    with refused("ZeroAmount"):
        margin.send(rogue, side, claim, listed.token.address, accomplice.address)
    check_books(margin)
    listed.check_others()


def test_token__blocks_the_trader__his_own_close_lends_out_what_he_gets(create, rogue):
    """He gives up nothing but the form in which he is paid."""
    listed = create("blocklist")
    margin, side = listed.margin, listed.side
    position = listed.open(rogue)
    margin.send(margin.admin, listed.token, "setBlocked(address,bool)", rogue.address, True)
    if listed.pair[1] == TOKEN:
        with pytest.raises(Reverted):
            listed.close(rogue, position)
    _, closing = listed.close(rogue, position, payout=Payout.LEND)
    vault = margin.lending[listed.pair[1]].address
    shares = margin.node.read((vault, "balanceOf(address)", rogue.address))[0]
    worth = margin.node.read((vault, "convertToAssets(uint256)", shares))[0]
    assert closing.payout - 1 <= worth <= closing.payout
    assert margin.stored(side, position.id) == CLOSED
    check_books(margin)
    listed.check_others()


@pytest.mark.parametrize("whom", ["pool", "vault"])
def test_token__blocks_pool_or_lenders__holds_only_its_own(create, rogue, whom):
    listed = create("blocklist")
    margin, side = listed.margin, listed.side
    position = listed.open(rogue)
    blocked = side.address if whom == "pool" else margin.lending[TOKEN].address
    block = "setBlocked(address,bool)"
    margin.send(margin.admin, listed.token, block, blocked, True)
    if whom == "pool" or side.owed(listed.pair) == TOKEN:
        with pytest.raises(Reverted):
            listed.close(rogue, position)
        listed.check_others()
        margin.send(margin.admin, listed.token, block, blocked, False)
        listed.close(rogue, position)
    else:
        listed.close(rogue, position)
        listed.check_others()
    check_books(margin)


def test_token__calls_back_while_it_moves__finds_the_pool_closed(create, rogue):
    """From every transfer of an opening: down payment, loan, swap; and of a close: swap, repayment,
    payout. Whatever it calls of the pool is refused."""
    listed = create("callback")
    margin, side, other = listed.margin, listed.side, listed.other
    acts = Acts(margin, side)
    signature = bytes(65)
    new = margin.open_request(side, listed.victim, PAIR, 1, 1)
    more = margin.increase_request(side, other, 1, 1)
    half = margin.close_request(side, other, 1, interest=1)
    add = margin.collateral_request(other, 1)
    calls = {
        "open": (new, signature),
        "increase": (more, signature, other),
        "close": (half, signature, other, 0),
        "exit": (other, margin.router, b"", 0, 0),
        "add": (add, signature, other),
        "remove": (add, signature, other),
        "liquidate_marked": (other, margin.router, b""),
    }
    inner = [
        listed.hostile.call(side, FUNCTIONS[kind], *map(_plain, args))
        for kind, args in calls.items()
    ]
    claim = listed.hostile.call(side, "claim(address,address)", ZERO_ADDRESS, side.address)
    request = listed.request(rogue)
    for afterwards in (False, True):
        snapshot = margin.node.rpc("evm_snapshot")
        arm(listed, [*inner, claim], afterwards)
        margin.do(rogue, side, "open", request, margin.signed(side, request))
        answers = margin.node.read((listed.token.address, "answers()"))[0]
        assert list(answers) == [(False, REENTRANT)] * 8
        check_books(margin)
        margin.node.rpc("evm_revert", snapshot)
    position = margin.after(
        margin.do(rogue, side, "open", request, margin.signed(side, request)), "PositionOpened"
    )
    acts.wait()
    due = position.principal + 1
    given = position.collateral if side.is_long else due * listed.price // WAD + 1
    listed.trade(False, given, None if side.is_long else due)
    arm(listed, [*inner, claim], True)
    margin.close(side, rogue, position, interest=1, **listed.hostile.route)
    answers = margin.node.read((listed.token.address, "answers()"))[0]
    assert list(answers) == [(False, REENTRANT)] * 8
    check_books(margin)
    listed.check_others()


def arm(listed, calls, afterwards):
    node, token = listed.margin.node, listed.token
    data = node._data("arm((address,bytes)[],bool)", [list(calls), afterwards])
    tx = {
        "from": listed.margin.admin.address,
        "to": token.address,
        "data": data,
        "gas": hex(25_000_000),
        "gasPrice": "0x0",
    }
    assert node.rpc("eth_sendTransactionSync", tx)["status"] == "0x1"
