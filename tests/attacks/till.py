"""What credit accounts, wallets and the manager hold, in exact integers, and what is refused."""

from collections.abc import Iterable
from enum import IntEnum

import pytest
from ape.api import AccountAPI
from ape.contracts import ContractInstance

from prep.credit.actions import Action, encode
from prep.node import Reverted
from tests.credit import ETHER, ETHER_MARKET, EXECUTE, PREP, CreditSuite
from tests.suite import WAD, market_config

LIQUIDATE = "liquidate(uint256,uint256,uint256,uint256)"
HOUR = 3_600


class OrderState(IntEnum):
    """The contract's enum."""

    WAITING = 0
    READY = 1
    DEAD = 2
    GONE = 3


def refusal(credit: CreditSuite, sender: AccountAPI, contract, signature: str, *args) -> tuple:
    """Name and arguments of the error that a call ends with; of an action, those of what failed."""
    with pytest.raises(Reverted) as raised:
        credit.node.simulate(sender.address, contract.address, signature, *args)
    return unwrapped(credit, raised.value)


def unwrapped(credit: CreditSuite, error: Reverted) -> tuple:
    if error.name == "ActionFailed":
        inner = credit.node._failure({"data": "0x" + error.args_[1].hex()})
        assert isinstance(inner, Reverted)
        return inner.name, inner.args_
    return error.name, error.args_


def refused(credit: CreditSuite, who: AccountAPI, account: int, *actions: Action) -> tuple:
    """Name and arguments of what a list of actions fails with."""
    return refusal(credit, who, credit.manager, EXECUTE, account, encode(actions))


def liquidate(
    credit: CreditSuite, who: AccountAPI, account: int, debt: int, collateral: int, most: int
) -> tuple:
    """What the event says: closed, reward, repaid, seized, bonus, bad debt."""
    call = who.address, credit.manager.address, LIQUIDATE, account, debt, collateral, most
    done, logs = credit.node.send(*call)
    if not done:
        credit.node.simulate(*call)
        raise AssertionError("failed, but would not now")
    (log,) = (log for log in logs if log.name == "AccountLiquidated")
    return log.args[-1]


def read(credit: CreditSuite, contract: ContractInstance, signature: str, *args):
    return credit.node.read((contract.address, signature, *args))[0]


def wallet(credit: CreditSuite, who, asset: int) -> int:
    address = getattr(who, "address", who)
    return read(credit, credit.tokens[asset], "balanceOf(address)", address)


def wealth(credit: CreditSuite, people: Iterable, accounts: Iterable[int]) -> dict[int, int]:
    """Of each asset: wallets, balances of accounts, less what those owe. Positions must be
    closed."""
    people, accounts = list(people), list(accounts)
    for account in accounts:
        markets = credit.manager.contents(account)[1]
        assert not markets, f"account {account} has positions on {markets}"
    total = {}
    for asset in credit.tokens:
        total[asset] = sum(wallet(credit, who, asset) for who in people)
        total[asset] += sum(
            credit.balance(account, asset) - credit.debt(account, asset) for account in accounts
        )
    return total


def worth(credit: CreditSuite, amounts: dict[int, int]) -> int:
    """PREP, rounded up, at the prices of now."""
    return sum(-(-amount * price(credit, asset) // WAD) for asset, amount in amounts.items())


def price(credit: CreditSuite, asset: int) -> int:
    if asset == PREP:
        return WAD
    return read(credit, credit.oracles.get(asset, credit.share_oracle), "price()")


def check_books(credit: CreditSuite) -> None:
    """M5: the accounts' balances are what the manager holds, their debts what it owes."""
    count = read(credit, credit.manager, "accountCount()")
    fees = read(credit, credit.manager, "reservedFees()")
    for asset in credit.tokens:
        rows = [credit.holding(account, asset) for account in range(1, count + 1)]
        held = wallet(credit, credit.manager, asset)
        counted = sum(row[1] for row in rows) + (fees if asset == PREP else 0)
        assert held == counted, f"M5: of asset {asset} {held} are held, {counted} counted"
        if asset in credit.lending:
            owed = credit.lending[asset].debtShares(credit.manager)
            assert owed == sum(row[2] for row in rows), f"M5: debt of asset {asset}"


def now(credit: CreditSuite) -> int:
    return credit.node.time()


def later(credit: CreditSuite, seconds: int) -> None:
    credit.node.at(credit.node.time() + seconds)
    credit.node.mine()


def two_step(credit: CreditSuite, delay: int) -> None:
    """Orders on the ETHER market fill at the first price that is published so many seconds
    after."""
    config = market_config(
        credit.market_oracles[ETHER], ETHER_MARKET | {"minExecutionDelay": delay}
    )
    credit.suite.protocol.setMarket(ETHER, config, sender=credit.suite.risk_manager)


def last_order(credit: CreditSuite, account: int) -> int:
    return max(read(credit, credit.book, "ordersOf(uint256)", account))


def placed(credit: CreditSuite, who: AccountAPI, account: int, order: Action) -> int:
    """The id of an order that is placed now."""
    credit.act(who, account, order)
    return last_order(credit, account)


def state_of(credit: CreditSuite, order: int) -> OrderState:
    return OrderState(read(credit, credit.book, "stateOf(uint256)", order))


def fill(credit: CreditSuite, keeper: AccountAPI, order: int) -> None:
    credit.must(keeper, credit.book, "execute(uint256)", order)
