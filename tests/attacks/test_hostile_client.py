"""Attack: a margin client that misuses the moment in which it is told of a settlement, by an order
of its own or by a deleverage. It calls back into everything, refuses, or makes sure that it cannot
pay.

What it calls is refused or has nothing to do with the action; what it cannot pay or refuses does
not happen at all; and nobody else notices either way. A registered client can veto its own
accounts' deleverage: docs/known-issues.md.
"""

import pytest
from eth_utils import keccak

from prep.node import Reverted
from tests.attacks.assets import dollars
from tests.attacks.hostile import (
    LOSER,
    WINNER,
    arm,
    deleverage,
    guarded,
    of_requests,
    order,
    own_shares,
    picture,
    restricted,
    run,
)
from tests.attacks.venue import ORDER, PLAIN
from tests.suite import UNLIMITED, WAD
from tests.unit.vault.cooling import PERIOD, WINDOW, queue, set_periods

REENTRANT = keccak(text="ReentrancyGuardReentrantCall()")[:4]
NOT_REQUESTS = keccak(text="NotRequests(address)")[:4]
UNAUTHORIZED = keccak(text="AccessManagedUnauthorized(address)")[:4]

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(scope="session")
def hostile(venue, project):
    """Registered, with PREP that protocol and vault may take."""
    suite = venue.suite
    client = suite.admin.deploy(project.HostileClient, suite.prep)
    suite.protocol.setMarginClient(client, True, sender=suite.admin)
    suite.prep.mint(client, dollars(100_000_000), sender=suite.admin)
    for spender in (suite.protocol, suite.vault):
        run(suite, client, suite.prep.approve, spender, UNLIMITED)
    return client


@pytest.fixture
def scene(venue, honest, hostile, victim):
    """The client has a winner and a loser, shares, and an isolated position of its own; so has the
    honest one a winner, and a victim a position that can be liquidated. All sides are above their
    caps."""
    suite = venue.suite
    for account, size in ((WINNER, 600), (LOSER, -60)):
        run(suite, hostile, suite.protocol.executeOrder, account, PLAIN, size * WAD, False)
    honest.order(PLAIN, 500 * WAD)
    run(suite, hostile, suite.vault.deposit, dollars(1_000))
    run(suite, hostile, suite.protocol.depositCollateral, dollars(50_000))
    run(suite, hostile, suite.protocol.openPositionWithSize, dollars(100_000), True)
    suite.open(victim, dollars(700), dollars(10_000), True)
    venue.set_price(PLAIN, 15_000)
    suite.set_price(9_500)
    venue.configure(PLAIN, maxLongOIValue=0, maxShortOIValue=0)
    suite.configure(maxLongOIValue=0, maxShortOIValue=0)
    return venue


# Only the authority itself may call it.
HARMLESS = {"setAuthority"}


def test_on_settlement__every_function_that_changes_something__is_tried(
    venue, honest, hostile, victim
):
    """What a later version adds has to be thought about here, overloads too."""
    calls = guarded(venue, honest, hostile, victim)
    calls += restricted(venue, hostile) + own_shares(venue, hostile) + of_requests(venue, victim)
    tried = {
        (method.contract.address, bytes(method.encode_input(*args)[:4])) for method, *args in calls
    }
    for contract in (venue.suite.protocol, venue.suite.vault, venue.suite.deleverager):
        for method in contract.contract_type.mutable_methods:
            selector = keccak(text=method.selector)[:4]
            known = method.name in HARMLESS or (contract.address, selector) in tried
            assert known, f"M6: nobody has tried to re-enter {method.selector}"


every_account = pytest.mark.parametrize("account", [WINNER, LOSER], ids=["winner", "loser"])
every_way = pytest.mark.parametrize("change", [order, deleverage])


