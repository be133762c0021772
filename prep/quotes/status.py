"""What is quoted, and whether quotes can be given."""

from prep.margin import read
from prep.margin.chain import ChainUnreachable, Head, Refused, ask
from prep.margin.read import Pool
from prep.model.fixed import WAD
from prep.quotes import answers
from prep.quotes.config import Pair
from prep.quotes.desk import Desk
from prep.quotes.wire import Side


class Status:
    """One method for each endpoint."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def pairs(self) -> answers.Pairs:
        """All pairs of the settings with their terms, rates and what can be borrowed."""
        head = self._desk.chain.head()
        views = tuple(self._pair(head, pair) for pair in self._desk.settings.pairs)
        return answers.Pairs(block=head.number, pairs=views)

    def _pair(self, head: Head, pair: Pair) -> answers.PairView:
        desk, pools = self._desk, self._desk.pools
        try:
            terms = read.read_terms(desk.chain, head, pools[Side.LONG], pair.base, pair.quote)
        except Refused:
            terms = None
        return answers.PairView(
            base=pair.base,
            quote=pair.quote,
            open_fee=pair.open_fee,
            close_fee=pair.close_fee,
            terms=terms and answers.Terms.of(terms),
            check_price=terms and desk.check_price(head, terms),
            long=self._loan(head, pools[Side.LONG], pair.quote),
            short=self._loan(head, pools[Side.SHORT], pair.base),
        )

    def _loan(self, head: Head, pool: Pool, token: str) -> answers.Loan | None:
        desk = self._desk
        lending = read.read_lending(desk.chain, head, pool, token)
        if lending is None:
            return None
        (max_apy,) = ask(desk.chain, head, (pool.controller, read.MAX_APY, token))
        curve = desk.settings.curve(token) or lending.curve
        return answers.Loan(
            token=token,
            vault=lending.vault,
            utilisation=lending.utilisation,
            rate=curve.rate(min(lending.utilisation, WAD)),
            max_rate=max_apy,
            available=lending.max_borrow,
        )

    def head_age(self) -> int | None:
        """Seconds since the latest block; None while the node does not answer."""
        try:
            head = self._desk.chain.head()
        except ChainUnreachable:
            return None
        return max(0, self._desk.wall_clock() - head.timestamp)

    def health(self) -> answers.Health:
        """Never raises for the state of the chain: it says what is wrong."""
        try:
            return self._health()
        except (ChainUnreachable, Refused) as error:
            return self._answer([str(error)])

    def _health(self) -> answers.Health:
        desk = self._desk
        head, reasons = desk.chain.head(), list[str]()
        age = max(0, desk.wall_clock() - head.timestamp)
        if not desk.local and age > desk.settings.max_head_age:
            reasons.append(f"the latest block is {age} s old")
        roles = ask(
            desk.chain,
            head,
            *(
                (pool.authority, read.HAS_ROLE, read.ORDER_SIGNER, desk.signer.address)
                for pool in desk.pools.values()
            ),
        )
        has_role = all(is_member for is_member, _ in roles)
        if not has_role:
            reasons.append("the signer does not have its role")
        vaults = self._vaults(head)
        missing = (vault.token for vault in vaults if vault.vault is None)
        reasons += [f"{token} has no lending vault" for token in missing]
        return self._answer(reasons, head, age, has_role, vaults)

    def _vaults(self, head: Head) -> tuple[answers.VaultHealth, ...]:
        tokens: dict[str, Pool] = {}
        for pair in self._desk.settings.pairs:
            tokens.setdefault(pair.quote, self._desk.pools[Side.LONG])
            tokens.setdefault(pair.base, self._desk.pools[Side.SHORT])
        found = {
            token: read.read_lending(self._desk.chain, head, pool, token)
            for token, pool in tokens.items()
        }
        return tuple(
            answers.VaultHealth(
                token=token,
                vault=lending.vault if lending else None,
                idle=lending.idle if lending else 0,
            )
            for token, lending in found.items()
        )

    def _answer(
        self,
        reasons: list[str],
        head: Head | None = None,
        age: int | None = None,
        has_role: bool | None = None,
        vaults: tuple[answers.VaultHealth, ...] = (),
    ) -> answers.Health:
        return answers.Health(
            ok=not reasons,
            reasons=tuple(reasons),
            chain_id=self._desk.settings.chain_id,
            block=head.number if head else None,
            head_age=age,
            signer=self._desk.signer.address,
            has_role=has_role,
            vaults=vaults,
        )
