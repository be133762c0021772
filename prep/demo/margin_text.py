"""What happened to asset-backed positions, as people read it: for display."""

from collections.abc import Mapping
from typing import Final

from prep.demo.accounts import ASSETS, DECIMALS
from prep.demo.margin_outcome import MarginOutcome, MarginParticipant, Swapped
from prep.demo.outcome import Outcome
from prep.demo.text import amount, dollars, moment

HOWS: Final = {
    "closed": "closed",
    "order": "take-profit executed",
    "liquidated": "liquidated",
}
"""By how the ledger names the end of a position."""
_DECIMALS: Final = dict(zip(ASSETS, DECIMALS, strict=True))


def headline(outcome: MarginOutcome) -> list[tuple[str, str, str]]:
    """What matters most: label, value, and a remark."""
    opened = [p for p in outcome.participants if outcome.ending(p) or p.open is not None]
    ended = [f"{outcome.ended(how)} {text}" for how, text in HOWS.items() if outcome.ended(how)]
    still = sum(p.open is not None for p in outcome.participants)
    return [
        (
            "Asset-backed",
            f"{len(opened)} positions",
            ", ".join([*ended, *([f"{still} still open"] if still else [])]) or "-",
        ),
        (
            "Their interest",
            f"{amount(outcome.value(outcome.interest), 2)} PREP",
            tokens(outcome.interest),
        ),
        (
            "Their bad debt",
            f"{amount(outcome.value(outcome.bad_debt), 2)} PREP",
            f"liquidators got {amount(outcome.rewards, 2)} PREP",
        ),
    ]


def ending(outcome: MarginOutcome, who: MarginParticipant) -> str:
    """How a position ended, in short."""
    if who.open is not None:
        return f"still open, worth {amount(who.open)} PREP"
    how = outcome.ending(who)
    return HOWS[how] if how else "never opened"


def traders(outcome: MarginOutcome) -> list[tuple[str, ...]]:
    """Who, plan, side, pair, how it ended, leverage, paid in, got out and result: PREP, other
    tokens at the last prices."""
    return [
        (
            who.name,
            who.plan,
            "long" if who.is_long else "short",
            who.pair,
            ending(outcome, who),
            f"{amount(who.leverage, 1)}x",
            amount(outcome.value(who.paid), 2),
            amount(outcome.value(who.got), 2),
            signed(outcome.result(who)),
        )
        for who in outcome.participants
    ]


def closings(outcome: Outcome) -> list[tuple[str, ...]]:
    """Time, price of BTC, trader, what happened; principal and interest paid in the token that was
    borrowed, bad debt in it, fee and payout in PREP."""
    owed = {who.name: who.owed for who in outcome.margin.participants}
    return [
        (
            moment(outcome, c.step),
            dollars(outcome.path.prices[c.step]),
            c.trader,
            _what(c),
            token(owed[c.trader], c.principal),
            token(owed[c.trader], c.interest),
            amount(c.fee, 2),
            token(owed[c.trader], c.bad_debt),
            amount(c.payout, 2),
        )
        for c in outcome.margin.closings
    ]


def token(name: str, value: int) -> str:
    """An amount with its token: PREP with cents, others with six digits."""
    decimals = _DECIMALS[name]
    return f"{amount(value, 2 if name == 'PREP' else 6, decimals)} {name}" if value else "-"


def tokens(values: Mapping[str, int]) -> str:
    """Amounts of several."""
    return ", ".join(token(name, value) for name, value in values.items() if value) or "none"


def signed(value: int) -> str:
    """PREP with cents, and a plus where it is one."""
    return f"{'+' if value > 0 else ''}{amount(value, 2)}"


def _what(closing: Swapped) -> str:
    return HOWS[closing.how] if closing.whole else "a part closed"
