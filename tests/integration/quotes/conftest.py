"""The service over real pools, lenders and exchange: in this process, asked over its HTTP."""

import pytest

from prep.margin.chain import RpcChain
from prep.quotes.app import Service, create_app
from prep.quotes.client import QuoteClient
from prep.quotes.orders import OrderStore
from prep.quotes.quoting import Quotes
from prep.quotes.wire import Side
from tests.margin_suite import SIDES, create_margin_suite
from tests.quotes import InProcess, load, settings_of


@pytest.fixture(scope="session")
def margin(project, accounts):
    """The whole suite. A test may change it as it likes: that is undone."""
    return create_margin_suite(project, accounts)


@pytest.fixture(params=SIDES)
def side(request, margin):
    """Both pools."""
    return margin.sides[request.param]


@pytest.fixture
def way(side):
    """The side as the service calls it."""
    return Side.of(side.is_long)


@pytest.fixture
def create_service(margin):
    """A service over the suite's contracts, with its own settings, signer and token."""

    def create(signer=None, token=None, chain=None, **changes):
        settings = load(settings_of(margin, **changes))
        quotes = Quotes(chain or RpcChain(margin.node.uri), settings, signer or margin.signer)
        pools = [pool.address for pool in quotes.pools.values()]
        return Service(quotes, OrderStore("sqlite://", settings.chain_id, pools), token)

    return create


@pytest.fixture
def create_client(create_service):
    """A client of a service: of one with the usual settings unless others are given."""

    def create(service=None, show=None, address="10.0.0.1", **changes):
        app = create_app(service or create_service(**changes))
        return QuoteClient("http://quotes", show, transport=InProcess(app, address))

    return create


@pytest.fixture
def client(create_client):
    return create_client()
