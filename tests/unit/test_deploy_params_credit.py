"""Credit accounts in a parameters file: exact numbers, and every refusal in one line."""

from pathlib import Path

import pytest
import yaml

from prep.deploy.credit import config_struct
from prep.deploy.params import Parameters
from prep.errors import UserError
from prep.model.fixed import UNLIMITED

WAD = 10**18
FOLDER = Path(__file__).parents[2] / "deployments" / "params"
TOKEN = "0x1b44F3514812d835EB1BDB0acB33d3fA3351Ee43"
MOCK_FEED = {"description": "X / USD", "decimals": "8", "initial_price": "400.5"}
LENDING = {
    "at_zero": "0.01",
    "at_kink": "0.08",
    "at_full": "1.5",
    "kink": "0.8",
    "reserve_share": "0.1",
    "profit_unlock_time": "86400",
    "borrow_cap": "1000.000001",
}
PREP = {"name": "PREP", "deposit_cap": "unlimited", "lending": LENDING}
SHARES = {
    "name": "SHARES",
    "max_ltv": "0.7",
    "liquidation_threshold": "0.8001",
    "deposit_cap": "5.000000000000000000000001",
}
USD = {
    "name": "USD",
    "token": TOKEN,
    "feed": TOKEN,
    "heartbeat": "7200",
    "asset_decimals": "6",
    "max_price": "1.1",
    "max_ltv": "0.85",
    "liquidation_threshold": "0.9",
    "deposit_cap": "2000.000001",
    "lending": LENDING,
}
MOCKED = USD | {"name": "WETH", "token": "mock", "feed": MOCK_FEED, "asset_decimals": "18"}


def _without(fields: dict) -> dict:
    return {key: value for key, value in fields.items() if value is not None}


@pytest.fixture
def write(tmp_path):
    """Writes the local file with these assets and nothing asset-backed, and changes of the first
    market and of the file."""
    base = yaml.load((FOLDER / "local.yml").read_text(encoding="utf-8"), yaml.BaseLoader)

    def write(*assets, market=None, **changes) -> Path:
        markets = [base["markets"][0] | (market or {}), *base["markets"][1:]]
        content = _without(
            base
            | {"markets": markets, "credit": {"assets": list(assets)}, "margin": None}
            | changes
        )
        path = tmp_path / "network.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write):
    """The parameters of a file written so."""
    return lambda *assets, **changes: Parameters.load(write(*assets, **changes))


@pytest.fixture
def refused(write):
    """Expects exactly this message, after the file's name, on one line."""

    def refused(message, *assets, **changes) -> None:
        path = write(*assets, **changes)
        with pytest.raises(UserError) as raised:
            Parameters.load(path)
        assert raised.value.format_message() == f"{path}: {message}"

    return refused


# ------------------------------------------------------------------------------------------ values


