"""Averaged prices of pools in a parameters file: refused where the contract would refuse them."""

from pathlib import Path

import pytest
import yaml

from prep.deploy.params import Parameters
from prep.errors import UserError
from tests.unit.oracle.conftest import PAIRS, PERIOD

LOCAL = Path(__file__).parents[3] / "deployments" / "params" / "local.yml"
TWAP = {"check": "twap", "twap_period": "1800", "twap_min_liquidity": "1801"}


@pytest.fixture
def load(tmp_path):
    """The local parameters with changes of the first pair. That pair."""

    def load(**changes):
        content = yaml.load(LOCAL.read_text(encoding="utf-8"), yaml.BaseLoader)
        content["margin"]["pairs"][0] |= changes
        path = tmp_path / "network.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return Parameters.load(path).margin.pairs[0]

    return load


@pytest.mark.parametrize("period, liquidity", [("1800", "1801"), ("86400", "86401")])
def test_load__bounds_of_the_contract__struct_that_it_takes(
    load, create_market, project, admin, period, liquidity
):
    pair = load(**TWAP | {"twap_period": period, "twap_min_liquidity": liquidity})
    pool = create_market(PAIRS["WETH-USD"]).pool
    oracle = admin.deploy(project.TwapOracle, pair.twap_struct(pool.address, *pool.tokens))
    assert (oracle.base(), oracle.quote()) == pool.tokens
    assert (oracle.period(), oracle.minLiquidity()) == (int(period), int(liquidity))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"twap_period": "1799"}, "twap_period: 1799 is outside 1800 to 86400 seconds"),
        (
            {"twap_period": "86401", "twap_min_liquidity": "86402"},
            "twap_period: 86401 is outside 1800 to 86400 seconds",
        ),
        ({"twap_period": "0"}, "twap_period: is for `check: twap`, which needs one"),
        ({"check": "feeds"}, "twap_period: is for `check: twap`, which needs one"),
        ({"twap_min_liquidity": "1800"}, "twap_min_liquidity: 1800 is not above twap_period"),
        (
            {"check": "feeds", "twap_period": "0"},
            "twap_min_liquidity: is for `check: twap`",
        ),
    ],
)
def test_load__what_the_contract_would_refuse__refused(load, changes, message):
    with pytest.raises(UserError) as raised:
        load(**TWAP | changes)
    assert f"margin.pairs[0].{message}" in raised.value.format_message()


def test_load__shortest_period__as_the_contract_has_it(load):
    assert load(**TWAP).twap_period == PERIOD
