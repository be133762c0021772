"""The money check of the demonstration: it must add up, and must notice whenever it does not."""

from dataclasses import fields, replace

import pytest

from prep.demo.checks import Balances, check, unexplained
from prep.demo.ledger import ZERO_ADDRESS, Event, Ledger, Liquidation

WAD = 10**18
VAULT, LP, TRADER, KEEPER, TREASURY = "vault", "lp", "trader", "keeper", "treasury"
CLIENT = "client"


def prep(giver, taker, value):
    return "PREP", "Transfer", {"from": giver, "to": taker, "value": value}


def shares(giver, taker, value):
    return "Vault", "Transfer", {"from": giver, "to": taker, "value": value}


def collateral_changed(trader, amount, collateral):
    values = {"trader": trader, "amount": amount, "collateral": collateral}
    return "Protocol", "CollateralChanged", values


def fee_charged(amount, unpaid):
    return "Protocol", "ProtocolFeeCharged", {"amount": amount, "unpaid": unpaid}


def decreased(removed, size, collateral, realised, bad_debt=0):
    names = ("pricePnl", "funding", "borrowingFee", "closingFee")
    values = {
        "trader": TRADER,
        "sizeRemoved": removed,
        "size": size,
        "collateral": collateral,
        "realised": dict(zip(names, realised, strict=True)),
        "badDebt": bad_debt,
    }
    return "Protocol", "PositionDecreased", values


def executed(realised, opening_fee, settlement):
    names = ("pricePnl", "funding", "borrowingFee", "closingFee")
    outcome = {
        "realised": dict(zip(names, realised, strict=True)),
        "openingFee": opening_fee,
        "settlement": settlement,
    }
    return "Protocol", "OrderExecuted", {"client": CLIENT, "outcome": outcome}


