"""One path through the model: a vault, the isolated market, people who act, and a keeper.

Everything is a function of the setting, the prices and the people's seed. Amounts are PREP base
units.
"""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Final

from prep.demo.crowd import Action, Do, Holding, decide, recruit
from prep.demo.prices import FEED_DECIMALS, STEP_SECONDS, PricePath
from prep.model import UNLIMITED, MarketConfig, Rejected, ReserveBasis, System
from prep.model.book import MARKET
from prep.model.checks import all_checks
from prep.model.fixed import mul_div_floor
from prep.model.market import Quote
from prep.model.position import equity, leverage
from prep.stress import lps
from prep.stress.keeper import Round, liquidatable, work
from prep.stress.results import Outcome

KEEPER: Final = "Keeper"
PRICE_DECIMALS: Final = 36
"""Of PREP and WAD together; a market's price has so many, less those of its asset."""
CHECK_EVERY: Final = 32
"""Steps between two looks at the invariants."""


@dataclass(frozen=True)
class Setting:
    """What all paths share."""

    config: MarketConfig
    asset_decimals: int
    protocol_fee_rate: int
    reserve_basis: ReserveBasis
    deposit_cap: int
    liquidity: int
    """What the LPs begin with."""
    target: int
    """Collateralization ratio, WAD."""
    traders: int

    def price(self, answer: int) -> int:
        """What the oracle makes of an answer of the feed: rounded down, as it does."""
        scale = 10 ** (PRICE_DECIMALS - self.asset_decimals)
        return mul_div_floor(answer, scale, 10**FEED_DECIMALS)


@dataclass(frozen=True)
class Job:
    """A path to be run."""

    number: int
    setting: Setting
    path: PricePath
    seed: int
    """Of the people."""


def perform(job: Job) -> Outcome:
    """Runs a path. Whatever is raised says which one."""
    try:
        return Run(job).outcome()
    except Exception as error:
        error.add_note(f"path {job.number}")
        raise


