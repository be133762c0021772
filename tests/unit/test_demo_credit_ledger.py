"""The money check of credit accounts and lenders: it must notice whatever is missing or forged."""

from dataclasses import fields, replace

import pytest

from prep.demo.checks import unexplained
from prep.demo.credit_checks import CreditBalances, PoolBalances, check_credit
from prep.demo.credit_ledger import AccountLiquidation, CreditLedger, OrderEnd, kind_of
from prep.demo.ledger import ZERO_ADDRESS, Event
from prep.demo.pool import RAY, Pool

WAD = 10**18
PREP, SHARES, WETH, WBTC = range(4)
MANAGER, VAULT, OWNER, LENDER, KEEPER = "manager", "vault", "owner", "lender", "keeper"
TREASURY = "treasury"
LENDING = {PREP: "lends PREP", WETH: "lends WETH", WBTC: "lends WBTC"}
LENDS = LENDING[PREP]
NOBODY = ZERO_ADDRESS


def moved(token, giver, taker, value):
    return token, "Transfer", {"from": giver, "to": taker, "value": value}


def of_lending(name, **args):
    return "PREP/lending", name, args


def borrowed(assets, shares):
    args = {"borrower": MANAGER, "receiver": MANAGER, "assets": assets, "shares": shares}
    return of_lending("Borrowed", **args)


def repaid(assets, shares):
    return of_lending("Repaid", borrower=MANAGER, assets=assets, shares=shares)


def balance(asset, amount, after):
    args = {"accountId": 1, "assetId": asset, "amount": amount, "balance": after}
    return "CreditManager", "BalanceChanged", args


def debt(amount, shares):
    args = {"accountId": 1, "assetId": PREP, "amount": amount, "debtShares": shares}
    return "CreditManager", "DebtChanged", args


def order_id(number):
    return 1 << 32 | number


def placed(number, fee, condition=2, reduce_only=True, size=-5):
    terms = {"condition": condition, "reduceOnly": reduce_only, "keeperFee": fee}
    args = {"orderId": order_id(number), "accountId": 1, "order": {"size": size, "terms": terms}}
    return "OrderBook", "OrderPlaced", args


def of_order(name, number, **args):
    return "OrderBook", name, {"orderId": order_id(number), "accountId": 1, **args}


def executed(settlement):
    args = {"client": MANAGER, "outcome": {"settlement": settlement}}
    return "Protocol", "OrderExecuted", args


