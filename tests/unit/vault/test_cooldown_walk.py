"""Any sequence of what owners of shares can do while periods change, withdrawals stop and go on,
and a trader wins and loses: contract and model agree to the last digit, and V3 and V5 hold after
every step. Two queues of each owner."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from prep.node import Node, Reverted
from tests.stateful.mirror import Mirror
from tests.suite import WAD

DAY = 86_400
REFS = (0, 7)
WAITS = st.sampled_from((1, 1, 3_600, DAY))
WHO = st.integers(0, 1)
REF = st.sampled_from(REFS)
EARLY = st.integers(0, 1)
# Of what there is: nothing, parts, all of it, and a share more.
PART = st.sampled_from((0, 1, 137, 500, 731, 1_000, 1_001))
REDEEM = "redeem(uint256,address,address,uint256,uint256)"
WITHDRAW = "withdraw(uint256,address,address)"


def part(amount: int, per_mille: int) -> int:
    return amount + 1 if per_mille == 1_001 else amount * per_mille // 1_000


class Leaving(RuleBasedStateMachine):
    """Two owners of shares and a trader, who is the third."""

    node: Node
    suite = None
    actors: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.node.rpc("evm_snapshot")
        self.mirror = Mirror(self.node, self.suite, self.actors, 0)
        self.model, self.vault = self.mirror.model, self.mirror.vault
        self.immature: dict = {}
        self.cancelled = None
        self.turn = 0

    def teardown(self) -> None:
        try:
            self._everybody_leaves()
        finally:
            self.node.undo(self.snapshot)

    @initialize(period=st.sampled_from((3_600, DAY)), window=st.sampled_from((0, DAY, 2 * DAY)))
    def begin(self, period, window):
        self.mirror.set_answer(1, 10_000 * 10**8)
        for who in range(2):
            self.deposit(who, 1, (1 + 2 * who) * 10**5)
        for name, amount in (("depositCollateral(uint256)", 20_000), ("open", 100_000)):
            self._trade(1, name, amount * WAD)
        self.periods(1, period, window)

    # -------------------------------------------------------------------------------------- owners

    @rule(who=WHO, ref=REF, wait=WAITS, per_mille=PART, plain=st.booleans())
    def request(self, who, ref, wait, per_mille, plain):
        self.mirror.foresee(wait)
        owner, ref = self.actors[who], 0 if plain else ref
        shares = part(self.model.vault.unlocked(owner, ref, self.model.now), per_mille)
        name, args = "requestRedeem(uint256,uint256)", (shares, ref)
        if plain:
            name, args = "requestRedeem(uint256)", (shares,)
        self._act(owner, wait, name, args, self.model.request_redeem, owner, shares, ref)

    @rule(who=WHO, ref=REF, per_mille=st.sampled_from((1, 50)))
    def request_often(self, who, ref, per_mille):
        """Until the queue is full, and once more."""
        for _ in range(9 - len(self.model.requests(self.actors[who], ref))):
            self.request(who, ref, 1, per_mille, False)

    @rule(who=WHO, ref=REF, wait=WAITS, per_mille=PART)
    def cancel(self, who, ref, wait, per_mille):
        self.mirror.foresee(wait)
        owner = self.actors[who]
        shares = part(sum(r[0] for r in self.model.requests(owner, ref)), per_mille)
        self.cancelled = owner, ref
        name, args = "cancelRequest(uint256,uint256)", (shares, ref)
        self._act(owner, wait, name, args, self.model.cancel_request, owner, shares, ref)

    @rule(who=WHO, ref=REF, per_mille=PART, early=EARLY, assets=st.booleans())
    def leave(self, who, ref, per_mille, early, assets):
        """As soon as a request has matured, or a second before; first of all there is one."""
        owner, ref, model = self.actors[who], 0 if assets else ref, self.model
        if not model.requests(owner, ref):
            self.request(who, ref, 1, 500, False)
        moments = [r[1] for r in model.requests(owner, ref) if r[1] > self.mirror.now]
        if moments and not model.redeemable_shares(owner, ref):
            self._wait_until(min(moments) - 1 - early)
        self.mirror.foresee(1)
        if assets:
            amount = part(model.max_withdraw(owner), per_mille)
            self._act(owner, 1, WITHDRAW, (amount, owner, owner), model.withdraw, owner, amount)
        else:
            amount = part(model.max_redeem(owner, ref), per_mille)
            args = (amount, owner, owner, 0, ref)
            self._act(owner, 1, REDEEM, args, model.redeem, owner, amount, ref=ref)

    @rule(who=WHO, ref=REF, which=st.integers(0, 7), early=EARLY)
    def let_lapse(self, who, ref, which, early):
        """Until a request lapses, or a second before."""
        requests = self.model.requests(self.actors[who], ref)
        moments = [r[2] for r in requests if r[2] and r[2] < self.mirror.now + 40 * DAY]
        if moments:
            self._wait_until(moments[which % len(moments)] - early)

    def _wait_until(self, moment):
        """With a price then."""
        if moment > self.mirror.now:
            self.mirror.set_answer(moment - self.mirror.now, self.mirror.good_answer)

    @rule(who=WHO, other=WHO, wait=WAITS, per_mille=PART, beyond=st.booleans())
    def transfer(self, who, other, wait, per_mille, beyond):
        self.mirror.foresee(wait)
        owner, to = self.actors[who], self.actors[other]
        unlocked = self.model.vault.unlocked(owner, 0, self.model.now)
        shares = part(self.model.vault.balance_of(owner) if beyond else unlocked, per_mille)
        name, args = "transfer(address,uint256)", (to, shares)
        self._act(owner, wait, name, args, self.model.transfer, owner, to, shares)

    @rule(who=WHO, wait=WAITS, dollars=st.integers(1, 10**5))
    def deposit(self, who, wait, dollars):
        owner, assets = self.actors[who], dollars * WAD
        name, args = "deposit(uint256,address)", (assets, owner)
        self._act(owner, wait, name, args, self.model.deposit, owner, assets)

    @rule(who=WHO, other=WHO, ref=REF, wait=WAITS)
    def clear_lapsed(self, who, other, ref, wait):
        name, args = "clearLapsed(address,uint256)", (self.actors[other], ref)
        self._act(self.actors[who], wait, name, args, self.model.clear_lapsed, *args)

    # ----------------------------------------------------------------------------- roles and market

    @rule(
        wait=WAITS,
        period=st.sampled_from((0, 1, 3_600, 3_600, DAY, DAY, 30 * DAY, 30 * DAY + 1)),
        window=st.sampled_from((0, DAY - 1, DAY, DAY, 2 * DAY, 365 * DAY, 365 * DAY + 1)),
    )
    def periods(self, wait, period, window):
        manager, model = self.suite.risk_manager.address, self.model
        for name, value, of_model in (
            ("setCooldownPeriod(uint256)", period, model.set_cooldown_period),
            ("setRedeemWindow(uint256)", window, model.set_redeem_window),
        ):
            self._act(manager, wait, name, (value,), of_model, value)

    @rule(wait=WAITS, stopped=st.booleans())
    def switch(self, wait, stopped):
        sender = self.suite.guardian if stopped else self.suite.admin
        name = "stopWithdrawals()" if stopped else "resumeWithdrawals()"
        switch = self.model.switch_withdrawals
        self._act(sender.address, wait, name, (), switch, stopped=stopped)

    @rule(
        wait=WAITS,
        dollars=st.sampled_from((0, 9_000, 9_700, 9_900, 10_000, 10_100, 10_400, 11_000)),
    )
    def price(self, wait, dollars):
        """0: the feed answers nonsense."""
        self.mirror.set_answer(wait, dollars * 10**8)

    @rule(wait=WAITS, per_mille=st.integers(1, 200))
    def realise(self, wait, per_mille):
        """The trader closes a part."""
        notional = self.model.position(self.actors[2]).entry_notional
        self._trade(wait, "decreasePosition(uint256)", notional * per_mille // 1_000)

    def _trade(self, wait, name, amount):
        trader, model = self.actors[2], self.model
        args, of_model = (amount,), model.decrease_position
        if name == "open":
            name, args = "openPositionWithSize(uint256,bool)", (amount, True)
            of_model = model.open_position_with_size
        elif name.startswith("deposit"):
            of_model = model.deposit_collateral
        self.mirror.act(trader, wait, name, args, lambda: of_model(trader, *args))

    # -------------------------------------------------------------------------------------- always

    @invariant()
    def agree(self):
        self.mirror.check()
        model = self.model
        before, self.immature = self.immature, {}
        for owner in self.actors[:2]:
            queues = [
                (view, owner, ref)
                for ref in REFS
                for view in ("requests", "redeemableShares", "maxRedeem", "maxWithdraw")
            ]
            locked, *found = self.node.read(
                (self.vault, "lockedShares(address)", owner),
                *((self.vault, f"{view}(address,uint256)", *of) for view, *of in queues),
            )
            assert locked == model.locked_shares(owner) <= model.vault.balance_of(owner), "V5"
            for ref, answers in zip(REFS, (found[:4], found[4:]), strict=True):
                assert answers == [
                    tuple(model.requests(owner, ref)),
                    model.redeemable_shares(owner, ref),
                    model.max_redeem(owner, ref),
                    model.max_withdraw(owner, ref),
                ]
                self._check_immature(owner, ref, before.get((owner, ref), []), answers[0])
        self.turn += 1
        self._check_exact(self.actors[self.turn % 2], REFS[self.turn // 2 % 2])
        self.cancelled = None

    def _check_immature(self, owner, ref, before, found):
        """V5: nobody's but their owner's cancelling ends requests before they have matured."""
        now = self.mirror.now
        self.immature[owner, ref] = [(r[0], r[1]) for r in found if r[1] > now]
        if self.cancelled != (owner, ref):
            still = [request for request in before if request[1] > now]
            assert self.immature[owner, ref][: len(still)] == still, "V5: left before its time"

    def _check_exact(self, owner, ref):
        """V3: what the views say goes through, one unit more does not."""
        most = self._read("maxRedeem(address,uint256)", owner, ref)
        if most:
            self.node.simulate(owner, self.vault, REDEEM, most, owner, owner, 0, ref)
        with pytest.raises(Reverted):
            self.node.simulate(owner, self.vault, REDEEM, most + 1, owner, owner, 0, ref)
        if ref == 0:
            most = self._read("maxWithdraw(address)", owner)
            if most:
                self.node.simulate(owner, self.vault, WITHDRAW, most, owner, owner)
            with pytest.raises(Reverted):
                self.node.simulate(owner, self.vault, WITHDRAW, most + 1, owner, owner)

    def _everybody_leaves(self):
        """V5: no share is lost. Without a cooldown whoever cancels what he has requested has all of
        his shares back."""
        self.switch(1, False)
        self.periods(1, 0, 0)
        for who, owner in enumerate(self.actors[:2]):
            for ref in REFS:
                self.clear_lapsed(who, who, ref, 1)
                if self.model.requests(owner, ref):
                    self.cancel(who, ref, 1, 1_000)
            held = self.model.vault.balance_of(owner)
            assert self._read("lockedShares(address)", owner) == 0, "V5"
            assert self._read("redeemableShares(address,uint256)", owner, 0) == held, "V5"

    def _read(self, view, *args):
        return self.node.read((self.vault, view, *args))[0]

    def _act(self, sender, wait, signature, args, of_model, *model_args, **named):
        def call():
            return of_model(*model_args, **named)

        return self.mirror.act(sender, wait, signature, args, call, self.vault)


def test_leaving__any_sequence__contract_and_model_agree(create_suite, project, crowd, chain):
    suite = create_suite()
    actors = crowd[:3]
    for actor in actors:
        suite.give(actor, 10**9 * WAD)
    names = ("Protocol", "Vault", "PrepToken", "ProtocolLens", "ChainlinkOracle", "MockAggregator")
    types = [getattr(project, name).contract_type for name in names]
    connection = Node(chain.provider.uri, *types)
    names = [actor.address for actor in actors]
    for name in [*names, *(a.address for a in (suite.admin, suite.risk_manager, suite.guardian))]:
        connection.rpc("anvil_impersonateAccount", name)

    class Machine(Leaving):
        node = connection
        actors = names

    Machine.suite = suite
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            # A failing sequence is short enough to read; making it shorter takes minutes.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
        ),
    )
