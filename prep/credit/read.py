"""Reads the statement of a credit account."""

from ape.api import ProviderAPI
from ape.managers.project import ProjectManager

from prep.credit.statement import AssetLine, OrderLine, PositionLine, Statement
from prep.deploy.record import Deployment
from prep.errors import UserError
from prep.keeper.read import config_of
from prep.keeper.snapshot import AGGREGATES
from prep.model.credit_config import PREP, MarketLtv
from prep.model.credit_results import Order, OrderTerms
from prep.model.fixed import WAD
from prep.model.market import Market
from prep.model.position import Position
from prep.model.window import Condition, OrderState
from prep.reading import Reader


def read_statement(
    project: ProjectManager, deployment: Deployment, provider: ProviderAPI, account: int
) -> Statement:
    """Of the latest block. Raises `UserError` if there is no such account."""
    if "CreditManager" not in deployment.contracts:
        raise UserError(f"there are no credit accounts on chain {deployment.chain_id}")
    return _Account(Reader(project, deployment, provider), deployment, account).statement()


class _Account:
    def __init__(self, read: Reader, deployment: Deployment, account: int) -> None:
        self._read, self._deployment, self._account = read, deployment, account
        self._manager = read.contract("CreditManager")
        self._book = read.contract("OrderBook")
        count = read(self._manager.accountCount)
        if not 1 <= account <= count:
            last = f"the last one is {count}" if count else "there is none yet"
            raise UserError(f"there is no credit account {account}: {last}")

    def statement(self) -> Statement:
        """All of it."""
        read, account = self._read, self._account
        holdings, market_ids = read(self._manager.contents, account)
        order_ids = read(self._book.ordersOf, account)
        return Statement(
            chain_id=self._deployment.chain_id,
            block=read.block,
            timestamp=read.timestamp,
            account=account,
            owner=read(self._manager.ownerOf, account),
            # Ape gives structs in a list as bare tuples.
            assets=tuple(self._asset(id_, held, owed) for id_, held, _, owed in holdings),
            positions=tuple(self._position(market_id) for market_id in market_ids),
            orders=tuple(self._order(order_id) for order_id in sorted(order_ids)),
        )

    def _asset(self, asset_id: int, balance: int, debt: int) -> AssetLine:
        read = self._read
        config = read(self._manager.asset, asset_id)
        token = read.at("PrepToken", config.token)
        price, no_price = self._price_of(asset_id, config.oracle)
        rate = None
        if int(config.lendingVault, 16):
            rate = read(read.at("LendingVault", config.lendingVault).borrowRate)
        return AssetLine(
            name=read(token.symbol),
            decimals=read(token.decimals),
            balance=balance,
            debt=debt,
            price=price,
            no_price=no_price,
            weights=MarketLtv(config.maxLtv, config.liquidationThreshold),
            borrow_rate=rate,
        )

    def _price_of(self, asset_id: int, address: str) -> tuple[int | None, str | None]:
        if asset_id == PREP:
            return WAD, None
        read, oracle = self._read, self._read.oracle(address)
        if reason := read.refusal([oracle, read.protocol, read.lens], oracle.price):
            return None, reason
        return read(oracle.price), None

    def _position(self, market_id: int) -> PositionLine:
        read = self._read
        config = read(read.lens.marketConfig, market_id)
        oracle = read.oracle(config.oracle)
        market = Market(config_of(tuple(config)), read.timestamp)
        stored = read(read.lens.marketState, market_id)
        for name, number in zip(AGGREGATES, tuple(stored), strict=True):
            setattr(market, name, number)
        no_price = read.refusal([read.protocol, oracle], read.lens.market, market_id)
        view = read(read.lens.market, market_id) if no_price is None else None
        if view and view.settled:
            market.settle(view.price)
        position = read(read.protocol.marginPosition, self._manager, self._account, market_id)
        return PositionLine(
            market_id=market_id,
            name=self._name(market_id),
            decimals=read(oracle.assetDecimals),
            position=Position(*position),
            market=market,
            price=view.price if view else None,
            no_price=no_price,
            weights=MarketLtv(*read(self._manager.marketLtv, market_id)),
        )

    def _order(self, order_id: int) -> OrderLine:
        read = self._read
        order = read(self._book.order, order_id)
        oracle = read.oracle(read(read.lens.marketConfig, order.marketId).oracle)
        no_state = read.refusal([oracle, read.protocol], self._book.stateOf, order_id)
        condition, *terms = order.terms
        return OrderLine(
            id=order_id,
            market=self._name(order.marketId),
            decimals=read(oracle.assetDecimals),
            order=Order(
                account=order.accountId,
                market_id=order.marketId,
                size=order.size,
                limit=order.limit,
                terms=OrderTerms(Condition(condition), *terms),
                placed_at=order.placedAt,
                next=order.next,
            ),
            state=None if no_state else OrderState(read(self._book.stateOf, order_id)),
            no_state=no_state,
        )

    def _name(self, market_id: int) -> str:
        return self._deployment.market_name(market_id)
