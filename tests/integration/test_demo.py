"""The demonstration as a whole: it runs, its money adds up, and it would tell if it did not."""

import csv
import os
import runpy
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from ape.logging import LogLevel, logger
from click.testing import CliRunner

from prep.demo.accounts import PREP, WETH
from prep.demo.checks import check, unexplained
from prep.demo.credit_checks import check_credit
from prep.demo.credit_ledger import CreditLedger
from prep.demo.ledger import Ledger
from prep.demo.margin_checks import check_margin
from prep.demo.margin_ledger import POOLS, MarginLedger
from prep.demo.outcome import Outcome
from prep.demo.prices import DEFAULT_HOURS, HOUR, STEP_SECONDS, read_path, synthetic_path
from prep.demo.report import to_json
from prep.demo.run import Demo
from prep.demo.setup import DEFAULT_SEED, PARAMS, address_of, prepare
from prep.demo.stage import Stage, steady_time
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.errors import UserError
from prep.exchange.prices import spot

ROOT = Path(__file__).parents[2]
WAD = 10**18
SEED, TRADERS, HOURS = 2, 8, 6
INVARIANTS = {"M1", "M2", "M3", "M4", "M5", "A1", "A2", "A3", "A4"}
MONEY = {
    "AccountLiquidated",
    "BalanceChanged",
    "Borrowed",
    "CollateralChanged",
    "DebtChanged",
    "DebtWrittenOff",
    "Deposit",
    "InterestAccrued",
    "InterestRecorded",
    "OrderCancelled",
    "OrderExecuted",
    "OrderFilled",
    "OrderPlaced",
    "OrderRefused",
    "OrderTriggered",
    "PositionDecreased",
    "PositionLiquidated",
    "Repaid",
    "ReserveShareSet",
    "Transfer",
    "Withdraw",
    "WrittenOff",
}

# A quiet hour, a wick down of a third that comes back, a wick up, and a quiet end.
ROWS = (
    "1583971200,8000.00,8010.00,7990.00,8005.00",
    "1583974800,8005.00,8020.50,7950.25,7960.00",
    "1583978400,7960.00,7970.00,5500.00,7900.00",
    "1583982000,7900.00,9000.00,7890.00,7890.00",
    "1583985600,7890.00,7895.00,7880.00,7885.00",
)


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """Ape reports neither confirmations nor connections."""
    with logger.at_level(LogLevel.ERROR):
        yield


@pytest.fixture(scope="module")
def deployment(project, chain, admin, isolated, quiet, tmp_path_factory):
    """The record of a deployment such as each demonstration makes where it finds none."""
    record = tmp_path_factory.mktemp("demo") / "deployment.json"
    with isolated():
        with steady_time(chain.provider):
            deploy(project, admin, Parameters.load(PARAMS), record)
        yield record


@pytest.fixture(scope="module")
def create_demo(project, chain, admin, liquidator, deployment):
    """A demonstration that is ready to run on this path; `record`: of what it finds deployed."""

    def create(path, traders=TRADERS, record=deployment):
        return prepare(project, chain.provider, admin, liquidator, path, SEED, traders, record)

    return create


@dataclass(frozen=True)
class Ended:
    """A demonstration, all its events, and what the chain says of money in the end: as a whole, of
    credit accounts, of pools."""

    demo: Demo
    outcome: Outcome
    events: list[Any]
    balances: tuple[Any, Any, Any]


@pytest.fixture(scope="module")
def by_default(create_demo, isolated):
    """On the path that it makes up by default."""
    with isolated():
        demo = create_demo(synthetic_path(DEFAULT_SEED, DEFAULT_HOURS), traders=1)
        events, taken = demo.stage.new_events, []

        def recorded():
            found = events()
            taken.extend(found)
            return found

        demo.stage.new_events = recorded
        outcome = demo.run(lambda _: None)
        of_all = demo.stage.balances(demo.ledger, demo.cast.values())
        return Ended(demo, outcome, taken, (of_all, demo.credit.balances(), demo.margin.balances()))


@pytest.fixture
def cli():
    """The command."""
    return runpy.run_path(str(ROOT / "scripts" / "demo.py"))["cli"]


