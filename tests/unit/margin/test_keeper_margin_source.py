"""Events as nodes tell them, and what their refusals mean."""

import pytest
from eth_abi import encode
from eth_utils import keccak
from requests import Response
from requests.exceptions import ConnectionError, HTTPError, ReadTimeout
from web3.exceptions import Web3RPCError

from prep.keeper.chain import NodeError, Reverted
from prep.keeper.margin.source import NodeSource
from prep.margin.data import Closing, abi_type
from prep.margin.index import RangeRefused
from prep.margin.index_events import Block, Changed, Mark, Marked
from tests.unit.margin.chain import LONG, SHORT, TRADER, position

POSITION = abi_type(type(position(1)))
CLOSING = abi_type(Closing)


class Node:
    """Answers what it is told to, and keeps what it was asked."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    def many(self, requests):
        self.asked.append(list(requests))
        found = []
        for method, parameters in requests:
            answer = self.answers[method]
            answer = answer(*parameters) if callable(answer) else answer
            if isinstance(answer, Exception) and not isinstance(answer, Reverted):
                raise NodeError("no") from answer
            found.append(answer)
        return found


@pytest.fixture
def node():
    return Node()


@pytest.fixture
def source(node, project):
    pool_type = project.get_contract("LongPool").contract_type
    return NodeSource(node, (LONG, SHORT), pool_type, batch_size=2)


def log(signature, indexed, kinds, values, block=7, index=0, pool=LONG):
    return {
        "address": pool.lower(),
        "topics": [
            "0x" + keccak(text=signature).hex(),
            *("0x" + encode([kind], [value]).hex() for kind, value in indexed),
        ],
        "data": "0x" + encode(kinds, values).hex(),
        "blockNumber": hex(block),
        "logIndex": hex(index),
    }


def of(number):
    return ("uint256", number), ("address", TRADER)


def opened(number, **where):
    kinds = [POSITION, *5 * ["uint256"]]
    return log(
        f"PositionOpened(uint256,address,{','.join(kinds)})",
        of(number),
        kinds,
        [tuple(position(number)), *range(5)],
        **where,
    )


def test_events__of_all_kinds__are_what_they_say(node, source):
    p, c = tuple(position(3, nonce=4)), tuple(range(8))
    eight = 8 * ["uint256"]
    logs = [
        opened(1),
        log(
            f"PositionIncreased(uint256,address,{POSITION},{','.join(eight[:6])})",
            of(3),
            [POSITION, *eight[:6]],
            [p, *range(6)],
        ),
        log(
            f"PositionClosed(uint256,address,{POSITION},{CLOSING})",
            of(3),
            [POSITION, CLOSING],
            [p, c],
        ),
        log(
            f"PositionLiquidated(uint256,address,address,{POSITION},{CLOSING})",
            (*of(3), ("address", TRADER)),
            [POSITION, CLOSING],
            [p, c],
        ),
        log(
            f"CollateralChanged(uint256,address,{POSITION},int256)",
            of(3),
            [POSITION, "int256"],
            [p, -1],
        ),
        log(
            f"InterestRecorded(uint256,address,{POSITION},uint256)",
            of(3),
            [POSITION, "uint256"],
            [p, 1],
        ),
        log(
            "PositionMarked(uint256,uint256,uint256)",
            [("uint256", 9)],
            ["uint256", "uint256"],
            [5, 6],
        ),
        log("PositionUnmarked(uint256)", [("uint256", 2**255)], [], [], pool=SHORT),
    ]
    node.answers["eth_getLogs"] = logs
    found = source.events(5, 8)
    assert found[0] == Changed(LONG, 7, position(1))
    assert found[1:6] == 5 * [Changed(LONG, 7, position(3, nonce=4))]
    assert found[6:] == [Marked(LONG, 7, 9, Mark(5, 6)), Marked(SHORT, 7, 2**255, None)]
    ((method, (wanted,)),) = node.asked[0]
    assert method == "eth_getLogs"
    assert (wanted["fromBlock"], wanted["toBlock"]) == ("0x5", "0x8")
    assert wanted["address"] == [LONG, SHORT]
    assert sorted(wanted["topics"][0]) == sorted({entry["topics"][0] for entry in logs})


def test_events__in_any_order__come_in_that_of_the_chain(node, source):
    node.answers["eth_getLogs"] = [
        opened(3, block=16, index=0),
        opened(2, block=9, index=10),
        opened(1, block=9, index=2),
    ]
    assert [event.position.id for event in source.events(1, 20)] == [1, 2, 3]


def http(status):
    response = Response()
    response.status_code = status
    return HTTPError(response=response)


@pytest.mark.parametrize(
    "answer",
    [
        Reverted("query returned more than 10000 results"),
        Web3RPCError("block range is too wide"),
        ReadTimeout(),
        http(413),
        http(503),
    ],
)
def test_events__refused_or_too_slow__fewer_may_go(node, source, answer):
    node.answers["eth_getLogs"] = answer
    with pytest.raises(RangeRefused):
        source.events(1, 20)


@pytest.mark.parametrize("answer", [ConnectionError(), http(429)])
def test_events__no_node_or_asked_too_often__fewer_would_not_help(node, source, answer):
    node.answers["eth_getLogs"] = answer
    with pytest.raises(NodeError):
        source.events(1, 20)


@pytest.mark.parametrize("answer", [[{}], None, [opened(1) | {"data": "0x12"}], 5])
def test_events__nonsense__is_an_error(node, source, answer):
    node.answers["eth_getLogs"] = answer
    with pytest.raises(NodeError, match="not the answer of a node"):
        source.events(1, 20)


def test_events_of__asks_by_hashes_in_batches(node, source):
    hashes = [f"0x{n:064x}" for n in range(3)]
    node.answers["eth_getLogs"] = lambda wanted: [opened(int(wanted["blockHash"], 16))]
    found = source.events_of([Block(n, hash_) for n, hash_ in enumerate(hashes)])
    assert [event.position.id for event in found] == [0, 1, 2]
    assert [[a[1][0]["blockHash"] for a in asked] for asked in node.asked] == [
        hashes[:2],
        hashes[2:],
    ]


def test_events_of__block_that_the_node_has_no_longer__is_an_error(node, source):
    node.answers["eth_getLogs"] = Reverted("unknown block")
    with pytest.raises(NodeError, match="events of block 4: unknown block"):
        source.events_of([Block(4, "0x1")])


def test_blocks__missing__are_none_and_refused_ones_an_error(node, source):
    known = {"number": "0x4", "hash": "0xAB", "parentHash": "0xCD"}
    node.answers["eth_getBlockByNumber"] = lambda number, _: known if number == "0x4" else None
    assert source.blocks([4, 5, 6]) == [Block(4, "0xab"), None, None]
    assert source.blocks([4])[0].parent == "0xcd"
    node.answers["eth_getBlockByNumber"] = Reverted("header not found")
    with pytest.raises(NodeError, match="header not found"):
        source.blocks([4])


def test_head__none__is_an_error(node, source):
    node.answers["eth_getBlockByNumber"] = None
    with pytest.raises(NodeError, match="no newest block"):
        source.head()
