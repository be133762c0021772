"""ProtocolLens says what Protocol does, also where a market has had another life before."""

from tests.expected import Realised
from tests.suite import WAD
from tests.unit.books import accrued, both_sides, open_position, oracle_code, sign

DAY = 86_400
COLLATERAL = 1_000 * WAD
NOTIONAL = 5_000 * WAD
MAX_PRICE = 10**36


@both_sides
def test_lens__skew_scale_is_gone__no_funding_left_over(full, trader, clock, is_long):
    """Without a skew scale nobody owes or is due funding, and a later one begins anew."""
    open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    clock.advance(DAY)
    full.protocol.closePosition(sender=trader)
    assert full.lens.marketState(0).fundingIndex != 0
    full.configure(skewScale=0, closingFeeRate=0, openingFeeRate=0)
    state = full.lens.marketState(0)
    assert (state.fundingRate, state.fundingIndex) == (0, 0)

    p = open_position(full, trader, COLLATERAL, NOTIONAL, is_long)
    full.set_price(10_000 + sign(is_long) * 100)
    exposure = full.protocol.exposure(False)
    assert (exposure.seqPnl, exposure.funding) == (50 * WAD, 0)
    market, vault = full.lens.market(0), full.lens.vault()
    assert (market.seqPnl, market.funding) == (50 * WAD, 0)
    assert market.reserves == vault.reserves == full.protocol.liquidityReservesToHold()

    level, liquidable = full.protocol.checkPositionLeverageAndLiquidability(1)
    view = full.lens.position(trader)
    assert (view.leverage, view.liquidatable) == (level, liquidable)
    assert Realised(*view.unrealised) == p.realised(p.size, full.price(), index=p.borrow_index)
    assert view.equity == full.position(trader).collateral + 50 * WAD

    full.protocol.closePosition(sender=trader)
    clock.advance(30 * DAY)
    full.set_price(10_000)
    full.configure()
    clock.advance(DAY)
    assert full.lens.marketState(0).fundingRate == 0
    assert full.lens.market(0).state.fundingRate == 0


@both_sides
def test_lens__skew_scale_has_come__funding_from_then_on(btc, trader, clock, is_long):
    btc.configure(skewScale=3_000 * WAD, maxFundingVelocity=9 * WAD)
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    clock.advance(DAY)
    changed = {**btc.market, "skewScale": 3_000 * WAD, "maxFundingVelocity": 9 * WAD}
    now = accrued(type(btc)(**{**vars(btc), "market": changed}), clock.now)
    view = btc.lens.position(trader)
    assert view.unrealised.funding == p.realised(p.size, btc.price(), **now.terms).funding < 0


def test_lens__price_beyond_bounds__refused_like_by_protocol(btc, trader, chain, reverts):
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    for price in (0, MAX_PRICE + 1):
        chain.provider.set_code(btc.oracle.address, oracle_code(price))
        values = {"price": price, "max": MAX_PRICE}
        for look in (
            lambda: btc.protocol.checkPositionLeverageAndLiquidability(1),
            lambda: btc.protocol.exposure(False),
            btc.lens.vault,
            lambda: btc.lens.position(trader),
            lambda: btc.lens.positions(1, 1),
            lambda: btc.lens.market(0),
        ):
            with reverts(btc.protocol.PriceOutOfBounds, **values):
                look()
