"""Which accounts the keeper liquidates, with what and for what, without a chain."""

from dataclasses import replace

import pytest

from prep.keeper.credit.decide import (
    Liquidate,
    Trial,
    best,
    choice_of,
    judge,
    lacking,
    ranked,
    trials,
)
from prep.keeper.credit.snapshot import PREP
from prep.keeper.decide import Settings, Skipped
from prep.model import WAD
from tests.unit.keeper_credit import (
    BITCOIN,
    DOLLAR,
    ETHER,
    GWEI,
    MANAGER,
    SHARES,
    USD,
    WBTC,
    WETH,
    account,
    assets,
    choice,
    outcome,
    snapshot,
)

OWING = account(balances={WETH: ETHER, WBTC: BITCOIN}, debts={USD: 1_500 * DOLLAR})
GAS = 400_000  # with a margin of a half: 600,000


def tried(shot, of, **wanted):
    return list(trials(shot, of, Settings(**wanted)))


def free(of, *more):
    """What needs no money."""
    return [Trial(of, PREP, collateral, 0) for collateral in (PREP, *more)]


# ------------------------------------------------------------------------------------ what to try


def test_trials__debt_can_be_paid__each_collateral_is_tried_with_what_there_is():
    shot = snapshot(OWING, assets=assets(usd=700 * DOLLAR))
    assert tried(shot, OWING) == [
        *free(OWING),
        Trial(OWING, USD, WETH, 700 * DOLLAR),
        Trial(OWING, USD, WBTC, 700 * DOLLAR),
    ]


@pytest.mark.parametrize("wallet", [(0, 0), (10**12, 0), (0, 10**12)])
def test_trials__no_balance_or_no_allowance__only_what_costs_nothing_is_tried(wallet):
    shot = snapshot(OWING, assets=assets(usd=wallet))
    assert tried(shot, OWING) == free(OWING)


@pytest.mark.parametrize("wallet, most", [((5, 9), 5), ((9, 5), 5)])
def test_trials__balance_and_allowance_differ__the_smaller_counts(wallet, most):
    shot = snapshot(OWING, assets=assets(usd=wallet))
    assert {trial.max_repay for trial in tried(shot, OWING)[1:]} == {most}


def test_trials__limit_of_a_liquidation__is_by_the_price_and_rounded_down():
    owing = account(balances={WETH: ETHER}, debts={WBTC: BITCOIN})
    shot = snapshot(owing, assets=assets(wbtc=BITCOIN))
    # A base unit of bitcoin is worth 10^14 PREP base units.
    for limit, most in ((10**14 - 1, None), (10**14, 1), (2 * 10**14 - 1, 1), (10**30, BITCOIN)):
        found = tried(shot, owing, max_repay=limit)[1:]
        assert found == ([] if most is None else [Trial(owing, WBTC, WETH, most)])


def test_trials__approving__tries_with_the_balance_and_says_where_the_allowance_is_too_small():
    shot = snapshot(OWING, assets=assets(usd=(700 * DOLLAR, 300 * DOLLAR)))
    found = tried(shot, OWING, approve=True, max_repay=500 * WAD)
    assert found[1:] == [
        Trial(OWING, USD, WETH, 500 * DOLLAR, approve=True),
        Trial(OWING, USD, WBTC, 500 * DOLLAR, approve=True),
    ]
    within = tried(shot, OWING, approve=True, max_repay=300 * WAD)
    assert {(trial.max_repay, trial.approve) for trial in within[1:]} == {(300 * DOLLAR, False)}


def test_trials__positions__what_they_win_and_lose_may_be_collateral_and_debt():
    holder = account(balances={WETH: ETHER}, debts={USD: DOLLAR}, markets=(0,))
    shot = snapshot(holder, assets=assets(usd=1, prep=2))
    assert [trial.arguments[1:] for trial in tried(shot, holder)] == [
        (PREP, PREP, 0),
        (PREP, WETH, 0),
        (PREP, WETH, 2),
        (USD, PREP, 1),
        (USD, WETH, 1),
    ]


def test_trials__asset_that_nobody_lends__is_no_debt():
    holder = account(balances={WETH: ETHER}, markets=(0,))
    shot = snapshot(holder, assets=(assets(prep=1)))
    assert len(tried(shot, holder)) == 3
    unlent = (replace(shot.assets[PREP], lent=False), *shot.assets[1:])
    assert tried(snapshot(holder, assets=unlent), holder) == free(holder, WETH)


def test_trials__an_asset_without_a_price__is_not_tried_and_the_others_are():
    shot = snapshot(OWING, assets=assets(usd=5))
    without = tuple(replace(a, price=None) if a.number == WETH else a for a in shot.assets)
    assert [t.collateral for t in tried(snapshot(OWING, assets=without), OWING)] == [PREP, WBTC]
    without = tuple(replace(a, price=None) if a.number == USD else a for a in shot.assets)
    assert tried(snapshot(OWING, assets=without), OWING) == free(OWING)


# -------------------------------------------------------------------------------------- which one


