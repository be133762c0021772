"""Where take-profits and stop-losses come from, and the signed requests to close for them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from prep.errors import UserError
from prep.keeper.margin.actions import Execute, swap_data
from prep.keeper.margin.ids import PoolId
from prep.keeper.margin.snapshot import SignedOrder
from prep.margin.data import CloseRequest
from prep.margin.typed import Domain, Signer, sign
from prep.quotes.client import QuoteClient, QuoteError
from prep.quotes.wire import Side

LIFETIME = 600
"""Seconds for which a request is good that the keeper signs."""


class NoOrders(Exception):  # noqa: N818 - a state of the world, not a failure of this code
    """Whoever keeps the orders, or signs, does not answer, or says no."""


class OrderSource(Protocol):
    """All of it raises `NoOrders`."""

    def orders(self) -> Iterable[SignedOrder]:
        """Those that can still be executed."""

    def request(self, execute: Execute, now: int) -> tuple[CloseRequest, bytes]:
        """To close the whole position, and the signature of an order signer."""


class QuoteService:
    """A quote service: it keeps the orders and signs the requests, with its own fee and room."""

    def __init__(self, client: QuoteClient) -> None:
        self._client = client

    def orders(self) -> list[SignedOrder]:
        """All pages."""
        try:
            return [
                SignedOrder(
                    id=PoolId(found.is_long, found.order.id),
                    order=found.order,
                    signature=found.signature,
                    digest="0x" + found.digest.hex(),
                )
                for found in self._client.orders()
            ]
        except QuoteError as error:
            raise NoOrders(str(error)) from error

    def request(self, execute: Execute, now: int) -> tuple[CloseRequest, bytes]:
        """As the service quotes it for the trader."""
        side = Side.LONG if execute.id.is_long else Side.SHORT
        try:
            quote = self._client.close(side, execute.position, payout=execute.order.order.payout)
        except QuoteError as error:
            raise NoOrders(str(error)) from error
        return quote.request, quote.signature


class OwnSigner:
    """Orders of somebody else, and requests that the keeper signs itself: without a fee."""

    def __init__(
        self, orders: OrderSource, signer: Signer, domains: Mapping[bool, Domain], router: str
    ) -> None:
        self._orders = orders
        self._signer = signer
        self._domains = domains
        self._router = router

    def orders(self) -> Iterable[SignedOrder]:
        """As they are kept."""
        return self._orders.orders()

    def request(self, execute: Execute, now: int) -> tuple[CloseRequest, bytes]:
        """With the swap and the interest that were decided on."""
        domain, position = self._domains[execute.id.is_long], execute.position
        expiry = now + LIFETIME
        request = CloseRequest(
            id=position.id,
            nonce=position.nonce,
            trader=position.trader,
            amount=position.collateral,
            min_payout=execute.order.order.min_payout,
            interest=execute.interest,
            fee=0,
            expiry=expiry,
            router=self._router,
            data=swap_data(execute, domain.pool),
        )
        try:
            return request, sign(self._signer, domain, request)
        except UserError as error:
            raise NoOrders(error.message) from error