@pytest.fixture
def slice_of_prices(tmp_path):
    """A few hours around a crash: those of the file that PREP_PRICES names, or made for this."""
    file = tmp_path / "slice.csv"
    rows = list(ROWS)
    if name := os.environ.get("PREP_PRICES"):
        with Path(name).open() as source:
            candles = list(csv.DictReader(source))
        worst = min(range(3, len(candles)), key=lambda i: fall(candles[i]))
        columns = ("timestamp", "open", "high", "low", "close")
        rows = [",".join(c[name] for name in columns) for c in candles[worst - 3 : worst + 2]]
    file.write_text("\n".join(["timestamp,open,high,low,close", *rows]) + "\n")
    return file


def fall(candle):
    """The lowest price of an hour as a share of its first."""
    return Fraction(candle["low"]) / Fraction(candle["open"])


def differences(outcome):
    return {(c.invariant, c.title): c.difference for c in outcome.checks if c.difference}


def test_run__short_crash__money_adds_up_and_steps_follow_the_path(create_demo, networks):
    path = synthetic_path(SEED, HOURS)
    demo, seen, times = create_demo(path), [], []
    set_price = demo.stage.set_price

    def set_and_note(setter, answer, timestamp):
        times.append(timestamp)
        set_price(setter, answer, timestamp)

    demo.stage.set_price = set_and_note
    outcome = demo.run(seen.append)

    assert differences(outcome) == {}, "M1 M2 M3 M4 M5 A1 A2 A3 A4"
    assert {c.invariant for c in outcome.checks} == INVARIANTS
    assert outcome.unexplained == 0
    assert tuple(seen) == outcome.samples
    readings = [sample.reading for sample in outcome.samples]
    assert [r.price for r in readings] == [p * 10**10 for p in path.prices]
    assert times == [times[0] + step * STEP_SECONDS for step in range(len(path.prices))]
    # In blocks of their own: three feeds, up to three swaps, and what the keeper does.
    passed = [r.timestamp - time for r, time in zip(readings, times, strict=True)]
    assert all(3 <= seconds <= TRADERS + 6 for seconds in passed)
    assert outcome.trades > TRADERS
    assert outcome.traders == TRADERS
    assert outcome.done["liquidatePosition"] == len(outcome.liquidations) > 0
    assert outcome.rewards == sum(p.rewards for p in outcome.participants) > 0
    assert max(sample.leverages[-1] for sample in outcome.samples if sample.leverages) <= 30 * WAD
    assert sum(outcome.results.values()) == 0, "M3"
    assert networks.provider.make_request("anvil_removeBlockTimestampInterval", []) is False
    credit = outcome.credit
    assert len(credit.samples) == len(path.prices)
    assert max(sample.rate for sample in credit.samples) > 0
    assert len(credit.accounts) == len(credit.samples[0].standings) == 6
    assert sum(lent.interest for lent in credit.lent.values()) > 0
    assert [key for key in outcome.rejected if "account" in key or "lender" in key] == []


def test_run__two_days__orders_fill_and_an_account_is_liquidated(by_default):
    """What the demonstration is to show, on prices of its own."""
    demo, outcome = by_default.demo, by_default.outcome

    assert differences(outcome) == {}, "M1 M2 M3 M4 M5 A1 A2 A3 A4"
    credit = outcome.credit
    ended = {(credit.name(o.account), o.order, o.how) for _, o in credit.orders}
    assert ended >= {
        ("Stop-loss trader", "stop-loss", "filled"),
        ("Stop-loss trader", "take-profit", "cancelled"),
        ("Dip buyer", "limit order", "filled"),
    }
    assert [(credit.name(n), kind) for n, kind in credit.waiting] == [("Dip buyer", "limit order")]
    assert {credit.name(item.account) for _, item in credit.liquidations} == {"Leveraged buyer"}
    step, first = credit.liquidations[0]
    assert first.closed > 0
    assert first.repaid > 0
    assert first.seized > 0
    # It was shown to stand too badly just before, and well at all prices before that.
    stood = [sample.standings[first.account - 1] for sample in credit.samples[: step + 1]]
    assert [equity < required for equity, required in stood] == [False] * step + [True]
    fees = sum(o.how == "filled" for _, o in credit.orders)
    assert outcome.done["execute (order)"] == fees
    # The keeper has paid debt out of what it brought, and holds what it has seized.
    assert demo.credit.ledger.wallets[WETH, demo.cast["Keeper"]] == sum(
        item.seized for _, item in credit.liquidations
    )


