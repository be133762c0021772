"""What a trader of asset-backed positions does with requests, by name."""

from dataclasses import dataclass

from prep.margin.data import CloseRequest, Order, Payout, Position
from prep.margin.typed import sign
from prep.node import Log
from tests.exchange import FOREVER
from tests.margin_suite import PREP, WETH, MarginSuite, Side
from tests.suite import WAD

PAIR = (WETH, PREP)
DOWN = 1_000 * WAD
HALF_ETHER = WAD // 2
KINDS = ("open", "increase", "close", "add", "remove")
EVENTS = {
    "open": "PositionOpened",
    "increase": "PositionIncreased",
    "close": "PositionClosed",
    "add": "CollateralChanged",
    "remove": "CollateralChanged",
}


@dataclass(frozen=True)
class Acts:
    """On one pool. Requests for what there is come a minute later, with 1 unit of interest."""

    margin: MarginSuite
    side: Side

    def request(self, kind: str, trader, position: Position | None = None, pair=PAIR, **changes):
        """Of a typical size. The trader gets what it takes."""
        margin, side = self.margin, self.side
        down = margin.units(pair[1], 1_000)
        principal = down if side.is_long else margin.units(pair[0], 0.5)
        if kind == "open":
            margin.give(trader, pair[1], down)
            return margin.open_request(side, trader, pair, down, principal, **changes)
        assert position is not None
        self.wait()
        if kind == "increase":
            margin.give(trader, pair[1], down)
            changes = {"interest": 1} | changes
            return margin.increase_request(side, position, down, principal, **changes)
        if kind == "close":
            changes = {"interest": 1} | changes
            return margin.close_request(side, position, position.collateral // 2, **changes)
        amount = position.collateral // 10
        if kind == "add":
            margin.give(trader, side.held(pair), amount)
        return margin.collateral_request(position, amount if kind == "add" else -amount, **changes)

    def call(self, kind: str, request, signature: bytes, position: Position | None) -> tuple:
        """The arguments of the pool's function."""
        if kind == "open":
            return request, signature
        rest = (Payout.TOKEN,) if kind == "close" else ()
        return (request, signature, position, *rest)

    def do(self, kind: str, who, request, signature: bytes, position=None) -> list[Log]:
        args = self.call(kind, request, signature, position)
        return self.margin.do(who, self.side, kind, *args)

    def act(self, kind: str, who, request, position=None) -> Position:
        """Signed by the order signer. The position after."""
        signature = self.margin.signed(self.side, request)
        return self.margin.after(self.do(kind, who, request, signature, position), EVENTS[kind])

    # --------------------------------------------------------------------------------------- orders

    def order(self, position: Position, **changes) -> Order:
        """A take-profit at any price."""
        quote = 0 if self.side.is_long else 2**120
        order = Order(
            id=position.id,
            trader=position.trader,
            signer=position.trader,
            take_profit=True,
            quote_amount=quote,
            base_amount=1,
            min_payout=0,
            payout=Payout.TOKEN,
            expiry=FOREVER,
        )
        return order._replace(**changes)

    def wait(self, seconds: int = 60) -> None:
        """Some interest falls due."""
        self.margin.node.at(self.margin.time() + seconds)
        self.margin.node.mine()

    def whole(self, position: Position, **changes) -> CloseRequest:
        """Closes all of it at 1 unit of interest."""
        self.wait()
        return self.margin.close_request(self.side, position, **{"interest": 1} | changes)

    def execute(
        self,
        order: Order,
        signer,
        position: Position,
        request: CloseRequest | None = None,
        who=None,
        order_signature: bytes | None = None,
    ) -> list[Log]:
        """By the executor. `signer`: of the order."""
        margin, side = self.margin, self.side
        request = request or self.whole(position)
        if order_signature is None:
            order_signature = sign(signer, side.domain, order)
        args = order, order_signature, request, margin.signed(side, request), position
        return margin.do(who or margin.executor, side, "execute", *args)


def changed(request, field: str):
    """The same but for one field, which is still of its type."""
    value = getattr(request, field)
    if isinstance(value, bytes):
        return request._replace(**{field: value + b"\0"})
    if isinstance(value, bool):
        return request._replace(**{field: not value})
    if isinstance(value, str):
        return request._replace(**{field: "0x" + 39 * "0" + "9"})
    if isinstance(value, Payout):
        return request._replace(**{field: Payout((value + 1) % 3)})
    return request._replace(**{field: value - 1 if value == FOREVER else value + 1})


def principal_of(pool) -> int:
    """Worth $1,000, of the token that is borrowed."""
    return DOWN if pool.is_long else HALF_ETHER


def fair(pool) -> tuple[int, int]:
    """What a swap of the whole gives and brings at the check price, $2,000 for an ether."""
    return (2 * DOWN, WAD) if pool.is_long else (HALF_ETHER, DOWN)


def open_at(margin, pool, hostile, trader, **changes):
    margin.give(trader, PREP, DOWN)
    request = margin.open_request(
        pool, trader, PAIR, DOWN, principal_of(pool), **hostile.route | changes
    )
    logs = margin.do(trader, pool, "open", request, margin.signed(pool, request))
    return margin.event(logs, "PositionOpened")
