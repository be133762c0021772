"""`LongPool` and `ShortPool`: one model for both."""

from collections.abc import Hashable, Sequence

from prep.model.errors import Rejected
from prep.model.limits import HOUR
from prep.model.margin import arithmetic
from prep.model.margin.checks import ORDER_SIGNER
from prep.model.margin.closing import ClosingOut
from prep.model.margin.liquidation import Liquidation
from prep.model.margin.opening import IN_TOKENS, Opening
from prep.model.margin.positions import (
    CollateralChanged,
    CollateralRequest,
    InterestRecorded,
    Payment,
    PayoutClaimed,
    Position,
)


class MarginPool(Opening, ClosingOut, Liquidation):
    """One method per contract function. What is refused raises `Rejected` and leaves nothing
    behind, here or in a lending vault. `events` and `moves` are those of the last action."""

    def add_collateral(
        self,
        request: CollateralRequest,
        position: Position,
        *,
        caller: Hashable | None = None,
        signer: Hashable = ORDER_SIGNER,
        payment: Payment = IN_TOKENS,
    ) -> Position:
        """In the token held. Charges no interest."""
        with self._action():
            self._check_request(request, request.trader if caller is None else caller, signer)
            self._check_position(position, request)
            if request.amount <= 0:
                raise Rejected("ZeroAmount")
            self._take(self.held_token(position), position.trader, request.amount, payment)
            return self._change_collateral(position, request.amount)

    def remove_collateral(
        self,
        request: CollateralRequest,
        position: Position,
        *,
        caller: Hashable | None = None,
        signer: Hashable = ORDER_SIGNER,
    ) -> Position:
        """As far as the leverage allows at the check price, or the limit for a day."""
        with self._action():
            self._check_request(request, request.trader if caller is None else caller, signer)
            self._check_position(position, request)
            amount = -request.amount
            if amount <= 0:
                raise Rejected("ZeroAmount")
            if amount >= position.collateral:
                raise Rejected("AmountTooLarge", amount, position.collateral)
            terms = self._check_enabled(position.base, position.quote)
            if terms.oracle is None:
                part = arithmetic.principal_part(position.principal, amount, position.collateral)
                self._use_limit(position.base, position.quote, part)
            else:
                debt = position.principal + self.max_interest(position)
                most = self._most_on(
                    position._replace(principal=debt, collateral=position.collateral - amount)
                )
                if debt > most:
                    raise Rejected("PrincipalTooHigh", debt, most)
            self._send(self.held_token(position), position.trader, amount)
            return self._change_collateral(position, request.amount)

    def record_interest(
        self, caller: Hashable, positions: Sequence[Position], interests: Sequence[int]
    ) -> None:
        """Of positions that owe the same token, of each at most once an hour."""
        with self._action():
            self._check_role(caller, self.executors)
            if len(positions) != len(interests) or not positions:
                raise Rejected("ListsDiffer")
            for position, interest in zip(positions, interests, strict=True):
                self._check_stored(position)
                if self.owed_token(position) != self.owed_token(positions[0]):
                    raise Rejected("ListsDiffer")
                if interest == 0:
                    raise Rejected("ZeroAmount")
                if self.now < (earliest := position.last_funding + HOUR):
                    raise Rejected("RecordedLately", position.id, earliest)
                self._check_interest(position, interest)
                charged = position._replace(
                    principal=position.principal + interest,
                    last_funding=self.now,
                    nonce=position.nonce + 1,
                )
                self._store(position.id, charged)
                self._emit(InterestRecorded(position.id, position.trader, charged, interest))
            self._record(self.owed_token(positions[0]), sum(interests))

    def claim(self, caller: Hashable, token: Hashable, receiver: Hashable) -> int:
        """Takes payouts that could not be sent to the caller."""
        with self._action():
            amount = self.claimable.get((caller, token), 0)
            if amount == 0:
                raise Rejected("ZeroAmount")
            self.undo.save_entry(self.claimable, (caller, token))
            del self.claimable[caller, token]
            self._send(token, receiver, amount)
            self._emit(PayoutClaimed(caller, token, receiver, amount))
        return amount

    # ------------------------------------------------------------------------------------ internal

    def _change_collateral(self, position: Position, amount: int) -> Position:
        changed = position._replace(
            collateral=position.collateral + amount, nonce=position.nonce + 1
        )
        self._store(position.id, changed)
        self._emit(CollateralChanged(position.id, position.trader, changed, amount))
        return changed

    def _most_on(self, position: Position) -> int:
        """What the equity of a position allows as principal at the check price."""
        terms = self._checked_terms(position)
        equity = max(0, self._health(position, terms).equity)
        if self.is_long:
            return arithmetic.highest_principal_long(equity, terms.max_leverage)
        price = self.controller.price(terms.oracle)
        return arithmetic.highest_principal_short(equity, terms.max_leverage, price)