class Run:
    """The state of a run: the system, and everybody's money outside of it."""

    def __init__(self, job: Job) -> None:
        self.job, self.setting = job, job.setting
        self.system = _system(job.setting)
        self.crowd = recruit(job.seed, job.setting.traders, len(job.path.prices))
        self.rng = random.Random(f"actions {job.seed}")
        self.brought = {trader.name: trader.wealth for trader in self.crowd}
        self.brought |= lps.wealth(job.setting.liquidity)
        self.wallets = dict(self.brought)
        self.done: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.violations: list[str] = []
        self.bad_debt = self.rewards_from_vault = 0
        self.worst = self.worst_kept = UNLIMITED
        self.below_target = self.most_open_interest = 0

    def outcome(self) -> Outcome:
        """Walks the path to its end, or until an invariant does not hold, and counts."""
        prices = self.job.path.prices
        for name in lps.NAMES:
            self._do(Action(name, Do.PROVIDE, self.wallets[name]))
        for step, answer in enumerate(prices):
            is_last = step + 1 == len(prices)
            self.system.now = step * STEP_SECONDS
            self.system.set_price(MARKET, self.setting.price(answer))
            looks = is_last or step % CHECK_EVERY == 0
            done = self._keep()
            if looks and not done.refused and (left := liquidatable(self.system)):
                self.violations.append(f"P5 ids {left} are above 30x after the keeper's round")
            if is_last:
                self._close_all()
            else:
                self._act(step)
            if looks:
                self._check()
            if self.violations:
                break
        return self._counted()

    # ---------------------------------------------------------------------------------------- steps

    def _keep(self) -> Round:
        """The keeper's round, and the ratio before and after it."""
        system = self.system
        self.worst = min(self.worst, system.collateralization_ratio())
        done = work(system, KEEPER)
        self.rejected += done.refused
        self.done["liquidatePosition"] += len(done.liquidations)
        self.done["deleverage"] += len(done.deleverages)
        for liquidation in done.liquidations:
            self.rewards_from_vault += liquidation.from_vault
            self.bad_debt += sum(decrease.bad_debt for decrease in liquidation.decreases)
        ratio = system.collateralization_ratio()
        self.worst_kept = min(self.worst_kept, ratio)
        self.below_target += ratio < self.setting.target
        return done

    def _act(self, step: int) -> None:
        """First the LPs, then the traders, who decide on what they see at that moment."""
        for action in lps.decide(self.system, self.wallets, self.rng):
            self._do(action)
        quote = self.system.quote(MARKET)
        holdings = {trader.name: self._holding(trader.name, quote) for trader in self.crowd}
        for action in decide(self.crowd, holdings, step, self.rng):
            self._do(action)
        market = self.system.market(MARKET)
        self.most_open_interest = max(self.most_open_interest, market.cost_long + market.cost_short)

    def _holding(self, name: str, quote: Quote) -> Holding:
        account, wallet = self.system.traders.get(name), self.wallets[name]
        if account is None or not account.id:
            return Holding(wallet, account.collateral if account else 0)
        position = account.position
        own = equity(position, account.collateral, quote, quote.market.skew, strict=False)
        return Holding(
            wallet=wallet,
            collateral=account.collateral,
            notional=position.notional,
            leverage=leverage(position.notional, own),
            winning=(quote.price - position.entry_price) * position.size > 0,
        )

    def _close_all(self) -> None:
        """Everybody closes at the last price. Whom the vault cannot pay tries again when others
        have paid it; who cannot be paid at all stays open."""
        owners = [owner for _, owner in sorted(self.system.owners.items())]
        while owners:
            refused = [owner for owner in owners if not self._close(owner)]
            if len(refused) == len(owners):
                break
            owners = refused

    def _close(self, owner: object) -> bool:
        try:
            self.bad_debt += self.system.close_position(owner).bad_debt
        except Rejected:
            return False
        return True

    # -------------------------------------------------------------------------------------- actions

    def _do(self, action: Action) -> None:
        try:
            self._carry_out(action)
        except Rejected as refusal:
            self.rejected[f"{action.do.value}: {refusal.name}"] += 1
        else:
            self.done[action.do.value] += 1

    def _carry_out(self, action: Action) -> None:
        """What an action moves between the actor's wallet and the vault, and what it does there."""
        system, actor, amount = self.system, action.actor, action.amount
        match action.do:
            case Do.ADD_COLLATERAL:
                self.wallets[actor] -= system.deposit_collateral(actor, amount).amount
            case Do.TAKE_COLLATERAL:
                self.wallets[actor] -= system.withdraw_collateral(actor, amount).amount
            case Do.PROVIDE:
                self.wallets[actor] -= system.deposit(actor, amount).assets
            case Do.REDEEM:
                self.wallets[actor] += system.redeem(actor, amount).assets
            case Do.OPEN:
                system.open_position_with_size(actor, amount, action.is_long)
            case Do.INCREASE:
                system.increase_position(actor, amount)
            case Do.DECREASE:
                self.bad_debt += system.decrease_position(actor, amount).bad_debt
            case Do.CLOSE:
                self.bad_debt += system.close_position(actor).bad_debt

    # ------------------------------------------------------------------------------------ the money

    def _check(self) -> None:
        """The invariants of the state, and that it agrees with what this run has seen moving."""
        system = self.system
        self.violations += all_checks(system)
        collateral = sum(trader.collateral for trader in system.traders.values())
        claims = system.vault.liquidity + collateral + system.unpaid_protocol_fees
        paid_in = sum(self.brought.values()) - sum(self.wallets.values())
        if paid_in != claims:
            self.violations.append(f"M1 {paid_in} were paid in, claims are {claims}")
        if (net := self._paid_in(lps.NAMES)) != system.vault.net_deposits:
            found = system.vault.net_deposits
            self.violations.append(f"M2 LPs paid {net} in, net deposits are {found}")
        if (lost := self.bad_debt + self.rewards_from_vault) != -system.cash_flow().bad_debt:
            found = -system.cash_flow().bad_debt
            self.violations.append(f"M2 events carry {lost} of bad debt, the books {found}")

    def _paid_in(self, names: tuple[str, ...]) -> int:
        return sum(self.brought[name] - self.wallets[name] for name in names)

    def _counted(self) -> Outcome:
        system, prices = self.system, self.job.path.prices
        balances = {owner: trader.collateral for owner, trader in system.traders.items()}
        names = tuple(trader.name for trader in self.crowd)
        return Outcome(
            number=self.job.number,
            start=self.job.path.start,
            first_price=prices[0],
            last_price=prices[-1],
            lowest_price=min(prices),
            highest_price=max(prices),
            liquidity=self.setting.liquidity,
            lp_profit=system.lower_value() - self._paid_in(lps.NAMES),
            traders_profit=sum(balances.get(n, 0) for n in names) - self._paid_in(names),
            keeper_profit=balances.get(KEEPER, 0),
            protocol_fees=system.unpaid_protocol_fees,
            unpaid=system.total_debt(),
            bad_debt=self.bad_debt,
            rewards_from_vault=self.rewards_from_vault,
            worst_ratio=self.worst,
            worst_ratio_kept=self.worst_kept,
            steps_below_target=self.below_target,
            liquidations=self.done["liquidatePosition"],
            deleverages=self.done["deleverage"],
            most_open_interest=self.most_open_interest,
            done={name: count for name, count in sorted(self.done.items()) if count},
            rejected=dict(sorted(self.rejected.items())),
            violations=tuple(self.violations),
        )


def _system(setting: Setting) -> System:
    system = System(
        protocol_fee_rate=setting.protocol_fee_rate, reserve_basis=setting.reserve_basis
    )
    system.add_market(setting.config)
    system.set_target_collateralization_ratio(setting.target)
    system.set_deposit_cap(setting.deposit_cap)
    return system
