"""Credit accounts after a deployment: what is set, who may change it, and that they work."""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.credit.actions import ALL, borrow, deposit, encode, trade, withdraw
from prep.deploy.credit import FIRST_TOKEN
from prep.deploy.record import Deployment
from prep.errors import UserError
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS

LENT = ("PREP", "WETH", "WBTC")
ROLES = {"admin": 0, "guardian": 1, "risk_manager": 2}
RESTRICTED = {
    "CreditManager": {
        "addAsset": "risk_manager",
        "setAsset": "risk_manager",
        "setMarketLtv": "risk_manager",
        "disableAsset": "guardian",
    },
    **{
        f"{name}/lending": {
            "setBorrowCap": "risk_manager",
            "setRateCurve": "risk_manager",
            "setReserveShare": "risk_manager",
            "setProfitUnlockTime": "risk_manager",
            "disableBorrower": "guardian",
            "registerBorrower": "admin",
            "setTreasury": "admin",
        }
        for name in LENT
    },
}


# ----------------------------------------------------------------------------- what is on the chain


def test_deploy__assets__are_as_the_parameters_say(with_accounts):
    manager, oracle = with_accounts["CreditManager"], with_accounts["SHARES/oracle"]
    vault = with_accounts["Vault"]
    assert manager.assetCount() == 4
    lending = {name: with_accounts[f"{name}/lending"].address for name in LENT}
    expected = [
        (with_accounts["PrepToken"], ZERO_ADDRESS, lending["PREP"], 10_000, 10_000, UNLIMITED),
        (vault, oracle.address, ZERO_ADDRESS, 7_000, 8_000, UNLIMITED),
    ]
    for name, cap in (("WETH", UNLIMITED), ("WBTC", 10**14)):
        token, price = with_accounts[f"{name}/token"], with_accounts[f"{name}/oracle"]
        expected.append((token, price.address, lending[name], 8_000, 8_500, cap))
    assert [tuple(manager.asset(id_)) for id_ in range(4)] == expected
    assert (oracle.vault(), oracle.assetOracle()) == (vault, ZERO_ADDRESS)
    assert with_accounts["WETH/oracle"].price() == 400 * WAD
    assert with_accounts["WBTC/oracle"].price() == 10_000 * 10**28
    tokens = [with_accounts[f"{name}/token"] for name in ("WETH", "WBTC")]
    assert [(t.name(), t.symbol(), t.decimals()) for t in tokens] == [
        ("Wrapped Ether", "WETH", 18),
        ("WBTC", "WBTC", 8),
    ]


