"""Time, prices, markets and what they add up to: everything but traders and LP shares."""

from dataclasses import replace

from prep.model import config as bounds
from prep.model import views
from prep.model.config import MarketConfig
from prep.model.errors import Rejected
from prep.model.limits import MAX_MARKETS, MAX_PRICE
from prep.model.market import Indices, Market, Quote, Unrealised
from prep.model.results import (
    MarketConfigured,
    MarketDisabled,
    MarketSettled,
    ProtocolFeeRateSet,
    ProtocolFeesCollected,
)
from prep.model.vault import Exposure, VaultState
from prep.model.views import Balance


class Engine:
    """Markets that share a vault. `now` (seconds) and the prices are set from outside."""

    def __init__(self, vault: VaultState, *, now: int = 0, protocol_fee_rate: int = 0) -> None:
        bounds.check_protocol_fee_rate(protocol_fee_rate)
        self.now = now
        self.markets: list[Market] = []
        self.protocol_fee_rate = protocol_fee_rate
        self.unpaid_protocol_fees = 0
        self.vault = vault
        self._prices: list[int | Rejected] = []  # usable ones, and errors for all else

    # -------------------------------------------------------------------------------------- prices

    def set_price(self, market_id: int, price: int | Rejected | None) -> None:
        """What the oracle answers from now on, WAD. A `Rejected` is the error that it reverts with,
        `None` an unusable price whose error does not matter. A settled market does not ask."""
        if self.market(market_id).settled_price is not None:
            return
        if price is None:
            price = Rejected("PriceUnavailable")
        elif not isinstance(price, Rejected) and not 0 < price <= MAX_PRICE:
            price = Rejected("PriceOutOfBounds", price, MAX_PRICE)
        self._prices[market_id] = price

    def price(self, market_id: int) -> int:
        """The oracle's answer, WAD, or what the market was settled at; raises the oracle's error,
        or `PriceOutOfBounds`."""
        self.market(market_id)
        price = self._prices[market_id]
        if isinstance(price, Rejected):
            raise Rejected(price.name, *price.args)
        return price

    def quote(self, market_id: int) -> Quote:
        """The market at the current price, accrued to now in memory."""
        price = self.price(market_id)
        return self.markets[market_id].at(self.now, price)

    # ------------------------------------------------------------------------------------- markets

    def market(self, market_id: int) -> Market:
        """The market as stored."""
        if not 0 <= market_id < len(self.markets):
            raise Rejected("UnknownMarket", market_id)
        return self.markets[market_id]

    def add_market(self, config: MarketConfig) -> MarketConfigured:
        """Adds a market; its price is unusable until it is set."""
        config.validate()
        if len(self.markets) == MAX_MARKETS:
            raise Rejected("TooManyMarkets", MAX_MARKETS)
        self.markets.append(Market(config, self.now))
        self._prices.append(Rejected("PriceUnavailable"))
        return MarketConfigured(len(self.markets) - 1, config)

    def set_market(self, market_id: int, config: MarketConfig) -> MarketConfigured:
        """Replaces a market's parameters. What has accrued so far accrued with the old ones, so a
        market with a skew scale needs its price."""
        market = self._unsettled(market_id)
        config.validate()
        bounds.check_skew_scale_change(
            market.config.skew_scale, config.skew_scale, market.long_oi, market.short_oi
        )
        price = self.price(market_id) if market.config.skew_scale else 0
        market.accrue(market.accrued(self.now, price), self.now)
        if config.skew_scale == 0:
            market.funding_rate = market.funding_index = 0
        market.configure(config)
        return MarketConfigured(market_id, config)

    def disable_market(self, market_id: int) -> MarketDisabled:
        """Puts a market into close-only mode."""
        market = self.market(market_id)
        market.config = replace(market.config, enabled=False)
        return MarketDisabled(market_id)

    def settle_market(self, market_id: int, price: int) -> MarketSettled:
        """Ends a market whose feed has died (which is the caller's to know): everybody closes at
        `price`, WAD, without impact. It accrues for a last time, at that price."""
        market = self._unsettled(market_id)
        if not 0 < price <= MAX_PRICE:
            raise Rejected("PriceOutOfBounds", price, MAX_PRICE)
        market.accrue(market.accrued(self.now, price), self.now)
        market.settle(price)
        self._prices[market_id] = price
        return MarketSettled(market_id, price)

    def _unsettled(self, market_id: int) -> Market:
        market = self.market(market_id)
        if market.settled_price is not None:
            raise Rejected("MarketSettledAlready", market_id)
        return market

    # --------------------------------------------------------------------------------------- fees

    def set_protocol_fee_rate(self, rate: int) -> ProtocolFeeRateSet:
        """Sets the protocol's share of fees, WAD."""
        bounds.check_protocol_fee_rate(rate)
        self.protocol_fee_rate = rate
        return ProtocolFeeRateSet(rate)

    def collect_protocol_fees(self) -> ProtocolFeesCollected:
        """Pays all unpaid protocol fees out."""
        amount = self.unpaid_protocol_fees
        if amount == 0:
            raise Rejected("ZeroAmount")
        self.unpaid_protocol_fees = 0
        return ProtocolFeesCollected(amount)

    # ----------------------------------------------------------------------------- what is at stake

    def exposure(self, by_larger_side: bool = False) -> Exposure:
        """What the open positions could take from the vault now. docs/whitepaper.md, "Reserves".
        Asks for the price of every market with open positions."""
        seq_pnl = funding = borrowing = reserves = 0
        now = self.now
        for market, price in zip(self.markets, self._prices, strict=True):
            if market.long_oi == market.short_oi == 0:
                continue
            if isinstance(price, Rejected):
                raise Rejected(price.name, *price.args)
            from_price, from_funding, owed = market.at_stake(price, market.accrued(now, price))
            seq_pnl += from_price
            funding += from_funding
            borrowing += owed
            reserves += market.reserve(from_price, from_funding, by_larger_side)
        return Exposure(seq_pnl, funding, borrowing, reserves)

    def liquidity_reserves_to_hold(
        self, known: Market | None = None, indices: Indices = (0, 0, 0)
    ) -> int:
        """Liquidity that has to stay in the vault, by the difference of the sides. `indices`: of
        now, of the market `known`, from somebody who has accrued it already."""
        required, now = 0, self.now
        for market_id, market in enumerate(self.markets):
            if market.long_oi or market.short_oi:
                price = self.price(market_id)
                current = indices if market is known else market.accrued(now, price)
                seq_pnl, funding, _ = market.at_stake(price, current)
                required += market.reserve(seq_pnl, funding, False)
        return required

    def total_debt(self) -> int:
        """What the vault owes to traders on balance."""
        return self.exposure().debt

    def collateralization_ratio(self) -> int:
        """Liquidity over total debt, WAD; `UNLIMITED` when nothing is owed."""
        return self.vault.collateralization_ratio(self.exposure())

    def upper_value(self) -> int:
        """What deposits are priced at."""
        return self.vault.upper_value(self.exposure())

    def lower_value(self) -> int:
        """What withdrawals are priced at."""
        return self.vault.lower_value(self.exposure())

    # ------------------------------------------------------------------------------------ balances

    def unrealised(self, market_id: int | None = None) -> Unrealised:
        """What the open positions of one market, or of all, have coming."""
        if market_id is None:
            return views.summed([self.unrealised(i) for i in range(len(self.markets))])
        if self.market(market_id).open_interest == 0:
            return Unrealised()
        return self.quote(market_id).unrealised()

    def cash_flow(self, market_id: int | None = None) -> Balance:
        """What was realised, of one market or of all. docs/whitepaper.md, "Cash flow"."""
        if market_id is None:
            return sum((views.realised(market) for market in self.markets), Balance())
        return views.realised(self.market(market_id))

    def balance(self, market_id: int | None = None) -> Balance:
        """Cash flow less what is unrealised."""
        return views.with_unrealised(self.cash_flow(market_id), self.unrealised(market_id))

    def withdrawal_balance(self, market_id: int | None = None) -> Balance:
        """Cash flow less what traders have coming, without what they would have to pay."""
        return views.with_unrealised_losses(self.cash_flow(market_id), self.unrealised(market_id))

    def total_withdrawal_balance(self) -> int:
        """Net deposits and the withdrawal balance of all markets; never negative."""
        return max(0, self.vault.net_deposits + self.withdrawal_balance().total)
