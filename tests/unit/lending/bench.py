"""A lending vault and its reference, given the same: after every action all events, all books and
all views are compared."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from prep.node import Node, Reverted
from tests.suite import ZERO_ADDRESS
from tests.unit.lending.reference import (
    INDEXED,
    MAX_ASSETS,
    NOBODY,
    RAY,
    VAULT,
    WAD,
    Reference,
)

SIGNATURES = {
    "deposit": "deposit(uint256,address)",
    "mint": "mint(uint256,address)",
    "withdraw": "withdraw(uint256,address,address)",
    "redeem": "redeem(uint256,address,address)",
    "borrow": "borrow(uint256,address)",
    "repay": "repay(uint256)",
    "record_interest": "recordInterest(uint256)",
    "write_off": "writeOff(uint256)",
    "accrue": "accrue()",
    "collect_reserves": "collectReserves()",
    "register_borrower": "registerBorrower(address,uint8,uint256)",
    "set_borrow_cap": "setBorrowCap(address,uint256)",
    "disable_borrower": "disableBorrower(address)",
    "set_rate_curve": "setRateCurve((uint256,uint256,uint256,uint256))",
    "set_reserve_share": "setReserveShare(uint256)",
    "set_profit_unlock_time": "setProfitUnlockTime(uint256)",
    "set_treasury": "setTreasury(address)",
}
STILL = {
    "register_borrower",
    "set_borrow_cap",
    "disable_borrower",
    "set_profit_unlock_time",
    "set_treasury",
}
"""What does not depend on interest."""
ROLES = {
    "RISK_MANAGER": (
        "set_borrow_cap",
        "set_rate_curve",
        "set_reserve_share",
        "set_profit_unlock_time",
    ),
    "GUARDIAN": ("disable_borrower",),
}
FUNDS = 10_000_000
"""Whole tokens that everyone has at first."""
LENDERS = ("lender", "other_lender")
WHALE = "whale"
"""Has more than any vault takes."""
BORROWERS = ("manager", "other_manager", "pool", "other_pool")
CURVE = (WAD // 100, WAD // 10, 2 * WAD, 8 * WAD // 10)
"""1 % at rest, 10 % at the kink of 80 %, 200 % when all is lent."""
AMOUNTS = (0, 1, 123_456_789, 10**37)


@dataclass
class Bench:
    node: Node
    vault: str
    token: str
    decimals: int
    addresses: dict[str, str]
    """Of everyone by name, of the vault too."""
    reference: Reference
    deployed_at: int
    logged: list = field(default_factory=list)
    """What the first action at this time has to log of interest."""
    last: list = field(default_factory=list)
    """What was logged last."""

    @property
    def one(self) -> int:
        """A whole token."""
        return 10**self.decimals

    @property
    def names(self) -> dict[str, str]:
        return {address.lower(): name for name, address in self.addresses.items()}

    # -------------------------------------------------------------------------------------- acting

    def do(self, who: str, action: str, *args) -> Any:
        """Has to go through here as there. What it returns."""
        expected, events = getattr(self.reference, action)(who, *args)
        call = self.addresses[who], self.vault, SIGNATURES[action], *self._addressed(args)
        result = self.node.simulate(*call)
        assert result == (() if expected is None else expected), f"{action}{args} returns"
        done, logs = self.node.send(*call)
        assert done, f"{action}{args}"
        if action not in STILL:
            events, self.logged = [*self.logged, *events], []
        self.last = [self._named((log.name, *log.args)) for log in logs]
        assert self.last == events, f"{action}{args}"
        return result

    def refused(self, who: str, action: str, *args, error: str, values: tuple = ()) -> None:
        """Has to fail with this error, here as there."""
        assert self.reference.refusal(who, action, *args) == (error, *values), f"{action}{args}"
        assert self.failure(who, action, *args) == (error, *values), f"{action}{args}"

    def failure(self, who: str, action: str, *args) -> tuple:
        """With which error, and values, the contract refuses."""
        call = self.addresses[who], self.vault, SIGNATURES[action], *self._addressed(args)
        with pytest.raises(Reverted) as raised:
            self.node.simulate(*call)
        return self._named((raised.value.name, *raised.value.args_))

    def attempt(self, who: str, action: str, *args) -> bool:
        """Whatever comes of it has to be the same here and there. Whether it went through."""
        refusal = self.reference.refusal(who, action, *args)
        if refusal is None:
            self.do(who, action, *args)
        else:
            assert self.failure(who, action, *args) == refusal, f"{action}{args}"
        return refusal is None

    def wait(self, seconds: int) -> None:
        """Time passes for views and for what is done next."""
        if seconds == 0:
            return
        self.logged = self._interest(seconds)
        self.node.at(self.reference.now)
        self.node.mine()

    def _interest(self, seconds: int) -> list:
        """Nobody has acted since the last wait: then it is one period and not two."""
        assert not self.logged, "act between two waits, or wait once"
        return self.reference.pass_time(seconds)

    def donate(self, who: str, amount: int) -> None:
        """Tokens that are just sent."""
        self.reference._move(who, VAULT, amount)
        call = self.addresses[who], self.token, "transfer(address,uint256)", self.vault, amount
        assert self.node.send(*call)[0]

    def approve_shares(self, owner: str, spender: str, shares: int) -> None:
        self.reference.allowances[owner, spender] = shares
        call = (self.vault, "approve(address,uint256)", self.addresses[spender], shares)
        assert self.node.send(self.addresses[owner], *call)[0]

    # ----------------------------------------------------------------------------------- comparing

    def read(self, *calls: tuple) -> list:
        """Views of the vault, by signature and arguments."""
        return self.node.read(*((self.vault, *self._addressed(call)) for call in calls))

    def audit(self) -> None:
        """Every view of the vault, every balance, M4."""
        r, a = self.reference, self.addresses
        expected = {
            ("idle()",): r.idle,
            ("totalDebt()",): (r.indexed, r.quoted),
            ("lockedInterest()",): r.left,
            ("reserves()",): r.reserves,
            ("utilisation()",): r.utilisation,
            ("borrowRate()",): r.rate,
            ("debtIndex()",): r.index,
            ("totalAssets()",): r.value,
            ("totalSupply()",): r.supply,
            ("treasury()",): a[r.treasury].lower(),
            ("reserveShare()",): r.share,
            ("profitUnlockTime()",): r.period,
            ("rateCurve()",): r.curve,
            ("maxDeposit(address)", a["lender"]): r.max_deposit(),
            ("maxMint(address)", a["lender"]): r.max_mint(),
        }
        for name in LENDERS:
            expected["balanceOf(address)", a[name]] = r.shares.get(name, 0)
            expected["maxWithdraw(address)", a[name]] = r.max_withdraw(name)
            expected["maxRedeem(address)", a[name]] = r.max_redeem(name)
        for name in BORROWERS:
            b = r.borrowers.get(name)
            expected["borrower(address)", a[name]] = (b.kind, b.cap) if b else (0, 0)
            expected["debtShares(address)", a[name]] = b.owed if b and b.kind == INDEXED else 0
            expected["debtOf(address)", a[name]] = r.debt(name)
            expected["maxBorrow(address)", a[name]] = r.max_borrow(name)
        for amount in AMOUNTS:
            expected["previewDeposit(uint256)", amount] = r.to_shares(amount)
            expected["previewMint(uint256)", amount] = r.to_assets(amount, ceil=True)
            expected["previewWithdraw(uint256)", amount] = r.to_shares(amount, ceil=True)
            expected["previewRedeem(uint256)", amount] = r.to_assets(amount)
            expected["convertToShares(uint256)", amount] = r.to_shares(amount)
            expected["convertToAssets(uint256)", amount] = r.to_assets(amount)
            expected["toDebt(uint256)", amount] = -(-amount * r.index // RAY)
        views = self.node.read(*((self.vault, *call) for call in expected))
        answers = dict(zip(expected, views, strict=True))
        assert answers == expected, {
            call: (answers[call], expected[call])
            for call in expected
            if answers[call] != expected[call]
        }
        holders = list(r.tokens)
        held = self.node.read(*((self.token, "balanceOf(address)", a[name]) for name in holders))
        assert dict(zip(holders, held, strict=True)) == r.tokens
        assert r.idle <= r.tokens[VAULT], "M4: less lies in the vault than it counts"

    def audit_maxima(self) -> None:
        """Every limit is exact: that amount goes through, one more does not."""
        a = self.addresses
        limits = [
            ("deposit", "maxDeposit", WHALE, ("lender",)),
            ("mint", "maxMint", WHALE, ("lender",)),
            *(("withdraw", "maxWithdraw", name, (name, name)) for name in LENDERS),
            *(("redeem", "maxRedeem", name, (name, name)) for name in LENDERS),
            *(("borrow", "maxBorrow", name, (name,)) for name in BORROWERS),
        ]
        for action, view, who, rest in limits:
            (most,) = self.read((f"{view}(address)", a[who]))
            if most:
                args = self._addressed((most, *rest))
                self.node.simulate(a[who], self.vault, SIGNATURES[action], *args)
            assert self.failure(who, action, most + 1, *rest), f"{view} of {who}"

    # --------------------------------------------------------------------------------------- names

    def _addressed(self, args: tuple) -> list:
        return [self.addresses.get(arg, arg) if isinstance(arg, str) else arg for arg in args]

    def _named(self, values: tuple) -> tuple:
        return tuple(self._name(value) for value in values)

    def _name(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return value.rstrip(b"\0").decode()
        return self.names.get(value.lower(), value) if isinstance(value, str) else value


def create_bench(project, admin, accounts, decimals=18, curve=CURVE, token=None) -> Bench:
    """A vault over a token of its own, lenders and borrowers with tokens. Admin, risk manager and
    guardian hold a role each; nobody is registered."""
    authority = admin.deploy(project.Authority, admin)
    token = token or admin.deploy(project.MockERC20, "Token", "TKN", decimals)
    vault = admin.deploy(project.LendingVault, token, authority, curve)
    contracts = (vault, token, authority)
    node = Node(admin.provider.uri, *(contract.contract_type for contract in contracts))
    reference = Reference(curve, now=node.time())
    staff = ("admin", "risk_manager", "guardian", "stranger", "treasury")
    names = (*staff, WHALE, *LENDERS, *BORROWERS)
    addresses = {name: account.address for name, account in zip(names, accounts, strict=False)}
    addresses |= {VAULT: vault.address, NOBODY: ZERO_ADDRESS}
    assert addresses["admin"] == admin.address
    for role, holder in (("RISK_MANAGER", "risk_manager"), ("GUARDIAN", "guardian")):
        number = getattr(authority, role)()
        selectors = [node.interface.functions[SIGNATURES[action]][0] for action in ROLES[role]]
        authority.setTargetFunctionRole(vault, selectors, number, sender=admin)
        authority.grantRole(number, addresses[holder], 0, sender=admin)
    bench = Bench(node, vault.address, token.address, decimals, addresses, reference, reference.now)
    for name in (WHALE, *LENDERS, *BORROWERS):
        funds = 10 * MAX_ASSETS if name == WHALE else FUNDS * bench.one
        reference.tokens[name] = funds
        mint = (token.address, "mint(address,uint256)", addresses[name], funds)
        approve = (token.address, "approve(address,uint256)", vault.address, 2**256 - 1)
        assert node.send(admin.address, *mint)[0]
        assert node.send(addresses[name], *approve)[0]
    reference.tokens |= {VAULT: 0, "treasury": 0, "stranger": 0}
    return bench
