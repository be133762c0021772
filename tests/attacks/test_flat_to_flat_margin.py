"""Attack: any sequence of isolated positions, margin accounts on three markets, deposits, withdrawals
and deleverages, in one block and at one price, flat at the beginning and at the end.

Drawn and judged on the reference model; some sequences are then played against the contracts, which
must pay the attacker the same to the unit. Others have positions of their own, and are not closed
against their will here: what that takes from them is the subject of test_deleverage_sandwich.py.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.model import MarketConfig, Rejected, System
from prep.model.results import CollateralChanged, Deposited, OrderExecuted, Withdrawn
from tests.attacks.assets import dollars
from tests.attacks.conftest import STEEP
from tests.attacks.venue import DELEVERAGE_ACCOUNT, DELEVERAGE_TRADER, ORDER
from tests.node import Node
from tests.stateful.mirror import SNAKE
from tests.suite import BTC, UNLIMITED, WAD, market_config

FREE = {"minPositionValue": 0}
FEES = {"openingFeeRate": WAD // 1_000, "closingFeeRate": WAD // 500}
# The first is that of isolated positions too.
MARKETS = (STEEP | FREE, BTC | FREE, STEEP | FREE, STEEP | FEES)
LIQUIDITY = dollars(20_000_000)
LARGEST = 300_000
OWN_ACCOUNTS = (1, 2, 3)
OTHERS_ACCOUNTS = (11, 12)
KINDS = ["order"] * 6 + ["deposit", "redeem", "withdraw", "close_all", "isolated", "isolated_close"]
KINDS += ["deleverage", "deleverage_trader"]

steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(OWN_ACCOUNTS),
        st.integers(0, 3),
        # Thousandths of the largest, or dust.
        st.one_of(st.integers(1, 1_000).map(lambda p: p * 10**15), st.integers(1, 10**6)),
        st.booleans(),
    ),
    min_size=3,
    max_size=16,
)
# Others' positions: market, thousands of dollars; the price's move, per mille; hours; the target and
# whether sides are above their caps.
scenes = st.tuples(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-300, 300).filter(bool)), min_size=2, max_size=2
    ),
    st.integers(-50, 50),
    st.integers(0, 2_000),
    st.integers(0, 10).map(lambda t: t * WAD),
    st.booleans(),
)


class Scene:
    """A model, who acts on it, and the calls that it has accepted, to be played elsewhere."""

    def __init__(self, now, own, lp, client):
        self.own, self.lp, self.client = own, lp, client
        self.model = System(now=now)
        for market in MARKETS:
            self.model.add_market(MarketConfig(**{SNAKE[k]: v for k, v in market.items()}))
        for market in range(len(MARKETS)):
            self.model.set_price(market, 10_000 * WAD)
        self.model.set_margin_client(client, True)
        self.calls, self.fills, self.paid, self.attacking = [], [], 0, False
        self.act("deposit", lp, LIQUIDITY)

    def act(self, name, *args):
        """What the model returns, or None if it refuses."""
        try:
            result = getattr(self.model, name)(*args)
        except Rejected:
            return None
        self.calls.append((name, *args))
        if self.attacking:
            self._count(result)
        return result

    def _count(self, result):
        """Money from the attacker's wallets and his client, less what came back; and fills."""
        match result:
            case CollateralChanged():
                self.paid += result.amount
            case Deposited():
                self.paid += result.assets
            case Withdrawn():
                self.paid -= result.assets
            case OrderExecuted():
                self.paid -= result.settlement
                held = abs(result.position.size)
                self.fills += [held, abs(result.size), held]
            case list():
                for outcome in result:
                    self._count(outcome)
        for name in ("size_added", "size_removed"):
            self.fills += [abs(getattr(result, name, 0))]
        closed = getattr(result, "closed", None)
        if closed is not None:
            self._count(closed)

    def begin(self, positions, move, hours, target, above_caps):
        for account, (market, thousands) in zip(OTHERS_ACCOUNTS, positions, strict=False):
            size = thousands * WAD // 10
            self.act("execute_order", self.client, account, market, size)
        assert self.act("deposit_collateral", self.own, dollars(2_000_000))
        self.paid = dollars(2_000_000)
        self.model.now += hours * 3_600
        for market in range(len(MARKETS)):
            price = 10_000 * WAD * (1_000 + move * (market + 1)) // 1_000
            self.model.set_price(market, price // 10**10 * 10**10)
        self.model.set_target_collateralization_ratio(target)
        self.caps = above_caps
        if above_caps:
            for market, config in enumerate(MARKETS):
                changed = config | self.changes
                fields = {SNAKE[k]: v for k, v in changed.items()}
                self.model.set_market(market, MarketConfig(**fields))
        self.attacking = True

    changes = {"maxLongOIValue": 10 * WAD, "maxShortOIValue": dollars(100_000)}

    def attack(self, drawn):
        for kind, account, market, amount, is_long in drawn:
            size = LARGEST * amount // 10_000 * (1 if is_long else -1)
            match kind:
                case "order":
                    self.act("execute_order", self.client, account, market, size)
                case "close_all":
                    self.act("close_all", self.client, account)
                case "deleverage":
                    most = abs(size) if is_long else UNLIMITED
                    self.act("deleverage_account", self.client, account, market, most)
                case "deleverage_trader":
                    self.act("deleverage_trader", self.own, abs(size))
                case "isolated":
                    self.act("open_position_with_token", self.own, abs(size), is_long)
                case "isolated_close":
                    self.act("close_position", self.own)
                case "deposit":
                    self.act("deposit", self.own, amount * 10**8)
                case "withdraw":
                    self.act("withdraw", self.own, amount * 10**6)
                case "redeem":
                    held = self.model.vault.balance_of(self.own)
                    self.act("redeem", self.own, held * (amount % 1_000) // 1_000)

    def end(self):
        """The attacker leaves, with everything that may leave. Nothing holds him back but what
        others have open; then the sequence proves nothing."""
        for account in OWN_ACCOUNTS:
            self.act("close_all", self.client, account)
            for positions in self.model.margin_positions:
                if (self.client, account) in positions:
                    return False
        if self.model.position(self.own).id and not self.act("close_position", self.own):
            return False
        if self.model.vault.balance_of(self.own):
            self.act("redeem", self.own, self.model.max_redeem(self.own))
            if self.model.vault.balance_of(self.own) > 10**6:
                return False
        if collateral := self.model.position(self.own).collateral:
            assert self.act("withdraw_collateral", self.own, collateral)
        return True

    def check(self):
        price = max(self.model.price(market) for market in range(len(MARKETS)))
        per_unit = price // WAD + 2
        eps = sum(size * per_unit // WAD + 2 for size in self.fills) + per_unit
        assert self.model.cash_flow(0).bad_debt == 0, "V1: bad debt at an unchanged price"
        assert -self.paid <= eps, f"M6: {-self.paid} gained, eps {eps}"


@settings(max_examples=400, deadline=None)
@given(scene=scenes, drawn=steps)
def test_model__any_sequence_at_one_price__no_gain(scene, drawn):
    play = Scene(0, "x", "lp", "client")
    play.begin(*scene)
    play.attack(drawn)
    if play.end():
        play.check()