def test_run__default_path__asset_backed_positions_end_as_their_plans_say(by_default):
    """What the demonstration is to show, on the path that it makes up by default."""
    outcome = by_default.outcome

    assert differences(outcome) == {}, "M1 M2 M3 M4 M5 A1 A2 A3 A4"
    margin = outcome.margin
    ended = {who.name: (margin.ending(who), margin.result(who)) for who in margin.participants}
    assert {name: how for name, (how, _) in ended.items()} == {
        "Long that is liquidated": "liquidated",
        "Long that loses": "closed",
        "Long that wins": "order",
        "Short that wins": "closed",
        "Short that loses": "closed",
        "Short that is liquidated": "liquidated",
    }
    wins = {name: result > 0 for name, (_, result) in ended.items()}
    assert wins == {name: name.endswith("wins") for name in ended}
    # What is shown of their value ends with what was paid out.
    assert [any(sample) for sample in zip(*margin.samples, strict=True)] == [True] * len(ended)
    assert margin.samples[0] == margin.samples[-1] == (None,) * len(ended)
    assert len(margin.closings) == len(ended) + 1
    assert [c.step for c in margin.closings] == sorted(c.step for c in margin.closings)
    assert [key for key in outcome.rejected if "asset-backed" in key] == []
    assert outcome.done["executeOrder"] == margin.ended("order") == 1
    assert outcome.done["liquidate (asset-backed)"] == margin.ended("liquidated") == 2
    assert all(margin.interest[token] > 0 for token in ("PREP", "WETH", "WBTC"))


def test_check__any_kind_of_event_of_a_run_missing__is_noticed(by_default):
    demo, taken = by_default.demo, by_default.events
    balances, chain, of_pools = by_default.balances
    credit, margin = demo.credit.ledger, demo.margin.ledger

    def unexplained_without(dropped):
        kept = [event for event in taken if event is not dropped]
        ledger = Ledger(demo.stage.vault.address)
        of_credit = CreditLedger(credit.manager, credit.vault, credit.lending)
        ledger.take(kept)
        of_credit.take(kept)
        backed = MarginLedger(margin.pools, margin.tokens)
        backed.take(kept)
        checks = (*check(ledger, balances), *check_credit(of_credit, chain))
        return unexplained((*checks, *check_margin(backed, of_pools)))

    assert by_default.outcome.unexplained == unexplained_without(None) == 0
    kinds = {(event.contract, event.name): event for event in taken if matters(event)}
    assert {name for _, name in kinds} >= {
        "AccountLiquidated",
        "BalanceChanged",
        "Borrowed",
        "DebtChanged",
        "InterestAccrued",
        "OrderCancelled",
        "OrderExecuted",
        "OrderFilled",
        "OrderPlaced",
        "OrderTriggered",
        "Repaid",
        "Withdraw",
    }
    of_both = ("LendingVaultAdded", "PositionClosed", "PositionLiquidated", "PositionOpened")
    assert kinds.keys() >= {(pool, name) for pool in POOLS for name in of_both}
    assert kinds.keys() >= {("LongPool", "CollateralChanged"), ("LongPool", "OrderExecuted")}
    unnoticed = [kind for kind, last in kinds.items() if unexplained_without(last) == 0]
    assert unnoticed == [], "M1 M2 M3 M4 M5 A1 A2 A3 A4"


def matters(event):
    """Whether an event says that money has moved, or what is needed to know how much: of pools of
    positions all do."""
    if event.contract in POOLS:
        return True
    args = event.args
    names = ("value", "assets", "amount", "keeperFee", "interest")
    amounts = [value for name, value in args.items() if name in names]
    return event.name in MONEY and (not amounts or any(amounts))


