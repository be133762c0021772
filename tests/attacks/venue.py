"""Several markets beside the first, and parties who trade on all of them.

A party has a margin client of its own, so what the party has is what its client has. Prices are
whole dollars, sizes base units of 18 decimals, wealth PREP base units.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import pytest

from prep.node import Node, Reverted
from tests.attacks.assets import dollars
from tests.suite import UNLIMITED, WAD, Suite, market_config

FUNDS = dollars(10**12)
LIQUIDITY = dollars(200_000_000)
ORDER = "executeOrder(uint256,uint256,int256,bool)"
DELEVERAGE_TRADER = "deleverage(address,uint256)"
DELEVERAGE_ACCOUNT = "deleverage(address,uint256,uint256,uint256)"
# Markets of a venue.
BTC_MARKET, PLAIN, STEEP_MARKET, FEES = range(4)
PRICE = 10_000


class Outcome(NamedTuple):
    """The contract's struct. `realised`: price PnL, funding, borrowing fee, closing fee."""

    size: int
    close_price: int
    realised: tuple[int, int, int, int]
    opening_fee: int
    protocol_fee: int
    settlement: int
    position: tuple[int, int, int, int]


@dataclass(frozen=True)
class Party:
    """Trades for its accounts through its client."""

    venue: "Venue"
    client: object

    def order(
        self, market: int, size: int, *, account: int = 1, reduce_only: bool = False
    ) -> Outcome:
        """Raises `Reverted`."""
        logs = self.venue.send(self.client, ORDER, account, market, size, reduce_only)
        (outcome,) = (log.args[3] for log in logs if log.name == "OrderExecuted")
        return Outcome(*outcome)

    def close(self, market: int, account: int = 1) -> Outcome:
        return self.order(market, -self.size(market, account), account=account)

    def close_all(self, account: int = 1) -> None:
        self.venue.send(self.client, "closeAll(uint256)", account)

    def position(self, market: int, account: int = 1) -> tuple:
        """Size, entry price, funding and borrowing index."""
        protocol = self.venue.suite.protocol.address
        signature = "marginPosition(address,uint256,uint256)"
        return self.venue.read(protocol, signature, self.client.address, account, market)

    def size(self, market: int, account: int = 1) -> int:
        return self.position(market, account)[0]

    def preview(self, market: int, size: int, account: int = 1) -> Outcome:
        """What an order would do."""
        protocol = self.venue.suite.protocol.address
        signature = "previewOrder(address,uint256,uint256,int256,bool)"
        call = (protocol, signature, self.client.address, account, market, size, False)
        return Outcome(*self.venue.read(*call))

    @property
    def wealth(self) -> int:
        """When flat, all there is."""
        prep = self.venue.suite.prep.address
        return self.venue.read(prep, "balanceOf(address)", self.client.address)