@every_way
@every_account
def test_on_settlement__re_entering__refused_and_nothing_else_happens(
    scene, isolated, honest, hostile, victim, account, change
):
    suite = scene.suite
    calls = guarded(scene, honest, hostile, victim)
    others, requests = restricted(scene, hostile), of_requests(scene, victim)
    with isolated():
        change(scene, hostile, account, 10 * WAD)
        alone = picture(scene, hostile, honest.client)
    arm(suite, hostile, [*calls, *others, *requests])
    held = suite.prep.balanceOf(hostile)
    change(scene, hostile, account, 10 * WAD)
    answers = hostile.answers()
    assert len(answers) == len(calls) + len(others) + len(requests)
    errors = (
        len(calls) * [REENTRANT] + len(others) * [UNAUTHORIZED] + len(requests) * [NOT_REQUESTS]
    )
    tried = [*calls, *others, *requests]
    for (method, *args), error, answer in zip(tried, errors, answers, strict=True):
        seen = f"M6: {method} {args}: {answer.data.hex()}"
        assert (answer.success, answer.data[:4]) == (False, error), seen
    assert picture(scene, hostile, honest.client) == alone, "M6: re-entering changed something"

    # All 600 and 60 bitcoin have won or lost 5,000 dollars each; what was lost is still there.
    left, settlement = {WINNER: (590, 3_000_000), LOSER: (-50, -300_000)}[account]
    had = held + max(0, dollars(settlement))
    expected = (account, PLAIN, left * WAD, dollars(settlement), change is deleverage, had)
    assert tuple(hostile.told()) == expected


@every_way
@every_account
def test_on_settlement__own_shares__as_right_after_it(
    scene, isolated, honest, hostile, account, change
):
    """With a cooldown its shares can be requested, let go and given away in between as well: they
    are not valued then."""
    suite = scene.suite
    set_periods(suite, PERIOD, WINDOW)
    calls = own_shares(scene, hostile)

    def everything():
        queues = [queue(suite, hostile, ref) for ref in (0, 7)]
        kept = suite.vault.lockedShares(hostile), suite.vault.balanceOf(suite.admin)
        return queues, kept, picture(scene, hostile, honest.client)

    with isolated():
        change(scene, hostile, account, 10 * WAD)
        for method, *args in calls:
            run(suite, hostile, method, *args)
        afterwards = everything()
    arm(suite, hostile, calls)
    change(scene, hostile, account, 10 * WAD)
    for (method, *_), answer in zip(calls, hostile.answers(), strict=True):
        assert answer.success, f"{method}: {answer.data.hex()}"
    assert everything() == afterwards, "M6: not as right after it"
    assert afterwards[1] == (2 * 10**24, 2 * 10**24)


@every_way
def test_on_settlement__request_of_another_is_ready__cannot_be_filled_in_between(
    scene, honest, hostile, victim, change
):
    """The request is as it was, and fills afterwards."""
    suite = scene.suite
    requests = suite.requests
    scene.node.interface.learn(requests.contract_type)
    fee, close = WAD, 4
    suite.prep.mint(victim, fee, sender=suite.admin)
    suite.prep.approve(requests, fee, sender=victim)
    suite.configure(minExecutionDelay=60)
    node = scene.node
    expiry = node.time() + 600
    requests.request(close, False, 0, 0, expiry, fee, sender=victim)
    node.at(node.time() + 60)
    node.mine()
    suite.set_price(9_900)
    arm(suite, hostile, [(requests.execute, 1), (requests.executeMany, [1])])
    before = suite.position(victim)
    change(scene, hostile, WINNER, 10 * WAD)
    one, many = hostile.answers()
    assert (one.success, one.data[:4]) == (False, REENTRANT), "M6"
    assert many.success, "it says that it filled none"
    assert int.from_bytes(many.data[-32:]) == 0
    assert suite.position(victim) == before
    arm(suite, hostile, [])
    run(suite, hostile, requests.execute, 1)
    assert suite.position(victim).size == 0, "P6"


def test_close_on_behalf__anybody__deleverager_only(
    scene, honest, hostile, victim, attacker, reverts
):
    """No role may, not even the admin's, nor a client for its own accounts."""
    suite = scene.suite
    close = suite.protocol.closeOnBehalf
    error = suite.protocol.NotDeleverager
    before = picture(scene, hostile, honest.client)
    calls = ((victim, WAD), (honest.client, 1, PLAIN, WAD), (hostile, WINNER, PLAIN, WAD))
    for args in calls:
        for sender in (attacker, victim, suite.admin, suite.risk_manager, suite.guardian):
            with reverts(error, caller=sender):
                close(*args, sender=sender)
        with reverts(error, caller=hostile):
            run(suite, hostile, close, *args)
    assert picture(scene, hostile, honest.client) == before


