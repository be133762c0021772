"""Attack: whoever owns an account liquidates it with his second address, for the bonus and the
reward.

All that is paid comes out of the account: what account and wallets have together, debts taken off,
is what closing the positions oneself leaves, and what is written off. That is what anybody else
would have got: at most the bonus, a tenth, of what was repaid (M6).
"""

import pytest

from prep.credit.actions import borrow, reduce, trade, withdraw
from tests.attacks.till import LIQUIDATE, check_books, liquidate, refusal, wealth
from tests.attacks.till import price as price_of
from tests.credit import BITCOIN, PREP, USD, WBTC, WETH
from tests.suite import WAD

MANY = 10**6 * WAD


@pytest.fixture
def account(credit, attacker, accomplice):
    """Ten ether, five bitcoin long, and 6,000 in debt that were taken out."""
    credit.give(accomplice, PREP, MANY)
    account = credit.funded(attacker, weth=10 * WAD)
    debt = 6_000 * WAD
    credit.act(attacker, account, borrow(PREP, debt), withdraw(PREP, debt), trade(BITCOIN, 5 * WAD))
    return account


@pytest.mark.parametrize(
    ("price", "supplied"),
    [(price, False) for price in (8_400, 8_000, 7_500, 7_000, 5_000)]
    + [(price, True) for price in (8_400, 8_000, 7_500)],
)
def test_liquidate__own_second_address__gains_what_is_written_off(
    credit, attacker, accomplice, account, isolated, one_block, price, supplied
):
    people, accounts = (attacker, accomplice), (account,)
    credit.set_market_price(BITCOIN, price)
    with isolated():
        credit.act(attacker, account, reduce(BITCOIN, -5 * WAD))
        honest = wealth(credit, people, accounts)
    if supplied:
        empty(credit)
    equity = credit.health(account, True)
    assert equity.equity < equity.required
    closed, reward, repaid, seized, bonus, bad_debt = liquidate(
        credit, accomplice, account, PREP, WETH, MANY
    )
    after = wealth(credit, people, accounts)
    gained = {asset: after[asset] - honest[asset] for asset in honest}
    others = {asset: gain for asset, gain in gained.items() if asset != PREP}
    assert set(others.values()) == {0}
    # Closing oneself, the loss is borrowed, and what is owed is rounded up.
    assert gained[PREP] <= bad_debt + supplied, "M6: more than what was written off"
    got = reward + seized * price_of(credit, WETH) // WAD
    assert got - repaid <= repaid * bonus // WAD + closed * 25 // 10_000
    check_books(credit)


def empty(credit):
    """Lenders of PREP leave: what closing loses has to be supplied."""
    vault, lp = credit.lending[PREP], credit.liquidity_provider
    vault.withdraw(vault.maxWithdraw(lp), lp, lp, sender=lp)


def test_liquidate__in_the_block_of_the_last_action__account_stands_well(
    credit, attacker, accomplice, one_block
):
    """The control: whoever has just acted as far as he may cannot be liquidated at that price."""
    credit.give(accomplice, PREP, MANY)
    account = credit.funded(attacker, weth=10 * WAD)
    debt = 6_000 * WAD
    credit.act(attacker, account, borrow(PREP, debt), withdraw(PREP, debt), trade(BITCOIN, 8 * WAD))
    args = (account, PREP, WETH, MANY)
    error = refusal(credit, accomplice, credit.manager, LIQUIDATE, *args)
    assert error[0] == "AccountHealthy"


@pytest.mark.parametrize("collateral", [WETH, WBTC])
@pytest.mark.parametrize("steps", [2, 7])
def test_liquidate__in_many_small_steps__gains_no_more_than_at_once(
    credit, attacker, accomplice, isolated, one_block, collateral, steps
):
    """Two debts, two collaterals, liquidated little by little: no step creates anything."""
    account = credit.funded(attacker, weth=5 * WAD, wbtc=10**8)
    credit.give(accomplice, PREP, MANY)
    amount = 11_000
    credit.act(
        attacker,
        account,
        borrow(PREP, amount * WAD),
        borrow(USD, 3_000 * 10**6),
        withdraw(PREP, amount * WAD),
        withdraw(USD, 3_000 * 10**6),
    )
    credit.set_asset_price(WETH, 1_500)
    people, accounts = (attacker, accomplice), (account,)
    before = wealth(credit, people, accounts)
    for _ in range(steps):
        health = credit.health(account, True)
        if health.equity >= health.required:
            break
        bad_debt = liquidate(credit, accomplice, account, PREP, collateral, 1_000 * WAD)[5]
        assert bad_debt == 0
    after = wealth(credit, people, accounts)
    assert all(after[asset] <= before[asset] for asset in before), "M6"
    check_books(credit)