@dataclass
class Venue:
    """A suite with more markets."""

    suite: Suite
    node: Node
    oracles: list = field(default_factory=list)
    markets: list[dict] = field(default_factory=list)

    def add_market(self, project, market: dict) -> None:
        oracle = self.suite.admin.deploy(project.MockOracle, PRICE * WAD)
        manager = self.suite.risk_manager
        self.suite.protocol.addMarket(market_config(oracle, market), sender=manager)
        self.oracles.append(oracle)
        self.markets.append(market)

    def party(self, project) -> Party:
        suite = self.suite
        client = suite.admin.deploy(project.MarginClient, suite.protocol, suite.prep)
        suite.authority.grantRole(suite.authority.MINTER(), client, 0, sender=suite.admin)
        suite.protocol.setMarginClient(client, True, sender=suite.admin)
        client.fund(FUNDS, sender=suite.admin)
        return Party(self, client)

    def send(self, contract, signature: str, *args, sender=None) -> list:
        """The logs. Raises `Reverted`."""
        call = ((sender or self.suite.admin).address, contract.address, signature, *args)
        done, logs = self.node.send(*call)
        if not done:
            self.node.simulate(*call)
            raise AssertionError(f"{signature}{args} failed, but would not now")
        return logs

    def read(self, address: str, signature: str, *args):
        return self.node.read((address, signature, *args))[0]

    def set_price(self, market: int, price: int) -> None:
        """Dollars; of the first market through its feed."""
        if market == BTC_MARKET:
            self.suite.set_price(price)
        else:
            self.send(self.oracles[market - 1], "setPrice(uint256)", price * WAD)

    def configure(self, market: int, **changes) -> None:
        """The risk manager changes parameters of a market after the first."""
        config = market_config(self.oracles[market - 1], self.markets[market - 1] | changes)
        self.suite.protocol.setMarket(market, config, sender=self.suite.risk_manager)

    def set_target(self, ratio: int) -> None:
        vault, manager = self.suite.vault, self.suite.risk_manager
        vault.setTargetCollateralizationRatio(ratio, sender=manager)

    def deleverage(self, party: Party, market: int, size: int = UNLIMITED, account: int = 1) -> int:
        """By somebody. The settlement."""
        deleverager = self.suite.deleverager
        args = (party.client.address, account, market, size)
        logs = self.send(deleverager, DELEVERAGE_ACCOUNT, *args)
        return logs[-1].args[4]

    def refuses_as_busy(self, party: Party, market: int, size: int = UNLIMITED) -> None:
        """Something has changed this market in this block, so nobody is deleveraged in it."""
        with pytest.raises(Reverted) as raised:
            self.deleverage(party, market, size)
        assert (raised.value.name, raised.value.args_) == ("MarketBusy", (market,))

    def next_block(self) -> None:
        next_block(self.node)

    def state(self, market: int) -> tuple:
        return self.read(self.suite.lens.address, "marketState(uint256)", market)

    def skew(self, market: int) -> int:
        state = self.state(market)
        return state[0] - state[1]

    @property
    def liquidity(self) -> int:
        return self.read(self.suite.protocol.address, "liquidity()")

    @property
    def owed(self) -> int:
        """What the vault owes to traders on balance, price and funding."""
        exposure = self.read(self.suite.protocol.address, "exposure(bool)", False)
        return exposure[1] + exposure[2]

    @property
    def ratio(self) -> int:
        owed = self.owed
        return self.liquidity * WAD // owed if owed > 0 else UNLIMITED

    def custody_adds_up(self, *traders) -> bool:
        """M1 and M2, given all who have collateral."""
        suite = self.suite
        protocol, prep = suite.protocol.address, suite.prep.address
        liquidity, net, fees, custody, dust, *flows = self.node.read(
            (protocol, "liquidity()"),
            (protocol, "netDeposits()"),
            (protocol, "protocolFees()"),
            (prep, "balanceOf(address)", suite.vault.address),
            (prep, "balanceOf(address)", protocol),
            *((suite.lens.address, "cashFlow(uint256)", i) for i in range(len(self.markets) + 1)),
        )
        collateral = sum(suite.position(trader).collateral for trader in traders)
        held = custody == liquidity + collateral + fees[1] and dust == 0
        return held and liquidity == net + sum(map(sum, flows))


def next_block(node: Node) -> None:
    """A second later. What follows is in that block, where time stands still."""
    node.at(node.time() + 1)
    node.mine()


def eps(venue: Venue, market: int, *sizes: int) -> int:
    """What rounding may move over fills of these sizes, at the market's price."""
    if not venue.markets[market - 1]["skewScale"]:
        return len(sizes)
    price = venue.read(venue.oracles[market - 1].address, "price()")
    per_unit = price // WAD + 2
    return sum(abs(size) * per_unit // WAD + 2 for size in sizes) + per_unit


@dataclass(frozen=True)
class Pair:
    """Two positions of one party in the market without price impact, of opposite sizes: on balance
    nothing is owed for them. Once the price has doubled, the long account has won what the short
    one has lost."""

    venue: Venue
    party: Party
    long: int = 8
    short: int = 9

    def open(self, size: int) -> None:
        """Turn by turn, as the reserve is for the difference of the sides."""
        most = 10_000 * WAD
        while size:
            part = min(size, most)
            self.party.order(BTC_MARKET, part, account=self.long)
            self.party.order(BTC_MARKET, -part, account=self.short)
            size -= part

    def close_loser(self) -> int:
        """What is paid in."""
        return -self.party.close(BTC_MARKET, self.short).settlement

    def close_winner(self) -> int:
        return self.party.close(BTC_MARKET, self.long).settlement


def needed_to_fall_below(venue: Venue, target: int) -> int:
    """With liquidity L and debt D: the loss X that has to be paid in, and be owed elsewhere, for
    (L + X) / (D + X) to be the target; rounded down."""
    return (venue.liquidity * WAD - target * venue.owed) // (target - WAD)
