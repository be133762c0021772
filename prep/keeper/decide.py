"""What to liquidate. A pure function of a snapshot and of what the operator wants.

What a liquidation pays is not estimated: the reference model carries it out on the snapshot, in the
order in which the keeper would.
"""

from dataclasses import dataclass, replace
from typing import Final

from prep.keeper.snapshot import Id, OpenPosition, Snapshot
from prep.keeper.world import aggregates_of, world_of
from prep.model import WAD, Rejected
from prep.model.fixed import mul_div_ceil

GWEI: Final = 10**9
_SOMEBODY: Final = "keeper"
"""Who liquidates in the model: what it pays does not depend on who."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator allows. Amounts are PREP base units unless said otherwise, gas prices wei
    per gas."""

    min_profit: int = 0
    """A liquidation has to leave at least this after gas."""
    native_price: int = 0
    """PREP base units per wei, WAD: 3000 WAD when a native token of 18 decimals is worth 3,000
    PREP. 0: gas costs nothing."""
    gas_per_liquidation: int = 250_000
    """What its cost is reckoned with. The gas limit is twice as much: refunds come only at the end
    of a transaction."""
    max_gas_price: int = 100 * GWEI
    """Never more, base fee included. Above it nothing is done."""
    max_daily_gas: int | None = None
    """Wei that may be spent on gas in 24 hours; None: no limit."""
    max_actions: int = 20
    """Liquidations in one round, and as many of credit accounts, of transactions for orders and
    requests, and of attempts to deleverage."""
    max_deleverage_gas: int = 5_000_000
    """The most gas that a deleverage may be given."""
    max_repay: int | None = None
    """The most that is paid for the debt of a credit account at once, PREP base units by oracle
    prices; None: whatever the allowances of the account allow."""
    approve: bool = False
    """Whether to approve the manager, for what one liquidation takes at a time. Needs
    `max_repay`."""
    unpaid: bool = False
    """Whether to do as well what does not earn its gas: liquidate accounts with nothing left, and
    remove dead orders. It may use half of `max_daily_gas`."""
    max_credit_gas: int = 5_000_000
    """The most gas that the liquidation of an account, or a batch of orders, may be given."""
    batch_size: int = 100
    """Calls about credit accounts and orders that are sent to the node in one request."""
    page_size: int = 500
    """Positions that are read with one request."""
    block_range: int = 10_000
    """Blocks whose events are read with one request."""
    receipt_timeout: int = 60
    """Seconds to wait for a transaction to be mined before the round is given up."""

    def __post_init__(self) -> None:
        for name, least in {
            "min_profit": 0,
            "native_price": 0,
            "gas_per_liquidation": 1,
            "max_gas_price": 0,
            "max_actions": 0,
            "max_deleverage_gas": 1,
            "max_credit_gas": 1,
            "batch_size": 1,
            "page_size": 1,
            "block_range": 1,
            "receipt_timeout": 0,
        }.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, is {getattr(self, name)}")
        if self.max_daily_gas is not None and self.max_daily_gas < 0:
            raise ValueError(f"max_daily_gas must be at least 0, is {self.max_daily_gas}")
        if self.max_repay is not None and self.max_repay < 0:
            raise ValueError(f"max_repay must be at least 0, is {self.max_repay}")
        if self.approve and self.max_repay is None:
            raise ValueError("approve needs max_repay")

    @property
    def gas_limit(self) -> int:
        """Of a liquidation."""
        return 2 * self.gas_per_liquidation

    def gas_cost(self, gas_price: int) -> int:
        """What a liquidation costs, PREP base units, rounded up."""
        return mul_div_ceil(self.gas_per_liquidation * gas_price, self.native_price, WAD)

    def break_even_gas_price(self, reward: int) -> int:
        """The highest allowed gas price at which a reward leaves the minimum profit."""
        if self.native_price == 0:
            return self.max_gas_price
        affordable = (
            (reward - self.min_profit) * WAD // (self.gas_per_liquidation * self.native_price)
        )
        return min(self.max_gas_price, affordable)


