"""Prices, time and parameters."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.stateful.machine import ANY, CAPS, DAY, WAIT, Machine
from tests.stateful.mirror import HEARTBEAT
from tests.suite import WAD


class OracleRules(Machine):
    """Prices, time and parameters."""

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
