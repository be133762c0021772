"""The money check of asset-backed positions: it must notice whatever is missing or forged."""

from dataclasses import replace

import pytest
from eth_utils.address import to_checksum_address

from prep.demo.checks import unexplained
from prep.demo.ledger import ZERO_ADDRESS, Event
from prep.demo.margin_checks import MarginBalances, check_margin
from prep.demo.margin_ledger import (
    AUTHORITY,
    TREASURY,
    Entry,
    MarginLedger,
    function_of,
    lending_of,
)
from prep.margin.data import Closing, Position

WAD = 10**18
SELECTOR = bytes.fromhex("c04b8d59")


def address(number):
    return to_checksum_address(f"0x{number:040x}")


LONG, SHORT, PREP, WETH, LENDS_PREP, LENDS_WETH = (address(n) for n in range(1, 7))
TRADER, SELLER, LIQUIDATOR, FEES, ROUTER, MARKET, GUARD = (address(n) for n in range(11, 18))
POOLS = {True: LONG, False: SHORT}
NAMES = {True: "LongPool", False: "ShortPool"}
TOKENS = {PREP: "PREP", WETH: "WETH"}
LENDING = {"PREP": LENDS_PREP, "WETH": LENDS_WETH}


def moved(token, giver, taker, value):
    return token, "Transfer", {"from": giver, "to": taker, "value": value}


def lent(token, name, pool, amount):
    field = "interest" if name == "InterestRecorded" else "assets"
    return f"{token}/lending", name, {"borrower": POOLS[pool], field: amount}


def position(pool, principal, collateral, nonce, trader=TRADER, id_=7):
    return Position(id_, trader, WETH, PREP, principal, collateral, 1_000, nonce)


def changed(pool, name, position, **args):
    fields = ("id", "trader", "base", "quote", "principal", "collateral", "time", "nonce")
    named = dict(zip(fields, position, strict=True))
    common = {"id": position.id, "trader": position.trader, "position": named}
    return NAMES[pool], name, {**common, **args}


def ended(pool, name, position, closing, **args):
    return changed(pool, name, position, closing=dict(vars_of(closing)), **args)


def vars_of(closing):
    return closing._asdict()


def of_pool(pool, name, **args):
    return NAMES[pool], name, args


OPENED = position(True, 200, 30, 1)
RECORDED = position(True, 204, 30, 2)
ADDED = position(True, 204, 36, 3)
HALVED = position(True, 102, 18, 4)
CLOSED = position(True, 0, 0, 5)
SOLD = position(False, 20, 320, 1, SELLER)
SEIZED = position(False, 0, 0, 2, SELLER)
PARTLY = Closing(18, 18, 150, 102, 3, 1, 44, 0)
WHOLLY = Closing(18, 18, 170, 102, 1, 2, 65, 0)
# Of the 16 that the swap gives for everything two are interest, and five of the principal are lost.
SEIZURE = Closing(320, 320, 15, 15, 0, 0, 0, 5)

