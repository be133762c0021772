"""What happens around asset-backed positions: keepers, lenders, prices, time and terms."""

from typing import Any

from prep.margin import data
from prep.model.fixed import ceil_div
from prep.model.margin import Position
from tests.margin_agreement import agree, agree_on_health
from tests.margin_suite import PREP, Side
from tests.stateful.margin_trades import Trades
from tests.suite import WAD

DAY = 86_400

FOLLOWING = ("liquidate", "liquidate_part", "mark", "ripen", "increase", "remove", "open")
"""What is tried when a position has become poor."""


class Around(Trades):
    """Everything that traders do not do."""

    def record(self) -> None:
        dice, side = self.dice, self.side()
        first = self.position(side)
        if first is None:
            return
        owed = self.suite.owed
        mine = self.desk.pool(side).open_positions()
        same = [it for it in mine if owed(side, it) == owed(side, first)]
        same = dice.sample(same, min(len(same), dice.randrange(1, 4)))
        if dice.random() < 0.1:
            same.append(dice.choice([*mine, first]))
        interests = [self.interest(side, it) for it in same]
        if dice.random() < 0.03:
            interests = interests[1:]
        who = self.suite.executor if dice.random() < 0.97 else self.anyone()
        self.desk.record(who, side, same, interests)

    def liquidate(self) -> None:
        side = self.side()
        it = self.riskiest(side) if self.dice.random() < 0.8 else self.position(side)
        if it is None:
            return
        interest = self.interest(side, it)
        who = self.suite.liquidator if self.dice.random() < 0.97 else self.anyone()
        trade = self.closing(side, it, it.collateral, interest)
        self.desk.liquidate(who, side, it, interest, trade.data, trade.swapped)
        self._remember(it)

    def liquidate_part(self) -> None:
        dice, side = self.dice, self.side()
        it = self.riskiest(side) if dice.random() < 0.8 else self.position(side)
        if it is None:
            return
        k, interest = it.collateral, self.interest(side, it)
        least, part = ceil_div(k, 100), k * dice.randrange(1, 100) // 100
        amount = dice.choice((part,) * 6 + (least, least - 1, k // 2, k, k + 1))
        trade = self.closing(side, it, amount, interest)
        who = self.suite.liquidator if dice.random() < 0.97 else self.anyone()
        self.desk.liquidate_part(who, side, it, amount, interest, trade.data, trade.swapped)
        self._remember(it)

    def press(self) -> None:
        """Prices at which the riskiest position has a margin of -3 % to 9 %, and what follows."""
        dice, side = self.dice, self.side()
        it = self.riskiest(side)
        if it is None or min(it.principal, it.collateral) == 0:
            return
        owed = it.principal * dice.randrange(970, 1_090) // 1_000
        price = owed * WAD // it.collateral if side.is_long else it.collateral * WAD // owed
        pair = it.base, it.quote
        bounded = min(max(price, self.price(pair) // 2), self.price(pair) * 2)
        self.move(pair, bounded, bounded * dice.choice((1_000, 1_000, 980, 1_020)) // 1_000)
        for name in dice.choices(FOLLOWING, k=3):
            agree(self.desk)
            self.desk.tick(0)
            getattr(self, name)()

    def mark(self) -> None:
        side = self.side()
        it = self.riskiest(side) if self.dice.random() < 0.8 else self.position(side)
        if it is not None:
            self.desk.mark(self.anyone(), side, it)

    def unmark(self) -> None:
        it = self._marked(self.main)
        if it is not None:
            self.desk.mark(self.anyone(), self.main, it, marked=False)

    def ripen(self) -> None:
        """A mark, its time, and a liquidation by anyone, at the first or last second or beside."""
        side = self.main
        it = self.riskiest(side) or self.position(side)
        if it is None:
            return
        pool = self.desk.pool(side)
        self.desk.mark(self.anyone(), side, it)
        agree(self.desk)
        mark = pool.mark_of(it.id)
        start, until = mark
        moments = self.dice.choice(((start - 1, start), (start,), (until,), (until + 1,)))
        for moment in moments:
            self.desk.tick(max(0, moment - self.desk.now) if until else 0)
            interest = pool.max_interest(it)
            trade = self.closing(side, it, it.collateral, interest)
            self.desk.liquidate_marked(self.anyone(), side, it, trade.data, trade.swapped)
            agree(self.desk)

    def _marked(self, side: Side) -> Position | None:
        pool = self.desk.pool(side)
        marked = [it for it in pool.open_positions() if it.id in pool.marks]
        return self.dice.choice(marked) if marked else self.position(side)

    def drift(self) -> None:
        pair = self.dice.choice(self.pairs)
        price = self.price(pair) * self.dice.randrange(960, 1_042) // 1_000
        self.move(pair, price, price * self.dice.randrange(990, 1_011) // 1_000)

    def time(self) -> None:
        self.desk.tick(self.dice.choice((DAY // 4, DAY, 3 * DAY, 20 * DAY)))
        self.record()

    def lend(self) -> None:
        token = self.dice.choice(list(self.desk.vaults))
        amount = self.amount(self.symbols[token], self.dice.randrange(1, 50_000))
        self.desk.lend(self.people[0], token, amount)

    def take_back(self) -> None:
        """Sometimes all that lies idle, until somebody lends again."""
        token = self.dice.choice(list(self.desk.vaults))
        vault, who = self.desk.vaults[token], self.suite.lender
        most = vault.max_withdraw(who.address)
        self.desk.take_back(who, token, most + self.dice.choice((0, 1, -most // 2, -most // 2)))
        if vault.idle < most // 4:
            for name in ("open", "increase", "open"):
                agree(self.desk)
                self.desk.tick(0)
                getattr(self, name)()
            agree(self.desk)
            self.desk.tick(0)
            self.desk.lend(who, token, most)

    def block(self) -> None:
        """A trader whom PREP refuses for a while; what is kept for him is claimed afterwards."""
        dice, side, token = self.dice, self.main, self.suite.tokens[PREP].address
        mine = [it for it in self.desk.pool(side).open_positions() if it.quote == token]
        if not mine:
            return
        it = dice.choice(mine)
        who, self.focus = self.traders[it.trader], it.id
        self.desk.block(who, token, True)
        for name in (*dice.choices(("open", "close", "exit", "add", "remove"), k=3), "press"):
            getattr(self, name)()
            agree(self.desk)
            self.desk.tick(0)
        self.desk.claim(who, side, token, dice.choice(self.people).address)
        self.desk.tick(0)
        self.desk.block(who, token, False)
        self.desk.claim(who, side, token, self.anyone().address)
        self.focus = None

    def blind(self) -> None:
        """A feed that is dead for a while, and what everybody does meanwhile."""
        pair = self.dice.choice(list(self.suite.oracles))
        self.desk.set_dead(pair, True)
        kinds = ("open", "increase", "close", "order", "remove", "liquidate", "liquidate", "mark")
        for name in self.dice.choices(kinds, k=6):
            getattr(self, name)()
            agree(self.desk)
            self.desk.tick(0)
        agree_on_health(self.desk)
        self.desk.set_dead(pair, False)

    def settings(self) -> None:
        """What risk manager and guardian decide, right or wrong."""
        dice, desk = self.dice, self.desk
        pair = dice.choice(self.pairs)
        terms = data.PairTerms(*self._as_struct(self.terms[pair]))
        choice = dice.randrange(7)
        if choice == 0:
            desk.set_max_apy(pair[1], dice.choice((0, WAD // 10, 2 * WAD, 10 * WAD, 10 * WAD + 1)))
        elif choice == 1:
            desk.set_grace_period(dice.choice((599, 600, 3_600, DAY, DAY + 1)))
        elif choice == 2:
            desk.disable_pair(pair)
            for name in ("open", "increase", "remove"):
                agree(desk)
                desk.tick(0)
                getattr(self, name)()
            agree(desk)
            desk.tick(0)
            desk.set_pair(self.suite.risk_manager, pair, terms)
        elif choice == 3:
            side, token = self.main, dice.choice(list(desk.vaults))
            debt = desk.vaults[token].debt_of(side.address)
            desk.set_borrow_cap(token, side, dice.choice((0, debt, debt + 10**9)))
            for name in ("open", "increase"):
                desk.synchronise()
                getattr(self, name)()
                agree(desk)
            desk.tick(0)
            desk.set_borrow_cap(token, side, 10**36)
            desk.synchronise()
        elif choice == 4:
            changed = terms._replace(max_leverage=dice.choice((10_001, 20_000, 40_000, 60_000)))
            desk.set_pair(self.suite.risk_manager, pair, changed)
        elif choice == 5:
            changed = terms._replace(
                long_limit=terms.long_limit // 2, short_limit=terms.short_limit // 3
            )
            desk.set_pair(self.suite.risk_manager, pair, changed)
        else:
            desk.set_pair(self.suite.risk_manager, pair, self._bad(terms))

    def _bad(self, terms: data.PairTerms) -> data.PairTerms:
        """Outside of a bound, or just within."""
        field, value = self.dice.choice(
            (
                ("max_leverage", 10_000),
                ("max_leverage", 100_001),
                ("maintenance_margin", 99),
                ("maintenance_margin", 5_001),
                ("liquidation_fee", terms.maintenance_margin + 1),
                ("max_deviation", 0),
                ("max_deviation", 9),
                ("max_deviation", 2_001),
                ("long_limit", 2**128),
                ("short_limit", 2**128 - 1),
                ("max_leverage", 100_000),
            )
        )
        return terms._replace(**{field: value})

    @staticmethod
    def _as_struct(terms: Any) -> tuple:
        oracle = terms.oracle or data.ZERO_ADDRESS
        return (
            oracle,
            terms.max_leverage,
            terms.maintenance_margin,
            terms.liquidation_fee,
            terms.max_deviation,
            terms.long_limit,
            terms.short_limit,
            terms.disabled,
        )
