"""MarketReader unpacks exactly what lies in storage, whatever else lies beside it."""

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.margin import EIGHTEEN, KINDS, MAX_COST, PLAIN
from tests.suite import BTC, MARKET_FIELDS, UNLIMITED, WAD, market_config

MARKETS = 1  # the mapping's slot

# By word of `MarketSlots`, from the lowest bits: name, bits, signed.
STATE = {
    1: [("longOI", 128, False), ("shortOI", 128, False)],
    2: [("costLong", 128, False), ("costShort", 128, False)],
    3: [("borrowCost", 128, False), ("borrowIndex", 64, False), ("updatedAt", 32, False)],
    4: [("fundingRate", 96, True), ("fundingIndex", 160, True)],
    5: [("fundingCost", 256, True)],
    6: [("sumSquares", 256, False)],
    7: [("sumSignedSquares", 256, True)],
}
CASH_FLOW = {
    8: [("pricePnl", 128, True), ("borrowingFee", 128, True)],
    9: [("openingFee", 128, True), ("closingFee", 128, True)],
    10: [("accruedFunding", 128, True), ("badDebt", 128, True)],
}


def extremes(bits: int, signed: bool) -> tuple[int, ...]:
    if signed:
        return -(2 ** (bits - 1)), -1, 1, 2 ** (bits - 1) - 1
    return 1, 2**bits - 1


@pytest.fixture
def plant(desk):
    """Puts values into the words of a market and leaves what is not named at zero."""

    def act(layout: dict, values: dict[str, int]) -> None:
        first = int.from_bytes(keccak(encode(["uint256", "uint256"], [EIGHTEEN, MARKETS])))
        for offset, fields in layout.items():
            word = shift = 0
            for name, bits, _ in fields:
                word |= (values.get(name, 0) % 2**bits) << shift
                shift += bits
            slot, stored = hex(first + offset), "0x" + word.to_bytes(32).hex()
            desk.node.rpc("anvil_setStorageAt", desk.protocol, slot, stored)

    return act


@pytest.mark.parametrize(
    "layout, view", [(STATE, "marketState"), (CASH_FLOW, "cashFlow")], ids=["state", "cash-flow"]
)
def test_view__each_field_at_its_extremes__alone_and_beside_all_others(desk, plant, layout, view):
    """No field has bits of another, and signs are kept."""
    fields = [field for word in layout.values() for field in word]
    names = [name for name, _, _ in fields]
    largest = {name: extremes(bits, signed)[-1] for name, bits, signed in fields}
    smallest = {name: extremes(bits, signed)[0] for name, bits, signed in fields}
    look = getattr(desk.suite.lens, view)
    cases = [largest, smallest]
    for name, bits, signed in fields:
        for value in extremes(bits, signed):
            cases += [{name: value}, largest | {name: value}, largest | {name: 0}]
    for values in cases:
        plant(layout, values)
        seen = look(EIGHTEEN)
        assert {name: seen[name] for name in names} == {n: values.get(n, 0) for n in names}
        assert len(seen) == len(names)


LARGEST = BTC | {
    "skewScale": 10**36,
    "maxFundingVelocity": 1_000 * WAD,
    "openingFeeRate": WAD // 10,
    "closingFeeRate": WAD // 10 - 1,
    "borrowRate": WAD // 2,
    "reserveFactor": WAD,
    "minPositionValue": MAX_COST - 4,
    "maxPositionValue": MAX_COST - 3,
    "maxLongOIValue": MAX_COST,
    "maxShortOIValue": MAX_COST - 1,
    "maxNetOIValue": MAX_COST - 2,
    "minExecutionDelay": 3_600,
}
NUMBERS = [name for name in MARKET_FIELDS if name not in ("oracle", "enabled")]
CAPS = ("maxPositionValue", "maxLongOIValue", "maxShortOIValue", "maxNetOIValue")


@pytest.mark.parametrize("enabled", [True, False])
def test_market_config__all_at_their_most__as_given_with_one_zero_or_unlimited(desk, enabled):
    """Through setMarket: the contract packs, the lens unpacks."""
    largest, lens = LARGEST | {"enabled": enabled}, desk.suite.lens.address
    changes = [{}, *({name: 0} for name in NUMBERS), *({name: UNLIMITED} for name in CAPS)]
    for change in changes:
        floor = {"minPositionValue": 0} if "maxPositionValue" in change else {}
        *_, logged = desk.configure(PLAIN, **(largest | floor | change))
        expected = desk.logged_config(PLAIN)
        assert logged == ("MarketConfigured", (PLAIN, expected))
        config, view = desk.node.read(
            (lens, "marketConfig(uint256)", PLAIN), (lens, "market(uint256)", PLAIN)
        )
        assert config == view[2] == expected, change
        assert view[-1] is False, "not settled"


def test_market_config__settled__what_is_left_of_it(desk):
    """Closing fee, reserve factor and bounds stay."""
    desk.configure(EIGHTEEN, minExecutionDelay=3_600)
    desk.wait(3 * 86_400)
    desk.settle(EIGHTEEN, 5)
    view = desk.suite.lens.market(EIGHTEEN)
    assert (view.settled, view.price) == (True, 5)
    gone = {"enabled": False, "skewScale": 0, "maxFundingVelocity": 0, "borrowRate": 0}
    expected = market_config(desk.oracles[EIGHTEEN], KINDS[EIGHTEEN].config | gone)
    assert tuple(view.config) == tuple(desk.suite.lens.marketConfig(EIGHTEEN)) == expected
    assert not desk.suite.lens.market(PLAIN).settled


@pytest.mark.parametrize("market", [4, UNLIMITED])
def test_market_views__unknown__say_so(desk, market, reverts):
    lens = desk.suite.lens
    views = (lens.marketConfig, lens.marketState, lens.cashFlow, lens.marketBooks, lens.fundingRate)
    for view in views:
        with reverts(desk.suite.protocol.UnknownMarket, marketId=market):
            view(market)
    with reverts(desk.suite.protocol.UnknownMarket, marketId=market):
        desk.suite.protocol.marketWords(market, UNLIMITED)
