"""What is summed up over markets. Isolated trading knows only the first: the others' open interest
is put into storage here, as `MarketSlots` lays it out."""

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.expected import Totals, borrow_index, wmul
from tests.suite import BTC, WAD, market_config
from tests.unit.books import both_sides, open_position

MARKETS = 1  # the mapping's slot
DAY = 86_400
PRICE = 2_000
COLLATERAL = 1_000 * WAD
NOTIONAL = 5_000 * WAD
RATE, FACTOR = 20 * WAD // 100, 30 * WAD // 100


@pytest.fixture
def second_feed(create_feed):
    return create_feed(answer=PRICE * 10**8, description="ETH / USD")


@pytest.fixture
def plant(btc, chain, risk_manager, create_oracle, second_feed):
    """Adds a market and gives it positions: `plant(longs, shorts)` of (size, cost)."""
    oracle = create_oracle(feed=second_feed, asset_decimals=18, heartbeat=7 * DAY)
    config = market_config(oracle, BTC | {"borrowRate": RATE, "reserveFactor": FACTOR})

    def act(longs: tuple[int, int], shorts: tuple[int, int]) -> Totals:
        market = btc.protocol.marketCount()
        btc.protocol.addMarket(config, sender=risk_manager)
        first = int.from_bytes(keccak(encode(["uint256", "uint256"], [market, MARKETS])))
        for offset, (low, high) in enumerate(zip(longs, shorts, strict=True), start=1):
            word = (high << 128 | low).to_bytes(32)
            chain.provider.set_storage(btc.protocol.address, first + offset, word)
        totals = Totals(longs[0], shorts[0], longs[1], shorts[1])
        state = btc.lens.marketState(market)
        assert (state.longOI, state.shortOI, state.costLong, state.costShort) == totals[:4]
        return totals

    return act


@both_sides
@pytest.mark.parametrize("larger", [False, True])
def test_exposure__two_markets__summed_up(btc, trader, plant, clock, is_long, larger):
    p = open_position(btc, trader, COLLATERAL, NOTIONAL, is_long)
    mine = Totals.of([p], has_skew=False)
    both = 3 * WAD, 6_100 * WAD
    other = plant(both, (WAD, 1_900 * WAD)) if is_long else plant((WAD, 1_900 * WAD), both)
    added = btc.lens.marketState(1).updatedAt
    now = clock.advance(DAY)
    btc.set_price(10_100)
    mine_seq, other_seq = mine.seq_pnl(btc.price(), 0), other.seq_pnl(PRICE * WAD, 0)
    mine_index = borrow_index(p.borrow_index, BTC["borrowRate"], BTC["reserveFactor"], DAY)
    other_index = borrow_index(0, RATE, FACTOR, now - added)
    e = btc.protocol.exposure(larger)
    assert e.liquidity == btc.protocol.liquidity()
    assert e.seqPnl == mine_seq + other_seq
    assert e.funding == 0
    assert e.borrowing == mine.borrowing(mine_index) + other.borrowing(other_index)
    reserves = mine.reserves(BTC["reserveFactor"], mine_seq, 0, by_larger_side=larger)
    reserves += other.reserves(FACTOR, other_seq, 0, by_larger_side=larger)
    assert e.reserves == reserves
    if not larger:
        assert btc.protocol.liquidityReservesToHold() == reserves


def test_exposure__gain_in_one_and_loss_in_the_other__no_reserve_for_one_out_of_the_other(
    btc, trader, plant
):
    """Reserves are per market and never below zero; values are added up before that."""
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    btc.set_price(8_500)
    plant((WAD, 1_500 * WAD), (0, 0))
    e = btc.protocol.exposure(False)
    assert e.seqPnl == 500 * WAD - 750 * WAD
    assert e.reserves == wmul(1_500 * WAD, FACTOR) + 500 * WAD
    assert btc.vault.lowerValue() == btc.protocol.liquidity()


@both_sides
def test_reserve__other_markets__theirs_comes_on_top(btc, lp, trader, plant, reverts, is_long):
    other = plant((WAD, 1_900 * WAD), (0, 0))
    plant((0, 0), (0, 0))
    reserves = other.reserves(FACTOR, other.seq_pnl(PRICE * WAD, 0), 0)
    assert reserves == wmul(1_900 * WAD, FACTOR) + 100 * WAD
    required = wmul(NOTIONAL, BTC["reserveFactor"]) + reserves
    btc.vault.withdraw(btc.protocol.liquidity() - required + 1, sender=lp)
    btc.protocol.depositCollateral(COLLATERAL, sender=trader)
    values = {"required": required, "liquidity": required - 1}
    with reverts(btc.protocol.ReservesExceeded, **values):
        btc.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)
    btc.vault.deposit(1, sender=lp)
    btc.protocol.openPositionWithSize(NOTIONAL, is_long, sender=trader)


def test_price_of_another_market__missing__what_needs_all_prices_is_refused(
    btc, admin, trader, stranger, plant, second_feed, reverts
):
    """R6, and P6: closing needs only its own market's."""
    open_position(btc, trader, COLLATERAL, NOTIONAL, True)
    btc.give_collateral(stranger, COLLATERAL)
    plant((WAD, 1_900 * WAD), (0, 0))
    second_feed.setAnswer(0, sender=admin)
    protocol, vault = btc.protocol, btc.vault
    for act in (
        lambda: protocol.openPositionWithSize(NOTIONAL, True, sender=stranger),
        lambda: protocol.increasePosition(WAD, sender=trader),
        lambda: vault.deposit(1, sender=stranger),
        lambda: protocol.exposure(False),
    ):
        with reverts(btc.oracle.AnswerNotPositive, answer=0):
            act()
    assert (vault.maxDeposit(stranger), vault.maxWithdraw(stranger)) == (0, 0)
    protocol.decreasePosition(WAD, sender=trader)
    protocol.withdrawCollateral(WAD, sender=trader)
    protocol.closePosition(sender=trader)
