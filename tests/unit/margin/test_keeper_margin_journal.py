"""What is written down about asset-backed positions."""

import logging
from dataclasses import replace

import pytest

from prep.keeper import Skipped
from prep.keeper.log import LOGGER
from prep.keeper.margin.actions import Execute, Record, Seize, SetMark, TakeEther
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.journal import MarginJournal
from prep.keeper.margin.report import (
    EtherTaken,
    Executed,
    MarginReport,
    MarkSet,
    Recorded,
    Seized,
)
from prep.margin.data import Closing
from prep.model import WAD
from tests.unit.margin.watched import TRADER, long, order, snapshot

GAS = {"gas_used": 300_000, "gas_cost": 3 * 10**15, "transaction": "0xab", "block": 9}
CLOSING = Closing(60, 59, 9_400, 9_000, 1, 188, 211, 5)
WATCHED = long(9_400)
SEIZE = Seize(WATCHED.id, WATCHED.position, 60, WATCHED.sale, 1, 1, 399, 188, 2 * WAD)
MARK = SetMark(WATCHED.id, WATCHED.position, False)
EXECUTE = Execute(WATCHED.id, WATCHED.position, order(WATCHED, 1, 1, False), WATCHED.sale, 1, 1)
ETHER = TakeEther(WATCHED.id, 15 * 10**17)
RECORD = Record((PoolId(True, 1), PoolId(True, 2)), 2 * (WATCHED.position,), (3, 4))


@pytest.fixture
def lines(caplog, monkeypatch):
    monkeypatch.setattr(LOGGER, "propagate", True)
    caplog.set_level(logging.DEBUG, LOGGER.name)

    def written():
        found = [(r.levelname, r.getMessage()) for r in caplog.records]
        caplog.clear()
        return [f"{level} {text}" for level, text in found if "margin-round" not in text]

    return written


def write(journal, execute=True, **report):
    journal.write(MarginReport(**{"snapshot": snapshot(WATCHED), **report}), execute)


def test_write__results__a_line_each(lines):
    write(
        MarginJournal(),
        results=(
            Seized(action=SEIZE, closing=CLOSING, **GAS),
            Executed(action=EXECUTE, closing=CLOSING, **GAS),
            MarkSet(action=MARK, **GAS),
            MarkSet(action=SetMark(WATCHED.id, WATCHED.position, True), **GAS),
            Recorded(action=RECORD, **GAS),
            EtherTaken(action=ETHER, **GAS),
        ),
    )
    gas = "gas=300000 gas_cost=0.003 tx=0xab"
    closing = "spent=59 received=9400 interest=1 fee=188 payout=211 bad_debt=5"
    of, part = f"id=long/1 trader={TRADER}", "marked=False amount=60 left=40"
    assert lines() == [
        f"INFO liquidated-backed {of} {part} {closing} expected_fee=188 {gas}",
        f"INFO executed {of} order=stop-loss {closing} {gas}",
        f"INFO marked id=long/1 {gas}",
        f"INFO unmarked id=long/1 {gas}",
        f"INFO recorded id=long/1,long/2 interest=7 {gas}",
        f"INFO took-ether id=long/1 ether=1.5 {gas}",
    ]


def test_write__dry_run__says_what_would_be_done(lines):
    write(MarginJournal(), execute=False, actions=(ETHER, SEIZE, EXECUTE, MARK, RECORD))
    of, part = f"id=long/1 trader={TRADER}", "marked=False amount=60 left=40"
    assert lines() == [
        "INFO would-take-ether id=long/1 ether=1.5",
        f"INFO would-liquidate-backed {of} {part} equity=399 fee=188 worth=2",
        "INFO would-execute id=long/1 order=stop-loss",
        "INFO would-mark id=long/1",
        "INFO would-record id=long/1,long/2 interest=7",
    ]


def test_write__what_stays__is_said_once(lines):
    journal = MarginJournal()
    skipped = (Skipped(WATCHED.id, "pays 0"),)
    for _ in range(2):
        write(journal, skipped=skipped, interrupted="")
    assert lines() == [
        'INFO skipped id=long/1 reason="pays 0"',
        'DEBUG skipped id=long/1 reason="pays 0"',
    ]
    write(journal)
    write(journal, skipped=skipped)
    assert lines() == ['INFO skipped id=long/1 reason="pays 0"'], "again after it was over"


def test_write__index_differs__is_an_error_once(lines):
    journal = MarginJournal()
    for _ in range(2):
        write(
            journal,
            skipped=(Skipped(WATCHED.id, "not as the chain has it"),),
            snapshot=snapshot(replace(WATCHED, differs="not as the chain has it")),
        )
    assert lines() == ['ERROR index-differs id=long/1 reason="not as the chain has it"']


def test_write__interrupted__is_said_once(lines):
    journal = MarginJournal()
    for reason in ("no node", "no node", "", "no node"):
        write(journal, interrupted=reason)
    assert lines() == 2 * ['WARNING margin-failed reason="no node"']


def test_write__orders_are_away_and_back__is_said_once_each(lines):
    journal = MarginJournal()
    for reason in ("NotReached: no", "NotReached: no", "", ""):
        write(journal, snapshot=snapshot(WATCHED, no_orders=reason))
    assert lines() == ['WARNING no-orders reason="NotReached: no"', "INFO orders-are-back"]
