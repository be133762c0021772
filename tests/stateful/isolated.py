"""Isolated trading on market 0."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from prep.model.isolated import TradeKind
from tests.stateful.machine import ANY, WAIT, Machine
from tests.suite import WAD


class IsolatedRules(Machine):
    """Isolated trading on market 0."""

    @precondition(lambda self: self._flat() and self._usable())
    @rule(which=ANY, wait=WAIT, leverage=st.integers(5_000, 15_500), is_long=st.booleans())
    def open(self, which, wait, leverage, is_long):
        who = self._pick(self._flat(), which)
        self._open(who, wait, self._collateral(who) * leverage // 1_000, is_long, "Size")

    @precondition(lambda self: self._flat() and self._usable())
    @rule(which=ANY, wait=WAIT, leverage=st.integers(500, 15_000), is_long=st.booleans())
    def open_with_token(self, which, wait, leverage, is_long):
        who = self._pick(self._flat(), which)
        size = self._collateral(who) * leverage * 10**5 // self.mirror.answer
        self._open(who, wait, size, is_long, "Token")

    @precondition(lambda self: self._trading() and self._usable())
    @rule(which=ANY, wait=WAIT, share=st.integers(1, 3_000))
    def increase(self, which, wait, share):
        who = self._pick(self._trading(), which)
        size = self.model.position(who).entry_notional * share // 1_000
        self._act(who, wait, "increasePosition(uint256)", (size,), self.model.increase_position)
        self._check_leverage(who)

    @precondition(lambda self: self._trading())
    @rule(which=ANY, wait=WAIT, share=st.integers(1, 1_001))
    def decrease(self, which, wait, share):
        who = self._pick(self._trading(), which)
        size = self.model.position(who).entry_notional * share // 1_000
        self._act(who, wait, "decreasePosition(uint256)", (size,), self.model.decrease_position)

    @precondition(lambda self: self._trading())
    @rule(which=ANY, wait=WAIT)
    def close(self, which, wait):
        who = self._pick(self._trading(), which)
        self._act(who, wait, "closePosition()", (), self.model.close_position)

    @precondition(lambda self: self._usable())
    @rule(
        which=ANY,
        wait=WAIT,
        limit=st.sampled_from((999, 1_000, 1_001)),
        left=st.integers(-1, 3),
        size=st.integers(10 * WAD, 2_000 * WAD),
        is_long=st.booleans(),
    )
    def trade_with_limits(self, which, wait, limit, left, size, is_long):
        who = self.actors[which]
        limits = (self.mirror.answer * 10**7 * limit, self.mirror.now + wait + left)
        model = self.model
        if not model.position(who).id:
            name, call = "openPositionWithSize(uint256,bool,", model.open_position_with_size
            args = (size, is_long, *limits)
        elif left == 1:
            name, call = "increasePosition(uint256,", model.increase_position
            args = (size, *limits)
        elif left == 2:
            name, call = "decreasePosition(uint256,", model.decrease_position
            args = (size, *limits)
        else:
            name, call, args = "closePosition(", model.close_position, limits
        self._act(who, wait, name + "uint256,uint256)", args, call)

    @rule(
        which=ANY,
        wait=WAIT,
        kind=st.sampled_from(TradeKind),
        is_long=st.booleans(),
        amount=st.integers(0, 2_000 * WAD),
        limit=st.sampled_from((0, 999, 1_001, 10**9)),
    )
    def trade_in_two_steps(self, which, wait, kind, is_long, amount, limit):
        """While there is a delay: nobody for himself, whatever he has and wants."""
        who, model, mirror = self.actors[which], self.model, self.mirror
        mirror.configure(wait, minExecutionDelay=1 + amount % 3_600)
        self._open(who, 1, amount, is_long, "Size")
        self._act(who, 1, "closePosition()", (), model.close_position)
        if kind == TradeKind.OPEN_WITH_TOKEN:
            amount = amount * WAD // (mirror.good_answer * 10**10)
        args = (who, kind, is_long, amount, mirror.good_answer * 10**7 * limit)
        signature = "tradeFor(address,uint8,bool,uint256,uint256)"
        requests = self.suite.requests.address
        mirror.act(requests, 1, signature, args, lambda: model.trade_for(*args))
        self._check_leverage(who)
        mirror.configure(1, minExecutionDelay=0)

    @rule(which=ANY, wait=WAIT, amount=st.integers(1, 5_000 * WAD))
    def add_collateral(self, which, wait, amount):
        self._deposit(self.actors[which], wait, amount)

    @rule(which=ANY, wait=WAIT, share=st.integers(1, 1_000), extra=st.integers(0, 1))
    def take_collateral(self, which, wait, share, extra):
        who = self.actors[which]
        amount = self._collateral(who) * share // 1_000 + extra
        call = self.model.withdraw_collateral
        self._act(who, wait, "withdrawCollateral(uint256)", (amount,), call)
        self._check_leverage(who)

    @precondition(lambda self: self._unhealthy())
    @rule(which=ANY, wait=WAIT)
    def liquidate_unhealthy(self, which, wait):
        self._liquidate(which, wait, self._unhealthy()[0])

    @rule(
        which=ANY,
        wait=WAIT,
        what=st.sampled_from(
            (
                "openPositionWithSize(uint256,bool)",
                "openPositionWithToken(uint256,bool)",
                "increasePosition(uint256)",
                "decreasePosition(uint256)",
                "closePosition()",
                "liquidatePosition(uint256)",
                "depositCollateral(uint256)",
                "withdrawCollateral(uint256)",
            )
        ),
        amount=st.one_of(st.integers(0, 7), st.integers(0, 2**256 - 1)),
    )
    def misuse(self, which, wait, what, amount):
        """Anything by anybody, mostly senseless: zero, huge, without a position, unknown ids."""
        who = self.actors[which]
        model = self.model
        calls = {
            "openPositionWithSize(uint256,bool)": ((amount, True), model.open_position_with_size),
            "openPositionWithToken(uint256,bool)": (
                (amount, False),
                model.open_position_with_token,
            ),
            "increasePosition(uint256)": ((amount,), model.increase_position),
            "decreasePosition(uint256)": ((amount,), model.decrease_position),
            "closePosition()": ((), model.close_position),
            "liquidatePosition(uint256)": ((amount,), model.liquidate_position),
            "depositCollateral(uint256)": ((amount % 8,), model.deposit_collateral),
            "withdrawCollateral(uint256)": ((amount,), model.withdraw_collateral),
        }
        args, call = calls[what]
        self._act(who, wait, what, args, call)
