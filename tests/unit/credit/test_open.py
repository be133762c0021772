"""CreditManager.open, and accounts as ERC-721 tokens."""

import pytest

from prep.credit.actions import deposit, withdraw
from tests.credit import PREP, USD
from tests.suite import WAD
from tests.unit.credit.acting import events, low, refusal, refused

ZERO = "0x" + 40 * "0"
ERC721, ERC165, ERC721_METADATA = (bytes.fromhex(x) for x in ("80ac58cd", "01ffc9a7", "5b5e139f"))
TRANSFER = "transferFrom(address,address,uint256)"


def test_open__by_anyone_for_another__his_with_the_next_id(credit, trader, stranger):
    manager = credit.manager
    count = manager.accountCount()
    logs = events(credit, stranger, manager, "open(address)", trader.address)
    assert logs == [("Transfer", ZERO, low(trader), count + 1)]
    assert manager.accountCount() == count + 1
    assert manager.ownerOf(count + 1) == trader
    assert manager.balanceOf(trader) == 1
    assert (
        credit.node.simulate(stranger.address, manager.address, "open(address)", trader.address)
        == count + 2
    )


def test_open__new_account__empty_and_healthy(credit, trader):
    account = credit.open(trader)
    assert credit.node.read((credit.manager.address, "contents(uint256)", account)) == [((), ())]
    assert tuple(credit.health(account)) == (0,) * 8
    assert tuple(credit.health(account, True)) == (0,) * 8


def test_open__for_nobody__refused(credit, stranger):
    seen = refusal(credit, stranger, credit.manager, "open(address)", ZERO)
    assert seen == ("ERC721InvalidReceiver", ZERO)


def test_name_symbol_token_uri__any__fixed(credit, trader):
    manager = credit.manager
    assert (manager.name(), manager.symbol()) == ("Prep Credit Account", "PCA")
    assert manager.tokenURI(credit.open(trader)) == ""


@pytest.mark.parametrize(
    "interface, supported",
    [(ERC721, True), (ERC165, True), (ERC721_METADATA, True), (b"\xff" * 4, False)],
)
def test_supports_interface__id__whether_it_does(credit, interface, supported):
    assert credit.manager.supportsInterface(interface) == supported


def test_transfer__account_with_balance__the_new_owner_acts_alone(credit, trader, other_trader):
    account = credit.funded(trader, prep=100 * WAD)
    args = trader.address, other_trader.address, account
    logs = events(credit, trader, credit.manager, TRANSFER, *args)
    assert logs == [("Transfer", low(trader), low(other_trader), account)]
    assert credit.manager.ownerOf(account) == other_trader
    assert refused(credit, trader, account, withdraw(PREP, 1)) == (
        0,
        ("NotAllowed", low(trader), account, 1),
    )
    before = credit.suite.prep.balanceOf(other_trader)
    credit.act(other_trader, account, withdraw(PREP, 100 * WAD))
    assert credit.suite.prep.balanceOf(other_trader) - before == 100 * WAD


def test_transfer__by_a_stranger__refused(credit, trader, stranger):
    account = credit.open(trader)
    seen = refusal(
        credit, stranger, credit.manager, TRANSFER, trader.address, stranger.address, account
    )
    assert seen == ("ERC721InsufficientApproval", low(stranger), account)


@pytest.mark.parametrize("for_all", [False, True], ids=["approve", "setApprovalForAll"])
def test_approval__any__transfers_but_does_not_act(credit, trader, stranger, for_all):
    account = credit.funded(trader, usd=10)
    if for_all:
        args = "setApprovalForAll(address,bool)", stranger.address, True
    else:
        args = "approve(address,uint256)", stranger.address, account
    credit.must(trader, credit.manager, *args)
    credit.give(stranger, USD, 1)
    for action in (withdraw(USD, 10), deposit(USD, 1)):
        assert refused(credit, stranger, account, action) == (
            0,
            ("NotAllowed", low(stranger), account, action.kind),
        )
    seen = refusal(
        credit,
        stranger,
        credit.manager,
        "setDelegate(uint256,address,uint256,uint256)",
        account,
        stranger.address,
        1,
        2**64 - 1,
    )
    assert seen == ("NotOwner", low(stranger), account)
    credit.must(stranger, credit.manager, TRANSFER, trader.address, stranger.address, account)
    credit.act(stranger, account, withdraw(USD, 10))


@pytest.mark.parametrize("account", [0, 10**6, 2**256 - 1])
def test_execute__no_such_account__not_allowed(credit, trader, account):
    credit.give(trader, USD, 1)
    assert refused(credit, trader, account, deposit(USD, 1)) == (
        0,
        ("NotAllowed", low(trader), account, 0),
    )
