"""Vaults over tokens of several decimals, with borrowers of both kinds."""

from copy import deepcopy
from dataclasses import replace

import pytest

from tests.unit.lending.bench import create_bench
from tests.unit.lending.reference import INDEXED, QUOTED

DECIMALS = (6, 8, 18)
CAP = 1_000_000


@pytest.fixture(scope="session")
def _benches(project, accounts, admin):
    """Each with a cap of a million tokens for every borrower; nobody has deposited."""
    benches = {decimals: create_bench(project, admin, accounts, decimals) for decimals in DECIMALS}
    for bench in benches.values():
        for kind, names in ((INDEXED, ("manager", "other_manager")), (QUOTED, ("pool",))):
            for name in names:
                bench.do("admin", "register_borrower", name, kind, CAP * bench.one)
    return benches


@pytest.fixture(params=DECIMALS, ids=[f"{decimals} decimals" for decimals in DECIMALS])
def empty(request, _benches, one_block):
    """A vault without lenders, at a time that stands still, for each number of decimals."""
    return started(_benches[request.param])


@pytest.fixture
def bench(empty):
    """The same with a hundred thousand tokens of one lender, and fifty thousand of another."""
    return lent(empty)


@pytest.fixture
def bench18(_benches, one_block):
    """As `bench`, with 18 decimals only: where decimals make no difference."""
    return lent(started(_benches[18]))


def started(bench):
    """For one test: the chain is put back after it, and the reference is its own."""
    bench = replace(bench, reference=deepcopy(bench.reference), logged=[])
    bench.logged = bench.reference.pass_time(bench.node.time() - bench.reference.now)
    return bench


def lent(bench):
    bench.do("lender", "deposit", 100_000 * bench.one, "lender")
    bench.do("other_lender", "deposit", 50_000 * bench.one, "other_lender")
    return bench
