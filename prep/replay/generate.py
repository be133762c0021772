"""Made-up scenarios: valid files, the same for the same seed everywhere.

Every action is tried on a model first, so nothing in the files is rejected unless that is wanted.
Integers only: a float's last digit may differ between machines.
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from prep.errors import UserError
from prep.model import UNLIMITED, WAD, Rejected, limits
from prep.replay.fields import decimal
from prep.replay.formats import MAX_SPAN, Action, Config
from prep.replay.plan import CLIENT, Plan
from prep.replay.reference import Reference

CONFIG: Final = "config.json"
ACTIONS: Final = "input_actions.json"
PREP: Final = WAD
START: Final = 1_700_000_000
MOST_ACCOUNTS: Final = 12
PATIENCE: Final = 50
"""Attempts at an action that nobody rejects; then a snapshot is taken instead."""

# Decimals of the asset, dollars for a whole one as a fraction: from bitcoin to the smallest coins.
ASSETS: Final = (
    ("BTC", 8, 64_000, 1),
    ("ETH", 18, 3_100, 1),
    ("SOL", 9, 150, 1),
    ("XRP", 6, 52, 100),
    ("DOGE", 8, 12, 100),
    ("SHIB", 18, 17, 10**6),
    ("PEPE", 18, 11, 10**6),
    ("BTT", 18, 9, 10**7),
    ("NEAR", 24, 5, 1),
    ("GOLD", 4, 2_400, 1),
    ("PLOT", 6, 250_000, 1),
    ("DUST", 18, 3, 10**10),
)


def generate(seed: int, count: int, *, with_rejections: bool = False) -> tuple[Any, list[Any]]:
    """A configuration and `count` actions on it, as the files have them. The last one is a
    snapshot."""
    return _Generator(seed, with_rejections).run(count)


def write(folder: Path, config: Any, actions: Sequence[Any]) -> tuple[Path, Path]:
    """Writes both files and says where."""
    names = folder / CONFIG, folder / ACTIONS
    # One action a line: a thousand of them can still be read.
    lines = ",\n".join(json.dumps(action) for action in actions)
    texts = json.dumps(config, indent=2) + "\n", f"[\n{lines}\n]\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in zip(names, texts, strict=True):
            name.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None
    return names


class _Generator:
    def __init__(self, seed: int, with_rejections: bool) -> None:
        self.rng = random.Random(f"scenario {seed}")
        self.with_rejections = with_rejections
        # What a typical position is worth: from a few dollars to nearly all that fits.
        self.scale = PREP * 10 ** self.rng.choice((1, 2, 3, 4, 4, 5, 6, 7, 15))
        # What the vault has to begin with, in typical positions: with few it gets into distress.
        self.depth = self.rng.choice((1, 3, 3, 30, 2_000))
        # Where the crowd is right, traders win and the vault owes: out of ten, so many go long.
        self.longs = self.rng.choice((5, 9))
        self.config = self._config()
        config = Config.model_validate(self.config)
        self.accounts = [f"account-{n}" for n in range(1, self.rng.randint(2, MOST_ACCOUNTS) + 1)]
        numbers = {name: n for n, name in enumerate(self.accounts, 1)}
        markets = {perp.denom: n for n, perp in enumerate(config.perps, 1)}
        self.now = START
        begin = [self._action("snapshot_state", {})]
        self.model = Reference(Plan(config, begin, markets, numbers))
        self.system = self.model.system

    def run(self, count: int) -> tuple[Any, list[Any]]:
        """All of it."""
        entries = [
            self._entry(
                "deposit_to_vault", self._deposit(self.scale * self.rng.choice((3, 30, 1_000)))
            )
        ]
        self._accepts(entries[0])
        while len(entries) < count - 1:
            self.now = min(self.now + self._pause(), START + MAX_SPAN)
            entries.append(self._next())
        entries.append(self._entry("snapshot_state", {}))
        return self.config, entries[-count:]

    # ------------------------------------------------------------------------------------- markets

    def _config(self) -> dict[str, Any]:
        rng = self.rng
        assets = rng.sample(ASSETS, rng.choice((1, 1, 2, 3, 4, 6, 8)))
        return {
            "target_collaterization_ratio": self._rate(
                0, limits.MAX_TARGET_COLLATERALIZATION_RATIO
            ),
            "protocol_fee_rate": self._rate(0, WAD // 2),
            "perps": [self._perp(*asset) for asset in assets],
        }

    def _perp(self, denom: str, decimals: int, dollars: int, over: int) -> dict[str, Any]:
        rng = self.rng
        price = max(1, dollars * 10 ** (36 - decimals) // over + rng.randint(0, 10**6))
        # Skew scale in typical positions: from steep to nearly flat.
        depth = self.scale * WAD // price * rng.choice((20, 100, 1_000, 10_000))
        skewed = rng.random() < 0.7
        capped = rng.random() < 0.4
        factor = rng.choice((0, 0, WAD // 10, WAD // 5, WAD))
        perp: dict[str, Any] = {
            "denom": denom,
            "enabled": not self.with_rejections or rng.random() < 0.95,
            "initial_price": decimal(price),
            "max_funding_velocity": self._rate(0, rng.choice((3, 30, 1_000)) * WAD),
            "skew_scale": str(min(depth, limits.MAX_SKEW_SCALE) if skewed else 0),
            "max_net_oi_value": self._cap(capped, 12),
            "max_long_oi_value": self._cap(capped, 15),
            "max_short_oi_value": self._cap(capped, 15),
            "closing_fee_rate": self._rate(0, rng.choice((WAD // 1_000, WAD // 10))),
            "opening_fee_rate": self._rate(0, rng.choice((WAD // 1_000, WAD // 10))),
            "min_position_value": str(rng.choice((0, 0, self.scale // 100))),
            "max_position_value": self._cap(True, 8) if capped else None,
            "max_loan_to_value": "0.85",
            "liquidation_threshold": "0.9",
        }
        if factor:
            perp["reserve_factor"] = decimal(factor)
            perp["borrow_rate"] = self._rate(0, min(10 * WAD, WAD // 2 * WAD // factor))
        return perp

    def _rate(self, low: int, high: int) -> str:
        """Zero, a round one, or one with all digits."""
        rng = self.rng
        value = rng.choice((low, rng.randint(1, 100) * high // 100, rng.randint(low, high)))
        return decimal(value)

    def _cap(self, capped: bool, positions: int) -> str:
        none = str(limits.MAX_VALUE if self.rng.random() < 0.5 else UNLIMITED)
        return str(self.scale * self.rng.randint(2, positions)) if capped else none

    # ------------------------------------------------------------------------------------- actions

    def _next(self) -> dict[str, Any]:
        for _ in range(PATIENCE):
            entry = self._propose()
            if self._accepts(entry) or self.with_rejections:
                return entry
        return self._entry("snapshot_state", {})

    def _propose(self) -> dict[str, Any]:
        rng = self.rng
        denom = rng.choice(list(self.model.plan.markets))
        account = rng.choice(self.accounts)
        roll = rng.randrange(100)
        if roll < 6:
            return self._entry("snapshot_state", {})
        if roll < 10:
            return self._entry("deposit_to_vault", self._deposit(self.scale * self.depth // 20))
        if roll < 30:
            price = decimal(self._price(denom))
            return self._entry("change_price", {"denom": denom, "new_price": price})
        if roll < 37:
            return self._entry("deleverage", self._deleverage())
        held = self._held(account, denom)
        size, reduce_only = self._order(denom, held)
        order: dict[str, Any] = {"account_id": account, "denom": denom, "order_size": str(size)}
        if reduce_only or rng.random() < 0.1:
            order["reduce_only"] = reduce_only
        return self._entry("execute_perp_order", order)

    def _order(self, denom: str, held: int) -> tuple[int, bool]:
        """Of all kinds: open, increase, decrease, flip, close, and reduce-only ones."""
        rng = self.rng
        price = self.system.price(self.model.plan.markets[denom])
        fresh = max(1, self._around(self.scale) * WAD // price)
        if self.with_rejections and rng.random() < 0.1:
            return rng.choice((0, 1, -1, 10**30, -(10**30), 10**30 + 1, -held)), rng.random() < 0.3
        if rng.random() < 0.06:
            fresh = rng.choice((rng.randint(1, 1_000), limits.MAX_SIZE))
        if held == 0:
            side = 1 if rng.randrange(10) < self.longs else -1
            return fresh * side, self.with_rejections and rng.random() < 0.1
        sign = 1 if held > 0 else -1
        match rng.randrange(6):
            case 0:
                return sign * fresh, False
            case 1:
                return -sign * rng.randint(1, abs(held)), rng.random() < 0.3
            case 2:
                return -held - sign * fresh, False
            case 3:
                return -held, rng.random() < 0.3
            case 4:
                return -held - sign * fresh, True
        return -sign * max(1, abs(held) * rng.choice((1, 2, 3)) // 4), False

    def _deleverage(self) -> dict[str, Any]:
        """Of a position that there is, if there is one."""
        rng, plan = self.rng, self.model.plan
        everything = [(account, denom) for account in self.accounts for denom in plan.markets]
        held = [pair for pair in everything if self._held(*pair)]
        account, denom = rng.choice(held or everything)
        size = abs(self._held(account, denom))
        most = rng.choice((size, rng.randint(1, size or 1), 10**30))
        return {"account_id": account, "denom": denom, "max_size": str(most)}

    def _deposit(self, around: int) -> dict[str, Any]:
        return {
            "account_id": self.rng.choice(("lp-1", "lp-2", 3)),
            "amount": str(min(self._around(around), limits.MAX_LIQUIDITY)),
        }

    def _price(self, denom: str) -> int:
        """A step of the price: mostly a few per cent, now and then a crash or a jump."""
        rng = self.rng
        price = self.system.price(self.model.plan.markets[denom])
        steps = [(970, 1_030), (990, 1_010), (999, 1_001), (600, 1_700)]
        if self.longs > 5:
            steps += [(1_000, 1_060)] * 4
        low, high = rng.choice(steps)
        moved = price * rng.randint(low, high) // 1_000 + rng.randint(0, max(1, price // 10**6))
        return max(1, min(moved, limits.MAX_PRICE))

    def _around(self, value: int) -> int:
        """A number of the size of `value`, with all its digits."""
        return self.rng.randint(value // 3, value * 3) or 1

    def _pause(self) -> int:
        rng = self.rng
        return rng.choice(
            (0, 0, 1, rng.randint(1, 90), rng.randint(1, 7_200), rng.randint(1, 10**5))
        )

    def _held(self, account: str, denom: str) -> int:
        plan = self.model.plan
        number, market_id = plan.accounts[account], plan.markets[denom]
        return self.system.margin_position(CLIENT, number, market_id).size

    def _entry(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"block_time": self.now, "action": {kind: body}}

    def _action(self, kind: str, body: dict[str, Any]) -> Action:
        return Action.model_validate(self._entry(kind, body))

    def _accepts(self, entry: dict[str, Any]) -> bool:
        """Carries it out on the model."""
        try:
            self.model.perform(Action.model_validate(entry))
        except Rejected:
            return False
        return True
