"""Who can be deleveraged, and what the attacker needs for it. Everything is in blocks before the
one in which these functions return, so that no market is busy. No interest, neither funding nor
borrowing fees, so that a second later is as good as now."""

from tests.attacks.assets import dollars
from tests.attacks.venue import BTC_MARKET, STEEP_MARKET, Pair, Party, Venue, next_block
from tests.suite import WAD, Suite

TARGET = 12 * WAD // 10
WITHOUT_INTEREST = {"maxFundingVelocity": 0, "borrowRate": 0}
CAP = dollars(10_000_000)
# Why somebody may be deleveraged.
PATHS = ("below the target", "above a cap")


def without_interest(venue: Venue, market: int, **changes) -> None:
    venue.suite.configure(borrowRate=0)
    venue.configure(market, **WITHOUT_INTEREST, **changes)


def begin_below_target(
    venue: Venue, lp, honest: Party, villain: Party, market: int, sign: int, size: int
) -> Pair:
    """The victim has won half of what his position was worth. The attacker can bring the vault
    below its target by closing what he has lost. Returns his pair."""
    without_interest(venue, market)
    own = Pair(venue, villain)
    own.open(20_000 * WAD)
    honest.order(market, sign * size)
    venue.set_price(market, 10_000 + sign * 5_000)
    venue.set_price(BTC_MARKET, 20_000)
    venue.set_target(TARGET)
    venue.suite.vault.withdraw(venue.liquidity - dollars(20_000_000), sender=lp)
    assert venue.ratio > 2 * TARGET
    venue.next_block()
    return own


def above_cap(venue: Venue, honest: Party, villain: Party, sign: int) -> int:
    """The attacker fills a side to its cap, on top of the victim's 100; the next tick of the price
    puts it above. The excess."""
    without_interest(venue, STEEP_MARKET)
    honest.order(STEEP_MARKET, sign * 100 * WAD)
    villain.order(STEEP_MARKET, sign * 900 * WAD, account=5)
    without_interest(venue, STEEP_MARKET, **{_cap(sign): CAP})
    venue.set_price(STEEP_MARKET, 10_500)
    venue.next_block()
    state = venue.state(STEEP_MARKET)
    excess = state[0 if sign > 0 else 1] - ((CAP + 1) * WAD - 1) // (10_500 * WAD)
    assert 47 * WAD < excess < 48 * WAD
    return excess


def begin_isolated(suite: Suite, lp, victim, attacker, sign: int, path: str) -> None:
    """The victim has an isolated position of 20 on market 0, which has won a fifth."""
    suite.configure(**WITHOUT_INTEREST)
    suite.give_collateral(victim, dollars(200_000))
    suite.protocol.openPositionWithToken(20 * WAD, sign > 0, sender=victim)
    suite.give_collateral(attacker, dollars(400_000))
    suite.set_price(10_000 + sign * 2_000)
    if path == "below the target":
        owed = suite.protocol.exposure(False).seqPnl
        suite.vault.withdraw(suite.protocol.liquidity() - 2 * owed, sender=lp)
        suite.vault.setTargetCollateralizationRatio(3 * WAD, sender=suite.risk_manager)
        suite.configure(**WITHOUT_INTEREST, reserveFactor=0)
    else:
        suite.configure(**WITHOUT_INTEREST, **{_cap(sign): 0})
    next_block(suite.node)


def _cap(sign: int) -> str:
    return "maxLongOIValue" if sign > 0 else "maxShortOIValue"
