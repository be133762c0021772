"""What was done about credit accounts, orders and requests, as log lines."""

from collections.abc import Iterable
from logging import DEBUG, INFO, WARNING

from prep.deploy.values import PREP_DECIMALS, unscaled
from prep.keeper.credit.chores import Work
from prep.keeper.credit.decide import Approve, Liquidate, Outcome, Trial
from prep.keeper.credit.report import AccountLiquidated, Approved, CreditReport, Filled, Result
from prep.keeper.credit.snapshot import CreditId
from prep.keeper.log import log

_NATIVE_DECIMALS = 18


class CreditJournal:
    """Writes reports down. Whom it leaves alone, and that the node fails, is said once."""

    def __init__(self) -> None:
        self._skipped: set[object] = set()
        self._interrupted = ""

    def write(self, report: CreditReport, requests: int, execute: bool) -> None:
        """One line for everything that was done or would be, and one for the round."""
        for result in report.results:
            self._write_result(result)
        for skipped in report.skipped:
            level = DEBUG if skipped.id in self._skipped else INFO
            log(level, "skipped", id=skipped.id, reason=skipped.reason)
        if not execute:
            for action in report.actions:
                _write_intention(action)
        if report.interrupted and report.interrupted != self._interrupted:
            log(WARNING, "credit-failed", reason=report.interrupted)
        self._interrupted = report.interrupted
        snapshot = report.snapshot
        if snapshot is None:
            return
        self._skipped = {skipped.id for skipped in report.skipped}
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
        gas = {
            "gas": result.gas_used,
            "gas_cost": unscaled(result.gas_cost, _NATIVE_DECIMALS),
            "tx": result.transaction,
        }
        if isinstance(result, AccountLiquidated):
            trial, bad = result.action.choice.trial, result.outcome.bad_debt
            log(
                INFO,
                "liquidated-account",
                id=result.action.id,
                **_liquidation(trial, result.outcome),
                bad_debt=_prep(bad),
                yields=_prep(result.yields),
                expected=_prep(result.action.choice.yields),
                **gas,
            )
        elif isinstance(result, Filled):
            log(
                INFO,
                "filled",
                id=_joined(result.ids) or "none",
                ended=_joined(result.ended) or "none",
                fee=_prep(result.fee),
                **gas,
            )
        elif isinstance(result, Approved):
            log(INFO, "approved", **_approval(result.action), **gas)
        else:
            log(INFO, "removed", id=result.id, fee=_prep(result.fee), **gas)


def _write_intention(action: Liquidate | Approve | Work) -> None:
    if isinstance(action, Liquidate):
        log(
            INFO,
            "would-liquidate-account",
            id=action.id,
            **_liquidation(action.choice.trial, action.choice.outcome),
            approve=action.choice.trial.approve,
            yields=_prep(action.choice.yields),
            cost=_prep(action.cost),
        )
    elif isinstance(action, Work):
        log(
            INFO,
            "would-fill" if action.fill else "would-remove",
            id=_joined(task.id for task in action.tasks),
            fee=_prep(action.pays),
            cost=_prep(action.cost),
        )


def _liquidation(trial: Trial, outcome: Outcome) -> dict[str, object]:
    """Amounts of tokens in base units: their decimals are not known here."""
    return {
        "debt": trial.debt,
        "repaid": outcome.repaid,
        "collateral": trial.collateral,
        "seized": outcome.seized,
        "closed": _prep(outcome.closed),
        "reward": _prep(outcome.reward),
    }


def _approval(action: Approve) -> dict[str, object]:
    asset = action.asset
    return {"id": action.id, "asset": asset.number, "token": asset.token, "amount": action.amount}


def _joined(ids: Iterable[CreditId]) -> str:
    return ",".join(map(str, ids))


def _prep(amount: int) -> str:
    return unscaled(amount, PREP_DECIMALS)
