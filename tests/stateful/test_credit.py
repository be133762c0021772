"""Random walks of credit accounts, contracts and model side by side: after every step they agree in
events, refusals, books, health and orders, and M1, M2, M4 and M5 hold. Within one block, at one
price, nobody gains (M6)."""

import pytest

from tests.stateful.credit_block import Block
from tests.stateful.credit_walk import CreditWalk


@pytest.mark.parametrize("seed", range(4))
def test_walk__any_actions__contracts_and_model_agree(desk, people, seed):
    walk = CreditWalk(desk, people, seed)
    walk.go(300)
    # Most is refused, as it should be; enough is not.
    assert desk.seen["BalanceChanged"] > 50
    assert desk.seen["OrderPlaced"] > 15
    assert desk.seen["AccountLiquidated"] > 1


def test_one_block__random_actions_of_one_person__gain_nothing(desk, people):
    walk = CreditWalk(desk, people, "block")
    walk.go(60)
    block = Block(walk, people[4])
    done = sum(block.go(actions=10) for _ in range(12))
    assert done >= 6, "not everything could be closed again"
