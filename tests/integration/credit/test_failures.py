"""Why the contracts refuse lists of actions, as people read it."""

from types import SimpleNamespace

import pytest
from web3.exceptions import ContractLogicError

from prep.credit import actions
from prep.credit.actions import encode
from prep.credit.errors import explain_failure, types_of
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.reverts import web3_of
from tests.integration.deploy.conftest import LOCAL
from tests.suite import UNLIMITED, WAD

PREP, SHARES, WETH, WBTC = range(4)
BTC, ETH = range(2)


@pytest.fixture(scope="module")
def world(project, admin, trader, tmp_path_factory):
    """A deployment with an LP, nobody who lends, and an account of the trader with 100 PREP."""
    path = tmp_path_factory.mktemp("failures") / "31337.json"
    record = deploy(project, admin, Parameters.load(LOCAL), path)
    manager, prep = (record.instance(project, name) for name in ("CreditManager", "PrepToken"))
    vault = record.instance(project, "Vault")
    for account, spender in ((admin, vault), (trader, manager)):
        prep.mint(sender=account)
        prep.approve(spender, UNLIMITED, sender=account)
    vault.deposit(10_000 * WAD, sender=admin)
    manager.open(trader, sender=trader)
    listed = [actions.deposit(PREP, 100 * WAD)]
    manager.execute(1, encode(listed), sender=trader)
    return SimpleNamespace(manager=manager, prep=prep, project=project)


@pytest.fixture
def failure(world, chain, trader):
    """What is said when the trader, or somebody else, tries these."""

    def failure(*listed, caller=trader):
        data = world.manager.execute.encode_input(1, encode(listed))
        call = {"from": caller.address, "to": world.manager.address, "data": data}
        with pytest.raises(ContractLogicError) as raised:
            web3_of(chain.provider).eth.call(call)
        reverted = bytes.fromhex(raised.value.data.removeprefix("0x"))
        return explain_failure(reverted, listed, types_of(world.project))

    return failure


@pytest.mark.parametrize(
    "listed, message",
    [
        (
            [actions.deposit(PREP, WAD), actions.trade(BTC, WAD // 100, 9_999 * WAD)],
            f"action 1 (trade): PriceNotAcceptable(price={10**22}, acceptable={9_999 * WAD})",
        ),
        ([actions.borrow(SHARES, WAD)], "action 0 (borrow): NotBorrowable(assetId=1)"),
        (
            [actions.borrow(PREP, WAD)],
            f"action 0 (borrow): InsufficientLiquidity(idle=0, needed={WAD})",
        ),
        (
            [actions.withdraw(SHARES, 7)],
            "action 0 (withdraw): InsufficientBalance(assetId=1, balance=0, needed=7)",
        ),
        ([actions.deposit(7, 1)], "action 0 (deposit): UnknownAsset(assetId=7)"),
        ([actions.trade(9, WAD)], "action 0 (trade): UnknownMarket(marketId=9)"),
        ([actions.cancel_order(5)], "action 0 (cancel order): UnknownOrder(orderId=5)"),
        (
            [actions.remove_liquidity(1)],
            "action 0 (remove liquidity): InsufficientBalance(assetId=1, balance=0, needed=1)",
        ),
        (
            [actions.trade(BTC, WAD)],
            f"AccountUnhealthy(equity={100 * WAD}, required={500 * WAD})",
        ),
    ],
)
def test_explain_failure__refused_by_whichever_contract__in_its_words(failure, listed, message):
    assert failure(*listed) == message


def test_explain_failure__token_that_is_not_allowed_to_be_taken__in_its_words(
    failure, world, trader
):
    world.prep.approve(world.manager, 5, sender=trader)
    message = failure(actions.deposit(PREP, 6))
    spender = world.manager.address.lower()
    assert message == (
        f"action 0 (deposit): ERC20InsufficientAllowance(spender={spender}, allowance=5, needed=6)"
    )


def test_explain_failure__somebody_else__may_not(failure, stranger):
    message = failure(actions.reduce(BTC, -1), caller=stranger)
    caller = stranger.address.lower()
    assert message == f"action 0 (reduce): NotAllowed(caller={caller}, accountId=1, kind=5)"
