"""Everything that can be read of credit accounts, lenders and markets, contracts beside model, and
the invariants M1, M2, M4 and M5 on top of it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from prep.model import Rejected
from prep.model.position import Position
from prep.node import Reverted
from tests.agreement import as_components
from tests.credit import PREP, SHARES
from tests.credit_desk import CreditDesk
from tests.credit_words import as_order, plain, refusal
from tests.stateful.events import as_state

Call = tuple[Any, ...]


def agree(desk: CreditDesk) -> None:
    """Raises `AssertionError` for the first difference."""
    desk.model.begin()
    expected = dict(_of_accounts(desk)) | dict(_of_lenders(desk)) | dict(_of_engine(desk))
    refused = []
    for call, view in _priced(desk):
        try:
            expected[call] = view()
        except Rejected as error:
            refused.append((call, error))
    refusing = [call for call, _ in refused]
    seen = dict(zip([*expected, *refusing], desk.node.try_read(*expected, *refusing), strict=True))
    for call, value in expected.items():
        if isinstance(seen[call], Exception):
            raise AssertionError(f"{call[1:]}: {seen[call]!r}, by the model {value}")
        answer = sorted(seen[call]) if call[1].startswith("ordersOf") else seen[call]
        assert answer == value, f"{call[1:]}: {answer}, by the model {value}"
    for call, error in refused:
        assert isinstance(seen[call], Reverted), f"{call[1:]}: {seen[call]}, by the model {error}"
        assert refusal(desk.node, seen[call]) == plain(error), f"{call[1:]}"
    _check_money(desk)


def _of_accounts(desk: CreditDesk) -> list[tuple[Call, Any]]:
    """Holdings, debts, delegates' accounts, requests, positions and orders."""
    model, manager, book = desk.model, desk.client, desk.credit.book.address
    vault, protocol = desk.suite.vault.address, desk.suite.protocol.address
    known: list[tuple[Call, Any]] = [
        ((manager, "accountCount()"), len(model.accounts)),
        ((manager, "reservedFees()"), model.reserved_fees),
    ]
    for account, state in model.accounts.items():
        holdings, markets = model.contents(account)
        contents = tuple(tuple(h) for h in holdings), tuple(markets)
        orders = sorted(model.order_book.ids.get(account, ()))
        known += [
            ((manager, "contents(uint256)", account), contents),
            ((manager, "ownerOf(uint256)", account), state.owner.lower()),
            (
                (vault, "requests(address,uint256)", manager, account),
                tuple(tuple(r) for r in desk.system.requests(manager, account)),
            ),
            ((book, "ordersOf(uint256)", account), orders),
        ]
        for market in range(len(desk.system.markets)):
            call = protocol, "marginPosition(address,uint256,uint256)", manager, account, market
            position: Position = desk.system.margin_position(manager, account, market)
            assert (market in markets) == (position.size != 0), f"M5: {account} on {market}"
            if position.size:
                known.append((call, tuple(position)))
    for order_id, order in model.order_book.orders.items():
        known.append(((book, "order(uint256)", order_id), as_order(order_id, order)))
    return known


def _of_lenders(desk: CreditDesk) -> list[tuple[Call, Any]]:
    known: list[tuple[Call, Any]] = []
    for asset, pool in desk.pools.items():
        vault = desk.credit.lending[asset].address
        token = desk.credit.tokens[asset].address
        known += [
            ((vault, "idle()"), pool.idle),
            ((token, "balanceOf(address)", vault), pool.idle),
            ((vault, "debtIndex()"), pool.debt_index()),
            ((vault, "debtShares(address)", desk.client), pool.shares_owed(desk.client)),
            ((vault, "reserves()"), pool.reserves()),
            ((vault, "totalAssets()"), pool.total_assets()),
            ((vault, "totalSupply()"), pool.supply),
        ]
    return known


def _of_engine(desk: CreditDesk) -> list[tuple[Call, Any]]:
    suite, system = desk.suite, desk.system
    protocol, lens, vault = suite.protocol.address, suite.lens.address, suite.vault.address
    known: list[tuple[Call, Any]] = [
        ((protocol, "liquidity()"), system.vault.liquidity),
        ((protocol, "netDeposits()"), system.vault.net_deposits),
        ((vault, "totalSupply()"), system.vault.supply),
        (
            (suite.prep.address, "balanceOf(address)", vault),
            system.vault.liquidity + system.unpaid_protocol_fees,
        ),
    ]
    for market, state in enumerate(system.markets):
        known += [
            ((lens, "marketState(uint256)", market), as_state(state)),
            ((lens, "cashFlow(uint256)", market), as_components(system.cash_flow(market))),
        ]
    for asset, token in desk.credit.tokens.items():
        held = desk.model.assets[asset].held + (desk.model.reserved_fees if asset == PREP else 0)
        known.append(((token.address, "balanceOf(address)", desk.client), held))
    return known


def _priced(desk: CreditDesk) -> list[tuple[Call, Callable[[], Any]]]:
    """Views that may need a price."""
    views: list[tuple[Call, Callable[[], Any]]] = []
    for account in desk.model.accounts:
        for reading in (False, True):
            call = desk.client, "health(uint256,bool)", account, reading
            views.append((call, partial(_health, desk, account, reading)))
    for order_id in desk.model.order_book.orders:
        call = desk.credit.book.address, "stateOf(uint256)", order_id
        views.append((call, partial(desk.model.order_book.state_of, order_id)))
    share = desk.credit.share_oracle.address, "price()"
    views.append((share, partial(desk.model.price, SHARES)))
    return views


def _health(desk: CreditDesk, account: int, for_liquidation: bool) -> tuple:
    seen = desk.model.health(account, for_liquidation=for_liquidation)
    return (*seen, seen.equity)


def _check_money(desk: CreditDesk) -> None:
    """What the comparison with the model cannot see: sums that must come out in both."""
    model, system = desk.model, desk.system
    accounts = model.accounts.values()
    for asset, kept in enumerate(model.assets):
        balances = sum(account.balances.get(asset, 0) for account in accounts)
        shares = sum(account.debts.get(asset, 0) for account in accounts)
        assert kept.held == balances, f"M5: balances of {asset}"
        pool = kept.config.pool
        owed = pool.debt_shares if pool else 0
        assert shares == kept.debt_shares == owed, f"M5: debts of {asset}"
    fees = sum(order.terms.keeper_fee for order in model.order_book.orders.values())
    assert model.reserved_fees == fees, "M5: reserved fees"
    for asset, pool in desk.pools.items():
        debt = sum(pool.total_debt())
        worth = pool.idle + debt - pool.locked_interest() - pool.reserves()
        assert pool.total_assets() == max(0, worth), f"M4: lenders of {asset}"
    flow = system.cash_flow().total
    assert system.vault.liquidity == system.vault.net_deposits + flow, "M2"
