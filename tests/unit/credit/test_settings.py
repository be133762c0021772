"""CreditManager.addAsset, setAsset and disableAsset: who may, in which bounds, with what effect."""

import pytest

from prep.credit.actions import ALL, borrow, deposit, repay, withdraw
from tests.credit import CONFIG, PREP, SHARES, USD, WETH
from tests.suite import UNLIMITED, WAD, ZERO_ADDRESS
from tests.unit.credit.acting import config_of, events, low, refusal

ADD, SET = f"addAsset({CONFIG})", f"setAsset(uint256,{CONFIG})"
DISABLE = "disableAsset(uint256)"
MOST_ASSETS = 32


def bound(name, value, low_, high):
    return "ParameterOutOfBounds", name.encode().ljust(32, b"\0"), value, low_, high


@pytest.fixture
def new_token(credit, project):
    def create():
        return credit.suite.admin.deploy(project.MockERC20, "NEW", "NEW", 12)

    return create


@pytest.fixture
def fresh(credit, new_token):
    """Parameters of an asset that can be added: not lent, with a weight."""
    return config_of(credit, USD, token=new_token(), lendingVault=ZERO_ADDRESS)


@pytest.fixture
def add(credit, risk_manager):
    return lambda config: events(credit, risk_manager, credit.manager, ADD, config)


@pytest.fixture
def add_refused(credit, risk_manager):
    return lambda config: refusal(credit, risk_manager, credit.manager, ADD, config)


def changed(config, **changes):
    names = "token", "oracle", "lendingVault", "maxLtv", "liquidationThreshold", "depositCap"
    return tuple((dict(zip(names, config, strict=True)) | changes).values())


def test_constructor__assets__prep_and_vault_shares(credit, project):
    suite = credit.suite
    args = suite.protocol, credit.share_oracle, suite.authority
    manager = suite.admin.deploy(project.CreditManager, *args)
    assert manager.assetCount() == 2
    assert tuple(manager.asset(PREP)) == (
        suite.prep, ZERO_ADDRESS, ZERO_ADDRESS, 10_000, 10_000, UNLIMITED,
    )  # fmt: skip
    assert tuple(manager.asset(SHARES)) == (
        suite.vault, credit.share_oracle, ZERO_ADDRESS, 0, 0, UNLIMITED,
    )  # fmt: skip
    assert manager.protocol() == suite.protocol
    assert manager.authority() == suite.authority
    assert manager.accountCount() == manager.reservedFees() == 0
    book = project.OrderBook.at(manager.orderBook())
    assert book.ordersOf(1) == []
    for spender in (suite.protocol, suite.vault):
        assert suite.prep.allowance(manager, spender) == UNLIMITED


def test_add_asset__by_the_risk_manager__next_id_stored_and_logged(credit, add, fresh):
    count = credit.manager.assetCount()
    logs = add(fresh)
    assert logs == [("AssetConfigured", count, tuple(map(lowered, fresh)))]
    assert credit.manager.assetCount() == count + 1
    assert tuple(map(lowered, credit.manager.asset(count))) == tuple(map(lowered, fresh))


def lowered(value):
    return value.lower() if isinstance(value, str) else getattr(value, "address", value)


@pytest.mark.parametrize("signature", [ADD, SET, DISABLE, "setMarketLtv(uint256,uint256,uint256)"])
def test_settings__by_anyone_else__unauthorized(
    credit, admin, stranger, risk_manager, guardian, fresh, signature
):
    args = {
        ADD: (fresh,),
        SET: (USD, config_of(credit, USD)),
        DISABLE: (USD,),
    }.get(signature, (1, 0, 0))
    may = guardian if signature == DISABLE else risk_manager
    for who in (admin, stranger, risk_manager, guardian):
        if who == may:
            credit.node.simulate(who.address, credit.manager.address, signature, *args)
            continue
        seen = refusal(credit, who, credit.manager, signature, *args)
        assert seen == ("AccessManagedUnauthorized", low(who))