# All amounts were worked out by hand. The treasury gets a tenth of interest; debts grow by a tenth.
TRANSACTIONS = [
    [of_lending("ReserveShareSet", share=WAD // 10)],
    [moved("PREP", NOBODY, LENDER, 1000)],
    [moved("PREP", NOBODY, OWNER, 100)],
    [moved("PREP", NOBODY, KEEPER, 500)],
    [moved("WETH", NOBODY, OWNER, 50)],
    [
        moved("PREP", LENDER, LENDS, 1000),
        of_lending("Transfer", **{"from": NOBODY, "to": LENDER, "value": 10**9}),
        of_lending("Deposit", sender=LENDER, owner=LENDER, assets=1000, shares=10**9),
    ],
    [("CreditManager", "Transfer", {"from": NOBODY, "to": OWNER, "tokenId": 1})],
    # Deposits 50 WETH and 100 PREP, borrows 400 and takes 300 out.
    [
        moved("WETH", OWNER, MANAGER, 50),
        balance(WETH, 50, 50),
        moved("PREP", OWNER, MANAGER, 100),
        balance(PREP, 100, 100),
        borrowed(400, 400),
        moved("PREP", LENDS, MANAGER, 400),
        debt(400, 400),
        balance(PREP, 400, 500),
        balance(PREP, -300, 200),
        moved("PREP", MANAGER, OWNER, 300),
    ],
    # Three orders: a stop-loss, a take-profit, and a purchase.
    [
        placed(1, 5),
        balance(PREP, -5, 195),
        placed(2, 5, condition=1),
        balance(PREP, -5, 190),
        placed(3, 3, reduce_only=False, size=5),
        balance(PREP, -3, 187),
    ],
    [of_lending("InterestAccrued", index=RAY * 11 // 10, interest=40, reserves=4)],
    # The stop-loss costs 50, and cancels the take-profit.
    [
        of_order("OrderCancelled", 2),
        balance(PREP, 5, 192),
        of_order("OrderTriggered", 1, keeper=KEEPER, price=3 * WAD),
        executed(-50),
        balance(PREP, -50, 142),
        moved("PREP", MANAGER, VAULT, 50),
        ("CreditManager", "OrderFilled", {"accountId": 1, "keeper": KEEPER, "keeperFee": 5}),
        moved("PREP", MANAGER, KEEPER, 5),
    ],
    [moved("PREP", VAULT, MANAGER, 20), executed(20), balance(PREP, 20, 162)],
    [
        balance(PREP, -30, 132),
        moved("PREP", MANAGER, VAULT, 30),
        moved("Vault", NOBODY, MANAGER, 30_000),
        ("Vault", "Deposit", {"sender": MANAGER, "owner": MANAGER, "assets": 30, "shares": 30_000}),
        balance(SHARES, 30_000, 30_000),
    ],
    # Of 440, 130 are paid from the balance; the liquidator pays 100 for 12 WETH and gets 2.
    [
        balance(PREP, -130, 2),
        repaid(130, 118),
        moved("PREP", MANAGER, LENDS, 130),
        debt(-130, 282),
        balance(PREP, -2, 0),
        balance(WETH, -12, 38),
        moved("PREP", KEEPER, MANAGER, 100),
        repaid(100, 90),
        moved("PREP", MANAGER, LENDS, 100),
        debt(-100, 192),
        (
            "CreditManager",
            "AccountLiquidated",
            {
                "accountId": 1,
                "liquidator": KEEPER,
                "debtAsset": PREP,
                "collateralAsset": WETH,
                "liquidation": {
                    "closed": 700,
                    "reward": 2,
                    "repaid": 100,
                    "seized": 12,
                    "bonus": WAD // 20,
                    "badDebt": 0,
                },
            },
        ),
        moved("PREP", MANAGER, KEEPER, 2),
        moved("WETH", MANAGER, KEEPER, 12),
    ],
    [
        of_lending("WrittenOff", borrower=MANAGER, assets=212, shares=192, debt=0, loss=212),
        debt(-212, 0),
        ("CreditManager", "DebtWrittenOff", {"accountId": 1, "assetId": PREP, "assets": 212}),
    ],
    [
        of_order("OrderRemoved", 3, remover=KEEPER, feeToRemover=1),
        moved("PREP", MANAGER, KEEPER, 3),
    ],
    [
        moved("PREP", OWNER, MANAGER, 10),
        balance(PREP, 10, 10),
        placed(4, 2, condition=0),
        balance(PREP, -2, 8),
        placed(5, 1, reduce_only=False),
        balance(PREP, -1, 7),
    ],
    [of_order("OrderRemoved", 5, remover=LENDER, feeToRemover=0), balance(PREP, 1, 8)],
    # Fails for its account, which has one unit less and the keeper one more.
    [
        placed(6, 1, condition=0),
        balance(PREP, -1, 7),
        of_order("OrderRefused", 6, keeper=KEEPER, reason=b""),
        moved("PREP", MANAGER, KEEPER, 1),
        moved("PREP", OWNER, MANAGER, 1),
        balance(PREP, 1, 8),
    ],
    [
        of_lending("ReservesCollected", treasury=TREASURY, amount=4, reserves=0),
        moved("PREP", LENDS, TREASURY, 4),
    ],
    [
        of_lending("Transfer", **{"from": LENDER, "to": NOBODY, "value": 3 * 10**7}),
        of_lending(
            "Withdraw", sender=LENDER, receiver=LENDER, owner=LENDER, assets=26, shares=3 * 10**7
        ),
        moved("PREP", LENDS, LENDER, 26),
    ],
    [
        balance(SHARES, -10_000, 20_000),
        moved("Vault", MANAGER, NOBODY, 10_000),
        (
            "Vault",
            "Withdraw",
            {"receiver": MANAGER, "owner": MANAGER, "assets": 10, "shares": 10_000},
        ),
        moved("PREP", VAULT, MANAGER, 10),
        balance(PREP, 10, 18),
    ],
    # Gifts.
    [moved("WETH", KEEPER, MANAGER, 1)],
    [moved("PREP", KEEPER, LENDS, 2)],
]
EVENTS = [
    Event(str(number), *event)
    for number, transaction in enumerate(TRANSACTIONS)
    for event in transaction
]
NO_POOL = PoolBalances(0, 0, 0, 0, 0, 0, RAY, 0, 0, {}, {})
CHAIN = CreditBalances(
    wallets={
        (PREP, MANAGER): 20,
        (SHARES, MANAGER): 20_000,
        (WETH, MANAGER): 39,
        (WETH, KEEPER): 11,
        (WETH, OWNER): 0,
        (WBTC, MANAGER): 0,
    },
    balances={(1, PREP): 18, (1, SHARES): 20_000, (1, WETH): 38, (1, WBTC): 0},
    debt_shares={(1, PREP): 0},
    reserved=2,
    pools={
        PREP: PoolBalances(
            held=802,
            idle=800,
            debt=0,
            reserves=0,
            locked=0,
            total_assets=800,
            index=RAY * 11 // 10,
            shares=0,
            supply=97 * 10**7,
            quoted={},
            wallets={LENDER: 97 * 10**7},
        ),
        WETH: NO_POOL,
        WBTC: NO_POOL,
    },
)


def ledger_of(events):
    ledger = CreditLedger(MANAGER, VAULT, LENDING)
    ledger.take(events)
    return ledger


def differences(events, chain=CHAIN):
    return {c.title: c.difference for c in check_credit(ledger_of(events), chain) if c.difference}


def test_take__a_whole_life__adds_up_everything():
    ledger = ledger_of(EVENTS)

    assert ledger.unmatched == 0, "M1"
    assert {key: amount for key, amount in ledger.balances.items() if amount} == {
        (1, PREP): 18,
        (1, SHARES): 20_000,
        (1, WETH): 38,
    }, "M5"
    assert dict(ledger.debt_shares) == {(1, PREP): 0}
    assert (ledger.reserved, ledger.settled) == (2, -30)
    assert ledger.gifts[WETH] == 1
    assert ledger.pools[PREP] == Pool(
        idle=800,
        shares=0,
        index=RAY * 11 // 10,
        reserves=0,
        reserve_share=WAD // 10,
        interest=40,
        principal=400 - 130 - 100 - 212,
        written_off=212,
        losses=212,
        supply=97 * 10**7,
        donations=2,
        wallets={LENDER: 97 * 10**7, ZERO_ADDRESS: -97 * 10**7},
    ), "M4"
    assert ledger.orders == [
        OrderEnd(1, "take-profit", "cancelled"),
        OrderEnd(1, "stop-loss", "filled", 3 * WAD),
        OrderEnd(1, "limit order", "removed"),
        OrderEnd(1, "stop order", "removed"),
        OrderEnd(1, "market order", "used up"),
    ]
    assert ledger.waiting == {order_id(4): ("market order", 2)}
    assert ledger.liquidations == [
        AccountLiquidation(
            account=1,
            debt_asset=PREP,
            collateral_asset=WETH,
            closed=700,
            reward=2,
            repaid=100,
            seized=12,
            bonus=WAD // 20,
            bad_debt=0,
        )
    ]
    assert ledger.received[PREP, LENDER] == 1000
    assert (ledger.minted[WETH], ledger.minted[SHARES]) == (50, 20_000)


def test_take__transaction_by_transaction__gives_the_same():
    piecewise = CreditLedger(MANAGER, VAULT, LENDING)
    for number in range(len(TRANSACTIONS)):
        piecewise.take([event for event in EVENTS if event.transaction == str(number)])

    assert piecewise == ledger_of(EVENTS)


def test_check_credit__consistent_chain__explains_every_unit():
    checks = check_credit(ledger_of(EVENTS), CHAIN)

    assert differences(EVENTS) == {}
    assert {c.invariant for c in checks} == {"M1", "M3", "M4", "M5"}
    assert unexplained(checks) == 0


def is_elsewhere(event):
    """Minting PREP is in the other ledger, which counts all PREP."""
    return event.contract == "PREP" and event.args["from"] == NOBODY


@pytest.mark.parametrize(
    "missing",
    [n for n, event in enumerate(EVENTS) if not is_elsewhere(event)],
    ids=lambda n: f"{EVENTS[n].transaction} {EVENTS[n].contract} {EVENTS[n].name}",
)
def test_check_credit__one_event_missing__is_noticed(missing):
    events = [event for number, event in enumerate(EVENTS) if number != missing]

    assert differences(events) != {}


MONEY = {
    "value",
    "assets",
    "shares",
    "amount",
    "balance",
    "debtShares",
    "keeperFee",
    "interest",
    "index",
    "share",
    "settlement",
    "reward",
    "repaid",
    "seized",
}


def forgeries(args):
    """The arguments with one amount, however deep, a unit larger."""
    for name, value in args.items():
        if isinstance(value, dict):
            for path, inner in forgeries(value):
                yield f"{name}.{path}", {**args, name: inner}
        elif name in MONEY:
            # A share or an index of one unit more makes no difference to amounts so small.
            more = WAD // 10 if name in ("share", "index") else 1
            yield name, {**args, name: value + more}


FORGED = [
    (number, path, args)
    for number, event in enumerate(EVENTS)
    if not is_elsewhere(event)
    for path, args in forgeries(event.args)
]


@pytest.mark.parametrize(
    "number, args",
    [(number, args) for number, _, args in FORGED],
    ids=[f"{EVENTS[n].transaction} {EVENTS[n].name} {path}" for n, path, _ in FORGED],
)
def test_check_credit__one_amount_forged__is_noticed(number, args):
    events = list(EVENTS)
    events[number] = replace(events[number], args=args)

    assert differences(events) != {}


def test_check_credit__tokens_sent_to_another_than_the_owner__are_noticed():
    number = next(
        n
        for n, e in enumerate(EVENTS)
        if e.contract == "PREP" and (e.args["from"], e.args["to"]) == (MANAGER, OWNER)
    )
    events = list(EVENTS)
    events[number] = replace(events[number], args={**events[number].args, "to": LENDER})

    assert differences(events) == {"Tokens of credit that no event explains": 300}, "M1"


def cooked(record, by):
    """The record with one number, in a mapping or not, that much larger."""
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, int):
            yield replace(record, **{field.name: value + by})
            continue
        for key, inner in value.items():
            many = [inner + by] if isinstance(inner, int) else cooked(inner, by)
            for one in many:
                yield replace(record, **{field.name: {**value, key: one}})


@pytest.mark.parametrize("by", [-1, 1])
def test_check_credit__one_unit_wrong_on_chain__is_noticed(by):
    chains = list(cooked(CHAIN, by))

    assert len(chains) == 6 + 4 + 1 + 1 + 10 + 9 + 9
    # Of a vault without any assets what it locks makes no difference, as they are 0 at least.
    locking = {asset: replace(NO_POOL, locked=1) for asset in (WETH, WBTC)}
    harmless = [replace(CHAIN, pools={**CHAIN.pools, a: pool}) for a, pool in locking.items()]
    unnoticed = [chain for chain in chains if not differences(EVENTS, chain)]
    assert unnoticed == (harmless if by > 0 else [])


def test_write_off__more_than_is_left__takes_the_reserves():
    pool = Pool(idle=3, shares=100, index=RAY, reserves=20)

    pool.write_off({"assets": 90, "shares": 90, "loss": 90})

    assert (pool.reserves, pool.debt, pool.total_assets(0)) == (13, 10, 0), "M4"


@pytest.mark.parametrize(
    "condition, reduce_only, size, expected",
    [
        (1, True, 5, "stop-loss"),
        (2, True, -5, "stop-loss"),
        (1, True, -5, "take-profit"),
        (2, True, 5, "take-profit"),
        (1, False, 5, "stop order"),
        (2, False, -5, "stop order"),
        (1, False, -5, "limit order"),
        (2, False, 5, "limit order"),
        (0, True, 5, "market order"),
    ],
)
def test_kind_of__terms_and_side__is_what_people_call_it(condition, reduce_only, size, expected):
    terms = {"condition": condition, "reduceOnly": reduce_only}

    assert kind_of({"size": size, "terms": terms}) == expected
