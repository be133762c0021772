"""A debt controller with nothing listed, and tokens, of which it knows the addresses only."""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from tests.unit.debt_controller.terms import PRICE, TUPLE

RISK_MANAGER = (
    f"setPair(address,address,{TUPLE})",
    "setMaxApy(address,uint256)",
    "setGracePeriod(uint256)",
)
GUARDIAN = ("disablePair(address,address)",)


@pytest.fixture(scope="module")
def fresh(project, admin, risk_manager, guardian):
    """Roles as deployments set them; nothing listed."""
    authority = admin.deploy(project.Authority, admin)
    controller = admin.deploy(project.DebtController, authority)
    for role, signatures, holder in (
        (authority.RISK_MANAGER(), RISK_MANAGER, risk_manager),
        (authority.GUARDIAN(), GUARDIAN, guardian),
    ):
        selectors = [selector_of(signature) for signature in signatures]
        authority.setTargetFunctionRole(controller, selectors, role, sender=admin)
        authority.grantRole(role, holder, 0, sender=admin)
    return controller


@pytest.fixture(scope="module")
def price_source(project, admin):
    return admin.deploy(project.MockOracle, PRICE)


@pytest.fixture
def controller(fresh):
    return fresh


@pytest.fixture
def oracle(price_source):
    """1,500 quote base units for a base base unit."""
    return price_source


@pytest.fixture(scope="session")
def base(accounts):
    return accounts[10].address


@pytest.fixture(scope="session")
def quote(accounts):
    return accounts[11].address


@pytest.fixture(scope="session")
def other_token(accounts):
    return accounts[12].address


@pytest.fixture
def set_pair(controller, risk_manager, base, quote):
    """Lists base in quote."""

    def set_pair(terms, tokens=(base, quote), sender=risk_manager):
        return controller.setPair(*tokens, terms.args(), sender=sender)

    return set_pair


@pytest.fixture
def out_of_bounds(controller, reverts):
    """`with out_of_bounds("name", value, least, most):` that parameter is refused."""

    def refused(parameter, value, least, most):
        error = controller.ParameterOutOfBounds
        named = parameter.encode().ljust(32, b"\0")
        return reverts(error, parameter=named, value=value, min=least, max=most)

    return refused


@pytest.fixture
def unauthorised(controller, reverts):
    """`with unauthorised(caller):`."""

    def refused(caller):
        return reverts(controller.AccessManagedUnauthorized, caller=caller)

    return refused
