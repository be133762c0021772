"""`ape run ...` as its users run it: a process each, with its own environment and output.

They are forked from one that has imported everything already: that takes longer than what most
commands do. What is read while importing is that process's: where Ape has its data, for one.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Server:
    """Forks commands. This file, in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait()

    def ask(self, *request: Any) -> Any:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@cache
def server() -> Server:
    """One for all tests of a worker."""
    started = Server()
    atexit.register(started.end)
    return started


@dataclass
class Command:
    """Begins at once, in a session of its own. As `subprocess.Popen`, with files to write to."""

    arguments: tuple[Any, ...]
    out: Path
    err: Path
    environment: dict[str, str] = field(default_factory=dict)
    returncode: int | None = None

    def __post_init__(self) -> None:
        for path in (self.out, self.err):
            path.write_bytes(b"")
        arguments = [str(argument) for argument in self.arguments]
        environment = os.environ | self.environment
        self.pid = server().ask("start", arguments, environment, str(self.out), str(self.err))

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = server().ask("poll", self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        end = time.monotonic() + timeout
        while self.poll() is None:
            assert time.monotonic() < end, f"{self.arguments} has not ended in {timeout} s"
            time.sleep(0.02)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    """In the new process."""
    os.setsid()
    for path, standard in ((os.devnull, 0), (out, 1), (err, 2)):
        opened = os.open(path, os.O_RDWR | os.O_APPEND)
        os.dup2(opened, standard)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["ape", "run", *arguments]
    sys.exit(cli())


def _start(*given: Any) -> int:
    pid = os.fork()
    if not pid:
        _run(*given)
    return pid


def _poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    import ape_test.provider  # noqa: F401 - as every connection does
    import requests
    from ape._cli import cli
    from ape.managers import chain  # noqa: F401

    # As in all tests: nobody looks for a proxy to the node on this machine.
    requests.sessions.get_environ_proxies = lambda *_, **__: {}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for name in ("deploy", "status", "keeper"):
        try:
            cli(["run", name, "--help"])
        except SystemExit:
            # Everything that it takes has been imported.
            continue
    actions = {"start": _start, "poll": _poll}
    for line in sys.stdin:
        name, *given = json.loads(line)
        answers.write(json.dumps(actions[name](*given)) + "\n")
        answers.flush()