# All amounts were worked out by hand.
TRANSACTIONS = [
    [of_pool(True, "TreasurySet", treasury=FEES)],
    [of_pool(False, "TreasurySet", treasury=FEES)],
    [of_pool(True, "LendingVaultAdded", token=PREP, vault=LENDS_PREP)],
    [of_pool(False, "LendingVaultAdded", token=WETH, vault=LENDS_WETH)],
    [of_pool(True, "RouterSet", router=ROUTER, selector=SELECTOR, allowed=True)],
    [of_pool(True, "AuthorityUpdated", authority=GUARD)],
    # Long: 100 down and 210 borrowed; the swap takes 300 and gives 30 WETH; 10 go back to lenders.
    [
        moved("PREP", TRADER, LONG, 105),
        lent("PREP", "Borrowed", True, 210),
        moved("PREP", LENDS_PREP, LONG, 210),
        moved("PREP", LONG, MARKET, 300),
        moved("WETH", MARKET, LONG, 30),
        lent("PREP", "Repaid", True, 10),
        moved("PREP", LONG, LENDS_PREP, 10),
        moved("PREP", LONG, FEES, 5),
        changed(
            True,
            "PositionOpened",
            OPENED,
            downPayment=100,
            borrowed=200,
            fee=5,
            spent=300,
            received=30,
        ),
    ],
    [
        changed(True, "InterestRecorded", RECORDED, interest=4),
        lent("PREP", "InterestRecorded", True, 4),
    ],
    [
        changed(True, "CollateralChanged", ADDED, amount=6),
        moved("WETH", TRADER, LONG, 6),
    ],
    # Half of it is closed.
    [
        moved("WETH", LONG, MARKET, 18),
        moved("PREP", MARKET, LONG, 150),
        ended(True, "PositionClosed", HALVED, PARTLY),
        lent("PREP", "InterestRecorded", True, 3),
        lent("PREP", "Repaid", True, 105),
        moved("PREP", LONG, LENDS_PREP, 105),
        moved("PREP", LONG, FEES, 1),
        moved("PREP", LONG, TRADER, 44),
    ],
    [of_pool(True, "PositionMarked", id=7, **{"from": 50, "until": 60})],
    # And the rest by an order.
    [
        moved("WETH", LONG, MARKET, 18),
        moved("PREP", MARKET, LONG, 170),
        ended(True, "PositionClosed", CLOSED, WHOLLY),
        lent("PREP", "InterestRecorded", True, 1),
        lent("PREP", "Repaid", True, 103),
        moved("PREP", LONG, LENDS_PREP, 103),
        moved("PREP", LONG, FEES, 2),
        moved("PREP", LONG, TRADER, 65),
        of_pool(True, "OrderExecuted", id=7, trader=TRADER, digest=b""),
    ],
    # Short: sells 20 WETH for 220, of which and the 100 down all is held.
    [
        moved("PREP", SELLER, SHORT, 101),
        lent("WETH", "Borrowed", False, 20),
        moved("WETH", LENDS_WETH, SHORT, 20),
        moved("WETH", SHORT, MARKET, 20),
        moved("PREP", MARKET, SHORT, 220),
        moved("PREP", SHORT, FEES, 1),
        changed(
            False,
            "PositionOpened",
            SOLD,
            downPayment=100,
            borrowed=20,
            fee=1,
            spent=20,
            received=220,
        ),
    ],
    [
        moved("PREP", SHORT, MARKET, 320),
        moved("WETH", MARKET, SHORT, 15),
        ended(False, "PositionLiquidated", SEIZED, SEIZURE, liquidator=LIQUIDATOR),
        lent("WETH", "Repaid", False, 15),
        moved("WETH", SHORT, LENDS_WETH, 15),
        lent("WETH", "WrittenOff", False, 5),
    ],
    # A gift.
    [moved("WETH", MARKET, LONG, 2)],
]
CHAIN = MarginBalances(
    held={(True, "PREP"): 0, (True, "WETH"): 2, (False, "PREP"): 0, (False, "WETH"): 0},
    owed={(True, "PREP"): 0, (True, "WETH"): 0, (False, "PREP"): 0, (False, "WETH"): 0},
    left={(True, "PREP"): 0, (True, "WETH"): 0, (False, "PREP"): 0, (False, "WETH"): 0},
    hashes={(True, 7): 1, (False, 7): 1},
    marks={(True, 7): (50, 60), (False, 7): (0, 0)},
    settings={
        (True, TREASURY): FEES,
        (False, TREASURY): FEES,
        (True, lending_of(PREP)): LENDS_PREP,
        (True, lending_of(WETH)): False,
        (False, lending_of(WETH)): LENDS_WETH,
        (True, function_of(ROUTER, SELECTOR)): True,
        (True, AUTHORITY): GUARD,
    },
    endings={"closed": 1, "order": 1, "liquidated": 1},
    decimals={"PREP": 18, "WETH": 18},
)


def events(transactions):
    return [
        Event(str(number), *event)
        for number, transaction in enumerate(transactions)
        for event in transaction
    ]


def taken(found):
    ledger = MarginLedger(POOLS, TOKENS)
    ledger.take(found)
    return ledger


def wrong(ledger, chain=CHAIN):
    return {(c.invariant, c.title) for c in check_margin(ledger, chain) if c.difference}


