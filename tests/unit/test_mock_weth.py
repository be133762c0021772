"""MockWETH: ether in a token, and a faucet that whoever deploys it has to back."""

import pytest

ETHER = 10**18


@pytest.fixture
def weth(admin, project):
    return admin.deploy(project.MockWETH)


@pytest.fixture
def back(chain, weth):
    """What whoever deploys it does for every token from the faucet."""

    def add(amount):
        chain.provider.set_balance(weth.address, weth.balance + amount)

    return add


def test_metadata__18_decimals(weth):
    assert (weth.name(), weth.symbol(), weth.decimals()) == ("Wrapped Ether", "WETH", 18)


def test_deposit__ether__as_many_tokens(weth, trader, stranger):
    tx = weth.deposit(value=3 * ETHER, sender=trader)
    assert tx.events == [weth.Transfer(to=trader, amount=3 * ETHER)]
    trader.transfer(weth, ETHER)
    assert weth.balanceOf(trader) == weth.totalSupply() == weth.balance == 4 * ETHER
    assert weth.balanceOf(stranger) == 0


def test_withdraw__tokens__as_much_ether(weth, trader):
    weth.deposit(value=3 * ETHER, sender=trader)
    before = trader.balance
    tx = weth.withdraw(ETHER, sender=trader)
    assert trader.balance == before + ETHER - tx.total_fees_paid
    assert weth.balanceOf(trader) == weth.totalSupply() == weth.balance == 2 * ETHER


def test_withdraw__more_than_owned__reverts(weth, trader, reverts):
    weth.deposit(value=ETHER, sender=trader)
    with reverts(weth.InsufficientBalance):
        weth.withdraw(ETHER + 1, sender=trader)


def test_mint__anyone__tokens_without_ether(weth, trader, stranger):
    tx = weth.mint(trader, ETHER, sender=stranger)
    assert tx.events == [weth.Transfer(to=trader, amount=ETHER)]
    assert (weth.balanceOf(trader), weth.totalSupply(), weth.balance) == (ETHER, ETHER, 0)


def test_withdraw__minted_and_backed__as_much_ether(weth, trader, stranger, back):
    weth.mint(trader, ETHER, sender=stranger)
    back(ETHER)
    before = trader.balance
    tx = weth.withdraw(ETHER, sender=trader)
    assert trader.balance == before + ETHER - tx.total_fees_paid
    assert (weth.totalSupply(), weth.balance) == (0, 0)


def test_withdraw__minted_without_backing__reverts(weth, trader, stranger, back, reverts):
    weth.mint(trader, ETHER, sender=stranger)
    back(ETHER - 1)
    with reverts(weth.ETHTransferFailed):
        weth.withdraw(ETHER, sender=trader)
