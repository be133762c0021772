"""What the keeper says about credit accounts, orders and requests, and when it says it."""

import logging
from dataclasses import replace

import pytest

from prep.keeper.credit.chores import chores
from prep.keeper.credit.decide import Approve, Choice, judge
from prep.keeper.credit.journal import CreditJournal
from prep.keeper.credit.report import (
    AccountLiquidated,
    Approved,
    CreditReport,
    Filled,
    Removed,
)
from prep.keeper.credit.snapshot import CreditId, Kind
from prep.keeper.decide import Settings, Skipped
from prep.keeper.log import LOGGER
from prep.model import WAD
from tests.unit.keeper_credit import DOLLAR, ETHER, asset, choice, order, request, snapshot

SHOT = snapshot(orders=2, requests=3)
MINED = {"gas_used": 400_000, "gas_cost": 4 * 10**14, "transaction": "0xab", "block": 9}
GAS = "gas=400000 gas_cost=0.0004 tx=0xab"
ACCOUNT = CreditId(Kind.ACCOUNT, 1)
CHOICE: Choice = choice(
    closed=WAD, reward=WAD // 400, repaid=100 * DOLLAR, seized=ETHER // 19, bad_debt=7 * WAD
)
LIQUIDATE = judge(SHOT, CHOICE, 200_000, Settings())
DETAILS = "debt=4 repaid=100000000 collateral=2 seized=52631578947368421 closed=1 reward=0.0025"
YIELDS = "5.265657894736842"
ROUND = "credit-round block=100 accounts=0 at_stake=0 liquidatable=0 orders=2 trade_requests=3"


def report(**found):
    return CreditReport(snapshot=SHOT, **found)


@pytest.fixture
def said(caplog, monkeypatch):
    """Lines of reports, each written after the other: `said(report, ..., execute=True)`."""
    monkeypatch.setattr(LOGGER, "propagate", True)
    caplog.set_level(logging.DEBUG, logger="prep.keeper")

    def said(*reports, execute=True, level=logging.INFO):
        caplog.clear()
        journal = CreditJournal()
        for found in reports:
            journal.write(found, 12, execute)
        records = [record for record in caplog.records if record.levelno >= level]
        return [f"{record.levelname} {record.getMessage()}" for record in records]

    return said


def test_write__liquidated__amounts_are_exact(said):
    outcome = replace(CHOICE.outcome, reward=0)
    done = AccountLiquidated(
        action=LIQUIDATE, outcome=outcome, yields=CHOICE.worth(outcome), **MINED
    )
    details = DETAILS.replace("reward=0.0025", "reward=0 bad_debt=7")
    yields = f"yields=5.263157894736842 expected={YIELDS}"
    assert said(report(actions=(LIQUIDATE,), results=(done,))) == [
        f"INFO liquidated-account id=account/1 {details} {yields} {GAS}",
        f"INFO {ROUND} requests=12",
    ]


def test_write__filled_removed_and_approved__one_line_each(said):
    orders = tuple(CreditId(Kind.ORDER, i) for i in (1, 2))
    requests = tuple(CreditId(Kind.REQUEST, i) for i in (3, 4))
    approval = Approve(ACCOUNT, asset(4), 5 * DOLLAR, 10**9)
    results = (
        Filled(ids=orders, ended=(), fee=2 * WAD, **MINED),
        Filled(ids=(), ended=requests, fee=WAD, **MINED),
        Removed(id=requests[0], fee=WAD // 2, **MINED),
        Approved(action=approval, **MINED),
    )
    assert said(report(results=results)) == [
        f"INFO filled id=order/1,order/2 ended=none fee=2 {GAS}",
        f"INFO filled id=none ended=request/3,request/4 fee=1 {GAS}",
        f"INFO removed id=request/3 fee=0.5 {GAS}",
        f"INFO approved id=account/1 asset=4 token=0x{4:040x} amount=5000000 {GAS}",
    ]


def test_write__dry_run__says_what_would_be_done(said):
    planned = snapshot(chores=(order(1), order(2), request(3, fill=False, pays=WAD // 4)))
    work = chores(planned, Settings()).work
    assert said(report(actions=(LIQUIDATE, *work)), execute=False) == [
        f"INFO would-liquidate-account id=account/1 {DETAILS} approve=False yields={YIELDS} cost=0",
        "INFO would-fill id=order/1,order/2 fee=2 cost=0",
        "INFO would-remove id=request/3 fee=0.25 cost=0",
        f"INFO {ROUND} requests=12",
    ]


def test_write__left_alone_for_long__is_said_once_and_again_after_it_was_gone(said):
    left = report(skipped=(Skipped(ACCOUNT, "pays 0"),))
    line = 'INFO skipped id=account/1 reason="pays 0"'
    assert said(left, left, report(), left) == [line, line]


def test_write__node_fails__is_said_once_and_what_was_said_is_still_known(said):
    left = report(skipped=(Skipped(ACCOUNT, "pays 0"),))
    broken = CreditReport(interrupted="batches are\nnot allowed")
    skipped = 'INFO skipped id=account/1 reason="pays 0"'
    failed = 'WARNING credit-failed reason="batches are not allowed"'
    assert said(left, broken, broken, left, broken) == [skipped, failed, failed]


def test_write__nothing_happened__a_line_only_with_debug(said):
    assert said(report()) == []
    assert said(report(), level=logging.DEBUG) == [f"DEBUG {ROUND} requests=12"]


def test_write__not_served_at_all__says_nothing(said):
    assert said(CreditReport(), level=logging.DEBUG) == []


def test_ids__of_each_kind__are_told_apart():
    assert [str(CreditId(kind, 7)) for kind in Kind] == ["account/7", "order/7", "request/7"]
