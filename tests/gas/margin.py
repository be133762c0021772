"""Asset-backed positions, with the gas of every action and of the swap inside of it.

In ordinary circumstances: everybody has some of each token, the pools and the treasury too, lenders
have lent to another borrower besides, and every action comes an hour after the one before. What is
the first of its kind in all is so by its name.
"""

from dataclasses import dataclass

from prep.margin.data import Payout, Position
from tests.margin_suite import (
    CAP,
    DEVIATION,
    DOLLARS,
    FUNCTIONS,
    LEVERAGE,
    LIQUIDATION_FEE,
    MAINTENANCE,
    PREP,
    TERMS,
    USD,
    WETH,
    MarginSuite,
    Side,
    _plain,
)
from tests.suite import ZERO_ADDRESS

PAIRS = {"check price": (WETH, PREP), "limits": (WETH, USD)}
HOUR = 3_600
HEARTBEAT = 7 * 86_400
INDEXED = 1
"""`BorrowerKind`."""
ZERO_BYTE, OTHER_BYTE = 4, 16
"""Of call data."""


@dataclass(frozen=True)
class Gas:
    """Of a transaction, and of the call of the router in it."""

    total: int
    swap: int

    @property
    def rest(self) -> int:
        return self.total - self.swap


def use_feed(margin: MarginSuite, project, pair):
    """An adapter over a feed is the check price of a pair from now on. The feed."""
    deploy = margin.admin.deploy
    feed = deploy(project.MockAggregator, 8, "BASE / USD", DOLLARS[pair[0]] * 10**8)
    margin.node.interface.learn(feed.contract_type)
    config = feed, HEARTBEAT, 18, 0, 0, ZERO_ADDRESS, 0
    oracle = deploy(project.ChainlinkOracle, config)
    terms = oracle.address, LEVERAGE, MAINTENANCE, LIQUIDATION_FEE, DEVIATION, 0, 0, False
    tokens = (margin.tokens[symbol].address for symbol in pair)
    call = margin.controller, f"setPair(address,address,{TERMS})", *tokens, terms
    margin.send(margin.risk_manager, *call)
    return feed


