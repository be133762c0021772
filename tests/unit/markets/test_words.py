"""Markets.marketWords: those words of a market that were asked for, as they lie in storage."""

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.margin import EIGHTEEN, ISOLATED
from tests.suite import UNLIMITED, WAD

WORDS = 16
ALL = 2**WORDS - 1
MARKETS = 1  # the mapping's slot
SIGNATURE = "marketWords(uint256,uint256)"


@pytest.fixture
def traded(desk):
    """Two markets of which every word says something, but for what only some have."""
    for market in (ISOLATED, EIGHTEEN):
        desk.configure(market, minExecutionDelay=77)
        desk.order(market, desk.units(market, 40_000))
        desk.order(market, -desk.units(market, 30_000), account=1)
        desk.wait(86_400)
        desk.order(market, -desk.units(market, 10_000))
    return desk


def slots(market: int) -> list[int]:
    first = int.from_bytes(keccak(encode(["uint256", "uint256"], [market, MARKETS])))
    return [first + i for i in range(WORDS)]


def stored(desk, market: int) -> list[int]:
    requests = [
        ("eth_getStorageAt", (desk.protocol, hex(slot), "latest")) for slot in slots(market)
    ]
    return [int(word, 16) for word in desk.node.batch(requests)]


def read(desk, market: int, mask: int) -> list[int]:
    return list(desk.node.read((desk.protocol, SIGNATURE, market, mask))[0])


@pytest.mark.parametrize("market", [ISOLATED, EIGHTEEN])
def test_market_words__any_mask__these_words_and_no_others(traded, market):
    words = stored(traded, market)
    assert [i for i, word in enumerate(words) if not word] == [], "or it would show nothing"
    masks = [0, ALL, 0x5555, 0xAAAA, *(1 << i for i in range(WORDS))]
    for mask in masks:
        expected = [word if mask >> i & 1 else 0 for i, word in enumerate(words)]
        assert read(traded, market, mask) == expected, bin(mask)


def test_market_words__bits_above_the_sixteenth__mean_nothing(traded):
    words = stored(traded, EIGHTEEN)
    assert read(traded, EIGHTEEN, UNLIMITED) == words
    assert read(traded, EIGHTEEN, UNLIMITED - ALL) == [0] * WORDS


@pytest.mark.parametrize("mask", [0, 1, 1 << 1 | 1 << 15, ALL])
def test_market_words__not_asked_for__not_read(traded, mask):
    """Beside whether the market exists, which its first word says."""
    data = traded.node.interface.functions[SIGNATURE][0]
    data += encode(["uint256", "uint256"], [EIGHTEEN, mask])
    call = {"from": traded.stage.lp, "to": traded.protocol, "data": "0x" + data.hex()}
    (entry,) = traded.node.rpc("eth_createAccessList", call, "latest")["accessList"]
    asked = {slot for i, slot in enumerate(slots(EIGHTEEN)) if (mask | 1) >> i & 1}
    assert {int(key, 16) for key in entry["storageKeys"]} == asked


@pytest.mark.parametrize("delay", [0, 1, 77, 3_600])
def test_market_words__delay__in_its_bits_of_the_flags(traded, delay):
    """What margin clients read it from, without unpacking the rest."""
    before = read(traded, EIGHTEEN, 1)[0]
    traded.configure(EIGHTEEN, minExecutionDelay=delay)
    flags = read(traded, EIGHTEEN, 1)[0] >> 224
    assert flags >> 10 & 0xFFF == delay
    assert flags & ~(0xFFF << 10) == before >> 224 & ~(0xFFF << 10), "no other flag has changed"
    seen = traded.suite.lens.marketConfig(EIGHTEEN).minExecutionDelay
    assert seen == delay == traded.model.markets[EIGHTEEN].config.min_execution_delay


def test_market_words__disabled__the_delay_stays(traded, guardian):
    call = (guardian.address, traded.protocol, "disableMarket(uint256)", EIGHTEEN)
    traded.send(call)
    config = traded.suite.lens.marketConfig(EIGHTEEN)
    assert (config.enabled, config.minExecutionDelay) == (False, 77)


@pytest.mark.parametrize("market", [ISOLATED, EIGHTEEN])
def test_market_words__settled__no_delay_any_more(traded, market):
    traded.wait(3 * 86_400)
    traded.settle(market, 10_000 * WAD)
    assert read(traded, market, 1)[0] >> 224 >> 10 & 0xFFF == 0
    assert traded.suite.lens.marketConfig(market).minExecutionDelay == 0
    assert traded.model.markets[market].config.min_execution_delay == 0
