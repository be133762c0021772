"""Pools over a real exchange, deployed once."""

import pytest

from tests.margin_suite import SIDES, create_margin_suite


@pytest.fixture(scope="session")
def margin(project, accounts):
    """The whole suite. A test may change it as it likes: that is undone."""
    return create_margin_suite(project, accounts)


@pytest.fixture(params=SIDES)
def side(request, margin):
    """Both pools."""
    return margin.sides[request.param]
