"""Opening and closing fees, the protocol's share of them, and who gets it."""

import pytest

from tests.expected import MAX_LEVERAGE, UNLIMITED, ceil, execution_price, fee, wmul_up
from tests.suite import WAD, ZERO_ADDRESS
from tests.unit.books import CashFlow, audit, books, both_sides, logs, open_position, sign

COLLATERAL = 1_000 * WAD
NOTIONAL = 4_321 * WAD + 98_765
OPENING, CLOSING = WAD // 1_000 + 1, WAD // 500 + 3
SHARE = WAD // 3 + 1  # the protocol's, of every fee
MAX_SHARE = WAD // 2
ADDRESSES = 2**160 - 1
ANSWER = 1_234_567_890_123  # $12,345.67890123


@pytest.fixture
def market(btc, risk_manager):
    """The BTC market with odd fees."""
    btc.configure(openingFeeRate=OPENING, closingFeeRate=CLOSING, minPositionValue=0)
    btc.protocol.setProtocolFeeRate(SHARE, sender=risk_manager)
    btc.set_answer(ANSWER)
    return btc


def charged(amount: int, unpaid: int) -> tuple:
    return "ProtocolFeeCharged", {"marketId": 0, "amount": amount, "unpaid": unpaid}


@both_sides
def test_opening_fee__on_what_is_added__split_and_logged(market, trader, is_long):
    market.protocol.depositCollateral(COLLATERAL, sender=trader)
    before, paid_so_far, unpaid = books(market), 0, 0
    for act in (market.protocol.openPositionWithSize, market.protocol.increasePosition):
        opening = paid_so_far == 0
        tx = act(NOTIONAL, *([is_long] if opening else []), sender=trader)
        paid = fee(OPENING, NOTIONAL * WAD // market.price(), market.price())
        share = wmul_up(paid, SHARE)
        paid_so_far, unpaid = paid_so_far + paid, unpaid + share
        (_, increased), last = logs(tx, market.protocol)
        assert increased["openingFee"] == paid
        assert increased["collateral"] == COLLATERAL - paid_so_far
        assert last == charged(share, unpaid)
        assert audit(market, trader) == before._replace(
            liquidity=before.liquidity + paid_so_far - unpaid,
            unpaid_fees=unpaid,
            cash_flow=CashFlow(opening_fee=paid_so_far - unpaid),
        )


@both_sides
def test_closing_fee__on_what_is_removed__split_and_logged(market, trader, is_long):
    p = open_position(market, trader, COLLATERAL, NOTIONAL, is_long)
    before = books(market)
    collateral, taken, unpaid = market.position(trader).collateral, 0, before.unpaid_fees
    third = p.notional // 3
    for notional in (third, p.notional - third):
        part = p.part(third) if notional == third else p.size - p.part(third)
        act = market.protocol.decreasePosition
        if notional == third:
            tx = act(notional, sender=trader)
        else:
            tx = market.protocol.closePosition(sender=trader)
        paid = fee(CLOSING, part, market.price())
        share = wmul_up(paid, SHARE)
        taken, unpaid = taken + paid, unpaid + share
        first, (_, decreased) = logs(tx, market.protocol)
        assert first == charged(share, unpaid)
        assert decreased["realised"] == (0, 0, 0, -paid)
        assert decreased["collateral"] == collateral - taken
    shares = unpaid - before.unpaid_fees
    assert audit(market, trader) == before._replace(
        liquidity=before.liquidity + taken - shares,
        unpaid_fees=unpaid,
        cash_flow=before.cash_flow._replace(closing_fee=taken - shares),
    )


@both_sides
@pytest.mark.parametrize("size", [1, 999_999_999_999_999_999])
def test_fees__do_not_come_out_even__rounded_up(market, trader, is_long, size):
    market.protocol.depositCollateral(COLLATERAL, sender=trader)
    tx = market.protocol.openPositionWithToken(size, is_long, sender=trader)
    unit = market.price() * OPENING // WAD
    paid = ceil(size * unit, WAD)
    assert paid * WAD > size * unit
    (_, increased), (_, share) = logs(tx, market.protocol)
    assert increased["openingFee"] == paid
    assert share["amount"] == ceil(paid * SHARE, WAD)
    assert share["amount"] * WAD > paid * SHARE


@both_sides
def test_opening_fee__market_with_skew__at_the_execution_price(full, trader, is_long):
    full.protocol.depositCollateral(COLLATERAL, sender=trader)
    tx = full.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)
    size = sign(is_long) * (NOTIONAL * WAD // full.price())
    price = execution_price(full.price(), full.market["skewScale"], 0, size)
    paid = fee(full.market["openingFeeRate"], size, price)
    *_, (_, increased), last = logs(tx, full.protocol)
    assert (increased["price"], increased["openingFee"]) == (price, paid)
    assert last == charged(ceil(paid, 10), ceil(paid, 10))


@both_sides
def test_opening_fee__one_unit_more_than_collateral__reverts(market, trader, reverts, is_long):
    paid = fee(OPENING, NOTIONAL * WAD // market.price(), market.price())
    market.protocol.depositCollateral(paid - 1, sender=trader)
    with reverts(market.protocol.InsufficientCollateral, collateral=paid - 1, required=paid):
        market.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)
    market.protocol.depositCollateral(1, sender=trader)
    with reverts(market.protocol.LeverageTooHigh, leverage=UNLIMITED, max=MAX_LEVERAGE):
        market.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)


