"""Roles and settings of the pools, and what they tell about themselves."""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.margin.data import CLOSED, NEVER_OPENED
from tests.exchange import WETH
from tests.margin_expected import least_margin
from tests.margin_suite import FUNCTIONS, MAINTENANCE
from tests.suite import ZERO_ADDRESS
from tests.unit.margin_pools.stand import HOUR, SWAP, UNKNOWN

SET_ROUTER = "setRouter(address,bytes4,bool)"
ADD_VAULT = "addLendingVault(address)"
SET_TREASURY = "setTreasury(address)"
IS_ALLOWED = "isRouterAllowed(address,bytes4)"
SELECTOR = selector_of(SWAP)


def test_constructor__views__as_deployed(stand, margin):
    assert stand.read("isLong()") is stand.is_long
    assert stand.read("controller()") == margin.controller.address.lower()
    assert stand.read("weth()") == margin.tokens[WETH].address.lower()
    assert stand.read("treasury()") == margin.treasury.lower()
    assert stand.read("authority()") == margin.authority.address.lower()
    for symbol, vault in margin.lending.items():
        found = stand.read("lendingVault(address)", stand.address(symbol))
        assert found == vault.address.lower()
    assert stand.read("lendingVault(address)", UNKNOWN) == ZERO_ADDRESS


def test_eip712_domain__name_version_chain_and_address(stand):
    fields, name, version, chain, contract, salt, more = stand.read("eip712Domain()")
    domain = stand.side.domain
    assert (name, version, chain) == (domain.name, "1", domain.chain_id)
    assert (contract, salt, more) == (stand.side.address.lower(), bytes(32), ())
    assert fields == b"\x0f"


def test_set_router__on_and_off__stored_and_announced(stand, margin):
    for router, selector in ((UNKNOWN, SELECTOR), (stand.router, bytes.fromhex("12345678"))):
        for value in (True, False):
            call = stand.side, SET_ROUTER, router, selector, value
            logs = margin.send(margin.admin, *call)
            assert [(n, (a[0].lower(), *a[1:])) for n, a in stand.logged(logs)] == [
                ("RouterSet", (router.lower(), selector, value))
            ]
            assert stand.read(IS_ALLOWED, router, selector) is value
    assert stand.read(IS_ALLOWED, stand.router, SELECTOR) is True


def test_set_router__no_longer_allowed__swaps_refused_at_once(stand, position, margin):
    margin.send(margin.admin, stand.side, SET_ROUTER, stand.router, SELECTOR, False)
    refused = ("SwapNotAllowed", stand.router, SELECTOR)
    assert stand.refused_opening(stand.open_request()) == refused
    assert stand.refused_closing(stand.close_request(position), position) == refused


def test_add_lending_vault__another_token__stored_and_announced(stand, margin, project):
    token = margin.admin.deploy(project.MockERC20, "New", "NEW", 4)
    curve = (0, 0, 0, 5 * 10**17)
    vault = margin.admin.deploy(project.LendingVault, token, margin.authority, curve)
    logs = margin.send(margin.admin, stand.side, ADD_VAULT, vault.address)
    assert stand.logged(logs) == [("LendingVaultAdded", (token.address, vault.address))]
    assert stand.read("lendingVault(address)", token.address) == vault.address.lower()
    other = margin.admin.deploy(project.LendingVault, token, margin.authority, curve)
    refused = ("LendingVaultFixed", token.address, vault.address)
    for again in (vault, other):
        assert stand.refusal(ADD_VAULT, again.address, who=margin.admin) == refused


def test_set_treasury__stored_and_announced(stand, margin):
    logs = margin.send(margin.admin, stand.side, SET_TREASURY, stand.stranger.address)
    assert stand.logged(logs) == [("TreasurySet", (stand.stranger.address,))]
    assert stand.read("treasury()") == stand.stranger.address.lower()
    before = stand.balances()
    stand.opened(stand.open_request(fee=77))
    assert stand.moved(before)["stranger", stand.pair[1]] == 77


def test_set_treasury__zero_address__refused(stand, margin):
    name = b"treasury".ljust(32, b"\0")
    refusal = stand.refusal(SET_TREASURY, ZERO_ADDRESS, who=margin.admin)
    assert refusal == ("ParameterOutOfBounds", name, 0, 1, 2**160 - 1)


@pytest.mark.parametrize("who", ["stranger", "risk_manager", "guardian", "executor", "liquidator"])
@pytest.mark.parametrize("function", [SET_ROUTER, ADD_VAULT, SET_TREASURY])
def test_settings__without_the_admin_role__refused(stand, margin, who, function):
    account = stand.stranger if who == "stranger" else getattr(margin, who)
    args = {
        SET_ROUTER: (UNKNOWN, SELECTOR, True),
        ADD_VAULT: (margin.lending[WETH].address,),
        SET_TREASURY: (UNKNOWN,),
    }[function]
    refusal = stand.refusal(function, *args, who=account)
    assert refusal == ("AccessManagedUnauthorized", account.address)


@pytest.mark.parametrize("name", ["increase", "close", "exit", "add", "remove"])
def test_not_payable__ether_sent_along__refused(stand, position, name):
    """Only what takes tokens takes ether instead."""
    payable = {"increase", "add"}
    abi = stand.side.contract.contract_type.mutable_methods
    selector = FUNCTIONS[name]
    (method,) = (m for m in abi if m.selector == selector)
    assert (method.stateMutability == "payable") is (name in payable)


# ------------------------------------------------------------------------------------------- views


def test_position_hash__never_opened_open_closed(stand):
    assert stand.read("positionHash(uint256)", 10**12) == NEVER_OPENED
    position = stand.open()
    assert stand.is_stored(position)
    # In the second in which it was opened no interest is due, in the next one some is.
    stand.wait(HOUR)
    stand.closed(stand.close_request(position), position)
    assert stand.stored(position) == CLOSED


def test_health__at_the_check_price__equity_and_least_margin(any_stand):
    stand = any_stand
    position = stand.open()
    if not stand.checked:
        refused = ("NoCheckPrice", stand.base, stand.quote)
        assert stand.refusal(f"health({_TYPE})", tuple(position)) == refused
        return
    for percent in (100, 71, 140, 20, 500):
        stand.set_price(stand.price * percent // 100 + 1)
        standing = stand.standing(position)
        expected = standing.equity, least_margin(standing.value, MAINTENANCE)
        assert stand.margin.health(stand.side, position) == expected


def test_health__time_passes__interest_that_is_not_recorded_does_not_count(stand, position):
    before = stand.margin.health(stand.side, position)
    stand.wait(10**7)
    assert stand.margin.health(stand.side, position) == before


_TYPE = "(uint256,address,address,address,uint256,uint256,uint256,uint256)"
