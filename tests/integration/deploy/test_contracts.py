"""What is on the chain after a deployment."""

from decimal import Decimal

import pytest

from prep.deploy.prices import Sequencer
from prep.deploy.record import Deployment
from tests.suite import WAD


def test_deploy__local_parameters__are_on_the_chain(run, params, deployer):
    contracts = run(params)
    token, protocol, vault = (contracts[name] for name in ("PrepToken", "Protocol", "Vault"))
    assert (token.faucetAmount(), token.faucetInterval()) == (10_000 * WAD, 3600)
    assert (protocol.vault(), vault.protocol(), vault.asset()) == (vault, protocol, token)
    assert vault.reservesByLargerSide() is False
    assert (vault.targetCollateralizationRatio(), vault.depositCap()) == (0, 10**37)
    assert (vault.cooldownPeriod(), vault.redeemWindow()) == (0, 7 * 86_400)
    assert vault.withdrawalsStopped() is False
    assert contracts["ProtocolLens"].protocol() == protocol
    deleverager = contracts["Deleverager"]
    assert (protocol.deleverager(), deleverager.protocol()) == (deleverager, protocol)
    requests = contracts["TradeRequests"]
    assert (protocol.requests(), requests.protocol()) == (requests, protocol)
    assert tuple(protocol.protocolFees()) == (0, 0, deployer.address)
    assert contracts["Authority"].hasRole(0, deployer).isMember

    assert protocol.marketCount() == 1
    config = contracts["ProtocolLens"].marketConfig(0)
    expected = params.markets[0].config_struct(contracts["BTC/oracle"].address)
    assert {name: getattr(config, name) for name in expected} == expected
    assert contracts["BTC/oracle"].price() == 10_000 * WAD
    assert contracts["BTC/oracle"].heartbeat() == 7200
    assert contracts["BTC/feed"].description() == "BTC / USD"


def test_deploy__other_settings__are_on_the_chain(deployed, treasury):
    vault = deployed["Vault"]
    assert vault.reservesByLargerSide() is True
    assert (vault.targetCollateralizationRatio(), vault.depositCap()) == (15 * 10**17, 10**24)
    assert (vault.cooldownPeriod(), vault.redeemWindow()) == (3 * 86_400, 86_400)
    assert tuple(deployed["Protocol"].protocolFees()) == (WAD // 10, 0, treasury.address)


SETTERS = {
    "setProtocolFeeRate": {"protocol_fee_rate": 1},
    "setTargetCollateralizationRatio": {"target_collateralization_ratio": 1},
    "setDepositCap": {"deposit_cap": 10**37 - 1},
    "setRedeemWindow": {"redeem_window": 0},
    "setCooldownPeriod": {"cooldown_period": 1},
}


@pytest.mark.parametrize("changed", [None, *SETTERS])
def test_deploy__contracts_default__is_not_set_again(run, params, path, changed):
    run(params.model_copy(update=SETTERS.get(changed, {})))
    steps = Deployment.read(path).steps
    assert [step for step in SETTERS if step in steps] == [step for step in [changed] if step]


def test_deploy__deposit_cap_of_zero__is_set(run, params):
    vault = run(params.model_copy(update={"deposit_cap": 0}))["Vault"]
    assert vault.depositCap() == 0


def test_deploy__positions__can_be_traded_by_the_faucet_alone(run, params, lp, trader):
    contracts = run(params)
    token, protocol, vault = (contracts[name] for name in ("PrepToken", "Protocol", "Vault"))
    for account, spender in ((lp, vault), (trader, protocol)):
        token.mint(sender=account)
        token.approve(spender, 10_000 * WAD, sender=account)
    vault.deposit(10_000 * WAD, sender=lp)
    protocol.depositCollateral(1_000 * WAD, sender=trader)
    protocol.openPositionWithSize(15_000 * WAD, True, sender=trader)
    view = contracts["ProtocolLens"].position(trader)
    assert (view.entryNotional, view.leverage) == (15_000 * WAD, 15 * WAD), "P4"


def test_deploy__several_markets__in_their_order(run, params, create_feed):
    btc = params.markets[0]
    feed, uptime = create_feed(answer=3_000 * 10**8), create_feed(decimals=0, answer=0)
    eth = btc.model_copy(
        update={
            "name": "ETH",
            "feed": feed.address,
            "min_price": Decimal(100),
            "sequencer": Sequencer.model_construct(feed=uptime.address, grace=600),
            "skew_scale": Decimal(5_000),
        }
    )
    contracts = run(params.model_copy(update={"markets": (btc, eth)}))
    assert "ETH/feed" not in contracts
    oracle = contracts["ETH/oracle"]
    assert (oracle.feed(), oracle.minPrice()) == (feed.address, 100 * WAD)
    assert (oracle.sequencerFeed(), oracle.sequencerGrace()) == (uptime.address, 600)
    protocol = contracts["Protocol"]
    assert protocol.marketCount() == 2
    assert contracts["ProtocolLens"].marketConfig(0).oracle == contracts["BTC/oracle"].address
    assert contracts["ProtocolLens"].marketConfig(1).oracle == oracle.address
    assert contracts["ProtocolLens"].marketConfig(1).skewScale == 5_000 * WAD
