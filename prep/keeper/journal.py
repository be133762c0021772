"""Reports as log lines."""

from logging import DEBUG, ERROR, INFO, WARNING

from prep.keeper.credit.journal import CreditJournal
from prep.keeper.lines import Interruption, LeftAlone, gas, native, prep
from prep.keeper.log import log
from prep.keeper.margin.journal import MarginJournal
from prep.keeper.report import Report
from prep.keeper.snapshot import Snapshot
from prep.model import UNLIMITED


class Journal:
    """Writes reports down. What stays as it is from round to round is said once: that there is no
    price, that something is to be deleveraged, and which positions are left alone."""

    def __init__(self) -> None:
        self._no_price: dict[int, str] = {}
        self._left_alone = LeftAlone()
        self._kept = LeftAlone()
        self._due = ""
        self._interruption = Interruption("deleverage-failed")
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
                reward=prep(liquidation.reward),
                expected=prep(liquidation.expected_reward),
                **gas(liquidation),
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
                settlement=prep(closed.settlement),
                ratio_before=_ratio(closed.ratio_before),
                ratio_after=_ratio(closed.ratio_after),
                **gas(closed),
            )
        for error in report.errors:
            log(ERROR, "failed", id=error.id, reason=error.reason)
        self._left_alone.say(report.skipped)
        self._kept.say(report.kept)
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
                    settlement=prep(close.settlement),
                    ratio_before=_ratio(close.ratio_before),
                    ratio_after=_ratio(close.ratio_after),
                )
            for action in report.actions:
                log(
                    INFO,
                    "would-liquidate",
                    id=action.id,
                    trader=action.trader,
                    reward=prep(action.reward),
                    cost=prep(action.cost),
                )
        self._credit.write(report.credit, report.requests, report.execute)
        self._margin.write(report.margin, report.execute)
        self._interruption.say(report.interrupted)
        if report.snapshot is not None:
            self._left_alone.remember(report.skipped)
            self._kept.remember(report.kept)
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
            reward=prep(report.reward),
            deleveraged=len(report.deleveraged),
            gas_cost=native(report.gas_spent),
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


def _ratio(value: int) -> str:
    return "unlimited" if value == UNLIMITED else prep(value)