def test_load__every_field__exact_in_the_contracts_units(load):
    credit = load(PREP, SHARES, USD, MOCKED).credit
    prep, shares, usd, weth = credit.assets
    addresses = ("0xtoken", "0xoracle", "0xvault")
    common = dict(zip(("token", "oracle", "lendingVault"), addresses, strict=True))
    weights = {"maxLtv": 10_000, "liquidationThreshold": 10_000}
    assert config_struct(prep, *addresses) == common | weights | {"depositCap": UNLIMITED}
    weights = {"maxLtv": 7_000, "liquidationThreshold": 8_001}
    assert config_struct(shares, *addresses) == common | weights | {"depositCap": 5 * 10**24 + 1}
    weights = {"maxLtv": 8_500, "liquidationThreshold": 9_000}
    assert config_struct(usd, *addresses) == common | weights | {"depositCap": 2_000_000_001}
    assert (usd.token, weth.token, shares.lending) == (TOKEN, "mock", None)
    lending = usd.lending
    assert lending.curve_struct() == {
        "atZero": WAD // 100,
        "atKink": 8 * WAD // 100,
        "atFull": 15 * WAD // 10,
        "kink": 8 * WAD // 10,
    }
    assert (lending.reserve_share, lending.profit_unlock_time) == (WAD // 10, 86_400)
    assert lending.cap(6) == 1_000_000_001
    assert usd.oracle_struct(TOKEN)["maxPrice"] == 11 * 10**29
    assert usd.oracle_struct(TOKEN)["assetDecimals"] == 6
    assert weth.feed.answer == 40_050_000_000
    assert credit.built_in == ((0, prep), (1, shares))
    assert credit.tokens == (usd, weth)


def test_load__any_order__ids_of_prep_and_shares_stay(load):
    credit = load(MOCKED, SHARES, USD, PREP).credit
    assert [(id_, asset.name) for id_, asset in credit.built_in] == [(1, "SHARES"), (0, "PREP")]
    assert [asset.name for asset in credit.tokens] == ["WETH", "USD"]


def test_load__without_shares_and_lending__possible(load):
    credit = load(PREP, _without(USD | {"lending": None})).credit
    assert [asset.name for asset in credit.assets] == ["PREP", "USD"]
    assert credit.tokens[0].lending is None


def test_load__weights_of_a_market__basis_points(load):
    weights = {"max_loan_to_value": "0.9512", "liquidation_threshold": "0.99"}
    market = load(PREP, market=weights).markets[0]
    assert (market.max_loan_to_value, market.liquidation_threshold) == (9_512, 9_900)


@pytest.mark.parametrize("name", ["local.yml", "sepolia.yml"])
def test_load__files_of_the_project__have_accounts_on_local_networks(name):
    credit = Parameters.load(FOLDER / name).credit
    assets = [asset.name for asset in credit.assets] if credit else []
    assert assets == (["PREP", "SHARES", "WETH", "WBTC"] if name == "local.yml" else [])


def test_load__struct_names__are_those_of_the_contracts(load, project):
    usd = load(PREP, USD).credit.tokens[0]
    (config,) = project.CreditManager.contract_type.mutable_methods["addAsset"].inputs
    assert set(config_struct(usd, TOKEN, TOKEN, TOKEN)) == {c.name for c in config.components}
    curve = project.LendingVault.constructor.abi.inputs[-1]
    assert list(usd.lending.curve_struct()) == [c.name for c in curve.components]


# ---------------------------------------------------------------------------------------- refusals


def _usd(**changes) -> dict:
    return _without(USD | changes)


def _lending(**changes) -> dict:
    return _usd(lending=_without(LENDING | changes))


@pytest.mark.parametrize(
    "asset, message",
    [
        (_usd(colour="red"), "colour: is not a parameter"),
        (_usd(token=None), "token: is missing"),
        (_usd(max_ltv=None), "max_ltv: is missing"),
        (_usd(deposit_cap=None), "deposit_cap: is missing"),
        (_usd(name="usd"), "name: String should match pattern '^[A-Z][A-Z0-9]{0,15}$'"),
        (_usd(name=None), "name: is missing"),
        (_usd(token="0x12"), "token: '0x12' is not an address"),
        (_usd(feed={"decimals": "8"}), "feed.description: is missing"),
        (_usd(heartbeat="0"), "heartbeat: Input should be greater than or equal to 1"),
        (_usd(min_price="2"), "max_price: is below min_price, 2"),
        (_usd(max_ltv="0.80001"), "max_ltv: 0.80001 has 5 decimals, more than 4"),
        (_usd(max_ltv="0.9001"), "max_ltv: 0.9001 is outside 0.1 to 0.9"),
        (_usd(max_ltv="0.0999"), "max_ltv: 0.0999 is outside 0.1 to 0.9"),
        (
            _usd(liquidation_threshold="0.9001"),
            "liquidation_threshold: 0.9001 is outside 0.1 to 0.9",
        ),
        (
            _usd(liquidation_threshold="0.0999", max_ltv="0.0999"),
            "liquidation_threshold: 0.0999 is outside 0.1 to 0.9",
        ),
        (_usd(liquidation_threshold="0.8"), "max_ltv: 0.85 is outside 0.1 to 0.8"),
        (
            _usd(lending=None, liquidation_threshold="0", max_ltv="0.0001"),
            "max_ltv: 0.0001 is outside 0 to 0",
        ),
        (_usd(deposit_cap="1.0000001"), "deposit_cap: 1.0000001 has 7 decimals, more than 6"),
        (_usd(deposit_cap="much"), "deposit_cap: 'much' is not a decimal number such as 0.15"),
        (_lending(kink=None), "lending.kink: is missing"),
        (_lending(colour="red"), "lending.colour: is not a parameter"),
        (
            _lending(kink="0"),
            "lending.kink: 0 is outside 0.000000000000000001 to 0.999999999999999999",
        ),
        (
            _lending(kink="1"),
            "lending.kink: 1 is outside 0.000000000000000001 to 0.999999999999999999",
        ),
        (_lending(at_zero="0.09"), "lending.at_zero: 0.09 is outside 0 to 0.08"),
        (_lending(at_kink="1.6"), "lending.at_kink: 1.6 is outside 0.01 to 1.5"),
        (
            _lending(at_full="10.000000000000000001"),
            "lending.at_full: 10.000000000000000001 is outside 0.08 to 10",
        ),
        (
            _lending(reserve_share="0.500000000000000001"),
            "lending.reserve_share: 0.500000000000000001 is outside 0 to 0.5",
        ),
        (
            _lending(profit_unlock_time="604801"),
            "lending.profit_unlock_time: Input should be less than or equal to 604800",
        ),
        (
            _lending(borrow_cap="0.0000001"),
            "lending.borrow_cap: 0.0000001 has 7 decimals, more than 6",
        ),
        (
            _lending(borrow_cap=f"1{30 * '0'}.000001"),
            f"lending.borrow_cap: 1{30 * '0'}.000001 is more than the contract can hold",
        ),
        (
            SHARES | {"deposit_cap": 60 * "9"},
            f"deposit_cap: {60 * '9'} is more than the contract can hold",
        ),
    ],
)
def test_load__fault_in_an_asset__names_field_and_reason(refused, asset, message):
    refused(f"credit.assets[1].{message}", PREP, asset)


@pytest.mark.parametrize(
    "field, most",
    [
        ("at_full", "10"),
        ("reserve_share", "0.5"),
        ("profit_unlock_time", "604800"),
        ("borrow_cap", "1" + 30 * "0"),
    ],
)
def test_load__bound_of_lending__is_reached(load, field, most):
    assert load(PREP, _lending(**{field: most}))


def test_load__unlimited_lending__is_the_most_that_the_vault_takes(load):
    credit = load(PREP, _lending(borrow_cap="unlimited")).credit
    assert credit.tokens[0].lending.cap(6) == 10**36


def test_load__weights_at_their_bounds__accepted(load):
    load(PREP, _usd(max_ltv="0.9"), SHARES | {"liquidation_threshold": "0.9"})
    load(PREP, _usd(max_ltv="0.1", liquidation_threshold="0.1"))
    load(PREP, _usd(lending=None, max_ltv="0", liquidation_threshold="0"))


@pytest.mark.parametrize(
    "assets, message",
    [
        ((), "assets: is empty"),
        ((SHARES, USD), "assets: PREP is missing: losses are borrowed in it"),
        ((PREP, USD, USD), "assets[2].name: USD is given twice"),
        ((PREP, PREP), "assets[1].name: PREP is given twice"),
        ((PREP, USD | {"name": "BTC"}), "assets[1].name: BTC is given twice"),
        ((_without(PREP | {"lending": None}),), "assets[0].lending: is missing"),
        ((PREP | {"max_ltv": "1"},), "assets[0].max_ltv: is not a parameter"),
        ((PREP, SHARES | {"lending": LENDING}), "assets[1].lending: is not a parameter"),
        (
            (PREP, SHARES | {"liquidation_threshold": "0.9001"}),
            "assets[1].liquidation_threshold: 0.9001 is outside 0 to 0.9",
        ),
        (
            (PREP, *(USD | {"name": f"T{i}"} for i in range(31))),
            "assets: there are 31 besides PREP and shares, 30 at most",
        ),
    ],
)
def test_load__wrong_list_of_assets__refused(refused, assets, message):
    refused(f"credit.{message}", *assets)


def test_load__as_many_assets_as_possible__accepted(load):
    assert len(load(PREP, *(USD | {"name": f"T{i}"} for i in range(30))).credit.tokens) == 30


@pytest.mark.parametrize(
    "weights, message",
    [
        ({"liquidation_threshold": "0.9901"}, "liquidation_threshold: 0.9901 is outside 0 to 0.99"),
        (
            {"max_loan_to_value": "0.5", "liquidation_threshold": "0.4999"},
            "max_loan_to_value: 0.5 is outside 0 to 0.4999",
        ),
        (
            {"max_loan_to_value": "0.50001"},
            "max_loan_to_value: 0.50001 has 5 decimals, more than 4",
        ),
    ],
)
def test_load__wrong_weights_of_a_market__refused(refused, weights, message):
    refused(f"markets[0].{message}", PREP, market=weights)


def test_load__weights_of_a_market_without_accounts__refused(refused):
    message = "liquidation_threshold: is for credit accounts, but there is no `credit`"
    refused(f"markets[0].{message}", credit=None)


def test_load__public_network_with_mocks__refused(refused):
    public = {"chain_id": "11155111", "reserves_by_larger_side": "true"}
    real = {"feed": TOKEN}
    base = yaml.load((FOLDER / "sepolia.yml").read_text(encoding="utf-8"), yaml.BaseLoader)
    markets = {"markets": base["markets"]}
    refused(
        "credit.assets[1].token: a mock, which anyone can mint, is for local chains only",
        PREP,
        USD | real | {"token": "mock"},
        **public,
        **markets,
    )
    refused(
        "credit.assets[1].feed: a mock, which anyone can set, is for local chains only",
        PREP,
        USD | {"feed": MOCK_FEED},
        **public,
        **markets,
    )
