"""What a deployment does not begin, go on with, or load."""

import json

import pytest

from prep.deploy.record import Deployment
from prep.errors import UserError
from tests.integration.deploy.conftest import CHAIN


@pytest.fixture
def refused(run, deployer, params, path):
    """Expects this message, not a transaction, and the record untouched."""

    def refused(message, params=params, account=deployer):
        nonce, before = account.nonce, path.read_text() if path.exists() else None
        with pytest.raises(UserError) as raised:
            run(params, account)
        assert message in raised.value.format_message()
        assert account.nonce == nonce
        assert (path.read_text() if path.exists() else None) == before

    return refused


@pytest.fixture
def edited(path):
    """Writes the record with these fields changed, None to leave one out."""

    def edited(**changes):
        raw = json.loads(path.read_text()) | changes
        kept = {key: value for key, value in raw.items() if key not in changes or value is not ...}
        path.write_text(json.dumps(kept))

    return edited


def test_deploy__parameters_of_another_chain__names_both(refused, params):
    other = params.model_copy(update={"chain_id": 11155111})
    refused("the parameters are for chain 11155111, but this is chain 31337", other)


def test_deploy__feed_without_code__refused_before_anything_is_sent(refused, params, stranger):
    market = params.markets[0].model_copy(update={"feed": stranger.address})
    message = f"market BTC: there is no contract at its feed {stranger.address}"
    refused(message, params.model_copy(update={"markets": (market,)}))


def test_deploy__account_without_funds__refused(refused, stranger, chain):
    poor = stranger
    chain.set_balance(poor, 0)
    refused(f"{poor.address} has no funds on chain 31337", account=poor)


def test_deploy__other_parameters_than_recorded__names_the_field(run, refused, params):
    run(params)
    market = params.markets[0].model_copy(update={"heartbeat": 7201})
    refused(
        "was begun with other parameters: markets[0].heartbeat has changed; --fresh starts over",
        params.model_copy(update={"markets": (market,)}),
    )
    refused(
        "was begun with other parameters: markets has changed",
        params.model_copy(update={"markets": 2 * params.markets}),
    )


def test_deploy__unfinished_by_another_account__refused(run, refused, params, edited, stranger):
    run(params)
    edited(finishedAt=None)
    refused(f", not by {stranger.address}", account=stranger)


def test_deploy__unfinished_with_other_code__refused(run, refused, params, edited):
    run(params)
    edited(codeHash="0x00")
    run(params)  # finished: nothing more is made with this code
    edited(finishedAt=None)
    refused("was begun with other contracts: their code has changed")


def test_deploy__record_of_a_chain_that_is_gone__refused(run, refused, params, isolated):
    with isolated():
        run(params)
    refused("is on another chain with id 31337 (its node ended with the command that deployed)")


def test_deploy__record_of_a_restarted_node__says_so(run, refused, params, edited, isolated):
    with isolated():
        run(params)
    edited(temporary=False)
    refused("there is no Authority on this one")


def test_deploy__same_addresses_on_another_chain__refused(run, refused, params, edited, path):
    run(params)
    steps = json.loads(path.read_text())["steps"]
    steps["grantRole GUARDIAN"]["transaction"] = "0x" + 64 * "1"
    edited(steps=steps)
    refused("its transactions are unknown on this one; --fresh starts over")


def test_deploy__record_of_another_chain_id__refused(run, refused, params, edited):
    run(params)
    edited(chainId=1)
    refused("is about chain 1, not 31337")


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "Invalid JSON"),
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ("{}", "chainId: Field required"),
    ],
)
def test_deploy__broken_record__refused(refused, path, text, reason):
    path.parent.mkdir()
    path.write_text(text)
    refused(f"{path} is not a record of a deployment: {reason}")
    with pytest.raises(UserError, match="is not a record of a deployment"):
        Deployment.load(CHAIN, path.parent)


def test_deploy__record_with_an_unknown_field__refused(run, refused, params, edited):
    run(params)
    edited(owner="me")
    refused("is not a record of a deployment: owner: Extra inputs are not permitted")


@pytest.mark.parametrize("address", ["0x12", "vitalik.eth", "", "0x" + 40 * "g"])
def test_deploy__record_with_an_address_that_is_none__refused(
    run, refused, params, edited, address
):
    run(params)
    edited(deployer=address)
    refused("is not a record of a deployment: deployer: String should match pattern")


def test_deploy__record_that_cannot_be_read__refused(refused, path):
    path.mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be read: "):
        Deployment.load(CHAIN, path.parent)


def test_load__nothing_deployed__says_so(tmp_path):
    with pytest.raises(UserError, match=r"nothing is deployed on chain 7: .*7\.json is missing"):
        Deployment.load(7, tmp_path)


def test_load__another_chains_record__refused(run, params, path, edited):
    run(params)
    edited(chainId=1)
    with pytest.raises(UserError, match="is about chain 1, not 31337"):
        Deployment.load(CHAIN, path.parent)


def test_load__unfinished__refused(run, params, path, edited):
    run(params)
    edited(finishedAt=None)
    with pytest.raises(UserError, match="unfinished deployment: run `ape run deploy` again"):
        Deployment.load(CHAIN, path.parent)


def test_save__write_fails__old_record_stays(run, params, path, monkeypatch):
    run(params)
    before = path.read_text()
    record = Deployment.read(path)
    record.finished_at = None

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot be written: No space left on device"):
        record.save(path)
    assert path.read_text() == before
