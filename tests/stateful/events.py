"""What the model says in the words of the contracts: events, structs and errors."""

from collections.abc import Iterator

import pytest

from prep.model import Rejected, System
from prep.model.market import Market
from prep.model.redeem_queue import RedeemRequested, RequestsCancelled
from prep.model.requests import TradeFilled
from prep.model.results import (
    CollateralChanged,
    Deleveraged,
    Deposited,
    MarginClientSet,
    MarketSettled,
    OrderExecuted,
    PositionDecreased,
    PositionIncreased,
    PositionLiquidated,
    Withdrawn,
)
from prep.node import Reverted

NAMES = {
    "PositionIncreased",
    "PositionDecreased",
    "PositionLiquidated",
    "CollateralChanged",
    "Deposit",
    "Withdraw",
    "OrderExecuted",
    "Deleveraged",
    "TraderDeleveraged",
    "AccountDeleveraged",
    "MarketSettled",
    "MarginClientSet",
    "RedeemRequested",
    "RequestsCancelled",
}


def as_logs(result, model: System) -> Iterator[tuple[str, tuple]]:
    """The events that the contracts emit for what the model returned, in their order."""
    index = model.markets[0].borrow_index
    match result:
        case CollateralChanged(trader, amount, collateral):
            yield "CollateralChanged", (trader.lower(), amount, collateral)
        case PositionIncreased() as r:
            head = (r.trader.lower(), r.id, r.market_id, r.size_added, r.price, r.size)
            tail = (r.entry_price, r.collateral, r.opening_fee, index)
            yield "PositionIncreased", head + tail
        case PositionDecreased() as r:
            yield "PositionDecreased", _decrease(r, index)
        case TradeFilled() as r:
            yield from as_logs(r.trade, model)
        case PositionLiquidated() as r:
            for decrease in r.decreases:
                yield "PositionDecreased", _decrease(decrease, index)
            head = (r.trader.lower(), r.id, r.liquidator.lower())
            tail = (r.collateral, r.reward, r.from_vault, r.liquidator_collateral)
            yield "PositionLiquidated", head + tail
        case list():
            for outcome in result:
                yield from as_logs(outcome, model)
        case OrderExecuted() as r:
            head = (r.client.lower(), r.account, r.market_id)
            yield "OrderExecuted", (*head, as_outcome(r))
        case Deleveraged(size, settlement, before, after, closed):
            yield from as_logs(closed, model)
            tail = (size, settlement, before, after)
            if isinstance(closed, PositionDecreased):
                yield "TraderDeleveraged", (closed.trader.lower(), *tail)
                return
            of = (closed.account, closed.market_id)
            yield "Deleveraged", (*of, settlement)
            yield "AccountDeleveraged", (closed.client.lower(), *of, *tail)
        case MarketSettled() as r:
            yield "MarketSettled", (r.market_id, r.price)
        case MarginClientSet() as r:
            yield "MarginClientSet", (r.client.lower(), r.registered)
        case RedeemRequested() as r:
            times = (r.matures_at, r.lapses_at)
            yield "RedeemRequested", (r.owner.lower(), r.ref, r.shares, *times, r.locked)
        case RequestsCancelled() as r:
            yield "RequestsCancelled", (r.owner.lower(), r.ref, r.shares, r.locked)
        case Deposited() as r:
            yield "Deposit", (r.caller.lower(), r.receiver.lower(), r.assets, r.shares)
        case Withdrawn() as r:
            parties = (r.caller.lower(), r.receiver.lower(), r.owner.lower())
            yield "Withdraw", (*parties, r.assets, r.shares)


def _decrease(r: PositionDecreased, index: int) -> tuple:
    realised = (r.price_pnl, r.funding, r.borrowing_fee, r.closing_fee)
    head = (r.trader.lower(), r.id, r.market_id, r.size_removed, r.price, r.size)
    return (*head, r.collateral, realised, r.bad_debt, index)


def as_outcome(r: OrderExecuted) -> tuple:
    """As the contract's struct."""
    realised = (r.price_pnl, r.funding, r.borrowing_fee, r.closing_fee)
    fees = (r.opening_fee, r.protocol_fee)
    return (r.size, r.close_price, realised, *fees, r.settlement, tuple(r.position))


def as_state(m: Market) -> tuple:
    """As the contract's struct."""
    return (
        m.long_oi,
        m.short_oi,
        m.cost_long,
        m.cost_short,
        m.borrow_cost,
        m.borrow_index,
        m.updated_at % 2**32,
        m.funding_rate,
        m.funding_index,
        m.funding_cost,
        m.sum_squares,
        m.sum_signed_squares,
    )


def refused_alike(refused: Rejected, call, *args) -> None:
    """The contracts refuse with the error that the model has raised."""
    with pytest.raises(Reverted) as reverted:
        call(*args)
    assert_refused(refused, reverted.value, args)


def assert_refused(refused: Rejected, seen: object, call: object) -> None:
    """What the contracts answered to the call is the error that the model has raised."""
    same = isinstance(seen, Reverted) and _same_error(refused, seen)
    assert same, f"{call}: model {refused}, contracts {seen!r}"


def _same_error(refused: Rejected, reverted: Reverted) -> bool:
    """Names and values, where the model knows addresses as strings and names as text."""

    def plain(value):
        if isinstance(value, bytes):
            value = value.rstrip(b"\0").decode()
        return value.lower() if isinstance(value, str) else value

    return refused.name == reverted.name and [plain(a) for a in refused.args] == [
        plain(a) for a in reverted.args_
    ]
