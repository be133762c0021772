"""Parameters files: exact numbers, and every refusal in one line with file, field and reason."""

from decimal import Decimal
from pathlib import Path

import pytest

from prep.deploy.params import Parameters
from prep.deploy.values import scaled, unscaled
from prep.errors import UserError
from prep.model.fixed import UNLIMITED

WAD = 10**18
FEED = "0x1b44F3514812d835EB1BDB0acB33d3fA3351Ee43"
HOLDER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
MISTYPED = HOLDER.replace("C", "c")
FOLDER = Path(__file__).parents[2] / "deployments" / "params"

MARKET = {
    "name": "BTC",
    "feed": {"description": "BTC / USD", "decimals": "8", "initial_price": "10000.5"},
    "heartbeat": "7200",
    "feed_deviation_threshold": "0.005",
    "skew_scale": "0",
    "max_funding_velocity": "3",
    "opening_fee_rate": "0.001",
    "closing_fee_rate": "0.002",
    "borrow_rate": "0.15",
    "reserve_factor": "0.25",
    "min_position_value": "10",
    "max_position_value": "unlimited",
    "max_long_oi_value": "1000.000000000000000001",
    "max_short_oi_value": "unlimited",
    "max_net_oi_value": "500",
}
LOCAL = {
    "chain_id": "31337",
    "faucet": {"amount": "1000", "interval": "3600"},
    "roles": {
        "admin": "deployer",
        "guardian": HOLDER,
        "risk_manager": "deployer",
        "minter": "deployer",
        "treasury": "deployer",
    },
    "reserves_by_larger_side": "false",
    "target_collateralization_ratio": "1.25",
    "deposit_cap": "2000.000000000000000001",
    "cooldown_period": "3600",
    "redeem_window": "86400",
    "protocol_fee_rate": "0.1",
    "markets": [MARKET],
}
PUBLIC_MARKET = MARKET | {"feed": FEED, "closing_fee_rate": "0.004"}
PUBLIC = LOCAL | {
    "chain_id": "11155111",
    "reserves_by_larger_side": "true",
    "markets": [PUBLIC_MARKET],
}


def _yaml(value, indent=0) -> str:
    """As people write it: plain scalars, nothing in quotes."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"\n{pad}{key}: {_yaml(item, indent + 1)}" for key, item in value.items())
    if isinstance(value, list):
        return "".join(f"\n{pad}-{_yaml(item, indent + 1)}" for item in value)
    return str(value)


@pytest.fixture
def write(tmp_path):
    """Writes a file from its parameters, or from text."""

    def write(content) -> Path:
        path = tmp_path / "network.yml"
        path.write_text(content if isinstance(content, str) else _yaml(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def load(write):
    """The parameters of a file written so."""
    return lambda content: Parameters.load(write(content))


@pytest.fixture
def refused(write):
    """Expects exactly this message, after the file's name, on one line."""

    def refused(content, message: str) -> None:
        path = write(content)
        with pytest.raises(UserError) as raised:
            Parameters.load(path)
        assert raised.value.format_message() == f"{path}: {message}"
        assert "\n" not in raised.value.format_message()

    return refused


def _market(**changes) -> dict:
    return LOCAL | {"markets": [_without(MARKET | changes)]}


def _public(**changes) -> dict:
    return PUBLIC | {"markets": [_without(PUBLIC_MARKET | changes)]}


def _roles(**changes) -> dict:
    return LOCAL | {"roles": _without(LOCAL["roles"] | changes)}


def _without(fields: dict) -> dict:
    return {key: value for key, value in fields.items() if value is not None}


# ------------------------------------------------------------------------------------------ values


