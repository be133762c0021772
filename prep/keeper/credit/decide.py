"""Which credit accounts to liquidate, with what and for what. Pure functions of a snapshot.

What a liquidation yields is not computed: the contract itself says it, tried out on the block of
the snapshot for every debt and collateral. Here is what to try, which one is best, and whether that
one is worth its gas.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prep.keeper.credit.snapshot import PREP, Account, Asset, CreditId, CreditSnapshot
from prep.keeper.decide import Settings, Skipped
from prep.keeper.snapshot import Id
from prep.model import WAD
from prep.model.fixed import mul_div_ceil


@dataclass(frozen=True, slots=True)
class Trial:
    """A liquidation to be tried out."""

    account: Account
    debt: int
    """Asset, as the next one."""
    collateral: int
    max_repay: int
    """Base units of the debt's asset."""
    approve: bool = False
    """Whether the allowance must be raised to that before."""

    @property
    def arguments(self) -> tuple[int, int, int, int]:
        """Of `liquidate`."""
        return self.account.number, self.debt, self.collateral, self.max_repay


@dataclass(frozen=True, slots=True)
class Outcome:
    """The contract's `Liquidation`, with its fields in their order."""

    closed: int
    """Value of positions, PREP base units."""
    reward: int
    """The same."""
    repaid: int
    """Base units of the debt's asset."""
    seized: int
    """Base units of the collateral's asset."""
    bonus: int
    """WAD."""
    bad_debt: int
    """PREP base units."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The best that can be done with an account."""

    trial: Trial
    outcome: Outcome
    debt_price: int
    """WAD, as the next one."""
    collateral_price: int
    gas: int = 0
    """Of approval and liquidation, where that is known already."""

    @property
    def yields(self) -> int:
        """What it is expected to."""
        return self.worth(self.outcome)

    def worth(self, outcome: Outcome) -> int:
        """Collateral, rounded down, and reward, less what is paid, rounded up: PREP base units at
        the prices of the snapshot."""
        gain = outcome.seized * self.collateral_price // WAD + outcome.reward
        return gain - mul_div_ceil(outcome.repaid, self.debt_price, WAD)


@dataclass(frozen=True, slots=True)
class Liquidate:
    """A liquidation worth doing. Amounts are PREP base units unless said otherwise."""

    choice: Choice
    cost: int
    """What its gas may cost at the snapshot's gas price, all of its limit used."""
    gas_limit: int
    max_gas_price: int
    """Wei per gas up to which it leaves the minimum profit even so."""
    unpaid: bool = False

    @property
    def id(self) -> CreditId:
        """Of the account."""
        return self.choice.trial.account.id


@dataclass(frozen=True, slots=True)
class Approve:
    """An allowance for one liquidation."""

    id: CreditId
    """Of the account."""
    asset: Asset
    amount: int
    """Base units: what the liquidation takes as of now."""
    max_gas_price: int
    """Wei per gas."""
    unpaid: bool = False
    """Always for a liquidation that pays."""


def trials(snapshot: CreditSnapshot, account: Account, settings: Settings) -> Iterator[Trial]:
    """What might pay: first what needs no money, where the reward for closing may come out of any
    collateral; then each debt for each collateral. What positions win or lose is PREP."""
    closing = {PREP} if account.markets else set()
    owed = {held.asset for held in account.holdings if held.debt} | closing
    held = {held.asset for held in account.holdings if held.balance} | closing
    for collateral in sorted({PREP} | (held if closing else set())):
        if snapshot.assets[collateral].price is not None:
            yield Trial(account, PREP, collateral, 0)
    for debt in sorted(owed):
        asset = snapshot.assets[debt]
        most = _payable(asset, settings)
        if most == 0 or not asset.lent:
            continue
        for collateral in sorted(held - {debt}):
            if snapshot.assets[collateral].price is not None:
                yield Trial(account, debt, collateral, most, most > asset.allowance)


