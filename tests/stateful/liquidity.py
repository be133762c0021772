"""LPs, and what bounds them. Cooldowns have a machine of their own beside this: in unit/vault."""

from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from prep.model import Rejected
from tests.stateful.machine import ANY, DAY, PER_MILLE, WAIT, Machine
from tests.suite import WAD


class LiquidityRules(Machine):
    """LPs, and what bounds them."""

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

    @rule(wait=WAIT, period=st.sampled_from((0, 0, 1, 3_600, DAY)))
    def let_lps_wait(self, wait, period):
        of_model = self.model.set_cooldown_period
        signature, manager = "setCooldownPeriod(uint256)", self.suite.risk_manager.address
        self._vault(manager, wait, signature, (period,), lambda: of_model(period))

    @precondition(lambda self: self._lps())
    @rule(which=ANY, wait=WAIT, share=PER_MILLE, cancel=st.booleans(), to=ANY)
    def request_cancel_or_transfer(self, which, wait, share, cancel, to):
        """V5: what is locked neither leaves nor moves, and every share stays somebody's."""
        model, who = self.model, self.actors[self._pick(self._lps(), which)]
        target, shares = self.actors[to], model.vault.balance_of(who) * share // 1_000
        request, transfer = "requestRedeem(uint256)", "transfer(address,uint256)"
        self._vault(who, wait, request, (shares,), lambda: model.request_redeem(who, shares))
        args, of_model = (target, shares), model.transfer
        self._vault(who, wait, transfer, args, lambda: of_model(who, target, shares))
        if cancel:
            part, signature = shares // 2, "cancelRequest(uint256,uint256)"
            self._vault(who, wait, signature, (part, 0), lambda: model.cancel_request(who, part))

    def _vault(self, who, wait, signature, args, of_model):
        return self.mirror.act(who, wait, signature, args, of_model, self.mirror.vault)

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
