"""What one person does within one block, at one price, beginning and ending flat (M6)."""

from typing import Any

from prep.credit.actions import ALL, Action, ActionKind
from prep.model import Rejected
from tests.credit import PREP, SHARES, WETH
from tests.credit_agreement import agree
from tests.stateful.credit_choices import LENT, MARKETS, WORTH
from tests.stateful.credit_walk import CreditWalk
from tests.suite import WAD

K = ActionKind
EPS = 2 * 10**14
"""An action, PREP base units: two base units of the token whose unit is worth most."""
IN_A_BLOCK = (
    K.TRADE,
    K.TRADE,
    K.TRADE,
    K.REDUCE,
    K.BORROW,
    K.REPAY,
    K.WITHDRAW,
    K.DEPOSIT,
    K.ADD_LIQUIDITY,
    K.REMOVE_LIQUIDITY,
)


class Block:
    """One person with two accounts, after a walk of others."""

    def __init__(self, walk: CreditWalk, who: Any) -> None:
        self.walk, self.desk, self.who = walk, walk.desk, who
        self.accounts = [self.desk.open(who), self.desk.open(who)]
        for account in self.accounts:
            self._must(account, Action(K.DEPOSIT, PREP, 20_000 * WAD))
            self._must(account, Action(K.DEPOSIT, WETH, 5 * WAD))

    def go(self, actions: int) -> bool:
        """A block. Whether all could be closed; if so, nothing was gained."""
        self.walk.mend()
        self.desk.configure(2, minExecutionDelay=0)
        self.desk.set_cooldown(0)
        self.desk.after = 0
        self.desk.advance()
        before, started = self.wealth(), self.desk.now
        for _ in range(actions):
            self._do()
            agree(self.desk)
        for account in self.accounts:
            for market in MARKETS:
                self._at_once(account, Action(K.REDUCE, market, ALL))
        assert self.desk.now == started
        if any(self.desk.model.accounts[account].markets for account in self.accounts):
            return False
        gained = self.wealth() - before
        allowed = EPS * (actions + 6)
        assert gained <= allowed, f"M6: {gained} were gained by {actions} actions"
        return True

    def wealth(self) -> int:
        """Of tokens, shares and accounts, PREP base units."""
        desk, name = self.desk, self.who.address
        desk.model.begin()
        calls = [(t.address, "balanceOf(address)", name) for t in desk.credit.tokens.values()]
        worth = 0
        for asset, amount in zip(desk.credit.tokens, desk.node.read(*calls), strict=True):
            worth += amount * desk.model.price(asset) // WAD
        for asset, pool in desk.pools.items():
            worth += pool.convert_to_assets(pool.balance_of(name)) * desk.model.price(asset) // WAD
        for account in self.accounts:
            now = desk.model.health(account, for_liquidation=False)
            worth += now.assets - now.owed
        return worth

    def _do(self) -> None:
        dice, desk = self.walk.dice, self.desk
        account, choice = dice.choice(self.accounts), dice.random()
        desk.after = 0
        if choice < 0.1:
            desk.lend(self.who, dice.choice(LENT), dice.randrange(1, 10**6))
        elif choice < 0.15:
            desk.provide(self.who, dice.randrange(1, 10**5) * WAD)
        elif choice < 0.2:
            desk.leave(self.who, desk.system.vault.balance_of(self.who.address))
        else:
            kind = dice.choice(IN_A_BLOCK)
            action = self.walk.action(account, kind)
            if kind is K.TRADE:
                size = self.walk.size(dice.choice(MARKETS), dice.randrange(1, 60_000))
                action = Action(kind, dice.choice(MARKETS), size * dice.choice((1, -1)))
            elif kind in (K.BORROW, K.DEPOSIT):
                asset = dice.choice(LENT)
                action = Action(kind, asset, dice.randrange(1, 10_000) * WORTH[asset])
            elif kind is K.REMOVE_LIQUIDITY:
                action = Action(kind, SHARES, ALL)
            self._at_once(account, action)

    def _at_once(self, account: int, action: Action) -> Any:
        self.desk.after = 0
        return self.desk.act(self.who, account, action)

    def _must(self, account: int, action: Action) -> None:
        assert not isinstance(self.desk.act(self.who, account, action), Rejected)
