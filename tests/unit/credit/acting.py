"""What an account's actions have logged, and why others are refused, without Ape between."""

from typing import Any

from ape.api import AccountAPI
from ape.contracts import ContractInstance
from eth_abi import decode

from prep.credit.actions import Action, encode
from prep.node import Reverted
from tests.credit import CURVE, EXECUTE, CreditSuite

LIQUIDATE = "liquidate(uint256,uint256,uint256,uint256)"
Said = tuple[Any, ...]
"""Name of an event or error, and its arguments. Addresses are in lower case."""


def events(
    credit: CreditSuite, sender: AccountAPI, contract: ContractInstance, signature: str, *args: Any
) -> list[Said]:
    """What manager and order book log in a transaction that must go through."""
    ok, logs = credit.node.send(sender.address, contract.address, signature, *args)
    if not ok:
        credit.node.simulate(sender.address, contract.address, signature, *args)
        raise AssertionError(f"{signature}{args} failed, but would not now")
    ours = credit.manager.address, credit.book.address
    return [(log.name, *log.args) for log in logs if log.address in ours]


def acted(credit: CreditSuite, who: AccountAPI, account: int, *actions: Action) -> list[Said]:
    """What a list of actions logs."""
    return events(credit, who, credit.manager, EXECUTE, account, encode(actions))


def refusal(
    credit: CreditSuite, sender: AccountAPI, contract: ContractInstance, signature: str, *args: Any
) -> Said:
    """The error of a call that must fail."""
    try:
        credit.node.simulate(sender.address, contract.address, signature, *args)
    except Reverted as error:
        return error.name, *error.args_
    raise AssertionError(f"{signature}{args} goes through")


def refused(credit: CreditSuite, who: AccountAPI, account: int, *actions: Action) -> Said:
    """The error of a list of actions; of one that fails in an action its index, and the error of
    that."""
    said = refusal(credit, who, credit.manager, EXECUTE, account, encode(actions))
    return (said[1], decoded(credit, said[2])) if said[0] == "ActionFailed" else said


def decoded(credit: CreditSuite, reason: bytes) -> Said:
    """An error inside of another one, or of an event."""
    name, types = credit.node.interface.errors[reason[:4]]
    return name, *decode(types, reason[4:])


def low(who: Any) -> str:
    """An address as errors and events have it."""
    return str(getattr(who, "address", who)).lower()


def holdings(credit: CreditSuite, account: int) -> dict[int, tuple[int, int]]:
    """Balance and debt, with interest until now, of every asset that the account has something
    in."""
    return {h[0]: (h[1], h[3]) for h in _contents(credit, account)[0]}


def market_ids(credit: CreditSuite, account: int) -> tuple[int, ...]:
    """Where the account has positions."""
    return tuple(_contents(credit, account)[1])


def _contents(credit: CreditSuite, account: int) -> Any:
    return credit.node.read((credit.manager.address, "contents(uint256)", account))[0]


def wallet(credit: CreditSuite, asset: int, who: Any) -> int:
    """Tokens of an address."""
    token = credit.tokens[asset].address
    return credit.node.read((token, "balanceOf(address)", getattr(who, "address", who)))[0]


def health(credit: CreditSuite, account: int, for_liquidation: bool = False) -> tuple[int, ...]:
    """As `expected.Health`."""
    call = credit.manager.address, "health(uint256,bool)", account, for_liquidation
    return tuple(credit.node.read(call)[0])


def drain(credit: CreditSuite, asset: int, leave: int = 0) -> None:
    """Lenders take out what lies idle, but for `leave`."""
    vault, lender = credit.lending[asset], credit.liquidity_provider
    idle = credit.node.read((vault.address, "idle()"))[0]
    withdraw = "withdraw(uint256,address,address)"
    credit.must(lender, vault, withdraw, idle - leave, lender.address, lender.address)


def charge_interest(credit: CreditSuite) -> None:
    """From now on debts grow, in all vaults alike: by `CURVE`."""
    for vault in credit.lending.values():
        vault.setRateCurve(CURVE, sender=credit.suite.risk_manager)


def set_ltv(credit: CreditSuite, asset: int, max_ltv: int, threshold: int, **changes: Any) -> None:
    """New weights of an asset; its other parameters stay, but for `changes` by name."""
    config = config_of(credit, asset, maxLtv=max_ltv, liquidationThreshold=threshold, **changes)
    credit.manager.setAsset(asset, config, sender=credit.suite.risk_manager)


def config_of(credit: CreditSuite, asset: int, **changes: Any) -> tuple[Any, ...]:
    """An asset's parameters, with changes by name."""
    names = "token", "oracle", "lendingVault", "maxLtv", "liquidationThreshold", "depositCap"
    call = credit.manager.address, "asset(uint256)", asset
    now = dict(zip(names, credit.node.read(call)[0], strict=True))
    given = {name: getattr(value, "address", value) for name, value in changes.items()}
    assert given.keys() <= now.keys()
    return tuple((now | given).values())