def test_deploy__lending_vaults__lend_to_the_manager(with_accounts, treasury):
    manager = with_accounts["CreditManager"]
    for name, at_kink, cap in (("PREP", 8, 10**36), ("WETH", 4, 10**36), ("WBTC", 4, 10**13)):
        vault = with_accounts[f"{name}/lending"]
        assert tuple(vault.borrower(manager)) == (1, cap)
        assert tuple(vault.rateCurve()) == (0, at_kink * WAD // 100, WAD, 8 * WAD // 10)
        assert (vault.reserveShare(), vault.profitUnlockTime()) == (WAD // 10, 86_400)
        assert vault.treasury() == treasury


def test_deploy__manager__is_a_client_with_weights_and_an_order_book(with_accounts, local):
    protocol, manager = with_accounts["Protocol"], with_accounts["CreditManager"]
    assert protocol.isMarginClient(manager) is True
    assert manager.protocol() == protocol
    assert manager.orderBook() == with_accounts["OrderBook"]
    assert with_accounts["TradeRequests"].protocol() == protocol
    assert [market.name for market in local.markets] == ["BTC", "ETH"]
    assert [tuple(manager.marketLtv(id_)) for id_ in range(2)] == [(9_500, 9_700)] * 2
    config = with_accounts["ProtocolLens"].marketConfig(1)
    assert (config.skewScale, config.openingFeeRate) == (100_000 * WAD, WAD // 2_000)


def test_deploy__without_credit__makes_none_of_it(run, params, path):
    run(params)
    record = Deployment.read(path)
    assert not {"CreditManager", "OrderBook", "SHARES/oracle"} & set(record.contracts)
    assert not {"setMarginClient", "setMarketLtv BTC"} & set(record.steps)


def test_deploy__market_without_weights_and_asset_that_is_not_lent__are_left_so(
    run, local, project, deployer, path
):
    token = deployer.deploy(project.MockERC20, "Gold", "XAU", 6)
    changes = {"name": "GOLD", "token": token.address, "lending": None}
    gold = local.credit.tokens[0].model_copy(update=changes | {"asset_decimals": 6})
    credit = local.credit.model_copy(update={"assets": (local.credit.assets[0], gold)})
    weights = {"max_loan_to_value": 0, "liquidation_threshold": 0}
    plain = local.markets[0].model_copy(update=weights)
    contracts = run(
        local.model_copy(update={"credit": credit, "markets": (plain,), "margin": None})
    )
    manager = contracts["CreditManager"]
    assert "GOLD/token" not in contracts
    assert "GOLD/lending" not in contracts
    asset = manager.asset(FIRST_TOKEN)
    assert (asset.token, asset.lendingVault) == (token.address, ZERO_ADDRESS)
    assert tuple(manager.asset(1))[3:5] == (0, 0), "shares are not in the parameters"
    assert "setMarketLtv BTC" not in Deployment.read(path).steps


# -------------------------------------------------------------------------------------------- roles


@pytest.mark.parametrize("target", [*RESTRICTED, "OrderBook", "TradeRequests"])
def test_deploy__every_function__has_the_declared_role(with_accounts, target):
    contract, authority = with_accounts[target], with_accounts["Authority"]
    roles = RESTRICTED.get(target, {})
    assert set(roles) <= {abi.name for abi in contract.contract_type.mutable_methods}
    for abi in contract.contract_type.mutable_methods:
        found = authority.getTargetFunctionRole(contract, selector_of(abi.selector))
        assert found == ROLES[roles.get(abi.name, "admin")], f"{target}.{abi.selector}"


@pytest.mark.parametrize(
    "target, function",
    [(t, f) for t in ("CreditManager", "WETH/lending") for f in RESTRICTED[t]],
)
def test_deploy__restricted_function__is_for_its_role_alone(
    with_accounts, reverts, admin, guardian, risk_manager, deployer, stranger, target, function
):
    contract, manager = with_accounts[target], with_accounts["CreditManager"]
    token = with_accounts["WBTC/lending"]  # its shares are no asset yet
    config = (token, with_accounts["WETH/oracle"], ZERO_ADDRESS, 1, 1, 1)
    arguments = {
        "addAsset": (config,),
        "setAsset": (2, manager.asset(2)),
        "setMarketLtv": (0, 1, 2),
        "disableAsset": (2,),
        "setBorrowCap": (manager, 1),
        "setRateCurve": ((0, 0, 0, 1),),
        "setReserveShare": (1,),
        "setProfitUnlockTime": (1,),
        "disableBorrower": (manager,),
        "registerBorrower": (stranger, 1, 1),
        "setTreasury": (stranger,),
    }[function]
    method = getattr(contract, function)
    everybody = {"admin": admin, "guardian": guardian, "risk_manager": risk_manager}
    for name, account in (everybody | {"deployer": deployer, "stranger": stranger}).items():
        if name == RESTRICTED[target][function]:
            method(*arguments, sender=account)
        else:
            with reverts(contract.AccessManagedUnauthorized, caller=account.address):
                method(*arguments, sender=account)


# ----------------------------------------------------------------------------------------- refusals


@pytest.fixture
def refused(run, deployer, local, path):
    """Expects this message for a token with these changes, and no transaction."""

    def refused(message, **changes):
        nonce = deployer.nonce
        weth = local.credit.tokens[0].model_copy(update=changes)
        credit = local.credit.model_copy(update={"assets": (local.credit.assets[0], weth)})
        with pytest.raises(UserError) as raised:
            run(local.model_copy(update={"credit": credit}))
        assert raised.value.format_message() == message
        assert (deployer.nonce, path.exists()) == (nonce, False)

    return refused


def test_deploy__token_or_feed_that_is_not_there__refused_before_anything_is_sent(
    refused, stranger
):
    address = stranger.address
    refused(f"asset WETH: there is no token at {address}", token=address)
    refused(f"asset WETH: there is no contract at its feed {address}", feed=address)


def test_deploy__contract_that_is_no_token__refused(refused, project, deployer):
    authority = deployer.deploy(project.Authority, deployer)
    refused(f"asset WETH: there is no token at {authority.address}", token=authority.address)


def test_deploy__token_of_other_decimals__refused(refused, project, deployer):
    token = deployer.deploy(project.MockERC20, "Six", "SIX", 6)
    refused("asset WETH: its token has 6 decimals, not 18", token=token.address)


# ------------------------------------------------------------------------------------------ at work


def test_deploy__an_account__trades_on_both_markets_against_borrowed_money(
    run, local, lp, trader, other_trader
):
    contracts = run(local)
    prep, manager = contracts["PrepToken"], contracts["CreditManager"]
    for account, spender in ((lp, "Vault"), (other_trader, "PREP/lending")):
        prep.mint(sender=account)
        prep.approve(contracts[spender], UNLIMITED, sender=account)
    contracts["Vault"].deposit(10_000 * WAD, sender=lp)
    contracts["PREP/lending"].deposit(10_000 * WAD, other_trader, sender=other_trader)
    weth = contracts["WETH/token"]
    weth.mint(trader, 10 * WAD, sender=trader)
    weth.approve(manager, UNLIMITED, sender=trader)
    manager.open(trader, sender=trader)

    actions = [deposit(2, 10 * WAD), borrow(0, 1_000 * WAD), withdraw(0, ALL)]
    actions += [trade(0, WAD), trade(1, -10 * WAD)]
    manager.execute(1, encode(actions), sender=trader)

    assert prep.balanceOf(trader) == 1_000 * WAD
    protocol = contracts["Protocol"]
    assert [protocol.marginPosition(manager, 1, id_).size for id_ in (0, 1)] == [WAD, -10 * WAD]
    health = manager.health(1, False)
    assert (health.assets, health.collateral) == (4_000 * WAD, 3_200 * WAD)
    assert health.equity >= health.required > 0