@both_sides
@pytest.mark.parametrize("beyond", ["one_unit", "share-1", "share", "share+1", "much"])
def test_closing_fee__collateral_is_short__share_waived_before_vault_loses(
    market, trader, is_long, beyond
):
    p = open_position(market, trader, COLLATERAL, NOTIONAL, is_long)
    market.set_answer(ANSWER - sign(is_long) * ANSWER // 2)
    realised = p.realised(p.size, market.price(), index=p.borrow_index, closing_rate=CLOSING)
    share = wmul_up(-realised.closing_fee, SHARE)
    shortfall = {
        "one_unit": 1,
        "share-1": share - 1,
        "share": share,
        "share+1": share + 1,
        "much": 100 * WAD,
    }[beyond]
    owed = -sum(realised)
    collateral = owed - shortfall
    lacking = collateral - market.position(trader).collateral
    market.protocol.depositCollateral(lacking, sender=trader)
    before = books(market)
    tx = market.protocol.closePosition(sender=trader)

    waived = min(share, shortfall)
    bad_debt, kept = shortfall - waived, share - waived
    flow = before.cash_flow
    assert audit(market, trader) == before._replace(
        liquidity=before.liquidity + collateral - kept,
        unpaid_fees=before.unpaid_fees + kept,
        cash_flow=flow._replace(
            price_pnl=-realised.price_pnl,
            closing_fee=-realised.closing_fee - share,
            bad_debt=-bad_debt,
        ),
    )
    *rest, (_, decreased) = logs(tx, market.protocol)
    assert decreased["badDebt"] == bad_debt
    assert rest == ([charged(kept, before.unpaid_fees + kept)] if kept else [])
    assert market.position(trader).collateral == 0


@both_sides
def test_fees__without_a_share__all_to_the_vault(market, trader, risk_manager, is_long):
    market.protocol.setProtocolFeeRate(0, sender=risk_manager)
    before = books(market)
    market.protocol.depositCollateral(COLLATERAL, sender=trader)
    first = market.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)
    second = market.protocol.closePosition(sender=trader)
    (_, increased), (_, decreased) = logs(first, market.protocol) + logs(second, market.protocol)
    paid = increased["openingFee"] - decreased["realised"][3]
    after = audit(market, trader)
    assert (after.liquidity, after.unpaid_fees) == (before.liquidity + paid, 0)


# Rate and treasury


def test_set_protocol_fee_rate__up_to_half__stored_and_logged(btc, risk_manager, reverts):
    for rate in (1, MAX_SHARE, 0):
        tx = btc.protocol.setProtocolFeeRate(rate, sender=risk_manager)
        assert logs(tx, btc.protocol) == [("ProtocolFeeRateSet", {"rate": rate})]
        assert btc.protocol.protocolFees() == (rate, 0, ZERO_ADDRESS)
    for rate in (MAX_SHARE + 1, 2**64, UNLIMITED):
        error = {"parameter": b"protocolFeeRate".ljust(32, b"\0"), "value": rate}
        with reverts(btc.protocol.ParameterOutOfBounds, **error, min=0, max=MAX_SHARE):
            btc.protocol.setProtocolFeeRate(rate, sender=risk_manager)


def test_set_treasury__by_admin__stored_and_logged(btc, admin, treasury, reverts):
    tx = btc.protocol.setTreasury(treasury, sender=admin)
    values = {"treasury": treasury.address}
    assert logs(tx, btc.protocol) == [("TreasurySet", values)]
    assert btc.protocol.protocolFees().treasury == treasury
    error = {"parameter": b"treasury".ljust(32, b"\0"), "value": 0, "min": 1, "max": ADDRESSES}
    with reverts(btc.protocol.ParameterOutOfBounds, **error):
        btc.protocol.setTreasury(ZERO_ADDRESS, sender=admin)


def test_collect__fees_unpaid__all_to_treasury_once(
    market, trader, admin, treasury, stranger, reverts
):
    open_position(market, trader, COLLATERAL, NOTIONAL, True)
    before = books(market)
    error = {"parameter": b"treasury".ljust(32, b"\0"), "value": 0, "min": 1, "max": ADDRESSES}
    with reverts(market.protocol.ParameterOutOfBounds, **error):
        market.protocol.collectProtocolFees(sender=stranger)
    market.protocol.setTreasury(treasury, sender=admin)
    amount = before.unpaid_fees
    assert market.protocol.collectProtocolFees.call(sender=stranger) == amount > 0
    tx = market.protocol.collectProtocolFees(sender=stranger)
    values = {"treasury": treasury.address, "amount": amount}
    assert logs(tx, market.protocol) == [("ProtocolFeesCollected", values)]
    moved = {"from": market.vault.address, "to": treasury.address, "value": amount}
    assert logs(tx, market.prep) == [("Transfer", moved)]
    assert market.prep.balanceOf(treasury) == amount
    assert audit(market, trader) == before._replace(unpaid_fees=0, custody=before.custody - amount)
    with reverts(market.protocol.ZeroAmount):
        market.protocol.collectProtocolFees(sender=stranger)
