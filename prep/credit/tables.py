"""A credit account's statement as tables."""

from collections.abc import Callable, Iterator
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from prep.credit.statement import AssetLine, OrderLine, PositionLine, Statement
from prep.display import percent, sheet, time, units
from prep.model.fixed import WAD, trunc_div
from prep.model.health import Health
from prep.model.window import Condition

UNKNOWN: Final = "no price"
CENTS: Final = 2
SIZE_PLACES: Final = 4
"""Of an order, whose line is long."""
PLACES: Final = 8
"""Of a price: as many as feeds have."""
_PRICE_DECIMALS: Final = 36
_PERCENT: Final = 2
"""Decimals of a weight in per cent."""
_CONDITIONS: Final = {
    Condition.ALWAYS: "first price",
    Condition.AT_OR_ABOVE: "at or above",
    Condition.AT_OR_BELOW: "at or below",
}


def show(statement: Statement, output: Console) -> None:
    """Prints all of it."""
    block = f"Chain {statement.chain_id}, block {statement.block}, {time(statement.timestamp)}"
    output.print(block, highlight=False)
    for reason in statement.missing:
        output.print(f"[red]No usable price of[/] {escape(reason)}", highlight=False)
    if statement.liquidatable:
        output.print("[red]The account can be liquidated now.[/]")
    for table in tables(statement):
        output.print(table)


def tables(statement: Statement) -> Iterator[Table]:
    """The account, then what it has."""
    yield sheet(f"Account {statement.account}", [("Owner", statement.owner)])
    yield _assets(statement.assets)
    if statement.positions:
        yield _positions(statement)
    if statement.orders:
        yield _orders(statement.orders)
    yield _health(statement)


def _assets(assets: tuple[AssetLine, ...]) -> Table:
    table = _table("Assets and debts, values in PREP", "Asset")
    for name in ("Balance", "Value", "Debt", "Value", "Rate a year", "Price", "Weights"):
        table.add_column(name, justify="right")
    for asset in assets:
        table.add_row(
            asset.name,
            units(asset.balance, asset.decimals),
            _prep(asset.value),
            units(asset.debt, asset.decimals),
            _prep(asset.owed),
            "-" if asset.borrow_rate is None else percent(asset.borrow_rate, CENTS),
            _price(asset.price, asset.decimals),
            _weights(asset),
        )
    return table


def _positions(statement: Statement) -> Table:
    table = _table("Positions, values in PREP", "Market")
    columns = ("Size", "Entry", "Price", "Notional", "PnL, worse", "PnL, better", "Weights")
    for name in (*columns, "Liquidation at"):
        table.add_column(name, justify="right")
    for line in statement.positions:
        worse, better = line.pnl(statement.timestamp) or (None, None)
        table.add_row(
            line.name,
            units(line.position.size, line.decimals),
            _price(line.position.entry_price, line.decimals),
            _price(line.price, line.decimals),
            _prep(line.value),
            _prep(worse),
            _prep(better),
            _weights(line),
            _liquidation(statement, line),
        )
    return table


def _liquidation(statement: Statement, line: PositionLine) -> str:
    if statement.missing:
        return UNKNOWN
    price = statement.liquidation_price(line)
    if price is None:
        return "none"
    return "now" if price == line.price else _price(price, line.decimals)


def _orders(orders: tuple[OrderLine, ...]) -> Table:
    table = _table("Orders", "Id")
    for name in ("Market", "Size", "When", "Limit", "Kind", "Expires", "Fee", "Linked", "State"):
        table.add_column(name)
    for line in orders:
        terms = line.order.terms
        when = _CONDITIONS[terms.condition]
        if terms.condition is not Condition.ALWAYS:
            when += f" {_price(terms.trigger, line.decimals)}"
        table.add_row(
            str(line.id),
            line.market,
            units(line.order.size, line.decimals, SIZE_PLACES),
            when,
            _price(line.order.limit, line.decimals) if line.order.limit else "any",
            "reduce only" if terms.reduce_only else "",
            time(terms.expiry),
            f"{units(terms.keeper_fee)} PREP",
            "" if line.order.next == line.id else f"{line.order.next}",
            line.state.name.lower() if line.state is not None else escape(str(line.no_state)),
        )
    return table


def _health(statement: Statement) -> Table:
    table = _table("Health, PREP", "")
    readings = {
        "To do more": statement.health(for_liquidation=False),
        "For liquidation": statement.health(for_liquidation=True),
    }
    for name in readings:
        table.add_column(name, justify="right")
    for name, amount in _AMOUNTS.items():
        cells = (UNKNOWN if h is None else units(amount(h)) for h in readings.values())
        table.add_row(name, *cells)
    table.add_row("Covered", *(_covered(h) for h in readings.values()))
    return table


_AMOUNTS: Final[dict[str, Callable[[Health], int]]] = {
    "Collateral, weighted": lambda h: h.collateral,
    "PnL of positions": lambda h: h.pnl,
    "Debt, divided by weight": lambda h: -h.debt,
    "Equity": lambda h: h.equity,
    "Required": lambda h: h.required,
}


def _covered(health: Health | None) -> str:
    """What there is over what is needed; it stands well from 1x on."""
    if health is None:
        return UNKNOWN
    needed = health.debt + health.required
    if needed == 0:
        return "nothing needed"
    return f"{units(trunc_div((health.collateral + health.pnl) * WAD, needed), places=CENTS)}x"


def _table(title: str, first: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first, no_wrap=True)
    return table


def _prep(amount: int | None) -> str:
    return UNKNOWN if amount is None else units(amount, places=CENTS)


def _price(price: int | None, asset_decimals: int) -> str:
    """Of a whole unit."""
    return UNKNOWN if price is None else units(price, _PRICE_DECIMALS - asset_decimals, PLACES)


def _weights(line: AssetLine | PositionLine) -> str:
    ltv, threshold = line.weights.max_ltv, line.weights.liquidation_threshold
    return f"{units(ltv, _PERCENT)} / {units(threshold, _PERCENT)} %"
