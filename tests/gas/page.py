"""docs/gas.md, made from the committed numbers so that it cannot drift from them."""

from tests.gas.ceilings import (
    CEILINGS,
    CREDIT,
    FURTHER_MARKET,
    HEALTH_CHECK,
    MARGIN,
    MAX_CODE_SIZE,
    OLDER,
    ORDERS,
)

TEXT = """# What actions cost

Gas of whole transactions, as receipts say it: 21,000 and call data included. The numbers are
committed in `tests/gas/snapshot.json` and checked by every `make test`; this page is made from
them. After a change that is meant: `PREP_UPDATE_GAS=1 ape test tests/gas`, and look at the
difference.

## The BTC market

{btc}

*Ceiling* is what the action may cost at most; a test fails above it. *Older* is what an earlier
implementation of the same mechanism needs, which keeps fewer books.

Measured in a market with others' positions on both sides, through the Chainlink adapter, an hour
after the action before, so that the borrowing fee accrues each time, and with every slot written
before that a first trade would write. The feed is a local one that answers from a single slot. A
real feed is a proxy in front of an aggregator: one more cold call and several more cold reads, by
counting them some 10,000 gas more for every action that needs a price. That was not measured.

## A market with everything on

Skew pricing, funding, opening and closing fee, the protocol's share, and all caps.

{full}

## Orders of margin clients, and deleverage

Through a client that only passes the order on. The ceilings are for a market with skew pricing and
funding and no other with positions. In this order: with skew pricing and funding, with everything
on, without skew pricing.

{orders}

## Credit accounts and lenders

Lists of actions, orders and liquidations through the credit manager, on a market with skew pricing
and funding, and on one without; every asset and every market over a Chainlink adapter and a feed of
its own. The account that is liquidated has one position and one collateral; its loss is borrowed.

{credit}

Lenders, and borrowers of the quoted kind, call the vault themselves; interest of the indexed kind
accrues each time. *Both kinds*: a quoted borrower owes it too, and some of its interest is locked.
*Quoted only*: as with a vault that lends to the pools of asset-backed positions alone.

A lender who redeems where an indexed borrower owes something is above the 65,000 that were wanted.
Before anything is computed it takes 66,577, and 68,677 where a quoted borrower was ever registered:
22,060 for the transaction and its data; 12,600 for six words of the vault that are read, or 14,700
for seven; 11,600 for the four that change (index and idle tokens, reserves and time, supply,
balance); 14,356 for the token, its two balances and its event; 5,661 for the vault's three events;
300 against being entered again.

A health check reads each asset and each position of the account, of which there are 9 and 8 at
most. What one more adds, nothing of it touched before in the transaction:

{health}

A position in a market with skew pricing and funding is above the 25,000 that were wanted: its
price, its open interest, its funding and the position itself are in eight words and two accounts
that are cold, 21,900 gas together before anything is computed.

## Asset-backed positions

Swaps in one pool of a real exchange, over a Chainlink adapter and a feed of its own; in brackets
without the swap itself, which another exchange or route makes cheaper or dearer and for which the
ceilings are. Everybody has some of each token, and lenders have lent to another borrower too, so
that his debt grows as well; what is done first of all says so.

{margin}

In a pair with limits for a day instead of a check price:

{limits}

## How cost grows

- **With positions: not at all.** `tests/gas/test_scaling.py` lives the same day with 10, 100 and
  1,000 positions open and finds every number the same to the unit, call data aside: an id above
  255 is a second byte there and costs 12 gas.
- **With markets:** actions that need the reserves of all markets (opening and growing where there
  is a reserve, LP deposits and withdrawals, deleverage) read each other market that has open
  positions: its price and its aggregates. A market without positions is one read; there are at
  most 64. What one more market with positions adds, without and with skew pricing:

{further}

- **With accounts, lenders and LPs:** not at all. A health check grows with what the account
  itself has.
- **With requests:** with those in the LP's own queue, a slot each, of which there are 8 at most.
  Who has none, in a vault that never had a cooldown, pays for nothing.
- **Views:** `ProtocolLens.positions` grows with the number of ids asked for, `getIdsNotInUse`
  with the number of free ids. Nothing on chain calls either.

## Size of the code

{sizes}

The limit is {limit:,} bytes (EIP-170).
"""


def render(snapshot: dict) -> str:
    btc = [
        (name, gas, CEILINGS.get(name), OLDER.get(name)) for name, gas in snapshot["btc"].items()
    ]
    added = {kind: snapshot[f"added to a health check, {kind}"] for kind in HEALTH_CHECK}
    return TEXT.format(
        btc=_table(("action", "gas", "ceiling", "older"), btc),
        full=_table(("action", "gas"), list(snapshot["everything on"].items())),
        orders=_table(
            ("action", "skew, funding", "ceiling", "everything on", "no skew"), _orders(snapshot)
        ),
        credit=_table(
            ("action", "skew, funding", "no skew", "ceiling"),
            [
                (name, gas, snapshot["credit, no skew"][name], CREDIT.get(name))
                for name, gas in snapshot["credit, skew and funding"].items()
            ],
        ),
        health=_table(
            ("one more", "skew, funding", "no skew", "ceiling"),
            [
                (name, gas, added["no skew"][name], HEALTH_CHECK["no skew"][name])
                for name, gas in added["skew and funding"].items()
            ],
        ),
        margin=_margin(snapshot, "check price"),
        limits=_margin(snapshot, "limits"),
        further=_table(("action", "plain", "ceiling", "skewed", "ceiling"), _further(snapshot)),
        sizes=_table(("contract", "bytes"), list(snapshot["code size"].items())),
        limit=MAX_CODE_SIZE,
    )


def _orders(snapshot: dict) -> list:
    kinds = ("skew and funding", "everything on", "no skew")
    skewed, full, plain = (snapshot[f"orders, {kind}"] for kind in kinds)
    return [(name, gas, ORDERS.get(name), full[name], plain[name]) for name, gas in skewed.items()]


def _margin(snapshot: dict, kind: str) -> str:
    """Both sides, with and without the swap."""
    rows = []
    for action in snapshot[f"margin, long, {kind}"]:
        row = [action]
        for side in ("long", "short"):
            section = f"margin, {side}, {kind}"
            total = snapshot[section][action]
            swap = snapshot[f"{section}, of the swap"].get(action)
            row.append(f"{total:,} ({total - swap:,})" if swap else total)
        rows.append((*row, MARGIN.get(action)))
    return _table(("action", "long", "short", "ceiling"), rows)


def _further(snapshot: dict) -> list:
    plain, skewed = (snapshot[f"added by a further {kind} market"] for kind in FURTHER_MARKET)
    most = FURTHER_MARKET
    return [
        (name, gas, most["plain"][name], skewed[name], most["skewed"][name])
        for name, gas in plain.items()
    ]


def _table(titles: tuple, rows: list) -> str:
    head = [f"| {' | '.join(titles)} |", f"|---|{(len(titles) - 1) * '---:|'}"]
    lines = [
        f"| {' | '.join('' if cell is None else _cell(cell) for cell in row)} |" for row in rows
    ]
    return "\n".join(head + lines)


def _cell(value) -> str:
    return f"{value:,}" if isinstance(value, int) else value
