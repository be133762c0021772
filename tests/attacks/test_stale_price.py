"""Attack: acting on a price that is old, or that is no price at all.

Everything that depends on a price stops with an error that says why; what needs none goes on.
"""

from contextlib import nullcontext

import pytest

from prep.node import Node, Reverted
from tests.attacks.assets import dollars, wealth
from tests.suite import FEED_DECIMALS, WAD

HEARTBEAT = 7 * 86_400
PRICE = 10_000 * 10**FEED_DECIMALS
HUGE = 10**26
NEVER = 2**256 - 1

pytestmark = pytest.mark.usefixtures("one_block")


def rounds(now):
    """Rounds that no price may be taken from: what the feed reports and the error that says so."""
    old = now - HEARTBEAT - 1
    return {
        "stale": ((9, PRICE, old, old, 9), ("AnswerStale", (old, HEARTBEAT))),
        "zero": ((9, 0, now, now, 9), ("AnswerNotPositive", (0,))),
        "negative": ((9, -PRICE, now, now, 9), ("AnswerNotPositive", (-PRICE,))),
        "incomplete": ((9, PRICE, now, 0, 9), ("RoundIncomplete", (9, 9, 0))),
        "carried over": ((9, PRICE, now, now, 8), ("RoundIncomplete", (9, 8, now))),
        "from the future": ((9, PRICE, now, now + 1, 9), ("AnswerFromFuture", (now + 1,))),
        "beyond the arithmetic": (
            (9, HUGE + 1, now, now, 9),
            ("PriceOutOfBounds", ((HUGE + 1) * 10**10, 10**36)),
        ),
    }


KINDS = list(rounds(0))


@pytest.fixture
def busy(btc, attacker, victim):
    """The attacker has a position, shares and collateral; the victim's position is liquidatable at
    9,600."""
    btc.open(victim, dollars(700), dollars(10_000), True)
    btc.open(attacker, dollars(5_000), dollars(10_000), True)
    btc.provide(attacker, dollars(10_000))
    btc.give(attacker, dollars(10_000))
    return btc


def with_price(suite, attacker, flat, victim):
    """Who calls what that depends on a price, views too."""
    who, victim_id = attacker.address, suite.position(victim).id
    amount, size, shares = dollars(100), WAD // 100, 10**24
    trades = [
        (flat.address, "openPositionWithSize(uint256,bool{})", amount, True),
        (flat.address, "openPositionWithSize(uint256,bool{})", amount, False),
        (flat.address, "openPositionWithToken(uint256,bool{})", size, False),
        (who, "increasePosition(uint256{})", amount),
        (who, "decreasePosition(uint256{})", amount),
    ]
    protocol = [
        *[(who_, call.format(""), *args) for who_, call, *args in trades],
        *[
            (sender, call.format(",uint256,uint256"), *args, 1, NEVER)
            for sender, call, *args in trades
        ],
        (who, "closePosition()"),
        (who, "closePosition(uint256,uint256)", 1, NEVER),
        (who, "withdrawCollateral(uint256)", 1),
        (who, "liquidatePosition(uint256)", victim_id),
        (who, "exposure(bool)", False),
        (who, "liquidityReservesToHold()"),
        (who, "checkPositionLeverageAndLiquidability(uint256)", victim_id),
    ]
    vault = [
        (who, "deposit(uint256)", amount),
        (who, "deposit(uint256,address)", amount, who),
        (who, "deposit(uint256,address,uint256)", amount, who, 1),
        (who, "mint(uint256,address)", shares, who),
        (who, "withdraw(uint256)", amount),
        (who, "withdraw(uint256,address,address)", amount, who, who),
        (who, "redeem(uint256)", shares),
        (who, "redeem(uint256,address,address)", shares, who, who),
        (who, "redeem(uint256,address,address,uint256)", shares, who, who, 1),
        *[(who, f"{view}()") for view in ("totalAssets", "upperValue", "lowerValue")],
        *[(who, f"convertTo{to}(uint256)", shares) for to in ("Assets", "Shares")],
        *[
            (who, f"preview{of}(uint256)", shares)
            for of in ("Deposit", "Mint", "Withdraw", "Redeem")
        ],
    ]
    lens = [
        (who, "vault()"),
        (who, "market(uint256)", 0),
        (who, "positions(uint256,uint256)", 0, 9),
    ]
    targets = [(suite.protocol, protocol), (suite.vault, vault), (suite.lens, lens)]
    return [(sender, target.address, *call) for target, calls in targets for sender, *call in calls]


