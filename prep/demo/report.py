"""The report: a page that needs nothing else, and a file with all numbers."""

import html
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from prep.demo import credit_text, figures, margin_text
from prep.demo.accounts import ASSETS
from prep.demo.credit_outcome import CreditOutcome
from prep.demo.margin_outcome import MarginOutcome
from prep.demo.outcome import Outcome, Sample
from prep.demo.prices import STEP_SECONDS
from prep.demo.text import amount, dollars, moment, period
from prep.deploy.record import plain
from prep.page import fill, save, table, tiles

TEMPLATE: Final = Path(__file__).with_name("report.html")


def write(outcome: Outcome, folder: Path) -> tuple[Path, Path]:
    """Writes the page and the numbers, and says where."""
    return save(folder, render(outcome), to_json(outcome))


# ---------------------------------------------------------------------------------------- numbers


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, integers as decimal strings: PREP base units, WAD, base units of the asset."""
    path = outcome.path
    content: dict[str, Any] = plain(
        {
            "prices": {
                "source": path.source,
                "start": path.start,
                "step_seconds": STEP_SECONDS,
                "hours": path.hours,
            },
            "seed": outcome.seed,
            "summary": {
                "traders": outcome.traders,
                "trades": outcome.trades,
                "liquidations": len(outcome.liquidations),
                "keeper_rewards": outcome.rewards,
                "fees": outcome.fees,
                "protocol_fees": outcome.protocol_fees,
                "bad_debt": outcome.last.bad_debt,
                "lp_profit": outcome.lp_profit,
                "unexplained": outcome.unexplained,
            },
            "transactions": {"done": outcome.done, "rejected": outcome.rejected},
            "cash_flow": outcome.cash_flow,
            "results": outcome.results,
            "steps": [_step(outcome, sample) for sample in outcome.samples],
            "liquidations": [
                {"step": step, **asdict(item), "trader": outcome.names[item.trader]}
                for step, item in outcome.liquidations
            ],
            "participants": [asdict(p) | {"profit": p.profit} for p in outcome.participants],
            "credit": _credit(outcome.credit),
            "margin": _margin(outcome.margin),
            "checks": [asdict(c) | {"difference": c.difference} for c in outcome.checks],
        }
    )
    return content


def _credit(credit: CreditOutcome) -> dict[str, Any]:
    """Standings are equity and what is needed, of the accounts in their order."""
    return {
        "participants": [asdict(p) | {"result": p.result} for p in credit.participants],
        "orders": [{"step": step, **asdict(order)} for step, order in credit.orders],
        "waiting": [{"account": account, "order": kind} for account, kind in credit.waiting],
        "liquidations": [{"step": step, **asdict(item)} for step, item in credit.liquidations],
        "lent": {ASSETS[asset]: asdict(lent) for asset, lent in credit.lent.items()},
        "steps": [asdict(sample) for sample in credit.samples],
    }


def _margin(margin: MarginOutcome) -> dict[str, Any]:
    """Amounts in base units of their token; steps are what positions are worth, PREP, in the order
    of the traders."""
    return {
        "participants": [
            asdict(p) | {"result": margin.result(p), "ending": margin.ending(p)}
            for p in margin.participants
        ],
        "closings": [asdict(closing) for closing in margin.closings],
        "interest": margin.interest,
        "bad_debt": margin.bad_debt,
        "fees": margin.fees,
        "rewards": margin.rewards,
        "prices": margin.prices,
        "steps": margin.samples,
    }


def _step(outcome: Outcome, sample: Sample) -> dict[str, Any]:
    """A share price is a fraction, PREP base units over shares, of which no digit is lost."""
    r = sample.reading
    return {
        "answer": outcome.path.prices[sample.step],
        "price": r.price,
        "long_oi": r.long_oi,
        "short_oi": r.short_oi,
        "skew": r.long_oi - r.short_oi,
        "positions": len(r.positions),
        "leverages": sample.leverages,
        "liquidity": r.liquidity,
        "reserves": r.reserves,
        "lower_value": r.lower_value,
        "upper_value": r.upper_value,
        "share_price_lower": r.share_price(r.lower_value),
        "share_price_upper": r.share_price(r.upper_value),
        "bad_debt": sample.bad_debt,
    }


# ------------------------------------------------------------------------------------------- page


def render(outcome: Outcome) -> str:
    """The page."""
    charts = {
        "price": figures.price(outcome),
        "open_interest": figures.open_interest(outcome),
        "leverage": figures.leverage(outcome),
        "lp_share": figures.lp_share(outcome),
        "vault": figures.vault(outcome),
        "standing": figures.standing(outcome),
        "lending": figures.lending(outcome),
        "backed": figures.backed(outcome),
    }
    return fill(
        TEMPLATE,
        charts,
        period=html.escape(period(outcome)),
        setting=html.escape(f"{outcome.traders} traders, acting on seed {outcome.seed}"),
        tiles=tiles(credit_text.headlines(outcome)),
        verdict=_verdict(outcome),
        results=_results(outcome),
        checks=_checks(outcome),
        liquidations=_liquidations(outcome),
        transactions=_transactions(outcome),
        participants=_participants(outcome),
        standing_of=html.escape(outcome.credit.name(figures.most_at_risk(outcome.credit))),
        accounts=_accounts(outcome.credit),
        account_events=_account_events(outcome),
        margin_traders=_margin_traders(outcome.margin),
        margin_closings=_margin_closings(outcome),
    )


def _verdict(outcome: Outcome) -> str:
    if outcome.unexplained == 0:
        return '<p class="good">Every unit of every token is accounted for.</p>'
    text = f"{outcome.unexplained} base units of tokens are not where they should be."
    return f'<p class="bad">{text}</p>'


def _results(outcome: Outcome) -> str:
    rows = [(name, margin_text.signed(value)) for name, value in outcome.results.items()]
    total = ("Sum", margin_text.signed(sum(outcome.results.values())))
    return table(("Realised by", "PREP"), [*rows, total], 1)


def _checks(outcome: Outcome) -> str:
    rows = [
        (
            c.invariant,
            c.title,
            amount(c.expected, min(2, c.decimals), c.decimals),
            amount(c.found, min(2, c.decimals), c.decimals),
            str(c.difference),
        )
        for c in outcome.checks
    ]
    return table(
        ("Invariant", "What", "By the logs", "On chain", "Difference, base units"), rows, 2
    )


def _liquidations(outcome: Outcome) -> str:
    rows = [
        (
            moment(outcome, step),
            dollars(outcome.path.prices[step]),
            str(item.position),
            outcome.names[item.trader],
            "long" if item.is_long else "short",
            amount(item.notional),
            amount(item.left) if item.left else "-",
            amount(item.reward, 2),
            amount(item.from_vault, 2),
            amount(item.collateral, 2),
            amount(item.bad_debt, 2),
        )
        for step, item in outcome.liquidations
    ]
    head = (
        "Time",
        "BTC price",
        "Id",
        "Trader",
        "Side",
        "Notional",
        "Left open",
        "Reward",
        "From vault",
        "Collateral left",
        "Bad debt",
    )
    return table(head, rows, 5) if rows else "<p>None.</p>"


def _transactions(outcome: Outcome) -> str:
    done = [(name, str(count), "") for name, count in sorted(outcome.done.items())]
    rejected = [
        (name, str(count), error)
        for (name, _, error), count in sorted(
            ((key.partition(": "), count) for key, count in outcome.rejected.items())
        )
    ]
    return table(("Function", "Times", "Rejected with"), [*done, *rejected], None)


def _participants(outcome: Outcome) -> str:
    rows = [
        (
            p.name,
            amount(p.brought, 2),
            amount(p.wallet, 2),
            amount(p.collateral, 2),
            amount(p.value, 2),
            amount(p.rewards, 2),
            margin_text.signed(p.profit),
        )
        for p in outcome.participants
    ]
    head = ("Who", "Brought", "In the wallet", "Collateral", "Shares, tokens", "Rewards", "Profit")
    return table(head, rows, 1)


def _accounts(credit: CreditOutcome) -> str:
    rows = [
        (
            p.name,
            p.plan,
            credit_text.summary(credit, p),
            amount(p.brought),
            amount(p.worth),
            margin_text.signed(p.result),
        )
        for p in credit.participants
    ]
    return table(("Who", "Strategy", "What happened", "Brought", "Worth now", "Result"), rows, 3)


def _account_events(outcome: Outcome) -> str:
    rows = credit_text.events(outcome)
    head = ("Time", "BTC price", "Account", "What happened")
    return table(head, rows, None) if rows else "<p>None.</p>"


def _margin_traders(margin: MarginOutcome) -> str:
    head = (
        "Who",
        "Plan",
        "Side",
        "Pair",
        "How it ended",
        "Leverage",
        "Paid in",
        "Got out",
        "Result",
    )
    return table(head, margin_text.traders(margin), 5)


def _margin_closings(outcome: Outcome) -> str:
    rows = margin_text.closings(outcome)
    head = (
        "Time",
        "BTC price",
        "Trader",
        "What happened",
        "Repaid",
        "Interest",
        "Fee",
        "Bad debt",
        "Paid out",
    )
    return table(head, rows, 4) if rows else "<p>None.</p>"
