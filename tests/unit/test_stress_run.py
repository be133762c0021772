"""A path through the model: what people do, and that the money adds up."""

from dataclasses import replace

import pytest

from prep.demo.crowd import Action, Do
from prep.demo.prices import PricePath
from prep.model import UNLIMITED, WAD
from prep.stress import lps, run
from prep.stress.paths import REGIMES
from prep.stress.run import Run, perform
from tests.unit.stress import DEAR, FREE, job

DOLLAR = 10**8


def steps(*prices):
    """A path of these whole dollars."""
    return PricePath("made for a test", None, tuple(price * DOLLAR for price in prices))


@pytest.mark.parametrize("setting", [FREE, DEAR], ids=["free", "dear"])
@pytest.mark.parametrize("regime", REGIMES)
def test_outcome__any_regime__lp_profit_is_the_cash_flow_to_the_unit(setting, regime):
    this = Run(job(setting, regime))

    outcome = this.outcome()

    assert outcome.violations == ()
    assert outcome.unpaid == 0
    assert this.system.market(0).open_interest == 0
    assert outcome.lp_profit == this.system.cash_flow().total
    paid = sum(this.brought[name] - this.wallets[name] for name in lps.NAMES)
    assert outcome.lp_profit == this.system.vault.liquidity - paid
    profits = (outcome.traders_profit, outcome.keeper_profit, outcome.protocol_fees)
    assert outcome.lp_profit + sum(profits) == 0, "M3"
    assert (outcome.protocol_fees > 0) == (setting is DEAR)
    assert outcome.done["openPositionWithSize"] >= setting.traders


def test_outcome__same_job__is_the_same():
    first, other = perform(job(number=1)), perform(job(number=2))

    assert perform(job(number=1)) == first
    assert other.lp_profit != first.lp_profit
    assert perform(replace(job(number=1), seed=5)).traders_profit != first.traders_profit


def test_outcome__crash__counts_what_the_model_did():
    this = Run(job(regime="crash", hours=48))

    outcome = this.outcome()

    assert outcome.liquidations == outcome.done["liquidatePosition"] > 0
    assert outcome.bad_debt > 0
    lost = outcome.bad_debt + outcome.rewards_from_vault
    assert lost == -this.system.cash_flow().bad_debt
    assert outcome.keeper_profit == this.system.position(run.KEEPER).collateral > 0
    assert outcome.lowest_price < outcome.last_price < outcome.first_price
    assert outcome.most_open_interest > 0


def test_outcome__price_doubles_while_the_crowd_is_long__empties_the_vault():
    prices = [10_000] * 96 + [20_000] * 8
    this = Run(replace(job(), path=steps(*prices)))

    outcome = this.outcome()

    assert outcome.violations == ()
    assert outcome.unpaid > 0
    assert outcome.worst_ratio < WAD
    assert outcome.worst_ratio_kept < FREE.target
    assert 0 < outcome.steps_below_target <= 8
    assert outcome.seconds_below_target == 900 * outcome.steps_below_target
    assert outcome.price_change == WAD
    # All that the LPs paid in is gone, or owed.
    paid = sum(this.brought[name] - this.wallets[name] for name in lps.NAMES)
    assert outcome.lp_profit == -paid
    profits = (outcome.lp_profit, outcome.traders_profit, outcome.keeper_profit)
    assert sum(profits) + this.system.vault.liquidity == 0
    assert outcome.rejected["deleverage: VaultCannotPay"] > 0


def test_outcome__gentle_rise__keeps_the_target_by_deleveraging():
    prices = [10_000] * 40 + [10_000 + 60 * i for i in range(60)]
    setting = replace(FREE, target=4 * WAD)

    outcome = perform(replace(job(setting), path=steps(*prices)))

    assert outcome.deleverages > 0
    assert outcome.worst_ratio < setting.target <= outcome.worst_ratio_kept
    assert outcome.steps_below_target == 0
    unguarded = perform(replace(job(replace(FREE, target=0)), path=steps(*prices)))
    assert unguarded.deleverages == 0
    assert unguarded.worst_ratio_kept < setting.target


def test_outcome__nobody_owes_anything__has_no_ratio():
    outcome = perform(replace(job(), path=steps(*[10_000] * 8)))

    assert outcome.worst_ratio == outcome.worst_ratio_kept == UNLIMITED
    assert outcome.price_change == outcome.liquidations == outcome.bad_debt == 0


def test_price__any_decimals__is_what_the_oracle_makes_of_the_answer():
    assert FREE.price(8_000 * DOLLAR + 1) == 8_000 * WAD + 10**10
    assert replace(FREE, asset_decimals=8).price(8_000 * DOLLAR) == 8_000 * 10**28
    assert replace(FREE, asset_decimals=36).price(2 * DOLLAR - 1) == 1