def test_take__all_events__says_what_became_of_everything():
    ledger = taken(events(TRANSACTIONS))

    assert wrong(ledger) == set()
    assert ledger.entry == {(True, 7): Entry(300, 30), (False, 7): Entry(220, 20)}
    assert [(e.key, e.how, e.closing, e.left) for e in ledger.ended] == [
        ((True, 7), "closed", PARTLY, HALVED),
        ((True, 7), "order", WHOLLY, CLOSED),
        ((False, 7), "liquidated", SEIZURE, SEIZED),
    ]
    assert ledger.interest == {"PREP": 8, "WETH": 0}
    assert ledger.bad_debt == {"PREP": 0, "WETH": 5}
    assert (ledger.fees["PREP"], ledger.rewards["PREP"]) == (9, 0)
    assert (ledger.paid[TRADER, "PREP"], ledger.paid[TRADER, "WETH"]) == (105, 6)
    assert ledger.got[TRADER, "PREP"] == 109
    assert ledger.gifts[True, "WETH"] == 2


@pytest.mark.parametrize("number", range(len(events(TRANSACTIONS)) - 1))
def test_check__any_event_missing__is_noticed(number):
    found = events(TRANSACTIONS)
    missing = found.pop(number)

    assert unexplained(check_margin(taken(found), CHAIN)) > 0, f"A1 to A4 without {missing.name}"


@pytest.mark.parametrize("number", range(len(events(TRANSACTIONS))))
def test_check__any_amount_forged__is_noticed(number):
    found = events(TRANSACTIONS)
    honest = found[number]
    for name, value in honest.args.items():
        if name != "id" and type(value) is int:
            found[number] = replace(honest, args={**honest.args, name: value + 1})
            ledger = taken(found)
            assert unexplained(check_margin(ledger, CHAIN)) > 0, f"{honest.name}: {name}"


@pytest.mark.parametrize("closing", [PARTLY, WHOLLY, SEIZURE])
@pytest.mark.parametrize("name", [f for f in Closing._fields if f not in ("amount", "bad_debt")])
def test_check__any_part_of_a_closing_forged__is_noticed(closing, name):
    found = events(TRANSACTIONS)
    honest = dict(closing._asdict())
    (number,) = (n for n, e in enumerate(found) if e.args.get("closing") == honest)
    forged = {**honest, name: honest[name] + 1}
    found[number] = replace(found[number], args={**found[number].args, "closing": forged})

    assert ("A1", "Tokens of asset-backed positions unexplained") in wrong(taken(found))


@pytest.mark.parametrize("name", ["principal", "collateral"])
@pytest.mark.parametrize("left", [OPENED, RECORDED, ADDED, HALVED, SOLD])
def test_check__position_forged_that_changes_later__is_noticed(left, name):
    found = events(TRANSACTIONS)
    named = changed(True, "", left)[2]["position"]
    (number,) = (n for n, e in enumerate(found) if e.args.get("position") == named)
    forged = {**named, name: named[name] + 1}
    found[number] = replace(found[number], args={**found[number].args, "position": forged})

    assert ("A1", "Tokens of asset-backed positions unexplained") in wrong(taken(found))


@pytest.mark.parametrize(
    "change, title",
    [
        ({"held": {**CHAIN.held, (True, "PREP"): 1}}, "PREP of LongPool, by transfers"),
        (
            {"held": {**CHAIN.held, (False, "WETH"): 1}},
            "WETH of ShortPool = collateral of all positions + payouts kept + gifts",
        ),
        (
            {"owed": {**CHAIN.owed, (False, "WETH"): 1}},
            "WETH that ShortPool owes = principal of all positions",
        ),
        ({"left": {**CHAIN.left, (True, "PREP"): 1}}, "PREP of LongPool that others may take"),
        (
            {"hashes": {**CHAIN.hashes, (True, 7): 2}},
            "Hashes of the positions of LongPool, those that differ",
        ),
        (
            {"marks": {**CHAIN.marks, (False, 7): (1, 2)}},
            "Marks of the positions of ShortPool, those that differ",
        ),
        (
            {"settings": {**CHAIN.settings, (False, TREASURY): TRADER}},
            "Settings of ShortPool that differ",
        ),
        (
            {"endings": {"closed": 2, "liquidated": 1}},
            "Positions closed, executed, liquidated, by logs and by who did it",
        ),
    ],
)
def test_check__chain_says_otherwise__is_noticed(change, title):
    assert title in {t for _, t in wrong(taken(events(TRANSACTIONS)), replace(CHAIN, **change))}


