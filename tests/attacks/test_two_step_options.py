"""Attack: deciding whether one's trade fills once its price is known.

A request that could be taken back, changed, starved or held up until the market elsewhere has shown
whether it wins would be an option that the LPs have written for nothing. It cannot be: it fills at
a price that was published after it, anyone can fill it, and what its trader can do to prevent that
uses it up.
"""

import pytest
from eth_abi import encode
from eth_utils import keccak

from prep.model.isolated import TradeKind
from prep.model.requests import TradeFilled, TradeRefused
from prep.model.window import OrderState
from prep.node import Reverted
from tests.attacks.hostile import arm, run
from tests.suite import BTC, UNLIMITED, WAD
from tests.two_step import FEE, LIFETIME, SCALE, TwoStep

_, OPEN_TOKEN, _, _, CLOSE = TradeKind
WAITING, READY, _, _ = OrderState
ATTACKER, ACCOMPLICE, KEEPER, LP = range(4)
DELAY = 60
PRICE = 10_000 * 10**8
JUMP = 10_500 * 10**8
STAKE = 10_000 * WAD
SIZE = 10 * WAD
"""Bitcoin: at the first price a hundred thousand dollars."""
REENTRANT = keccak(text="ReentrancyGuardReentrantCall()")[:4]
EXECUTE, REMOVE = "execute(uint256)", "remove(uint256)"

pytestmark = pytest.mark.usefixtures("one_block")


@pytest.fixture(scope="session")
def two_step_market(create_suite):
    """Without fees and without impact: what an attacker would like best."""
    return create_suite(market=BTC | {"minExecutionDelay": DELAY})


@pytest.fixture(scope="session")
def parties(two_step_market, attacker, accomplice, stranger, lp):
    suite = two_step_market
    for account in (attacker, accomplice, stranger, lp):
        suite.give(account, 10_000_000 * WAD)
        approve = "approve(address,uint256)"
        suite.send(account, suite.prep, approve, suite.requests.address, UNLIMITED)
    return [account.address for account in (attacker, accomplice, stranger, lp)]


@pytest.fixture
def scene(two_step_market, parties):
    """The attacker has collateral for ten times as much."""
    scene = TwoStep(two_step_market, parties)
    scene.provide(5_000_000 * WAD)
    scene.deposit(ATTACKER, STAKE)
    yield scene
    scene.check()


def wealth(scene, *actors) -> int:
    """PREP of these, and what their positions would pay."""
    suite, addresses = scene.suite, [scene.actors[actor] for actor in actors]
    total = sum(suite.prep.balanceOf(address) for address in addresses)
    for address in addresses:
        held = scene.model.position(address)
        total += held.collateral + held.size * (scene.model.price(0) - held.entry_price) // WAD
    return total


def test_request__price_known_elsewhere__filled_at_the_new_one(scene):
    """The market has jumped; the feed is about to say so."""
    before = wealth(scene, ATTACKER)
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    scene.set_answer(12, JUMP)
    assert scene.execute(KEEPER, request) is None, "at the price that everybody has seen coming"
    scene.set_answer(DELAY - 12, JUMP)
    assert scene.execute(KEEPER, request).trade.price == JUMP * SCALE
    assert wealth(scene, ATTACKER) == before - FEE


def test_request__in_the_block_of_the_update__waits_for_another(scene):
    """Before it and after it in the same block, the shortest delay there is."""
    scene.configure(0, minExecutionDelay=1)
    first = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    scene.set_answer(0, JUMP)
    second = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    for request in (first, second):
        assert scene.suite.requests.stateOf(request) == WAITING
        assert scene.execute(ATTACKER, request) is None
    assert scene.execute(ATTACKER, first, wait=1) is None, "time alone brings no price"


def test_request__cannot_be_changed_or_taken_back(scene):
    """All that changes anything, and none of it for a living request."""
    book = scene.suite.requests
    changing = {m.name for m in book.contract_type.mutable_methods}
    assert changing == {"bind", "request", "execute", "executeMany", "executeFor", "remove"}
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    assert scene.remove(ATTACKER, request) is None
    scene.set_answer(DELAY, JUMP)
    assert scene.remove(ATTACKER, request) is None
    assert [r.name for r in scene.refusals] == ["RequestAlive"] * 2
    # Asking again does not touch the first one.
    again = scene.request(ATTACKER, OPEN_TOKEN, SIZE, acceptable=1)
    assert (again, scene.suite.requests.stateOf(request)) == (request + 1, READY)


