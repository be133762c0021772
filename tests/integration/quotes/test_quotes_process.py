"""`ape run quotes` as its user runs it: a process that listens on this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from prep.quotes.client import QuoteClient
from prep.quotes.wire import Side
from tests.integration.quotes.trading import PAIR, send, tokens, worth
from tests.margin_suite import ORDER_SIGNER_KEY
from tests.quotes import settings_of

ROOT = Path(__file__).parents[3]
APE = Path(sys.executable).parent / "ape"
PATIENCE = 120
TOKEN = "open sesame"


def secrets():
    return (ORDER_SIGNER_KEY[2:], TOKEN)


@pytest.fixture
def command(margin, tmp_path):
    """Arguments and environment of a service on the suite's node, for changes."""
    config = tmp_path / "quotes.yml"
    config.write_text(yaml.safe_dump(settings_of(margin)), encoding="utf-8")
    environment = os.environ | {
        "PREP_QUOTES_KEY": ORDER_SIGNER_KEY,
        "PREP_QUOTES_TOKEN": TOKEN,
        "PREP_QUOTES_DATABASE": f"sqlite:///{tmp_path / 'orders.db'}",
    }
    arguments = ["--network", margin.node.uri, "--config", str(config), "--port", "0"]
    return arguments, environment, tmp_path


def start(arguments, environment):
    return subprocess.Popen(
        [APE, "run", "quotes", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def process(command):
    arguments, environment, folder = command
    running = start([*arguments, "--folder", str(folder)], environment)
    timer = threading.Timer(PATIENCE, running.kill)
    timer.start()
    yield running
    timer.cancel()
    running.kill()
    running.communicate()


def test_process__started_asked_and_stopped__logs_lines_without_secrets(margin, trader, process):
    lines = []
    for line in process.stderr:
        lines.append(line)
        if '"started"' in line:
            break
    started = json.loads(lines[-1])
    down = worth(margin, PAIR[1])
    margin.give(trader, PAIR[1], 2 * down)
    with QuoteClient(f"http://127.0.0.1:{started['port']}", TOKEN) as client:
        assert client.health().ok
        where = (Side.LONG, trader.address, *tokens(margin, PAIR), down)
        quote = client.open(*where, leverage=20_000)
        assert list(client.orders()) == []
    position = margin.after(send(margin, trader, quote), "PositionOpened")
    assert position.collateral == quote.expected.collateral
    process.send_signal(signal.SIGTERM)
    output, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    lines += rest.splitlines()
    assert not [secret for secret in secrets() if secret in output + "".join(lines)]
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == ["started", *3 * ["request"], "stopped"]
    assert [event.get("path") for event in events[1:4]] == [
        "/health",
        "/v1/quotes/open",
        "/v1/orders",
    ]
    assert started["signer"] == margin.signer.address


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
def test_process__that_cannot_start__says_why_in_one_line(command, change, reason):
    arguments, environment, folder = command
    arguments = [*arguments, "--folder", str(folder)]
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
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Traceback" not in output + errors
    (line,) = [line for line in errors.splitlines() if line.startswith("Error: ")]
    assert line.startswith(reason)
    assert not re.search("hush|" + ORDER_SIGNER_KEY[2:], output + errors)
