"""What was done about credit accounts, orders and requests, as log lines."""

from collections.abc import Iterable
from logging import DEBUG, INFO

from prep.keeper.credit.chores import Work
from prep.keeper.credit.decide import Approve, Liquidate, Outcome, Trial
from prep.keeper.credit.report import AccountLiquidated, Approved, CreditReport, Filled, Result
from prep.keeper.credit.snapshot import CreditId
from prep.keeper.lines import Interruption, LeftAlone, gas, prep
from prep.keeper.log import log


class CreditJournal:
    """Writes reports down. Whom it leaves alone, and that the node fails, is said once."""

    def __init__(self) -> None:
        self._left_alone = LeftAlone()
        self._interruption = Interruption("credit-failed")

    def write(self, report: CreditReport, requests: int, execute: bool) -> None:
        """One line for everything that was done or would be, and one for the round."""
        for result in report.results:
            self._write_result(result)
        self._left_alone.say(report.skipped)
        if not execute:
            for action in report.actions:
                _write_intention(action)
        self._interruption.say(report.interrupted)
        snapshot = report.snapshot
        if snapshot is None:
            return
        self._left_alone.remember(report.skipped)
        log(
            INFO if report.actions else DEBUG,
            "credit-round",
            block=snapshot.block,
            accounts=snapshot.account_count,
            at_stake=len(snapshot.accounts),
            liquidatable=sum(account.liquidatable for account in snapshot.accounts),
            orders=snapshot.orders,
            trade_requests=snapshot.requests,
            requests=requests,
        )

    @staticmethod
    def _write_result(result: Result) -> None:
        if isinstance(result, AccountLiquidated):
            trial, bad = result.action.choice.trial, result.outcome.bad_debt
            log(
                INFO,
                "liquidated-account",
                id=result.action.id,
                **_liquidation(trial, result.outcome),
                bad_debt=prep(bad),
                yields=prep(result.yields),
                expected=prep(result.action.choice.yields),
                **gas(result),
            )
        elif isinstance(result, Filled):
            log(
                INFO,
                "filled",
                id=_joined(result.ids) or "none",
                ended=_joined(result.ended) or "none",
                fee=prep(result.fee),
                **gas(result),
            )
        elif isinstance(result, Approved):
            log(INFO, "approved", **_approval(result.action), **gas(result))
        else:
            log(INFO, "removed", id=result.id, fee=prep(result.fee), **gas(result))


def _write_intention(action: Liquidate | Approve | Work) -> None:
    if isinstance(action, Liquidate):
        log(
            INFO,
            "would-liquidate-account",
            id=action.id,
            **_liquidation(action.choice.trial, action.choice.outcome),
            approve=action.choice.trial.approve,
            yields=prep(action.choice.yields),
            cost=prep(action.cost),
        )
    elif isinstance(action, Work):
        log(
            INFO,
            "would-fill" if action.fill else "would-remove",
            id=_joined(task.id for task in action.tasks),
            fee=prep(action.pays),
            cost=prep(action.cost),
        )


def _liquidation(trial: Trial, outcome: Outcome) -> dict[str, object]:
    """Amounts of tokens in base units: their decimals are not known here."""
    return {
        "debt": trial.debt,
        "repaid": outcome.repaid,
        "collateral": trial.collateral,
        "seized": outcome.seized,
        "closed": prep(outcome.closed),
        "reward": prep(outcome.reward),
    }


def _approval(action: Approve) -> dict[str, object]:
    asset = action.asset
    return {"id": action.id, "asset": asset.number, "token": asset.token, "amount": action.amount}


def _joined(ids: Iterable[CreditId]) -> str:
    return ",".join(map(str, ids))