def test_load__every_field__exact_in_the_contracts_units(load):
    parameters = load(LOCAL)
    market = parameters.markets[0]
    assert parameters.chain_id == 31337
    assert (parameters.faucet.amount, parameters.faucet.interval) == (1000 * WAD, 3600)
    assert parameters.protocol_fee_rate == WAD // 10
    assert parameters.reserves_by_larger_side is False
    assert parameters.target_collateralization_ratio == 125 * WAD // 100
    assert parameters.deposit_cap == 2000 * WAD + 1
    assert (parameters.cooldown_period, parameters.redeem_window) == (3600, 86400)
    assert market.config_struct(HOLDER) == {
        "oracle": HOLDER,
        "enabled": True,
        "skewScale": 0,
        "maxFundingVelocity": 3 * WAD,
        "openingFeeRate": WAD // 1000,
        "closingFeeRate": 2 * WAD // 1000,
        "borrowRate": 15 * WAD // 100,
        "reserveFactor": WAD // 4,
        "minPositionValue": 10 * WAD,
        "maxPositionValue": UNLIMITED,
        "maxLongOIValue": 1000 * WAD + 1,
        "maxShortOIValue": UNLIMITED,
        "maxNetOIValue": 500 * WAD,
        "minExecutionDelay": 0,
    }
    assert (market.max_loan_to_value, market.liquidation_threshold) == (0, 0)
    assert parameters.credit is None
    assert market.feed.answer == 1_000_050_000_000
    assert market.oracle_struct(FEED) == {
        "feed": FEED,
        "heartbeat": 7200,
        "assetDecimals": 18,
        "minPrice": 0,
        "maxPrice": 0,
        "sequencerFeed": "0x" + 40 * "0",
        "sequencerGrace": 0,
    }


def test_load__struct_names__are_those_of_the_contracts(load, project):
    market = load(LOCAL).markets[0]
    (oracle,) = project.ChainlinkOracle.constructor.abi.inputs
    (config,) = project.Protocol.contract_type.mutable_methods["addMarket"].inputs
    assert list(market.oracle_struct(FEED)) == [c.name for c in oracle.components]
    assert set(market.config_struct(FEED)) == {c.name for c in config.components}


def test_load__asset_of_8_decimals__scales_sizes_and_prices(load):
    sequencer = {"feed": FEED, "grace": "3600"}
    changes = {"asset_decimals": "8", "skew_scale": "12.5", "sequencer": sequencer}
    market = load(_market(**changes, min_price="0.01", max_price="200000")).markets[0]
    assert market.config().skew_scale == 1_250_000_000
    struct = market.oracle_struct(FEED)
    assert struct["minPrice"] == 10**26
    assert struct["maxPrice"] == 2 * 10**33
    assert (struct["sequencerFeed"], struct["sequencerGrace"]) == (FEED, 3600)


@pytest.mark.parametrize("delay", [0, 1, 3600])
def test_load__execution_delay__seconds_in_the_contracts_struct(load, delay):
    market = load(_market(min_execution_delay=str(delay))).markets[0]
    assert market.config_struct(HOLDER)["minExecutionDelay"] == delay


def test_load__plain_and_quoted_scalars__are_the_same(write):
    plain = write(PUBLIC)
    parameters = Parameters.load(plain)
    text = plain.read_text(encoding="utf-8")
    for value in (FEED, "0.15", "7200", "unlimited", "true"):
        text = text.replace(f" {value}\n", f' "{value}"\n')
    assert '"0.15"' in text
    assert Parameters.load(write(text)) == parameters


@pytest.mark.parametrize("period, window", [(0, 0), (2592000, 86400), (1, 31536000)])
def test_load__cooldown_at_its_bounds__is_good(load, period, window):
    parameters = load(LOCAL | {"cooldown_period": str(period), "redeem_window": str(window)})
    assert (parameters.cooldown_period, parameters.redeem_window) == (period, window)


def test_load__unlimited_deposits__are_the_most_that_the_vault_takes(load):
    assert load(LOCAL | {"deposit_cap": "unlimited"}).deposit_cap == 10**37


def test_load__address_in_lower_case__gets_its_checksum(load):
    assert load(_public(feed=FEED.lower())).markets[0].feed == FEED


def test_holder__deployer_or_address__is_an_address(load):
    roles = load(LOCAL).roles
    assert roles.holder("admin", FEED) == FEED
    assert roles.holder("guardian", FEED) == HOLDER
    assert roles.admin_delay == 0


@pytest.mark.parametrize(
    "text, decimals, expected",
    [
        ("0.15", 18, 15 * 10**16),
        (
            "12345678901234567890123.123456789012345678",
            18,
            12345678901234567890123123456789012345678,
        ),
        ("0.000000000000000001", 18, 1),
        ("7", 0, 7),
        ("0", 18, 0),
    ],
)
def test_scaled__any_length__is_exact(text, decimals, expected):
    assert scaled(Decimal(text), decimals) == expected
    assert Decimal(unscaled(expected, decimals)) == Decimal(text)


