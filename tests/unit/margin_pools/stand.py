"""One pool and one pair, with an exchange that does what a test says, to the unit."""

from dataclasses import dataclass, field

from ape.api import AccountAPI
from eth_abi import encode
from eth_utils import function_signature_to_4byte_selector as selector_of
from eth_utils import to_checksum_address

from prep.margin.data import (
    CLOSED,
    CloseRequest,
    Closing,
    OpenRequest,
    Order,
    Payout,
    Position,
    position_hash,
)
from prep.node import GAS, Log, Reverted
from tests.exchange import FOREVER, WETH
from tests.margin_expected import (
    at_check_price,
    highest_interest,
    principal_paid,
    value_down,
    value_up,
)
from tests.margin_suite import (
    DECIMALS,
    DEVIATION,
    DOLLARS,
    FUNCTIONS,
    LEVERAGE,
    LIQUIDATION_FEE,
    MAINTENANCE,
    MAX_APY,
    PREP,
    TERMS,
    USD,
    WBTC,
    MarginSuite,
    Side,
    _plain,
)
from tests.suite import WAD, ZERO_ADDRESS

COARSE = (WBTC, USD)
"""With a check price of few digits for a unit: 8 and 6 decimals."""
FINE = (WETH, PREP)
ETHER = (WBTC, WETH)
LIMITED = (WETH, USD)
"""With limits for a day."""
PAIRS = (COARSE, FINE, ETHER, LIMITED)
ODD = 123_456_789_012_345_679
SWAP = "swap(address,uint256,address,uint256)"
CALL_AND_SWAP = "callAndSwap(address,bytes,address,uint256,address,uint256)"
UNKNOWN = "0x" + 40 * "7"
HOUR = 3_600


