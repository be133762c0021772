"""Attack: using deleverage to charge somebody twice, or something else than he would have paid, or
to pay less oneself.

A forced close is an ordinary close of the same size: the same fee once, funding and borrowing fee
up to that second once, the same books to the last unit. Time begins anew for what is left.
"""

import pytest

from prep.node import Node
from tests.attacks.assets import dollars
from tests.attacks.venue import FEES, PLAIN, next_block
from tests.expected import execution_price, fee, wmul, wmul_up
from tests.suite import UNLIMITED, WAD

MONTH = 30 * 86_400
MARKET = FEES
SIZE = 60 * WAD
CLOSING_FEE = WAD // 500

pytestmark = pytest.mark.usefixtures("one_block")

both_ways = pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
parts = pytest.mark.parametrize("part", [SIZE, SIZE // 3 + 7], ids=["whole", "part"])
outcomes = pytest.mark.parametrize("per_mille", [-200, 200], ids=["loser", "winner"])


def begin(venue, honest, villain, chain, sign, per_mille, market=MARKET):
    """Both sides are there for a month, with funding and borrowing fees, and above their caps."""
    suite = venue.suite
    suite.protocol.setProtocolFeeRate(WAD // 10, sender=suite.risk_manager)
    honest.order(market, sign * SIZE)
    villain.order(market, -sign * 11 * WAD)
    chain.mine(timestamp=chain.blocks.head.timestamp + MONTH)
    venue.set_price(market, 10_000 + 10 * sign * per_mille)
    venue.configure(market, maxLongOIValue=0, maxShortOIValue=0, closingFeeRate=CLOSING_FEE)
    venue.next_block()


def picture(venue, *parties):
    suite = venue.suite
    protocol = suite.protocol.address
    return (
        [party.wealth for party in parties],
        [party.position(MARKET) for party in parties],
        venue.node.read(
            (protocol, "marketWords(uint256,uint256)", MARKET, UNLIMITED),
            *((protocol, f"{name}()") for name in ("liquidity", "protocolFees", "netDeposits")),
            (suite.prep.address, "balanceOf(address)", suite.vault.address),
        ),
    )


@both_ways
@parts
@outcomes
def test_deleverage__account__as_an_order_of_that_size(
    venue, isolated, honest, villain, chain, sign, part, per_mille
):
    begin(venue, honest, villain, chain, sign, per_mille)
    with isolated():
        ordinary = honest.order(MARKET, -sign * part, reduce_only=True)
        expected = picture(venue, honest, villain)
    wealth, entered = honest.wealth, honest.position(MARKET)
    index = honest.preview(MARKET, -sign * part)
    assert venue.deleverage(honest, MARKET, part) == ordinary.settlement
    assert picture(venue, honest, villain) == expected, "M3: not as an ordinary close"
    assert honest.wealth - wealth == ordinary.settlement == index.settlement, "M3"

    # By hand: fees on what is removed, the rest on all that was held.
    state = venue.state(MARKET)
    price = 10_000 + 10 * sign * per_mille
    skew, scale = sign * 49 * WAD, venue.markets[MARKET - 1]["skewScale"]
    fill = execution_price(price * WAD, scale, skew, skew - sign * part)
    paid = fee(CLOSING_FEE, part, fill)
    _, funding, borrowing, closing = ordinary.realised
    assert closing == -paid < 0, "M3: another closing fee"
    assert funding == wmul(sign * SIZE, state[8] - entered[2]), "M3: another funding"
    cost = wmul(SIZE, entered[1])
    assert borrowing == -wmul_up(cost, state[5] - entered[3]) < 0, "M3: another borrowing fee"


@both_ways
@outcomes
@pytest.mark.parametrize("market", [PLAIN, FEES], ids=["in one block", "in ten blocks"])
def test_deleverage__account_bit_by_bit__funding_and_borrowing_fee_once(
    venue, isolated, honest, villain, chain, sign, per_mille, market
):
    """Ten calls. In one block only the first finds funding and a borrowing fee; where there is
    price impact each is in a block of its own, and finds those of the second since the last. The
    closing fees add up to what one close of all would cost, but for rounding."""
    begin(venue, honest, villain, chain, sign, per_mille, market)
    with isolated():
        at_once = honest.close(market)
    charged, held = 0, sign * SIZE
    for number in range(10):
        _, entry_price, *since = honest.position(market)
        expected = honest.preview(market, -sign * SIZE // 10)
        settlement = venue.deleverage(honest, market, SIZE // 10)
        assert settlement == expected.settlement
        _, funding, borrowing, closing = expected.realised
        charged += closing
        indices = [venue.state(market)[i] for i in (8, 5)]
        assert funding == wmul(held, indices[0] - since[0]), "M3: another funding"
        cost = abs(wmul(held, entry_price))
        assert borrowing == -wmul_up(cost, indices[1] - since[1]), "M3: another borrowing fee"
        held -= sign * SIZE // 10
        if held:
            assert list(honest.position(market)[2:]) == indices, "M3: will be charged again"
        if market == PLAIN:
            assert ((funding, borrowing) == (0, 0)) == (number > 0), "M3: charged twice"
        elif held:
            venue.refuses_as_busy(honest, market, SIZE // 10)
            venue.next_block()
    assert honest.size(market) == held == 0
    bound = 10 * (2 * SIZE // WAD + 2)
    assert abs(charged - at_once.realised[3]) <= bound, "M3: closing fees charged twice"


# ------------------------------------------------------------------------------ isolated positions


def trader_picture(node, suite, *traders):
    protocol = suite.protocol.address
    return node.read(
        *((protocol, "getPositionDetails(address)", trader.address) for trader in traders),
        (protocol, "marketWords(uint256,uint256)", 0, UNLIMITED),
        *((protocol, f"{name}()") for name in ("liquidity", "protocolFees", "getIdsNotInUse")),
        (suite.prep.address, "balanceOf(address)", suite.vault.address),
    )


@pytest.fixture
def traders(full, chain, victim, accomplice):
    """Two isolated positions, with fees of three days, above their caps; and a quick node."""

    def begin(sign, per_mille):
        full.open(victim, dollars(200_000), dollars(600_000), sign > 0)
        full.open(accomplice, dollars(50_000), dollars(90_000), sign < 0)
        chain.mine(timestamp=chain.blocks.head.timestamp + MONTH // 10)
        full.set_price(10_000 + 10 * sign * per_mille)
        full.configure(maxLongOIValue=0, maxShortOIValue=0)
        next_block(full.node)
        contracts = (full.protocol, full.prep, full.deleverager, full.lens)
        return Node(chain.provider.uri, *(contract.contract_type for contract in contracts))

    return begin


@both_ways
@outcomes
def test_deleverage__isolated_trader_bit_by_bit__each_part_pays_once(
    full, traders, isolated, victim, attacker, sign, per_mille
):
    """Isolated positions keep their indices, so every part owes for itself, up to its own block."""
    traders(sign, per_mille)
    protocol, deleverager = full.protocol, full.deleverager
    entered = full.position(victim)
    with isolated():
        tx = protocol.closePosition(sender=victim)
        (whole,) = tx.decode_logs(protocol.PositionDecreased)
    bits = []
    for size in (20 * WAD + 1, 7, 19 * WAD, UNLIMITED):
        tx = deleverager.deleverage(victim, size, sender=attacker)
        (bit,) = tx.decode_logs(protocol.PositionDecreased)
        bits.append(bit)
        state = full.lens.marketState(0)
        _, funding, borrowing, _ = bit.realised
        owed = wmul(bit.sizeRemoved, state.fundingIndex - entered.fundingIndex)
        assert funding == owed, "M3: another funding"
        cost = abs(wmul(bit.sizeRemoved, entered.entryPrice))
        owed = -wmul_up(cost, state.borrowIndex - entered.borrowIndex)
        assert borrowing == owed < 0, "M3: another borrowing fee"
        next_block(full.node)
    assert sum(bit.sizeRemoved for bit in bits) == whole.sizeRemoved
    for number, name in ((0, "price PnL"), (3, "closing fee")):
        one, many = whole.realised[number], [bit.realised[number] for bit in bits]
        # Price impact and closing fee are per part as for the whole, within what rounding does.
        bound = 60 * (10_000 * 13 // 10 + 2) + 60
        assert one != 0, name
        assert abs(sum(many) - one) <= bound, f"M3: {name} {sum(many)}, at once {one}"


@both_ways
@outcomes
@pytest.mark.parametrize("way", ["closed", "decreased"])
def test_deleverage__isolated_trader__as_by_himself(
    full, traders, isolated, victim, accomplice, attacker, sign, per_mille, way
):
    """Closed to the unit as he would, liquidatable or not, and nobody is paid a reward."""
    suite = full
    node = traders(sign, per_mille)
    notional = dollars(200_000) + 1
    with isolated():
        if way == "closed":
            tx = suite.protocol.closePosition(sender=victim)
        else:
            tx = suite.protocol.decreasePosition(notional, sender=victim)
        (log,) = tx.decode_logs(suite.protocol.PositionDecreased)
        expected = trader_picture(node, suite, victim, accomplice)
        rewarded = suite.position(attacker).collateral
    size = UNLIMITED if way == "closed" else abs(log.sizeRemoved)
    collateral = suite.position(victim).collateral
    tx = suite.deleverager.deleverage(victim, size, sender=attacker)
    (closed,) = tx.decode_logs(suite.protocol.PositionDecreased)
    assert closed.realised == log.realised, "M3: charged another amount"
    assert trader_picture(node, suite, victim, accomplice) == expected, "M3: not as by himself"
    assert suite.position(victim).collateral - collateral == sum(log.realised), "M3"
    assert suite.position(attacker).collateral == rewarded == 0, "M3: a reward"
