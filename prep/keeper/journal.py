"""Reports as log lines."""

from logging import DEBUG, ERROR, INFO, WARNING
from typing import Final

from prep.deploy.values import PREP_DECIMALS, unscaled
from prep.keeper.log import log
from prep.keeper.report import Report
from prep.keeper.snapshot import Snapshot

_NATIVE_DECIMALS: Final = 18


class Journal:
    """Writes reports down. What stays as it is from round to round is said once: that there is no
    price, and which positions are left alone."""

    def __init__(self) -> None:
        self._no_price = ""
        self._skipped: set[int] = set()

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
        for error in report.errors:
            log(ERROR, "failed", id=error.id, reason=error.reason)
        for skipped in report.skipped:
            level = DEBUG if skipped.id in self._skipped else INFO
            log(level, "skipped", id=skipped.id, reason=skipped.reason)
        if not report.execute:
            for action in report.actions:
                log(
                    INFO,
                    "would-liquidate",
                    id=action.id,
                    trader=action.trader,
                    reward=_prep(action.reward),
                    cost=_prep(action.cost),
                )
        if report.snapshot is not None:
            self._skipped = {skipped.id for skipped in report.skipped}
            self._write_round(report, report.snapshot)

    def _write_round(self, report: Report, snapshot: Snapshot) -> None:
        log(
            INFO if report.liquidated or report.actions or report.errors else DEBUG,
            "round",
            block=snapshot.block,
            open=len(snapshot.positions),
            ids=snapshot.highest_id,
            liquidated=len(report.liquidated),
            reward=_prep(report.reward),
            gas_cost=_native(report.gas_spent),
            requests=report.requests,
        )
        if snapshot.no_price == self._no_price:
            return
        self._no_price = snapshot.no_price
        if snapshot.no_price:
            log(WARNING, "no-price", reason=snapshot.no_price, block=snapshot.block)
        else:
            log(INFO, "price-is-back", block=snapshot.block)


def _prep(amount: int) -> str:
    return unscaled(amount, PREP_DECIMALS)


def _native(wei: int) -> str:
    return unscaled(wei, _NATIVE_DECIMALS)
