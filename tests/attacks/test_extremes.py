"""Attack: orders at the ends of what the arithmetic allows, to make it overflow: for one's own
order, or, by an open position, for everything that values the vault.

Whatever contracts and model do, they do alike, to the unit, or refuse with the same named error.
Views never fail. What was opened can be closed at any later price at which what is owed fits into
128 bits, and is within what the vault has; beyond, the refusal has a name. docs/known-issues.md
"""

import copy
import itertools

import pytest

from prep.model import Rejected, System
from prep.node import Node, Reverted
from tests.attacks.venue import ORDER
from tests.suite import BTC, UNLIMITED, WAD, market_config, model_config

MAX_SIZE, MAX_PRICE, MAX_SCALE, MAX_COST = 10**30, 10**36, 10**36, 10**37
YEAR = 365 * 86_400
# What is refused because somebody would be paid more than there is, or more than 128 bits hold.
BEYOND = {
    "VaultCannotPay",
    "SafeCastOverflowedIntDowncast",
    "SafeCastOverflowedUintDowncast",
}
OPEN = BTC | {
    "maxFundingVelocity": 1_000 * WAD,
    "openingFeeRate": WAD // 10,
    "closingFeeRate": WAD // 10,
    "reserveFactor": 0,
    "minPositionValue": 0,
}
SIZES = (1, 10**9 + 1, 10**24 - 1, MAX_SIZE - 1, MAX_SIZE)
PRICES = (1, 10**9 + 7, 10**25, 60_123 * 10**28 + 7, MAX_PRICE)
LATER = (1, 10**9 + 7, 10**25, MAX_PRICE)
SCALES = (0, 1, 120, 10**18, 10**30, MAX_SCALE)

pytestmark = pytest.mark.usefixtures("one_block")


class Twin:
    """A market and its model. Views that must never fail are read after every step."""

    def __init__(self, suite, node, client, oracle, scale):
        self.suite, self.node, self.client, self.oracle = suite, node, client, oracle
        self.protocol, self.lens = suite.protocol.address, suite.lens.address
        self.config = OPEN | {"skewScale": scale}
        self.model = System(now=node.time())
        for market in (suite.market, self.config):
            self.model.add_market(model_config(market))
        self.model.set_price(0, suite.price())
        self.model.set_margin_client(client.address, True)
        self.model.deposit("lp", MAX_COST)

    def set_price(self, price):
        self.model.set_price(1, price)
        call = (self.suite.admin.address, self.oracle.address, "setPrice(uint256)", price)
        assert self.node.send(*call)[0]

    def wait(self, seconds):
        self.model.now += seconds
        self.node.at(self.model.now)
        self.node.mine()

    def order(self, account, size):
        """The settlement; or None if both refuse, for the same reason."""
        call = (self.suite.admin.address, self.client.address, ORDER, account, 1, size, False)
        try:
            expected = self.model.execute_order(self.client.address, account, 1, size)
        except Rejected as refused:
            self._refused_alike(refused, call)
            return None
        done, logs = self.node.send(*call)
        if not done:
            self.node.simulate(*call)
        outcome = next(log.args[3] for log in logs if log.name == "OrderExecuted")
        assert outcome[5] == expected.settlement, "contracts and model differ"
        assert outcome[6] == tuple(expected.position), "contracts and model differ"
        return expected.settlement

    def _refused_alike(self, refused, call):
        with pytest.raises(Reverted) as reverted:
            self.node.simulate(*call)
        self.refused, seen = refused, reverted.value
        same = (seen.name, seen.args_) == (refused.name, refused.args)
        if refused.name in BEYOND:
            # Several amounts can be too large at once; which is named first does not matter.
            same = seen.name in BEYOND
        assert same, f"model {refused}, contracts {seen}"

    def held(self, account):
        return self.model.margin_position(self.client.address, account, 1).size

    def close(self, account):
        return self.order(account, -self.held(account))

    def look(self):
        """All that others depend on."""
        vault, deleverager = self.suite.vault.address, self.suite.deleverager.address
        e, upper, lower, *_ = self.node.read(
            (self.protocol, "exposure(bool)", False),
            (vault, "upperValue()"),
            (vault, "lowerValue()"),
            (self.protocol, "exposure(bool)", True),
            (self.lens, "market(uint256)", 1),
            (self.lens, "marketBooks(uint256)", 1),
            (self.lens, "accounting()"),
            (self.lens, "vault()"),
            (vault, "maxWithdraw(address)", self.suite.admin.address),
            (vault, "maxRedeem(address)", self.suite.admin.address),
            (vault, "maxDeposit(address)", self.suite.admin.address),
            (vault, "maxMint(address)", self.suite.admin.address),
            (vault, "convertToShares(uint256)", WAD),
            (vault, "previewDeposit(uint256)", WAD),
        )
        own = self.model.exposure()
        seen = (e[1], e[2], e[3], e[4])
        assert seen == (own.seq_pnl, own.funding, own.borrowing, own.reserves), "P2: exposure"
        assert (upper, lower) == (self.model.upper_value(), self.model.lower_value()), "V1"
        for account in (1, 2):
            if self.held(account):
                args = (self.client.address, account, 1, UNLIMITED)
                signature = "deleverage(address,uint256,uint256,uint256)"
                with pytest.raises(Reverted, match="NothingToDeleverage"):
                    self.node.simulate(self.suite.admin.address, deleverager, signature, *args)


