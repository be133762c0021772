"""Attack: somebody lends only around the moment that pays, or leaves just before the one that
costs; or he takes away what lies idle, so that a liquidation has to be paid by himself, with a
bonus.

Within a block lending earns nothing. Whoever is in when a debt is written off bears his part;
whoever leaves before, as far as tokens lie idle, does not: known of all lending. Draining the
lenders for a liquidation gets at most the bonus on what closing lost.
"""

import pytest

from prep.credit.actions import borrow, trade, withdraw
from tests.attacks.till import LIQUIDATE, check_books, later, liquidate, wallet
from tests.credit import BITCOIN, PREP, WETH
from tests.suite import WAD, YEAR

MUCH = 500_000 * WAD
EVERYTHING = 10**30


@pytest.fixture
def vault(credit, attacker):
    """The lending vault of PREP; the attacker may deposit."""
    credit.give(attacker, PREP, MUCH)
    credit.approve(attacker, PREP, credit.lending[PREP].address)
    return credit.lending[PREP]


@pytest.fixture
def account(credit, vault, victim, liquidator):
    """Owes 14,000 against ten ether."""
    account = credit.funded(victim, weth=10 * WAD)
    credit.act(victim, account, borrow(PREP, 14_000 * WAD), withdraw(PREP, 14_000 * WAD))
    credit.give(liquidator, PREP, 10**6 * WAD)
    return account


def lend(credit, who, vault, amount=MUCH):
    credit.must(who, vault, "deposit(uint256,address)", amount, who.address)


def leave(credit, who, vault):
    shares = vault.balanceOf(who)
    credit.must(who, vault, "redeem(uint256,address,address)", shares, who.address, who.address)


@pytest.mark.parametrize("around", ["interest", "liquidation", "reserves"])
def test_deposit__within_one_block_around_a_payment__gains_nothing(
    credit, attacker, liquidator, vault, account, admin, treasury, one_block, around
):
    credit.node.at(credit.node.time() + YEAR)
    credit.node.mine()
    lend(credit, attacker, vault)
    if around == "interest":
        vault.accrue(sender=attacker)
    elif around == "liquidation":
        credit.set_asset_price(WETH, 1_700)
        assert liquidate(credit, liquidator, account, PREP, WETH, EVERYTHING)[2] > 0
    else:
        vault.setReserveShare(WAD // 2, sender=credit.suite.risk_manager)
    leave(credit, attacker, vault)
    assert 0 <= MUCH - wallet(credit, attacker, PREP) <= 1


def test_deposit__a_year_with_a_debtor__gains(credit, attacker, vault, account):
    """The control: interest is for those who wait for it."""
    lend(credit, attacker, vault)
    later(credit, YEAR)
    leave(credit, attacker, vault)
    assert wallet(credit, attacker, PREP) > MUCH


def bankrupt(credit):
    credit.set_asset_price(WETH, 700)


def test_deposit__before_a_write_off__bears_its_part(
    credit, attacker, liquidator, vault, account, one_block
):
    lend(credit, attacker, vault)
    assets = vault.totalAssets()
    bankrupt(credit)
    bad_debt = liquidate(credit, liquidator, account, PREP, WETH, EVERYTHING)[5]
    assert bad_debt > 0
    leave(credit, attacker, vault)
    lost = MUCH - wallet(credit, attacker, PREP)
    # His part of the vault, rounded against him.
    assert 0 <= lost - bad_debt * MUCH // assets <= 2


def test_deposit__after_a_write_off__gains_nothing(
    credit, attacker, liquidator, vault, account, one_block
):
    bankrupt(credit)
    assert liquidate(credit, liquidator, account, PREP, WETH, EVERYTHING)[5] > 0
    lend(credit, attacker, vault)
    leave(credit, attacker, vault)
    assert 0 <= MUCH - wallet(credit, attacker, PREP) <= 1


def test_redeem__before_a_write_off__leaves_the_loss_to_the_others(
    credit, attacker, liquidator, vault, account, one_block
):
    """The bound: exactly his part of the loss, which is spread over who is left; and no more can
    leave than lies idle."""
    lend(credit, attacker, vault)
    bankrupt(credit)
    leave(credit, attacker, vault)
    assets = vault.totalAssets()
    bad_debt = liquidate(credit, liquidator, account, PREP, WETH, EVERYTHING)[5]
    assert 0 <= MUCH - wallet(credit, attacker, PREP) <= 1
    # Lenders count rounded down, who owes rounded up.
    assert abs(assets - bad_debt - vault.totalAssets()) <= 2
    assert vault.maxWithdraw(credit.liquidity_provider) == vault.idle()


def drain(credit, attacker, accomplice):
    """Borrows what lies idle, against other collateral; it can be paid back in the same block."""
    account = credit.funded(accomplice, weth=2_000 * WAD)
    idle = credit.lending[PREP].idle()
    credit.act(accomplice, account, borrow(PREP, idle), withdraw(PREP, idle))
    return account


@pytest.mark.parametrize("price", [8_300, 8_100, 8_000])
def test_liquidate__lenders_drained_before__gains_nothing(
    credit, attacker, accomplice, victim, liquidator, vault, isolated, one_block, price
):
    """A closing whose loss could be lent need not be supplied. With nothing left to lend the
    liquidator supplies it, and gets it back without a bonus: the account keeps no less."""
    account = credit.funded(victim, weth=5 * WAD)
    size = 4 * WAD
    credit.act(victim, account, trade(BITCOIN, size))
    credit.set_market_price(BITCOIN, price)
    credit.give(liquidator, PREP, 10**6 * WAD)
    loss = (10_000 - price) * size

    def left():
        health = credit.health(account, True)
        return health.assets - health.owed

    with isolated():
        _, _, repaid, _, bonus, _ = liquidate(credit, liquidator, account, PREP, WETH, EVERYTHING)
        plain = left()
    drain(credit, attacker, accomplice)
    assert vault.idle() == 0
    _, _, supplied, _, same, _ = liquidate(credit, liquidator, account, PREP, WETH, EVERYTHING)
    assert (same, supplied >= loss) == (bonus, True)
    assert repaid < supplied
    assert left() >= plain
    check_books(credit)


def test_repay__the_same_block_as_the_drain__costs_a_unit(
    credit, attacker, accomplice, vault, one_block
):
    """Draining costs the one who does it next to nothing: what is bounded is what it gets."""
    account = credit.funded(accomplice, weth=2_000 * WAD)
    idle = vault.idle()
    credit.act(accomplice, account, borrow(PREP, idle))
    assert credit.debt(account, PREP) - idle in (0, 1)


def test_liquidate__by_whom_nothing_was_supplied__position_is_left(
    credit, attacker, accomplice, victim, liquidator, vault, one_block
):
    """The control: without allowance there is no supply, and nothing is taken for it."""
    account = credit.funded(victim, weth=5 * WAD)
    credit.act(victim, account, trade(BITCOIN, 4 * WAD))
    credit.set_market_price(BITCOIN, 7_000)
    drain(credit, attacker, accomplice)
    credit.must(liquidator, credit.manager, LIQUIDATE, account, PREP, WETH, 0)
    assert credit.size(account, BITCOIN) == 4 * WAD
    assert credit.balance(account, WETH) == 5 * WAD