@dataclass
class Stand:
    """Amounts are base units. `trader` has enough of both tokens, with allowances."""

    margin: MarginSuite
    side: Side
    pair: tuple[str, str]
    trader: AccountAPI
    stranger: AccountAPI
    router: str
    terms: dict[str, object] = field(default_factory=dict)

    # -------------------------------------------------------------------------------------- looking

    @property
    def is_long(self) -> bool:
        return self.side.is_long

    @property
    def node(self):
        return self.margin.node

    @property
    def base(self) -> str:
        return self.address(self.pair[0])

    @property
    def quote(self) -> str:
        return self.address(self.pair[1])

    @property
    def owed(self) -> str:
        """The symbol of the token that is borrowed."""
        return self.side.owed(self.pair)

    @property
    def held(self) -> str:
        return self.side.held(self.pair)

    @property
    def checked(self) -> bool:
        return self.pair in self.margin.oracles

    @property
    def price(self) -> int:
        """The check price; where there is none, what swaps here are at."""
        if self.checked:
            return self.margin.price(self.pair)
        quote, base = (self.units(symbol) // self.dollars(symbol) for symbol in self.pair[::-1])
        return quote * WAD // base

    @property
    def down_payment(self) -> int:
        """$10,000 and a unit."""
        return 10_000 * self.units(self.pair[1]) // self.dollars(self.pair[1]) + 1

    @property
    def principal(self) -> int:
        """Of about twice the down payment, not round."""
        if self.is_long:
            return 2 * self.down_payment + 5
        return 2 * self.down_payment * WAD // self.price - 13

    def address(self, symbol: str) -> str:
        return self.margin.tokens[symbol].address

    def units(self, symbol: str) -> int:
        """Of a whole token."""
        return int(10 ** DECIMALS.get(symbol, 18))

    @staticmethod
    def dollars(symbol: str) -> int:
        """For a whole token: of others than the suite's, 1."""
        return DOLLARS.get(symbol, 1)

    def time(self) -> int:
        return self.margin.time()

    def stored(self, position: Position) -> bytes:
        return self.margin.stored(self.side, position.id)

    def max_interest(self, position: Position, at: int | None = None) -> int:
        now = self.time() if at is None else at
        return highest_interest(position.principal, MAX_APY, now - position.last_funding_timestamp)

    def standing(self, position: Position):
        return at_check_price(self.is_long, position.collateral, position.principal, self.price)

    def read(self, signature: str, *args):
        return self.node.read((self.side.address, signature, *args))[0]

    def claimable(self, symbol: str) -> int:
        return self.read("claimable(address,address)", self.trader.address, self.address(symbol))

    def balances(self) -> dict[tuple[str, str], int]:
        """Of everybody in both tokens, what the pool owes its lenders of each ("debt"), and what
        the router may still take of it ("allowance")."""
        margin = self.margin
        people = {
            "trader": self.trader.address,
            "pool": self.side.address,
            "treasury": margin.treasury,
            "router": self.router,
            "executor": margin.executor.address,
            "liquidator": margin.liquidator.address,
            "stranger": self.stranger.address,
        }
        calls = {}
        for symbol in self.pair:
            token, vault = self.address(symbol), margin.lending[symbol].address
            for name, who in (people | {"lenders": vault}).items():
                calls[name, symbol] = token, "balanceOf(address)", who
            calls["debt", symbol] = vault, "debtOf(address)", self.side.address
            calls["allowance", symbol] = (
                token,
                "allowance(address,address)",
                self.side.address,
                self.router,
            )
        return dict(zip(calls, self.node.read(*calls.values()), strict=True))

    def moved(self, before: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """What is not as it was."""
        now = self.balances()
        return {key: now[key] - value for key, value in before.items() if now[key] != value}

    def logged(self, logs: list[Log]) -> list[tuple[str, tuple]]:
        """Names and values of the pool's own events, addresses checksummed."""
        return [(log.name, _checked(log.args)) for log in logs if log.address == self.side.address]

    # ---------------------------------------------------------------------------------------- doing

    def wait(self, seconds: int) -> int:
        """A block so much later. Its time."""
        self.node.at(self.time() + seconds)
        self.node.mine()
        return self.time()

    def do(self, function: str, *args, who=None, value: int = 0, at: int | None = None):
        """By the trader if nobody else."""
        if at is not None:
            self.node.at(at)
        return self.margin.do(who or self.trader, self.side, function, *args, value=value)

    def refusal(self, function: str, *args, who=None, value: int = 0) -> tuple:
        """Name and values of what the call is refused with in the latest block, or None if it is
        not refused. Nothing is mined."""
        signature = FUNCTIONS.get(function, function)
        data = self.node._data(signature, map(_plain, args))
        call = {
            "from": (who or self.trader).address,
            "to": self.side.address,
            "data": data,
            "gas": GAS,
            "value": hex(value),
        }
        try:
            self.node.rpc("eth_call", call, "latest")
        except Reverted as error:
            return (error.name, *_checked(error.args_))
        return None

    def signed(self, message, signer=None) -> bytes:
        return self.margin.signed(self.side, message, signer)

    def set_price(self, price: int) -> None:
        self.margin.set_price(self.pair, price)

    def set_terms(self, **changes) -> None:
        """Of the pair, from what they are at first."""
        terms = self.default_terms() | changes
        self.margin.send(
            self.margin.risk_manager,
            self.margin.controller,
            f"setPair(address,address,{TERMS})",
            self.base,
            self.quote,
            tuple(terms.values()),
        )

    def default_terms(self) -> dict[str, object]:
        oracle = self.margin.oracles[self.pair].address if self.checked else ZERO_ADDRESS
        limits = (0, 0)
        if not self.checked:
            limits = tuple(1_000_000 * self.units(s) // self.dollars(s) for s in self.pair[::-1])
        return {
            "oracle": oracle,
            "max_leverage": LEVERAGE,
            "maintenance_margin": MAINTENANCE,
            "liquidation_fee": LIQUIDATION_FEE,
            "max_deviation": DEVIATION if self.checked else 0,
            "long_limit": limits[0],
            "short_limit": limits[1],
            "disabled": False,
        }

    @property
    def limit(self) -> int:
        return self.default_terms()["long_limit" if self.is_long else "short_limit"]

    # ---------------------------------------------------------------------------------------- swaps

    def swap(self, opening: bool, spent: int, received: int) -> bytes:
        """Of what is owed for what is held, or back."""
        a, b = (self.owed, self.held) if opening else (self.held, self.owed)
        values = self.address(a), spent, self.address(b), received
        return selector_of(SWAP) + encode(["address", "uint256", "address", "uint256"], values)

    def calling_swap(self, opening: bool, spent: int, received: int, target, data) -> bytes:
        """That calls somebody in between."""
        types = ["address", "bytes", "address", "uint256", "address", "uint256"]
        a, b = (self.owed, self.held) if opening else (self.held, self.owed)
        values = target, data, self.address(a), spent, self.address(b), received
        return selector_of(CALL_AND_SWAP) + encode(types, values)

    def fair_output(self, given: int) -> int:
        """Of an opening swap."""
        if self.is_long:
            return given * WAD // self.price
        return value_up(given, self.price)

    def given(self, down_payment: int, principal: int) -> int:
        """To an opening swap."""
        return principal + down_payment if self.is_long else principal

    def fair_closing(self, amount: int, due: int) -> tuple[int, int]:
        """Spent and received by a closing swap of so much of the collateral, for what is due."""
        if self.is_long:
            return amount, value_down(amount, self.price)
        return value_up(due, self.price), due

    # ------------------------------------------------------------------------------------- requests

    def open_request(self, position: Position | None = None, **changes) -> OpenRequest:
        """With a swap at the check price of all that is given; `spent` and `received` say another
        one. Of a position, that is increased, or a new one."""
        spent, received = (changes.pop(name, None) for name in ("spent", "received"))
        fresh = position is None
        request = OpenRequest(
            id=next(self.margin.ids) if fresh else position.id,
            nonce=0 if fresh else position.nonce,
            trader=self.trader.address if fresh else position.trader,
            base=self.base if fresh else position.base,
            quote=self.quote if fresh else position.quote,
            down_payment=self.down_payment,
            principal=self.principal,
            min_output=0,
            interest=0 if fresh else self.max_interest(position),
            fee=0,
            expiry=FOREVER,
            router=self.router,
            data=b"",
        )._replace(**changes)
        if "data" in changes:
            return request
        given = self.given(request.down_payment, request.principal)
        spent = given if spent is None else spent
        received = self.fair_output(given) if received is None else received
        return request._replace(data=self.swap(True, spent, received))

    def close_request(
        self, position: Position, amount: int | None = None, **changes
    ) -> CloseRequest:
        """With a swap at the check price, or as `spent` and `received` say."""
        amount = position.collateral if amount is None else amount
        spent, received = (changes.pop(name, None) for name in ("spent", "received"))
        interest = changes.pop("interest", None)
        if interest is None:
            interest = self.max_interest(position)
        due = principal_paid(position.principal, amount, position.collateral) + interest
        fair = self.fair_closing(amount, due)
        swap = (fair[0] if spent is None else spent, fair[1] if received is None else received)
        request = CloseRequest(
            id=position.id,
            nonce=position.nonce,
            trader=position.trader,
            amount=amount,
            min_payout=0,
            interest=interest,
            fee=0,
            expiry=FOREVER,
            router=self.router,
            data=self.swap(False, *swap),
        )
        return request._replace(**changes)

    def order(self, position: Position, **changes) -> Order:
        """That any price fulfils: at or above 0, by the trader."""
        order = Order(
            id=position.id,
            trader=position.trader,
            signer=position.trader,
            take_profit=self.is_long,
            quote_amount=0,
            base_amount=1,
            min_payout=0,
            payout=Payout.TOKEN,
            expiry=FOREVER,
        )
        return order._replace(**changes)

    # ------------------------------------------------------------------------------------ positions

    def open(self, **changes) -> Position:
        """A position, opened at the check price."""
        request = self.open_request(**changes)
        return self.margin.after(self.do("open", request, self.signed(request)), "PositionOpened")

    def opened(self, request: OpenRequest) -> list[Log]:
        return self.do("open", request, self.signed(request))

    def refused_opening(self, request: OpenRequest, **call) -> tuple:
        return self.refusal("open", request, self.signed(request), **call)

    def increased(self, request: OpenRequest, position: Position, **call) -> list[Log]:
        return self.do("increase", request, self.signed(request), position, **call)

    def refused_increase(self, request: OpenRequest, position: Position, **call) -> tuple:
        return self.refusal("increase", request, self.signed(request), position, **call)

    def closed(
        self, request: CloseRequest, position: Position, payout: Payout = Payout.TOKEN, **call
    ) -> list[Log]:
        return self.do("close", request, self.signed(request), position, payout, **call)

    def refused_closing(
        self, request: CloseRequest, position: Position, payout: Payout = Payout.TOKEN, **call
    ) -> tuple:
        return self.refusal("close", request, self.signed(request), position, payout, **call)

    def is_stored(self, position: Position) -> bool:
        expected = position_hash(position) if position.collateral else CLOSED
        return self.stored(position) == expected


def _checked(value):
    """Addresses as everybody writes them, and structs as tuples."""
    if isinstance(value, tuple):
        return tuple(_checked(item) for item in value)
    is_address = isinstance(value, str) and value.startswith("0x") and len(value) == 42
    return to_checksum_address(value) if is_address else value


def nonzero(moves: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """As `Stand.moved` says it."""
    return {key: amount for key, amount in moves.items() if amount}


def add(*moves: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """All of them: tokens may be the same in several."""
    total: dict[tuple[str, str], int] = {}
    for each in moves:
        for key, amount in each.items():
            total[key] = total.get(key, 0) + amount
    return nonzero(total)


def altered(stand: Stand, request, field: str) -> tuple:
    """The request with another value in one field, and the trader that it then names."""
    value = getattr(request, field)
    if isinstance(value, str):
        other = stand.stranger.address
    elif isinstance(value, bytes):
        other = value + b"\0"
    else:
        other = value - 1 if value == FOREVER else value + 1
    sender = stand.stranger if field == "trader" else stand.trader
    return request._replace(**{field: other}), sender


def closing_of(stand: Stand, logs: list[Log], name: str = "PositionClosed") -> Closing:
    return stand.margin.closing(logs, name)
