"""Attack: any sequence of actions by several own addresses, in one block and at one price, flat at
the beginning and at the end.

Sequences are drawn and judged on the reference model, which is quick; some are then played against
the contracts, which must pay the attacker the same to the unit. Collateral is ample here: what a
trader cannot pay is the subject of test_skew_bad_debt.py.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.model import Rejected, System
from prep.model.results import (
    CollateralChanged,
    Deposited,
    PositionDecreased,
    PositionIncreased,
    Withdrawn,
)
from prep.node import Node
from tests.attacks.assets import dollars
from tests.attacks.conftest import LIQUIDITY, STEEP
from tests.suite import BTC, WAD, model_config

SIGNATURES = {
    "deposit_collateral": "depositCollateral(uint256)",
    "withdraw_collateral": "withdrawCollateral(uint256)",
    "open_position_with_size": "openPositionWithSize(uint256,bool)",
    "open_position_with_token": "openPositionWithToken(uint256,bool)",
    "increase_position": "increasePosition(uint256)",
    "decrease_position": "decreasePosition(uint256)",
    "close_position": "closePosition()",
    "deposit": "deposit(uint256,address)",
    "mint": "mint(uint256,address)",
    "withdraw": "withdraw(uint256,address,address)",
    "redeem": "redeem(uint256,address,address)",
}
KINDS = [
    *SIGNATURES,
    # What makes positions, and so everything else, is drawn more often.
    "open_position_with_size",
    "open_position_with_token",
    "increase_position",
    "decrease_position",
]
MARKETS = {
    "plain": BTC,
    "plain, dust": BTC | {"minPositionValue": 0},
    "steep": STEEP,
    "steep, dust": STEEP | {"minPositionValue": 0},
    "steep, fees": STEEP | {"openingFeeRate": WAD // 1_000, "closingFeeRate": WAD // 500},
}
VAULT_CALLS = ("deposit", "mint", "withdraw", "redeem")
# One position of the attacker is worth at most this. A side of a steep market holds 500,000.
LARGEST = dollars(300_000)

steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.integers(0, 2),
        # Parts of the largest, or dust.
        st.one_of(st.integers(1, 1_000).map(lambda p: LARGEST * p // 1_000), st.integers(1, 10**6)),
        st.booleans(),
    ),
    min_size=2,
    max_size=14,
)
# Others' positions before the attack, in thousands of dollars; the price, in cents; the wait, in
# hours.
scenes = st.tuples(
    st.lists(st.integers(-160, 160).filter(bool), max_size=3),
    st.integers(950_000, 1_050_000),
    st.integers(0, 2_000),
)


class Scene:
    """A model, who acts on it, and the calls that it has accepted."""

    def __init__(self, market: dict, now: int, others: list, own: list, lp) -> None:
        self.model = System(now=now)
        self.model.add_market(model_config(market))
        self.model.set_price(0, 10_000 * WAD)
        self.others, self.own = others, own
        self.calls: list[tuple] = []
        self.fills: list[int] = []
        # From the attacker's wallets, less what came back.
        self.paid = 0
        self.act(lp, "deposit", LIQUIDITY)

    def act(self, who, name: str, *args) -> bool:
        """Whether the model accepts it; then it is noted, to be played elsewhere."""
        try:
            result = getattr(self.model, name)(who, *args)
        except Rejected:
            return False
        parties = {"deposit": 1, "mint": 1, "withdraw": 2, "redeem": 2}.get(name, 0)
        self.calls.append((who, name, *args, *[who] * parties))
        if who in self.own:
            match result:
                case CollateralChanged():
                    self.paid += result.amount
                case Deposited():
                    self.paid += result.assets
                case Withdrawn():
                    self.paid -= result.assets
                case PositionIncreased():
                    self.fills.append(result.size_added)
                case PositionDecreased():
                    self.fills.append(result.size_removed)
        return True

    def begin(self, positions: list[int], cents: int, hours: int) -> None:
        """Others open, time passes and the price moves. The attacker has collateral."""
        for who, thousands in zip(self.others, positions, strict=False):
            assert self.act(who, "deposit_collateral", dollars(400_000))
            size = dollars(1_000) * abs(thousands)
            assert self.act(who, "open_position_with_size", size, thousands > 0)
        for who in self.own:
            assert self.act(who, "deposit_collateral", 3 * LARGEST)
        self.model.now += hours * 3_600
        self.model.set_price(0, cents * WAD // 100)

    def attack(self, drawn: list[tuple]) -> None:
        for kind, which, amount, is_long in drawn:
            who = self.own[which]
            shares = self.model.vault.balance_of(who)
            args = {
                "open_position_with_size": (amount, is_long),
                "open_position_with_token": (amount * WAD // self.model.price(0), is_long),
                "close_position": (),
                # Large against the vault, so that the value of a share matters.
                "deposit": (amount * 100,),
                "mint": (amount * 10**8,),
                "redeem": (shares * (amount % 1_000) // 1_000,),
            }
            self.act(who, kind, *args.get(kind, (amount,)))

    def end(self) -> None:
        """The attacker leaves, with everything."""
        for who in self.own:
            if self.model.position(who).id:
                assert self.act(who, "close_position")
        for who in self.own:
            if shares := self.model.max_redeem(who):
                assert self.act(who, "redeem", shares)
            # What is left is worth less than a unit.
            assert self.model.max_withdraw(who) == 0
            if collateral := self.model.position(who).collateral:
                assert self.act(who, "withdraw_collateral", collateral)

    def check(self) -> None:
        """M6."""
        price, scale = self.model.price(0), self.model.markets[0].config.skew_scale
        eps = len(self.fills)
        if scale:
            per_unit = price // WAD + 2
            eps = sum(abs(size) * per_unit // WAD + 2 for size in self.fills) + price // WAD + 2
        assert self.model.cash_flow(0).bad_debt == 0, "V1: bad debt at an unchanged price"
        assert -self.paid <= eps, f"M6: {-self.paid} gained, eps {eps}"


@pytest.mark.parametrize("market", MARKETS.values(), ids=MARKETS)
@settings(max_examples=150, deadline=None)
@given(scene=scenes, drawn=steps)
def test_model__any_sequence_at_one_price__no_gain(market, scene, drawn):
    play = Scene(market, 0, ["p", "q", "r"], ["x", "y", "z"], "lp")
    play.begin(*scene)
    play.attack(drawn)
    play.end()
    play.check()


@pytest.fixture(scope="session")
def suites(create_suite, crowd, lp):
    """One for each market, empty; all have PREP. With a node that plays quickly."""
    result = {}
    for name, market in MARKETS.items():
        result[name] = create_suite(market=market)
        for account in (lp, *crowd[:6]):
            result[name].give(account, dollars(10_000_000_000))
    return result


@pytest.mark.parametrize("market", MARKETS)
@settings(max_examples=4, deadline=None)
@given(scene=scenes, drawn=steps)
def test_contracts__any_sequence_at_one_price__no_gain(
    suites, chain, isolated, crowd, lp, market, scene, drawn
):
    suite = suites[market]
    others, own = crowd[:3], crowd[3:6]
    contracts = (suite.protocol, suite.vault, suite.prep, suite.feed)
    node = Node(chain.provider.uri, *[c.contract_type for c in contracts])
    with isolated():
        updated_at = suite.lens.marketState(0).updatedAt
        play = Scene(suite.market, updated_at, others, own, lp)
        play.model.now = node.time() + 1
        play.begin(*scene)
        waited = len(play.calls)
        before = wallets(node, suite, own)
        play.attack(drawn)
        play.end()
        play.check()

        start = play.model.now - scene[2] * 3_600
        for number, (who, name, *args) in enumerate(play.calls):
            if number == waited:
                node.at(play.model.now)
                answer = scene[1] * 10**6
                assert node.send(own[0].address, suite.feed.address, "setAnswer(int256)", answer)[0]
            node.at(start if number < waited else play.model.now)
            target = suite.protocol if name not in VAULT_CALLS else suite.vault
            plain = [getattr(arg, "address", arg) for arg in args]
            done, _ = node.send(who.address, target.address, SIGNATURES[name], *plain)
            assert done, f"the contracts refuse {name}{plain}"
        gained = wallets(node, suite, own) - before
        assert gained == -play.paid, "M6: the contracts pay something else than the model"


def wallets(node: Node, suite, accounts) -> int:
    balances = [(suite.prep.address, "balanceOf(address)", a.address) for a in accounts]
    return sum(node.read(*balances))
