"""Whether the money of credit accounts and lenders adds up. Invariants M3 for tokens, M4 and M5.

Every difference must be zero, to the unit. Amounts are base units of their asset.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prep.demo.accounts import ASSETS, DECIMALS, PREP, SHARES
from prep.demo.checks import Check, apart
from prep.demo.credit_ledger import CreditLedger
from prep.demo.ledger import ZERO_ADDRESS
from prep.demo.pool import Pool

SHARE_DECIMALS = 6
"""What shares of a lending vault have more than its asset."""


@dataclass(frozen=True)
class PoolBalances:
    """What a lending vault says of itself. `held`: its tokens; `shares`: what the manager owes it;
    `locked`: recorded interest that is not the lenders' yet; `quoted`: debt by borrower that says
    itself what it owes; `wallets`: lenders' shares by address."""

    held: int
    idle: int
    debt: int
    reserves: int
    locked: int
    total_assets: int
    index: int
    shares: int
    supply: int
    quoted: Mapping[str, int]
    wallets: Mapping[str, int]


@dataclass(frozen=True)
class CreditBalances:
    """What the chain says: tokens by asset and address, the manager's among them; balances and debt
    shares by account and asset; lending vaults by asset."""

    wallets: Mapping[tuple[int, str], int]
    balances: Mapping[tuple[int, int], int]
    debt_shares: Mapping[tuple[int, int], int]
    reserved: int
    pools: Mapping[int, PoolBalances]


def check_credit(ledger: CreditLedger, chain: CreditBalances) -> tuple[Check, ...]:
    """The ledger against the chain."""
    return (
        Check("M1", "Tokens of credit that no event explains", 0, ledger.unmatched, 0),
        *_of_tokens(ledger, chain),
        *(check for a in chain.pools for check in _of_pool(a, ledger.pools[a], chain.pools[a])),
        *_of_accounts(ledger, chain),
    )


def _of_tokens(ledger: CreditLedger, chain: CreditBalances) -> Iterator[Check]:
    for asset, name in enumerate(ASSETS):
        ours = {w: n for (a, w), n in ledger.wallets.items() if a == asset and w != ZERO_ADDRESS}
        theirs = {who: amount for (a, who), amount in chain.wallets.items() if a == asset}
        places = "wallets + manager" if asset == SHARES else "wallets + manager + lending"
        minted = f"All {name} ever minted and not burned = {places}"
        # PREP has a check of its own, of all who have any.
        if asset != PREP:
            found = sum(theirs.values())
            yield Check("M3", minted, ledger.minted[asset], found, DECIMALS[asset])
            title = f"{name} of all people and contracts, differences added up"
            yield Check("M3", title, 0, apart(ours, theirs), DECIMALS[asset])


def _of_pool(asset: int, pool: Pool, chain: PoolBalances) -> Iterator[Check]:
    name, decimals = ASSETS[asset], DECIMALS[asset]

    def row(title: str, expected: int, found: int, more: int = 0) -> Check:
        return Check("M4", f"{name} lending: {title}", expected, found, decimals + more)

    yield row("tokens held = idle + gifts", pool.idle + pool.donations, chain.held)
    yield row("idle", pool.idle, chain.idle)
    yield row("debt, interest included", pool.debt, chain.debt)
    yield row("reserves of the treasury", pool.reserves, chain.reserves)
    title = "idle + debt - locked interest - reserves = total assets"
    yield row(title, pool.total_assets(chain.locked), chain.total_assets)
    title = "debt of asset-backed positions, differences added up"
    yield row(title, 0, apart(pool.quoted, chain.quoted))
    yield row("index of debt", pool.index, chain.index, 27 - decimals)
    yield row("lenders' shares", pool.supply, chain.supply, SHARE_DECIMALS)
    wallets = {who: amount for who, amount in pool.wallets.items() if who != ZERO_ADDRESS}
    title = "shares of all lenders, differences added up"
    yield row(title, 0, apart(wallets, chain.wallets), SHARE_DECIMALS)


def _of_accounts(ledger: CreditLedger, chain: CreditBalances) -> Iterator[Check]:
    for asset, name in enumerate(ASSETS):
        decimals = DECIMALS[asset]
        fees = " + keeper fees set aside" if asset == PREP else ""
        title = f"{name} of the manager = balances of all accounts{fees} + gifts"
        expected = ledger.held(asset) + ledger.gifts[asset]
        yield Check("M5", title, expected, chain.wallets[asset, ledger.manager], decimals)
    for asset, theirs in chain.pools.items():
        name, decimals, pool = ASSETS[asset], DECIMALS[asset], ledger.pools[asset]
        title = f"Debt shares in {name} of all accounts = what the manager owes"
        yield Check("M5", title, ledger.owed(asset), theirs.shares, decimals)
        title = f"Debt shares in {name}, by the lending vault"
        yield Check("M5", title, pool.shares, theirs.shares, decimals)
        title = f"{name} borrowed less repaid, by accounts = by lenders"
        yield Check("M5", title, ledger.principal[asset], pool.principal, decimals)
        title = f"{name} written off, by accounts = by lenders"
        yield Check("M5", title, ledger.written_off[asset], pool.written_off, decimals)
    for title, ours, found in (
        ("Balances of every account", ledger.balances, chain.balances),
        ("Debt shares of every account", ledger.debt_shares, chain.debt_shares),
    ):
        yield Check("M5", f"{title}, differences added up", 0, apart(ours, found), 0)
    waiting = sum(fee for _, fee in ledger.waiting.values())
    title = "Keeper fees set aside = fees of the orders that wait"
    yield Check("M5", title, waiting, chain.reserved)
    yield Check("M5", "Keeper fees set aside, by the manager", ledger.reserved, chain.reserved)