@every_way
@every_account
def test_on_settlement__views_during_it__as_when_it_has_ended(
    scene, hostile, honest, lp, account, change
):
    """Who reads the books in between must not see money that is not there yet, or not any more."""
    suite = scene.suite
    protocol, vault, lens = suite.protocol, suite.vault, suite.lens
    views = [
        *((protocol.exposure, larger) for larger in (False, True)),
        *((v,) for v in (protocol.liquidity, protocol.netDeposits, protocol.protocolFees)),
        *((v, PLAIN) for v in (lens.marketState, lens.cashFlow, lens.market)),
        (protocol.marginPosition, hostile, account, PLAIN),
        (protocol.marginEquity, hostile, account, PLAIN),
        (protocol.previewOrder, honest.client, 1, PLAIN, -WAD, True),
        *((v,) for v in (vault.totalAssets, vault.upperValue, vault.lowerValue)),
        *((v, lp) for v in (vault.maxWithdraw, vault.maxRedeem, vault.maxDeposit)),
    ]
    arm(suite, hostile, views)
    change(scene, hostile, account, 10 * WAD)
    for (view, *args), during in zip(views, hostile.answers(), strict=True):
        assert during.success
        ended = scene.node.rpc(
            "eth_call",
            {"to": view.contract.address, "data": "0x" + view.encode_input(*args).hex()},
            "latest",
        )
        assert during.data.hex() == ended[2:], f"V1: {view} shows what is not"


REFUSALS = ["reverts", "allowance taken back", "money taken away while it is told"]


@every_way
@pytest.mark.parametrize("how", REFUSALS)
def test_on_settlement__client_that_does_not_pay__nothing_happens_and_nobody_else_notices(
    scene, isolated, hostile, honest, attacker, lp, how, change
):
    suite = scene.suite
    if how == "reverts":
        arm(suite, hostile, [], refusing=True)
        error = "Refused"
    elif how == "allowance taken back":
        run(suite, hostile, suite.prep.approve, suite.protocol, 0)
        error = "ERC20InsufficientAllowance"
    else:
        balance = suite.prep.balanceOf(hostile)
        arm(suite, hostile, [(suite.prep.transfer, attacker, balance)])
        error = "ERC20InsufficientBalance"
    before = picture(scene, hostile, honest.client)
    for size in (WAD, 60 * WAD):
        with pytest.raises(Reverted, match=error):
            change(scene, hostile, LOSER, size)
    assert picture(scene, hostile, honest.client) == before, "M2: something is left of it"
    assert suite.prep.balanceOf(attacker) == 0

    promised = honest.preview(PLAIN, -honest.size(PLAIN)).settlement
    assert scene.deleverage(honest, PLAIN) == promised, "P6: another client's account"
    liquidity = scene.liquidity
    suite.vault.withdraw(dollars(1_000), sender=lp)
    assert scene.liquidity == liquidity - dollars(1_000), "P6: LPs"
    with isolated():
        # Owed by the client, and nobody's else: its winner can still be closed by itself.
        run(suite, hostile, suite.prep.approve, suite.protocol, UNLIMITED)
        run(suite, hostile, suite.protocol.closeAll, WINNER)
        assert scene.read(
            suite.protocol.address,
            "marginPosition(address,uint256,uint256)",
            hostile.address,
            WINNER,
            PLAIN,
        ) == (0, 0, 0, 0), "P6"


def test_close_all__client_without_allowance__does_not_happen(scene, hostile, reverts):
    """Nor where the client is not told."""
    suite = scene.suite
    before = picture(scene, hostile)
    run(suite, hostile, suite.prep.approve, suite.protocol, 0)
    values = {"spender": suite.protocol, "allowance": 0, "needed": 60 * WAD * 5_000}
    with reverts(suite.prep.ERC20InsufficientAllowance, **values):
        run(suite, hostile, suite.protocol.closeAll, LOSER)
    assert picture(scene, hostile) == before, "M2"


def test_execute_order__client_without_code__cannot_be_told_and_opens_nothing(venue, attacker):
    """So there is no position that nobody could deleverage because its client is a wallet."""
    suite = venue.suite
    suite.protocol.setMarginClient(attacker, True, sender=suite.admin)
    suite.give(attacker, dollars(1_000_000))
    call = (suite.protocol.address, ORDER, 1, PLAIN, 100 * WAD, False)
    assert not venue.node.send(attacker.address, *call)[0]
    assert suite.prep.balanceOf(attacker) == dollars(1_000_000), "P6"
    assert suite.protocol.marginPosition(attacker, 1, PLAIN).size == 0
