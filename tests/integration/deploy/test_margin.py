"""Asset-backed positions after a deployment: what is set, who may change it, and that they work."""

import pytest
from eth_utils import function_signature_to_4byte_selector as selector_of

from prep.deploy.record import instance_at
from prep.errors import UserError
from prep.exchange.calldata import SELECTORS, exact_input_single
from prep.exchange.contracts import POOL
from prep.margin.data import OpenRequest
from prep.margin.typed import Domain, sign
from tests.integration.deploy.conftest import CHAIN
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS

SIDES = ("LongPool", "ShortPool")
ROLES = {"admin": 0, "guardian": 1, "risk_manager": 2, "order_executor": 5, "liquidator": 6}
ORDER_SIGNER = 4
OF_POOL = {
    "executeOrder": "order_executor",
    "recordInterest": "order_executor",
    "liquidate": "liquidator",
    "liquidatePart": "liquidator",
}
RESTRICTED = {
    "DebtController": {
        "setPair": "risk_manager",
        "setMaxApy": "risk_manager",
        "setGracePeriod": "risk_manager",
        "disablePair": "guardian",
    },
    "LongPool": OF_POOL,
    "ShortPool": OF_POOL,
}
QUOTED = 2
FOREVER = 2**256 - 1


@pytest.fixture(scope="module")
def margin_holders(crowd):
    """Of the roles that only asset-backed positions have."""
    names = ("order_signer", "order_executor", "liquidator")
    return {name: crowd[1 + index] for index, name in enumerate(names)}


@pytest.fixture(scope="module")
def path_of_all(tmp_path_factory):
    return tmp_path_factory.mktemp("margin") / f"{CHAIN}.json"


@pytest.fixture(scope="module")
def everything(deploy_at, local, holders, margin_holders, path_of_all):
    """All of the local parameters, every role held by another account."""
    margin = {name: account.address for name, account in margin_holders.items()}
    roles = local.roles.model_copy(update=holders | margin)
    return deploy_at(path_of_all, local.model_copy(update={"roles": roles}))


def test_deploy__pairs__are_as_the_parameters_say(everything):
    controller = everything["DebtController"]
    tokens = {name: everything[f"{name}/token"].address for name in ("WETH", "WBTC")}
    tokens["PREP"] = everything["PrepToken"].address
    checked = (50_000, 500, 200, 300, 0, 0, False)
    for base in ("WETH", "WBTC"):
        terms = tuple(controller.terms(tokens[base], tokens["PREP"]))
        assert terms == (everything[f"{base}/oracle"].address, *checked)
    limits = (1_000 * WAD, 40 * 10**8)
    terms = tuple(controller.terms(tokens["WBTC"], tokens["WETH"]))
    assert terms == (ZERO_ADDRESS, 30_000, 500, 200, 0, *limits, False)
    assert [controller.maxApy(token) for token in tokens.values()] == 3 * [2 * WAD]
    assert controller.gracePeriod() == 3_600


@pytest.mark.parametrize("side", SIDES)
def test_deploy__pool__knows_its_lenders_routers_and_treasury(everything, treasury, side):
    pool = everything[side]
    caps = {
        "LongPool": {"PREP": 10**36, "WETH": 10**36, "WBTC": 0},
        "ShortPool": {"PREP": 0, "WETH": 10**36, "WBTC": 100_000 * 10**8},
    }
    for name, cap in caps[side].items():
        vault = everything[f"{name}/lending"]
        assert pool.lendingVault(vault.asset()) == vault.address
        assert tuple(vault.borrower(pool)) == (QUOTED, cap)
    router = everything["Uniswap/router"]
    assert all(pool.isRouterAllowed(router, selector) for selector in SELECTORS)
    assert not pool.isRouterAllowed(router, selector_of("multicall(bytes[])"))
    assert (pool.treasury(), pool.controller()) == (treasury, everything["DebtController"])
    assert (pool.weth(), pool.isLong()) == (everything["WETH/token"], side == "LongPool")