@pytest.mark.parametrize("name", ["local.yml", "sepolia.yml"])
def test_load__files_of_the_project__are_good(name):
    parameters = Parameters.load(FOLDER / name)
    assert parameters.markets[0].name == "BTC"
    assert parameters.reserves_by_larger_side is (name != "local.yml")


def test_load__local_file__is_the_market_of_the_design():
    parameters = Parameters.load(FOLDER / "local.yml")
    assert (parameters.target_collateralization_ratio, parameters.deposit_cap) == (0, 10**37)
    assert (parameters.cooldown_period, parameters.redeem_window) == (0, 7 * 86400)
    market = parameters.markets[0]
    config = market.config()
    assert (config.skew_scale, config.opening_fee_rate, config.closing_fee_rate) == (0, 0, 0)
    assert (config.borrow_rate, config.reserve_factor) == (15 * WAD // 100, 15 * WAD // 100)
    assert config.min_position_value == 10 * WAD
    assert market.heartbeat > 3600


# ---------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "content, message",
    [
        (_without(LOCAL | {"chain_id": None}), "chain_id: is missing"),
        (LOCAL | {"chain_id": "0"}, "chain_id: Input should be greater than or equal to 1"),
        (LOCAL | {"chain_id": "x"}, "chain_id: 'x' is not a whole number"),
        (LOCAL | {"chain_id": "31337.0"}, "chain_id: '31337.0' is not a whole number"),
        (LOCAL | {"colour": "red"}, "colour: is not a parameter"),
        (LOCAL | {"markets": "BTC"}, "markets: should be a list"),
        (LOCAL | {"faucet": "10"}, "faucet: should be a list of fields with values"),
        (LOCAL | {"protocol_fee_rate": "0.51"}, "protocol_fee_rate: 0.51 is outside 0 to 0.5"),
        (
            LOCAL | {"reserves_by_larger_side": "maybe"},
            "reserves_by_larger_side: 'maybe' is neither true nor false",
        ),
        (
            _without(LOCAL | {"target_collateralization_ratio": None}),
            "target_collateralization_ratio: is missing",
        ),
        (
            LOCAL | {"target_collateralization_ratio": "10.1"},
            "target_collateralization_ratio: 10.1 is outside 0 to 10",
        ),
        (
            LOCAL | {"target_collateralization_ratio": "unlimited"},
            "target_collateralization_ratio: 'unlimited' is not a decimal number such as 0.15",
        ),
        (_without(LOCAL | {"deposit_cap": None}), "deposit_cap: is missing"),
        (
            LOCAL | {"deposit_cap": "10000000000000000001"},
            "deposit_cap: 10000000000000000001 is outside 0 to 10000000000000000000",
        ),
        (_without(LOCAL | {"cooldown_period": None}), "cooldown_period: is missing"),
        (
            LOCAL | {"cooldown_period": "2592001"},
            "cooldown_period: Input should be less than or equal to 2592000",
        ),
        (LOCAL | {"cooldown_period": "3 days"}, "cooldown_period: '3 days' is not a whole number"),
        (_without(LOCAL | {"redeem_window": None}), "redeem_window: is missing"),
        (
            LOCAL | {"redeem_window": "86399"},
            "redeem_window: 86399 is neither 0 nor from 86400 to 31536000",
        ),
        (
            LOCAL | {"redeem_window": "31536001"},
            "redeem_window: 31536001 is neither 0 nor from 86400 to 31536000",
        ),
        (
            LOCAL | {"faucet": {"amount": "1", "interval": str(2**256)}},
            f"faucet.interval: Input should be less than or equal to {UNLIMITED}",
        ),
        (LOCAL | {"markets": [MARKET, MARKET]}, "markets[1].name: BTC is given twice"),
        (_roles(minter=None), "roles.minter: is missing"),
        (_roles(owner="deployer"), "roles.owner: is not a parameter"),
        (_roles(admin="me"), "roles.admin: 'me' is not an address"),
        (_roles(admin=HOLDER[2:]), f"roles.admin: '{HOLDER[2:]}' is not an address"),
        (
            _roles(guardian=MISTYPED),
            f"roles.guardian: {MISTYPED} has a wrong checksum: a character was changed",
        ),
        (_roles(treasury="0x" + 40 * "0"), "roles.treasury: the zero address can do nothing"),
        (
            _roles(admin_delay=str(2**32)),
            "roles.admin_delay: Input should be less than or equal to 4294967295",
        ),
    ],
)
def test_load__fault_outside_markets__names_field_and_reason(refused, content, message):
    refused(content, message)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"borrow_rate": None}, "borrow_rate: is missing"),
        ({"borowrate": "1"}, "borowrate: is not a parameter"),
        ({"borrow_rate": "15 %"}, "borrow_rate: '15 %' is not a decimal number such as 0.15"),
        ({"borrow_rate": "-0.1"}, "borrow_rate: '-0.1' is not a decimal number such as 0.15"),
        ({"borrow_rate": "1e-1"}, "borrow_rate: '1e-1' is not a decimal number such as 0.15"),
        ({"borrow_rate": ".5"}, "borrow_rate: '.5' is not a decimal number such as 0.15"),
        ({"borrow_rate": "nan"}, "borrow_rate: 'nan' is not a decimal number such as 0.15"),
        (
            {"borrow_rate": "0.1500000000000000000"},
            "borrow_rate: 0.1500000000000000000 has 19 decimals, more than 18",
        ),
        ({"borrow_rate": "10.1"}, "borrow_rate: 10.1 is outside 0 to 10"),
        (
            {"borrow_rate": "2", "reserve_factor": "0.26"},
            "borrow_rate: 0.52 times reserve_factor is outside 0 to 0.5",
        ),
        ({"reserve_factor": "1.01"}, "reserve_factor: 1.01 is outside 0 to 1"),
        ({"max_funding_velocity": "1001"}, "max_funding_velocity: 1001 is outside 0 to 1000"),
        ({"opening_fee_rate": "0.11"}, "opening_fee_rate: 0.11 is outside 0 to 0.1"),
        ({"closing_fee_rate": "0.2"}, "closing_fee_rate: 0.2 is outside 0 to 0.1"),
        ({"min_execution_delay": "3601"}, "min_execution_delay: 3601 is outside 0 to 3600"),
        (
            {"min_position_value": "10000000000000000001"},
            "min_position_value: 10000000000000000001 is outside 0 to 10000000000000000000",
        ),
        (
            {"max_position_value": "9"},
            "max_position_value: 9 is outside 10 to 10000000000000000000",
        ),
        (
            {"max_net_oi_value": "none"},
            "max_net_oi_value: 'none' is not a decimal number such as 0.15",
        ),
        (
            {"min_position_value": "unlimited"},
            "min_position_value: 'unlimited' is not a decimal number such as 0.15",
        ),
        (
            {"skew_scale": "1000000000000000001"},
            "skew_scale: 1000000000000000001 is outside 0 to 1000000000000000000",
        ),
        (
            {"skew_scale": "0.000000001", "asset_decimals": "8"},
            "skew_scale: 0.000000001 has 9 decimals, more than 8",
        ),
        (
            {"asset_decimals": "37"},
            "asset_decimals: Input should be less than or equal to 36",
        ),
        ({"heartbeat": "0"}, "heartbeat: Input should be greater than or equal to 1"),
        ({"heartbeat": "604801"}, "heartbeat: Input should be less than or equal to 604800"),
        ({"name": "btc"}, "name: String should match pattern '^[A-Z][A-Z0-9]{0,15}$'"),
        ({"min_price": "2", "max_price": "1"}, "max_price: is below min_price, 2"),
        ({"feed": "BTC"}, "feed: 'BTC' is not an address"),
        (
            {"feed": MARKET["feed"] | {"decimals": "37"}},
            "feed.decimals: Input should be less than or equal to 36",
        ),
        (
            {"feed": MARKET["feed"] | {"initial_price": "0.000000001"}},
            "feed.initial_price: 0.000000001 has 9 decimals, more than 8",
        ),
        (
            {"feed": MARKET["feed"] | {"initial_price": "0"}},
            "feed.initial_price: an answer of 0 is not possible",
        ),
        ({"feed": {"decimals": "8"}}, "feed.description: is missing"),
        ({"sequencer": {"feed": FEED}}, "sequencer.grace: is missing"),
        (
            {"sequencer": {"feed": FEED, "grace": "86401"}},
            "sequencer.grace: Input should be less than or equal to 86400",
        ),
    ],
)
def test_load__fault_in_a_market__names_field_and_reason(refused, changes, message):
    refused(_market(**changes), f"markets[0].{message}")


