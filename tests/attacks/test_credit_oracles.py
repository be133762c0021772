"""Attack: something in the account has no usable price, so that it cannot be liquidated: a unit of
a token whose oracle refuses, or a share of a vault that is worth nothing.

A share of an empty vault still has a price. Where an oracle refuses, the account waits for it (R6),
and nobody else does; what it holds cannot be used meanwhile, and the risk manager can replace the
oracle.
"""

import pytest

from prep.credit.actions import borrow, deposit, withdraw
from tests.attacks.till import LIQUIDATE, check_books, liquidate, price, refusal, refused
from tests.credit import BITCOIN, LTVS, PREP, SHARES, WBTC, WETH
from tests.suite import UNLIMITED, WAD

DEBT = 14_000 * WAD
ARGS = (PREP, WETH, 10**30)


def fallen(credit, owner, liquidator, dust):
    """Has a unit of an asset beside ten ether that have fallen too far."""
    account = credit.funded(owner, weth=10 * WAD)
    credit.give(owner, dust, WAD if dust == SHARES else 1)
    credit.act(owner, account, deposit(dust, 1))
    credit.act(owner, account, borrow(PREP, DEBT), withdraw(PREP, DEBT))
    credit.set_asset_price(WETH, 1_700)
    credit.give(liquidator, PREP, 10**6 * WAD)
    return account


def test_liquidate__share_of_a_vault_that_has_nothing_left__goes_through(
    credit, attacker, victim, liquidator
):
    """Traders have won more than all of it."""
    account = fallen(credit, attacker, liquidator, SHARES)
    credit.suite.open(victim, 400_000 * WAD, 5_000_000 * WAD, True)
    credit.set_market_price(BITCOIN, 13_000)
    assert credit.suite.vault.lowerValue() == 0
    assert price(credit, SHARES) == 1
    closed, _, repaid, seized, _, _ = liquidate(credit, liquidator, account, *ARGS)
    assert (closed, repaid > 0, seized > 0) == (0, True, True)
    check_books(credit)


@pytest.mark.parametrize("answer", [0, 10**37], ids=["none", "absurd"])
def test_liquidate__unit_of_a_token_without_price__waits_for_the_oracle(
    credit, attacker, accomplice, liquidator, project, answer
):
    account = fallen(credit, attacker, liquidator, WBTC)
    other = credit.funded(accomplice, weth=10 * WAD)
    credit.set_asset_price(WETH, 2_000)
    credit.act(accomplice, other, borrow(PREP, DEBT), withdraw(PREP, DEBT))
    credit.set_asset_price(WETH, 1_700)
    oracle = credit.oracles[WBTC]
    usable = oracle.price()
    oracle.setPrice(answer, sender=credit.suite.admin)

    error = refusal(credit, liquidator, credit.manager, LIQUIDATE, account, *ARGS)
    assert error == ("PriceOutOfBounds", (answer, 10**36))
    assert refused(credit, attacker, account, withdraw(WETH, 1)) == error
    assert liquidate(credit, liquidator, other, *ARGS)[2] > 0, "somebody else's oracle counts"

    replaced = credit.suite.admin.deploy(project.MockOracle, usable)
    lending = credit.lending[WBTC]
    config = (credit.tokens[WBTC], replaced, lending, *LTVS[WBTC], UNLIMITED)
    credit.manager.setAsset(WBTC, config, sender=credit.suite.risk_manager)
    assert liquidate(credit, liquidator, account, *ARGS)[2] > 0
    check_books(credit)
