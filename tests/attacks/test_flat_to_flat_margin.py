"""Attack: any sequence of isolated positions, margin accounts on four markets, deposits,
withdrawals and deleverages, in one block and at one price, flat at the beginning and at the end.

Drawn and judged on the reference model; some sequences are then played against the contracts, which
must pay the attacker the same to the unit. Others have positions of their own, and are not closed
against their will here: what that takes from them is the subject of test_deleverage_sandwich.py.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prep.model import Rejected, System
from prep.model.results import CollateralChanged, Deposited, OrderExecuted, Withdrawn
from prep.node import Node
from tests.attacks.assets import dollars
from tests.attacks.conftest import STEEP
from tests.attacks.venue import DELEVERAGE_ACCOUNT, DELEVERAGE_TRADER, ORDER
from tests.suite import BTC, UNLIMITED, WAD, market_config, model_config

FREE = {"minPositionValue": 0}
FEES = {"openingFeeRate": WAD // 1_000, "closingFeeRate": WAD // 500}
# The first is that of isolated positions too.
MARKETS = (STEEP | FREE, BTC | FREE, STEEP | FREE, STEEP | FEES)
LIQUIDITY = dollars(20_000_000)
LARGEST = 300_000
CAPS = {"maxLongOIValue": 10 * WAD, "maxShortOIValue": dollars(100_000)}
SIGNATURES = {
    "deposit": "deposit(uint256,address)",
    "withdraw": "withdraw(uint256,address,address)",
    "redeem": "redeem(uint256,address,address)",
    "deposit_collateral": "depositCollateral(uint256)",
    "withdraw_collateral": "withdrawCollateral(uint256)",
    "open_position_with_token": "openPositionWithToken(uint256,bool)",
    "close_position": "closePosition()",
    "execute_order": ORDER,
    "close_all": "closeAll(uint256)",
    "deleverage_account": DELEVERAGE_ACCOUNT,
    "deleverage_trader": DELEVERAGE_TRADER,
}
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
# Others' positions: market, thousands of dollars; the price's move, per mille; hours; the target
# and whether sides are above their caps.
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
            self.model.add_market(model_config(market))
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
        self.begun = len(self.calls)
        if above_caps:
            for market, config in enumerate(MARKETS):
                self.model.set_market(market, model_config(config | CAPS))
        self.attacking = True

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


@pytest.fixture(scope="session")
def bazaar(create_suite, project, crowd, lp):
    """The markets, a client with money, and a quick node."""
    suite = create_suite(market=MARKETS[0])
    admin = suite.admin
    client = admin.deploy(project.MarginClient, suite.protocol, suite.prep)
    suite.protocol.setMarginClient(client, True, sender=admin)
    suite.prep.mint(client, dollars(10**9), sender=admin)
    oracles = []
    for market in MARKETS[1:]:
        oracles.append(admin.deploy(project.MockOracle, 10_000 * WAD))
        config = market_config(oracles[-1], market)
        suite.protocol.addMarket(config, sender=suite.risk_manager)
    for account in (lp, crowd[0]):
        suite.give(account, dollars(10**9))
    contracts = (suite.protocol, suite.vault, suite.prep, suite.deleverager, client, oracles[0])
    node = Node(suite.prep.provider.uri, *[c.contract_type for c in contracts])
    return suite, client, oracles, node


@settings(max_examples=12, deadline=None)
@given(scene=scenes, drawn=steps)
def test_contracts__any_sequence_at_one_price__paid_as_by_the_model(
    bazaar, isolated, crowd, lp, scene, drawn
):
    suite, client, _, node = bazaar
    own = crowd[0].address
    with isolated():
        start = node.time() + 1
        play = Scene(start, own, lp.address, client.address)
        for market in range(len(MARKETS)):
            state = suite.lens.marketState(market)
            play.model.markets[market].updated_at = state.updatedAt
        play.begin(*scene)
        play.attack(drawn)
        flat = play.end()
        if flat:
            play.check()

        wealth = None
        for number, (name, who, *args) in enumerate(play.calls):
            if number == play.begun:
                prepare(bazaar, play, scene)
                wealth = money(bazaar, own)
            node.at(start if number < play.begun else play.model.now)
            call = call_of(bazaar, name, who, args)
            done, _ = node.send(*call)
            assert done or node.simulate(*call), f"the contracts refuse {name}{args}"
        if wealth is not None:
            gained = money(bazaar, own) - wealth
            assert gained == dollars(2_000_000) - play.paid, "M6: paid otherwise than by the model"


def call_of(bazaar, name, who, args) -> tuple:
    """Sender, target, signature and arguments of what the model was told."""
    suite, client, *_ = bazaar
    anyone = suite.admin.address
    if name in ("execute_order", "close_all"):
        rest = (*args, False) if name == "execute_order" else args
        return (anyone, client.address, SIGNATURES[name], *rest)
    if name.startswith("deleverage"):
        return (anyone, suite.deleverager.address, SIGNATURES[name], who, *args)
    if name in ("deposit", "withdraw", "redeem"):
        receivers = [who] * (1 if name == "deposit" else 2)
        return (who, suite.vault.address, SIGNATURES[name], *args, *receivers)
    return (who, suite.protocol.address, SIGNATURES[name], *args)


def prepare(bazaar, play, scene) -> None:
    """Time passes, prices move, and the risk manager acts."""
    suite, _, oracles, node = bazaar
    node.at(play.model.now)
    node.mine()
    for market in range(len(MARKETS)):
        node.at(play.model.now)
        price = play.model.price(market)
        if market == 0:
            suite.set_answer(price // 10**10)
        else:
            call = (suite.admin.address, oracles[market - 1].address, "setPrice(uint256)", price)
            assert node.send(*call)[0]
    node.at(play.model.now)
    suite.vault.setTargetCollateralizationRatio(scene[3], sender=suite.risk_manager)
    if scene[4]:
        for market, config in enumerate(MARKETS):
            oracle = oracles[market - 1] if market else suite.oracle
            node.at(play.model.now)
            values = market_config(oracle, config | CAPS)
            suite.protocol.setMarket(market, values, sender=suite.risk_manager)


def money(bazaar, own) -> int:
    suite, client, _, node = bazaar
    prep = suite.prep.address
    return sum(node.read(*((prep, "balanceOf(address)", who) for who in (own, client.address))))