@pytest.mark.parametrize(
    "field, most, above",
    [
        ("opening_fee_rate", "0.1", "0.100000000000000001"),
        ("closing_fee_rate", "0.1", "0.100000000000000001"),
        ("max_funding_velocity", "1000", "1000.000000000000000001"),
        ("reserve_factor", "1", "1.000000000000000001"),
        ("borrow_rate", "2", "2.000000000000000004"),
        ("skew_scale", "1000000000000000000", "1000000000000000000.000000000000000001"),
        ("max_long_oi_value", "10000000000000000000", "10000000000000000000.000000000000000001"),
        ("heartbeat", "604800", "604801"),
    ],
)
def test_load__bound_coded_in_the_contracts__holds_to_the_unit(load, field, most, above):
    load(_market(**{field: most}))
    with pytest.raises(UserError):
        load(_market(**{field: above}))


@pytest.mark.parametrize(
    "field, most, above",
    [
        ("target_collateralization_ratio", "10", "10.000000000000000001"),
        ("deposit_cap", "10000000000000000000", "10000000000000000000.000000000000000001"),
        ("protocol_fee_rate", "0.5", "0.500000000000000001"),
    ],
)
def test_load__bound_outside_markets__holds_to_the_unit(load, field, most, above):
    assert getattr(load(LOCAL | {field: most}), field) == scaled(Decimal(most), 18)
    with pytest.raises(UserError, match=f": {field}: {above} is outside 0 to {most}$"):
        load(LOCAL | {field: above})


