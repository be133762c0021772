"""What commands leave behind, and the nodes that they run on."""

import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from prep.node import Node

ROOT = Path(__file__).parents[3]
APE = Path(sys.executable).parent / "ape"
LOCAL = ROOT / "deployments" / "params" / "local.yml"
PUBLIC = ROOT / "deployments" / "params" / "sepolia.yml"
WAD = 10**18
CONTRACTS = ("PrepToken", "Vault", "Protocol", "MockAggregator", "CreditManager")


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def table(self) -> dict[str, str]:
        """First cell to second, of all tables; the first of several, so that of markets the one of
        isolated trading."""
        rows = [[c.strip() for c in line.split("│")[1:-1]] for line in self.out.splitlines()]
        return {row[0]: row[1] for row in reversed(rows) if len(row) >= 2}

    @property
    def error(self) -> str:
        """The one line that tells what is wrong."""
        lines = [line for line in self.err.splitlines() if not line.startswith("deploy ")]
        assert self.code == 1, self.err
        assert len(lines) == 1, self.err
        return lines[0].removeprefix("Error: ")


@contextmanager
def anvil(*options: str):
    """A node on a free loopback port, which ends with the block. Its address."""
    command = [APE.parent / "anvil", "--port", "0", "--accounts", "3", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if found := re.match(r"Listening on (\S+)", line):
                # A pipe that nobody empties stops the node.
                Thread(target=process.stdout.read, daemon=True).start()
                yield f"http://{found[1]}"
                return
        raise AssertionError("anvil did not start")
    finally:
        process.terminate()
        process.wait(timeout=10)


def sessions() -> set[int]:
    """Those that have a process which has not ended."""
    listed = subprocess.run(
        ["ps", "-Ao", "sess=,stat="], capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in listed.stdout.splitlines()]
    return {int(session) for session, state in rows if not state.startswith("Z")}


def client_of(uri: str, project) -> Node:
    """Knows the contracts that these tests ask."""
    return Node(uri, *(project.get_contract(name).contract_type for name in CONTRACTS))


def edited(text: str, *edits: tuple[str, str]) -> str:
    """With each old text, which must be there, replaced by its new one."""
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text