def test_arbitrage__any_step__leaves_all_pools_at_their_feeds(create_demo):
    """Of three tokens: none can be bought cheaper by way of another."""
    demo = create_demo(synthetic_path(SEED, 1), traders=1)
    margin, observe, apart = demo.margin, demo.credit.observe, []

    def look():
        observe()
        worth = {"PREP": WAD, **demo.credit.token_prices}
        for (base, quote), pool in margin.markets.items():
            found = spot(
                margin.exchange.sqrt_price(pool),
                margin.tokens[base].address,
                margin.tokens[quote].address,
            )
            units = 10 ** (8 if base == "WBTC" else 18)
            whole = Fraction(worth[base] * WAD, worth[quote] * units)
            apart.append(abs(found / whole - 1))

    demo.credit.observe = look
    demo.run(lambda _: None)

    assert len(margin.markets) == 3
    assert len(apart) == 3 * 4
    # A pool's price has some 30 digits, fewer where a base unit is worth little of the other.
    assert max(apart) < Fraction(1, 10**12)


def test_run__twice__gives_the_same_numbers(create_demo, isolated, tmp_path):
    """Of a deployment each, on the same chain: addresses of tokens decide on which side a pool
    rounds. Ids of positions are other ones in every run."""
    path, numbers, ids = synthetic_path(SEED, 2), [], []

    for name in ("first", "second"):
        with isolated():
            demo = create_demo(path, record=tmp_path / name)
            numbers.append(to_json(demo.run(lambda _: None)))
            ids.append({id_ for _, id_ in demo.margin.ledger.positions})

    first, second = numbers
    assert first == second
    assert int(first["summary"]["trades"]) > 0
    assert len(first["margin"]["closings"]) > 0
    assert len(ids[0]) == len(ids[1]) == 6
    assert not ids[0] & ids[1]


