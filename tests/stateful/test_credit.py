"""Random walks of credit accounts, contracts and model side by side."""

import os
import time

import pytest

from tests.stateful.credit_walk import CreditWalk


@pytest.mark.parametrize(
    "seed", range(int(os.environ.get("FIRST", "0")), int(os.environ.get("LAST", "1")))
)
def test_walk__any_actions__contracts_and_model_agree(desk, people, seed):
    began = time.monotonic()
    walk = CreditWalk(desk, people, seed)
    try:
        walk.go(int(os.environ.get("STEPS", "100")))
    finally:
        print(walk.done, "steps", time.monotonic() - began, "s")
        for k, v in sorted(desk.seen.items()):
            print("   ", k, v)
