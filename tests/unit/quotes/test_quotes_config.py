"""Settings of a quote service."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from prep.deploy.record import Deployment
from prep.errors import UserError
from prep.quotes.config import Settings, secret
from scripts.quotes import cli
from tests.unit.quotes.fake import BASE, FACTORY, LONG, QUOTE, QUOTER, ROUTER, SHORT, WETH

CONTENT = {
    "chain_id": 31337,
    "pools": {"long": LONG, "short": SHORT},
    "exchange": {"factory": FACTORY, "router": ROUTER, "quoter": QUOTER},
    "pairs": [{"base": BASE, "quote": QUOTE, "routes": [{"fees": [3000]}]}],
}


@pytest.fixture
def load(tmp_path):
    """From a file with this content."""

    def read(content, deployment=None):
        path = tmp_path / "quotes.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return Settings.load(path, deployment)

    return read


def deployment(exchange="local"):
    def contract(address):
        return {
            "name": "x",
            "source": "x",
            "address": address,
            "arguments": {},
            "transaction": "0x",
            "block": 1,
            "timestamp": 1,
        }

    names = {"LongPool": LONG, "ShortPool": SHORT, "PrepToken": QUOTE, "WETH/token": WETH}
    names |= {"Uniswap/factory": FACTORY, "Uniswap/router": ROUTER, "Uniswap/quoter": QUOTER}
    return Deployment(
        chain_id=31337,
        deployer=BASE,
        temporary=False,
        compiler={"version": "1", "evm_version": None, "optimizer": True, "optimizer_runs": 1},
        code_hash="0x",
        parameters={
            "margin": {"exchange": exchange},
            "credit": {
                "assets": [
                    {"name": "PREP"},
                    {"name": "WETH", "token": "mock"},
                    {"name": "WBTC", "token": BASE},
                ]
            },
        },
        started_at=1,
        finished_at=2,
        contracts={name: contract(address) for name, address in names.items()},
    )


def test_load__the_least__has_defaults(load):
    settings = load(CONTENT)
    assert (settings.lifetime, settings.slippage, settings.max_slippage) == (60, 50, 500)
    assert settings.pair(BASE, QUOTE).open_fee == 0
    assert settings.pair(QUOTE, BASE) is None
    assert settings.curve(BASE) is None
    assert str(settings.limits.per_trader) == "30 per 1 minute"


def test_load__fractions__are_basis_points_and_wad(load):
    pair = CONTENT["pairs"][0] | {"open_fee": 0.0005, "close_fee": "0.009"}
    rate = {"token": BASE, "at_zero": 0.02, "at_kink": 0.1, "at_full": 1, "kink": 0.8}
    settings = load(CONTENT | {"pairs": [pair], "rates": [rate], "slippage": 0.001})
    assert (settings.pairs[0].open_fee, settings.pairs[0].close_fee) == (5, 90)
    assert settings.slippage == 10
    assert settings.curve(BASE).at_kink == 10**17
    assert settings.curve(QUOTE) is None


def test_routes__of_a_pair__go_both_ways(load):
    pair = CONTENT["pairs"][0] | {"routes": [{"fees": [500, 3000], "via": [WETH]}]}
    (there,) = load(CONTENT | {"pairs": [pair]}).pairs[0].routes_of(selling_base=True)
    (back,) = load(CONTENT | {"pairs": [pair]}).pairs[0].routes_of(selling_base=False)
    assert (there.tokens, there.fees) == ((BASE, WETH, QUOTE), (500, 3000))
    assert (back.tokens, back.fees) == ((QUOTE, WETH, BASE), (3000, 500))


RATE = {"token": BASE, "at_zero": 0, "at_kink": 0.1, "at_full": 1, "kink": 0.8}
PAIR = CONTENT["pairs"][0]


@pytest.mark.parametrize(
    "change, fault",
    [
        ({"colour": "red"}, "colour: is not a parameter"),
        ({"pairs": []}, "pairs: is empty"),
        ({"pairs": [PAIR, PAIR]}, "pairs[1]: is given twice, or both ways round"),
        (
            {"pairs": [PAIR, PAIR | {"base": QUOTE, "quote": BASE}]},
            "pairs[1]: is given twice, or both ways round",
        ),
        ({"pairs": [PAIR | {"base": "WETH"}]}, "pairs[0].base: 'WETH' is not an address"),
        ({"pairs": [PAIR | {"open_fee": 0.0091}]}, "pairs[0].open_fee: 0.0091 is above 0.009"),
        ({"pairs": [PAIR | {"open_fee": 0.00001}]}, "pairs[0].open_fee: "),
        (
            {"pairs": [PAIR | {"routes": [{"fees": [3000, 500]}]}]},
            "pairs[0].routes[0]: a route of 2 tokens does not have 2 fees",
        ),
        (
            {"pairs": [PAIR | {"routes": [{"fees": [1_000_000]}]}]},
            "pairs[0].routes[0].fees[0]: 1000000 millionths is no fee of a pool",
        ),
        ({"pools": {"long": LONG, "short": LONG}}, "pools.short: is the long pool too"),
        ({"rates": [RATE, RATE]}, "rates[1].token: is given twice"),
        ({"rates": [RATE | {"kink": 1}]}, "rates[0]: kink of "),
        ({"rates": [RATE | {"at_full": 11}]}, "rates[0]: atFull of "),
        ({"lifetime": 4}, "lifetime: "),
        ({"lifetime": 601}, "lifetime: "),
        ({"slippage": 0.06}, "slippage: is above max_slippage"),
        ({"max_slippage": 0.5001}, "max_slippage: 0.5001 is above 0.5"),
        (
            {"limits": {"per_trader": "often"}},
            "limits.per_trader: 'often' is not a limit such as 30/minute",
        ),
        ({"chain_id": "one"}, "chain_id: 'one' is not a whole number"),
    ],
)
def test_load__a_fault__is_one_line_with_file_and_field(load, change, fault):
    with pytest.raises(UserError) as raised:
        load(CONTENT | change)
    path, _, reason = raised.value.format_message().partition("quotes.yml: ")
    assert path.endswith("/")
    assert reason.startswith(fault)


@pytest.mark.parametrize("proxy", ["nonsense", "10.0.0", "", "http://10.0.0.7"])
def test_command__trusted_proxy_that_is_no_address__refused(proxy):
    result = CliRunner().invoke(cli, ["--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", proxy])
    assert result.exit_code == 2
    assert f"{proxy} is no address such as 10.0.0.7 or 10.0.0.0/8" in result.output


def test_load__no_file__says_so(tmp_path):
    with pytest.raises(UserError, match="there is no parameters file"):
        Settings.load(tmp_path / "none.yml")


def test_load__with_a_deployment__takes_names_and_addresses_of_it(load):
    content = {"chain_id": 31337, "pairs": [PAIR | {"base": "WETH", "quote": "PREP"}]}
    settings = load(content, deployment())
    assert (settings.pools.long, settings.pools.short) == (LONG, SHORT)
    assert settings.exchange.quoter == QUOTER
    assert settings.pair(WETH, QUOTE) is not None
    assert load(CONTENT | {"pairs": [PAIR | {"base": "WBTC"}]}, deployment()).pair(BASE, QUOTE)


def test_load__its_own_addresses__come_before_the_deployments(load):
    pools = {"long": SHORT, "short": LONG}
    assert load(CONTENT | {"pools": pools}, deployment()).pools.long == SHORT


def test_load__an_exchange_that_was_there__is_that_of_the_parameters(load):
    exchange = {"factory": QUOTER, "router": FACTORY, "quoter": ROUTER}
    content = {key: value for key, value in CONTENT.items() if key != "exchange"}
    assert load(content, deployment(exchange)).exchange.router == FACTORY
    with pytest.raises(UserError, match="exchange: is missing"):
        load(content)


def test_local__as_it_is_in_the_repository__is_good():
    path = Path(__file__).parents[3] / "deployments" / "quotes" / "local.yml"
    settings = Settings.load(path, deployment())
    assert len(settings.pairs) == 3


def test_secret__shown__is_hidden(monkeypatch):
    monkeypatch.setenv("PREP_QUOTES_KEY", "hush")
    found = secret("PREP_QUOTES_KEY")
    assert "hush" not in f"{found} {found!r}"
    assert found.get_secret_value() == "hush"
    monkeypatch.setenv("PREP_QUOTES_KEY", "")
    assert secret("PREP_QUOTES_KEY") is None