def _payable(asset: Asset, settings: Settings) -> int:
    """Base units that the keeper has and may pay at once."""
    if asset.price is None:
        return 0
    most = asset.balance if settings.approve else min(asset.balance, asset.allowance)
    if settings.max_repay is not None:
        most = min(most, settings.max_repay * WAD // asset.price)
    return most


def best(choices: Iterable[Choice]) -> Choice | None:
    """The one that yields most and does something; of equal ones that with the lowest ids."""
    useful = [choice for choice in choices if _does_something(choice)]
    return min(useful, key=lambda c: (-c.yields, c.trial.debt, c.trial.collateral), default=None)


def choice_of(snapshot: CreditSnapshot, trial: Trial, outcome: Outcome, gas: int = 0) -> Choice:
    """An outcome with the prices to judge it by."""
    debt, collateral = snapshot.assets[trial.debt].price, snapshot.assets[trial.collateral].price
    assert debt is not None
    assert collateral is not None
    return Choice(trial, outcome, debt, collateral, gas)


def _does_something(choice: Choice) -> bool:
    done = choice.outcome
    return bool(done.closed or done.repaid or done.bad_debt or choice.trial.account.nets)


def ranked(choices: Iterable[Choice]) -> list[Choice]:
    """In the order in which to do them: the highest yield first, of equal ones the lowest id."""
    return sorted(choices, key=lambda choice: (-choice.yields, choice.trial.account.number))


def judge(
    snapshot: CreditSnapshot, choice: Choice, gas: int, settings: Settings
) -> Liquidate | Skipped:
    """Whether it is worth doing when it goes through with so much gas."""
    identity = choice.trial.account.id
    verdict = priced(identity, choice.yields, gas, snapshot.gas_price, settings, True)
    if not isinstance(verdict, Skipped):
        return Liquidate(choice, verdict.cost, verdict.limit, verdict.max_price, verdict.unpaid)
    return Skipped(identity, verdict.reason + lacking(snapshot, choice.trial.account, settings))


def lacking(snapshot: CreditSnapshot, account: Account, settings: Settings) -> str:
    """What the keeper would need to pay some debt of the account; empty if it could."""
    owed = [snapshot.assets[held.asset] for held in account.holdings if held.debt]
    if not owed or any(_payable(asset, settings) for asset in owed):
        return ""
    needs = ", ".join(
        f"asset {asset.number} ({asset.token}): have {asset.balance}, approved {asset.allowance}"
        for asset in owed
    )
    return f"; to pay its debt hold, and approve {snapshot.manager} for, {needs}"


# ---------------------------------------------------------------------------------- worth its gas

_MARGIN: Final = 3, 2
"""A gas limit over what the node estimates: a second later there may be interest to be stored."""


@dataclass(frozen=True, slots=True)
class Priced:
    """What a transaction may cost, all of its gas limit used."""

    cost: int
    """PREP base units at the present gas price, rounded up."""
    limit: int
    """Gas."""
    max_price: int
    """Wei per gas up to which it leaves the minimum profit."""
    unpaid: bool
    """It does not, but is wanted."""


def limit_of(gas: int) -> int:
    """The gas limit over an estimate."""
    return gas * _MARGIN[0] // _MARGIN[1]


def priced(
    identity: Id, pays: int, gas: int, gas_price: int, settings: Settings, for_all: bool
) -> Priced | Skipped:
    """Whether something that pays so much, PREP base units, and goes through with so much gas is
    worth doing. What serves all and does not earn its gas is done if wanted; what would lose
    without its gas never."""
    limit = limit_of(gas)
    if limit > settings.max_credit_gas:
        return Skipped(identity, f"gas {limit} above {settings.max_credit_gas}")
    if gas_price > settings.max_gas_price:
        return Skipped(identity, f"gas price {gas_price} above {settings.max_gas_price}")
    cost = mul_div_ceil(limit * gas_price, settings.native_price, WAD)
    if pays - cost >= settings.min_profit and (pays > 0 or not for_all):
        return Priced(cost, limit, affordable(pays, limit, settings), False)
    if for_all and settings.unpaid and pays >= 0:
        return Priced(cost, limit, settings.max_gas_price, True)
    if pays <= 0:
        return Skipped(identity, f"pays {pays}")
    return Skipped(identity, f"pays {pays} less gas {cost}, below {settings.min_profit}")


def affordable(pays: int, gas_limit: int, settings: Settings) -> int:
    """Wei per gas up to which something leaves the minimum profit though all of its gas is used."""
    if settings.native_price == 0:
        return settings.max_gas_price
    spare = pays - settings.min_profit
    return min(settings.max_gas_price, spare * WAD // (gas_limit * settings.native_price))
