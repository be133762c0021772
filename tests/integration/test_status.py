"""What the status of a deployment says, against the chain and plain integer arithmetic."""

from decimal import Decimal
from pathlib import Path

import pytest

import prep.reading
import prep.status
from prep.deploy.deployer import deploy
from prep.deploy.params import Parameters
from prep.errors import UserError
from prep.model.fixed import UNLIMITED
from prep.status import SHARE, read_status
from tests.suite import MARKET_FIELDS, WAD

LOCAL = Path(__file__).parents[2] / "deployments" / "params" / "local.yml"
LIQUIDITY = 100_000 * WAD
HEARTBEAT = 7_200
MAX_PRICE = 10**36


class World:
    """A deployment, and people who use it."""

    def __init__(self, project, admin, params, path) -> None:
        self.project, self.admin = project, admin
        self.deployment = deploy(project, admin, params, path)
        at = self.deployment.instance
        self.token, self.vault = at(project, "PrepToken"), at(project, "Vault")
        self.protocol, self.feed = at(project, "Protocol"), at(project, "BTC/feed")
        self.lens = at(project, "ProtocolLens")

    def fund(self, account, amount, spender) -> None:
        self.token.mint(account, amount, sender=self.admin)
        self.token.approve(spender, amount, sender=account)

    def provide(self, account, amount) -> None:
        self.fund(account, amount, self.vault)
        self.vault.deposit(amount, sender=account)

    def open(self, account, notional, is_long, collateral=1_000 * WAD) -> None:
        self.fund(account, collateral, self.protocol)
        self.protocol.depositCollateral(collateral, sender=account)
        self.protocol.openPositionWithSize(notional, is_long, sender=account)

    def set_price(self, dollars) -> None:
        self.feed.setAnswer(dollars * 10**8, sender=self.admin)

    def configure(self, **changes) -> None:
        """Changes parameters of the first market."""
        config = dict(zip(MARKET_FIELDS, tuple(self.lens.marketConfig(0)), strict=True)) | changes
        self.protocol.setMarket(0, tuple(config.values()), sender=self.admin)

    def status(self, top=10):
        return read_status(self.project, self.deployment, self.admin.provider, top)


@pytest.fixture(scope="module")
def params():
    """Local ones, with a second market over a feed of its own."""
    local = Parameters.load(LOCAL)
    second = local.markets[0].model_copy(
        update={"name": "GOLD", "asset_decimals": 8, "enabled": False, "skew_scale": Decimal(5)}
    )
    markets = (local.markets[0], second)
    return local.model_copy(update={"markets": markets, "credit": None})


@pytest.fixture(scope="module")
def world(project, admin, params, tmp_path_factory):
    """Deployed, nothing else."""
    return World(project, admin, params, tmp_path_factory.mktemp("status") / "31337.json")


@pytest.fixture
def funded(world, lp):
    """With liquidity."""
    world.provide(lp, LIQUIDITY)
    return world


def test_status__nothing_happened_yet__is_all_zero(world, chain):
    status = world.status()
    assert (status.chain_id, status.block) == (31337, chain.blocks.height)
    assert status.timestamp == chain.blocks.head.timestamp
    btc, gold = status.markets
    assert (btc.name, btc.enabled, btc.asset_decimals, btc.price) == ("BTC", True, 18, 10**22)
    assert (gold.name, gold.enabled, gold.asset_decimals, gold.price) == ("GOLD", False, 8, 10**32)
    assert (btc.no_price, gold.no_price) == (None, None)
    assert (btc.long_oi, btc.short_oi, btc.realised, btc.unrealised.total) == (0, 0, 0, 0)
    vault = status.vault
    assert (vault.liquidity, vault.supply, vault.custody, vault.by_larger_side) == (0, 0, 0, False)
    assert (vault.target_ratio, vault.deposit_cap) == (0, 10**37)
    assert vault.withdrawals_stopped is False
    assert (vault.cooldown_period, vault.redeem_window) == (0, 7 * 86_400)
    assert (vault.value.share_lower, vault.value.share_upper) == (WAD, WAD)
    assert (vault.value.utilisation, vault.value.collateralization_ratio) == (0, UNLIMITED)
    assert (status.open_positions, status.liquidatable, status.riskiest) == (0, 0, ())


