"""Commands that run while a test goes on, and what they have written so far."""

import socket
import time
from contextlib import contextmanager

from tests.commands import Command

PATIENCE = 60
"""Seconds that anything may take."""


def unused_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, what):
    """What it is at last."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return found


class Running:
    """`ape run` of a command, which writes events."""

    def __init__(self, log, *arguments, **environment):
        self.log = log
        self.process = Command(arguments, log, log, environment)

    def text(self):
        return self.log.read_text(encoding="utf-8")

    def lines(self, event):
        """Those of this event, without time and level."""
        return [line for line in self.text().splitlines() if f" {event} " in f" {line} "]

    def wait_for(self, event, times=1):
        def enough():
            assert self.process.poll() is None, f"ended early:\n{self.text()}"
            return len(self.lines(event)) >= times

        try:
            wait_for(enough, event)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    def end(self, number):
        """Its exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextmanager
def running(log, *arguments, **environment):
    """Killed at the end, or before."""
    started = Running(log, *arguments, **environment)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait(PATIENCE)
