"""From what a trader wants to a signed request."""

import time
from dataclasses import replace
from typing import Any

from prep.margin.chain import Refused, ask
from prep.margin.data import (
    CloseRequest,
    CollateralRequest,
    OpenRequest,
    Position,
)
from prep.margin.errors import Refusal
from prep.margin.read import PRICE
from prep.model.margin.arithmetic import BPS, principal_part
from prep.quotes import answers, arithmetic, wire, wishes
from prep.quotes.arithmetic import Standing
from prep.quotes.desk import ADD, CLOSE, INCREASE, OPEN, REMOVE, Charge, Desk, Signed
from prep.quotes.problems import invalid, no_route, refused
from prep.quotes.rescue import check_change, owing
from prep.quotes.scene import Scene, expectation
from prep.quotes.swaps import NoRouteError, Swap, best_purchase, best_sale
from prep.quotes.wire import Side

NO_INTEREST = Charge(0, arithmetic.FOREVER)


class Quotes(Desk):
    """One method for each kind of quote. Each raises `Problem`."""

    # ------------------------------------------------------------------------------ open, increase

    def open(self, wish: wishes.OpenWish) -> answers.OpenQuote:
        """A new position."""
        scene = self._scene(wish.side, wish.base, wish.quote)
        if wish.principal is None and wish.leverage is None:
            raise invalid("leverage", "it, or a principal, is missing")
        principal = self._principal(scene, wish)
        if principal == 0:
            raise refused(Refusal("ZeroAmount", {}))
        id_ = self.unused_id(scene.now.head, scene.pool)
        new = Position(id_, wish.trader, wish.base, wish.quote, 0, 0, 0, 0)
        return self._grow(scene, new, wish, principal, NO_INTEREST)

    def increase(self, wish: wishes.IncreaseWish) -> answers.OpenQuote:
        """More of a position, or a larger margin of it by a swap."""
        position = wish.position.struct()
        scene = self._scene_of(wish.side, position)
        principal = self._principal(scene, wish)
        charge = self.charge(scene.now, scene.pool, position)
        return self._grow(scene, position, wish, principal, charge)

    def _grow(
        self,
        scene: Scene,
        position: Position,
        wish: wishes.OpenWish | wishes.IncreaseWish,
        principal: int,
        charge: Charge,
    ) -> answers.OpenQuote:
        slippage, down_payment = self.slippage(wish.slippage), wish.down_payment
        given = down_payment + principal if scene.is_long else principal
        swap = self._sale(scene, given, selling_base=not scene.is_long) if given else None
        received = swap.amount_out if swap else 0
        least = arithmetic.less(received, slippage)
        fee = arithmetic.fee_on(given if scene.is_long else least, scene.pair.open_fee)
        expiry = self.expiry(scene.now, charge.good_until)
        request = OpenRequest(
            position.id,
            position.nonce,
            position.trader,
            position.base,
            position.quote,
            down_payment,
            principal,
            least,
            charge.interest,
            fee,
            expiry,
            self.settings.exchange.router,
            swap.data(scene.pool.address, expiry) if swap else b"",
        )
        paid = scene.now.head, scene.pool, position.trader, position.quote, down_payment + fee
        value = self.check_funds(*paid, ether=wish.pay_ether)
        after = Standing(
            scene.is_long,
            position.principal + charge.interest + principal,
            position.collateral + received + (0 if scene.is_long else down_payment),
        )
        if position.nonce:
            check_change(self, scene, owing(self, scene, position), after)
        rest = (tuple(position),) if position.nonce else ()
        function = INCREASE if position.nonce else OPEN
        signed = self.sign(scene.now, scene.pool, function, request, *rest, value=value)
        expected = self._expected(
            scene,
            swap,
            after,
            borrowed=principal,
            interest=charge.interest,
            fee=fee,
            payment=down_payment + fee,
        )
        return answers.OpenQuote(
            request=wire.OpenRequest.of(request),
            **self._common(scene, signed, expected, expiry),
        )

    def _principal(self, scene: Scene, wish: wishes.OpenWish | wishes.IncreaseWish) -> int:
        """As the trader says, or by his leverage."""
        if wish.principal is not None:
            if wish.leverage is not None:
                raise invalid("leverage", "there is a principal too: name one of them")
            return wish.principal
        if wish.leverage is None:
            return 0
        down_payment, leverage = wish.down_payment, wish.leverage
        if scene.is_long:
            if leverage < BPS:
                raise invalid("leverage", f"a long's is at least {BPS}")
            return arithmetic.long_principal(down_payment, leverage)
        if scene.terms.has_check_price:
            try:
                query = scene.terms.oracle, PRICE
                (price,) = ask(self.chain, scene.now.head, query, at=scene.now.head.next)
            except Refused as error:
                raise refused(error.refusal) from None
            return arithmetic.short_principal(down_payment, leverage, price)
        proceeds = arithmetic.fee_on(down_payment, leverage)
        if proceeds == 0:
            return 0
        return self._purchase(scene, proceeds, selling_base=True).amount_in

    # --------------------------------------------------------------------------------------- close

    def close(self, wish: wishes.CloseWish) -> answers.CloseQuote:
        """All of a position, or a part."""
        position = wish.position.struct()
        scene = self._scene_of(wish.side, position)
        amount = position.collateral if wish.amount is None else wish.amount
        if amount == 0:
            raise refused(Refusal("ZeroAmount", {}))
        if amount > position.collateral:
            values = {"amount": amount, "collateral": position.collateral}
            raise refused(Refusal("AmountTooLarge", values))
        slippage = self.slippage(wish.slippage)
        charge = self.charge(scene.now, scene.pool, position)
        part = principal_part(position.principal, amount, position.collateral)
        due = part + charge.interest
        payout = wish.payout.payout
        if scene.is_long:
            swap, fee, expected, least = self._proceeds(scene, amount, due, slippage)
        else:
            swap, fee, expected, least = self._costs(scene, amount, due, slippage)
        expiry = self.expiry(scene.now, charge.good_until)
        request = CloseRequest(
            position.id,
            position.nonce,
            position.trader,
            amount,
            least,
            charge.interest,
            fee,
            expiry,
            self.settings.exchange.router,
            swap.data(scene.pool.address, expiry, amount) if swap else b"",
        )
        after = Standing(scene.is_long, position.principal - part, position.collateral - amount)
        check_change(self, scene, owing(self, scene, position), after)
        signed = self.sign(scene.now, scene.pool, CLOSE, request, tuple(position), int(payout))
        return answers.CloseQuote(
            request=wire.CloseRequest.of(request),
            **self._common(
                scene,
                signed,
                self._expected(
                    scene,
                    swap,
                    after,
                    interest=charge.interest,
                    fee=fee,
                    principal_paid=part,
                    payout=expected,
                    least_payout=least,
                ),
                expiry,
            ),
        )

    def _proceeds(
        self, scene: Scene, amount: int, due: int, slippage: int
    ) -> tuple[Swap | None, int, int, int]:
        """Of a long: its swap, the fee, the payout expected and the least."""
        swap = self._sale(scene, amount, selling_base=True)
        least = arithmetic.less(swap.amount_out, slippage)
        fee = arithmetic.fee_on(least, scene.pair.close_fee)
        if swap.amount_out < due + fee:
            values = {"available": swap.amount_out, "due": due + fee}
            raise refused(Refusal("DebtNotCovered", values))
        return swap, fee, swap.amount_out - due - fee, max(0, least - due - fee)

    def _costs(
        self, scene: Scene, amount: int, due: int, slippage: int
    ) -> tuple[Swap | None, int, int, int]:
        """Of a short, likewise. Where nothing is due nothing is bought."""
        if due == 0:
            return None, 0, amount, amount
        swap = self._purchase(scene, due, selling_base=False)
        # Where prices move for the trader, less is swapped, and the fee still has to be allowed.
        fee = arithmetic.fee_on(swap.amount_in * (BPS - slippage) // BPS, scene.pair.close_fee)
        if swap.amount_in + fee > amount:
            raise refused(
                Refusal("DebtNotCovered", {"available": amount, "due": swap.amount_in + fee})
            )
        most = arithmetic.more(swap.amount_in, slippage)
        return swap, fee, amount - swap.amount_in - fee, max(0, amount - most - fee)

    # ---------------------------------------------------------------------------------- collateral

    def collateral(self, wish: wishes.CollateralWish) -> answers.CollateralQuote:
        """More collateral, or less of it."""
        position = wish.position.struct()
        scene = self._scene_of(wish.side, position)
        amount = wish.amount
        if amount == 0:
            raise refused(Refusal("ZeroAmount", {}))
        if amount < 0 and wish.pay_ether:
            raise invalid("payEther", "nothing is paid when collateral is taken out")
        left = position.collateral + amount
        if left <= 0:
            values = {"amount": -amount, "collateral": position.collateral}
            raise refused(Refusal("AmountTooLarge", values))
        value = 0
        if amount > 0:
            paid = scene.now.head, scene.pool, position.trader, scene.held, amount
            value = self.check_funds(*paid, ether=wish.pay_ether)
        expiry = self.expiry(scene.now)
        request = CollateralRequest(position.id, position.nonce, position.trader, amount, expiry)
        before = owing(self, scene, position)
        check_change(self, scene, before, replace(before, collateral=left))
        function = ADD if amount > 0 else REMOVE
        signed = self.sign(scene.now, scene.pool, function, request, tuple(position), value=value)
        after = Standing(scene.is_long, position.principal, left)
        taken = max(0, -amount)
        expected = self._expected(
            scene, None, after, payment=max(0, amount), payout=taken, least_payout=taken
        )
        return answers.CollateralQuote(
            request=wire.CollateralRequest.of(request),
            **self._common(scene, signed, expected, expiry),
        )

    # -------------------------------------------------------------------------------------- shared

    def _scene(self, side: Side, base: str, quote: str) -> Scene:
        pair, pool = self.pair(base, quote), self.pools[side]
        now = self.now()
        return Scene(now, side, pool, pair, self.terms(now.head, pool, pair))

    def _scene_of(self, side: Side, position: Position) -> Scene:
        scene = self._scene(side, position.base, position.quote)
        self.check_stored(scene.now.head, scene.pool, position)
        if scene.now.head.next <= position.last_funding_timestamp:
            # Local chains mine several blocks a second. What has interest from the next one on is
            # quoted then: now it would be good for no longer than this second.
            time.sleep(1)
            scene = self._scene(side, position.base, position.quote)
            self.check_stored(scene.now.head, scene.pool, position)
        return scene

    def _sale(self, scene: Scene, amount_in: int, *, selling_base: bool) -> Swap:
        routes = scene.pair.routes_of(selling_base=selling_base)
        try:
            return best_sale(self.chain, scene.now.head, self.settings.exchange, routes, amount_in)
        except NoRouteError as error:
            raise no_route(error) from None

    def _purchase(self, scene: Scene, amount_out: int, *, selling_base: bool) -> Swap:
        routes = scene.pair.routes_of(selling_base=selling_base)
        try:
            return best_purchase(
                self.chain, scene.now.head, self.settings.exchange, routes, amount_out
            )
        except NoRouteError as error:
            raise no_route(error) from None

    def _expected(
        self, scene: Scene, swap: Swap | None, after: Standing, **amounts: int
    ) -> answers.Expected:
        price = None if swap else self.check_price(scene.now.head, scene.terms)
        return expectation(scene, swap, after, price, **amounts)

    def _common(
        self, scene: Scene, signed: Signed, expected: answers.Expected, expiry: int
    ) -> dict[str, Any]:
        return {
            "side": scene.side,
            "pool": scene.pool.address,
            "chain_id": self.settings.chain_id,
            "block": scene.now.head.number,
            "signature": signed.signature,
            "transaction": answers.Transaction(
                to=scene.pool.address,
                data=signed.data,
                value=signed.value,
                gas=self.settings.gas_limit,
            ),
            "expected": expected,
            "expiry": expiry,
        }
