"""A demonstration that has ended: an hour with a liquidation of 24,000 in its second step."""

from prep.demo.checks import Check
from prep.demo.credit_ledger import AccountLiquidation, OrderEnd
from prep.demo.credit_outcome import CreditOutcome, CreditParticipant, CreditReading, Lent
from prep.demo.ledger import Liquidation
from prep.demo.margin_outcome import MarginOutcome, MarginParticipant, Swapped
from prep.demo.outcome import Outcome, Participant, Position, Reading, Sample
from prep.demo.prices import PricePath

WAD = 10**18
NOON = 1_584_014_400  # 12 March 2020 12:00 UTC
PRICES = tuple(n * 10**8 for n in (8_000, 6_000, 7_000, 6_500))
CASH_FLOW = {
    "pricePnl": 90 * WAD,
    "openingFee": 3 * WAD,
    "closingFee": 2 * WAD,
    "accruedFunding": -WAD,
    "borrowingFee": WAD + 1,
    "badDebt": -12 * WAD,
}


def reading(step: int) -> Reading:
    return Reading(
        timestamp=1_000 + 900 * step,
        price=PRICES[step] * 10**10,
        long_oi=3 * WAD,
        short_oi=WAD,
        liquidity=1_000 * WAD + step,
        reserves=17 * WAD,
        lower_value=1_000 * WAD + 100 * step * WAD + 1,
        upper_value=1_000 * WAD + 100 * step * WAD + 2,
        shares=1_000 * 10**24,
        positions=(
            Position(1, "0xA", 3 * WAD, 8_000 * WAD, 24_000 * WAD, 12 * WAD + 5),
            Position(2, "0xB", -WAD, 8_000 * WAD, 8_000 * WAD, 3 * WAD),
        ),
    )


LIQUIDATION = AccountLiquidation(
    account=2,
    debt_asset=0,
    collateral_asset=2,
    closed=700 * WAD,
    reward=2 * WAD,
    repaid=300 * WAD + 1,
    seized=2 * WAD + WAD // 4,
    bonus=WAD // 20,
    bad_debt=5 * WAD,
)
CREDIT = CreditOutcome(
    samples=(
        CreditReading(((90 * WAD, 10 * WAD), (0, 0)), 0, 0),
        CreditReading(((50 * WAD, 9 * WAD), (5 * WAD, 7 * WAD)), WAD // 2, WAD // 20),
        CreditReading(((70 * WAD, 9 * WAD), (WAD, 0)), WAD // 4, WAD // 40),
        CreditReading(((60 * WAD, 9 * WAD), (WAD, 0)), WAD // 4, WAD // 40),
    ),
    participants=(
        CreditParticipant("Stopper", "0xS", "stops <early>", 1, 1_000 * WAD, 1_020 * WAD + 7),
        CreditParticipant("Borrower", "0xB", "borrows", 2, 2_000 * WAD, 1_500 * WAD),
        CreditParticipant("Lender", "0xC", "lends", None, 9_000 * WAD, 9_003 * WAD),
    ),
    # As logged: what a filled order cancels comes before it.
    orders=(
        (2, OrderEnd(1, "take-profit", "cancelled")),
        (2, OrderEnd(1, "stop-loss", "filled", 6_999 * WAD)),
    ),
    liquidations=((1, LIQUIDATION),),
    waiting=((2, "limit order"),),
    lent={0: Lent(4 * WAD, 5 * WAD), 2: Lent(0, 0)},
)
MARGIN = MarginOutcome(
    participants=(
        MarginParticipant(
            name="Long",
            address="0xM",
            plan="long <fast>",
            is_long=True,
            base="WBTC",
            leverage=2 * WAD + WAD // 2,
            paid={"PREP": 100 * WAD + 1, "WBTC": 10**8},
            got={"PREP": 6_750 * WAD, "WBTC": 0},
            open=None,
        ),
        MarginParticipant(
            name="Short",
            address="0xN",
            plan="short",
            is_long=False,
            base="WETH",
            leverage=4 * WAD,
            paid={"PREP": 300 * WAD, "WETH": 0},
            got={"PREP": 0, "WETH": WAD // 4},
            open=None,
        ),
        MarginParticipant("Open", "0xO", "waits", True, "WETH", WAD, {"PREP": 7}, {}, 30 * WAD),
        MarginParticipant("Nobody", "0xP", "is refused", True, "WETH", WAD, {"PREP": 0}, {}, None),
    ),
    closings=(
        Swapped(1, "Long", "closed", False, 50 * WAD, 2 * WAD, 400 * WAD, WAD, 0),
        Swapped(2, "Short", "liquidated", True, 0, 0, 3 * WAD, 6 * WAD, WAD // 8),
        Swapped(3, "Long", "order", True, 6_700 * WAD, 3 * WAD, 200 * WAD, WAD // 2, 0),
    ),
    interest={"PREP": 5 * WAD, "WETH": WAD // 100},
    bad_debt={"PREP": 0, "WETH": WAD // 8},
    fees=WAD + WAD // 2,
    rewards=6 * WAD,
    prices={"PREP": WAD, "WETH": 160 * WAD, "WBTC": 6_500 * 10**28},
    samples=((100 * WAD, None, None, None), (None, 5 * WAD, None, None)) * 2,
)
OUTCOME = Outcome(
    path=PricePath("<b>prices</b>.csv", NOON, PRICES),
    seed=5,
    samples=tuple(Sample(step, reading(step), 12 * WAD * (step > 0)) for step in range(4)),
    liquidations=(
        (
            1,
            Liquidation(
                position=1,
                trader="0xA",
                is_long=True,
                notional=24_000 * WAD,
                left=16_000 * WAD,
                reward=120 * WAD + 7,
                from_vault=50 * WAD,
                collateral=345 * WAD,
                bad_debt=12 * WAD,
            ),
        ),
    ),
    done={"openPositionWithSize": 2, "closePosition": 1, "deposit": 1},
    rejected={"increasePosition: LeverageTooHigh": 4},
    participants=(
        Participant("Keeper", "0xK", 0, 0, 120 * WAD + 7, 0, 120 * WAD + 7),
        Participant("LP 1", "0xL", 1_000 * WAD, 0, 0, 1_300 * WAD, 0),
        Participant("LP 2", "0xM", 500 * WAD, 490 * WAD, 0, 0, 0),
        Participant("Trader <1>", "0xA", 5_000 * WAD, 1_111 * WAD, 345 * WAD, 0, 0),
        Participant("Trader 2", "0xB", 5_000 * WAD, 5_222 * WAD, 0, 0, 0),
    ),
    cash_flow=CASH_FLOW,
    protocol_fees=4 * WAD,
    results={"Traders": -207 * WAD - 7, "LPs": 83 * WAD, "Protocol fees": 4 * WAD},
    checks=(
        Check("M1", "Custody", 1_345 * WAD, 1_345 * WAD),
        Check("M2", "Liquidity", 1_000 * WAD, 1_000 * WAD),
        Check("M5", "WBTC", 12_345_678, 12_345_678, 8),
    ),
    credit=CREDIT,
    margin=MARGIN,
)
