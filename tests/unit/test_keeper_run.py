"""The keeper's loop, journal and options, without a chain."""

import logging
import runpy
import signal
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from click import BadParameter

from prep.keeper import Close, Deleverage, MarginKey, Side, Standing
from prep.keeper.chain import NodeError
from prep.keeper.decide import Action, Skipped
from prep.keeper.log import configure, log
from prep.keeper.report import Failure, Liquidation, Round
from prep.keeper.run import retry_delay, run, stopped_by_signals
from prep.keeper.snapshot import Aggregates, MarketShot, Snapshot
from prep.model import WAD, MarketConfig
from prep.model.fixed import UNLIMITED

TRADER = "0x" + 40 * "1"
SCRIPT = Path(__file__).parents[2] / "scripts" / "keeper.py"


def snapshot(block=7, no_price="", **changes):
    values = {
        "block": block,
        "timestamp": 1_800_000_000,
        "keeper": None,
        "gas_price": 0,
        "markets": (
            MarketShot(
                price=None if no_price else 10_000 * WAD,
                no_price=no_price,
                config=MarketConfig(),
                aggregates=Aggregates(*(12 * [0])),
            ),
        ),
        "liquidity": 0,
        "protocol_fee_rate": 0,
        "highest_id": 0,
    }
    return Snapshot(**values | changes)


def report(execute=True, **found):
    done = Round(execute, snapshot=snapshot())
    for name, value in found.items():
        setattr(done, name, value)
    return done.report(requests=9)


QUIET = report()
DEAD = report(snapshot=None, unreachable="connection refused or lost")


class Blocks:
    """Has these blocks, one after the other, and then is gone."""

    def __init__(self):
        self.blocks = []

    def block_number(self):
        if not self.blocks:
            raise NodeError("gone")
        return self.blocks.pop(0)


class Keeper:
    """Reports what it was given."""

    def __init__(self, *reports):
        self.reports = list(reports)
        self.chain = Blocks()

    def step(self):
        return self.reports.pop(0)


class Stop(Event):
    """Counts seconds instead of waiting, and is set after so many waits."""

    def __init__(self, after):
        super().__init__()
        self.waits = []
        self.after = after

    def wait(self, timeout=None):
        self.waits.append(timeout)
        if len(self.waits) == self.after:
            self.set()
        return self.is_set()


@pytest.fixture
def lines(caplog):
    """The log lines so far."""
    caplog.set_level(logging.INFO, "prep.keeper")
    logger = logging.getLogger("prep.keeper")
    before = logger.propagate, logger.level, logger.handlers
    logger.propagate = True
    yield lambda: [f"{r.levelname} {r.getMessage()}" for r in caplog.records]
    logger.propagate, logger.level, logger.handlers = before


# ---------------------------------------------------------------------------------------- the loop


