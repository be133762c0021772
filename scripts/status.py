"""Shows markets, the vault and the riskiest positions of a deployment, or one credit account."""

from collections.abc import Iterator
from pathlib import Path

import click
from ape import project
from rich.markup import escape
from rich.table import Table

from prep.connect import chain_id, connect, friendly_errors, network_option
from prep.credit.read import read_statement
from prep.credit.tables import show
from prep.deploy.record import FOLDER, Deployment
from prep.display import console, percent, ratio, sheet, time, units
from prep.model.fixed import UNLIMITED
from prep.model.limits import MAX_LIQUIDITY
from prep.status import MarketStatus, Status, VaultStatus, read_status

UNKNOWN = "no price"
CENTS = 2


@click.command(help=__doc__)
@network_option
@click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="How many positions to show, highest leverage first.",
)
@click.option(
    "--account",
    type=int,
    metavar="ID",
    help="Show this credit account instead, and the prices at which it could be liquidated.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Where <chain id>.json is.",
)
@friendly_errors()
def cli(network: str | None, top: int, account: int | None, folder: Path) -> None:
    output = console()
    with connect(network) as provider:
        deployment = Deployment.load(chain_id(provider), folder)
        if account is not None:
            show(read_statement(project, deployment, provider, account), output)
            return
        status = read_status(project, deployment, provider, top)
    block = f"Chain {status.chain_id}, block {status.block}, {time(status.timestamp)}"
    output.print(block, highlight=False)
    for market in status.markets:
        if market.no_price:
            output.print(f"[red]{market.name} has no usable price:[/] {escape(market.no_price)}")
    if status.vault.withdrawals_stopped:
        output.print("[red]Withdrawals from the vault are stopped[/] until the admin resumes them.")
    for line in _deleverage(status):
        output.print(line, highlight=False)
    for table in _tables(status):
        output.print(table)


def _deleverage(status: Status) -> Iterator[str]:
    """Why positions can be closed by anybody, `ape run keeper --deleverage` for one."""
    if status.vault.below_target:
        yield "[red]The collateralization ratio is below its target:[/] winners can be deleveraged."
    for market in status.to_deleverage:
        sides = " and ".join(market.over_cap)
        yield f"[red]{market.name}, {sides}: above the cap.[/] The excess can be deleveraged."


def _tables(status: Status) -> Iterator[Table]:
    for market in status.markets:
        yield sheet(f"Market {market.name}", _market(market))
    yield sheet("Vault", _vault(status.vault))
    if status.riskiest is None:
        yield sheet("Positions", [("Open", f"{status.open_positions}; leverage needs a price")])
    else:
        yield _positions(status)


def _market(market: MarketStatus) -> list[tuple[str, str]]:
    def size(value: int) -> str:
        return f"{units(value, market.asset_decimals)} {market.name}"

    def against(worth: int | None, cap: int) -> str:
        limit = "no cap" if cap == UNLIMITED else f"cap {units(cap)} PREP"
        return f"{UNKNOWN if worth is None else f'{units(worth)} PREP'}, {limit}"

    price = UNKNOWN if market.price is None else units(market.price, 36 - market.asset_decimals)
    trading = "open" if market.enabled else "close-only"
    rows = [
        ("Price", price),
        ("Trading", "settled: close-only at the last price" if market.settled else trading),
        ("Long", f"{size(market.long_oi)}, entered for {units(market.long_notional)} PREP"),
        ("  now worth", against(market.long_value, market.long_cap)),
        ("Short", f"{size(market.short_oi)}, entered for {units(market.short_notional)} PREP"),
        ("  now worth", against(market.short_value, market.short_cap)),
        ("Skew", size(market.long_oi - market.short_oi)),
        ("Funding rate", f"{percent(market.funding_rate)} a day"),
        ("Realised by the vault", f"{units(market.realised)} PREP"),
    ]
    unrealised = market.unrealised
    if unrealised is None:
        as_of = ("As of", time(market.updated_at))
        return [*rows, as_of, ("Unrealised, reserves", UNKNOWN)]
    return [
        *rows,
        ("Unrealised by traders", f"{units(unrealised.total)} PREP"),
        ("  from the price", f"{units(unrealised.price_pnl)} PREP"),
        ("  funding", f"{units(unrealised.funding)} PREP"),
        ("  borrowing fee", f"{units(unrealised.borrowing_fee)} PREP"),
        ("  closing fee", f"{units(unrealised.closing_fee)} PREP"),
        ("Reserves", f"{units(unrealised.reserves)} PREP"),
    ]


def _vault(vault: VaultStatus) -> list[tuple[str, str]]:
    basis = "larger side" if vault.by_larger_side else "difference of the sides"
    capped = vault.deposit_cap != MAX_LIQUIDITY
    target = ("  target", ratio(vault.target_ratio) if vault.target_ratio else "none")
    rows = [
        ("Liquidity", f"{units(vault.liquidity)} PREP"),
        ("  cap of deposits", f"{units(vault.deposit_cap)} PREP" if capped else "unlimited"),
        ("Net deposits", f"{units(vault.net_deposits)} PREP"),
        ("Shares", units(vault.supply, 24)),
        ("  cooldown", _cooldown(vault)),
        ("Custody", f"{units(vault.custody)} PREP"),
        ("  unpaid protocol fees", f"{units(vault.protocol_fees)} PREP"),
        ("  traders' collateral, gifts", f"{units(vault.collateral_and_gifts)} PREP"),
    ]
    value = vault.value
    if value is None:
        unknown = ("Value, share price, reserves", UNKNOWN)
        return [*rows, unknown, ("Collateralization ratio", UNKNOWN), target]
    return [
        *rows,
        ("Upper value (deposits)", f"{units(value.upper)} PREP"),
        ("Lower value (withdrawals)", f"{units(value.lower)} PREP"),
        ("Share price to enter", f"{units(value.share_upper)} PREP"),
        ("Share price to leave", f"{units(value.share_lower)} PREP"),
        (f"Reserves ({basis})", f"{units(value.reserves)} PREP"),
        ("Utilisation by reserves", percent(value.utilisation, CENTS)),
        ("Traders' total claim", f"{units(value.total_debt)} PREP"),
        ("Collateralization ratio", ratio(value.collateralization_ratio, CENTS)),
        target,
    ]


def _cooldown(vault: VaultStatus) -> str:
    if not vault.cooldown_period:
        return "none"
    window = f"for {vault.redeem_window:,} s" if vault.redeem_window else "for good"
    return f"redeemable {vault.cooldown_period:,} s after a request, {window}"


def _positions(status: Status) -> Table:
    riskiest = status.riskiest or ()
    title = f"Riskiest positions: {len(riskiest)} of {status.open_positions} open"
    if status.liquidatable:
        title += f", {status.liquidatable} liquidatable"
    table = Table(title=title, title_justify="left")
    for name in ("Id", "Trader", "Side", "Size", "Notional", "Collateral", "Equity", "Leverage"):
        table.add_column(name, justify="left" if name in ("Trader", "Side") else "right")
    table.add_column("")
    for p in riskiest:
        table.add_row(
            str(p.id),
            p.trader,
            "long" if p.size > 0 else "short",
            units(abs(p.size), status.markets[0].asset_decimals, 4),
            *(units(n, places=CENTS) for n in (p.entry_notional, p.collateral, p.equity)),
            ratio(p.leverage, CENTS),
            "[red]liquidatable[/]" if p.liquidatable else "",
        )
    return table
