"""A service of quotes on a chain that answers from a table."""

import pytest

from prep.quotes.quoting import Quotes
from tests.unit.quotes import fake
from tests.unit.quotes.fake import FakeChain


@pytest.fixture
def table():
    return FakeChain()


@pytest.fixture
def create(table):
    """Quotes at a wall clock that is so many seconds ahead of the head."""

    def make(ahead=3, **changes):
        clock = lambda: float(table.now + ahead)  # noqa: E731
        return Quotes(table, fake.settings(**changes), fake.SIGNER, clock)

    return make
