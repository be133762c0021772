"""Which orders and requests to fill or remove, and which of them together. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

from prep.keeper.credit.decide import affordable, priced
from prep.keeper.credit.snapshot import Chore, CreditId, CreditSnapshot
from prep.keeper.decide import Settings, Skipped


@dataclass(frozen=True, slots=True)
class Task:
    """A chore worth doing, alone."""

    chore: Chore
    cost: int
    """What its gas may cost, PREP base units."""
    gas_limit: int
    unpaid: bool = False

    @property
    def id(self) -> CreditId:
        """Of the order or request."""
        return self.chore.id

    @property
    def profit(self) -> int:
        """What is left of what it pays."""
        return self.chore.pays - self.cost


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks for one transaction: several that fill, of one kind, or a single one."""

    tasks: tuple[Task, ...]
    max_gas_price: int
    """Wei per gas up to which it leaves the minimum profit, if all of them go through."""

    @property
    def id(self) -> CreditId:
        """Of the first, which pays best."""
        return self.tasks[0].id

    @property
    def fill(self) -> bool:
        """Else: remove."""
        return self.tasks[0].chore.fill

    @property
    def unpaid(self) -> bool:
        """Whether it does not earn its gas."""
        return self.tasks[0].unpaid

    @property
    def pays(self) -> int:
        """PREP base units."""
        return sum(task.chore.pays for task in self.tasks)

    @property
    def cost(self) -> int:
        """What its gas may cost, PREP base units."""
        return sum(task.cost for task in self.tasks)

    @property
    def gas_limit(self) -> int:
        """Of the transaction: that of each alone would do."""
        return sum(task.gas_limit for task in self.tasks)


@dataclass(frozen=True, slots=True)
class Chores:
    """The outcome of a decision, in the order in which to do it."""

    work: tuple[Work, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def chores(snapshot: CreditSnapshot, settings: Settings) -> Chores:
    """Fills, then removals; each that pays for itself, the largest profit first. Those of one
    contract are filled together, as many as `max_credit_gas` lets."""
    tasks: list[Task] = []
    skipped: list[Skipped] = []
    for chore in snapshot.chores:
        verdict = _judge(chore, snapshot.gas_price, settings)
        if isinstance(verdict, Skipped):
            skipped.append(verdict)
        else:
            tasks.append(verdict)
    # Python sorts in a stable way: of equal ones the one that was placed first.
    tasks.sort(key=lambda task: (not task.chore.fill, task.unpaid, -task.profit))
    groups: list[list[Task]] = []
    for task in tasks:
        group = next((g for g in groups if _fits(task, g, settings)), None)
        if group is None:
            groups.append([task])
        else:
            group.append(task)
    for group in groups[settings.max_actions :]:
        reason = f"more than {settings.max_actions} in one round"
        skipped += [Skipped(task.id, reason) for task in group]
    work = [together(group, settings) for group in groups[: settings.max_actions]]
    return Chores(tuple(work), tuple(skipped))


def together(tasks: Sequence[Task], settings: Settings) -> Work:
    """One transaction. Its price limit is that of the task that affords least: should others fail,
    what is filled still pays for itself."""
    limits = [_max_gas_price(task, settings) for task in tasks]
    return Work(tuple(tasks), min(limits))


def _judge(chore: Chore, gas_price: int, settings: Settings) -> Task | Skipped:
    if chore.refused:
        return Skipped(chore.id, chore.refused)
    verdict = priced(chore.id, chore.pays, chore.gas, gas_price, settings, not chore.fill)
    if isinstance(verdict, Skipped):
        return verdict
    return Task(chore, verdict.cost, verdict.limit, verdict.unpaid)


def _fits(task: Task, group: Sequence[Task], settings: Settings) -> bool:
    first = group[0]
    return (
        task.chore.fill
        and first.chore.fill
        and task.id.kind is first.id.kind
        and sum(t.gas_limit for t in group) + task.gas_limit <= settings.max_credit_gas
    )


def _max_gas_price(task: Task, settings: Settings) -> int:
    if task.unpaid:
        return settings.max_gas_price
    return affordable(task.chore.pays, task.gas_limit, settings)
