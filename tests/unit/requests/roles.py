"""Who does what with requests, and what is asked for."""

import pytest

from prep.model.isolated import TradeKind
from tests.suite import WAD

TRADER, OTHER, KEEPER, REMOVER, LP = range(5)
OPEN, OPEN_TOKEN, INCREASE, DECREASE, CLOSE = TradeKind

DELAY = 60
COLLATERAL = 1_000 * WAD
NOTIONAL = 4_321 * WAD + 98_765
PRICE = 10_000 * 10**8
"""Of the feed at first."""

SHARES = {OPEN: NOTIONAL, OPEN_TOKEN: WAD // 3, INCREASE: WAD * 99, DECREASE: WAD * 77, CLOSE: 0}
every_kind = pytest.mark.parametrize("kind", TradeKind, ids=lambda kind: kind.name.lower())


def hold(desk, actor: int = TRADER, *, is_long: bool = True) -> None:
    """A position, by a request of its own."""
    request = desk.request(actor, OPEN, NOTIONAL, is_long=is_long)
    desk.set_answer(desk.delay, desk.answer)
    assert desk.execute(KEEPER, request)


def refused(desk, name: str, *args):
    """`with refused(desk, name, *values):` what is done inside is refused so by the model, and
    alike by the contracts."""
    return _Refused(desk, name, args)


class _Refused:
    def __init__(self, desk, name: str, args: tuple) -> None:
        self.desk, self.expected = desk, (name, args)

    def __enter__(self) -> None:
        self.desk.refusals.clear()

    def __exit__(self, kind, *_) -> None:
        if kind is None:
            seen = [(r.name, r.args) for r in self.desk.refusals]
            assert seen == [self.expected]
