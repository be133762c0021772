"""The library of asset-backed positions: every formula against Python's integers, to the unit."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from prep.node import Node, Reverted

BPS = 10_000
WAD = 10**18
YEAR = 31_536_000
DAY = 86_400
LARGEST = 2**256 - 1
LIBRARY_ERROR = "0xae47f702"
"""`FullMulDivFailed()`, of Solady's."""


def up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


FORMULAS: dict[str, Callable[..., int]] = {
    "valueUp": lambda b, p: up(b * p, WAD),
    "valueDown": lambda b, p: b * p // WAD,
    "leastProceeds": lambda b, p, d: up(up(b * p, WAD) * (BPS - d), BPS),
    "highestCost": lambda b, p, d: b * p // WAD * (BPS + d) // BPS,
    "maxInterest": lambda principal, apy, t: principal * apy * t // (WAD * YEAR),
    "maxPrincipalLong": lambda d, leverage: d * (leverage - BPS) // BPS,
    "maxPrincipalShort": lambda d, leverage, p: d * leverage * WAD // (BPS * p),
    "maxSale": lambda d, leverage: d * leverage // BPS,
    "minMargin": lambda v, mm: up(v * mm, BPS),
    "liquidationFee": lambda v, share: v * share // BPS,
    "principalPart": lambda principal, a, k: principal if a == k else up(principal * a, k),
    "usedAfter": lambda used, limit, t: max(0, used - limit * t // DAY),
}
"""As docs/margin.md says them."""

amounts = st.integers(0, 10**30) | st.integers(0, 2**128) | st.sampled_from((0, 1, BPS, WAD))
prices = st.integers(10**6, 10**40) | st.sampled_from((10**6, WAD, WAD + 1, 3 * WAD))
shares = st.integers(0, BPS)
leverages = st.integers(BPS + 1, 100_000)
times = st.integers(0, 10**10) | st.sampled_from((0, 1, DAY - 1, DAY, DAY + 1, YEAR))


@st.composite
def parts(draw: st.DrawFn) -> tuple[int, int, int]:
    """A principal, and a part of a collateral, often all of it."""
    collateral = draw(amounts) + 1
    amount = draw(st.integers(1, collateral) | st.just(collateral))
    return draw(amounts), amount, collateral


ARGUMENTS: dict[str, st.SearchStrategy[tuple[int, ...]]] = {
    "valueUp": st.tuples(amounts, prices),
    "valueDown": st.tuples(amounts, prices),
    "leastProceeds": st.tuples(amounts, prices, shares),
    "highestCost": st.tuples(amounts, prices, shares),
    "maxInterest": st.tuples(amounts, st.integers(0, 10 * WAD), times),
    "maxPrincipalLong": st.tuples(amounts, leverages),
    "maxPrincipalShort": st.tuples(amounts, leverages, prices),
    "maxSale": st.tuples(amounts, leverages),
    "minMargin": st.tuples(amounts, shares),
    "liquidationFee": st.tuples(amounts, shares),
    "principalPart": parts(),
    "usedAfter": st.tuples(amounts, st.integers(0, 2**128 - 1), times),
}
CASES = st.fixed_dictionaries(ARGUMENTS)

WIDE = {
    "valueUp": (LARGEST, WAD),
    "valueDown": (LARGEST, WAD),
    "leastProceeds": (LARGEST, WAD, 2_000),
    "highestCost": (LARGEST // 2, WAD, 2_000),
    "maxInterest": (LARGEST, 10 * WAD, YEAR // 10),
    "maxPrincipalLong": (LARGEST // 9, 100_000),
    "maxPrincipalShort": (LARGEST, 100_000, 10 * WAD),
    "maxSale": (LARGEST // 10, 100_000),
    "minMargin": (LARGEST, 5_000),
    "liquidationFee": (LARGEST, 5_000),
    "principalPart": (LARGEST, LARGEST, LARGEST),
    "usedAfter": (LARGEST, 2**128 - 1, 2**40),
}
"""Products of more than a word, results that just fit."""

TOO_LARGE = {
    "valueUp": (LARGEST, WAD + 1),
    "valueDown": (LARGEST, WAD + 1),
    "highestCost": (LARGEST, WAD, 1),
    "maxInterest": (LARGEST, 10 * WAD, YEAR // 10 + 1),
    "maxPrincipalLong": (LARGEST, 20_001),
    "maxPrincipalShort": (LARGEST, 100_000, 10 * WAD - 1),
    "maxSale": (LARGEST, 10_001),
}
"""Results that do not fit: nothing is cut off."""


@pytest.fixture(scope="module")
def probe(admin: Any, project: Any) -> Any:
    return admin.deploy(project.MarginProbe)


@pytest.fixture(scope="module")
def node(probe: Any) -> Node:
    return Node(probe.provider.uri, probe.contract_type)


def signature(name: str, args: tuple[int, ...]) -> str:
    return f"{name}({','.join(['uint256'] * len(args))})"


def asked(node: Node, probe: Any, cases: dict[str, tuple[int, ...]]) -> dict[str, int]:
    """What the library says to each, in one request."""
    calls = [(probe.address, signature(name, args), *args) for name, args in cases.items()]
    return dict(zip(cases, node.read(*calls), strict=True))


def expected(cases: dict[str, tuple[int, ...]]) -> dict[str, int]:
    return {name: FORMULAS[name](*args) for name, args in cases.items()}


def test_formulas__of_the_library__all_known(probe: Any) -> None:
    names = {abi.name for abi in probe.contract_type.view_methods}
    assert names == set(FORMULAS) == set(ARGUMENTS) == set(WIDE)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(CASES)
@example(WIDE)
def test_formulas__any_arguments__exact(
    probe: Any, node: Node, cases: dict[str, tuple[int, ...]]
) -> None:
    assert asked(node, probe, cases) == expected(cases)


@pytest.mark.parametrize("name", TOO_LARGE)
def test_formulas__result_above_a_word__refused(probe: Any, node: Node, name: str) -> None:
    args = TOO_LARGE[name]
    assert FORMULAS[name](*args) > LARGEST
    with pytest.raises(Reverted) as refused:
        node.read((probe.address, signature(name, args), *args))
    assert LIBRARY_ERROR in str(refused.value)


def test_formulas__by_hand__rounded_as_said(probe: Any, node: Node) -> None:
    """Three base units at a price of 1.5: 4.5 quote units; a tenth more or less."""
    price = 15 * WAD // 10
    cases = {
        "valueUp": (3, price),
        "valueDown": (3, price),
        "leastProceeds": (3, price, 1_000),
        "highestCost": (3, price, 1_000),
        "maxInterest": (YEAR + 1, WAD, 1),
        "maxPrincipalLong": (3, 25_000),
        "maxPrincipalShort": (4, 25_000, 3 * WAD),
        "maxSale": (3, 25_000),
        "minMargin": (101, 100),
        "liquidationFee": (199, 100),
        "principalPart": (10, 1, 3),
        "usedAfter": (10, DAY, 3),
    }
    assert asked(node, probe, cases) == {
        "valueUp": 5,
        "valueDown": 4,
        "leastProceeds": 5,
        "highestCost": 4,
        "maxInterest": 1,
        "maxPrincipalLong": 4,
        "maxPrincipalShort": 3,
        "maxSale": 7,
        "minMargin": 2,
        "liquidationFee": 1,
        "principalPart": 4,
        "usedAfter": 7,
    }
