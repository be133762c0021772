"""Nodes that fail, answer nonsense or know a transaction already, as the keeper sees them."""

import re
from json import JSONDecodeError

import pytest
from requests import Response
from requests.exceptions import ConnectionError, ConnectTimeout, HTTPError, ReadTimeout
from web3 import HTTPProvider, Web3

from prep.keeper.chain import Chain, NodeError, Reverted, SendError


class Broken(HTTPProvider):
    """Fails in one way, at a secret address."""

    def __init__(self, error):
        super().__init__("http://localhost/secret", exception_retry_configuration=None)
        self.error = error

    def make_request(self, method, params):
        raise self.error


def http_error(status):
    response = Response()
    response.status_code, response.url = status, "http://localhost/secret"
    return HTTPError(f"{status} Error for url: {response.url}", response=response)


@pytest.mark.parametrize(
    "error, said",
    [
        (ConnectionError("GET /secret"), "connection refused or lost"),
        (ConnectTimeout("GET /secret"), "cannot be reached"),
        (ReadTimeout("GET /secret"), "did not answer in time"),
        (http_error(429), "HTTP 429"),
        (JSONDecodeError("Expecting value", "<html>", 0), "Expecting value: line 1 column 1"),
    ],
)
def test_chain__node_fails__says_how_without_its_address(error, said):
    chain = Chain(Web3(Broken(error)))
    with pytest.raises(NodeError) as raised:
        chain.block_number()
    assert str(raised.value).startswith(said)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "answer, said",
    [
        ({"error": {"code": -32000, "message": "header not\nfound"}}, "^header not found$"),
        ({"result": None}, "^BlockNotFound$"),
    ],
)
def test_chain__node_answers_with_an_error__says_what_it_said(answer, said):
    provider = Broken(None)
    provider.make_request = lambda method, params: {"jsonrpc": "2.0", "id": 1, **answer}
    with pytest.raises(NodeError, match=said):
        Chain(Web3(provider)).latest_block()


@pytest.mark.parametrize(
    "said", ["gas required exceeds allowance (30000000)", "out of gas", "invalid opcode: INVALID"]
)
def test_estimate_gas__contract_burns_all_gas__is_its_refusal(project, said):
    provider = Broken(None)
    error = {"code": -32000, "message": said}
    provider.make_request = lambda method, params: {"jsonrpc": "2.0", "id": 1, "error": error}
    chain = Chain(Web3(provider))
    contract = chain.at("0x" + 40 * "1", project.CreditManager.contract_type)
    with pytest.raises(Reverted, match=re.escape(said)):
        chain.estimate_gas(contract, "liquidate", 1, 2, 3, 4, sender=None)


RECEIPT = {
    "status": "0x1",
    "gasUsed": "0x5208",
    "transactionHash": "0x" + 64 * "1",
    "blockNumber": "0x2",
    "logs": [],
}


def answering(result):
    provider = Broken(None)
    provider.make_request = lambda method, params: {"jsonrpc": "2.0", "id": 1, "result": result}
    return Chain(Web3(provider))


@pytest.mark.parametrize("lacks", ["status", "gasUsed", "transactionHash", "blockNumber", "logs"])
def test_receipt__something_is_missing__is_the_node_s_failure(lacks):
    assert answering(RECEIPT).receipt("0x" + 64 * "1")["gasUsed"] == 21_000
    chain = answering({name: value for name, value in RECEIPT.items() if name != lacks})
    with pytest.raises(NodeError, match="not the answer of a node"):
        chain.receipt("0x" + 64 * "1")


def test_receipt__without_a_block__is_not_mined_yet():
    assert answering(RECEIPT | {"blockNumber": None}).receipt("0x" + 64 * "1") is None


@pytest.mark.parametrize("block", [{"number": "0x1"}, {"timestamp": "0x1"}, "0x1", ["0x1"]])
def test_latest_block__not_one__is_the_node_s_failure(block):
    with pytest.raises(NodeError, match="not the answer of a node"):
        answering(block).latest_block()


@pytest.mark.parametrize("answers", [[{"id": 1}], ["0x1"], [None], [{"error": "down"}]])
def test_many__answers_that_are_none__are_the_node_s_failure(answers):
    provider = Broken(None)
    provider.make_batch_request = lambda requests: answers
    with pytest.raises(NodeError):
        Chain(Web3(provider)).many([("eth_blockNumber", [])])


def test_event__not_exactly_one__is_the_node_s_failure(project):
    chain = answering(None)
    contract = chain.at("0x" + 40 * "1", project.LongPool.contract_type)
    receipt = answering(RECEIPT).receipt("0x" + 64 * "1")
    with pytest.raises(NodeError, match=r"0x1111.* has 0 events PositionLiquidated"):
        chain.event(receipt, contract, "PositionLiquidated")


@pytest.mark.parametrize("known", ["already known", "transaction already imported"])
def test_send__node_has_it_already__is_no_error(known):
    provider = Broken(None)
    error = {"code": -32000, "message": known}
    provider.make_request = lambda method, params: {"jsonrpc": "2.0", "id": 1, "error": error}
    Chain(Web3(provider)).send(b"\x02")


def test_reverted__with_arguments__has_the_name_of_the_error():
    assert Reverted("UnknownPosition(id=3)").name == "UnknownPosition"
    assert Reverted("execution reverted").name == "execution reverted"


def test_send__node_refuses__is_an_error_of_its_own():
    provider = Broken(None)
    error = {"code": -32000, "message": "nonce too low"}
    provider.make_request = lambda method, params: {"jsonrpc": "2.0", "id": 1, "error": error}
    with pytest.raises(SendError, match="nonce too low"):
        Chain(Web3(provider)).send(b"\x02")