@pytest.mark.parametrize("when", ["never had it", "took it out first", "took it out later"])
def test_collateral__withheld_to_decide_later__request_used_up(scene, when):
    """Nobody else can fill what its trader cannot pay. Were it left, he would watch the market
    until the next price and then pay in and fill it, or not."""
    before = wealth(scene, ATTACKER)
    if when != "took it out later":
        scene.withdraw(ATTACKER, STAKE)
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    if when == "took it out first":
        scene.deposit(ATTACKER, STAKE)
        scene.withdraw(ATTACKER, STAKE)
    scene.set_answer(DELAY, PRICE)
    if when == "took it out later":
        scene.withdraw(ATTACKER, STAKE)
    keeper = scene.suite.prep.balanceOf(scene.actors[KEEPER])
    assert isinstance(scene.execute(KEEPER, request), TradeRefused)
    assert scene.suite.prep.balanceOf(scene.actors[KEEPER]) == keeper + FEE
    # The market moves his way, too late.
    scene.deposit(ATTACKER, STAKE, wait=600)
    assert scene.execute(ATTACKER, request) is None
    assert scene.refusals[-1].name == "UnknownRequest"
    assert wealth(scene, ATTACKER) == before - FEE


def test_both_sides__requested_by_one__others_take_the_first_and_the_fee(scene):
    """He cannot keep both open until one of them wins: anyone fills one at once. Its fee is gone,
    and so is that of the other."""
    before = wealth(scene, ATTACKER)
    long = scene.request(ATTACKER, OPEN_TOKEN, SIZE, is_long=True)
    short = scene.request(ATTACKER, OPEN_TOKEN, SIZE, is_long=False)
    scene.set_answer(DELAY, PRICE)
    done = scene.execute_many(KEEPER, [long, short])
    assert isinstance(done[0], TradeFilled)
    assert done[1].reason.name == "PositionExists"
    scene.set_answer(600, PRICE)
    assert scene.remove(KEEPER, short).fee_to_remover
    assert wealth(scene, ATTACKER) == before - 2 * FEE


