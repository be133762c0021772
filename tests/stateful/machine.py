"""What all rules of the machine share: who acts, how an action goes to contracts and model, and
what is checked after every step."""

from contextlib import suppress

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from prep.model import Rejected
from prep.node import Node, Reverted
from tests.stateful.mirror import HEARTBEAT, Mirror
from tests.suite import UNLIMITED, WAD

FUNDS = 10_000_000 * WAD
DAY = 86_400
WAIT = st.sampled_from((1, 12, 3_600, DAY))
ANY = st.integers(0, 4)
PER_MILLE = st.integers(1, 1_000)
CAPS = st.one_of(st.just(UNLIMITED), st.integers(1_000, 3_000_000).map(lambda c: c * WAD))


class Machine(RuleBasedStateMachine):
    """All five actors trade and liquidate, two of them provide liquidity. Rules pick actors for
    whom the action makes sense; `misuse` does the rest. Anybody trades for the margin accounts."""

    node: Node
    suite = None
    actors: list[str]
    rate: int
    client: str
    oracles: list
    configs: list[dict]

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.node.rpc("evm_snapshot")
        self.mirror = Mirror(
            self.node, self.suite, self.actors, self.rate, self.client, self.oracles, self.configs
        )
        self.model = self.mirror.model

    def teardown(self) -> None:
        self.node.undo(self.snapshot)

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
        return [i for i, a in enumerate(self.actors) if self.model.vault.balance_of(a)]

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
