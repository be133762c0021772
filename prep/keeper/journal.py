"""Reports as log lines."""

from logging import DEBUG, ERROR, INFO, WARNING
from typing import Final

from prep.deploy.values import PREP_DECIMALS, unscaled
from prep.keeper.credit.journal import CreditJournal
from prep.keeper.log import log
from prep.keeper.margin.journal import MarginJournal
from prep.keeper.report import Report
from prep.keeper.snapshot import Id, Snapshot
from prep.model import UNLIMITED

_NATIVE_DECIMALS: Final = 18


class Journal:
    """Writes reports down. What stays as it is from round to round is said once: that there is no
    price, that something is to be deleveraged, and which positions are left alone."""

    def __init__(self) -> None:
        self._no_price: dict[int, str] = {}
        self._skipped: set[Id] = set()
        self._kept: set[Id] = set()
        self._due = ""
        self._interrupted = ""
        self._credit = CreditJournal()
        self._margin = MarginJournal()

    def write(self, report: Report) -> None:
        """One line for everything that was done or went wrong, and one for the round if that was
        anything."""
        for liquidation in report.liquidated:
            log(
                INFO,
                "liquidated",
                id=liquidation.id,
                trader=liquidation.trader,
                reward=_prep(liquidation.reward),
                expected=_prep(liquidation.expected_reward),
                gas=liquidation.gas_used,
                gas_cost=_native(liquidation.gas_cost),
                tx=liquidation.transaction,
            )
        for closed in report.deleveraged:
            log(
                INFO,
                "deleveraged",
                id=closed.action.id,
                owner=closed.action.owner,
                market=closed.action.market_id,
                reason=closed.action.reason,
                size=closed.size,
                settlement=_prep(closed.settlement),
                ratio_before=_ratio(closed.ratio_before),
                ratio_after=_ratio(closed.ratio_after),
                gas=closed.gas_used,
                gas_cost=_native(closed.gas_cost),
                tx=closed.transaction,
            )
        for error in report.errors:
            log(ERROR, "failed", id=error.id, reason=error.reason)
        for known, several in ((self._skipped, report.skipped), (self._kept, report.kept)):
            for skipped in several:
                level = DEBUG if skipped.id in known else INFO
                log(level, "skipped", id=skipped.id, reason=skipped.reason)
        if not report.execute:
            for close in report.closes:
                log(
                    INFO,
                    "would-deleverage",
                    id=close.id,
                    owner=close.owner,
                    market=close.market_id,
                    reason=close.reason,
                    size=close.size,
                    settlement=_prep(close.settlement),
                    ratio_before=_ratio(close.ratio_before),
                    ratio_after=_ratio(close.ratio_after),
                )
            for action in report.actions:
                log(
                    INFO,
                    "would-liquidate",
                    id=action.id,
                    trader=action.trader,
                    reward=_prep(action.reward),
                    cost=_prep(action.cost),
                )
        self._credit.write(report.credit, report.requests, report.execute)
        self._margin.write(report.margin, report.execute)
        if report.interrupted and report.interrupted != self._interrupted:
            log(WARNING, "deleverage-failed", reason=report.interrupted)
        self._interrupted = report.interrupted
        if report.snapshot is not None:
            self._skipped = {skipped.id for skipped in report.skipped}
            self._kept = {skipped.id for skipped in report.kept}
            self._write_due(report)
            self._write_round(report, report.snapshot)

    def _write_due(self, report: Report) -> None:
        """That something is to be deleveraged and why it was not, once; and when that is over."""
        standing = report.standing
        due = ""
        if standing is not None and standing.due:
            over = ",".join(map(str, standing.over))
            due = f"{standing.below} {over} {report.left}"
            if due != self._due:
                log(
                    WARNING,
                    "deleverage-due",
                    ratio=_ratio(standing.ratio),
                    target=_ratio(standing.target),
                    above_cap=over or "none",
                    reason=report.left or "dry run",
                )
        elif self._due and standing is not None:
            log(INFO, "deleverage-over", ratio=_ratio(standing.ratio))
        if standing is not None:
            self._due = due

    def _write_round(self, report: Report, snapshot: Snapshot) -> None:
        happened = report.liquidated or report.actions or report.deleveraged or report.closes
        log(
            INFO if happened or report.errors else DEBUG,
            "round",
            block=snapshot.block,
            open=len(snapshot.positions),
            ids=snapshot.highest_id,
            liquidated=len(report.liquidated),
            reward=_prep(report.reward),
            deleveraged=len(report.deleveraged),
            gas_cost=_native(report.gas_spent),
            requests=report.requests,
        )
        for market_id, market in enumerate(snapshot.markets):
            if market.no_price == self._no_price.get(market_id, ""):
                continue
            self._no_price[market_id] = market.no_price
            if market.no_price:
                log(
                    WARNING,
                    "no-price",
                    market=market_id,
                    reason=market.no_price,
                    block=snapshot.block,
                )
            else:
                log(INFO, "price-is-back", market=market_id, block=snapshot.block)


def _prep(amount: int) -> str:
    return unscaled(amount, PREP_DECIMALS)


def _ratio(value: int) -> str:
    return "unlimited" if value == UNLIMITED else unscaled(value, PREP_DECIMALS)


def _native(wei: int) -> str:
    return unscaled(wei, _NATIVE_DECIMALS)