def test_add_asset__token_that_is_one_already__refused(credit, add_refused, fresh):
    for asset in range(5):
        config = config_of(credit, asset)
        seen = add_refused(changed(fresh, token=config[0]))
        assert seen == ("AssetRefused", low(config[0]))


def test_add_asset__no_contract__refused(credit, add_refused, stranger, fresh):
    for token in (ZERO_ADDRESS, stranger.address):
        assert add_refused(changed(fresh, token=token)) == ("AssetRefused", low(token))


def test_add_asset__thirty_second__added_and_one_more_refused(
    credit, add, add_refused, new_token, fresh
):
    while credit.manager.assetCount() < MOST_ASSETS:
        add(changed(fresh, token=new_token().address))
    token = new_token().address
    assert add_refused(changed(fresh, token=token)) == ("AssetRefused", low(token))


def test_deposit__in_the_last_asset__held(credit, trader, add, new_token, fresh):
    while credit.manager.assetCount() < MOST_ASSETS:
        token = new_token()
        add(changed(fresh, token=token.address))
    token.mint(trader, 5, sender=trader)
    token.approve(credit.manager, 5, sender=trader)
    account = credit.open(trader)
    credit.act(trader, account, deposit(31, 5))
    assert tuple(credit.holding(account, 31)) == (31, 5, 0, 0)
    assert len(credit.manager.contents(account).holdings) == 1


# Bounds of the parameters


@pytest.mark.parametrize("threshold", [9_001, 10_000, 2**16, UNLIMITED])
def test_add_asset__threshold_above_its_bound__refused(add, add_refused, fresh, threshold):
    seen = add_refused(changed(fresh, liquidationThreshold=threshold))
    assert seen == bound("liquidationThreshold", threshold, 0, 9_000)
    add(changed(fresh, liquidationThreshold=9_000, maxLtv=9_000))


def test_add_asset__max_ltv_above_the_threshold__refused(add, add_refused, fresh):
    seen = add_refused(changed(fresh, maxLtv=8_001, liquidationThreshold=8_000))
    assert seen == bound("maxLtv", 8_001, 0, 8_000)
    add(changed(fresh, maxLtv=8_000, liquidationThreshold=8_000))


def test_add_asset__without_lending_vault__weights_of_zero_are_fine(add, fresh):
    add(changed(fresh, maxLtv=0, liquidationThreshold=0))


def test_set_asset__lent__weights_of_at_least_a_tenth(credit, risk_manager):
    now = config_of(credit, USD)
    for changes, want in (
        ({"maxLtv": 999}, bound("maxLtv", 999, 1_000, 9_000)),
        ({"liquidationThreshold": 999}, bound("liquidationThreshold", 999, 1_000, 9_000)),
    ):
        args = SET, USD, changed(now, **changes)
        assert refusal(credit, risk_manager, credit.manager, *args) == want
    lowest = changed(now, maxLtv=1_000, liquidationThreshold=1_000)
    credit.must(risk_manager, credit.manager, SET, USD, lowest)


def test_set_asset__prep__counts_in_full_and_has_no_oracle(credit, risk_manager):
    now = config_of(credit, PREP)
    oracle = credit.oracles[USD].address
    for changes, want in (
        ({"maxLtv": 9_999}, bound("maxLtv", 9_999, 10_000, 10_000)),
        (
            {"maxLtv": 9_999, "liquidationThreshold": 9_999},
            bound("liquidationThreshold", 9_999, 10_000, 10_000),
        ),
        (
            {"liquidationThreshold": 10_001},
            bound("liquidationThreshold", 10_001, 10_000, 10_000),
        ),
        ({"oracle": oracle}, bound("oracle", int(oracle, 16), 0, 0)),
    ):
        args = SET, PREP, changed(now, **changes)
        assert refusal(credit, risk_manager, credit.manager, *args) == want


def test_add_asset__without_oracle__refused(add_refused, fresh):
    seen = add_refused(changed(fresh, oracle=ZERO_ADDRESS))
    assert seen == bound("oracle", 0, 1, 2**160 - 1)


def test_add_asset__lending_vault_of_another_token__refused(credit, add_refused, fresh):
    vault = credit.lending[USD].address
    assert add_refused(changed(fresh, lendingVault=vault)) == ("AssetRefused", low(fresh[0]))


