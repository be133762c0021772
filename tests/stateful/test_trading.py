"""Any sequence of actions over protocol, vault, oracle and time: contracts and model agree to the
last digit after every step, in state, events and errors, and the invariants hold (M1, M2, M3, P1 to
P6, V1 to V4, R6)."""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from prep.model import Rejected
from prep.node import Node, Reverted
from tests.stateful.mirror import HEARTBEAT, Mirror
from tests.suite import BTC, FULL, UNLIMITED, WAD

FUNDS = 10_000_000 * WAD
DAY = 86_400
WAIT = st.sampled_from((1, 12, 3_600, DAY))
ANY = st.integers(0, 4)
PER_MILLE = st.integers(1, 1_000)
CAPS = st.one_of(st.just(UNLIMITED), st.integers(1_000, 3_000_000).map(lambda c: c * WAD))


class Trading(RuleBasedStateMachine):
    """All five actors trade and liquidate, two of them provide liquidity. Rules pick actors for
    whom the action makes sense; `misuse` does the rest."""

    node: Node
    suite = None
    actors: list[str]
    rate: int

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.node.rpc("evm_snapshot")
        self.mirror = Mirror(self.node, self.suite, self.actors, self.rate)
        self.model = self.mirror.model

    def teardown(self) -> None:
        self.node.rpc("evm_revert", self.snapshot)

    @initialize(
        liquidity=st.sampled_from((20_000, 300_000, 5_000_000)),
        collaterals=st.lists(st.integers(50, 20_000), min_size=5, max_size=5),
        leverages=st.lists(st.integers(-14_500, 14_500), min_size=4, max_size=4),
    )
    def begin(self, liquidity, collaterals, leverages):
        self.mirror.set_answer(1, 10_000 * 10**8)
        self._lp(4, "deposit(uint256,address)", liquidity * WAD)
        for actor, collateral in enumerate(collaterals):
            self._deposit(self.actors[actor], 1, collateral * WAD)
        for actor, leverage in enumerate(leverages):
            notional = collaterals[actor] * WAD * abs(leverage) // 1_000
            self._open(self.actors[actor], 1, notional, leverage > 0, "Size")

    # ------------------------------------------------------------------------------------- trading

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

    def _act(self, who, wait, signature, args, call):
        return self.mirror.act(who, wait, signature, args, lambda: call(who, *args))

    def _open(self, who, wait, size, is_long, unit):
        name = f"openPositionWith{unit}(uint256,bool)"
        model = self.model
        call = model.open_position_with_size
        if unit == "Token":
            call = model.open_position_with_token
        self._act(who, wait, name, (size, is_long), call)
        self._check_leverage(who)

    def _deposit(self, who, wait, amount):
        call = self.model.deposit_collateral
        self._act(who, wait, "depositCollateral(uint256)", (amount,), call)

    def _liquidate(self, actor, wait, position_id):
        who = self.actors[actor]
        done = self.mirror.act(
            who,
            wait,
            "liquidatePosition(uint256)",
            (position_id,),
            lambda: self.model.liquidate_position(who, position_id),
        )
        if done and position_id in self.model.owners:
            leverage, liquidatable = self.model.leverage_and_liquidability(position_id)
            assert not liquidatable, f"P5: still at {leverage} after a liquidation"

    # ----------------------------------------------------------------------------------- liquidity

    @rule(
        actor=st.integers(3, 4),
        wait=WAIT,
        amount=st.integers(1, 100_000 * WAD),
        by_shares=st.booleans(),
    )
    def provide(self, actor, wait, amount, by_shares):
        if by_shares:
            shares = 1
            with suppress(Rejected):
                shares = self.model.preview_deposit(amount)
            self._lp(actor, "mint(uint256,address)", shares, wait)
        else:
            self._lp(actor, "deposit(uint256,address)", amount, wait)

    @precondition(lambda self: self._lps())
    @rule(which=ANY, wait=WAIT, share=PER_MILLE, by_shares=st.booleans())
    def remove(self, which, wait, share, by_shares):
        actor = self._pick(self._lps(), which)
        amount = self.model.vault.balance_of(self.actors[actor]) * share // 1_000
        if by_shares:
            self._lp(actor, "redeem(uint256,address,address)", amount, wait)
        else:
            self._lp(actor, "withdraw(uint256,address,address)", amount // 10**6, wait)

    @precondition(lambda self: self._lps())
    @rule(which=ANY, assets=st.booleans(), beyond=st.integers(0, 1))
    def remove_the_most(self, which, assets, beyond):
        """V3: `max*` succeeds, one unit more does not."""
        actor = self._pick(self._lps(), which)
        who = self.actors[actor]
        self.mirror.foresee(1)
        limit = self.model.max_withdraw(who) if assets else self.model.max_redeem(who)
        name = "withdraw" if assets else "redeem"
        done = self._lp(actor, f"{name}(uint256,address,address)", limit + beyond, 1)
        if limit:
            assert (done is None) == bool(beyond), f"V3: max {name} {limit} + {beyond}: {done}"

    def _lp(self, actor, signature, amount, wait=1):
        who = self.actors[actor]
        model = self.model
        name = signature.split("(")[0]
        args = (amount, who) if name in ("deposit", "mint") else (amount, who, who)
        before = None

        def of_model():
            nonlocal before
            with suppress(Rejected):
                before = self._share_prices()
            return getattr(model, name)(who, amount)

        done = self.mirror.act(who, wait, signature, args, of_model, self.mirror.vault)
        if done:
            after = self._share_prices()
            for was, now in zip(before, after, strict=True):
                if was[0] == now[0] == 1:
                    continue  # worth nothing before and after
                assert now[0] * was[1] >= was[0] * now[1], f"V1: {name} lowered a share's price"
            if name in ("withdraw", "redeem"):
                basis = self.model.vault.reserve_basis.name == "LARGER_SIDE"
                exposure, liquidity = model.exposure(basis), model.vault.liquidity
                assert liquidity >= exposure.reserves, "V4: less than the reserves is left"
                target = model.vault.target_collateralization_ratio
                assert liquidity * WAD >= target * exposure.debt, "V4: below the target"
        return done

    # ------------------------------------------------------------------------------ oracle and risk

    @rule(wait=WAIT, move=st.integers(-15, 15))
    def drift(self, wait, move):
        self._move_price(wait, move)

    @precondition(lambda self: self._trading())
    @rule(wait=WAIT, move=st.integers(20, 90), which=ANY, keeper=ANY)
    def squeeze(self, wait, move, which, keeper):
        """Against somebody's position, mostly into its liquidation; a keeper who is awake helps."""
        size = self.model.position(self._pick(self._trading(), which)).size
        self._move_price(wait, -move if size > 0 else move)
        for position_id in self._unhealthy() if keeper else []:
            if self.model.owners[position_id] != self.actors[keeper]:
                self._liquidate(keeper, 1, position_id)

    @rule(wait=WAIT, move=st.integers(-600, 1_000))
    def jump(self, wait, move):
        self._move_price(wait, move)

    @rule(days=st.integers(1, 400))
    def time_passes(self, days):
        """Nobody does anything, and then the price is what it was."""
        self._move_price(days * DAY, 0)

    @rule(wait=WAIT, answer=st.integers(-1, 0), stale=st.booleans())
    def break_price(self, wait, answer, stale):
        if stale:
            self._move_price(1, 0)
            self.mirror.donate(self.actors[0], HEARTBEAT + 1, 1)
        else:
            self.mirror.set_answer(wait, answer)

    @precondition(lambda self: not self._usable())
    @rule(wait=WAIT, move=st.integers(-50, 50))
    def mend_price(self, wait, move):
        self._move_price(wait, move)
        if not self.mirror.market["enabled"]:
            self.mirror.configure(1, enabled=True)

    def _move_price(self, wait, per_mille):
        self.mirror.set_answer(wait, self.mirror.good_answer * (1_000 + per_mille) // 1_000)

    @rule(
        wait=WAIT,
        changes=st.one_of(
            st.fixed_dictionaries(
                {
                    "borrowRate": st.integers(0, WAD),
                    "reserveFactor": st.integers(0, WAD // 2),
                    "openingFeeRate": st.integers(0, WAD // 50),
                    "closingFeeRate": st.integers(0, WAD // 50),
                }
            ),
            st.fixed_dictionaries(
                {
                    "skewScale": st.integers(0, 2_000).map(lambda k: 120 * k * WAD),
                    "maxFundingVelocity": st.integers(0, 9 * WAD),
                }
            ),
            st.fixed_dictionaries(
                {
                    "maxLongOIValue": CAPS,
                    "maxShortOIValue": CAPS,
                    "maxNetOIValue": CAPS,
                    "maxPositionValue": CAPS,
                }
            ),
            st.just({"enabled": False}),
        ),
    )
    def configure(self, wait, changes):
        self.mirror.configure(wait, **changes)

    @rule(
        wait=WAIT,
        ratio=st.integers(0, 2 * WAD) | st.sampled_from([10 * WAD, 10 * WAD + 1]),
        cap=st.integers(0, 30_000_000 * WAD) | st.integers(10**37 - 1, 10**37 + 1),
    )
    def bound_the_vault(self, wait, ratio, cap):
        manager, vault, model = self.suite.risk_manager.address, self.mirror.vault, self.model
        for signature, number, of_model in (
            (
                "setTargetCollateralizationRatio(uint256)",
                ratio,
                model.set_target_collateralization_ratio,
            ),
            ("setDepositCap(uint256)", cap, model.set_deposit_cap),
        ):
            self.mirror.act(
                manager, wait, signature, (number,), lambda of=of_model, n=number: of(n), vault
            )

    @rule(which=ANY, wait=WAIT, shares=st.integers(0, 10**24))
    def stop_withdrawals_for_a_moment(self, which, wait, shares):
        model, who, vault = self.model, self.actors[which], self.mirror.vault

        def switch(stopped):
            return lambda: model.switch_withdrawals(stopped=stopped)

        guardian, admin = self.suite.guardian.address, self.suite.admin.address
        self.mirror.act(guardian, wait, "stopWithdrawals()", (), switch(True), vault)
        self.mirror.check()
        signature, args = "redeem(uint256,address,address)", (shares, who, who)
        redeemed = self.mirror.act(
            who, wait, signature, args, lambda: model.redeem(who, shares), vault
        )
        assert redeemed is None, "V6: redeemed while withdrawals are stopped"
        self.mirror.act(admin, wait, "resumeWithdrawals()", (), switch(False), vault)

    @precondition(lambda self: self.model.unpaid_protocol_fees)
    @rule(which=ANY, wait=WAIT)
    def collect_fees(self, which, wait):
        def of_model():
            self.model.collect_protocol_fees()

        self.mirror.act(self.actors[which], wait, "collectProtocolFees()", (), of_model)

    @rule(wait=WAIT, amount=st.integers(1, 10_000 * WAD))
    def donate(self, wait, amount):
        before = self.model.vault.liquidity
        self.mirror.donate(self.actors[0], wait, amount)
        assert self.node.read((self.mirror.protocol, "liquidity()")) == [before], "V1: donation"

    # -------------------------------------------------------------------------------------- always

    @invariant()
    def agree(self):
        self.mirror.check()

    @staticmethod
    def _pick(candidates, which):
        return candidates[which % len(candidates)]

    def _flat(self):
        return [a for a in self.actors if not self.model.position(a).id and self._collateral(a)]

    def _trading(self):
        return [a for a in self.actors if self.model.position(a).id]

    def _lps(self):
        return [i for i in (3, 4) if self.model.vault.balance_of(self.actors[i])]

    def _collateral(self, who):
        return self.model.position(who).collateral

    def _usable(self):
        """Whether the market can be traded."""
        fresh = self.mirror.now + DAY - self.mirror.answered_at <= HEARTBEAT
        return fresh and self.mirror.answer > 0 and self.mirror.market["enabled"]

    def _unhealthy(self):
        found = []
        for position_id in self.model.owners:
            try:
                if self.model.leverage_and_liquidability(position_id)[1]:
                    found.append(position_id)
            except Rejected:
                return []
        return found

    def _share_prices(self):
        """(value + 1, supply + virtual shares) for both values."""
        supply = self.model.vault.supply + 10**6
        return (self.model.upper_value() + 1, supply), (self.model.lower_value() + 1, supply)

    def _check_leverage(self, who):
        """P4, by the contracts' own view; the model compares the strict one."""
        position_id = self.model.position(who).id
        if not position_id:
            return
        view = "checkPositionLeverageAndLiquidability(uint256)"
        try:
            ((leverage, liquidatable),) = self.node.read((self.mirror.protocol, view, position_id))
        except Reverted:
            return
        if leverage <= 15 * WAD:
            assert not liquidatable, "P4: born liquidatable"


@pytest.mark.parametrize(
    ("market", "rate", "by_larger_side"),
    [(BTC, 0, False), (FULL, WAD // 10, True)],
    ids=["btc", "full"],
)
def test_trading__any_sequence__contracts_and_model_agree(
    market, rate, by_larger_side, create_suite, project, crowd, treasury, chain
):
    suite = create_suite(market=market, protocol_fee_rate=rate, by_larger_side=by_larger_side)
    suite.protocol.setTreasury(treasury, sender=suite.admin)
    actors = crowd[:5]
    for actor in actors:
        suite.give(actor, FUNDS)
    types = [
        contract.contract_type
        for contract in (project.Protocol, project.Vault, project.PrepToken, project.ProtocolLens)
    ]
    types += [project.ChainlinkOracle.contract_type, project.MockAggregator.contract_type]
    connection = Node(chain.provider.uri, *types)
    names = [actor.address for actor in actors]
    for name in [*names, *(a.address for a in (suite.admin, suite.risk_manager, suite.guardian))]:
        connection.rpc("anvil_impersonateAccount", name)
    machine_rate = rate

    class Machine(Trading):
        node = connection
        actors = names
        rate = machine_rate

    Machine.suite = suite
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            # A failing sequence is short enough to read; making it shorter takes minutes.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )
