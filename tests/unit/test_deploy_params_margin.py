"""Asset-backed positions in a parameters file: exact numbers, and every refusal in one line."""

from pathlib import Path

import pytest
import yaml

from prep.deploy.params import Parameters
from prep.errors import UserError
from prep.model.margin.terms import PairTerms

WAD = 10**18
FOLDER = Path(__file__).parents[2] / "deployments" / "params"
ADDRESS = "0x1b44F3514812d835EB1BDB0acB33d3fA3351Ee43"
EXCHANGE = {"factory": ADDRESS, "router": ADDRESS, "quoter": ADDRESS}


@pytest.fixture
def load(tmp_path):
    """Loads the local file with changes of its margin: of the first lent token, of the first pair
    (checked by feeds) and of the last one (by limits), and of the file."""

    def load(lent=None, pair=None, limited=None, roles=None, file=None, **changes):
        text = (FOLDER / "local.yml").read_text(encoding="utf-8")
        content = yaml.load(text, yaml.BaseLoader)
        margin = content["margin"]
        margin["lent"][0] |= lent or {}
        margin["pairs"][0] |= pair or {}
        margin["pairs"][-1] |= limited or {}
        margin |= changes
        content["roles"] |= roles or {}
        content["roles"] = {k: v for k, v in content["roles"].items() if v is not None}
        content |= file or {}
        content = {key: value for key, value in content.items() if value is not None}
        path = tmp_path / "network.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return Parameters.load(path).margin

    return load


def test_load__numbers__are_exact(load):
    margin = load(
        lent={"max_apy": "9.999999999999999999", "long_cap": "1.000000000000000001"},
        pair={
            "max_leverage": "5.0001",
            "maintenance_margin": "0.0302",
            "liquidation_fee": "0.0101",
            "max_deviation": "0.0301",
        },
        limited={"long_limit": "1.000000000000000001", "short_limit": "0.00000001"},
    )
    assert (margin.lent[0].max_apy, margin.lent[0].cap(True, 18)) == (10 * WAD - 1, WAD + 1)
    assert (margin.lent[1].cap(True, 18), margin.lent[2].cap(False, 8)) == (10**36, 10**13)
    first, last = margin.pairs[0], margin.pairs[-1]
    assert (first.max_leverage, first.maintenance_margin, first.max_deviation) == (50_001, 302, 301)
    terms = last.terms(8, 18)
    assert terms == PairTerms(
        max_leverage=30_000,
        maintenance_margin=500,
        liquidation_fee=200,
        long_limit=WAD + 1,
        short_limit=1,
    )
    struct = last.terms_struct(ADDRESS, 8, 18)
    assert list(struct.values()) == [ADDRESS, 30_000, 500, 200, 0, WAD + 1, 1, False]


def test_load__local_file__has_pairs_of_both_kinds(load):
    assert [pair.check for pair in load().pairs] == ["feeds", "feeds", "none"]


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"wrapped_ether": "WBTC"}, "wrapped_ether: WBTC is no token of 18 decimals in `credit`"),
        ({"wrapped_ether": "PREP"}, "wrapped_ether: PREP is no token of 18 decimals in `credit`"),
        ({"grace_period": "599"}, "grace_period: Input should be greater than or equal to 600"),
        ({"grace_period": "86401"}, "grace_period: Input should be less than or equal to 86400"),
        ({"exchange": "uniswap"}, "exchange: Input should be 'local'"),
        ({"exchange": {"factory": ADDRESS}}, "exchange.router: is missing"),
        ({"pairs": []}, "pairs: is empty"),
        ({"lent": {"name": "GOLD"}}, "lent[0].name: GOLD is no asset with `lending` in `credit`"),
        ({"lent": {"name": "SHARES"}}, "lent[0].name: SHARES is no asset with `lending`"),
        ({"lent": {"name": "WETH"}}, "lent: WETH is given twice"),
        ({"lent": {"max_apy": "10.1"}}, "lent[0].max_apy: 10.1 is outside 0 to 10"),
        ({"lent": {"long_cap": "1000000000000000001"}}, "lent[0].long_cap: 1000000000000000001 is"),
        ({"pair": {"base": "GOLD"}}, "pairs[0].base: GOLD is not in `lent`"),
        ({"pair": {"base": "PREP", "quote": "WETH"}}, "pairs[0].base: PREP is the unit of account"),
        ({"pair": {"quote": "WETH"}}, "pairs[0].quote: WETH is the base token too"),
        ({"pair": {"base": "WBTC"}}, "pairs[1]: WBTC/PREP is given twice, or the other way round"),
        ({"limited": {"base": "WETH", "quote": "WBTC"}}, None),
        ({"pair": {"max_leverage": "1"}}, "pairs[0].max_leverage: 1 is outside 1.0001 to 10"),
        ({"pair": {"max_leverage": "10.0001"}}, "pairs[0].max_leverage: 10.0001 is outside"),
        ({"pair": {"max_leverage": "5.00001"}}, "pairs[0].max_leverage: 5.00001 has 5 decimals"),
        ({"pair": {"maintenance_margin": "0.0099"}}, "maintenance_margin: 0.0099 is outside 0.01"),
        ({"pair": {"liquidation_fee": "0.0501"}}, "liquidation_fee: 0.0501 is outside 0 to 0.05"),
        ({"pair": {"max_deviation": "0.0501"}}, "max_deviation: 0.0501 is outside 0.001 to 0.05"),
        ({"pair": {"max_deviation": "0"}}, "pairs[0].check: either a price with max_deviation"),
        ({"pair": {"long_limit": "1"}}, "pairs[0].check: either a price with max_deviation"),
        ({"limited": {"max_deviation": "0.01"}}, "pairs[2].check: either a price with"),
        ({"limited": {"long_limit": "0", "short_limit": "0"}}, "pairs[2].check: either a price"),
        (
            {"pair": {"max_leverage": "10", "max_deviation": "0.05"}},
            "pairs[0].max_leverage: times maintenance_margin plus max_deviation is not below 1",
        ),
        ({"limited": {"short_limit": "0.000000001"}}, "pairs[2].short_limit: 0.000000001 has 9"),
        ({"pair": {"check": "twap"}}, "pairs[0].twap_period: is for `check: twap`, which needs"),
        ({"pair": {"pool_fee": "100"}}, "pairs[0].pool_fee: 100 is none of 500, 3000, 10000"),
        ({"pair": {"twap_period": "1800"}}, "pairs[0].twap_period: is for `check: twap`"),
        ({"pair": {"check": "gut"}}, "pairs[0].check: Input should be 'feeds', 'twap' or 'none'"),
        ({"roles": {"liquidator": None}}, "roles.liquidator: is missing: `margin` needs it"),
        ({"file": {"credit": None}}, "credit accounts, but there is no `credit`"),
    ],
)
def test_load__fault__names_field_and_reason(load, changes, reason):
    if reason is None:
        assert load(**changes).pairs[-1].name == "WETH/WBTC"
        return
    with pytest.raises(UserError) as raised:
        load(**changes)
    assert reason in raised.value.format_message()


def test_load__pool_fee_that_a_new_factory_does_not_know__fine_on_an_exchange_that_is_there(load):
    assert load(exchange=EXCHANGE, pair={"pool_fee": "100"}).pairs[0].pool_fee == 100


def test_load__public_network__refuses_what_is_local(load):
    for changes, reason in (
        ({}, "margin.exchange: one that is deployed along is for local chains only"),
        ({"exchange": EXCHANGE}, "margin.pairs[0].local_liquidity: is for local chains only"),
    ):
        with pytest.raises(UserError) as raised:
            _public(load, **changes)
        assert reason in raised.value.format_message()


def _public(load, **changes):
    """The local file without what is wrong on a public network besides."""
    content = yaml.load((FOLDER / "local.yml").read_text(encoding="utf-8"), yaml.BaseLoader)
    markets = [m | {"feed": ADDRESS} for m in content["markets"]]
    assets = [
        a | ({"feed": ADDRESS, "token": ADDRESS} if "feed" in a else {})
        for a in content["credit"]["assets"]
    ]
    file = {"chain_id": "1", "reserves_by_larger_side": "true", "markets": markets}
    return load(file=file | {"credit": {"assets": assets}}, **changes)
