"""FillWindow: contracts and model find the same state, to the second and to the unit of a price."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prep.model.window import Condition, OrderState, Publication, Published, state_of
from prep.node import Node, Reverted

ALWAYS, ABOVE, BELOW = Condition
WAITING, READY, DEAD, _ = OrderState
SIGNATURE = "stateOf(uint256,uint256,uint256,uint256,uint256,uint256,uint8,uint256)"

PLACED, DELAY = 1_000, 60
EARLIEST = PLACED + DELAY
TRIGGER = 50


@pytest.fixture(scope="module")
def probe(admin, project):
    return admin.deploy(project.WindowProbe)


@pytest.fixture(scope="module")
def node(probe):
    return Node(probe.provider.uri, probe.contract_type)


@pytest.fixture
def state(probe, node):
    """What the contract finds; that the model finds the same."""

    def ask(latest, before, condition=ALWAYS, *, delay=DELAY, placed=PLACED, trigger=TRIGGER):
        call = (*latest, *before, delay, placed, condition, trigger)
        found, price = node.read((probe.address, SIGNATURE, *call))[0]
        rounds = Published(*latest), Published(*before)
        assert found == state_of(*rounds, delay, placed, condition, trigger)
        return OrderState(found), price

    return ask


@pytest.mark.parametrize(
    "latest_at, before_at, expected",
    [
        (EARLIEST - 1, EARLIEST - 2, WAITING),
        (EARLIEST, EARLIEST - 1, READY),
        (EARLIEST + 9, EARLIEST - 1, READY),
        (EARLIEST + 9, 0, READY),
        (EARLIEST + 9, EARLIEST, DEAD),
        (EARLIEST, EARLIEST, DEAD),
        (0, 0, WAITING),
    ],
)
def test_state_of__always__by_the_times_of_two_prices(state, latest_at, before_at, expected):
    assert state((7, latest_at), (7, before_at)) == (expected, 0)


HOLDS = [(ABOVE, 50, 49), (ABOVE, 51, 49), (BELOW, 50, 51), (BELOW, 49, 51)]


@pytest.mark.parametrize("condition, holding, failing", HOLDS)
def test_state_of__condition__first_price_of_a_run(state, condition, holding, failing):
    early, first, second = EARLIEST - 1, EARLIEST, EARLIEST + 1
    assert state((holding, early), (failing, early - 1), condition) == (WAITING, 0)
    assert state((holding, first), (holding, early), condition) == (READY, holding)
    assert state((holding, second), (holding, first), condition) == (WAITING, holding)
    assert state((failing, second), (holding, first), condition) == (WAITING, failing)
    assert state((holding, second), (failing, first), condition) == (READY, holding)


@pytest.mark.parametrize("condition, holding, failing", HOLDS)
def test_state_of__no_delay__while_the_condition_holds(state, condition, holding, failing):
    for latest_at in (0, PLACED - 1, PLACED + 1):
        times = latest_at, latest_at
        assert state((holding, times[0]), (holding, times[1]), condition, delay=0) == (
            READY,
            holding,
        )
        assert state((failing, times[0]), (holding, times[1]), condition, delay=0) == (
            WAITING,
            failing,
        )


def test_state_of__no_delay_and_no_condition__ready(state):
    assert state((7, 0), (7, 0), delay=0) == (READY, 0)


def test_state_of__no_usable_price__known_where_none_is_needed(probe, node):
    def ask(latest_at, before_at, condition, delay=DELAY):
        call = (0, latest_at, 7, before_at, delay, PLACED, condition, TRIGGER)
        return node.read((probe.address, SIGNATURE, *call))[0]

    assert ask(EARLIEST, EARLIEST, ALWAYS) == (DEAD, 0)
    assert ask(EARLIEST, EARLIEST - 1, ALWAYS) == (READY, 0)
    assert ask(EARLIEST - 1, EARLIEST - 1, ABOVE) == (WAITING, 0)
    for latest_at, delay in ((EARLIEST, DELAY), (0, 0)):
        with pytest.raises(Reverted, match="NoPrice"):
            ask(latest_at, 0, ABOVE, delay)


SMALL = st.integers(1, 3)
TIMES = st.integers(0, 6)
CASES = st.tuples(
    SMALL, TIMES, SMALL, TIMES, st.integers(0, 3), TIMES, st.sampled_from(Condition), SMALL
)


def test_state_of__random_rounds__as_the_model(probe, node):
    found: Counter = Counter()

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(CASES, min_size=40, max_size=40))
    def compare(cases) -> None:
        answers = node.read(*((probe.address, SIGNATURE, *case) for case in cases))
        for case, answer in zip(cases, answers, strict=True):
            latest, latest_at, before, before_at, delay, placed, condition, trigger = case
            rounds = Published(latest, latest_at), Published(before, before_at)
            expected = state_of(*rounds, delay, placed, condition, trigger)
            asked = condition is not ALWAYS and (delay == 0 or latest_at >= placed + delay)
            assert answer == (expected, latest if asked else 0), case
            found[condition, expected] += 1

    compare()
    assert found.total() >= 1_000
    # Only what waits for no condition dies of a price.
    assert set(found) == {(c, s) for c in Condition for s in (WAITING, READY)} | {(ALWAYS, DEAD)}
    assert min(found.values()) >= 20, found


def test_publication__rounds_with_and_without_answers__latest_and_previous():
    rounds = Publication()
    assert rounds.latest.timestamp == 0
    rounds = rounds.followed_by(Published(5, 1))
    assert (rounds.latest, rounds.previous) == (Published(5, 1), Published(5, 1))
    rounds = rounds.followed_by(Published(6, 2))
    assert (rounds.latest, rounds.previous) == (Published(6, 2), Published(5, 1))
    rounds = rounds.followed_by(Published(0, 3))
    assert rounds.latest.timestamp == 0
    rounds = rounds.followed_by(Published(7, 4))
    assert (rounds.latest, rounds.previous) == (Published(7, 4), Published(7, 4))
