"""What contracts and model say about credit accounts, in the same words: events and errors."""

from collections.abc import Iterable
from typing import Any

from eth_abi import decode

from prep.model import Rejected
from prep.model.credit_results import Order, OrderPlaced
from prep.node import Log, Node, Reverted

NAMES = {
    "AccountLiquidated",
    "BalanceChanged",
    "CloseSkipped",
    "DebtChanged",
    "DebtWrittenOff",
    "DelegateSet",
    "OrderCancelled",
    "OrderFilled",
    "OrderPlaced",
    "OrderRefused",
    "OrderRemoved",
    "OrderSkipped",
    "OrderTriggered",
}
"""Events of manager and order book that the model has too."""
WITH_REASON = {"ActionFailed", "CloseSkipped", "OrderSkipped", "OrderRefused"}
"""Errors and events whose last value is another error."""


def said(node: Node, name: str, args: Iterable[Any]) -> tuple:
    """An error or event of the contracts: its name and values."""
    if name in WITH_REASON:
        *first, reason = args
        args = (*first, error(node, reason))
    return name, plain(tuple(args))


def error(node: Node, data: bytes) -> tuple:
    """An error inside of another one, or of an event."""
    name, types = node.interface.errors[data[:4]]
    return said(node, name, decode(types, data[4:]))


def refusal(node: Node, reverted: Reverted) -> tuple:
    """What a call reverted with."""
    return said(node, reverted.name, reverted.args_)


def events(node: Node, logs: Iterable[Log], emitters: Iterable[str]) -> list[tuple]:
    """What these contracts have logged, as far as the model has it, in its order."""
    emitters = set(emitters)
    return [
        said(node, log.name, log.args)
        for log in logs
        if log.address in emitters and log.name in NAMES
    ]


def of_model(happened: Iterable[object]) -> list[tuple]:
    """The same of what the model says has happened."""
    return [
        (type(event).__name__, tuple(plain(value) for value in _fields(event)))
        for event in happened
        if type(event).__name__ in NAMES
    ]


def _fields(event: Any) -> tuple:
    if isinstance(event, OrderPlaced):
        return event.order_id, event.account, as_order(event.order_id, event.order)
    return tuple(event)


def as_order(order_id: int, order: Order) -> tuple:
    """As the contract's struct, which knows of what an order was linked to only the ring."""
    next_one = 0 if order.next == order_id else order.next
    return tuple(order._replace(terms=order.terms._replace(linked_to=next_one)))


def plain(value: Any) -> Any:
    """Names as text, addresses in lower case, errors as names and values, tuples throughout."""
    if isinstance(value, Rejected):
        return value.name, tuple(plain(a) for a in value.args)
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode()
    if isinstance(value, str):
        return value.lower() if value.startswith("0x") else value
    if isinstance(value, (tuple, list)):
        return tuple(plain(a) for a in value)
    return value