def test_take__payout_that_is_kept_and_claimed__is_with_the_pool_until_then():
    kept = Closing(320, 300, 20, 20, 0, 5, 15, 0)
    seized = [
        moved("PREP", SHORT, MARKET, 300),
        moved("WETH", MARKET, SHORT, 20),
        ended(False, "PositionLiquidated", SEIZED, kept, liquidator=LIQUIDATOR),
        lent("WETH", "Repaid", False, 20),
        moved("WETH", SHORT, LENDS_WETH, 20),
        moved("PREP", SHORT, LIQUIDATOR, 5),
        of_pool(False, "PayoutKept", trader=SELLER, token=PREP, amount=15),
    ]
    claimed = [
        of_pool(False, "PayoutClaimed", trader=SELLER, token=PREP, receiver=TRADER, amount=15),
        moved("PREP", SHORT, TRADER, 15),
    ]
    story = [*TRANSACTIONS[:-2], seized, TRANSACTIONS[-1]]

    ledger = taken(events(story))
    assert ledger.kept[False, "PREP"] == 15
    assert wrong(ledger, replace(CHAIN, held={**CHAIN.held, (False, "PREP"): 15})) == set()
    assert ledger.rewards["PREP"] == 5
    assert wrong(taken(events([*story, claimed]))) == set()
    assert wrong(taken(events([*story, claimed[1:]]))) != set()


def test_take__swap_that_leaves_more_than_was_borrowed__goes_to_the_trader():
    """100 down and 210 borrowed, but the swap takes 60."""
    opened = [
        moved("PREP", TRADER, LONG, 100),
        lent("PREP", "Borrowed", True, 210),
        moved("PREP", LENDS_PREP, LONG, 210),
        moved("PREP", LONG, MARKET, 60),
        moved("WETH", MARKET, LONG, 6),
        lent("PREP", "Repaid", True, 210),
        moved("PREP", LONG, LENDS_PREP, 210),
        moved("PREP", LONG, TRADER, 40),
        changed(
            True,
            "PositionOpened",
            position(True, 0, 6, 1),
            downPayment=100,
            borrowed=0,
            fee=0,
            spent=60,
            received=6,
        ),
    ]
    assert taken(events([*TRANSACTIONS[:6], opened])).unmatched == 0


def test_take__tokens_that_leave_without_a_word__are_unmatched():
    theft = [moved("WETH", LONG, MARKET, 1)]

    assert taken(events([theft])).unmatched == 1


def test_unmarked__mark__is_gone():
    unmarked = [of_pool(True, "PositionUnmarked", id=7)]
    ledger = taken(events([*TRANSACTIONS, unmarked]))

    assert wrong(ledger) == {("A3", "Marks of the positions of LongPool, those that differ")}
    assert ledger.marks[True, 7] == (0, 0)


def test_equity__long_and_short__is_rounded_against_the_trader():
    ledger = MarginLedger(POOLS, TOKENS)
    ledger.positions[True, 1] = position(True, 10, 7, 1)
    ledger.positions[False, 2] = position(False, 7, 30, 1)

    # 7 at 2.5 is 17.5.
    assert ledger.equity((True, 1), 5 * WAD // 2) == 7
    assert ledger.equity((False, 2), 5 * WAD // 2) == 12


def test_of__trader__has_the_position_that_is_open():
    ledger = taken(events(TRANSACTIONS[:8]))

    assert ledger.of(TRADER) == ((True, 7), RECORDED)
    assert ledger.of(SELLER) is None
    assert taken(events(TRANSACTIONS)).of(TRADER) is None
    assert ZERO_ADDRESS not in ledger.tokens