def test_status__pages_and_free_ids__lists_all_open_ones_riskiest_first(funded, crowd, monkeypatch):
    for index, account in enumerate(crowd[:7]):
        funded.open(account, (index + 1) * 2_000 * WAD, True)
    for account in (crowd[0], crowd[3], crowd[6]):
        funded.protocol.closePosition(sender=account)
    monkeypatch.setattr(prep.status, "PAGE", 2)
    asked = []
    call = prep.reading.Reader.__call__

    def counted(self, method, *arguments):
        if method == self.lens.positions:
            asked.append(arguments)
        return call(self, method, *arguments)

    monkeypatch.setattr(prep.reading.Reader, "__call__", counted)
    status = funded.status()
    assert [position.id for position in status.riskiest] == [6, 5, 3, 2]
    assert [position.trader for position in status.riskiest] == [
        crowd[index].address for index in (5, 4, 2, 1)
    ]
    assert status.open_positions == 4
    assert asked == [(1, 2), (3, 2), (5, 2), (7, 2)]
    assert [position.id for position in funded.status(top=2).riskiest] == [6, 5]
    assert funded.status(top=0).riskiest == ()


def test_status__positions__are_as_the_lens_sees_them(funded, crowd):
    safe, risky, broke = crowd[:3]
    funded.open(safe, 2_000 * WAD, False)
    funded.open(risky, 12_000 * WAD, True)
    funded.open(broke, 15_000 * WAD, True)
    funded.set_price(9_300)
    status = funded.status()
    assert status.liquidatable == 2
    first, second, third = status.riskiest
    assert (first.id, first.leverage, first.liquidatable) == (3, UNLIMITED, True)
    assert (second.id, second.liquidatable) == (2, True)
    assert (third.id, third.liquidatable, third.size) == (1, False, -2 * WAD // 10)
    lens = funded.deployment.instance(funded.project, "ProtocolLens")
    for position, account in ((first, broke), (second, risky), (third, safe)):
        view = lens.position(account)
        assert position.trader == account.address
        assert (position.entry_notional, position.collateral) == (view.entryNotional, 1_000 * WAD)
        assert (position.equity, position.leverage) == (view.equity, view.leverage)
        assert position.size == view.position.size


def test_status__vault_and_market__add_up(funded, crowd, chain):
    funded.open(crowd[0], 15_000 * WAD, True)
    funded.open(crowd[1], 9_000 * WAD, False)
    chain.pending_timestamp += 3_600
    funded.set_price(10_200)
    funded.protocol.closePosition(sender=crowd[1])
    status = funded.status()
    btc, vault = status.markets[0], status.vault
    unrealised = btc.unrealised
    assert (btc.long_oi, btc.short_oi) == (15 * WAD // 10, 0)
    assert (btc.long_notional, btc.short_notional) == (15_000 * WAD, 0)
    assert unrealised.price_pnl == 300 * WAD
    assert unrealised.borrowing_fee < 0
    assert unrealised.total == 300 * WAD + unrealised.borrowing_fee
    assert btc.realised == vault.liquidity - vault.net_deposits == vault.liquidity - LIQUIDITY
    assert btc.realised > 180 * WAD  # the price's part, and a borrowing fee
    assert vault.custody == LIQUIDITY + 2_000 * WAD
    assert vault.collateral_and_gifts == 2_000 * WAD - btc.realised
    assert vault.protocol_fees == 0
    value = vault.value
    assert value.lower == vault.liquidity - 300 * WAD
    assert value.upper == vault.liquidity - unrealised.total
    assert value.share_lower == SHARE * (value.lower + 1) // (vault.supply + 10**6)
    assert value.share_upper == -(-SHARE * (value.upper + 1) // (vault.supply + 10**6))
    assert value.reserves == unrealised.reserves == 15_000 * WAD * 15 // 100 + 300 * WAD
    assert value.utilisation == value.reserves * WAD // vault.liquidity
    assert value.total_debt == 300 * WAD
    assert value.collateralization_ratio == vault.liquidity * WAD // (300 * WAD)


def test_status__stale_price_without_positions__hides_nothing_else(funded, chain):
    chain.pending_timestamp += HEARTBEAT + 1
    funded.set_price(10_000)
    status = funded.status()
    btc, gold = status.markets
    assert (btc.no_price, btc.price) == (None, 10**22)
    assert gold.no_price.startswith("AnswerStale(updatedAt=")
    assert gold.no_price.endswith(f", heartbeat={HEARTBEAT})")
    assert (gold.price, gold.unrealised) == (None, None)
    assert status.vault.value.lower == LIQUIDITY
    assert status.riskiest == ()


def test_status__stale_price_with_positions__shows_what_is_stored(funded, crowd, chain):
    funded.open(crowd[0], 15_000 * WAD, True)
    opened = chain.blocks.head.timestamp
    chain.pending_timestamp += HEARTBEAT + 1
    chain.mine()
    status = funded.status()
    btc = status.markets[0]
    assert btc.no_price.startswith("AnswerStale(")
    assert (btc.long_oi, btc.long_notional, btc.updated_at) == (
        15 * WAD // 10,
        15_000 * WAD,
        opened,
    )
    assert (status.vault.liquidity, status.vault.value) == (LIQUIDITY, None)
    assert status.vault.custody == LIQUIDITY + 1_000 * WAD
    assert (status.open_positions, status.riskiest, status.liquidatable) == (1, None, None)


def test_status__price_above_the_protocols_limit__shows_what_is_stored(funded, crowd):
    funded.open(crowd[0], 15_000 * WAD, True)
    funded.set_price(10**18)
    assert funded.status().markets[0].price == MAX_PRICE
    funded.set_price(10**18 + 1)
    status = funded.status()
    btc = status.markets[0]
    assert btc.no_price == f"PriceOutOfBounds(price={MAX_PRICE + WAD}, max={MAX_PRICE})"
    assert (btc.price, btc.unrealised, btc.long_oi) == (None, None, 15 * WAD // 10)
    assert (status.vault.liquidity, status.vault.value) == (LIQUIDITY, None)
    assert (status.open_positions, status.riskiest, status.liquidatable) == (1, None, None)


def test_status__limits_of_the_vault__are_shown_without_a_price(funded, admin, crowd, chain):
    funded.open(crowd[0], 15_000 * WAD, True)
    funded.vault.setTargetCollateralizationRatio(2 * WAD, sender=admin)
    funded.vault.setDepositCap(WAD, sender=admin)
    funded.vault.stopWithdrawals(sender=admin)
    chain.pending_timestamp += HEARTBEAT + 1
    chain.mine()
    vault = funded.status().vault
    assert vault.value is None
    assert (vault.target_ratio, vault.deposit_cap, vault.withdrawals_stopped) == (
        2 * WAD,
        WAD,
        True,
    )


@pytest.mark.parametrize("beyond, over", [(0, ()), (1, ("long",))])
def test_status__side_above_its_cap__can_be_deleveraged(funded, crowd, beyond, over):
    funded.open(crowd[0], 15_000 * WAD, True)
    funded.open(crowd[1], 5_000 * WAD, False)
    funded.set_price(11_000)
    funded.configure(maxLongOIValue=16_500 * WAD - beyond, maxShortOIValue=5_500 * WAD)
    status = funded.status()
    btc, gold = status.markets
    assert (btc.long_value, btc.short_value) == (16_500 * WAD, 5_500 * WAD)
    assert (btc.long_cap, btc.short_cap) == (16_500 * WAD - beyond, 5_500 * WAD)
    assert (gold.long_cap, gold.over_cap) == (UNLIMITED, ())
    assert btc.over_cap == over
    assert status.to_deleverage == ((btc,) if over else ())


def test_status__cap_exceeded_without_a_price__cannot_be_known(funded, crowd, chain):
    funded.open(crowd[0], 15_000 * WAD, True)
    funded.configure(maxLongOIValue=1)
    assert funded.status().to_deleverage
    chain.pending_timestamp += HEARTBEAT + 1
    chain.mine()
    status = funded.status()
    assert (status.markets[0].long_value, status.markets[0].over_cap) == (None, ())
    assert status.to_deleverage == ()


def test_status__ratio_against_its_target__says_when_winners_can_be_deleveraged(
    funded, admin, crowd
):
    funded.open(crowd[0], 15_000 * WAD, True)
    funded.set_price(60_000)  # 100,000 for 75,000
    ratio = funded.status().vault.value.collateralization_ratio
    for target, below in ((0, False), (ratio, False), (ratio * 11 // 10, True)):
        funded.vault.setTargetCollateralizationRatio(target, sender=admin)
        assert funded.status().vault.below_target is below


def test_status__settled_market__has_its_last_price(funded, admin, chain):
    chain.pending_timestamp += 3 * 86_400 + HEARTBEAT + 1
    funded.set_price(10_000)
    funded.protocol.settleMarket(1, 5 * WAD, sender=admin)
    btc, gold = funded.status().markets
    assert (btc.settled, gold.settled) == (False, True)
    assert (gold.price, gold.no_price) == (5 * WAD, None)


def test_status__oracle_was_replaced__asks_the_new_one(funded, create_oracle, create_feed):
    oracle = create_oracle(feed=create_feed(answer=20_000 * 10**8), asset_decimals=18)
    funded.configure(oracle=oracle.address)
    assert funded.status().markets[0].price == 2 * 10**22


def test_status__another_chain__refused(world, chain, isolated, project, admin, params, tmp_path):
    with isolated():
        other = World(project, admin, params, tmp_path / "31337.json")
    with pytest.raises(UserError, match="the recorded deployment is on another chain with id"):
        read_status(project, other.deployment, chain.provider, 1)