def test_close__of_a_position_that_wins__cannot_be_held_back(scene):
    """A close that waits does not stop because its trader likes the position again."""
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    scene.set_answer(DELAY, PRICE)
    scene.execute(KEEPER, request)
    close = scene.request(ATTACKER, CLOSE)
    scene.set_answer(DELAY, JUMP)
    spare = scene.model.position(scene.actors[ATTACKER]).collateral
    scene.withdraw(ATTACKER, spare // 10)
    assert scene.execute(KEEPER, close).trade.price == JUMP * SCALE


def test_execute__twice__once(scene):
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    scene.set_answer(DELAY, PRICE)
    done = scene.execute_many(ATTACKER, [request, request, request])
    assert [type(result).__name__ for result in done] == ["TradeFilled"] + 2 * ["TradeSkipped"]
    assert scene.model.position(scene.actors[ATTACKER]).size == SIZE


def test_execute_many__failing_requests_among_them__others_are_filled(scene):
    """Somebody fills a keeper's batch with what cannot be filled."""
    scene.deposit(ACCOMPLICE, STAKE)
    bad = [scene.request(ATTACKER, CLOSE, fee=WAD) for _ in range(3)]
    good = scene.request(ACCOMPLICE, OPEN_TOKEN, SIZE)
    bad += [scene.request(ATTACKER, OPEN_TOKEN, SIZE, acceptable=1, fee=WAD) for _ in range(3)]
    scene.set_answer(DELAY, PRICE)
    done = scene.execute_many(KEEPER, [*bad[:3], good, *bad[3:]])
    assert [type(result).__name__ for result in done].index("TradeFilled") == 3
    assert scene.requests.held == 6 * WAD


def test_price_before__not_known__nothing_is_filled(scene):
    """It may have been in time: then this one is the second, and the trader has seen both."""
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    scene.set_answer(DELAY, PRICE)
    scene.set_answer_after_a_gap(600, JUMP)
    assert scene.execute(ATTACKER, request) is None
    assert scene.remove(KEEPER, request).fee_to_remover


def _try_with_gas(scene, gas: int, signature: str, request: int) -> list:
    """The names of the events of a transaction that gets no more than that; undone."""
    node = scene.node
    snapshot = node.rpc("evm_snapshot")
    data = node._data(signature, (request,))
    tx = {"from": scene.actors[KEEPER], "to": scene.book, "data": data, "gas": hex(gas)}
    receipt = node.rpc("eth_sendTransactionSync", tx | {"gasPrice": "0x0"})
    logs = [node._log(log) for log in receipt["logs"]]
    node.undo(snapshot)
    assert bool(logs) == (int(receipt["status"], 16) == 1)
    return [log.name for log in logs if log.address == scene.book]


def test_execute__with_too_little_gas__never_used_up(scene):
    """Who fills it could otherwise take the fee for nothing, or its trader end it at will: the
    trade runs out of gas, and what is left suffices for the rest."""
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    scene.set_answer(DELAY, PRICE)
    seen = [_try_with_gas(scene, gas, EXECUTE, request) for gas in range(30_000, 330_000, 5_000)]
    assert {tuple(names) for names in seen} == {(), ("TradeFilled",)}
    assert seen == sorted(seen), "enough is enough"


def test_remove__with_too_little_gas__never_dead(scene):
    """The feed cannot be made to seem ignorant of the price before."""
    request = scene.request(ATTACKER, OPEN_TOKEN, SIZE)
    scene.set_answer(DELAY, PRICE)
    node = scene.node
    call = {"from": scene.actors[KEEPER], "to": scene.book, "data": node._data(REMOVE, (request,))}
    for gas in range(25_000, 150_000, 1_000):
        with pytest.raises((Reverted, RuntimeError)):
            node.rpc("eth_call", call | {"gas": hex(gas)}, "latest")
    scene.set_answer(DELAY, PRICE)
    assert node.rpc("eth_call", call | {"gas": hex(150_000)}, "latest") == "0x"


@pytest.fixture
def contract(two_step_market, parties, project, lp):
    """A contract with PREP and collateral, which does as it is told, also while the protocol tells
    it of its settlement as a margin client."""
    suite = two_step_market
    suite.provide(lp, 5_000_000 * WAD)
    client = suite.admin.deploy(project.HostileClient, suite.prep)
    suite.prep.mint(client, 10 * STAKE, sender=suite.admin)
    for spender in (suite.protocol, suite.requests):
        run(suite, client, suite.prep.approve, spender, UNLIMITED)
    run(suite, client, suite.protocol.depositCollateral, STAKE)
    suite.protocol.setMarginClient(client, True, sender=suite.admin)
    return client


def test_execute__while_the_protocol_is_busy__not_used_up(two_step_market, contract, chain):
    """Inside of the protocol no trade goes through. Were that the trader's failure, a trader who is
    a margin client could end his request when he likes, and have the fee back."""
    suite, book = two_step_market, two_step_market.requests
    terms = (UNLIMITED, chain.blocks.head.timestamp + LIFETIME, FEE)
    run(suite, contract, book.request, OPEN_TOKEN, True, SIZE, *terms)
    chain.mine(timestamp=chain.blocks.head.timestamp + DELAY)
    suite.set_price(10_000)
    arm(suite, contract, [(book.execute, 1), (book.executeMany, [1])])
    run(suite, contract, suite.protocol.executeOrder, 1, 0, SIZE, False)
    alone, batch = contract.answers()
    assert (alone.success, alone.data) == (False, REENTRANT)
    assert (batch.success, batch.data) == (True, encode(["bool[]"], [[False]]))
    assert book.stateOf(1) == READY
    assert suite.prep.balanceOf(book) == FEE
    book.execute(1, sender=suite.admin)
    assert suite.position(contract).size == SIZE


def test_request__by_a_contract_that_refuses_all_calls__filled_and_paid_back(
    two_step_market, contract, stranger, chain
):
    """Nothing calls it, so it has no say in what happens to its requests."""
    suite, book = two_step_market, two_step_market.requests
    terms = (UNLIMITED, chain.blocks.head.timestamp + DELAY, FEE)
    run(suite, contract, book.request, OPEN_TOKEN, True, SIZE, *terms)
    run(suite, contract, book.request, OPEN_TOKEN, True, SIZE, *terms[:1], terms[1] + 1, FEE)
    arm(suite, contract, [], refusing=True)
    chain.mine(timestamp=chain.blocks.head.timestamp + DELAY)
    suite.set_price(10_000)
    before = suite.prep.balanceOf(contract)
    book.remove(1, sender=stranger)
    assert suite.prep.balanceOf(contract) == before + FEE
    book.execute(2, sender=stranger)
    assert suite.position(contract).size == SIZE


def test_bind__taken_by_somebody_else__no_protocol_uses_it(
    scene, project, admin, stranger, reverts
):
    suite = scene.suite
    book = admin.deploy(project.TradeRequests, suite.prep)
    book.bind(sender=stranger)
    with reverts(book.AlreadyBound, protocol=stranger):
        admin.deploy(project.Protocol, suite.prep, suite.authority, False, book)
