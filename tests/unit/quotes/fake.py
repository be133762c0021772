"""A chain that answers from a table, and settings for it."""

from dataclasses import dataclass, field

from eth_abi import decode, encode
from eth_account import Account

from prep.margin import read
from prep.margin.chain import ChainUnreachable, Head
from prep.margin.data import PairTerms, Position, position_hash
from prep.margin.errors import Refusal
from prep.quotes import desk, swaps
from prep.quotes.config import Settings

(LONG, SHORT, CONTROLLER, WETH, AUTHORITY, BASE, QUOTE, VAULT, ORACLE) = (
    Account.from_key(bytes(31) + bytes([n])).address for n in range(1, 10)
)
FACTORY, ROUTER, QUOTER, POOL, TRADER = (
    Account.from_key(bytes(31) + bytes([n])).address for n in range(20, 25)
)
KEY = "0x" + 32 * "5c"
SIGNER = Account.from_key(KEY)
WAD = 10**18
TERMS = PairTerms(ORACLE, 50_000, 500, 200, 300, 0, 0, False)
START = 1_700_000_000
POSITION = Position(7, TRADER, BASE, QUOTE, 1_000 * WAD, 10**18, START, 3)


def settings(**changes) -> Settings:
    content = {
        "chain_id": "1",
        "pools": {"long": LONG, "short": SHORT},
        "exchange": {"factory": FACTORY, "router": ROUTER, "quoter": QUOTER},
        "pairs": [
            {"base": BASE, "quote": QUOTE, "routes": [{"fees": ["3000"]}, {"fees": ["500"]}]}
        ],
    }
    return Settings.model_validate(content | changes)


@dataclass
class FakeChain:
    """Of a public network. `answers`: by address and function, values or a `Refusal`; a function of
    the arguments may stand there too."""

    now: int = START + 100
    number: int = 500
    id: int = 1
    answers: dict = field(default_factory=dict)
    up: bool = True
    calls: list = field(default_factory=list)

    def __post_init__(self):
        for pool, is_long in ((LONG, True), (SHORT, False)):
            self.answers |= {
                (pool, read.IS_LONG): is_long,
                (pool, read.CONTROLLER): CONTROLLER,
                (pool, read.WETH): WETH,
                (pool, read.AUTHORITY): AUTHORITY,
                (pool, read.LENDING_VAULT): VAULT,
                (pool, read.POSITION_HASH): lambda id_: (
                    position_hash(POSITION) if id_ == POSITION.id else bytes(32)
                ),
                (pool, read.MARK_OF): (0, 0),
                (pool, read.IS_AUTHORISED): False,
                (pool, read.IS_CANCELLED): False,
                **{(pool, f): () for f in (desk.OPEN, desk.INCREASE, desk.CLOSE, desk.ADD)},
                (pool, desk.REMOVE): (),
            }
        self.answers |= {
            (CONTROLLER, read.TERMS): tuple(TERMS),
            (CONTROLLER, read.MAX_APY): WAD,
            (CONTROLLER, read.MAX_INTEREST): self.max_interest,
            (AUTHORITY, read.HAS_ROLE): (True, 0),
            (ORACLE, read.PRICE): 2_000 * WAD,
            (VAULT, read.IDLE): 10**24,
            (VAULT, read.TOTAL_DEBT): (0, 0),
            (VAULT, read.UTILISATION): WAD // 2,
            (VAULT, read.RATE_CURVE): (0, WAD // 10, WAD, WAD // 2),
            (VAULT, read.MAX_BORROW): 10**24,
            (QUOTER, swaps.EXACT_INPUT): lambda path, amount: (amount // 2, [2**96], [1], 1),
            (QUOTER, swaps.EXACT_OUTPUT): lambda path, amount: (amount * 2, [2**96], [1], 1),
            (FACTORY, swaps.GET_POOL): POOL,
            (POOL, swaps.SLOT0): (2**96, 0, 0, 0, 0, 0, True),
        }
        for token in (BASE, QUOTE):
            self.answers |= {
                (token, read.BALANCE_OF): 2**200,
                (token, read.ALLOWANCE): 2**200,
            }

    def max_interest(self, _, principal, since):
        return principal * WAD * (self.at - since) // (WAD * 31_536_000)

    def chain_id(self):
        return self.id

    def head(self):
        if not self.up:
            raise ChainUnreachable("down")
        return Head(self.number, self.now, self.now + 1)

    def balance(self, address, head):
        return 10**30

    def has_code(self, address, head):
        return False

    def call(self, calls, head, at=None):
        if not self.up:
            raise ChainUnreachable("down")
        self.at = head.timestamp if at is None else at
        self.calls += [(call, at) for call in calls]
        return [self._answer(call) for call in calls]

    def _answer(self, call):
        for (address, function), answer in self.answers.items():
            if address == call.to and function.selector == call.data[:4]:
                return _encoded(function, answer, call.data[4:])
        return b""


def _encoded(function, answer, arguments):
    found = answer(*decode(function.inputs, arguments)) if callable(answer) else answer
    if isinstance(found, Refusal):
        return found
    return encode(function.outputs, found if len(function.outputs) != 1 else (found,))
