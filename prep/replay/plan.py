"""What model and contracts must agree on before the first action: names, numbers and market 0."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prep.model import MarketConfig
from prep.replay.formats import Action, Config, Snapshot

CLIENT: Final = "margin client"
"""Who trades and provides liquidity for all accounts, on both sides."""

ISOLATED: Final = MarketConfig(enabled=False)
"""Market 0: that of isolated positions, where a side may have only a 120th of the skew scale. No
account trades there, so that the bound of the configured markets is the whole of it: they are
markets 1 and up, in the order of the file."""
FIRST_MARKET: Final = 1


@dataclass(frozen=True)
class Plan:
    """A configuration and its actions, with the numbers that stand for denoms and accounts."""

    config: Config
    actions: Sequence[Action]
    markets: Mapping[str, int]
    accounts: Mapping[str, int]

    @classmethod
    def of(cls, config: Config, actions: Sequence[Action]) -> "Plan":
        """Accounts are numbered from 1 in the order in which they appear."""
        denoms = (perp.denom for perp in config.perps)
        accounts: dict[str, int] = {}
        for action in actions:
            name = getattr(action.body, "account_id", None)
            if name is not None:
                accounts.setdefault(name, len(accounts) + 1)
        markets = {denom: number for number, denom in enumerate(denoms, FIRST_MARKET)}
        return cls(config, actions, markets, accounts)

    @property
    def start(self) -> int:
        """When the markets begin to exist, in the time of the file."""
        return self.actions[0].block_time

    @property
    def snapshots(self) -> int:
        """How many there will be."""
        return sum(isinstance(action.body, Snapshot) for action in self.actions)

    def describe(self, index: int) -> str:
        """An action in few words."""
        action = self.actions[index]
        names = (getattr(action.body, name, None) for name in ("account_id", "denom"))
        words = " ".join([action.kind, *filter(None, names)])
        return f"action {index} ({words})"
