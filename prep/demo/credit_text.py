"""What happened to credit accounts and lenders, as people read it: for display."""

from typing import Final

from prep.demo import margin_text
from prep.demo.accounts import ASSETS, DECIMALS, PREP
from prep.demo.credit_ledger import AccountLiquidation, OrderEnd
from prep.demo.credit_outcome import CreditOutcome, CreditParticipant
from prep.demo.outcome import Outcome
from prep.demo.text import amount, dollars, moment, percent, whole_dollars
from prep.demo.text import headline as headline_of_crowd

HOWS: Final = ("filled", "used up", "cancelled", "removed")


def headlines(outcome: Outcome) -> list[tuple[str, str, str]]:
    """Those of the crowd, of credit, of asset-backed positions; then whether the money adds up."""
    *of_crowd, money = headline_of_crowd(outcome)
    return [*of_crowd, *headline(outcome.credit), *margin_text.headline(outcome.margin), money]


def headline(outcome: CreditOutcome) -> list[tuple[str, str, str]]:
    """What matters most: label, value, and a remark."""
    liquidated = {item.account for _, item in outcome.liquidations}
    repaid = sum(item.repaid for _, item in outcome.liquidations if item.debt_asset == PREP)
    ended = [f"{outcome.ended(how)} {how}" for how in HOWS[1:] if outcome.ended(how)]
    most = max(sample.rate for sample in outcome.samples)
    prep = outcome.lent[PREP]
    return [
        (
            "Credit accounts",
            f"{len(outcome.accounts)}",
            f"{len(liquidated)} liquidated, {amount(repaid)} PREP of debt repaid for collateral",
        ),
        (
            "Orders",
            f"{outcome.ended('filled')} filled",
            ", ".join([*ended, f"{len(outcome.waiting)} still waiting"]),
        ),
        (
            "PREP lent",
            f"{percent(most)} a year at most",
            f"interest {amount(prep.interest)} PREP, losses {amount(prep.losses)} PREP",
        ),
    ]


def summary(outcome: CreditOutcome, who: CreditParticipant) -> str:
    """What happened to an account, in short."""
    ended = [(step, o) for step, o in outcome.orders if o.account == who.account]
    orders = [f"{order.order} {order.how}" for _, order in sorted(ended, key=_when)]
    waiting = [
        f"{kind} never filled" for account, kind in outcome.waiting if account == who.account
    ]
    times = sum(item.account == who.account for _, item in outcome.liquidations)
    liquidated = ["liquidated" if times == 1 else f"liquidated {times} times"] if times else []
    return ", ".join([*orders, *waiting, *liquidated]) or "-"


def events(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    """Ends of orders and liquidations: time, price of BTC, account, and what it was."""
    credit = outcome.credit
    orders = sorted(credit.orders, key=_when)
    found = [(step, o.account, _order(o)) for step, o in orders]
    found += [(step, item.account, _liquidation(item)) for step, item in credit.liquidations]
    return [
        (moment(outcome, step), dollars(outcome.path.prices[step]), credit.name(account), what)
        for step, account, what in sorted(found, key=lambda item: item[0])
    ]


def tokens(asset: int, value: int, places: int = 2) -> str:
    """An amount of an asset with its name."""
    return f"{amount(value, places, DECIMALS[asset])} {ASSETS[asset]}"


def _when(order: tuple[int, OrderEnd]) -> tuple[int, int]:
    """What was filled comes before what that has cancelled, which is logged first."""
    return order[0], HOWS.index(order[1].how)


def _order(order: OrderEnd) -> str:
    at = f" at {whole_dollars(order.price)}" if order.price is not None else ""
    return f"{order.order} {order.how}{at}"


def _liquidation(item: AccountLiquidation) -> str:
    parts = []
    if item.closed:
        parts.append(f"positions worth {amount(item.closed)} PREP closed")
    if item.repaid:
        paid, seized = (
            tokens(item.debt_asset, item.repaid),
            tokens(item.collateral_asset, item.seized),
        )
        parts.append(f"{paid} of debt repaid for {seized}, bonus {percent(item.bonus)}")
    if item.bad_debt:
        parts.append(f"{amount(item.bad_debt, 2)} PREP written off")
    return f"liquidated: {'; '.join(parts) or 'debts paid from its own balances'}"
