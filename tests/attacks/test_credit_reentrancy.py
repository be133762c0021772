"""Attack: a collateral calls back in the middle of a list of actions, or of a liquidation: to act
on the account once more, so that it is not checked or counted twice, on others, or to give it away.

Whatever acts on accounts is refused then; a deleverage is not, and counts as if it had come before.
"""

import pytest
from eth_utils import keccak

from prep.credit.actions import (
    ALL,
    Condition,
    OrderTerms,
    borrow,
    deposit,
    encode,
    place_order,
    repay,
    trade,
    withdraw,
)
from tests.attacks.hostile_asset import HOSTILE, Call, add_hostile
from tests.attacks.till import HOUR, check_books, liquidate, now, placed, refusal
from tests.credit import BITCOIN, PREP, SOL, WETH, deploy_credit
from tests.suite import UNLIMITED, WAD

REENTRANT, BUSY = "ReentrancyGuardReentrantCall()", "AccountBusy()"
FUNDS = 50_000 * WAD
ENTRIES = {
    "deposit": [deposit(HOSTILE, 1_000 * WAD)],
    "withdraw": [withdraw(HOSTILE, 1_000 * WAD)],
    "borrow": [borrow(HOSTILE, 1_000 * WAD)],
    "repay": [repay(HOSTILE, 500 * WAD)],
}


@pytest.fixture(scope="module")
def own(create_suite, project, lp):
    """A deployment of its own, as it has an asset more."""
    return deploy_credit(project, create_suite(), lp)


@pytest.fixture(scope="module")
def hostile(own, project, lp):
    return add_hostile(project, own, lp)


@pytest.fixture
def scene(own, hostile, victim, stranger, liquidator):
    """The token's account holds the token and PREP, owes the token, and has a long position that is
    to be deleveraged; a victim can be liquidated, and has an order that can be filled."""
    hostile.give(hostile.token, 2 * FUNDS)
    own.suite.prep.mint(hostile.token, FUNDS, sender=own.suite.admin)
    hostile.run(own.suite.prep, own.suite.prep.approve.encode_input(own.manager, UNLIMITED))
    hostile.act(
        deposit(PREP, FUNDS), deposit(HOSTILE, FUNDS), borrow(PREP, WAD), trade(BITCOIN, WAD)
    )
    # What is borrowed of the token is owed and held at once, so the list can repay it.
    hostile.act(borrow(HOSTILE, 1_000 * WAD))
    account = own.funded(victim, weth=10 * WAD)
    terms = OrderTerms(Condition.AT_OR_ABOVE, 1, True, now(own) + HOUR, 0)
    own.act(victim, account, trade(SOL, 10**6))
    placed(own, victim, account, place_order(SOL, -(10**5), terms))
    own.act(victim, account, borrow(PREP, 14_000 * WAD), withdraw(PREP, 14_000 * WAD))
    own.set_asset_price(WETH, 1_700)
    own.set_market_price(BITCOIN, 9_000)
    own.suite.configure(maxLongOIValue=0)
    own.give(liquidator, PREP, 10**6 * WAD)
    return account


def order_of(own):
    """The victim's, the only one that there is."""
    (order,) = own.book.ordersOf(2)
    return order


def calls(own, hostile, victim_account, attacker):
    """Everything that acts on accounts, and who refuses it."""
    manager, book, account = own.manager, own.book, hostile.account
    token = hostile.token.address

    def call(name, contract, method, *args, errors=(REENTRANT,)):
        return Call(name, contract.address, method.encode_input(*args), errors)

    nested = encode([withdraw(PREP, 1)])
    fill = (victim_account, SOL, -(10**5), True, 0, token)
    not_authorised = ("NotAuthorised(address)",)
    return [
        call("execute", manager, manager.execute, account, nested),
        call("execute nothing", manager, manager.execute, account, []),
        call("liquidate", manager, manager.liquidate, victim_account, PREP, WETH, WAD),
        call("fill", manager, manager.fill, *fill),
        call("release", manager, manager.release, account, WAD, token),
        call("open", manager, manager.open, token, errors=(BUSY,)),
        call("transfer", manager, manager.transferFrom, token, attacker, account, errors=(BUSY,)),
        call(
            "perform",
            manager,
            manager.perform,
            account,
            token,
            4_095,
            nested[0],
            errors=not_authorised,
        ),
        call(
            "settle",
            manager,
            manager.onSettlement,
            account,
            SOL,
            0,
            10**24,
            False,
            errors=not_authorised,
        ),
        call("order", book, book.execute, order_of(own)),
        call("cancel", book, book.cancel, account, order_of(own), errors=("NotManager(address)",)),
    ]


def picture(own, *accounts):
    """What accounts have, to the unit."""
    contents = [own.manager.contents(account) for account in accounts]
    owner = [own.manager.ownerOf(account) for account in accounts]
    sizes = [own.size(account, m) for account in accounts for m in (BITCOIN, SOL)]
    return contents, owner, sizes, own.manager.reservedFees(), own.manager.accountCount()


