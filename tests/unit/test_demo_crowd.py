"""The crowd of the demonstration: who takes part, and what each does."""

import random
from dataclasses import replace

import pytest

from prep.demo.crowd import (
    FIRST_DEPOSIT,
    SECOND_DEPOSIT,
    Action,
    Do,
    Holding,
    Temper,
    Trader,
    decide,
    lp_actions,
    recruit,
)

WAD = 10**18
STEPS = 192
STAKE = 1_000 * WAD


class Chance(random.Random):
    """Always draws the same number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def randrange(self, *_: int) -> int:
        return self.number


WILLING, IDLE = Chance(0), Chance(1)


def trader(temper: Temper, arrives: int = 5) -> Trader:
    return Trader("T", temper, True, STAKE, 4 * STAKE, 10 * WAD, arrives)


def act(who: Trader, holding: Holding, chance: random.Random = WILLING, step: int = 9):
    return [
        (action.do, *action.arguments) for action in decide([who], {"T": holding}, step, chance)
    ]


FRESH = Holding(wallet=4 * STAKE, collateral=0)
OPEN = Holding(
    wallet=3 * STAKE, collateral=STAKE, notional=10 * STAKE, leverage=10 * WAD, winning=False
)
WINNING = replace(OPEN, leverage=5 * WAD, winning=True)
TIGHT = replace(OPEN, leverage=20 * WAD)


def test_recruit__seed__gives_the_same_crowd():
    assert recruit(1, 36, STEPS) == recruit(1, 36, STEPS)
    assert recruit(1, 36, STEPS) != recruit(2, 36, STEPS)


@pytest.mark.parametrize("seed", range(20))
def test_recruit__any_seed__leans_long_and_keeps_to_the_rules(seed):
    crowd = recruit(seed, 40, STEPS)

    assert len({t.name for t in crowd}) == 40
    assert sum(t.is_long for t in crowd) == 28
    assert all(2 * WAD <= t.leverage <= 15 * WAD for t in crowd)
    assert all(0 <= t.arrives < STEPS // 8 for t in crowd)
    assert {t.temper for t in crowd} == set(Temper)


def test_decide__same_state_and_chance__gives_the_same_actions():
    crowd = recruit(3, 36, STEPS)
    holdings = {t.name: (OPEN if i % 2 else FRESH) for i, t in enumerate(crowd)}

    first = decide(crowd, holdings, 30, random.Random(5))

    assert first == decide(crowd, holdings, 30, random.Random(5))
    assert first != decide(crowd, holdings, 30, random.Random(6))
    assert len(first) > 0


def test_decide__before_arrival__does_nothing():
    assert act(trader(Temper.PATIENT, arrives=10), FRESH) == []


def test_decide__on_arrival__opens_with_the_stake_whatever_chance_says():
    assert act(trader(Temper.PATIENT, arrives=9), FRESH, IDLE) == [
        (Do.ADD_COLLATERAL, STAKE),
        (Do.OPEN, 10 * STAKE, True),
    ]


@pytest.mark.parametrize(
    "temper, expected",
    [
        (Temper.PATIENT, [(Do.ADD_COLLATERAL, STAKE), (Do.OPEN, 10 * STAKE, False)]),
        # With all that is left, up to the most that it dares.
        (Temper.GAMBLER, [(Do.ADD_COLLATERAL, 3 * STAKE), (Do.OPEN, 20 * STAKE, False)]),
    ],
)
def test_decide__after_a_loss__comes_back_convinced_of_the_opposite(temper, expected):
    lost = Holding(wallet=3 * STAKE, collateral=0)

    assert act(trader(temper), lost) == expected
    assert act(trader(temper), lost, IDLE) == []


def test_decide__nothing_left__stays_away():
    assert act(trader(Temper.PATIENT), Holding(wallet=0, collateral=WAD // 2)) == []


@pytest.mark.parametrize(
    "temper, holding, expected",
    [
        (Temper.PATIENT, OPEN, []),
        (Temper.PATIENT, WINNING, [(Do.CLOSE,)]),
        (Temper.PATIENT, TIGHT, [(Do.ADD_COLLATERAL, STAKE // 2)]),
        (Temper.PATIENT, replace(TIGHT, wallet=7), [(Do.ADD_COLLATERAL, 7)]),
        (Temper.PATIENT, replace(TIGHT, wallet=0), []),
        (Temper.FOLLOWER, OPEN, [(Do.DECREASE, 10 * STAKE // 3)]),
        (Temper.FOLLOWER, WINNING, [(Do.INCREASE, 2_500 * WAD)]),
        (Temper.FOLLOWER, TIGHT, [(Do.CLOSE,)]),
        (Temper.FOLLOWER, replace(WINNING, notional=20 * STAKE - 1), []),
        (Temper.BARGAINER, OPEN, [(Do.INCREASE, 5_000 * WAD)]),
        (Temper.BARGAINER, WINNING, [(Do.DECREASE, 5 * STAKE)]),
        (Temper.GAMBLER, OPEN, []),
        (Temper.GAMBLER, WINNING, [(Do.TAKE_COLLATERAL, STAKE // 3)]),
    ],
)
def test_decide__open_position__follows_the_temper(temper, holding, expected):
    assert act(trader(temper), holding) == expected
    assert act(trader(temper), holding, IDLE) == []


def test_lp_actions__join_in_the_middle_and_leave_in_part_later():
    shares = {"LP 1": 10**30, "LP 2": 0}
    acting = {step: lp_actions(step, STEPS, shares) for step in range(STEPS)}

    assert {step: actions for step, actions in acting.items() if actions} == {
        96: [Action("LP 2", Do.PROVIDE, SECOND_DEPOSIT)],
        144: [Action("LP 1", Do.REDEEM, 10**30 // 4)],
    }
    assert FIRST_DEPOSIT > SECOND_DEPOSIT
