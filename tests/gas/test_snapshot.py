"""Gas and code sizes, compared with committed numbers and with their ceilings.

`PREP_UPDATE_GAS=1 ape test tests/gas` writes the numbers anew; look at the difference before
committing it.
"""

import json
import os
from pathlib import Path

import pytest

from tests.gas.ceilings import CEILINGS, MAX_CODE_SIZE
from tests.gas.page import render
from tests.gas.scenario import Meter, measure, prepare
from tests.suite import BTC, FULL, WAD

SNAPSHOT = Path(__file__).parent / "snapshot.json"
PAGE = Path(__file__).parents[2] / "docs" / "gas.md"
CONTRACTS = (
    "Protocol",
    "Vault",
    "Deleverager",
    "ProtocolLens",
    "PrepToken",
    "ChainlinkOracle",
    "Authority",
    "TradeRequests",
    "CreditManager",
    "OrderBook",
    "LendingVault",
    "ShareOracle",
    "LongPool",
    "ShortPool",
    "DebtController",
)
UPDATE = bool(os.environ.get("PREP_UPDATE_GAS"))


@pytest.fixture(scope="module")
def people(crowd, lp, trader, other_trader, liquidator):
    """Who does what, by the names of `measure`."""
    return {
        "lp": lp,
        "new_lp": other_trader,
        "trader": trader,
        "victims": crowd[4:8],
        "liquidators": (liquidator, crowd[8], crowd[9]),
    }


def compare(section: str, measured: dict[str, int]) -> None:
    """With the committed numbers, or writes them."""
    snapshot = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    if UPDATE:
        SNAPSHOT.write_text(json.dumps(snapshot | {section: measured}, indent=2) + "\n")
        return
    committed = snapshot.get(section, {})
    names = sorted(measured.keys() | committed.keys())
    changes = [
        f"{name}: {committed.get(name)} -> {measured.get(name)}"
        for name in names
        if committed.get(name) != measured.get(name)
    ]
    assert not changes, f"{section} differs from {SNAPSHOT.name}: {'; '.join(changes)}"


@pytest.mark.parametrize(
    ("section", "market", "rate"),
    [("btc", BTC, 0), ("everything on", FULL, WAD // 10)],
    ids=["btc", "full"],
)
def test_gas__every_action__as_committed(section, market, rate, create_suite, chain, crowd, people):
    suite = create_suite(market=market, protocol_fee_rate=rate, heartbeat=7 * 86_400)
    meter = Meter(suite, chain)
    prepare(meter, people["lp"], crowd[:4])
    gas = measure(meter, **people)
    if section == "btc":
        over = {name: gas[name] for name, ceiling in CEILINGS.items() if gas[name] > ceiling}
        assert not over, f"above the ceilings: {over}"
    compare(section, gas)


def test_code_size__every_contract__as_committed(project):
    sizes = {
        name: len(project.get_contract(name).contract_type.get_runtime_bytecode())
        for name in CONTRACTS
    }
    assert max(sizes.values()) <= MAX_CODE_SIZE, sizes
    compare("code size", sizes)


def test_page__gas__as_committed():
    text = render(json.loads(SNAPSHOT.read_text()))
    if UPDATE:
        PAGE.write_text(text)
    assert PAGE.read_text() == text, f"{PAGE.name} is not made from {SNAPSHOT.name}"
