"""Quotes that are sent to the chain as they are: they go through, and do what they said."""

import pytest

from tests.margin_suite import DOLLARS, LISTED, PREP, WBTC, WETH

pytestmark = pytest.mark.usefixtures("undone")


def down_of(margin, pair):
    return margin.units(pair[1], 10_000) // DOLLARS[pair[1]]


def send(margin, trader, quote):
    """The transaction of a quote, as a wallet would send it."""
    sent = quote.transaction
    data = f"0x{sent.data.hex()}"
    return margin.node.execute_data(trader.address, sent.to, data, value=sent.value)


@pytest.mark.parametrize("pair", LISTED, ids="/".join)
def test_open__sent__opens_what_was_expected(margin, side, way, trader, client, pair):
    down = down_of(margin, pair)
    margin.give(trader, pair[1], 2 * down)
    base, quote = (margin.tokens[symbol].address for symbol in pair)
    found = client.open(way, trader.address, base, quote, down, leverage=30_000)
    logs = send(margin, trader, found)
    position = margin.after(logs, "PositionOpened")
    assert position.principal == found.expected.principal == found.request.principal
    assert position.collateral == found.expected.collateral
