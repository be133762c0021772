"""Credit accounts by hand, for the keeper's decisions."""

from prep.keeper.credit.decide import Choice, Outcome, Trial
from prep.keeper.credit.snapshot import (
    PREP,
    Account,
    Asset,
    Chore,
    CreditId,
    CreditSnapshot,
    Holding,
    Kind,
)
from prep.model import WAD

MANAGER = "0x" + 40 * "a"
KEEPER = "0x" + 40 * "b"
SHARES, WETH, WBTC, USD = 1, 2, 3, 4
GWEI = 10**9
ETHER = WAD
BITCOIN = 10**8
DOLLAR = 10**6
PRICES = {PREP: WAD, SHARES: 10**12, WETH: 2_000 * WAD, WBTC: 10_000 * 10**28, USD: 10**30}
"""PREP base units for one base unit, WAD: of 18, 24, 18, 8 and 6 decimals."""


def asset(number, balance=0, allowance=0, **changes):
    values = {
        "number": number,
        "token": f"0x{number:040x}",
        "price": PRICES[number],
        "lent": number != SHARES,
        "balance": balance,
        "allowance": allowance,
    }
    return Asset(**values | changes)


def assets(**wallet):
    """All of them; `usd=(balance, allowance)`, or one number for both."""
    numbers = {"prep": PREP, "shares": SHARES, "weth": WETH, "wbtc": WBTC, "usd": USD}
    have = dict.fromkeys(numbers.values(), (0, 0))
    for name, amounts in wallet.items():
        have[numbers[name]] = amounts if isinstance(amounts, tuple) else (amounts, amounts)
    return tuple(asset(number, *amounts) for number, amounts in have.items())


def account(number=1, balances=None, debts=None, markets=(), shortfall=1):
    balances, debts = balances or {}, debts or {}
    holdings = tuple(
        Holding(i, balances.get(i, 0), debts.get(i, 0)) for i in sorted({*balances, *debts})
    )
    unknown = "AnswerStale(updatedAt=1, heartbeat=2)" if shortfall is None else ""
    return Account(number, holdings, markets, shortfall, unknown)


def snapshot(*accounts, **changes):
    values = {
        "block": 100,
        "timestamp": 1_800_000_000,
        "gas_price": 0,
        "keeper": KEEPER,
        "manager": MANAGER,
        "accounts": accounts,
        "account_count": len(accounts),
        "assets": assets(),
    }
    return CreditSnapshot(**values | changes)


def outcome(**fields):
    names = ("closed", "reward", "repaid", "seized", "bonus", "bad_debt")
    return Outcome(**dict.fromkeys(names, 0) | fields)


def choice(of=None, debt=USD, collateral=WETH, max_repay=10**30, gas=0, approve=False, **fields):
    trial = Trial(of or account(debts={debt: 1}), debt, collateral, max_repay, approve)
    return Choice(trial, outcome(**fields), PRICES[debt], PRICES[collateral], gas)


def order(number, pays=WAD, gas=200_000, fill=True, refused=""):
    return Chore(CreditId(Kind.ORDER, number), fill, pays, gas, refused)


def request(number, pays=WAD, gas=300_000, fill=True, refused=""):
    return Chore(CreditId(Kind.REQUEST, number), fill, pays, gas, refused)
