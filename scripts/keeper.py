"""Liquidates positions above the liquidation leverage and credit accounts, fills orders and trade
requests, with --margin serves asset-backed positions, and with --deleverage closes what the vault
can no longer carry; says what it would do unless told to --execute. With --verbosity DEBUG there is
a line for every round.

See docs/keeper.md.
"""

from logging import DEBUG, INFO
from pathlib import Path
from threading import Event
from typing import Any

import click
from ape import project
from ape.logging import logger

from prep.connect import (
    account_option,
    chain_id,
    connect,
    friendly_errors,
    is_local,
    load_account,
    network_option,
)
from prep.deploy.record import FOLDER, Deployment
from prep.errors import UserError
from prep.keeper import CreditContracts, Keeper, Settings, ToDeleverage, run, stopped_by_signals
from prep.keeper.log import configure, log
from prep.keeper.margin.command import MarginOptions, margin_options, to_watch
from prep.margin.index_store import StoreError
from prep.options import WHOLE, Amount, Real

CACHE = Path(".cache") / "keeper"
GWEI = 9
DAY = 86_400


def credit_contracts(deployment: Deployment) -> CreditContracts | None:
    """What of it was deployed."""
    if "TradeRequests" not in deployment.contracts:
        return None
    named = {"manager": "CreditManager", "book": "OrderBook"}
    found = {
        key: deployment.instance(project, name)
        for key, name in named.items()
        if name in deployment.contracts
    }
    prep, requests = (deployment.instance(project, name) for name in ("PrepToken", "TradeRequests"))
    return CreditContracts(prep, requests, **found)


@click.command(help=__doc__)
@network_option
@account_option
@click.option("--execute", is_flag=True, help="Send transactions. Without: say what would be done.")
@click.option("--once", is_flag=True, help="One round, then end.")
@click.option(
    "--interval",
    type=Real(min=0, min_open=True, max=DAY),
    help="Seconds between rounds. Without: a round with every block.",
)
@click.option(
    "--min-profit",
    type=Amount(WHOLE),
    default="0",
    show_default=True,
    help="PREP that a liquidation has to leave after gas.",
)
@click.option(
    "--native-price",
    type=Amount(WHOLE),
    help="PREP per native token, to reckon gas with. Local chains: 0, gas costs nothing.",
)
@click.option(
    "--max-gas-price",
    type=Amount(GWEI),
    default="100",
    show_default=True,
    help="Gwei per gas, base fee included, above which nothing is sent.",
)
@click.option(
    "--max-daily-gas",
    type=Amount(WHOLE),
    help="Native tokens that may be spent on gas in 24 hours.  [default: no limit]",
)
@click.option(
    "--gas",
    type=click.IntRange(21_000, 100_000_000),
    default=Settings().gas_per_liquidation,
    show_default=True,
    help="Gas that a liquidation is reckoned with; its limit is twice as much.",
)
@click.option(
    "--max-actions",
    type=click.IntRange(1, 10_000),
    default=Settings().max_actions,
    show_default=True,
    help="Liquidations in one round, and as many of accounts, of transactions for orders and "
    "requests, and of attempts to deleverage.",
)
@click.option(
    "--deleverage",
    is_flag=True,
    help="Also close positions while the vault is below its target or a side above its cap. That "
    "pays nothing.",
)
@click.option(
    "--max-deleverage-gas",
    type=click.IntRange(21_000, 100_000_000),
    default=Settings().max_deleverage_gas,
    show_default=True,
    help="Gas limit above which nothing is deleveraged.",
)
@click.option(
    "--credit/--no-credit",
    default=True,
    show_default=True,
    help="Liquidate credit accounts; fill their orders, and trade requests.",
)
@click.option(
    "--max-repay",
    type=Amount(WHOLE),
    help="PREP, by oracle prices, that may be paid at once for the debt of a credit account.  "
    "[default: what the account has and has approved]",
)
@click.option(
    "--approve",
    is_flag=True,
    help="Approve the credit manager for exactly what a liquidation takes, before it. "
    "Needs --max-repay.",
)
@click.option(
    "--unpaid",
    is_flag=True,
    help="Also liquidate what has nothing left, remove dead orders, and set and clear marks, "
    "though that does not earn its gas.",
)
@click.option(
    "--max-credit-gas",
    type=click.IntRange(21_000, 100_000_000),
    default=Settings().max_credit_gas,
    show_default=True,
    help="Gas limit above which no account is liquidated, and that of several orders in one.",
)
@margin_options
@click.option(
    "--batch-size",
    type=click.IntRange(1, 1_000),
    default=Settings().batch_size,
    show_default=True,
    help="Calls in one request to the node, about accounts, orders and asset-backed positions. "
    "Fewer if it refuses.",
)
@click.option(
    "--page-size",
    type=click.IntRange(1, 10_000),
    default=Settings().page_size,
    show_default=True,
    help="Positions per request. Fewer if the node limits the gas of calls.",
)
@click.option(
    "--block-range",
    type=click.IntRange(1, 10_000_000),
    default=Settings().block_range,
    show_default=True,
    help="Blocks whose events are asked for at once, with --deleverage or --margin; with --margin "
    "fewer by itself if the node refuses.",
)
@click.option(
    "--events-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where what events have told is kept, with --deleverage.  "
    "[default: .cache/keeper/<chain id>-<protocol>.json]",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Where <chain id>.json is.",
)
@friendly_errors()
def cli(
    network: str | None,
    alias: str | None,
    execute: bool,
    once: bool,
    interval: float | None,
    native_price: int | None,
    gas: int,
    folder: Path,
    deleverage: bool,
    credit: bool,
    events_file: Path | None,
    margin: MarginOptions,
    **limits: Any,
) -> None:
    configure(verbose=logger.level <= DEBUG)
    stop = Event()
    with connect(network) as provider, stopped_by_signals(stop):
        chain = chain_id(provider)
        if execute and native_price is None and not is_local(chain):
            raise UserError("with --execute gas has to be reckoned: give --native-price")
        if limits["approve"] and limits["max_repay"] is None:
            raise UserError("--approve needs a limit for each liquidation: give --max-repay")
        deployment = Deployment.load(chain, folder)
        deployment.check_chain(provider)
        account = load_account(alias) if execute or alias else None
        settings = Settings(native_price=native_price or 0, gas_per_liquidation=gas, **limits)
        protocol = deployment.address("Protocol")
        vault, deleverager = (
            deployment.instance(project, name) for name in ("Vault", "Deleverager")
        )
        watch = to_watch(margin, deployment, CACHE)
        with friendly_errors("the database of positions: ", (StoreError,)):
            keeper = Keeper(
                deployment.instance(project, "Protocol"),
                deployment.instance(project, "ProtocolLens"),
                account,
                settings,
                execute,
                stop,
                ToDeleverage(
                    vault,
                    deleverager,
                    deployment.block("Protocol"),
                    events_file or CACHE / f"{chain}-{protocol}.json",
                )
                if deleverage
                else None,
                credit_contracts(deployment) if credit else None,
                watch,
            )
        log(
            INFO,
            "started",
            chain=chain,
            protocol=protocol,
            account=account.address if account else "none",
            execute=execute,
            deleverage=deleverage,
            credit=credit,
            margin=watch is not None,
        )
        ok = run(keeper, stop, once=once, interval=interval)
    if not ok:
        raise SystemExit(1)