@dataclass(frozen=True, slots=True)
class Action:
    """A liquidation worth doing. Amounts are PREP base units."""

    id: int
    trader: str
    reward: int
    """What it pays, if the actions before it were carried out and price and time did not move."""
    cost: int
    """What its gas costs at the snapshot's gas price."""
    max_gas_price: int
    """Wei per gas up to which it leaves the minimum profit, within the operator's limit."""

    @property
    def profit(self) -> int:
        """What it leaves after gas."""
        return self.reward - self.cost


@dataclass(frozen=True, slots=True)
class Skipped:
    """A position that is left alone although it could be liquidated or deleveraged, and why."""

    id: Id
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of a decision, actions in the order in which to do them."""

    actions: tuple[Action, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def decide(snapshot: Snapshot, settings: Settings) -> tuple[Action, ...]:
    """Which positions to liquidate, the largest reward first."""
    return plan(snapshot, settings).actions


def plan(snapshot: Snapshot, settings: Settings) -> Plan:
    """As `decide`, with the reasons for what is left alone."""
    actions: list[Action] = []
    skipped: list[Skipped] = []
    for position in _by_reward(snapshot, skipped):
        verdict = _judge(snapshot, position, len(actions), settings)
        if isinstance(verdict, Skipped):
            skipped.append(verdict)
        else:
            action, snapshot_after = verdict
            actions.append(action)
            snapshot = snapshot_after
    return Plan(tuple(actions), tuple(skipped))


def _by_reward(snapshot: Snapshot, skipped: list[Skipped]) -> list[OpenPosition]:
    """The positions that somebody else could liquidate, the largest reward first; of equal ones the
    lowest id first, so that a decision can be repeated."""
    rewards: list[tuple[int, int, OpenPosition]] = []
    for position in snapshot.positions:
        if not position.liquidatable or snapshot.btc.price is None:
            continue
        if position.trader == snapshot.keeper:
            skipped.append(Skipped(position.id, "own position"))
            continue
        outcome = _liquidate(snapshot, position)
        if isinstance(outcome, Skipped):
            skipped.append(outcome)
        else:
            rewards.append((-outcome[0], position.id, position))
    return [position for _, _, position in sorted(rewards)]


def _judge(
    snapshot: Snapshot, position: OpenPosition, already: int, settings: Settings
) -> tuple[Action, Snapshot] | Skipped:
    """The action and the state that it leaves, or why it is not worth doing."""

    def skip(reason: str) -> Skipped:
        return Skipped(position.id, reason)

    gas_price = snapshot.gas_price
    if gas_price > settings.max_gas_price:
        return skip(f"gas price {gas_price} above {settings.max_gas_price}")
    if already >= settings.max_actions:
        return skip(f"more than {settings.max_actions} in one round")
    outcome = _liquidate(snapshot, position)
    if isinstance(outcome, Skipped):
        return outcome
    reward, after = outcome
    cost = settings.gas_cost(gas_price)
    if reward - cost < settings.min_profit:
        return skip(f"reward {reward} less gas {cost} below {settings.min_profit}")
    limit = settings.break_even_gas_price(reward)
    return Action(position.id, position.trader, reward, cost, limit), after


def _liquidate(snapshot: Snapshot, position: OpenPosition) -> tuple[int, Snapshot] | Skipped:
    """What liquidating pays, PREP base units, and the state that it leaves; or the refusal."""
    world = world_of(snapshot, position)
    try:
        result = world.liquidate_position(_SOMEBODY, position.id)
    except Rejected as refusal:
        return Skipped(position.id, str(refusal))
    btc = replace(snapshot.btc, aggregates=aggregates_of(world))
    after = replace(snapshot, markets=(btc, *snapshot.markets[1:]), liquidity=world.vault.liquidity)
    return result.reward, after
