"""The comparison itself: one action after the other, on both sides."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from prep.model import Rejected
from prep.replay.formats import Action, Snapshot
from prep.replay.plan import Plan
from prep.replay.reference import Reference, Sample
from prep.replay.snapshots import Difference, State, compare, compare_lists

SIDES: Final = ("model", "contracts")
SUCCESS: Final = 0
DIFFERENT: Final = 1
REJECTED: Final = 2

T = TypeVar("T")


class Side(Protocol):
    """Somebody who can carry out actions."""

    def perform(self, action: Action) -> Mapping[str, int]:
        """What the action did; raises `Rejected`, and then nothing has changed but the time."""
        ...

    def state(self, block_time: int) -> State:
        """The books at that time."""
        ...


@dataclass(frozen=True, slots=True)
class Rejection:
    """An action that one side or both refused."""

    index: int
    action: str
    model: Rejected | None
    contracts: Rejected | None

    @property
    def agreed(self) -> bool:
        """Whether both refused it for the same reason."""
        return self.model == self.contracts

    def __str__(self) -> str:
        if self.agreed:
            return f"{self.action}: rejected with {self.contracts}, by the model as well"
        contracts, model = (
            f"rejected with {error}" if error else "accepted"
            for error in (self.contracts, self.model)
        )
        return f"{self.action}: {contracts} by the contracts, {model} by the model"


@dataclass
class Outcome:
    """All that a replay found out."""

    plan: Plan
    model: list[State] = field(default_factory=list)
    contracts: list[State] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    stopped_at: int | None = None
    """The action that ended the run too early."""
    seconds: float = 0.0
    """That the contracts took."""

    @property
    def performed(self) -> int:
        """Actions tried."""
        return len(self.samples)

    @property
    def rate(self) -> float:
        """Actions a second through the contracts."""
        return self.performed / self.seconds if self.seconds else 0.0

    @property
    def exit_code(self) -> int:
        """Of the command."""
        if self.differences:
            return DIFFERENT
        return SUCCESS if self.stopped_at is None else REJECTED

    def compare_expected(self, name: str, expected: Sequence[Mapping[str, int]]) -> None:
        """Finds what differs from snapshots made elsewhere; after a run that stopped, as far as it
        went."""
        wanted = expected if self.stopped_at is None else expected[: len(self.contracts)]
        for side, states in zip(SIDES, (self.model, self.contracts), strict=True):
            fields = [state.fields() for state in states]
            self.differences += compare_lists((name, side), wanted, fields)


def replay(
    plan: Plan,
    model: Reference,
    contracts: Side,
    *,
    keep_going: bool = False,
    on_step: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Carries out every action on both sides. Ends at the first rejection unless told otherwise."""
    outcome = Outcome(plan)
    for index, action in enumerate(plan.actions):
        rejection = _step(outcome, index, action, model, contracts)
        outcome.samples.append(model.sample(index))
        on_step(outcome)
        if rejection:
            outcome.rejections.append(rejection)
            if not rejection.agreed:
                views = (str(rejection.model or "accepted"), str(rejection.contracts or "accepted"))
                outcome.differences.append(Difference(rejection.action, "outcome", SIDES, views))
            if not keep_going:
                outcome.stopped_at = index
                break
    return outcome


def _step(
    outcome: Outcome, index: int, action: Action, model: Reference, contracts: Side
) -> Rejection | None:
    what = outcome.plan.describe(index)
    is_snapshot = isinstance(action.body, Snapshot)
    begun = time.perf_counter()
    if is_snapshot:
        state = _attempt(lambda: contracts.state(action.block_time))
        outcome.seconds += time.perf_counter() - begun
        expected = _attempt(lambda: model.state(action.block_time))
        if isinstance(state, State) and isinstance(expected, State):
            _compare_states(outcome, expected, state)
            return None
        return _rejection(index, what, expected, state)
    done = _attempt(lambda: contracts.perform(action))
    outcome.seconds += time.perf_counter() - begun
    wanted = _attempt(lambda: model.perform(action))
    if isinstance(done, Rejected) or isinstance(wanted, Rejected):
        return _rejection(index, what, wanted, done)
    outcome.differences += compare(what, SIDES, wanted, done)
    return None


def _compare_states(outcome: Outcome, model: State, contracts: State) -> None:
    where = f"snapshot {len(outcome.model)}"
    outcome.model.append(model)
    outcome.contracts.append(contracts)
    outcome.differences += compare(where, SIDES, model.fields(), contracts.fields())
    outcome.differences += compare(where, SIDES, model.by_market(), contracts.by_market())


def _attempt(act: Callable[[], T]) -> T | Rejected:
    try:
        return act()
    except Rejected as error:
        return error


def _rejection(index: int, what: str, model: object, contracts: object) -> Rejection:
    return Rejection(
        index,
        what,
        model if isinstance(model, Rejected) else None,
        contracts if isinstance(contracts, Rejected) else None,
    )
