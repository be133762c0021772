"""Orders of margin accounts on all markets, deleverage of both kinds of positions, settlement."""

from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from prep.model import UNLIMITED, Rejected
from tests.stateful.machine import ANY, CAPS, WAIT, Machine
from tests.stateful.mirror import ACCOUNTS
from tests.suite import WAD

ACCOUNT = st.sampled_from(ACCOUNTS)
MARKET = st.sampled_from((0, 1, 2, 2))
MARKET_WITH_ORACLE = st.integers(1, 2)
# Thousandths of what a million dollars would buy.
SIZE = st.integers(-400, 400).filter(bool)
ORDER = "executeOrder(uint256,uint256,int256,bool)"


class MarginRules(Machine):
    """The client's accounts; anybody deleverages."""

    @rule(
        actor=ANY, wait=WAIT, account=ACCOUNT, market=MARKET, size=SIZE, reduce_only=st.booleans()
    )
    def order(self, actor, wait, account, market, size, reduce_only):
        """Opens, grows, reduces and turns round."""
        size = size * 1_000 * WAD * WAD // self._any_price(market)
        self._order(actor, wait, account, market, size, reduce_only)

    @precondition(lambda self: self._held())
    @rule(actor=ANY, wait=WAIT, which=ANY, part=st.integers(-1_200, 2_200), cut=st.booleans())
    def order_by_position(self, actor, wait, which, part, cut):
        """A part of what is held, or all of it, or more."""
        account, market, held = self._pick(self._held(), which)
        self._order(actor, wait, account, market, -held * part // 1_000, cut)

    @precondition(lambda self: self._held())
    @rule(actor=ANY, wait=WAIT, which=ANY)
    def close_all(self, actor, wait, which):
        account = self._pick(self._held(), which)[0]
        mirror, client = self.mirror, self.mirror.client
        call = (self.actors[actor], wait, "closeAll(uint256)", (account,))
        mirror.act(*call, lambda: self.model.close_all(client, account), client)

    @rule(
        actor=ANY,
        wait=WAIT,
        account=ACCOUNT,
        market=MARKET,
        size=st.one_of(st.integers(-7, 7), st.integers(-(2**255), 2**255 - 1)),
        reduce_only=st.booleans(),
    )
    def misuse_order(self, actor, wait, account, market, size, reduce_only):
        self._order(actor, wait, account, market, size, reduce_only)

    @rule(wait=WAIT, registered=st.booleans(), account=ACCOUNT, market=MARKET, size=SIZE)
    def register_otherwise_for_a_moment(self, wait, registered, account, market, size):
        """Without registration an account can be reduced and closed."""
        self._register(wait, registered)
        self.mirror.check()
        self._order(0, wait, account, market, size * WAD // 10, False)
        if not registered:
            for held_account, held_market, held in self._held()[:1]:
                self._order(0, wait, held_account, held_market, -held, True)
            self._register(wait, True)

    # --------------------------------------------------------------------------------- deleverage

    @precondition(lambda self: self._held() or self._trading())
    @rule(actor=ANY, wait=WAIT, which=ANY, part=st.integers(1, 1_100), aim=st.booleans())
    def deleverage(self, actor, wait, which, part, aim):
        """Of an account if `aim`, else of a trader; often when nothing calls for it."""
        self._deleverage_somebody(actor, wait, which, aim, part)

    @precondition(lambda self: self._held() or self._trading())
    @rule(actor=ANY, wait=WAIT, which=ANY, above=st.integers(-20, 300), aim=st.booleans())
    def deleverage_below_the_target(self, actor, wait, which, above, aim):
        """The target is raised above the ratio, if there is one, and somebody makes use of it."""
        try:
            ratio = self.model.collateralization_ratio()
        except Rejected:
            return
        if ratio <= 9 * WAD:
            signature, target = "setTargetCollateralizationRatio(uint256)", ratio * (1_000 + above)
            self._bound(wait, signature, target // 1_000)
        self._deleverage_somebody(actor, wait, which, aim)

    @precondition(lambda self: self._held() or self._trading())
    @rule(actor=ANY, wait=WAIT, which=ANY, cap=CAPS, aim=st.booleans())
    def deleverage_above_a_cap(self, actor, wait, which, cap, aim):
        market = self._pick(self._held(), which)[1] if aim and self._held() else 0
        self.mirror.configure(wait, market, maxLongOIValue=cap // 100, maxShortOIValue=cap // 100)
        self._deleverage_somebody(actor, wait, which, aim)

    def _deleverage_somebody(self, actor, wait, which, aim, part=1_100):
        model = self.model
        if aim and self._held():
            account, market, held = self._pick(self._held(), which)
            signature = "deleverage(address,uint256,uint256,uint256)"
            args, call = (self.mirror.client, account, market), model.deleverage_account
        elif self._trading():
            who = self._pick(self._trading(), which)
            market, held = 0, model.position(who).size
            signature = "deleverage(address,uint256)"
            args, call = (who,), model.deleverage_trader
        else:
            return
        most = UNLIMITED if part > 1_050 else abs(held) * part // 1_000
        self._deleverage(actor, wait, signature, (*args, most), call, market, held)

    def _bound(self, wait, signature, number):
        manager, model = self.suite.risk_manager.address, self.model

        def of_model():
            model.set_target_collateralization_ratio(number)

        self.mirror.act(manager, wait, signature, (number,), of_model, self.mirror.vault)

    def _deleverage(self, actor, wait, signature, args, of_model, market, held):
        """R1, recomputed from the state before and after."""
        model, before = self.model, None

        def call():
            nonlocal before
            before = self._standing(market, held)
            return of_model(*args)

        target = self.mirror.deleverager
        done = self.mirror.act(self.actors[actor], wait, signature, args, call, target)
        if done is None:
            return
        ratio, wanted, debt, excess, small = before
        now = self._standing(market, held)
        excused = ratio < WAD and now[2] < debt
        assert now[0] >= min(ratio, wanted) or excused, f"R1: the ratio falls to {now[0]}"
        by_interest = excess and (abs(done.size) <= excess or (done.size == held and small))
        by_ratio = ratio < wanted and done.settlement > 0
        assert by_interest or by_ratio, f"R1: nothing allows closing {done.size} of {held}"
        assert (done.ratio_before, done.ratio_after) == (ratio, now[0]), "R1"
        assert model.vault.liquidity >= 0

    def _standing(self, market, held) -> tuple:
        """Ratio, target, debt, by how much the position's side exceeds its cap, and whether what
        that would leave of the position is too small."""
        model = self.model
        debt = model.total_debt()
        ratio = model.vault.liquidity * WAD // debt if debt else UNLIMITED
        m, price, excess = model.markets[market], model.price(market), 0
        side = m.long_oi if held > 0 else m.short_oi
        cap = m.config.max_long_oi_value if held > 0 else m.config.max_short_oi_value
        if side * price // WAD > cap:
            low, high = 0, side
            while low < high:
                middle = (low + high) // 2
                fits = (side - middle) * price // WAD <= cap
                low, high = (low, middle) if fits else (middle + 1, high)
            excess = low
        left = max(0, abs(held) - excess) * price // WAD
        small = left < m.config.min_position_value
        return ratio, model.vault.target_collateralization_ratio, debt, excess, small

    # --------------------------------------------------------------------------- other markets

    @rule(wait=WAIT, market=MARKET_WITH_ORACLE, move=st.integers(-300, 400))
    def move_other_price(self, wait, market, move):
        price = self.mirror.prices[market] * (1_000 + move) // 1_000
        self.mirror.set_price(wait, market, price)

    @rule(
        wait=WAIT,
        market=MARKET_WITH_ORACLE,
        changes=st.one_of(
            st.fixed_dictionaries(
                {
                    "openingFeeRate": st.integers(0, WAD // 50),
                    "closingFeeRate": st.integers(0, WAD // 50),
                    "reserveFactor": st.integers(0, WAD // 2),
                }
            ),
            st.fixed_dictionaries({"skewScale": st.integers(0, 5_000).map(lambda k: k * WAD)}),
            st.fixed_dictionaries({"maxFundingVelocity": st.integers(0, 9 * WAD)}),
            st.fixed_dictionaries({"maxNetOIValue": CAPS, "maxPositionValue": CAPS}),
            st.booleans().map(lambda enabled: {"enabled": enabled}),
        ),
    )
    def configure_other_market(self, wait, market, changes):
        self.mirror.configure(wait, market, **changes)

    @rule(
        wait=WAIT,
        market=MARKET_WITH_ORACLE,
        move=st.integers(-300, 300),
        rare=st.integers(0, 9),
        days=st.integers(2, 5),
    )
    def settle(self, wait, market, move, rare, days):
        """Now and then, and mostly too early at first."""
        if rare:
            return
        price = self.mirror.prices[market] * (1_000 + move) // 1_000
        self.mirror.settle(wait, market, price)
        if self.model.markets[market].settled_price is None:
            self.mirror.settle(days * 86_400, market, price)

    # ----------------------------------------------------------------------------------- internal

    def _order(self, actor, wait, account, market, size, reduce_only):
        mirror, model, args = self.mirror, self.model, (account, market, size, reduce_only)
        call = (self.actors[actor], wait, ORDER, args)
        client = mirror.client
        done = mirror.act(*call, lambda: model.execute_order(client, *args), client)
        if done is not None:
            self._check_growth(market, done)

    def _check_growth(self, market, done):
        """R2, for what an order has grown: then its side is within its cap, whatever it was."""
        config, price = self.model.markets[market].config, self.model.price(market)
        held = done.position.size
        if done.size * held <= 0:
            return
        m = self.model.markets[market]
        side = m.long_oi if held > 0 else m.short_oi
        cap = config.max_long_oi_value if held > 0 else config.max_short_oi_value
        assert side * price // WAD <= cap, f"R2: {side} at {price} is above {cap}"

    def _register(self, wait, registered):
        mirror, admin = self.mirror, self.suite.admin.address
        signature, args = "setMarginClient(address,bool)", (mirror.client, registered)
        mirror.act(admin, wait, signature, args, lambda: self.model.set_margin_client(*args))

    def _held(self) -> list[tuple]:
        """Account, market and size of every margin position."""
        return [
            (account, market, position.size)
            for market, positions in enumerate(self.model.margin_positions)
            for (_, account), position in positions.items()
        ]

    def _any_price(self, market) -> int:
        """The market's price, usable or not."""
        with suppress(Rejected):
            return self.model.price(market)
        return 10_000 * WAD