def test_run__slice_of_a_file__liquidates_on_the_wicks(create_demo, slice_of_prices):
    path = read_path(slice_of_prices)
    with slice_of_prices.open() as source:
        candles = list(csv.DictReader(source))

    outcome = create_demo(path, traders=12).run(lambda _: None)

    assert differences(outcome) == {}, "M1 M2 M3 M4 M5 A1 A2 A3 A4"
    assert path.start == int(candles[0]["timestamp"])
    assert path.hours == len(candles) == (int(candles[-1]["timestamp"]) - path.start) // HOUR + 1
    assert len(outcome.liquidations) > 0
    hour = min(range(len(candles)), key=lambda i: fall(candles[i]))
    rises = Fraction(candles[hour]["close"]) >= Fraction(candles[hour]["open"])
    wick = 4 * hour + (1 if rises else 2)
    assert Fraction(path.prices[wick], 10**8) == Fraction(candles[hour]["low"])
    assert wick in {step for step, _ in outcome.liquidations}
    assert all(item.reward <= item.notional // 200 for _, item in outcome.liquidations)
    assert outcome.last.bad_debt == sum(item.bad_debt for _, item in outcome.liquidations)


def test_run__a_swallowed_event__is_noticed(create_demo):
    demo = create_demo(synthetic_path(SEED, 3))
    events, hidden = demo.stage.new_events, []

    def without_one():
        found = events()
        named = [e for e in found if e.name == "PositionDecreased"]
        if named and not hidden:
            hidden.append(named[0])
            found.remove(named[0])
        return found

    demo.stage.new_events = without_one
    outcome = demo.run(lambda _: None)

    assert len(hidden) == 1
    assert outcome.unexplained > 0, "M2"


MINTED = "All PREP ever minted = wallets + vault + manager + lending + orders and requests"
HELD = "PREP of the manager = balances of all accounts + keeper fees set aside + gifts"
APART = "PREP of all people and contracts, differences added up"


@pytest.mark.parametrize(
    "place, expected",
    [
        (
            "Vault",
            {("M1", "PREP held by the vault = liquidity + collateral + unpaid fees + gifts")},
        ),
        (
            "CreditManager",
            {
                ("M5", HELD),
                ("M3", APART),
            },
        ),
        ("PREP/lending", {("M4", "PREP lending: tokens held = idle + gifts"), ("M3", APART)}),
    ],
)
def test_run__a_unit_conjured__is_noticed(create_demo, chain, place, expected):
    demo = create_demo(synthetic_path(SEED, 1), traders=1)
    prep, vault = demo.stage.prep, {"Vault": demo.stage.vault, **demo.stage.others}[place]
    read, conjured = demo.stage.read, []

    def conjure():
        if not conjured:
            conjured.append(prep.balanceOf(vault) + 1)
            slot = chain.provider.web3.keccak(
                bytes.fromhex(vault.address[2:]).rjust(32, b"\0") + bytes(32)
            )
            value = "0x" + conjured[0].to_bytes(32, "big").hex()
            request = [prep.address, "0x" + bytes(slot).hex(), value]
            chain.provider.make_request("anvil_setStorageAt", request)
            assert prep.balanceOf(vault) == conjured[0]
        return read()

    demo.stage.read = conjure
    outcome = demo.run(lambda _: None)

    assert differences(outcome) == dict.fromkeys({*expected, ("M3", MINTED)}, 1)


def test_run__a_gift_to_the_vault__is_explained(create_demo):
    demo = create_demo(synthetic_path(SEED, 1))
    act, giver = demo.stage.set_price, address_of("LP 2")

    def give_and_set(*args):
        demo.stage.send(giver, demo.stage.prep, "transfer", demo.stage.vault.address, 1)
        manager = demo.stage.others["CreditManager"].address
        demo.stage.send(giver, demo.stage.prep, "transfer", manager, 1)
        demo.stage.send(giver, demo.stage.others["WETH"], "mint", manager, 2)
        act(*args)

    demo.stage.set_price = give_and_set
    outcome = demo.run(lambda _: None)

    assert demo.ledger.donations == len(outcome.samples) == 4
    gifts = demo.credit.ledger.gifts
    assert (gifts[PREP], gifts[WETH]) == (4, 8)
    assert differences(outcome) == {}, "M1"


def test_send__refused_call__is_named_by_its_error(create_demo, stranger):
    demo = create_demo(synthetic_path(SEED, 1))
    stage = demo.stage

    with stage.set([stranger.address]):
        errors = [
            stage.send(stranger.address, stage.protocol, "closePosition"),
            stage.send(stranger.address, stage.vault, "redeem", 1),
            stage.send(stranger.address, stage.prep, "transfer", stranger.address, 1),
            stage.send(stranger.address, stage.prep, "mint", stranger.address, 1),
            stage.send(stranger.address, stage.prep, "mint"),
        ]

    assert errors == [
        "NoPosition",
        "ERC4626ExceededMaxRedeem",
        "ERC20InsufficientBalance",
        "AccessManagedUnauthorized",
        "",
    ]


def test_prepare__not_a_local_chain__is_refused(create_demo, monkeypatch):
    monkeypatch.setattr("prep.demo.setup.chain_id", lambda _: 1)

    with pytest.raises(UserError, match="for local chains only"):
        create_demo(synthetic_path(SEED, 1))


def test_command__short_run__writes_the_report(cli, tmp_path):
    arguments = ["--hours", "1", "--traders", "3", "--out", str(tmp_path)]

    result = CliRunner().invoke(cli, arguments)

    assert result.exit_code == 0, result.output
    assert f"Report:  {tmp_path}/report.html\nNumbers: {tmp_path}/report.json\n" in result.output
    assert {file.name for file in tmp_path.iterdir()} == {
        "deployment.json",
        "report.html",
        "report.json",
    }


def test_command__unexplained_money__fails_and_says_where(cli, tmp_path, monkeypatch):
    honest = Stage.balances

    def cooked(*args):
        balances = honest(*args)
        return replace(balances, liquidity=balances.liquidity - 1)

    monkeypatch.setattr(Stage, "balances", cooked)
    arguments = ["--hours", "1", "--traders", "1", "--out", str(tmp_path)]

    result = CliRunner().invoke(cli, arguments)

    assert result.exit_code == 1
    message = "the money does not add up: Liquidity = net LP deposits + cash flow"
    assert result.output.endswith(f"Error: {message}\n"), "M2"
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--from", "2020-03-12"], "--from and --to choose from a file: name it with --prices"),
        (["--prices", "none.csv"], "none.csv: No such file or directory"),
        (["--out", __file__], f"{__file__} cannot be written: File exists"),
    ],
)
def test_command__user_mistake__is_one_line(cli, arguments, message):
    result = CliRunner().invoke(cli, arguments)

    assert result.exit_code == 1
    assert result.output == f"Error: {message}\n"
