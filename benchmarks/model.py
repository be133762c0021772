"""How many actions a second the reference model carries out on one core.

    python benchmarks/model.py [--actions N] [--markets 1..3] [--seed N] [--runs N]

A list of actions is made up first: one in ten a deposit into the vault, four a change of a price,
five an order that opens, increases, decreases, flips or closes a position, many of them
reduce-only, in markets with price impact, funding, fees, borrowing fee, reserves and caps all
switched on, a few seconds apart. Then the list is run through the model several times from the
start, without snapshots, and the best time counts: the others show what else the machine was doing.
The last line is JSON. The digest is of all that the actions returned and left: it tells whether a
faster model is still the same one.
"""

import gc
import hashlib
import json
import random
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import click

from prep.model import WAD, MarketConfig, Rejected, System
from prep.model.checks import all_checks

UNIT = 10**18
CLIENT = "client"
ACCOUNTS = 200
PRICES = (60_000 * 10**28, 3_000 * 10**18, 150 * 10**30)
"""PREP base units per base unit, WAD, of assets with 8, 18 and 6 decimals."""

Action = tuple[int, str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Run:
    """One pass through the list."""

    seconds: float
    refused: Counter[str]
    digest: str


def build(count: int, markets: int, seed: int) -> list[Action]:
    """The list: time, method, arguments. Sizes follow what would be open if nothing was refused."""
    dice = random.Random(seed)
    prices, now, actions = list(PRICES), 0, []
    held: dict[tuple[int, int], int] = {}
    kinds: list[str] = []
    for _ in range(count):
        if not kinds:  # the mix is exact in every ten
            kinds = ["deposit"] + ["price"] * 4 + ["order"] * 5
            dice.shuffle(kinds)
        kind = kinds.pop()
        now += dice.randrange(25)
        market = dice.randrange(markets)
        if kind == "deposit":
            lp = f"lp {dice.randrange(20)}"
            actions.append((now, "deposit", (lp, dice.randrange(1, 10**5) * UNIT)))
        elif kind == "order":
            account = dice.randrange(ACCOUNTS)
            size, reduce_only = _order(held.get((account, market), 0), prices[market], dice)
            held[account, market] = held.get((account, market), 0) + size
            actions.append((now, "order", (CLIENT, account, market, size, reduce_only)))
        else:
            prices[market] = prices[market] * dice.randrange(9_970, 10_031) // 10_000
            actions.append((now, "price", (market, prices[market])))
    return actions


def _order(held: int, price: int, dice: random.Random) -> tuple[int, bool]:
    """A signed size of up to 50,000 PREP and whether the order may only reduce."""
    worth = dice.randrange(1_000, 50_000) * UNIT
    size = dice.choice((1, -1)) * worth * WAD // price
    if held == 0:
        return size, False
    sign = 1 if held > 0 else -1
    kind = dice.choice(("increase", "decrease", "flip", "close", "reduce"))
    if kind == "increase":
        return sign * abs(size), False
    if kind == "decrease":
        return -held * dice.randrange(1, 100) // 100 or -held, dice.random() < 0.5
    if kind == "flip":
        return -held - sign * abs(size), False
    return -held, kind == "reduce"


def new_system(markets: int) -> System:
    """Markets with everything switched on, none of it so tight that much is refused."""
    system = System(protocol_fee_rate=WAD // 10)
    for price in PRICES[:markets]:
        system.add_market(
            MarketConfig(
                skew_scale=2 * 10**9 * UNIT * WAD // price,
                max_funding_velocity=9 * WAD,
                opening_fee_rate=WAD // 2_000,
                closing_fee_rate=WAD // 1_500,
                borrow_rate=15 * WAD // 100,
                reserve_factor=15 * WAD // 100,
                min_position_value=10 * UNIT,
                max_position_value=10**7 * UNIT,
                max_long_oi_value=10**8 * UNIT,
                max_short_oi_value=10**8 * UNIT,
                max_net_oi_value=10**8 * UNIT,
            )
        )
        system.set_price(len(system.markets) - 1, price)
    system.set_margin_client(CLIENT, True)
    system.deposit("lp", 10**7 * UNIT)
    return system


def run(actions: list[Action], markets: int) -> Run:
    """Carries the list out. Only that is timed."""
    system = new_system(markets)
    refused: Counter[str] = Counter()
    methods = {
        "deposit": system.deposit,
        "order": system.execute_order,
        "price": system.set_price,
    }
    results: list[Any] = []
    done = results.append
    gc.collect()
    start = time.perf_counter()
    for now, kind, arguments in actions:
        system.now = now
        try:
            done(methods[kind](*arguments))
        except Rejected as refusal:
            refused[refusal.name] += 1
            done(refusal)
    seconds = time.perf_counter() - start
    problems = all_checks(system)
    if problems:
        raise click.ClickException("; ".join(problems))
    picture = (tuple(map(str, results)), system.vault.liquidity, str(system.balance()))
    return Run(seconds, refused, hashlib.sha256(repr(picture).encode()).hexdigest()[:16])


@click.command(help=__doc__.split("\n")[0])
@click.option("--actions", default=100_000, show_default=True, type=click.IntRange(1))
@click.option("--markets", default=3, show_default=True, type=click.IntRange(1, len(PRICES)))
@click.option("--seed", default=1, show_default=True)
@click.option("--runs", default=5, show_default=True, type=click.IntRange(1))
def main(actions: int, markets: int, seed: int, runs: int) -> None:
    listed = build(actions, markets, seed)
    done = [run(listed, markets) for _ in range(runs)]
    best = min(done, key=lambda it: it.seconds)
    for number, it in enumerate(done, 1):
        click.echo(f"run {number}: {it.seconds:.3f} s, {actions / it.seconds:,.0f} actions/s")
    refused = ", ".join(f"{n} {name}" for name, n in best.refused.most_common()) or "none"
    click.echo(f"{actions:,} actions in {markets} markets, refused: {refused}")
    click.echo(f"best: {actions / best.seconds:,.0f} actions/s")
    click.echo(
        json.dumps(
            {
                "actions": actions,
                "markets": markets,
                "seed": seed,
                "refused": best.refused.total(),
                "seconds": round(best.seconds, 4),
                "actions_per_second": int(actions / best.seconds),
                "digest": best.digest,
            }
        )
    )


if __name__ == "__main__":
    main()