@pytest.mark.parametrize("target", RESTRICTED)
def test_deploy__every_function__has_the_declared_role(everything, target):
    contract, authority = everything[target], everything["Authority"]
    roles = RESTRICTED[target]
    assert set(roles) <= {abi.name for abi in contract.contract_type.mutable_methods}
    for abi in contract.contract_type.mutable_methods:
        found = authority.getTargetFunctionRole(contract, selector_of(abi.selector))
        assert found == ROLES[roles.get(abi.name, "admin")], f"{target}.{abi.selector}"


def test_deploy__holders__have_their_roles_and_nobody_else(everything, margin_holders, deployer):
    authority = everything["Authority"]
    for number, holder in enumerate(margin_holders.values(), ORDER_SIGNER):
        assert authority.hasRole(number, holder)[0]
        assert not authority.hasRole(number, deployer)[0]


def test_deploy__local_exchange__has_pools_at_the_feeds_prices(everything):
    factory, prep = everything["Uniswap/factory"], everything["PrepToken"]
    for base, dollars, decimals in (("WETH", 400, 18), ("WBTC", 10_000, 8)):
        token = everything[f"{base}/token"]
        pool = factory.getPool(token, prep, 3_000)
        assert prep.balanceOf(pool) == pytest.approx(10_000_000 * WAD, rel=0, abs=10**10)
        worth = token.balanceOf(pool) * dollars * 10 ** (18 - decimals)
        assert worth == pytest.approx(10_000_000 * WAD, rel=0, abs=10**18)


def test_deploy__pair_over_a_new_pools_average__goes_on_when_the_pool_has_a_past(
    run, local, project, chain
):
    """The first run makes the pool, and room for what it is to remember."""
    pair = next(pair for pair in local.margin.pairs if pair.name == "WBTC/PREP")
    twap = {"twap_period": 1_800, "twap_min_liquidity": 1_801, "twap_observations": 450}
    pairs = [pair.model_copy(update=twap | {"check": "twap"})]
    params = local.model_copy(update={"margin": local.margin.model_copy(update={"pairs": pairs})})
    with pytest.raises(UserError, match="HistoryTooShort"):
        run(params)
    chain.mine(deltatime=1_800)
    contracts = run(params)
    prep, wbtc = contracts["PrepToken"].address, contracts["WBTC/token"].address
    oracle = contracts["WBTC/PREP/oracle"]
    assert contracts["DebtController"].terms(wbtc, prep).oracle == oracle.address
    assert oracle.price() == pytest.approx(10_000 * WAD * 10**10, rel=0, abs=2 * WAD * 10**10)
    pool = instance_at(project, POOL, oracle.pool())
    assert pool.slot0().observationCardinalityNext == 450


def test_open__right_after_deployment__works(everything, margin_holders, minter, trader):
    prep, weth, pool = (everything[n] for n in ("PrepToken", "WETH/token", "LongPool"))
    lending = everything["PREP/lending"]
    prep.mint(trader, 3_000 * WAD, sender=minter)
    prep.approve(lending, UNLIMITED, sender=trader)
    prep.approve(pool, UNLIMITED, sender=trader)
    lending.deposit(2_000 * WAD, trader, sender=trader)
    hop = (weth.address, 3_000, pool.address, FOREVER)
    request = OpenRequest(
        id=1,
        nonce=0,
        trader=trader.address,
        base=weth.address,
        quote=prep.address,
        down_payment=1_000 * WAD,
        principal=2_000 * WAD,
        min_output=7 * WAD,
        interest=0,
        fee=0,
        expiry=FOREVER,
        router=everything["Uniswap/router"].address,
        data=exact_input_single(prep.address, *hop, 3_000 * WAD, 0),
    )
    domain = Domain(pool.address, is_long=True, chain_id=CHAIN)
    pool.open(request, sign(margin_holders["order_signer"], domain, request), sender=trader)
    assert 7 * WAD < weth.balanceOf(pool) < 15 * WAD // 2
    assert lending.debtOf(pool) == 2_000 * WAD
