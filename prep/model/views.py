"""Read-only pictures of the system's state."""

from dataclasses import dataclass

from prep.model.market import Market, Unrealised


@dataclass(frozen=True, slots=True)
class PositionDetails:
    """A trader's collateral and position; all but the collateral are 0 without a position."""

    id: int
    size: int
    entry_price: int
    collateral: int
    entry_notional: int
    borrow_index: int
    funding_index: int


@dataclass(frozen=True, slots=True)
class Balance:
    """Amounts by component from the vault's side, PREP base units: positive is the vault's gain.
    docs/whitepaper.md, "Cash flow"."""

    price_pnl: int = 0
    opening_fee: int = 0
    closing_fee: int = 0
    accrued_funding: int = 0
    borrowing_fee: int = 0
    bad_debt: int = 0

    @property
    def total(self) -> int:
        """The sum of all components."""
        return (
            self.price_pnl
            + self.opening_fee
            + self.closing_fee
            + self.accrued_funding
            + self.borrowing_fee
            + self.bad_debt
        )

    def __add__(self, other: "Balance") -> "Balance":
        return Balance(
            self.price_pnl + other.price_pnl,
            self.opening_fee + other.opening_fee,
            self.closing_fee + other.closing_fee,
            self.accrued_funding + other.accrued_funding,
            self.borrowing_fee + other.borrowing_fee,
            self.bad_debt + other.bad_debt,
        )


def realised(market: Market) -> Balance:
    """The cash flow of a market: what was realised."""
    return Balance(
        market.price_pnl,
        market.opening_fee,
        market.closing_fee,
        market.accrued_funding,
        market.borrowing_fee,
        market.bad_debt,
    )


def with_unrealised(cash_flow: Balance, unrealised: Unrealised) -> Balance:
    """The balance if all positions were settled: cash flow less what traders have coming."""
    return Balance(
        cash_flow.price_pnl - unrealised.price_pnl,
        cash_flow.opening_fee,
        cash_flow.closing_fee - unrealised.closing_fee,
        cash_flow.accrued_funding - unrealised.funding,
        cash_flow.borrowing_fee - unrealised.borrowing,
        cash_flow.bad_debt,
    )


def with_unrealised_losses(cash_flow: Balance, unrealised: Unrealised) -> Balance:
    """As `with_unrealised`, but what traders would have to pay is not counted, nor fees due."""
    return Balance(
        cash_flow.price_pnl - max(0, unrealised.price_pnl),
        cash_flow.opening_fee,
        cash_flow.closing_fee,
        cash_flow.accrued_funding - max(0, unrealised.funding),
        cash_flow.borrowing_fee,
        cash_flow.bad_debt,
    )


def summed(parts: list[Unrealised]) -> Unrealised:
    """Over markets; before a maximum is taken."""
    return Unrealised(
        price_pnl=sum(part.price_pnl for part in parts),
        closing_fee=sum(part.closing_fee for part in parts),
        funding=sum(part.funding for part in parts),
        borrowing=sum(part.borrowing for part in parts),
        seq_pnl=sum(part.seq_pnl for part in parts),
    )