@pytest.fixture(scope="session")
def bounds(create_suite, project, lp):
    """One market, configured anew for each skew scale, and a vault as full as it gets."""
    suite = create_suite()
    admin = suite.admin
    client = admin.deploy(project.MarginClient, suite.protocol, suite.prep)
    suite.authority.grantRole(suite.authority.MINTER(), client, 0, sender=admin)
    suite.protocol.setMarginClient(client, True, sender=admin)
    client.fund(10**60, sender=admin)
    oracle = admin.deploy(project.MockOracle, WAD)
    suite.protocol.addMarket(market_config(oracle, OPEN), sender=suite.risk_manager)
    suite.provide(lp, MAX_COST)
    contracts = (suite.protocol, suite.vault, suite.prep, suite.lens, suite.deleverager)
    types = [c.contract_type for c in (*contracts, client, oracle)]
    return suite, Node(suite.prep.provider.uri, *types), client, oracle


@pytest.fixture
def twin(bounds):
    suite, node, client, oracle = bounds

    def create(scale):
        config = market_config(oracle, OPEN | {"skewScale": scale})
        suite.protocol.setMarket(1, config, sender=suite.risk_manager)
        return Twin(suite, node, client, oracle, scale)

    return create


@pytest.mark.parametrize("scale", SCALES)
def test_execute_order__ends_of_the_range__as_the_model_and_closable(twin, scale):
    """Two accounts on both sides, then a year, with all the funding and fees that there can be, at
    prices from the smallest to the largest."""
    twin = twin(scale)
    node, opened, closed = twin.node, 0, 0
    start = twin.model
    for size, price, sign in itertools.product(SIZES, PRICES, (1, -1)):
        snapshot, twin.model = node.rpc("evm_snapshot"), copy.deepcopy(start)
        twin.set_price(price)
        if twin.order(1, sign * size) is not None:
            opened += 1
            twin.order(2, -sign * (size // 3 + 1))
            twin.look()
            held = twin.model
            for later in LATER:
                inner, twin.model = node.rpc("evm_snapshot"), copy.deepcopy(held)
                twin.wait(YEAR)
                twin.set_price(later)
                twin.look()
                for account in (1, 2):
                    if twin.held(account) and twin.close(account) is None:
                        # More than the vault has, or than 128 bits hold: 1.7e20 dollars.
                        assert twin.refused.name in BEYOND, f"P6: {twin.refused}"
                        assert max(map(abs, twin.refused.args)) > MAX_COST, f"P6: {twin.refused}"
                    else:
                        closed += 1
                twin.look()
                node.undo(inner)
        node.undo(snapshot)
    assert opened, "nothing could be opened"
    assert closed > opened


@pytest.mark.parametrize("sign", [1, -1], ids=["long", "short"])
@pytest.mark.parametrize(
    "size, price, error",
    [
        (MAX_SIZE + 1, 1, ("AmountOutOfBounds", (MAX_SIZE + 1, MAX_SIZE))),
        (2**255 - 1, 1, ("AmountOutOfBounds", (2**255 - 1, MAX_SIZE))),
        (MAX_SIZE, 10**25 + 1, ("AmountOutOfBounds", (MAX_COST + 10**12, MAX_COST))),
        (0, 1, ("ZeroAmount", ())),
        (1, 0, ("PriceOutOfBounds", (0, MAX_PRICE))),
        (1, MAX_PRICE + 1, ("PriceOutOfBounds", (MAX_PRICE + 1, MAX_PRICE))),
        (1, 2**256 - 1, ("PriceOutOfBounds", (2**256 - 1, MAX_PRICE))),
    ],
)
def test_execute_order__one_beyond_a_bound__says_which(twin, sign, size, price, error):
    twin = twin(0)
    twin.set_price(price)
    assert twin.order(1, sign * size) is None
    assert (twin.refused.name, twin.refused.args) == error


def test_execute_order__smallest_integer__refused(twin):
    """It has no absolute value that fits."""
    twin = twin(0)
    call = (twin.suite.admin.address, twin.client.address, ORDER, 1, 1, -(2**255), False)
    with pytest.raises(Reverted) as reverted:
        twin.node.simulate(*call)
    assert (reverted.value.name, reverted.value.args_) == ("AmountOutOfBounds", (2**255, MAX_SIZE))


@pytest.mark.parametrize("size", [1, 10**12, MAX_SIZE])
def test_execute_order__open_interest_full__others_can_still_close(twin, size):
    """A side that is full, to the unit, with accounts that are next to nothing beside it."""
    twin = twin(0)
    twin.set_price(1)
    assert twin.order(2, 1) is not None
    assert twin.order(1, MAX_SIZE - 1) is not None
    assert twin.order(3, 1) is None
    assert twin.refused == Rejected("AmountOutOfBounds", MAX_SIZE + 1, MAX_SIZE)
    assert twin.order(1, -min(size, MAX_SIZE - 2)) is not None, "P6"
    assert twin.close(2) is not None, "P6"
    assert twin.close(1) is not None, "P6"
