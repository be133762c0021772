"""A small venue with credit accounts: the LP vault, two markets, and lenders of three tokens."""

from fractions import Fraction
from typing import Any

from prep.model import UNLIMITED, WAD, MarketConfig, System
from prep.model.credit import Credit
from prep.model.credit_config import BPS, AssetConfig, MarketLtv
from prep.model.credit_results import Action, ActionKind, OrderTerms
from prep.model.interest import BorrowerKind, RateCurve
from prep.model.lending import LendingPool

UNIT = 10**18
PREP, SHARES, WETH, USDC, HELD = range(5)
"""Assets. The last one cannot be borrowed."""
BTC, ETH = 0, 1
"""Markets; their base units are 10**-8 and 10**-18 of a coin."""
COIN = (10**8, 10**18)
CURVE = RateCurve(0, 4 * WAD // 100, 2 * WAD, 8 * WAD // 10)
FREE = RateCurve(0, 0, 0, WAD // 2)


def asset_price(worth: int, decimals: int) -> int:
    """Of a token worth so many PREP."""
    return worth * UNIT * WAD // 10**decimals


def pool(system: System, curve: RateCurve, amount: int) -> LendingPool:
    """With so much to lend to the manager."""
    made = LendingPool(system.now, curve, reserve_share=WAD // 10)
    made.register_borrower("manager", BorrowerKind.INDEXED, UNLIMITED)
    if amount:
        made.deposit("lender", amount)
    return made


def bench(
    market: MarketConfig | None = None, curve: RateCurve = FREE, lent: int = 100_000
) -> Credit:
    """BTC is worth 60,000 PREP, WETH 3,000, USDC and the other token 1. Lenders have so many PREP,
    50 WETH and 100,000 USDC; LPs a million PREP."""
    system = System(now=1_000_000)
    for coin, price in enumerate((60_000, 3_000)):
        system.add_market(market or MarketConfig())
        system.set_price(coin, price * UNIT * WAD // COIN[coin])
    system.deposit("lp", 1_000_000 * UNIT)
    system.set_margin_client("manager", True)
    credit = Credit(system)
    prep, weth, usdc = (
        pool(system, curve, amount)
        for amount in (lent * UNIT, 50 * UNIT if lent else 0, 100_000 * 10**6 if lent else 0)
    )
    credit.set_asset(
        PREP, AssetConfig(token="PREP", pool=prep, max_ltv=BPS, liquidation_threshold=BPS)
    )
    shares = credit.asset(SHARES).config.token
    credit.set_asset(SHARES, AssetConfig(token=shares, max_ltv=5_000, liquidation_threshold=6_000))
    for token, lender, ltv, threshold, price in (
        ("WETH", weth, 8_000, 8_250, asset_price(3_000, 18)),
        ("USDC", usdc, 8_800, 9_000, asset_price(1, 6)),
        ("HELD", None, 0, 5_000, asset_price(1, 18)),
    ):
        asset_id = credit.add_asset(
            AssetConfig(token=token, pool=lender, max_ltv=ltv, liquidation_threshold=threshold)
        )
        credit.set_asset_price(asset_id, price)
    for coin in (BTC, ETH):
        credit.set_market_ltv(coin, MarketLtv(9_000, 9_500))
    return credit


def do(credit: Credit, account: int, kind: ActionKind, *args: int, **named: Any) -> Any:
    """One action by the owner of the account."""
    owner = credit.accounts[account].owner
    return credit.execute(owner, account, [Action(kind, *args, **named)])


def terms(credit: Credit, condition: Any, trigger: int = 0, **named: Any) -> OrderTerms:
    """Of an order that lives for a day."""
    named.setdefault("reduce_only", False)
    named.setdefault("expiry", credit.system.now + 86_400)
    return OrderTerms(condition, trigger, **named)


def set_market(credit: Credit, market_id: int, price: int) -> None:
    """The price of a coin, in PREP."""
    credit.system.set_price(market_id, price * UNIT * WAD // COIN[market_id])


def long_on(credit: Credit, prep: int, coins: Fraction = Fraction(1)) -> int:
    """An account with so many PREP and a long of so many ETH."""
    account = credit.open("owner")
    do(credit, account, ActionKind.DEPOSIT, PREP, prep * UNIT)
    do(credit, account, ActionKind.TRADE, ETH, int(coins * UNIT))
    return account
