"""A lending vault under attack: a bench of its own, and what somebody has in the end."""

from copy import deepcopy
from dataclasses import replace

from tests.unit.lending.bench import Bench
from tests.unit.lending.reference import INDEXED, QUOTED, WAD

CAP = 10**36


def with_borrowers(bench: Bench) -> Bench:
    """One of each kind; the treasury takes a tenth of interest."""
    bench.do("admin", "register_borrower", "manager", INDEXED, CAP)
    bench.do("admin", "register_borrower", "pool", QUOTED, CAP)
    bench.do("admin", "set_treasury", "treasury")
    bench.do("risk_manager", "set_reserve_share", WAD // 10)
    return bench


def for_one_test(bench: Bench) -> Bench:
    """The chain is put back after a test, and the reference is the test's own."""
    bench = replace(bench, reference=deepcopy(bench.reference), logged=[])
    bench.logged = bench.reference.pass_time(bench.node.time() - bench.reference.now)
    return bench


def wealth(bench: Bench, *names: str) -> int:
    """Tokens, and what shares are worth to somebody who can wait for them."""
    r = bench.reference
    return sum(r.tokens[name] + r.to_assets(r.shares.get(name, 0)) for name in names)
