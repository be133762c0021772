"""`ape run quotes` as its user runs it: a process that listens on this machine."""

import json
import re
import signal
import time
from pathlib import Path

import pytest
import yaml

from prep.quotes.client import QuoteClient
from prep.quotes.wire import Side
from tests.commands import Command
from tests.integration.quotes.trading import PAIR, send, tokens, worth
from tests.margin_suite import ORDER_SIGNER_KEY
from tests.quotes import settings_of

PATIENCE = 120
TOKEN = "open sesame"


@pytest.fixture
def command(margin, tmp_path):
    """Arguments and environment of a service on the suite's node, for changes."""
    config = tmp_path / "quotes.yml"
    config.write_text(yaml.safe_dump(settings_of(margin)), encoding="utf-8")
    environment = {
        "PREP_QUOTES_KEY": ORDER_SIGNER_KEY,
        "PREP_QUOTES_TOKEN": TOKEN,
        "PREP_QUOTES_DATABASE": f"sqlite:///{tmp_path / 'orders.db'}",
    }
    arguments = ["--network", margin.node.uri, "--config", str(config), "--port", "0"]
    return [*arguments, "--folder", str(tmp_path)], environment


@pytest.fixture
def start(tmp_path):
    """Begins the command; what it has started does not outlive the test."""
    started = []

    def begin(arguments, environment):
        out, err = (tmp_path / name for name in ("out", "err"))
        started.append(Command(("quotes", *arguments), out, err, environment))
        return started[-1]

    yield begin
    for one in started:
        one.kill()


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def started(process):
    """Its first line in the log, once it is there."""
    end = time.monotonic() + PATIENCE
    while not (found := [line for line in lines_of(process.err) if '"started"' in line]):
        assert process.poll() is None, process.err.read_text(encoding="utf-8")
        assert time.monotonic() < end, "it has not started"
        time.sleep(0.05)
    return json.loads(found[0])


def test_process__started_asked_and_stopped__logs_lines_without_secrets(
    margin, trader, command, start
):
    process = start(*command)
    first = started(process)
    down = worth(margin, PAIR[1])
    margin.give(trader, PAIR[1], 2 * down)
    with QuoteClient(f"http://127.0.0.1:{first['port']}", TOKEN) as client:
        assert client.health().ok
        where = (Side.LONG, trader.address, *tokens(margin, PAIR), down)
        quote = client.open(*where, leverage=20_000)
        assert list(client.orders()) == []
    position = margin.after(send(margin, trader, quote), "PositionOpened")
    assert position.collateral == quote.expected.collateral
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    written = process.out.read_text(encoding="utf-8") + process.err.read_text(encoding="utf-8")
    assert not [secret for secret in (ORDER_SIGNER_KEY[2:], TOKEN) if secret in written]
    events = [json.loads(line) for line in lines_of(process.err)]
    assert [event["event"] for event in events] == ["started", *3 * ["request"], "stopped"]
    assert [event.get("path") for event in events[1:4]] == [
        "/health",
        "/v1/quotes/open",
        "/v1/orders",
    ]
    assert first["signer"] == margin.signer.address


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"PREP_QUOTES_KEY": ""}, "Error: nobody signs: name an account with --account or "),
        ({"PREP_QUOTES_KEY": "hush"}, "Error: what PREP_QUOTES_KEY holds is no private key"),
        ({"chain": "5"}, "Error: the settings are for chain 5, not 31337"),
        ({"--host": "203.0.113.1"}, "Error: cannot listen at 203.0.113.1 port 0: "),
        ({"--account": "TEST::1"}, "Error: two signers: --account and PREP_QUOTES_KEY; "),
    ],
)
def test_process__that_cannot_start__says_why_in_one_line(command, start, change, reason):
    arguments, environment = command
    for name, value in change.items():
        if name == "chain":
            config = Path(arguments[3])
            content = yaml.safe_load(config.read_text(encoding="utf-8")) | {"chain_id": value}
            config.write_text(yaml.safe_dump(content), encoding="utf-8")
        elif name.startswith("--"):
            arguments += [name, value]
        else:
            environment = environment | {name: value}
    process = start(arguments, environment)
    assert process.wait(PATIENCE) == 1
    (line,) = lines_of(process.err)
    assert line.startswith(reason)
    assert lines_of(process.out) == []
    assert not re.search("hush|" + ORDER_SIGNER_KEY[2:], line)