@pytest.mark.parametrize("kind", KINDS)
def test_any_action__no_usable_price__says_so(busy, chain, attacker, accomplice, victim, lp, kind):
    busy.give_collateral(accomplice, dollars(1_000))
    contracts = (busy.protocol, busy.vault, busy.lens, busy.oracle)
    node = Node(chain.provider.uri, *[c.contract_type for c in contracts])
    broken, error = rounds(chain.blocks.head.timestamp)[kind]
    busy.feed.setRound(*broken, sender=busy.admin)
    for call in with_price(busy, attacker, accomplice, victim):
        with pytest.raises(Reverted) as reverted:
            node.simulate(*call)
        assert (reverted.value.name, reverted.value.args_) == error, f"R6: {call}"
    for limit in ("maxDeposit", "maxMint", "maxWithdraw", "maxRedeem"):
        assert getattr(busy.vault, limit)(lp) == 0, f"R6 V3: {limit} promises something"


@pytest.mark.parametrize("kind", KINDS)
def test_what_needs_no_price__no_usable_price__goes_on(
    busy, chain, attacker, accomplice, victim, guardian, kind
):
    busy.give_collateral(accomplice, dollars(1_000))
    broken, _ = rounds(chain.blocks.head.timestamp)[kind]
    busy.feed.setRound(*broken, sender=busy.admin)
    busy.protocol.depositCollateral(1, sender=attacker)
    busy.protocol.withdrawCollateral(dollars(1_000), sender=accomplice)
    assert busy.prep.balanceOf(accomplice) == dollars(1_000), "P6"
    assert busy.position(victim).size > 0
    busy.configure(enabled=False)
    busy.protocol.disableMarket(0, sender=guardian)


def test_vault__nothing_open_and_no_usable_price__needs_none(btc, chain, attacker):
    now = chain.blocks.head.timestamp
    btc.feed.setRound(9, 0, now, now, 9, sender=btc.admin)
    btc.provide(attacker, dollars(1_000))
    btc.vault.redeem(btc.vault.balanceOf(attacker), sender=attacker)
    assert wealth(btc, attacker) == dollars(1_000), "V2"


@pytest.mark.parametrize("age, usable", [(HEARTBEAT, True), (HEARTBEAT + 1, False)])
def test_liquidate_position__at_the_edge_of_the_heartbeat(
    busy, chain, reverts, accomplice, victim, age, usable
):
    """Exactly as old as allowed is still a price; a second later it is none."""
    busy.set_price(9_600)
    updated_at = chain.blocks.head.timestamp
    chain.mine(timestamp=updated_at + age)
    assert chain.blocks.head.timestamp == updated_at + age
    stale = reverts(busy.oracle.AnswerStale, updatedAt=updated_at, heartbeat=HEARTBEAT)
    with nullcontext() if usable else stale:
        busy.protocol.liquidatePosition(busy.position(victim).id, sender=accomplice)
    assert (busy.position(accomplice).collateral == dollars(50)) == usable, "R6"


def test_close_position__price_updated_in_the_same_block__latest_price_counts(
    btc, attacker, accomplice
):
    """Each transaction takes the price that the feed has at that moment. Whoever is between two
    updates trades at the first: the known price of immediate fills, and no more than the update."""
    btc.give_collateral(attacker, dollars(10_000))
    btc.give_collateral(accomplice, dollars(10_000))
    before = wealth(btc, attacker), wealth(btc, accomplice)
    size = 10 * WAD
    first = btc.protocol.openPositionWithToken(size, True, sender=attacker)
    btc.set_price(10_050)
    opened = btc.protocol.openPositionWithToken(size, True, sender=accomplice)
    closed = btc.protocol.closePosition(sender=attacker)
    btc.protocol.closePosition(sender=accomplice)
    assert first.timestamp == opened.timestamp == closed.timestamp, "one block's time"
    assert [e.price for e in opened.decode_logs(btc.protocol.PositionIncreased)] == [10_050 * WAD]
    assert [e.price for e in closed.decode_logs(btc.protocol.PositionDecreased)] == [10_050 * WAD]
    after = wealth(btc, attacker), wealth(btc, accomplice)
    assert after[0] - before[0] == 50 * size, "M6: exactly the update"
    assert after[1] - before[1] == 0, "M6: nothing for those who come after it"
