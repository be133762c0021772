"""Any debt for any collateral: repaying makes no account stand worse, and stops at the target.

Messages of failed assertions begin with the invariant's id (docs/invariants.md).
"""

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from prep.model import UNLIMITED, WAD, Rejected
from prep.model.credit import Credit
from prep.model.credit_config import BPS, AssetConfig
from prep.model.credit_results import ALL, Action, ActionKind, Liquidation
from prep.model.fixed import ceil_div
from prep.model.interest import RAY
from tests.property.bench import HELD, PREP, USDC, WETH, bench
from tests.property.world import outcome, quick

A = ActionKind
PRICES = st.one_of(st.integers(1, 10**6), st.integers(10**12, 10**31))
"""From tokens of which a unit is worth nothing to such with few decimals, WAD."""


def set_weight(credit: Credit, asset_id: int, threshold: int) -> None:
    """The threshold, and as much for acting."""
    config = credit.asset(asset_id).config
    if asset_id != PREP:
        new = AssetConfig(
            token=config.token, pool=config.pool, max_ltv=threshold, liquidation_threshold=threshold
        )
        credit.set_asset(asset_id, new)


def set_price(credit: Credit, asset_id: int, price: int) -> None:
    """But for PREP."""
    if asset_id != PREP:
        credit.set_asset_price(asset_id, price)


@settings(quick, max_examples=400)
@given(
    st.sampled_from((PREP, WETH, USDC, HELD)),
    st.sampled_from((PREP, WETH, USDC)),
    st.tuples(st.integers(1_000, 9_000), st.integers(1_000, 9_000)),
    st.tuples(PRICES, PRICES),
    st.integers(RAY, 3 * RAY),
    st.integers(1, 10**12),
    st.integers(1, 30_000),
    st.integers(1, 10_000),
)
def test_liquidate__any_pair_of_assets__never_worse_and_never_beyond_the_target(
    collateral: int,
    debt: int,
    weights: tuple[int, int],
    prices: tuple[int, int],
    index: int,
    owed: int,
    cover: int,
    part: int,
) -> None:
    assume(collateral != debt)
    credit = bench()
    for asset_id, weight, price in zip((collateral, debt), weights, prices, strict=True):
        set_weight(credit, asset_id, weight)
        set_price(credit, asset_id, price)
    pool = credit.asset(debt).config.pool
    assert pool is not None
    pool.index = index
    account = credit.open("owner")
    # Collateral for so many basis points of what its debt counts, when somebody liquidates.
    counts = owed * credit.price(debt) * BPS // credit.asset(debt).config.liquidation_threshold
    weight = credit.asset(collateral).config.liquidation_threshold
    balance = counts * cover // credit.price(collateral) // weight + 1
    pool.deposit("lender", owed)
    cheap, dear = (credit.price(asset_id) for asset_id in (debt, collateral))
    set_price(credit, debt, max(1, cheap // 10**6))
    set_price(credit, collateral, dear * 10**4)
    actions = [
        Action(A.DEPOSIT, collateral, balance),
        Action(A.BORROW, debt, owed),
        Action(A.WITHDRAW, debt, ALL),
    ]
    assume(not isinstance(outcome(credit.execute, "owner", account, actions), Rejected))
    set_price(credit, debt, cheap)
    set_price(credit, collateral, dear)

    before = credit.health(account, for_liquidation=True)
    most = UNLIMITED if part % 2 else owed * part // 10_000
    result = outcome(credit.liquidate, "keeper", account, debt, collateral, most)
    if before.well:
        assert result == Rejected("AccountHealthy", before.equity, before.required)
        return
    assert isinstance(result, Liquidation), result
    after = credit.health(account, for_liquidation=True)
    if result.bad_debt:
        event("bad debt")
        assert after == (0, 0, 0, 0, 0, 0)
        return
    # One unit of debt, one share of it, and a few units of PREP.
    least = ceil_div((index // RAY + 2) * cheap * BPS, WAD * weights[1]) + 10
    assert after.equity >= before.equity - least, "R13 it stands worse"
    assert result.repaid <= most, "more than was allowed"
    spent = result.repaid * cheap // WAD
    assert result.seized * dear // WAD <= spent * (WAD + result.bonus) // WAD, "the bonus at most"
    missing = ceil_div(after.debt * 11, 10) - after.collateral
    around = 2 * least + dear // WAD  # what is seized is rounded down by up to a unit, too
    assert missing >= -around, "R14 more than reaches the target"
    limited = result.repaid == most or result.seized == balance
    event(f"limited: {limited}")
    if not limited and credit.holding(account, debt).debt:
        assert missing <= around, "R14 the target is not reached"
