"""Random walks of asset-backed positions, their lenders, keepers, prices and terms."""

from typing import Any

from prep.margin import data
from prep.model import Rejected
from prep.model.margin import Payment, Position
from prep.model.margin.arithmetic import highest_principal_long, highest_principal_short
from tests.exchange import FOREVER
from tests.margin_agreement import agree, agree_on_health
from tests.margin_desk import NO_PAYMENT
from tests.margin_suite import PREP, Side
from tests.stateful.margin_choices import Choices, Trade
from tests.suite import WAD

DAY = 86_400


class MarginWalk(Choices):
    """One walk. `people` have all tokens and are traders and lenders; the last has next to none."""

    def go(self, steps: int) -> None:
        """So many actions, each compared."""
        names, weights = list(WEIGHTS), list(WEIGHTS.values())
        for step in range(steps):
            self.desk.tick(self.dice.choice((0, 1, 12, 12, 300, 3_600)))
            getattr(self, self.dice.choices(names, weights)[0])()
            agree(self.desk)
            if step % 10 == 0:
                agree_on_health(self.desk)
        agree_on_health(self.desk)

    # ----------------------------------------------------------------------------------- by traders

    def open(self) -> None:
        who, side = self.anyone(), self.side()
        pair = self.dice.choice(self.pairs)
        request, trade = self._opening(side, who.address, pair, None)
        result = self.desk.open(
            who if self.dice.random() < 0.98 else self.anyone(),
            side,
            request,
            trade.swapped,
            signer=self.signer(),
            payment=self._payment(who.address, pair[1], request.down_payment + request.fee),
        )
        self._remember(result)

    def increase(self) -> None:
        side = self.side()
        it = self.position(side)
        if it is None:
            return
        request, trade = self._opening(side, it.trader, (it.base, it.quote), it)
        due = request.down_payment + request.fee
        payment = self._payment(it.trader, it.quote, due)
        who, signer = self.trader(it), self.signer()
        result = self.desk.open(
            who, side, request, trade.swapped, it, signer=signer, payment=payment
        )
        self._remember(result)

    def _opening(
        self, side: Side, trader: str, pair: tuple[str, str], it: Position | None
    ) -> tuple[data.OpenRequest, Trade]:
        dice, (base, quote) = self.dice, pair
        down = self.amount(
            self.symbols[quote],
            dice.choice((0, 1, *(500, 2_000, 10_000, 20_000, 40_000, 90_000) * 2, 400_000)),
        )
        principal = self._principal(side, pair, down)
        if it is not None and dice.random() < 0.3:
            principal = 0
        given = principal + (down if side.is_long else 0)
        asked = given - given // dice.choice((3, 50)) if dice.random() < 0.06 else given
        asked += dice.random() < 0.02
        sold, bought = (quote, base) if side.is_long else (base, quote)
        trade = self.sell(side, sold, bought, asked, given)
        swap = trade.swapped
        received, moved = 0, 0
        if not isinstance(swap, Rejected):
            received, moved = swap.received, swap.spent if side.is_long else swap.received
        id_, nonce = (it.id, it.nonce) if it else (next(self.suite.ids), 0)
        if dice.random() < 0.02:
            id_, nonce = dice.choice(((1, 0), (id_, nonce + 1), (id_ + 1, nonce)))
        if dice.random() < 0.02:
            base, quote = quote, base
        request = data.OpenRequest(
            id=id_,
            nonce=nonce,
            trader=trader,
            base=base,
            quote=quote,
            down_payment=down,
            principal=principal,
            min_output=received + dice.choice((0,) * 12 + (-received,) * 6 + (1,)),
            interest=self.interest(side, it) if it else int(dice.random() < 0.02),
            fee=self._fee(moved),
            expiry=self.expiry(),
            router=self.suite.router,
            data=trade.data,
        )
        return request, trade

    def _fee(self, moved: int) -> int:
        """Of what the swap moves, rarely more than a hundredth."""
        good = (0, moved // 1_000, moved // 300, moved // 100)
        return self.dice.choice(good * 5 + (moved // 100 + 1,))

    def _principal(self, side: Side, pair: tuple[str, str], down: int) -> int:
        """Of any size, often the largest and one more."""
        terms, dice = self.desk.controller.pairs[pair], self.dice
        price = self.price(pair)
        if terms.oracle is not None and dice.random() < 0.7:
            price = self.desk.controller.price(terms.oracle)
        if side.is_long:
            most = highest_principal_long(down, terms.max_leverage)
        else:
            most = highest_principal_short(down, terms.max_leverage, price)
        part = most * dice.randrange(1, 104) // 100
        return dice.choice((part,) * 6 + (most, most, most + 1))

    def _payment(self, trader: str, token: str, due: int) -> Payment:
        """In ether where that is possible, sometimes where it is not."""
        if self.dice.random() < (0.5 if token == self.desk.weth else 0.02):
            return Payment(due + self.dice.choice((0,) * 9 + (1, -1)) if due else 1)
        blocked = (trader, token) in self.desk.pool(self.main).refusing
        if blocked or self.desk.money[trader, token] < due:
            return Payment(0, NO_PAYMENT)
        return Payment()

    def close(self) -> None:
        side = self.side()
        it = self.position(side)
        if it is None:
            return
        request, trade = self._closing(side, it)
        payout, signer = self.payout(it), self.signer()
        who = self.trader(it)
        self.desk.close(who, side, request, it, trade.swapped, payout, signer=signer)
        self._remember(it)

    def _closing(self, side: Side, it: Position) -> tuple[data.CloseRequest, Trade]:
        dice, k = self.dice, it.collateral
        part = k * dice.randrange(1, 100) // 100
        amount = dice.choice((k,) * 8 + (k // 2, part) * 4 + (1, 0, k + 1))
        interest = self.interest(side, it)
        trade = self.closing(side, it, amount, interest)
        swap, moved = trade.swapped, 0
        if not isinstance(swap, Rejected):
            moved = swap.received if side.is_long else swap.spent
        nonce = it.nonce + (dice.random() < 0.02)
        request = data.CloseRequest(
            id=it.id + (dice.random() < 0.01),
            nonce=nonce,
            trader=it.trader if dice.random() < 0.98 else self.anyone().address,
            amount=amount,
            min_payout=dice.choice((0,) * 8 + (moved // 5, moved)),
            interest=interest,
            fee=self._fee(moved),
            expiry=self.expiry(),
            router=self.suite.router,
            data=trade.data,
        )
        return request, trade

    def exit(self) -> None:
        side = self.side()
        it = self.position(side)
        if it is None:
            return
        interest = self.desk.pool(side).max_interest(it)
        trade = self.closing(side, it, it.collateral, interest)
        least = self.dice.choice((0, 0, 0, 10**10, 10**22))
        who, payout = self.trader(it), self.payout(it)
        self.desk.exit(who, side, it, trade.data, trade.swapped, least, payout)
        self._remember(it)

    def order(self) -> None:
        """An order of a trader or of whom he has authorised, executed by a request for it."""
        dice, side = self.dice, self.side()
        it = self.position(side)
        if it is None:
            return
        who, signer = self.traders[it.trader], self.anyone()
        signer = who if dice.random() < 0.6 else signer
        if dice.random() < 0.3:
            self.desk.authorise(who, side, signer.address, dice.random() < 0.8)
            self.desk.tick(0)
        price = self.price((it.base, it.quote)) * dice.randrange(985, 1_015) // 1_000
        request, trade = self._closing(side, it)
        if dice.random() < 0.8:
            interest = request.interest
            trade = self.closing(side, it, it.collateral, interest)
            request = request._replace(amount=it.collateral, data=trade.data)
        order = data.Order(
            id=it.id + (dice.random() < 0.02),
            trader=it.trader,
            signer=signer.address,
            take_profit=dice.random() < 0.5,
            quote_amount=price,
            base_amount=WAD,
            min_payout=dice.choice((0, 0, request.min_payout, 10**22)),
            payout=self.payout(it),
            expiry=self.expiry(),
        )
        if dice.random() < 0.1:
            canceller = dice.choice((who, signer, self.anyone()))
            self.desk.cancel(canceller, side, order)
            self.desk.tick(0)
        executor = self.suite.executor if dice.random() < 0.97 else who
        by = signer if dice.random() < 0.95 else self.anyone()
        self.desk.execute(
            executor, side, order, by, request, it, trade.swapped, signer=self.signer()
        )
        self._remember(it)

    def add(self) -> None:
        self._change(True)

    def remove(self) -> None:
        self._change(False)

    def _change(self, adds: bool) -> None:
        dice, side = self.dice, self.side()
        it = self.position(side)
        if it is None:
            return
        k = it.collateral
        amount = dice.choice((k // 2, k * dice.randrange(1, 100) // 100, 1, 0))
        if not adds:
            most = self._most_out(side, it)
            amount = -dice.choice((amount, k, k - 1, k // 20, most, most, most + 1))
        if dice.random() < 0.03:
            amount = -amount
        held = self.suite.held(side, it)
        payment = self._payment(it.trader, held, amount) if adds and amount > 0 else Payment()
        request = data.CollateralRequest(
            it.id, it.nonce + (dice.random() < 0.02), it.trader, amount, self.expiry()
        )
        who, signer = self.trader(it), self.signer()
        result = self.desk.change(who, side, adds, request, it, signer=signer, payment=payment)
        self._remember(result)

    def _most_out(self, side: Side, it: Position) -> int:
        """About what the leverage allows to be taken out, found by trying the model."""
        pool = self.desk.pool(side)
        low, high = 0, it.collateral
        while low < high:
            middle = (low + high + 1) // 2
            request = data.CollateralRequest(it.id, it.nonce, it.trader, -middle, FOREVER)
            refused = _refusal(pool, request, it)
            low, high = (middle, high) if refused is None else (low, middle - 1)
        return low

    # ------------------------------------------------------------------------------------ by others

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
            interests.pop()
        who = self.suite.executor if dice.random() < 0.97 else self.anyone()
        self.desk.record(who, side, same, interests)

    def liquidate(self) -> None:
        side = self.side()
        it = self.riskiest(side) if self.dice.random() < 0.8 else self.position(side)
        if it is None:
            return
        interest = self.interest(side, it)
        trade = self.closing(side, it, it.collateral, interest)
        who = self.suite.liquidator if self.dice.random() < 0.97 else self.anyone()
        self.desk.liquidate(who, side, it, interest, trade.data, trade.swapped)
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
        for name in dice.choices(("liquidate", "mark", "ripen", "increase", "remove", "open"), k=3):
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
        target = self.dice.choice(
            (mark.start, mark.start, mark.start - 1, mark.until, mark.until + 1)
        )
        self.desk.tick(max(0, target - self.desk.now) if mark.until else 0)
        interest = pool.max_interest(it)
        trade = self.closing(side, it, it.collateral, interest)
        self.desk.liquidate_marked(self.anyone(), side, it, trade.data, trade.swapped)
        self._remember(it)

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

    def _remember(self, result: Any) -> None:
        if isinstance(result, Position):
            self.past = [*self.past[-20:], result]


def _refusal(pool: Any, request: data.CollateralRequest, it: Position) -> Rejected | None:
    """What the model would say, which it forgets."""
    try:
        with pool.undo.atomic():
            pool.remove_collateral(request, it)
            raise _Undone
    except _Undone:
        return None
    except Rejected as refused:
        return refused


class _Undone(Exception):  # noqa: N818
    pass


WEIGHTS = {
    "open": 16,
    "increase": 8,
    "close": 10,
    "exit": 2,
    "order": 6,
    "add": 5,
    "remove": 6,
    "record": 4,
    "liquidate": 4,
    "press": 5,
    "mark": 2,
    "unmark": 3,
    "ripen": 2,
    "drift": 8,
    "time": 4,
    "lend": 2,
    "take_back": 3,
    "block": 3,
    "settings": 5,
}