@pytest.mark.parametrize("afterwards", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("entry", list(ENTRIES))
def test_execute__callback_acts_on_accounts__refused_and_nothing_differs(
    own, hostile, scene, attacker, isolated, one_block, entry, afterwards
):
    with isolated():
        hostile.act(*ENTRIES[entry])
        plain = picture(own, hostile.account, scene)
    plan = calls(own, hostile, scene, attacker)
    hostile.arm(plan, afterwards)
    hostile.act(*ENTRIES[entry])
    for call, (success, data) in zip(plan, hostile.token.answers(), strict=True):
        assert not success, f"{call.name} went through"
        assert bytes(data[:4]) in [keccak(text=e)[:4] for e in call.errors], call.name
    assert picture(own, hostile.account, scene) == plain
    check_books(own)


def test_execute__callback_fills_a_batch_of_orders__all_skipped(own, hostile, scene):
    """A batch does not fail with its orders: none of them is filled."""
    data = own.book.executeMany.encode_input([order_of(own)])
    hostile.arm([Call("batch", own.book.address, data, ())], False)
    hostile.act(deposit(HOSTILE, WAD))
    ((success, answer),) = hostile.token.answers()
    assert success
    assert int.from_bytes(answer[-32:], "big") == 0, "filled"
    assert own.book.stateOf(order_of(own)) == 1


@pytest.mark.parametrize("call", ["execute", "liquidate", "order", "transfer"])
def test_call__outside_of_a_list__goes_through(own, hostile, scene, attacker, call):
    """The control: what was refused is allowed otherwise."""
    own.suite.prep.mint(hostile.token, WAD, sender=own.suite.admin)
    (plan,) = (c for c in calls(own, hostile, scene, attacker) if c.name == call)
    hostile.token.run(plan.target, plan.data, sender=own.suite.admin)


@pytest.mark.parametrize("collateral", [HOSTILE, WETH])
def test_liquidate__callback_from_what_is_paid_or_seized__refused(
    own, hostile, scene, victim, liquidator, attacker, isolated, one_block, collateral
):
    """The liquidator pays in the token for WETH, or gets the token for PREP."""
    account = own.open(victim)
    held, owed = (HOSTILE, PREP) if collateral == HOSTILE else (WETH, HOSTILE)
    if held == HOSTILE:
        hostile.give(victim, 10_000 * WAD)
        own.act(victim, account, deposit(HOSTILE, 10_000 * WAD))
        own.act(victim, account, borrow(PREP, 7_900 * WAD), withdraw(PREP, 7_900 * WAD))
        hostile.oracle.setPrice(WAD * 85 // 100, sender=own.suite.admin)
    else:
        own.give(victim, WETH, 10 * WAD)
        own.act(victim, account, deposit(WETH, 10 * WAD))
        amount = 10_000 * WAD
        own.act(victim, account, borrow(HOSTILE, amount), withdraw(HOSTILE, amount))
        own.set_asset_price(WETH, 1_300)
    hostile.give(liquidator, 10_000 * WAD)
    with isolated():
        plain = liquidate(own, liquidator, account, owed, held, 10**30)
        after = picture(own, hostile.account, scene, account)
    plan = calls(own, hostile, scene, attacker)
    hostile.arm(plan, True)
    assert liquidate(own, liquidator, account, owed, held, 10**30) == plain
    answers = hostile.token.answers()
    assert [success for success, _ in answers] == len(plan) * [False]
    assert picture(own, hostile.account, scene, account) == after
    check_books(own)


@pytest.mark.parametrize("where", ["inside", "before"])
def test_deleverage__in_the_middle_of_a_list__counts_as_if_before(
    own, hostile, scene, attacker, isolated, one_block, where
):
    """The position has lost 1,000: what the callback makes of it is in the books, and the check of
    health at the end sees it."""
    deleverager = own.suite.deleverager
    args = (own.manager, hostile.account, BITCOIN, UNLIMITED)
    call = deleverager.deleverage.encode_input(*args)
    with isolated():
        deleverager.deleverage(*args, sender=attacker)
        hostile.act(withdraw(PREP, 1_000 * WAD), deposit(HOSTILE, WAD))
        plain = picture(own, hostile.account)
    hostile.arm([Call("deleverage", deleverager.address, call, ())], where == "before")
    hostile.act(withdraw(PREP, 1_000 * WAD), deposit(HOSTILE, WAD))
    ((success, _),) = hostile.token.answers()
    assert success
    assert own.size(hostile.account, BITCOIN) == 0
    assert picture(own, hostile.account) == plain
    check_books(own)


def test_execute__everything_taken_out_around_a_callback__unhealthy(own, hostile, scene, attacker):
    """A deleverage between the actions cannot hide that too much was taken out."""
    data = own.manager.execute.encode_input(hostile.account, encode([deposit(HOSTILE, WAD)]))
    hostile.arm([Call("execute", own.manager.address, data, ())], False)
    actions = encode([borrow(PREP, 100_000 * WAD), withdraw(PREP, ALL), deposit(HOSTILE, WAD)])
    data = own.manager.execute.encode_input(hostile.account, actions)
    call = own.suite.admin, hostile.token, "run(address,bytes)", own.manager.address, bytes(data)
    assert refusal(own, *call)[0] == "AccountUnhealthy"
