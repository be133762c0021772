"""Short words for traders of a quote service."""

from prep.quotes.wire import Side
from tests.margin_suite import DOLLARS, PREP, WBTC, WETH

PAIR = (WETH, PREP)
ETHER = (WBTC, WETH)
"""Its quote token is wrapped ether."""


def worth(margin, symbol: str, dollars: int = 10_000) -> int:
    return margin.units(symbol, dollars) // DOLLARS[symbol]


def tokens(margin, pair) -> list[str]:
    return [margin.tokens[symbol].address for symbol in pair]


def send(margin, trader, quote):
    """The transaction of a quote, as a wallet would send it; its logs."""
    sent = quote.transaction
    data = f"0x{sent.data.hex()}"
    return margin.node.execute_data(trader.address, sent.to, data, value=sent.value)


def open_position(margin, client, side, trader, pair=PAIR, leverage=30_000):
    """By a quote; the position."""
    down = worth(margin, pair[1])
    margin.give(trader, pair[1], 2 * down)
    way = Side.of(side.is_long)
    quote = client.open(way, trader.address, *tokens(margin, pair), down, leverage=leverage)
    return margin.after(send(margin, trader, quote), "PositionOpened")


def pass_time(margin, seconds: int) -> None:
    margin.node.at(margin.time() + seconds)
    margin.node.mine()