def test_choice__worth__collateral_rounded_down_less_payment_rounded_up():
    shot = snapshot(OWING, assets=assets(usd=1))
    trial = Trial(OWING, USD, WETH, 10**30)
    found = choice_of(shot, trial, outcome(reward=7, repaid=100 * DOLLAR, seized=ETHER // 19))
    assert found.yields == (ETHER // 19) * 2_000 + 7 - 100 * WAD
    # A base unit of vault shares is worth a millionth of one of PREP.
    trial = Trial(OWING, SHARES, SHARES, 1)
    assert choice_of(shot, trial, outcome(repaid=1)).yields == -1, "paid: rounded up"
    assert choice_of(shot, trial, outcome(seized=999_999)).yields == 0, "got: rounded down"


def test_best__several__the_largest_yield():
    low = choice(collateral=WETH, repaid=100 * DOLLAR, seized=ETHER // 19)
    high = choice(collateral=WBTC, repaid=100 * DOLLAR, seized=BITCOIN // 90)
    assert best([low, high]) is high
    assert best([high, low]) is high


def test_best__equal_yields__the_lowest_ids():
    same = [
        choice(debt=debt, collateral=collateral, closed=1, reward=5)
        for debt, collateral in ((USD, WETH), (WBTC, USD), (WBTC, WETH))
    ]
    assert best(same) is same[2]
    assert best(same[::-1]) is same[2]


def test_best__nothing_would_change__is_none():
    assert best([choice(debt=PREP, collateral=PREP)]) is None
    assert best([]) is None


@pytest.mark.parametrize("does", [{"closed": 1}, {"repaid": 1}, {"bad_debt": 1}])
def test_best__something_would_change__is_taken(does):
    only = choice(**does)
    assert best([only]) is only


def test_best__debts_are_paid_from_balances__is_a_change():
    nets = account(balances={USD: 1}, debts={USD: 2})
    only = choice(of=nets, debt=PREP, collateral=PREP)
    assert best([only]) is only


def test_ranked__several_accounts__by_yield_then_by_number():
    rows = [
        choice(of=account(number), closed=1, reward=reward)
        for number, reward in ((3, 5), (1, 5), (2, 9))
    ]
    assert [row.trial.account.number for row in ranked(rows)] == [2, 1, 3]


# ------------------------------------------------------------------------------- worth its gas


def judged(gas_price, yields=1_200 * GWEI, gas=GAS, of=None, usd=1, **wanted):
    shot = snapshot(gas_price=gas_price, assets=assets(usd=usd))
    only = choice(of=of, closed=1, reward=yields)
    return judge(shot, only, gas, Settings(native_price=WAD, **wanted))


def test_judge__yield_pays_for_all_of_the_gas_limit__is_done():
    # 600,000 gas for 1,200 gwei: at 2,000,000 wei each nothing is left, but nothing is lost.
    action = judged(2_000_000)
    assert isinstance(action, Liquidate)
    assert (action.cost, action.gas_limit) == (1_200 * GWEI, 600_000)
    assert (action.max_gas_price, action.unpaid) == (2_000_000, False)


def test_judge__gas_too_dear__is_left_alone_with_the_numbers():
    assert judged(2_000_001) == Skipped(
        judged(0).id, f"pays {1_200 * GWEI} less gas {1_200 * GWEI + 600_000}, below 0"
    )


def test_judge__minimum_profit__must_be_left_even_at_the_highest_price_offered():
    action = judged(1_000_000, min_profit=600 * GWEI)
    assert action.max_gas_price == 1_000_000
    assert action.cost == 600 * GWEI
    assert isinstance(judged(1_000_001, min_profit=600 * GWEI), Skipped)


def test_judge__price_above_the_limit__is_left_alone():
    assert judged(11, max_gas_price=10).reason == "gas price 11 above 10"
    assert judged(10, max_gas_price=10).max_gas_price == 10


def test_judge__too_much_gas__is_left_alone():
    assert judged(0, max_credit_gas=599_999).reason == "gas 600000 above 599999"
    assert isinstance(judged(0, max_credit_gas=600_000), Liquidate)


@pytest.mark.parametrize("gas_price", [0, 1])
def test_judge__pays_nothing__only_when_wanted(gas_price):
    assert judged(gas_price, yields=0).reason == "pays 0"
    action = judged(gas_price, yields=0, unpaid=True, max_gas_price=50)
    assert (action.unpaid, action.max_gas_price) == (True, 50)


def test_judge__pays_less_than_its_gas__only_when_wanted():
    assert isinstance(judged(2_000_001), Skipped)
    assert judged(2_000_001, unpaid=True).unpaid


def test_judge__pays_enough__is_not_unpaid_though_that_is_wanted():
    assert judged(1, unpaid=True) == judged(1)


def test_judge__would_lose_without_gas_already__never():
    assert judged(0, yields=-1).reason == "pays -1"
    assert isinstance(judged(0, yields=-1, unpaid=True), Skipped)


def test_judge__debt_could_not_be_paid__says_what_to_approve():
    owing = account(balances={WETH: 1}, debts={USD: 5})
    skipped = judged(0, yields=0, of=owing, usd=0)
    needs = f"asset {USD} (0x{USD:040x}): have 0, approved 0"
    assert skipped.reason == f"pays 0; to pay its debt hold, and approve {MANAGER} for, {needs}"


def test_lacking__one_of_the_debts_can_be_paid__is_nothing():
    owing = account(debts={USD: 5, WETH: 5})
    shot = snapshot(owing, assets=assets(weth=1))
    assert lacking(shot, owing, Settings()) == ""
    assert "have 0, approved 0" in lacking(snapshot(owing), owing, Settings())


def test_lacking__no_debt__is_nothing():
    holder = account(markets=(1,))
    assert lacking(snapshot(holder), holder, Settings()) == ""


def test_account__its_price_is_missing__is_not_liquidatable():
    assert not account(shortfall=None).liquidatable
    assert not account(shortfall=0).liquidatable
    assert account(shortfall=1).liquidatable


# -------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "wanted, said",
    [
        ({"approve": True}, "approve needs max_repay"),
        ({"max_repay": -1}, "max_repay must be at least 0, is -1"),
        ({"max_credit_gas": 0}, "max_credit_gas must be at least 1, is 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, is 0"),
    ],
)
def test_settings__impossible__are_refused(wanted, said):
    with pytest.raises(ValueError, match=said):
        Settings(**wanted)