def test_retry_delay__failures_in_a_row__doubles_up_to_a_minute():
    assert [retry_delay(n) for n in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert retry_delay(10**6) == 60


def test_run__node_gone__waits_longer_each_time_with_one_line_each(lines):
    stop = Stop(after=5)
    keeper = Keeper(DEAD, DEAD, DEAD, QUIET, DEAD)
    run(keeper, stop, interval=5)
    assert stop.waits == [1, 2, 4, 5, 1], "back to the first delay after a success"
    assert lines() == [
        'WARNING node-failed reason="connection refused or lost" retry_in=1s',
        'WARNING node-failed reason="connection refused or lost" retry_in=2s',
        'WARNING node-failed reason="connection refused or lost" retry_in=4s',
        "INFO node-is-back attempts=3",
        'WARNING node-failed reason="connection refused or lost" retry_in=1s',
        "INFO stopped",
    ]


def test_run__no_interval__waits_for_the_next_block():
    stop = Stop(after=3)
    keeper = Keeper(QUIET, QUIET)
    keeper.chain.blocks = [7, 8, 7]  # of the first round, new, of the second round
    run(keeper, stop)
    assert stop.waits == [1, 1, 1]
    assert keeper.reports == []


def test_run__node_came_back_with_an_older_block__is_a_new_one_too():
    stop = Stop(after=2)
    keeper = Keeper(QUIET, QUIET)
    keeper.chain.blocks = [3]
    run(keeper, stop)
    assert keeper.reports == []


def test_run__node_gone_while_waiting_for_a_block__the_next_round_deals_with_it():
    stop = Stop(after=2)
    keeper = Keeper(QUIET, DEAD)
    run(keeper, stop)
    assert stop.waits == [1, 1], "once for the block, once for the node"


@pytest.mark.parametrize(
    "found, ok",
    [
        (QUIET, True),
        (DEAD, False),
        (report(errors=[Failure(1, "reverted when mined")]), False),
        (report(skipped=[Skipped(1, "own position")]), True),
        (report(interrupted="too many results"), False),
    ],
)
def test_run__once__is_one_round_and_tells_whether_it_went_well(found, ok):
    stop = Stop(after=1)
    assert run(Keeper(found), stop, once=True) is ok
    assert stop.waits == []


def test_run__stopped_after_a_round_with_errors__went_well():
    """Such as a transaction that is not mined yet: whoever stops it is told nothing else."""
    failed = report(errors=[Failure(3, "not mined yet: 0xab")])
    assert run(Keeper(failed), Stop(after=1)) is True


def test_run__stopped_before_it_began__does_nothing():
    stop = Event()
    stop.set()
    assert run(Keeper(), stop) is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_signals__a_signal__sets_the_event_and_restores_handlers(number):
    stop, before = Event(), signal.getsignal(number)
    with stopped_by_signals(stop):
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.is_set()
    assert signal.getsignal(number) == before


# ------------------------------------------------------------------------------------- the journal

ACTION = Action(3, TRADER, 75 * WAD, WAD // 2, 10**9)
LIQUIDATION = Liquidation(
    id=3,
    trader=TRADER,
    reward=74 * WAD + 1,
    expected_reward=75 * WAD,
    gas_used=101_400,
    gas_cost=101_400 * 10**9,
    transaction="0xabc",
    block=8,
)


def test_journal__liquidated__amounts_are_exact(lines):
    found = report(actions=[ACTION], liquidated=[LIQUIDATION], gas_spent=101_400 * 10**9)
    run(Keeper(found), Event(), once=True)
    reward = "reward=74.000000000000000001"
    gas = "gas=101400 gas_cost=0.0001014"
    done = f"liquidated=1 {reward} deleveraged=0 gas_cost=0.0001014 requests=9"
    assert lines() == [
        f"INFO liquidated id=3 trader={TRADER} {reward} expected=75 {gas} tx=0xabc",
        f"INFO round block=7 open=0 ids=0 {done}",
    ]


def test_journal__dry_run__says_what_would_be_done(lines):
    run(Keeper(report(execute=False, actions=[ACTION])), Event(), once=True)
    assert lines()[0] == f"INFO would-liquidate id=3 trader={TRADER} reward=75 cost=0.5"


KEY = MarginKey(TRADER, 2**255, 1)
STANDING = Standing(125 * WAD // 100, 2 * WAD, (Side(1, True, 20 * WAD, 10 * WAD, WAD),))
CLOSE = Close(
    id=KEY,
    market_id=1,
    owner=TRADER,
    max_size=5,
    size=-5,
    settlement=3 * WAD // 2,
    ratio_before=125 * WAD // 100,
    ratio_after=UNLIMITED,
    timestamp=0,
    side=None,
)
DELEVERAGE = Deleverage(
    action=CLOSE,
    size=-4,
    settlement=WAD,
    ratio_before=125 * WAD // 100,
    ratio_after=2 * WAD,
    gas_used=300_000,
    gas_cost=300_000 * 10**9,
    transaction="0xabc",
    block=8,
)
NAME = f"id={TRADER}/{2**255}/1 owner={TRADER} market=1"


def test_journal__deleveraged__is_what_the_chain_did(lines):
    found = report(closes=[CLOSE], deleveraged=[DELEVERAGE], gas_spent=300_000 * 10**9)
    run(Keeper(found), Event(), once=True)
    done = "size=-4 settlement=1 ratio_before=1.25 ratio_after=2"
    nothing = "open=0 ids=0 liquidated=0 reward=0"
    assert lines() == [
        f"INFO deleveraged {NAME} reason=ratio {done} gas=300000 gas_cost=0.0003 tx=0xabc",
        f"INFO round block=7 {nothing} deleveraged=1 gas_cost=0.0003 requests=9",
    ]


def test_journal__dry_run_of_a_deleverage__says_what_would_be_done(lines):
    over = replace(CLOSE, id=3, side=STANDING.over[0])
    found = report(execute=False, closes=[CLOSE, over], standing=STANDING)
    run(Keeper(found), Event(), once=True)
    would = "size=-5 settlement=1.5 ratio_before=1.25 ratio_after=unlimited"
    assert lines()[:3] == [
        f"INFO would-deleverage {NAME} reason=ratio {would}",
        f"INFO would-deleverage id=3 owner={TRADER} market=1 reason=open-interest {would}",
        'WARNING deleverage-due ratio=1.25 target=2 above_cap=1-long reason="dry run"',
    ]


def test_journal__due_for_long__is_said_once_and_when_it_is_over(lines):
    why = "none that can be closed"
    due = report(standing=STANDING, left=why, kept=[Skipped(KEY, "no")])
    worse = report(standing=replace(STANDING, ratio=WAD), left=why)
    unknown = report()
    over = report(standing=replace(STANDING, ratio=UNLIMITED, over=()))
    run(Keeper(due, due, worse, unknown, worse, over, over), Stop(after=7), interval=1)
    assert lines() == [
        f"INFO skipped id={TRADER}/{2**255}/1 reason=no",
        f'WARNING deleverage-due ratio=1.25 target=2 above_cap=1-long reason="{why}"',
        "INFO deleverage-over ratio=unlimited",
        "INFO stopped",
    ]


def test_journal__due_for_another_reason__is_said_again(lines):
    below = report(standing=replace(STANDING, over=()), left="stopping")
    both = report(standing=STANDING, left="stopping")
    run(Keeper(below, both), Stop(after=2), interval=1)
    assert [line.rpartition(" reason")[0] for line in lines()[:2]] == [
        "WARNING deleverage-due ratio=1.25 target=2 above_cap=none",
        "WARNING deleverage-due ratio=1.25 target=2 above_cap=1-long",
    ]


def test_journal__node_fails_while_deleveraging__is_said_once_and_without_waiting(lines):
    broken = report(interrupted="too many results")
    stop = Stop(after=4)
    run(Keeper(broken, broken, QUIET, broken), stop, interval=5)
    line = 'WARNING deleverage-failed reason="too many results"'
    assert lines() == [line, line, "INFO stopped"], "again after it was gone"
    assert stop.waits == [5, 5, 5, 5]


def test_journal__same_id_left_alone_for_both_reasons__both_are_said(lines):
    found = report(skipped=[Skipped(1, "own position")], kept=[Skipped(1, "VaultCannotPay(1, 0)")])
    run(Keeper(found, found), Stop(after=2), interval=1)
    assert lines() == [
        'INFO skipped id=1 reason="own position"',
        'INFO skipped id=1 reason="VaultCannotPay(1, 0)"',
        "INFO stopped",
    ]


def test_journal__another_market_has_no_price__is_said_with_its_number(lines):
    markets = snapshot().markets + snapshot(no_price="AnswerStale(1, 2)").markets
    found = report(snapshot=snapshot(markets=markets))
    run(Keeper(found, found, QUIET), Stop(after=3), interval=1)
    assert lines() == [
        'WARNING no-price market=1 reason="AnswerStale(1, 2)" block=7',
        "INFO stopped",
    ]


def test_journal__error__is_one_line(lines):
    run(Keeper(report(errors=[Failure(3, "reverted\nwhen mined")])), Event(), once=True)
    assert lines()[0] == 'ERROR failed id=3 reason="reverted when mined"'


def test_journal__no_price_for_long__is_said_once_and_when_it_is_back(lines):
    stale = report(snapshot=snapshot(no_price="AnswerStale(updatedAt=1, heartbeat=2)"))
    keeper = Keeper(stale, stale, stale, QUIET, QUIET)
    run(keeper, Stop(after=5), interval=1)
    assert lines() == [
        'WARNING no-price market=0 reason="AnswerStale(updatedAt=1, heartbeat=2)" block=7',
        "INFO price-is-back market=0 block=7",
        "INFO stopped",
    ]


def test_journal__skipped_in_every_round__is_said_once(lines):
    skips = report(skipped=[Skipped(1, "own position")])
    run(Keeper(skips, skips, QUIET, skips), Stop(after=4), interval=1)
    line = 'INFO skipped id=1 reason="own position"'
    assert lines() == [line, line, "INFO stopped"], "again after it was gone"


def test_log__fields__are_quoted_where_they_have_spaces(lines):
    log(logging.INFO, "event", plain=1, spaced="a b", empty="", broken="a\nb")
    assert lines() == ['INFO event plain=1 spaced="a b" empty="" broken="a b"']


@pytest.mark.parametrize(
    "reason, written",
    [
        ('no" id=7 tx="0x1', r'"no\" id=7 tx=\"0x1"'),
        ("\x1b[2J\x1b[31mgone", r'"\u001b[2J\u001b[31mgone"'),
        ("back\\slash", r'"back\\slash"'),
        ("Error(amount=1)", "Error(amount=1)"),
        ("\u202edlrow", r'"\u202edlrow"'),
        (2_000 * "x", 1_000 * "x" + "..."),
    ],
)
def test_log__reason_of_a_hostile_contract__stays_one_value(lines, reason, written):
    log(logging.INFO, "event", reason=reason)
    assert lines() == [f"INFO event reason={written}"]


def test_configure__not_a_terminal__plain_lines_on_stderr(lines, capsys):
    configure()
    log(logging.INFO, "event", key=1)
    log(logging.DEBUG, "hidden")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(" INFO event key=1\n")


def test_report__sums__are_over_all_liquidations():
    second = replace(LIQUIDATION, id=9, reward=WAD)
    found = report(liquidated=[LIQUIDATION, second])
    assert found.ids == (3, 9)
    assert found.reward == 75 * WAD + 1


# ----------------------------------------------------------------------------------------- options


@pytest.fixture(scope="module")
def convert():
    """What the command makes of an option's text: `convert(option, text)`."""
    options = {option.name: option for option in runpy.run_path(str(SCRIPT))["cli"].params}
    return lambda name, text: options[name].type.convert(text, options[name], None)


@pytest.fixture
def refused(convert):
    """Expects exactly this message."""

    def refused(name, text, message):
        with pytest.raises(BadParameter) as raised:
            convert(name, text)
        assert raised.value.message == message

    return refused


@pytest.mark.parametrize("text, seconds", [("0.2", 0.2), ("86400", 86_400.0), ("1e-9", 1e-9)])
def test_interval__up_to_a_day__is_taken_and_can_be_waited_for(convert, text, seconds):
    found = convert("interval", text)
    assert found == seconds
    stop = Event()
    stop.set()
    assert stop.wait(found)


@pytest.mark.parametrize("text", ["0", "-1", "86400.1", "1e12", "inf", "-inf", "1e999"])
def test_interval__outside_a_day__is_refused(refused, text):
    refused("interval", text, f"{float(text)} is not in the range 0<x<=86400.")


def test_interval__not_a_number__is_refused(refused):
    refused("interval", "nan", "nan is not a number")


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("min_profit", "0", 0),
        ("min_profit", "0.000000000000000001", 1),
        ("native_price", "3000", 3_000 * WAD),
        ("max_gas_price", "0.5", 5 * 10**8),
        ("max_daily_gas", f"{UNLIMITED // WAD}.{UNLIMITED % WAD:018}", UNLIMITED),
    ],
)
def test_amount__any_that_fits__is_exact(convert, name, text, expected):
    assert convert(name, text) == expected


MANY_DIGITS = pytest.param(300 * "7", id="300 digits")


@pytest.mark.parametrize(
    "text", ["1e99999999", "1e5000", MANY_DIGITS, "-1", "inf", "nan", "", "1.", "x"]
)
def test_amount__other_than_digits__is_refused(refused, text):
    refused("min_profit", text, f"{text!r} is not a decimal number such as 0.15")


def test_amount__more_digits_than_the_unit_has__is_refused(refused):
    text = "0.0000000001"
    refused("max_gas_price", text, f"{text} has 10 decimals, more than 9")


def test_amount__beyond_a_word__is_refused(refused):
    text = f"{UNLIMITED // WAD}.{UNLIMITED % WAD + 1:018}"
    refused("max_daily_gas", text, f"{text} is more than any contract can hold")