# What can be replaced


def test_set_asset__new_parameters__stored_logged_and_used(credit, trader, risk_manager):
    account = credit.funded(trader, usd=10**6)
    oracle = credit.oracles[WETH].address
    config = config_of(
        credit, USD, maxLtv=2_000, liquidationThreshold=3_000, depositCap=7, oracle=oracle
    )
    logs = events(credit, risk_manager, credit.manager, SET, USD, config)
    assert logs == [("AssetConfigured", USD, tuple(map(lowered, config)))]
    assert tuple(map(lowered, credit.manager.asset(USD))) == tuple(map(lowered, config))
    value = 10**6 * 2_000
    assert credit.health(account).assets == value
    assert credit.health(account).collateral == value // 5
    assert credit.health(account, True).collateral == value * 3 // 10


def test_set_asset__another_token__refused(credit, risk_manager, new_token):
    token = new_token().address
    config = config_of(credit, USD, token=token, lendingVault=ZERO_ADDRESS)
    seen = refusal(credit, risk_manager, credit.manager, SET, USD, config)
    assert seen == ("AssetRefused", low(token))


def test_set_asset__lending_vault_of_shares__refused(credit, risk_manager, project):
    """Whoever repaid with shares that he has put into cooldown would pay with those of others: all
    of them are the manager's alone."""
    vault = credit.suite.vault
    curve = 0, 0, 0, WAD // 2
    lending = risk_manager.deploy(project.LendingVault, vault, credit.suite.authority, curve)
    config = config_of(credit, SHARES, lendingVault=lending.address)
    seen = refusal(credit, risk_manager, credit.manager, SET, SHARES, config)
    assert seen == ("AssetRefused", low(vault))
    assert vault.allowance(credit.manager, lending) == 0


@pytest.mark.parametrize("asset", [5, UNLIMITED])
def test_set_asset__no_such_asset__refused(credit, risk_manager, guardian, asset):
    config = config_of(credit, USD)
    seen = refusal(credit, risk_manager, credit.manager, SET, asset, config)
    assert seen == ("UnknownAsset", asset)
    assert refusal(credit, guardian, credit.manager, DISABLE, asset) == ("UnknownAsset", asset)
    seen = refusal(credit, guardian, credit.manager, "asset(uint256)", asset)
    assert seen == ("UnknownAsset", asset)


def test_set_asset__lending_vault_in_use__only_when_all_is_repaid(
    credit, trader, risk_manager, project
):
    account = credit.funded(trader, prep=1_000 * WAD)
    credit.act(trader, account, borrow(USD, 1))
    curve = 0, 0, 0, WAD // 2
    other = risk_manager.deploy(
        project.LendingVault, credit.tokens[USD], credit.suite.authority, curve
    )
    for vault in (other, ZERO_ADDRESS):
        config = config_of(credit, USD, lendingVault=vault)
        seen = refusal(credit, risk_manager, credit.manager, SET, USD, config)
        assert seen == ("AssetRefused", low(credit.tokens[USD]))
    credit.must(risk_manager, credit.manager, SET, USD, config_of(credit, USD, maxLtv=8_000))
    credit.act(trader, account, repay(USD, ALL))
    config = config_of(credit, USD, lendingVault=other)
    credit.must(risk_manager, credit.manager, SET, USD, config)
    assert credit.tokens[USD].allowance(credit.manager, other) == UNLIMITED
    assert credit.tokens[USD].allowance(credit.manager, credit.lending[USD]) == 0


def test_disable_asset__by_the_guardian__cap_of_zero_and_the_rest_as_it_was(
    credit, trader, guardian
):
    account = credit.funded(trader, usd=5)
    before = config_of(credit, USD)
    logs = events(credit, guardian, credit.manager, DISABLE, USD)
    after = changed(before, depositCap=0)
    assert logs == [("AssetConfigured", USD, tuple(map(lowered, after)))]
    assert config_of(credit, USD) == after
    credit.act(trader, account, withdraw(USD, 5))
