"""Everything that can be read of asset-backed margin, contracts beside model, and the invariants A1
to A4 on top of it."""

from collections.abc import Callable
from typing import Any

from prep.model import Rejected
from prep.model.margin import MarginPool, Position
from prep.model.margin.book import CLOSED
from prep.node import Reverted
from tests.margin_desk import MarginDesk, hash_of, plain
from tests.margin_suite import POSITION

Call = tuple[Any, ...]


def agree(desk: MarginDesk) -> None:
    """Raises `AssertionError` for the first difference."""
    desk.settle()
    expected: dict[Call, tuple[Any, str]] = {}
    for address, pool in desk.pools.items():
        expected |= _of_positions(address, pool)
        expected |= _of_money(desk, address, pool)
    for token, vault in desk.vault_of.items():
        expected |= _of_lenders(desk, token, vault)
    seen = desk.node.read(*expected)
    for (call, (value, why)), answer in zip(expected.items(), seen, strict=True):
        assert answer == value, f"{why}: {call[1:]} is {answer}, by the model {value}"
    for wallet, amount in zip(desk.wallets(), desk.count(), strict=True):
        assert amount == desk.money[wallet], f"A1 {wallet}: {amount - desk.money[wallet]} too much"


def _of_positions(address: str, pool: MarginPool) -> dict[Call, tuple[Any, str]]:
    """Hashes, marks, limits."""
    known: dict[Call, tuple[Any, str]] = {}
    for id_, state in pool.stored.items():
        assert state == CLOSED or isinstance(state, Position), "A3"
        known[address, "positionHash(uint256)", id_] = hash_of(state), "A3"
        known[address, "markOf(uint256)", id_] = tuple(pool.mark_of(id_)), "R4"
    unused = max(pool.stored, default=0) + 10**9
    known[address, "positionHash(uint256)", unused] = bytes(32), "A3"
    for pair in pool.controller.pairs:
        used = pool.borrowed_today(*pair)
        known[address, "borrowedToday(address,address)", *pair] = used, "A6"
    return known


def _of_money(desk: MarginDesk, address: str, pool: MarginPool) -> dict[Call, tuple[Any, str]]:
    """What the pool holds, owes and allows."""
    known: dict[Call, tuple[Any, str]] = {}
    positions = pool.open_positions()
    for (trader, token), amount in pool.claimable.items():
        known[address, "claimable(address,address)", trader, token] = amount, "A1"
    for token, vault in desk.vault_of.items():
        held = sum(it.collateral for it in positions if pool.held_token(it) == token)
        kept = sum(amount for (_, of), amount in pool.claimable.items() if of == token)
        known[token, "balanceOf(address)", address] = held + kept, "A1"
        owed = sum(it.principal for it in positions if pool.owed_token(it) == token)
        known[vault, "debtOf(address)", address] = owed, "A2"
        for spender in (desk.suite.router, vault):
            known[token, "allowance(address,address)", address, spender] = 0, "A4"
    return known


def _of_lenders(desk: MarginDesk, token: str, vault: str) -> dict[Call, tuple[Any, str]]:
    model = desk.vaults[token]
    return {
        (vault, "idle()"): (model.idle, "M4"),
        (vault, "totalAssets()"): (model.total_assets(), "M4"),
        (vault, "totalSupply()"): (model.supply, "M4"),
        (vault, "lockedInterest()"): (model.locked_interest(), "M4"),
        (vault, "reserves()"): (model.reserves(), "M4"),
        (vault, "totalDebt()"): (model.total_debt(), "A2"),
    }


def agree_on_health(desk: MarginDesk) -> None:
    """Of all open positions, at the check price if there is one."""
    for address, pool in desk.pools.items():
        for position in pool.open_positions():
            call = address, f"health({POSITION})", tuple(position)
            seen = outcome(desk.node.read, call)
            expected = outcome(lambda pool, it: (pool.health(it),), pool, position)
            assert seen == expected, f"R4 health of {position}: {seen}, by the model {expected}"


def outcome(view: Callable[..., Any], *args: Any) -> tuple:
    """What a view answers or refuses with."""
    try:
        return plain(view(*args))
    except Rejected as refused:
        return refused.name, plain(refused.args)
    except Reverted as reverted:
        return reverted.name, plain(reverted.args_)
