"""The actions in the reference model."""

from collections.abc import Mapping
from dataclasses import dataclass

from prep.model import UNLIMITED, System
from prep.model.position import Position
from prep.model.results import OrderExecuted
from prep.replay.formats import Action, Deleverage, Deposit, Order, PriceChange
from prep.replay.plan import CLIENT, ISOLATED, Plan
from prep.replay.snapshots import NAMES, Accounting, State

Done = Mapping[str, int]
"""What an action did, by the names of the contracts' values. Compared action by action."""


@dataclass(frozen=True, slots=True)
class MarketSample:
    """A market after an action: WAD, base units, WAD a day, PREP base units."""

    price: int
    skew: int
    funding_rate: int
    pnl: int
    """What its open positions have coming, fees and funding included; the traders' view."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The system after an action, for the charts."""

    index: int
    block_time: int
    markets: Mapping[str, MarketSample]
    ratio: int | None
    """CR, WAD; None while nothing is owed."""
    liquidity: int


class Reference:
    """The model, set up as the configuration says."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        config = plan.config
        self.system = System(now=plan.start, protocol_fee_rate=config.protocol_fee_rate)
        self.system.set_target_collateralization_ratio(config.target_collaterization_ratio)
        self.system.set_margin_client(CLIENT, True)
        self.system.add_market(ISOLATED)
        for perp in config.perps:
            self.system.add_market(perp.market())
            self.system.set_price(plan.markets[perp.denom], perp.initial_price)

    def perform(self, action: Action) -> Done:
        """What the action did; raises `Rejected`."""
        system, markets, accounts = self.system, self.plan.markets, self.plan.accounts
        system.now = action.block_time
        match action.body:
            case Deposit(amount=amount):
                return {"shares": system.deposit(CLIENT, amount).shares}
            case Order() as order:
                account, market_id = accounts[order.account_id], markets[order.denom]
                return _order(
                    system.execute_order(
                        CLIENT, account, market_id, order.order_size, order.reduce_only
                    )
                )
            case PriceChange(denom=denom, new_price=price):
                system.set_price(markets[denom], price)
            case Deleverage() as it:
                account, market_id = accounts[it.account_id], markets[it.denom]
                done = system.deleverage_account(CLIENT, account, market_id, it.max_size)
                return {
                    "size": done.size,
                    "settlement": done.settlement,
                    "ratioBefore": done.ratio_before,
                    "ratioAfter": done.ratio_after,
                }
        return {}

    def state(self, block_time: int) -> State:
        """The books."""
        system = self.system
        system.now = block_time
        return State(
            block_time=block_time,
            total=self._accounting(None),
            total_withdrawal_balance=system.total_withdrawal_balance(),
            markets={denom: self._accounting(i) for denom, i in self.plan.markets.items()},
        )

    def sample(self, index: int) -> Sample:
        """For the charts."""
        system = self.system
        samples = {}
        for denom, market_id in self.plan.markets.items():
            quote = system.quote(market_id)
            due = quote.unrealised()
            samples[denom] = MarketSample(
                price=quote.price,
                skew=quote.market.skew,
                funding_rate=quote.funding_rate,
                pnl=due.price_pnl + due.closing_fee + due.funding + due.borrowing,
            )
        ratio = system.collateralization_ratio()
        return Sample(
            index=index,
            block_time=system.now,
            markets=samples,
            ratio=None if ratio == UNLIMITED else ratio,
            liquidity=system.vault.liquidity,
        )

    def _accounting(self, market_id: int | None) -> Accounting:
        system = self.system
        parts = (
            system.cash_flow(market_id),
            system.balance(market_id),
            system.withdrawal_balance(market_id),
        )
        return Accounting(*({name: getattr(part, name) for name in NAMES} for part in parts))


def _order(done: OrderExecuted) -> Done:
    return {
        "size": done.size,
        "closePrice": done.close_price,
        "realised.pricePnl": done.price_pnl,
        "realised.funding": done.funding,
        "realised.borrowingFee": done.borrowing_fee,
        "realised.closingFee": done.closing_fee,
        "openingFee": done.opening_fee,
        "protocolFee": done.protocol_fee,
        "settlement": done.settlement,
        **_position(done.position),
    }


def _position(position: Position) -> Done:
    return {
        "position.size": position.size,
        "position.entryPrice": position.entry_price,
        "position.fundingIndex": position.funding_index,
        "position.borrowIndex": position.borrow_index,
    }