class Day:
    """One side and one pair. `feed`: of the check price, if there is one."""

    def __init__(self, margin: MarginSuite, side: Side, pair, feed, trader, other) -> None:
        self.margin, self.side, self.pair, self.feed = margin, side, pair, feed
        self.trader, self.other = trader, other
        self.gas: dict[str, Gas] = {}
        self.now = margin.time()
        self.dollars = DOLLARS[pair[0]]
        for symbol in pair:
            margin.give(trader, symbol, margin.units(symbol, 10_000_000))
            self._lend_to_another(symbol)

    def _lend_to_another(self, symbol: str) -> None:
        """A debt that grows by itself."""
        margin, vault = self.margin, self.margin.lending[symbol]
        register = vault, "registerBorrower(address,uint8,uint256)"
        margin.send(margin.admin, *register, self.other.address, INDEXED, CAP)
        amount = margin.units(symbol, 100_000) // DOLLARS[symbol]
        call = vault, "borrow(uint256,address)", amount, self.other.address
        margin.send(self.other, *call)

    def everybody_has_some(self) -> None:
        """But the liquidator, who gets his first by his first liquidation."""
        margin = self.margin
        people = margin.treasury, self.side.address, margin.router
        for symbol in self.pair:
            for who in (*people, self.other.address):
                margin.send(margin.admin, margin.tokens[symbol], "mint(address,uint256)", who, 1)

    # ---------------------------------------------------------------------------------------- doing

    def act(self, name: str | None, function: str, *args, who=None):
        """Its logs. The numbers do not depend on the time or on which bytes of a signature are
        zero: both are counted as if none was."""
        margin, node = self.margin, self.margin.node
        self.now += HOUR
        node.at(self.now)
        sender = (who or self.trader).address
        call = sender, self.side.address, FUNCTIONS[function], *map(_plain, args)
        _, (tx,) = node.sending(*call)
        receipt = node.rpc("eth_sendTransactionSync", tx)
        if int(receipt["status"], 16) != 1:
            node.rpc("eth_call", tx, "latest")
        if name:
            assert name not in self.gas, f"{name} is measured twice"
            trace = node.rpc(
                "debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"}
            )
            router = margin.router.lower()
            swaps = [int(c["gasUsed"], 16) for c in trace["calls"] if c["to"] == router]
            zeros = sum(_changing(arg).count(0) for arg in args)
            total = int(receipt["gasUsed"], 16) + zeros * (OTHER_BYTE - ZERO_BYTE)
            self.gas[name] = Gas(total, sum(swaps))
        return [node._log(log) for log in receipt["logs"]]

    def interest(self, position: Position) -> int:
        """The highest at the time of the next action."""
        return self.margin.max_interest(self.side, position, self.now + HOUR)

    def open(self, name: str | None, dollars: int = 10_000) -> Position:
        """On so much, and a fee; twice as much is borrowed."""
        margin, (base, quote) = self.margin, self.pair
        down, principal = margin.units(quote, dollars), 2 * margin.units(quote, dollars)
        if not self.side.is_long:
            principal = 2 * margin.units(base, dollars) // self.dollars
        fee = margin.units(quote, dollars) // 1_000
        request = margin.open_request(self.side, self.trader, self.pair, down, principal, fee=fee)
        logs = self.act(name, "open", request, margin.signed(self.side, request))
        return margin.after(logs, "PositionOpened")

    def increase(self, name: str | None, position: Position) -> Position:
        margin = self.margin
        down = margin.units(self.pair[1], 1_000)
        principal = down if self.side.is_long else margin.units(WETH, 1_000) // self.dollars
        changes = {"fee": margin.units(self.pair[1], 1), "interest": self.interest(position)}
        request = margin.increase_request(self.side, position, down, principal, **changes)
        args = request, margin.signed(self.side, request), position
        return margin.after(self.act(name, "increase", *args), "PositionIncreased")

    def collateral(self, name: str | None, position: Position, dollars: int) -> Position:
        margin, held = self.margin, self.side.held(self.pair)
        each = self.dollars if held == WETH else 1
        amount = margin.units(held, abs(dollars)) // each * (1 if dollars > 0 else -1)
        request = margin.collateral_request(position, amount)
        function = "add" if amount > 0 else "remove"
        args = request, margin.signed(self.side, request), position
        return margin.after(self.act(name, function, *args), "CollateralChanged")

    def close(self, name: str | None, position: Position, part: int = 1) -> Position:
        margin = self.margin
        changes = {"interest": self.interest(position), "fee": margin.units(self.pair[1], 10)}
        amount = position.collateral // part
        request = margin.close_request(self.side, position, amount, **changes)
        args = request, margin.signed(self.side, request), position, Payout.TOKEN
        return margin.after(self.act(name, "close", *args), "PositionClosed")

    def exit(self, name: str, position: Position) -> None:
        margin, whole = self.margin, position.collateral
        data = margin.closing_swap(self.side, position, whole, self.interest(position))
        self.act(name, "exit", position, margin.router, data, 0, Payout.TOKEN)

    def execute(self, name: str, order_of, position: Position) -> None:
        """An order that any price fulfils, signed by the trader."""
        margin = self.margin
        order = order_of(position, self.side.is_long)
        changes = {"interest": self.interest(position), "fee": margin.units(self.pair[1], 10)}
        request = margin.close_request(self.side, position, **changes)
        signatures = margin.signed(self.side, order, self.trader), margin.signed(self.side, request)
        args = order, signatures[0], request, signatures[1], position
        self.act(name, "execute", *args, who=margin.executor)

    def record(self, name: str | None, positions: list[Position]) -> list[Position]:
        interests = [self.interest(position) for position in positions]
        self.act(name, "record", positions, interests, who=self.margin.executor)
        return [
            position._replace(
                principal=position.principal + interest,
                last_funding_timestamp=self.now,
                nonce=position.nonce + 1,
            )
            for position, interest in zip(positions, interests, strict=True)
        ]

    def liquidate(self, name: str, position: Position, who=None) -> None:
        """By the liquidator, or anybody else, who needs a mark."""
        margin, interest = self.margin, self.interest(position)
        data = margin.seizing_swap(self.side, position, interest)
        if who is None:
            args = position, interest, margin.router, data
            logs = self.act(name, "liquidate", *args, who=margin.liquidator)
        else:
            logs = self.act(name, "liquidate_marked", position, margin.router, data, who=who)
        bad_debt = margin.closing(logs, "PositionLiquidated").bad_debt
        assert (bad_debt != 0) == ("bad debt" in name), f"{name}: {bad_debt}"

    def move(self, percent: int) -> None:
        """The exchange's price, and the check price, to so much of what they are."""
        self.margin.move_market(self.other, self.pair, percent)
        self.dollars = self.dollars * percent // 100
        if self.feed:
            call = self.feed, "setAnswer(int256)", self.dollars * 10**8
            self.margin.send(self.margin.admin, *call)


def _changing(arg) -> bytes:
    """What of an argument depends on the time or the time of day: signatures, and when a position
    was funded."""
    if isinstance(arg, list):
        return b"".join(map(_changing, arg))
    if isinstance(arg, Position):
        return arg.last_funding_timestamp.to_bytes(4)
    return arg if isinstance(arg, bytes) and len(arg) == 65 else b""


def live(day: Day, order_of) -> dict[str, Gas]:
    """Every action once."""
    first = day.open("open, first of all")
    day.close("close, first of all", first)
    day.everybody_has_some()
    position = day.open("open")
    position = day.increase("increase", position)
    position = day.collateral("add collateral", position, 1_000)
    position = day.collateral("remove collateral", position, -500)
    position = day.close("close, a third", position, 3)
    day.close("close", position)
    day.exit("exit", day.open(None))
    day.execute("execute order", order_of, day.open(None))
    crowd = [day.open(None, 1_000) for _ in range(11)]
    crowd[:1] = day.record("record interest, one position", crowd[:1])
    crowd[1:] = day.record("record interest, 10 positions", crowd[1:])

    day.move(69 if day.side.is_long else 145)
    if day.feed:
        day.act("mark", "mark", crowd[0], who=day.other)
        day.liquidate("liquidate marked", crowd[0], who=day.other)
    day.liquidate("liquidate, first-time liquidator", crowd[1])
    day.liquidate("liquidate", crowd[2])
    day.move(88 if day.side.is_long else 113)
    day.liquidate("liquidate, bad debt", crowd[3])
    return day.gas
