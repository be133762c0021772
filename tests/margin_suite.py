"""Asset-backed positions on deployed contracts: a real exchange, lenders, pairs of several
decimals, and short words for what tests do."""

import itertools
from dataclasses import dataclass, field
from math import isqrt

from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.exchange import calldata
from prep.exchange.contracts import types
from prep.exchange.pools import Pool
from prep.margin.data import (
    SOLIDITY,
    CloseRequest,
    Closing,
    CollateralRequest,
    OpenRequest,
    Order,
    Payout,
    Position,
    abi_type,
    struct_of,
)
from prep.margin.typed import Domain, Message, sign
from prep.node import Log, Node
from tests.exchange import FEE, FOREVER, WETH, Exchange, create_exchange
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS

PREP, WBTC, USD = "PREP", "WBTC", "USD"
"""With 18, 8 and 6 decimals; WETH has 18."""
DECIMALS = {PREP: 18, WBTC: 8, USD: 6}
DOLLARS = {PREP: 1, WETH: 2_000, WBTC: 50_000, USD: 1}
"""For a whole token, at first."""
PAIRS = ((WETH, PREP), (WBTC, PREP), (WBTC, WETH), (WETH, USD), (PREP, WETH))
"""Base and quote. The last one would be the first one reversed: it is not listed."""
LISTED = PAIRS[:-1]
CHECKED = ((WETH, PREP), (WBTC, PREP), (WBTC, WETH))
"""Those with a check price; the other one has limits for a day."""
DEPTH = 20_000_000
"""Of each pool, in dollars for each of its tokens, over all prices."""
LENT = 5_000_000
"""What lenders have put in, in dollars for each token."""
CURVE = (WAD // 50, WAD // 10, WAD, 8 * WAD // 10)
QUOTED = 2
"""`BorrowerKind`."""
CAP = 10**36
MAX_APY = 2 * WAD
LEVERAGE = 50_000
"""Five times."""
MAINTENANCE = 500
LIQUIDATION_FEE = 200
DEVIATION = 300
SIDES = ("long", "short")
OPEN, CLOSE = (abi_type(struct) for struct in (OpenRequest, CloseRequest))
COLLATERAL, ORDER, POSITION = (abi_type(s) for s in (CollateralRequest, Order, Position))
FUNCTIONS = {
    "open": f"open({OPEN},bytes)",
    "increase": f"increase({OPEN},bytes,{POSITION})",
    "close": f"close({CLOSE},bytes,{POSITION},uint8)",
    "exit": f"exit({POSITION},address,bytes,uint256,uint8)",
    "add": f"addCollateral({COLLATERAL},bytes,{POSITION})",
    "remove": f"removeCollateral({COLLATERAL},bytes,{POSITION})",
    "execute": f"executeOrder({ORDER},bytes,{CLOSE},bytes,{POSITION})",
    "record": f"recordInterest({POSITION}[],uint256[])",
    "liquidate": f"liquidate({POSITION},uint256,address,bytes)",
    "liquidate_part": f"liquidatePart({POSITION},uint256,uint256,address,bytes)",
    "mark": f"mark({POSITION})",
    "unmark": f"unmark({POSITION})",
    "liquidate_marked": f"liquidateMarked({POSITION},address,bytes)",
    "cancel": f"cancelOrder({ORDER})",
}
"""Signatures of the pools' functions by short names."""
TERMS = "(address,uint256,uint256,uint256,uint256,uint256,uint256,bool)"
ROLES = {
    "RISK_MANAGER": {
        "controller": (
            f"setPair(address,address,{TERMS})",
            "setMaxApy(address,uint256)",
            "setGracePeriod(uint256)",
        )
    },
    "GUARDIAN": {"controller": ("disablePair(address,address)",)},
    "ORDER_EXECUTOR": {"pool": (FUNCTIONS["execute"], FUNCTIONS["record"])},
    "LIQUIDATOR": {"pool": (FUNCTIONS["liquidate"], FUNCTIONS["liquidate_part"])},
}
ORDER_SIGNER_KEY = "0x" + 31 * "a7" + "01"


@dataclass(frozen=True)
class Side:
    """A pool of one direction."""

    is_long: bool
    contract: ContractInstance
    domain: Domain

    @property
    def address(self) -> str:
        return self.contract.address

    def owed(self, pair: tuple[str, str]) -> str:
        """The symbol of the token that positions in a pair borrow."""
        return pair[1] if self.is_long else pair[0]

    def held(self, pair: tuple[str, str]) -> str:
        return pair[0] if self.is_long else pair[1]


@dataclass(frozen=True)
class MarginSuite:
    """One deployment. Amounts are base units, tokens and pairs are known by symbols."""

    admin: AccountAPI
    risk_manager: AccountAPI
    guardian: AccountAPI
    executor: AccountAPI
    liquidator: AccountAPI
    lender: AccountAPI
    treasury: str
    signer: LocalAccount
    authority: ContractInstance
    controller: ContractInstance
    sides: dict[str, Side]
    tokens: dict[str, ContractInstance]
    lending: dict[str, ContractInstance]
    oracles: dict[tuple[str, str], ContractInstance]
    """Of checked pairs."""
    exchange: Exchange
    markets: dict[tuple[str, str], Pool]
    """Pools of the exchange by pair."""
    node: Node
    ids: itertools.count = field(default_factory=lambda: itertools.count(1))

    # -------------------------------------------------------------------------------------- looking

    def time(self) -> int:
        return self.node.time()

    def balance(self, account, symbol: str) -> int:
        return self.exchange.balance(account, symbol)

    def units(self, symbol: str, whole: float | int) -> int:
        """Of a whole number of tokens, or a decimal fraction of up to 6 digits."""
        return int(whole * 10**6) * 10 ** (18 if symbol == WETH else DECIMALS[symbol]) // 10**6

    def stored(self, side: Side, id_: int) -> bytes:
        return self.node.read((side.address, "positionHash(uint256)", id_))[0]

    def health(self, side: Side, position: Position) -> tuple[int, int]:
        return self.node.read((side.address, f"health({POSITION})", tuple(position)))[0]

    def max_interest(self, side: Side, position: Position, at: int | None = None) -> int:
        """At the time of the next block if it is `at`. Else at that of the latest one, so that it
        is good then and later; where nothing is due then, at that of the next one, where nothing
        may be refused."""
        (apy,) = self.node.read(
            (self.controller.address, "maxApy(address)", self.owed(side, position))
        )

        def highest(timestamp: int) -> int:
            elapsed = timestamp - position.last_funding_timestamp
            return position.principal * apy * elapsed // (WAD * 31_536_000)

        if at is not None:
            return highest(at)
        return highest(self.time()) or highest(self.node.time("pending"))

    @staticmethod
    def owed(side: Side, position: Position) -> str:
        return position.quote if side.is_long else position.base

    @staticmethod
    def held(side: Side, position: Position) -> str:
        return position.base if side.is_long else position.quote

    # ---------------------------------------------------------------------------------------- doing

    def send(self, sender, contract, signature: str, *args, value: int = 0) -> list[Log]:
        """Mines a transaction that must go through; raises `Reverted` with its error otherwise."""
        address = getattr(contract, "address", contract)
        return self.node.execute(sender.address, address, signature, *args, value=value)

    def give(self, who, symbol: str, amount: int) -> None:
        """Mints tokens, with allowances for both pools, the exchange and the lending vault."""
        self.exchange.give(who, symbol, amount)
        spenders = [side.address for side in self.sides.values()]
        spenders += [self.lending[symbol].address] if symbol in self.lending else []
        for spender in spenders:
            self.send(who, self.tokens[symbol], "approve(address,uint256)", spender, UNLIMITED)

    def do(self, who, side: Side, function: str, *args, value: int = 0) -> list[Log]:
        """A function of a pool by its short name."""
        return self.send(who, side, FUNCTIONS[function], *map(_plain, args), value=value)

    def signed(self, side: Side, message: Message, signer: LocalAccount | None = None) -> bytes:
        """By the order signer, or by somebody else."""
        return sign(signer or self.signer, side.domain, message)

    def set_price(self, pair: tuple[str, str], price: int) -> None:
        """The check price: quote base units for a base base unit, WAD."""
        self.send(self.admin, self.oracles[pair], "setPrice(uint256)", price)

    def price(self, pair: tuple[str, str]) -> int:
        return self.node.read((self.oracles[pair].address, "price()"))[0]

    def move_market(self, who, pair: tuple[str, str], percent: int) -> None:
        """By one real swap, the pool's price of base in quote to so many percent of what it is; the
        check price, where there is one, with it."""
        pool = self.markets[pair]
        now = self.exchange.pools.sqrt_price(pool)
        rises = self.tokens[pair[0]].address == pool.tokens[0]
        factor = (percent, 100) if rises else (100, percent)
        square = now * now * factor[0] // factor[1]
        self.exchange.move(who, pool, isqrt(square))
        if pair in self.oracles:
            self.set_price(pair, self.price(pair) * percent // 100)

    # ------------------------------------------------------------------------------------- requests

    def swap_in(self, side: Side, token_in: str, token_out: str, amount: int) -> bytes:
        """Sells exactly this, for the pool of a side. Addresses or symbols."""
        a, b = self._address(token_in), self._address(token_out)
        return calldata.exact_input_single(a, b, FEE, side.address, FOREVER, amount, 0)

    def swap_out(self, side: Side, token_in: str, token_out: str, amount: int) -> bytes:
        """Buys exactly this."""
        a, b = self._address(token_in), self._address(token_out)
        args = (a, b, FEE, side.address, FOREVER, amount, 2**255)
        return calldata.exact_output_single(*args)

    def open_request(
        self,
        side: Side,
        trader,
        pair: tuple[str, str],
        down_payment: int,
        principal: int,
        **changes,
    ) -> OpenRequest:
        """With its swap, no minimum and no fee."""
        given = principal + down_payment if side.is_long else principal
        request = OpenRequest(
            id=next(self.ids),
            nonce=0,
            trader=trader.address,
            base=self.tokens[pair[0]].address,
            quote=self.tokens[pair[1]].address,
            down_payment=down_payment,
            principal=principal,
            min_output=0,
            interest=0,
            fee=0,
            expiry=FOREVER,
            router=self.router,
            data=self.swap_in(side, side.owed(pair), side.held(pair), given) if given else b"",
        )
        return request._replace(**changes)

    def increase_request(
        self, side: Side, position: Position, down_payment: int, principal: int, **changes
    ) -> OpenRequest:
        """With the highest interest of the latest block, so that it is good in the next one."""
        given = principal + down_payment if side.is_long else principal
        owed, held = self.owed(side, position), self.held(side, position)
        request = OpenRequest(
            id=position.id,
            nonce=position.nonce,
            trader=position.trader,
            base=position.base,
            quote=position.quote,
            down_payment=down_payment,
            principal=principal,
            min_output=0,
            interest=self.max_interest(side, position),
            fee=0,
            expiry=FOREVER,
            router=self.router,
            data=self.swap_in(side, owed, held, given) if given else b"",
        )
        return request._replace(**changes)

    def close_request(
        self, side: Side, position: Position, amount: int | None = None, **changes
    ) -> CloseRequest:
        """Of the whole or of a part of the collateral, with the highest interest of the latest
        block, so that it is good in the next one, and the swap for it."""
        amount = position.collateral if amount is None else amount
        interest = changes.pop("interest", None)
        if interest is None:
            interest = self.max_interest(side, position)
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
            data=self.closing_swap(side, position, amount, interest),
        )
        return request._replace(**changes)

    def closing_swap(self, side: Side, position: Position, amount: int, interest: int) -> bytes:
        """Long: sells `amount`. Short: buys what is due for that part."""
        owed, held = self.owed(side, position), self.held(side, position)
        if side.is_long:
            return self.swap_in(side, held, owed, amount)
        due = -(-position.principal * amount // position.collateral) + interest
        return self.swap_out(side, held, owed, due)

    def collateral_request(self, position: Position, amount: int, **changes) -> CollateralRequest:
        """Adds, or takes out where the amount is negative."""
        request = CollateralRequest(position.id, position.nonce, position.trader, amount, FOREVER)
        return request._replace(**changes)

    # ------------------------------------------------------------------------------------ positions

    def open(
        self,
        side: Side,
        trader,
        pair: tuple[str, str],
        down_payment: int,
        principal: int,
        **changes,
    ) -> Position:
        """An open position of a trader, who gets what he pays with."""
        request = self.open_request(side, trader, pair, down_payment, principal, **changes)
        self.give(trader, pair[1], request.down_payment + request.fee)
        logs = self.do(trader, side, "open", request, self.signed(side, request))
        return self.after(logs, "PositionOpened")

    def typical(self, side: Side, trader, pair: tuple[str, str], leverage: int = 3) -> Position:
        """A position on $10,000 of the trader's."""
        down = self.units(pair[1], 10_000) // DOLLARS[pair[1]]
        if side.is_long:
            return self.open(side, trader, pair, down, down * (leverage - 1))
        principal = self.units(pair[0], 10_000) * leverage // DOLLARS[pair[0]]
        return self.open(side, trader, pair, down, principal)

    def close(self, side: Side, trader, position: Position, amount: int | None = None, **changes):
        """The position after, and what the closing did."""
        payout = changes.pop("payout", Payout.TOKEN)
        request = self.close_request(side, position, amount, **changes)
        logs = self.do(trader, side, "close", request, self.signed(side, request), position, payout)
        return self.after(logs, "PositionClosed"), self.closing(logs)

    def change_collateral(self, side: Side, trader, position: Position, amount: int) -> Position:
        request = self.collateral_request(position, amount)
        function = "add" if amount > 0 else "remove"
        logs = self.do(trader, side, function, request, self.signed(side, request), position)
        return self.after(logs, "CollateralChanged")

    def liquidate(self, side: Side, position: Position, interest: int | None = None) -> list[Log]:
        """By the liquidator, at the highest interest unless another one is named. A short that can
        pay buys exactly what it owes, one that cannot spends all it has."""
        interest = self.max_interest(side, position) if interest is None else interest
        data = self.seizing_swap(side, position, interest)
        return self.do(self.liquidator, side, "liquidate", position, interest, self.router, data)

    def seizing_swap(self, side: Side, position: Position, interest: int) -> bytes:
        owed, held = self.owed(side, position), self.held(side, position)
        if side.is_long:
            return self.swap_in(side, held, owed, position.collateral)
        due = position.principal + interest
        route = self.exchange.route(self.symbol(held), FEE, self.symbol(owed))
        cost = self.exchange.quoter.quote_exact_output(route, due).amount_in
        if cost > position.collateral:
            return self.swap_in(side, held, owed, position.collateral)
        return self.swap_out(side, held, owed, due)

    @staticmethod
    def event(logs: list[Log], name: str) -> Log:
        """The only one of this name."""
        (found,) = (log for log in logs if log.name == name)
        return found

    def after(self, logs: list[Log], name: str) -> Position:
        """The position as an event carries it."""
        args = self.event(logs, name).args
        return struct_of(
            Position,
            next(a for a in args if isinstance(a, tuple) and len(a) == 8 and isinstance(a[1], str)),
        )

    def closing(self, logs: list[Log], name: str = "PositionClosed") -> Closing:
        return struct_of(Closing, self.event(logs, name).args[-1])

    def symbol(self, address: str) -> str:
        return next(s for s, token in self.tokens.items() if token.address == address)

    @property
    def router(self) -> str:
        return self.exchange.pools.contracts.router

    def _address(self, token: str) -> str:
        return self.tokens[token].address if token in self.tokens else token


def _plain(value):
    """Structs as the tuples that the ABI wants."""
    if isinstance(value, tuple) and type(value) in SOLIDITY:
        return tuple(value)
    return [_plain(v) for v in value] if isinstance(value, list) else value


def create_margin_suite(project, accounts) -> MarginSuite:
    """Everything: roles, controller, both pools, lenders with money, an exchange with liquidity.
    Accounts from 10 on are nobody's."""
    admin, _, _, risk_manager, guardian, lender, _, _, liquidator, treasury, executor = accounts[
        :11
    ]
    signer = Account.from_key(ORDER_SIGNER_KEY)
    worth = {s: DEPTH * 10 ** (18 if s == WETH else DECIMALS[s]) // DOLLARS[s] for s in DOLLARS}
    pools = tuple(((a, worth[a]), (b, worth[b]), FEE) for a, b in LISTED)
    exchange = create_exchange(project, admin, DECIMALS, pools)
    tokens = exchange.tokens
    admin.provider.make_request("anvil_setBalance", [tokens[WETH].address, hex(10**30)])
    authority = admin.deploy(project.Authority, admin)
    controller = admin.deploy(project.DebtController, authority)
    lending = {
        s: admin.deploy(project.LendingVault, t, authority, CURVE) for s, t in tokens.items()
    }
    chain_id = admin.provider.chain_id
    sides = {}
    for name, container in (("long", project.LongPool), ("short", project.ShortPool)):
        pool = admin.deploy(container, controller, tokens[WETH], authority)
        sides[name] = Side(name == "long", pool, Domain(pool.address, name == "long", chain_id))
        pool.setTreasury(treasury, sender=admin)
        for vault in lending.values():
            pool.addLendingVault(vault, sender=admin)
            vault.registerBorrower(pool, QUOTED, CAP, sender=admin)
        for selector in calldata.SELECTORS:
            pool.setRouter(exchange.pools.contracts.router, selector, True, sender=admin)

    holders = {
        "RISK_MANAGER": risk_manager,
        "GUARDIAN": guardian,
        "ORDER_EXECUTOR": executor,
        "LIQUIDATOR": liquidator,
        "ORDER_SIGNER": signer.address,
    }
    targets = {"controller": [controller], "pool": [side.contract for side in sides.values()]}
    for name, holder in holders.items():
        role = getattr(authority, name)()
        for kind, signatures in ROLES.get(name, {}).items():
            for target in targets[kind]:
                selectors = [selector_of(s) for s in signatures]
                authority.setTargetFunctionRole(target, selectors, role, sender=admin)
        authority.grantRole(role, holder, 0, sender=admin)

    oracles = {}
    for base, quote in LISTED:
        limits = (0, 0)
        oracle = ZERO_ADDRESS
        if (base, quote) in CHECKED:
            price = worth[quote] * WAD // worth[base]
            oracle = oracles[base, quote] = admin.deploy(project.MockOracle, price)
        else:
            limits = (worth[quote] // 20, worth[base] // 20)
        deviation = DEVIATION if oracle != ZERO_ADDRESS else 0
        terms = (oracle, LEVERAGE, MAINTENANCE, LIQUIDATION_FEE, deviation, *limits, False)
        controller.setPair(tokens[base], tokens[quote], terms, sender=risk_manager)
    for token in tokens.values():
        controller.setMaxApy(token, MAX_APY, sender=risk_manager)

    contracts = (
        *tokens.values(),
        *lending.values(),
        *oracles.values(),
        controller,
        authority,
        *(side.contract for side in sides.values()),
    )
    node = Node(
        admin.provider.uri, *types(project), *(contract.contract_type for contract in contracts)
    )
    suite = MarginSuite(
        admin=admin,
        risk_manager=risk_manager,
        guardian=guardian,
        executor=executor,
        liquidator=liquidator,
        lender=lender,
        treasury=treasury.address,
        signer=signer,
        authority=authority,
        controller=controller,
        sides=sides,
        tokens=tokens,
        lending=lending,
        oracles=oracles,
        exchange=exchange,
        markets={
            (a, b): exchange.pools.pool(tokens[a].address, tokens[b].address, FEE)
            for a, b in LISTED
        },
        node=node,
    )
    for symbol, vault in lending.items():
        amount = worth[symbol] * LENT // DEPTH
        suite.give(lender, symbol, amount)
        suite.send(lender, vault, "deposit(uint256,address)", amount, lender.address)
    return suite
