"""The credit accounts of the demonstration: who has one, and what each does with it when.

A strategy is data, and what it does in a step a function of what it sees. Amounts are base units
of their asset, prices PREP for a whole one as WAD, sizes base units of a market's asset. All sizes
come from a stake in PREP and the prices of the moment, so any path will do.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from prep.credit import actions as do
from prep.credit.actions import ALL, Action
from prep.demo.prices import DAY
from prep.model.fixed import WAD

PREP, SHARES, WETH, WBTC = range(4)
"""Assets of deployments/params/local.yml, in the order of their ids."""
ASSETS: Final = ("PREP", "SHARES", "WETH", "WBTC")
DECIMALS: Final = (18, 24, 18, 8)
BTC, ETH = range(2)
"""Its markets."""
PARTS: Final = 48
"""Into which a path is divided to say when something is done: the hours of two days."""
ORDER_FEE: Final = 5 * WAD
"""PREP for who fills an order."""
STAKES: Final = (10_000, 15_000, 20_000, 25_000, 30_000)
"""Whole PREP."""
EXPIRY: Final = 60 * DAY
"""Longer than any path."""


@dataclass(frozen=True)
class Seen:
    """What the owner of an account sees: `wallet`, and `held` in the account, by asset."""

    now: int
    account: int
    btc: int
    eth: int
    wallet: Mapping[int, int]
    held: Mapping[int, int]

    def price(self, market: int) -> int:
        return self.eth if market == ETH else self.btc

    def size(self, market: int, value: int) -> int:
        """What is worth so much PREP, rounded down."""
        return value * WAD // self.price(market)

    @property
    def first_order(self) -> int:
        """Ids of orders count up within an account."""
        return self.account << 32 | 1


@dataclass(frozen=True)
class Strategy:
    """An account. `stake`: what it brings is worth, PREP; `brings`: of which assets, per cent;
    `moves`: what it does, by part of the path; `gap`: to its orders, per cent of the price."""

    name: str
    plan: str
    stake: int
    brings: Mapping[int, int]
    moves: Mapping[int, "Move"]
    gap: int = 0

    def part(self, per_cent: int) -> int:
        """Of the stake."""
        return self.stake * per_cent // 100


Move = Callable[[Strategy, Seen], list[Action]]


@dataclass(frozen=True)
class Lender:
    """Lends all it brings from the start, `value` PREP of one asset; takes all back at `leaves`."""

    name: str
    asset: int
    value: int
    leaves: int | None = None

    @property
    def plan(self) -> str:
        until = ", takes it back at the end" if self.leaves is not None else ""
        return f"lends {ASSETS[self.asset]} to the others{until}"


LENDERS: Final = (
    Lender("PREP lender", PREP, 160_000 * WAD),
    Lender("WETH lender", WETH, 120_000 * WAD, leaves=46),
    Lender("WBTC lender", WBTC, 60_000 * WAD),
)


def recruit_accounts(seed: int) -> tuple[Strategy, ...]:
    """Six accounts. The seed decides on stakes, and on how far orders are from the price."""
    rng = random.Random(f"accounts {seed}")

    def stake() -> int:
        return rng.choice(STAKES) * WAD

    return (
        Strategy(
            name="Pair trader",
            plan="long BTC and as much short ETH: only the difference of their moves counts",
            stake=stake(),
            brings={PREP: 100},
            moves={1: _open_pair, 36: _close_all},
        ),
        Strategy(
            name="Leveraged buyer",
            plan="borrows PREP against WETH, takes it out, and is long BTC and ETH besides",
            stake=stake(),
            brings={WETH: 100},
            moves={1: _buy_on_credit},
        ),
        Strategy(
            name="Liquidity provider on credit",
            plan="borrows PREP, puts it and its own into the vault, and is out again at the end",
            stake=stake(),
            brings={PREP: 100},
            moves={2: _provide_on_credit, 44: _unwind},
        ),
        Strategy(
            name="Stop-loss trader",
            plan="long BTC with a stop-loss and a take-profit, of which one cancels the other",
            stake=stake(),
            brings={PREP: 100},
            moves={2: _open_with_stop, 40: _take_all_out},
            gap=rng.randint(5, 9),
        ),
        Strategy(
            name="Dip buyer",
            plan="two limit orders for BTC below the price, backed by WBTC and PREP",
            stake=stake(),
            brings={WBTC: 60, PREP: 40},
            moves={3: _wait_for_dips},
            gap=rng.randint(12, 18),
        ),
        Strategy(
            name="WETH borrower",
            plan="borrows WETH against PREP for use elsewhere, and brings it back",
            stake=stake(),
            brings={PREP: 99, WETH: 1},
            moves={3: _borrow_token, 42: _return_token},
        ),
    )


def tokens_worth(asset: int, value: int, btc: int, eth: int) -> int:
    """Base units of PREP or a token that are worth so much PREP, rounded down."""
    price = {PREP: WAD, WETH: eth, WBTC: btc}[asset]
    return int(value * 10 ** DECIMALS[asset] // price)


def step_of(part: int, steps: int) -> int:
    """When a part of the path begins."""
    return steps * part // PARTS


def acts(strategy: Strategy, step: int, steps: int) -> bool:
    """Whether it does anything in a step."""
    return any(step_of(part, steps) == step for part in strategy.moves)


def decide(strategy: Strategy, step: int, steps: int, seen: Seen) -> list[Action]:
    """What it does in a step, as one list; nothing in most."""
    moves = [move for part, move in strategy.moves.items() if step_of(part, steps) == step]
    return [action for move in moves for action in move(strategy, seen)]


def eth_price(before: int, btc_before: int, btc: int) -> int:
    """The next price of ETH: it moves five fourths as much as BTC, relatively, rounded down; at
    least one unit of the feed."""
    return max(1, before + before * 5 * (btc - btc_before) // (4 * btc_before))


def first_eth_price(btc: int) -> int:
    """A fortieth of BTC's, as in March 2020."""
    return max(1, btc // 40)


# ---------------------------------------------------------------------------------------- moves


def _deposit(seen: Seen, *assets: int) -> list[Action]:
    """What there is of them."""
    return [do.deposit(asset, seen.wallet[asset]) for asset in assets if seen.wallet[asset]]


def _deposit_all(seen: Seen) -> list[Action]:
    return _deposit(seen, *sorted(seen.wallet))


def _trade(market: int, size: int) -> list[Action]:
    return [do.trade(market, size)] if size else []


def _open_pair(s: Strategy, seen: Seen) -> list[Action]:
    value = s.part(300)
    return [
        *_deposit_all(seen),
        *_trade(BTC, seen.size(BTC, value)),
        *_trade(ETH, -seen.size(ETH, value)),
    ]


def _close_all(_: Strategy, __: Seen) -> list[Action]:
    """ETH first: what it has won pays for BTC."""
    return [do.reduce(ETH, ALL), do.reduce(BTC, ALL)]


def _buy_on_credit(s: Strategy, seen: Seen) -> list[Action]:
    return [
        *_deposit_all(seen),
        do.borrow(PREP, s.part(40)),
        do.withdraw(PREP, ALL),
        *_trade(BTC, seen.size(BTC, s.part(50))),
        *_trade(ETH, seen.size(ETH, s.part(30))),
    ]


def _provide_on_credit(s: Strategy, seen: Seen) -> list[Action]:
    return [*_deposit_all(seen), do.borrow(PREP, s.part(120)), do.add_liquidity(ALL)]


def _unwind(_: Strategy, __: Seen) -> list[Action]:
    return [do.remove_liquidity(ALL), do.repay(PREP, ALL)]


def _open_with_stop(s: Strategy, seen: Seen) -> list[Action]:
    """The stop-loss is the account's first order, which the take-profit names."""
    size = seen.size(BTC, s.part(400))
    if not size:
        return []
    below, above = _off(seen.btc, -s.gap), _off(seen.btc, 2 * s.gap)
    expiry = seen.now + EXPIRY
    return [
        *_deposit_all(seen),
        do.trade(BTC, size),
        do.stop_loss(BTC, -size, below, expiry, ORDER_FEE),
        do.take_profit(BTC, -size, above, expiry, ORDER_FEE, linked_to=seen.first_order),
    ]


def _take_all_out(_: Strategy, seen: Seen) -> list[Action]:
    return [do.withdraw(asset, ALL) for asset, amount in sorted(seen.held.items()) if amount]


def _wait_for_dips(s: Strategy, seen: Seen) -> list[Action]:
    """The second one is so far away that only a collapse would fill it."""
    orders = [
        do.limit_order(BTC, size, price, seen.now + EXPIRY, ORDER_FEE)
        for price in (_off(seen.btc, -s.gap), _off(seen.btc, -5 * s.gap))
        if (size := s.part(100) * WAD // price)
    ]
    return [*_deposit_all(seen), *orders]


def _borrow_token(s: Strategy, seen: Seen) -> list[Action]:
    """What WETH it has is for the interest, and stays outside."""
    amount = tokens_worth(WETH, s.part(50), seen.btc, seen.eth)
    if not amount:
        return []
    return [*_deposit(seen, PREP), do.borrow(WETH, amount), do.withdraw(WETH, ALL)]


def _return_token(_: Strategy, seen: Seen) -> list[Action]:
    return [*_deposit_all(seen), do.repay(WETH, ALL)]


def _off(price: int, per_cent: int) -> int:
    """A price so much above or below."""
    return price * (100 + per_cent) // 100