# ------------------------------------------------------------------------------------------- files


def test_load__no_file__says_so(tmp_path):
    path = tmp_path / "nowhere.yml"
    with pytest.raises(UserError) as raised:
        Parameters.load(path)
    assert raised.value.format_message() == f"there is no parameters file {path}"


def test_load__folder__cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="cannot be read: "):
        Parameters.load(tmp_path)


def test_load__not_text__cannot_be_read(tmp_path):
    path = tmp_path / "network.yml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read: "):
        Parameters.load(path)


@pytest.mark.parametrize(
    "text, message",
    [
        ("chain_id: [1", "line 1: expected ',' or ']', but got '<stream end>'"),
        ("a: 1\n b: 2", "line 2: mapping values are not allowed here"),
        ("chain_id: 1\nchain_id: 2", "line 2: chain_id is given twice"),
        ("", "the file: should be a list of fields with values"),
        ("just text", "the file: should be a list of fields with values"),
    ],
)
def test_load__no_parameters_in_it__says_where(refused, text, message):
    refused(text, message)


# ------------------------------------------------------------------------------------------ guards


def test_load__public_network_with_a_mock__refused(refused):
    message = "markets[0].feed: a mock, which anyone can set, is for local chains only"
    refused(_public(feed=MARKET["feed"]), message)


def test_load__public_network_by_the_difference_of_sides__refused(refused):
    content = PUBLIC | {"reserves_by_larger_side": "false"}
    refused(content, "reserves_by_larger_side: must be true on a public network")


def test_load__public_fees_below_the_feeds_deviation__refused(refused):
    message = (
        "markets[0].opening_fee_rate: with closing_fee_rate it is 0.004999999999999999, below "
        "feed_deviation_threshold 0.005: anyone could trade ahead of the feed; "
        "a min_execution_delay prevents that, allow_free_fills: true accepts it"
    )
    refused(_public(closing_fee_rate="0.003999999999999999"), message)


@pytest.mark.parametrize(
    "content",
    [
        _public(closing_fee_rate="0.004"),
        _public(closing_fee_rate="0", opening_fee_rate="0", allow_free_fills="true"),
        _public(closing_fee_rate="0", opening_fee_rate="0", min_execution_delay="1"),
        _public(closing_fee_rate="0", opening_fee_rate="0", feed_deviation_threshold="0"),
        _market(closing_fee_rate="0", opening_fee_rate="0"),
        _market(feed=FEED),
        LOCAL | {"chain_id": "1337"},
        LOCAL | {"reserves_by_larger_side": "true"},
    ],
)
def test_load__guards_kept_or_not_meant__accepted(load, content):
    assert load(content).markets[0].name == "BTC"
