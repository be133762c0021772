"""Liquidations on contracts, beside what docs/credit.md expects of them."""

from typing import Any

from prep.credit.actions import borrow, withdraw
from tests.credit import DECIMALS, DOLLARS, LTVS, PREP, SHARES, CreditSuite
from tests.suite import UNLIMITED, WAD
from tests.unit.credit import expected
from tests.unit.credit.acting import LIQUIDATE, Said, events, health, holdings, low, wallet
from tests.unit.credit.expected import Exposed, Held, Liquidation

NAMES = {0: "prep", 1: "shares", 2: "weth", 3: "wbtc", 4: "usd"}


def units(asset: int, dollars: int) -> int:
    """Base units worth that much at first."""
    return dollars * 10 ** DECIMALS[asset] // (1 if asset in (PREP, SHARES) else DOLLARS[asset])


def price(credit: CreditSuite, asset: int) -> int:
    if asset == PREP:
        return WAD
    oracle = credit.share_oracle if asset == SHARES else credit.oracles[asset]
    return credit.node.read((oracle.address, "price()"))[0]


def weighed(credit: CreditSuite, account: int, *more: int) -> dict[int, Held]:
    """What the account has, with thresholds; PREP and `more` also where it has none."""
    contents = dict.fromkeys((PREP, *more), (0, 0)) | holdings(credit, account)
    return {
        asset: Held(balance, debt, price(credit, asset), LTVS[asset][1])
        for asset, (balance, debt) in contents.items()
    }


def owing(credit: CreditSuite, owner: Any, account: int, asset: int, amount: int) -> None:
    """Borrows and takes it away."""
    credit.act(owner, account, borrow(asset, amount), withdraw(asset, amount))


def liquidated(
    credit: CreditSuite,
    liquidator: Any,
    account: int,
    debt: int,
    collateral: int,
    max_repay: int = UNLIMITED,
) -> tuple[Liquidation, list[Said]]:
    """What is said to have been done, and the logs before. Checks that it was paid so."""
    assets = {debt, collateral, PREP}
    before = {asset: wallet(credit, asset, liquidator) for asset in assets}
    args = account, debt, collateral, max_repay
    logs = events(credit, liquidator, credit.manager, LIQUIDATE, *args)
    (*first, last) = logs
    assert last[:5] == ("AccountLiquidated", account, low(liquidator), debt, collateral)
    done = Liquidation(*last[5])
    gained = {asset: wallet(credit, asset, liquidator) - before[asset] for asset in assets}
    want = dict.fromkeys(assets, 0)
    want[PREP] += done.reward
    want[debt] -= done.repaid
    want[collateral] += done.seized
    assert gained == want
    return done, first


def check(
    credit: CreditSuite,
    liquidator: Any,
    account: int,
    debt: int,
    collateral: int,
    *,
    max_repay: int = UNLIMITED,
    exposed: tuple[Exposed, ...] = (),
    settled: tuple[int, ...] | None = None,
    lendable: int = UNLIMITED,
) -> Liquidation:
    """Liquidates, and compares all of it with the document. A position without `settled` realises
    what it is worth in the reading."""
    held = weighed(credit, account, debt, collateral)
    before = expected.health(held.values(), exposed)
    assert health(credit, account, True) == before
    realised = [p.pnl for p in exposed] if settled is None else settled
    want, left = expected.liquidation(
        held, exposed, realised, debt, collateral, max_repay, lendable
    )
    done, _ = liquidated(credit, liquidator, account, debt, collateral, max_repay)
    assert done == want
    assert holdings(credit, account) == left
    return done


def supply_of(credit: CreditSuite, liquidator: Any, *assets: int) -> None:
    """Enough to pay any debt."""
    for asset in assets:
        credit.give(liquidator, asset, units(asset, 10**7))
