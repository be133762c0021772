"""What was done about asset-backed positions, as log lines."""

from logging import DEBUG, ERROR, INFO, WARNING

from prep.keeper.lines import Interruption, LeftAlone, gas, native, prep
from prep.keeper.log import log
from prep.keeper.margin.actions import Execute, MarginAction, Record, Seize, SetMark, TakeEther
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.report import (
    EtherTaken,
    Executed,
    MarginReport,
    MarginResult,
    Recorded,
    Seized,
)
from prep.keeper.margin.snapshot import MarginSnapshot
from prep.margin.data import Closing


class MarginJournal:
    """Writes reports down. What stays as it is from round to round is said once."""

    def __init__(self) -> None:
        self._left_alone = LeftAlone()
        self._differing: set[PoolId] = set()
        self._interruption = Interruption("margin-failed")
        self._no_orders = ""

    def write(self, report: MarginReport, execute: bool) -> None:
        """One line for everything that was done or would be, and one for the round."""
        for result in report.results:
            _write_result(result)
        snapshot = report.snapshot
        if snapshot is not None:
            self._write_differences(snapshot)
        differing = snapshot.differing if snapshot else ()
        self._left_alone.say(s for s in report.skipped if s.id not in differing)
        if not execute:
            for action in report.actions:
                _write_intention(action)
        self._interruption.say(report.interrupted)
        if snapshot is None:
            return
        if snapshot.no_orders != self._no_orders:
            if snapshot.no_orders:
                log(WARNING, "no-orders", reason=snapshot.no_orders)
            else:
                log(INFO, "orders-are-back")
        self._no_orders = snapshot.no_orders
        self._left_alone.remember(report.skipped)
        log(
            INFO if report.actions else DEBUG,
            "margin-round",
            block=snapshot.block,
            open=len(snapshot.positions),
            marked=sum(watched.mark is not None for watched in snapshot.positions),
            orders=len(snapshot.orders),
            liquidator=snapshot.is_liquidator,
            executor=snapshot.is_executor,
        )

    def _write_differences(self, snapshot: MarginSnapshot) -> None:
        for watched in snapshot.positions:
            if watched.differs and watched.id not in self._differing:
                log(ERROR, "index-differs", id=watched.id, reason=watched.differs)
        self._differing = set(snapshot.differing)


def _write_result(result: MarginResult) -> None:
    if isinstance(result, Seized):
        log(
            INFO,
            "liquidated-backed",
            id=result.action.id,
            trader=result.action.position.trader,
            marked=result.action.interest is None,
            amount=result.closing.amount,
            left=result.action.left,
            **_closing(result.closing),
            expected_fee=result.action.fee,
            **gas(result),
        )
    elif isinstance(result, Executed):
        log(
            INFO,
            "executed",
            id=result.action.id,
            trader=result.action.position.trader,
            order=result.action.order.kind,
            **_closing(result.closing),
            **gas(result),
        )
    elif isinstance(result, EtherTaken):
        log(INFO, "took-ether", **_ether(result.action), **gas(result))
    elif isinstance(result, Recorded):
        log(INFO, "recorded", **_interest(result.action), **gas(result))
    else:
        log(
            INFO,
            "unmarked" if result.action.clear else "marked",
            id=result.action.id,
            **gas(result),
        )


def _write_intention(action: MarginAction) -> None:
    if isinstance(action, Seize):
        worth = "unknown" if action.value is None else prep(action.value)
        log(
            INFO,
            "would-liquidate-backed",
            id=action.id,
            trader=action.position.trader,
            marked=action.interest is None,
            amount=action.amount,
            left=action.left,
            equity=action.equity,
            fee=action.fee,
            worth=worth,
        )
    elif isinstance(action, Execute):
        log(INFO, "would-execute", id=action.id, order=action.order.kind)
    elif isinstance(action, Record):
        log(INFO, "would-record", **_interest(action))
    elif isinstance(action, TakeEther):
        log(INFO, "would-take-ether", **_ether(action))
    elif isinstance(action, SetMark):
        log(INFO, "would-unmark" if action.clear else "would-mark", id=action.id)


def _closing(closing: Closing) -> dict[str, object]:
    """Base units: decimals of tokens are not known here."""
    return {
        "spent": closing.spent,
        "received": closing.received,
        "interest": closing.interest_paid,
        "fee": closing.fee,
        "payout": closing.payout,
        "bad_debt": closing.bad_debt,
    }


def _ether(action: TakeEther) -> dict[str, object]:
    return {"id": action.id, "ether": native(action.ether)}


def _interest(action: Record) -> dict[str, object]:
    return {"id": ",".join(map(str, action.ids)), "interest": sum(action.interests)}
