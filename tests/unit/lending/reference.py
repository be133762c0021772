"""What a lending vault has to do, in integers, by itself: the tests' own reading of the arithmetic.

Whoever acts is a name. An action returns the events that it logs, token transfers included, or
raises `Refused` and changes nothing.
"""

from copy import deepcopy
from dataclasses import dataclass, field

WAD, RAY, YEAR, DAY = 10**18, 10**27, 365 * 86_400, 86_400
MAX_INDEX = 2**128 - 1
MAX_ASSETS = 10**37
MAX_CAP = 10**36
VIRTUAL = 10**6
NOBODY, VAULT = "nobody", "vault"
NONE, INDEXED, QUOTED = 0, 1, 2
MAX_ADDRESS = 2**160 - 1


class Refused(Exception):  # noqa: N818 - an outcome, not a failure
    """With the name and the values of the error."""

    def __init__(self, name: str, *values) -> None:
        super().__init__(f"{name}{values}")
        self.name, self.values = name, values


def up(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise Refused("ParameterOutOfBounds", name, value, low, high)


def check(condition: bool, name: str, *values) -> None:
    if not condition:
        raise Refused(name, *values)


@dataclass
class Borrower:
    kind: int = NONE
    cap: int = 0
    owed: int = 0
    """Debt shares, or tokens of a quoted one."""


@dataclass
class Reference:
    curve: tuple[int, int, int, int]
    now: int
    tokens: dict[str, int] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    borrowers: dict[str, Borrower] = field(default_factory=dict)
    allowances: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of shares, by owner and spender."""
    treasury: str = NOBODY
    share: int = 0
    period: int = DAY
    idle: int = 0
    index: int = RAY
    quoted: int = 0
    reserves: int = 0
    locked: int = 0
    since: int = 0
    until: int = 0

    # ------------------------------------------------------------------------------------- reading

    @property
    def supply(self) -> int:
        return sum(self.shares.values())

    @property
    def debt_shares(self) -> int:
        return sum(b.owed for b in self.borrowers.values() if b.kind == INDEXED)

    @property
    def indexed(self) -> int:
        return self.debt_shares * self.index // RAY

    @property
    def left(self) -> int:
        """What is locked still."""
        if self.now >= self.until:
            return 0
        return up(self.locked * (self.until - self.now), self.until - self.since)

    @property
    def value(self) -> int:
        """What the lenders have."""
        return max(0, self.idle + self.indexed + self.quoted - self.left - self.reserves)

    @property
    def utilisation(self) -> int:
        debt = self.indexed + self.quoted
        return debt * WAD // (debt + self.idle) if debt else 0

    @property
    def rate(self) -> int:
        zero, middle, full, kink = self.curve
        used = self.utilisation
        if used <= kink:
            return zero + (middle - zero) * used // kink
        return middle + (full - middle) * (used - kink) // (WAD - kink)

    def refusal(self, who: str, action: str, *args) -> tuple | None:
        """With which error, and values, an action would be refused."""
        try:
            getattr(deepcopy(self), action)(who, *args)
        except Refused as refused:
            return refused.name, *refused.values
        return None

    def debt(self, who: str) -> int:
        b = self.borrowers.get(who, Borrower())
        return up(b.owed * self.index, RAY) if b.kind == INDEXED else b.owed

    def to_shares(self, assets: int, ceil: bool = False) -> int:
        product, divisor = assets * (self.supply + VIRTUAL), self.value + 1
        return up(product, divisor) if ceil else product // divisor

    def to_assets(self, shares: int, ceil: bool = False) -> int:
        product, divisor = shares * (self.value + 1), self.supply + VIRTUAL
        return up(product, divisor) if ceil else product // divisor

    # ---------------------------------------------------------------------------------------- time

    def pass_time(self, seconds: int) -> list:
        """All that grows with time, stored or not. What is logged by the first to act then."""
        rate = self.rate
        before, old_index = self.indexed, self.index
        self.now += seconds
        if self.debt_shares == 0:
            return []
        x = rate * 10**9 * seconds // YEAR
        second = x * x // (2 * RAY)
        third = second * x // (3 * RAY)
        self.index = min(self.index + self.index * (x + second + third) // RAY, MAX_INDEX)
        interest = self.indexed - before
        self.reserves = min(self.reserves + interest * self.share // WAD, 2**128 - 1)
        if self.index == old_index:
            return []
        return [("InterestAccrued", self.index, interest, self.reserves)]

    # ------------------------------------------------------------------------------------- lenders

    def max_deposit(self) -> int:
        most = 0 if self.value < self.supply // 10**12 else max(0, MAX_ASSETS - self.value)
        return most if self.to_shares(most) else 0

    def max_mint(self) -> int:
        return self.to_shares(self.max_deposit())

    def max_withdraw(self, owner: str) -> int:
        return min(self.idle, self.to_assets(self.shares.get(owner, 0)))

    def max_redeem(self, owner: str) -> int:
        """The largest number that is worth at most what lies idle, by bisection."""
        low, high = 0, self.shares.get(owner, 0)
        while low < high:
            middle = (low + high + 1) // 2
            if self.to_assets(middle) <= self.idle:
                low = middle
            else:
                high = middle - 1
        return low if self.to_assets(low) else 0

    def deposit(self, who: str, assets: int, receiver: str) -> tuple[int, list]:
        check(assets > 0, "ZeroAmount")
        most = self.max_deposit()
        check(assets <= most, "ERC4626ExceededMaxDeposit", receiver, assets, most)
        shares = self.to_shares(assets)
        check(shares > 0, "ZeroAmount")
        return shares, self._enter(who, receiver, assets, shares)

    def mint(self, who: str, shares: int, receiver: str) -> tuple[int, list]:
        check(shares > 0, "ZeroAmount")
        most = self.max_mint()
        check(shares <= most, "ERC4626ExceededMaxMint", receiver, shares, most)
        assets = self.to_assets(shares, ceil=True)
        return assets, self._enter(who, receiver, assets, shares)

    def withdraw(self, who: str, assets: int, receiver: str, owner: str) -> tuple[int, list]:
        check(assets > 0, "ZeroAmount")
        most = self.max_withdraw(owner)
        check(assets <= most, "ERC4626ExceededMaxWithdraw", owner, assets, most)
        shares = self.to_shares(assets, ceil=True)
        return shares, self._leave(who, receiver, owner, assets, shares)

    def redeem(self, who: str, shares: int, receiver: str, owner: str) -> tuple[int, list]:
        check(shares > 0, "ZeroAmount")
        most = self.max_redeem(owner)
        check(shares <= most, "ERC4626ExceededMaxRedeem", owner, shares, most)
        assets = self.to_assets(shares)
        check(assets > 0, "ZeroAmount")
        return assets, self._leave(who, receiver, owner, assets, shares)

    def _enter(self, who: str, receiver: str, assets: int, shares: int) -> list:
        moved = self._take(who, assets)
        self.idle += assets
        self.shares[receiver] = self.shares.get(receiver, 0) + shares
        return [
            ("Transfer", NOBODY, receiver, shares),
            ("Deposit", who, receiver, assets, shares),
            moved,
        ]

    def _leave(self, who: str, receiver: str, owner: str, assets: int, shares: int) -> list:
        if who != owner:
            allowed = self.allowances.get((owner, who), 0)
            check(allowed >= shares, "ERC20InsufficientAllowance", who, allowed, shares)
            self.allowances[owner, who] = allowed - shares
        self.idle -= assets
        self.shares[owner] -= shares
        return [
            ("Transfer", owner, NOBODY, shares),
            ("Withdraw", who, receiver, owner, assets, shares),
            self._give(receiver, assets),
        ]

    # ----------------------------------------------------------------------------------- borrowers

    def max_borrow(self, who: str) -> int:
        """The largest amount that goes through, by bisection."""
        low, high = 0, self.idle
        while low < high:
            middle = (low + high + 1) // 2
            if self.refusal(who, "borrow", middle, who):
                high = middle - 1
            else:
                low = middle
        return low

    def _known(self, who: str) -> Borrower:
        b = self.borrowers.get(who, Borrower())
        check(b.kind != NONE, "NotBorrower", who)
        return b

    def borrow(self, who: str, assets: int, receiver: str) -> tuple[int, list]:
        check(assets > 0, "ZeroAmount")
        b = self._known(who)
        check(assets <= self.idle, "InsufficientLiquidity", self.idle, assets)
        shares = up(assets * RAY, self.index) if b.kind == INDEXED else 0
        owed = b.owed + (shares or assets)
        debt = up(owed * self.index, RAY) if b.kind == INDEXED else owed
        check(debt <= b.cap, "BorrowCapExceeded", debt, b.cap)
        b.owed = owed
        self.quoted += assets if b.kind == QUOTED else 0
        self.idle -= assets
        return shares, [
            ("Borrowed", who, receiver, assets, shares, debt),
            self._give(receiver, assets),
        ]

    def _reduce(self, who: str, assets: int) -> int:
        check(assets > 0, "ZeroAmount")
        b = self._known(who)
        debt = self.debt(who)
        check(assets <= debt, "DebtExceeded", assets, debt)
        if b.kind == QUOTED:
            b.owed -= assets
            self.quoted -= assets
            return 0
        shares = min(assets * RAY // self.index, b.owed)
        b.owed -= shares
        return shares

    def repay(self, who: str, assets: int) -> tuple[int, list]:
        shares = self._reduce(who, assets)
        moved = self._take(who, assets)
        self.idle += assets
        return shares, [("Repaid", who, assets, shares, self.debt(who)), moved]

    def record_interest(self, who: str, interest: int) -> tuple[None, list]:
        check(interest > 0, "ZeroAmount")
        b = self._known(who)
        check(b.kind == QUOTED, "NotBorrower", who)
        within("interest", interest, 1, 2**128 - 1 - self.quoted)
        left, reserved = self.left, interest * self.share // WAD
        added = interest - reserved
        b.owed += interest
        self.quoted += interest
        self.reserves = min(self.reserves + reserved, 2**128 - 1)
        if self.period:
            remaining = max(0, self.until - self.now)
            seconds = (left * remaining + added * self.period) // (left + added)
            self.locked, self.since, self.until = left + added, self.now, self.now + seconds
        return None, [("InterestRecorded", who, interest, b.owed, self.left)]

    def write_off(self, who: str, assets: int) -> tuple[int, list]:
        shares = self._reduce(who, assets)
        left = self.left
        consumed = min(left, assets)
        if consumed:
            self.locked, self.since = left - consumed, self.now
        self.reserves = min(
            self.reserves, max(0, self.idle + self.indexed + self.quoted - self.left)
        )
        return shares, [("WrittenOff", who, assets, shares, self.debt(who), assets - consumed)]

    # ---------------------------------------------------------------------------------------- rest

    def accrue(self, who: str) -> tuple[None, list]:
        return None, []

    def collect_reserves(self, who: str) -> tuple[int, list]:
        if self.treasury == NOBODY:
            within("treasury", 0, 1, MAX_ADDRESS)
        amount = min(self.reserves, self.idle)
        check(amount > 0, "ZeroAmount")
        self.reserves -= amount
        self.idle -= amount
        return amount, [
            ("ReservesCollected", self.treasury, amount, self.reserves),
            self._give(self.treasury, amount),
        ]

    def register_borrower(self, who: str, account: str, kind: int, cap: int) -> tuple[None, list]:
        if account == NOBODY:
            within("borrower", 0, 1, MAX_ADDRESS)
        within("kind", kind, INDEXED, QUOTED)
        known = self.borrowers.get(account, Borrower())
        check(known.kind in (NONE, kind), "BorrowerKindFixed", account, known.kind)
        within("cap", cap, 0, MAX_CAP)
        known.kind, known.cap = kind, cap
        self.borrowers[account] = known
        return None, [("BorrowerSet", account, kind, cap)]

    def set_borrow_cap(self, who: str, account: str, cap: int) -> tuple[None, list]:
        b = self._known(account)
        within("cap", cap, 0, MAX_CAP)
        b.cap = cap
        return None, [("BorrowerSet", account, b.kind, cap)]

    def disable_borrower(self, who: str, account: str) -> tuple[None, list]:
        return self.set_borrow_cap(who, account, 0)

    def set_rate_curve(self, who: str, curve: tuple) -> tuple[None, list]:
        within("atZero", curve[0], 0, curve[1])
        within("atKink", curve[1], curve[0], curve[2])
        within("atFull", curve[2], curve[1], 10 * WAD)
        within("kink", curve[3], 1, WAD - 1)
        self.curve = curve
        return None, [("RateCurveSet", curve)]

    def set_reserve_share(self, who: str, share: int) -> tuple[None, list]:
        within("reserveShare", share, 0, WAD // 2)
        self.share = share
        return None, [("ReserveShareSet", share)]

    def set_profit_unlock_time(self, who: str, period: int) -> tuple[None, list]:
        within("profitUnlockTime", period, 0, 7 * DAY)
        self.period = period
        return None, [("ProfitUnlockTimeSet", period)]

    def set_treasury(self, who: str, treasury: str) -> tuple[None, list]:
        if treasury == NOBODY:
            within("treasury", 0, 1, MAX_ADDRESS)
        self.treasury = treasury
        return None, [("TreasurySet", treasury)]

    # -------------------------------------------------------------------------------------- tokens

    def _move(self, source: str, to: str, amount: int) -> tuple:
        held = self.tokens.get(source, 0)
        check(held >= amount, "ERC20InsufficientBalance", source, held, amount)
        self.tokens[source] = held - amount
        self.tokens[to] = self.tokens.get(to, 0) + amount
        return "Transfer", source, to, amount

    def _take(self, who: str, amount: int) -> tuple:
        return self._move(who, VAULT, amount)

    def _give(self, to: str, amount: int) -> tuple:
        return self._move(VAULT, to, amount)
