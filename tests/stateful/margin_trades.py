"""What traders do with asset-backed positions."""

from typing import Any

from prep.margin import data
from prep.model import Rejected
from prep.model.margin import Payment, Position
from prep.model.margin.arithmetic import highest_principal_long, highest_principal_short
from tests.exchange import FOREVER
from tests.margin_sending import NO_PAYMENT
from tests.margin_suite import Side
from tests.stateful.margin_choices import Choices, Trade
from tests.suite import WAD

DAY = 86_400


class Trades(Choices):
    """Everything that a trader does, right or nearly so."""

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
        price, check = self.price(pair), self.desk.controller.prices.get(terms.oracle)
        if isinstance(check, int) and dice.random() < 0.7:
            price = check
        if side.is_long:
            most = highest_principal_long(down, terms.max_leverage)
        else:
            most = highest_principal_short(down, terms.max_leverage, price)
        part = most * dice.randrange(1, 104) // 100
        if check is None and dice.random() < 0.3:
            # What such a sale brings decides, a little less than at the exchange's price.
            part = most * dice.randrange(1_000, 1_020) // 1_000
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
        if dice.random() < 0.2:
            canceller = dice.choice((who, who, signer, signer, self.anyone()))
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