# The protocol takes a tenth of fees, rounded up. All amounts were worked out by hand.
TRANSACTIONS = [
    [("Protocol", "ProtocolFeeRateSet", {"rate": WAD // 10})],
    [prep(ZERO_ADDRESS, LP, 1000)],
    [prep(ZERO_ADDRESS, TRADER, 200)],
    [
        prep(LP, VAULT, 1000),
        shares(ZERO_ADDRESS, LP, 10**9),
        ("Vault", "Deposit", {"sender": LP, "owner": LP, "assets": 1000, "shares": 10**9}),
    ],
    [collateral_changed(TRADER, 100, 100), prep(TRADER, VAULT, 100)],
    [
        (
            "Protocol",
            "PositionIncreased",
            {
                "trader": TRADER,
                "size": 1000,
                "entryPrice": WAD,
                "collateral": 95,
                "openingFee": 5,
            },
        ),
        fee_charged(1, 1),
    ],
    # Loses 16; the protocol's share of the closing fee of 3 is 1.
    [fee_charged(1, 2), decreased(100, 900, 79, (-10, -2, -1, -3))],
    # Owes 106 and has 79: the share of 1 is waived, 26 is bad debt. The reward is the vault's.
    [
        decreased(900, 0, 0, (-100, 0, 0, -6), bad_debt=26),
        (
            "Protocol",
            "PositionLiquidated",
            {
                "trader": TRADER,
                "id": 1,
                "liquidator": KEEPER,
                "collateral": 0,
                "reward": 4,
                "fromVault": 4,
                "liquidatorCollateral": 4,
            },
        ),
    ],
    [
        shares(LP, ZERO_ADDRESS, 10**8),
        ("Vault", "Withdraw", {"sender": LP, "receiver": LP, "owner": LP, "assets": 500}),
        prep(VAULT, LP, 500),
    ],
    [collateral_changed(KEEPER, -3, 1), prep(VAULT, KEEPER, 3)],
    [prep(TRADER, VAULT, 7)],
    # A margin client wins 8 less fees of 1, 2 and 1, of which the protocol's shares are 1 each.
    [prep(ZERO_ADDRESS, CLIENT, 40)],
    [fee_charged(2, 4), executed((8, 0, -1, -2), 1, 4), prep(VAULT, CLIENT, 4)],
    # And pays 9.
    [executed((-10, 1, 0, 0), 0, -9), prep(CLIENT, VAULT, 9)],
    [
        ("Protocol", "ProtocolFeesCollected", {"treasury": TREASURY, "amount": 4}),
        prep(VAULT, TREASURY, 4),
    ],
]
EVENTS = [
    Event(str(number), *event)
    for number, transaction in enumerate(TRANSACTIONS)
    for event in transaction
]
CHAIN = Balances(
    wallets={LP: 500, TRADER: 93, KEEPER: 3, TREASURY: 4},
    contracts={CLIENT: 35},
    collateral={LP: 0, TRADER: 0, KEEPER: 1, TREASURY: 0},
    vault=605,
    protocol=0,
    liquidity=597,
    net_deposits=500,
    fees_unpaid=0,
    cash_flow={
        "pricePnl": 112,
        "openingFee": 4,
        "closingFee": 8,
        "accruedFunding": 1,
        "borrowingFee": 2,
        "badDebt": -30,
    },
)


def ledger_of(events):
    ledger = Ledger(VAULT)
    ledger.take(events)
    return ledger


def test_take__a_whole_life__adds_up_everything():
    ledger = ledger_of(EVENTS)

    assert vars(ledger.cash_flow) == CHAIN.cash_flow
    assert ledger.liquidity == 597, "M2"
    assert ledger.collateral == 1
    assert ledger.wallets == CHAIN.wallets | {CLIENT: 35, VAULT: 605, ZERO_ADDRESS: -1240}
    assert ledger.shares[LP] == 9 * 10**8
    assert (ledger.donations, ledger.unmatched) == (7, 0), "M1"
    assert (ledger.fees_charged, ledger.fees_unpaid) == (4, 0)
    assert (ledger.bad_debt, ledger.rewards) == (26, 4)
    assert ledger.results == {
        "Traders": -100,
        "Credit accounts": -5,
        "LPs": 97,
        "Protocol fees": 4,
        "Liquidators' rewards": 4,
    }, "M3"
    assert ledger.liquidations == [
        Liquidation(
            position=1,
            trader=TRADER,
            is_long=True,
            notional=900,
            left=0,
            reward=4,
            from_vault=4,
            collateral=0,
            bad_debt=26,
        )
    ]


def test_take__transaction_by_transaction__gives_the_same():
    whole, piecewise = ledger_of(EVENTS), Ledger(VAULT)
    for number in range(len(TRANSACTIONS)):
        piecewise.take([event for event in EVENTS if event.transaction == str(number)])

    assert piecewise == whole


def test_take__part_of_a_short_liquidated__records_what_is_left():
    opened = {
        "trader": TRADER,
        "size": -900,
        "entryPrice": 2 * WAD,
        "collateral": 90,
        "openingFee": 0,
    }
    liquidated = {
        "trader": TRADER,
        "id": 4,
        "liquidator": KEEPER,
        "collateral": 41,
        "reward": 9,
        "fromVault": 0,
        "liquidatorCollateral": 9,
    }
    ledger = ledger_of(
        [
            Event("1", "Protocol", "PositionIncreased", opened),
            Event("2", *decreased(-300, -600, 50, (-40, 0, 0, 0))),
            Event("2", "Protocol", "PositionLiquidated", liquidated),
        ]
    )

    assert ledger.liquidations == [
        Liquidation(
            position=4,
            trader=TRADER,
            is_long=False,
            notional=1800,
            left=1200,
            reward=9,
            from_vault=0,
            collateral=41,
            bad_debt=0,
        )
    ]
    assert ledger.accounts[TRADER].collateral == 41
    assert ledger.accounts[KEEPER].rewards == 9
    assert ledger.accounts[KEEPER].result == 0


def test_check__consistent_chain__explains_every_unit():
    checks = check(ledger_of(EVENTS), CHAIN)

    assert {c.title: c.difference for c in checks if c.difference} == {}
    assert {c.invariant for c in checks} == {"M1", "M2", "M3"}
    assert unexplained(checks) == 0


@pytest.mark.parametrize(
    "missing",
    # The vault's shares are not money.
    [n for n, e in enumerate(EVENTS) if (e.contract, e.name) != ("Vault", "Transfer")],
    ids=lambda n: f"{EVENTS[n].transaction} {EVENTS[n].contract} {EVENTS[n].name}",
)
def test_check__one_event_missing__is_noticed(missing):
    events = [event for number, event in enumerate(EVENTS) if number != missing]

    assert unexplained(check(ledger_of(events), CHAIN)) > 0


@pytest.mark.parametrize("by", [-1, 1])
@pytest.mark.parametrize("name", [field.name for field in fields(Balances)])
def test_check__one_unit_wrong_on_chain__is_noticed(name, by):
    value = getattr(CHAIN, name)
    cooked = [value + by] if isinstance(value, int) else [value | {k: value[k] + by} for k in value]

    for wrong in cooked:
        checks = check(ledger_of(EVENTS), replace(CHAIN, **{name: wrong}))
        assert unexplained(checks) >= 1


def test_check__errors_that_cancel_out__are_noticed():
    wallets = CHAIN.wallets | {LP: 501, TRADER: 92}
    collateral = CHAIN.collateral | {TRADER: 1, KEEPER: 0}
    checks = check(ledger_of(EVENTS), replace(CHAIN, wallets=wallets, collateral=collateral))

    assert [c.difference for c in checks if c.difference] == [2, 2]


@pytest.mark.parametrize(
    "events, donations, unmatched",
    [
        ([prep(TRADER, VAULT, 7)], 7, 0),
        ([prep(VAULT, TRADER, 7)], 0, 7),
        ([collateral_changed(TRADER, 7, 7)], 0, 7),
        ([collateral_changed(TRADER, -7, 0)], 0, 7),
        ([collateral_changed(TRADER, 7, 7), prep(TRADER, VAULT, 6)], 0, 1),
        ([collateral_changed(TRADER, 7, 7), prep(TRADER, VAULT, 9)], 2, 0),
        ([collateral_changed(TRADER, -7, 0), prep(VAULT, KEEPER, 7)], 0, 14),
        ([prep(TRADER, VAULT, 5), prep(VAULT, TRADER, 5)], 5, 5),
    ],
)
def test_take__tokens_and_events_that_differ__are_gifts_or_unmatched(events, donations, unmatched):
    ledger = ledger_of([Event("1", *event) for event in events])

    assert (ledger.donations, ledger.unmatched) == (donations, unmatched), "M1"