# ------------------------------------------------------------------------------------- violations


def test_outcome__invariant_of_the_model_broken__ends_the_path_and_says_so(monkeypatch):
    looks = []

    def broken_later(system):
        looks.append(system.now)
        return ["P1 the sum is wrong"] if len(looks) == 2 else []

    monkeypatch.setattr(run, "all_checks", broken_later)

    outcome = perform(job())

    assert outcome.violations == ("P1 the sum is wrong",)
    assert looks == [0, 32 * 900]


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda r: r.wallets.update({"Trader 01": r.wallets["Trader 01"] - 1}), "M1 "),
        (lambda r: setattr(r.system, "unpaid_protocol_fees", 1), "M1 "),
        (lambda r: setattr(r.system.vault, "net_deposits", 5), "M2 LPs paid"),
        (lambda r: setattr(r, "bad_debt", r.bad_debt + 1), "M2 events carry 1 of bad debt"),
    ],
)
def test_outcome__money_astray__is_noticed(break_it, message):
    this = Run(replace(job(), path=steps(*[10_000] * 5)))
    keep, broken = this._keep, []

    def keep_and_break():
        done = keep()
        if not broken:
            broken.append(break_it(this))
        return done

    this._keep = keep_and_break
    outcome = this.outcome()

    assert any(text.startswith(message) for text in outcome.violations), outcome.violations


def test_outcome__lazy_keeper__is_noticed(monkeypatch):
    monkeypatch.setattr("prep.stress.keeper._liquidate", lambda *_: None)

    outcome = perform(job(regime="crash", hours=48))

    assert outcome.violations[0].startswith("P5 ids [")


def test_perform__anything_raised__names_the_path(monkeypatch):
    def fall_over(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(run, "work", fall_over)

    with pytest.raises(ZeroDivisionError) as raised:
        perform(job(number=3))

    assert raised.value.__notes__ == ["path 3"]


# ------------------------------------------------------------------------------------------- LPs


class Chance:
    """Draws what it is told."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def randrange(self, _):
        return self.draws.pop(0)

    def randint(self, low, high):
        return self.draws.pop(0)


@pytest.fixture
def funded():
    """A run whose LPs have deposited."""
    this = Run(job())
    this.system.set_price(0, 10_000 * WAD)
    for name in lps.NAMES:
        this._do(Action(name, Do.PROVIDE, this.wallets[name]))
    return this


def test_wealth__any_amount__is_shared_out_to_the_unit():
    assert lps.wealth(6 * WAD + 5) == {
        "LP 1": 3 * WAD + 5,
        "LP 2": WAD,
        "LP 3": WAD,
        "LP 4": WAD,
    }


def test_decide__restless_lps__take_out_and_bring_back(funded):
    shares = funded.system.vault.balance_of("LP 2")
    idle = lps.decide(funded.system, funded.wallets, Chance(1, 1))
    actions = lps.decide(funded.system, funded.wallets, Chance(0, 3, 1))
    for action in actions:
        funded._do(action)
    everything = lps.decide(funded.system, funded.wallets, Chance(0, 4, 1))
    for action in everything:
        funded._do(action)
    back = lps.decide(funded.system, funded.wallets, Chance(0, 2, 1))

    assert idle == []
    assert actions == [Action("LP 2", Do.REDEEM, shares * 3 // 4)]
    assert everything == [Action("LP 2", Do.REDEEM, shares - shares * 3 // 4)]
    assert back == [Action("LP 2", Do.PROVIDE, funded.wallets["LP 2"] // 2)]


@pytest.mark.parametrize("lost, leaves", [(24_999, False), (25_001, True)])
def test_decide__nervous_lp__leaves_once_five_per_cent_are_lost(funded, lost, leaves):
    system = funded.system
    system.deposit_collateral("winner", 100_000 * WAD)
    system.open_position_with_size("winner", 500_000 * WAD, True)
    system.set_price(0, 10_000 * WAD + 10_000 * WAD * lost // 500_000)

    actions = lps.decide(system, funded.wallets, Chance(1, 1))

    shares = system.vault.balance_of("LP 4")
    assert actions == ([Action("LP 4", Do.REDEEM, shares)] if leaves else [])


def test_decide__vault_lets_less_go__takes_what_it_can(funded):
    system = funded.system
    system.deposit_collateral("winner", 1_000_000 * WAD)
    system.open_position_with_size("winner", 3_000_000 * WAD, True)

    (action,) = lps.decide(system, funded.wallets, Chance(1, 0, 4))

    assert action.actor == "LP 3"
    assert action.amount == system.max_redeem("LP 3") < system.vault.balance_of("LP 3")
