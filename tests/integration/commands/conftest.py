"""Commands as their users run them, on nodes of their own."""

import os
import subprocess
from itertools import count

import pytest

from tests.commands import Command
from tests.integration.commands.running import APE, ROOT, Run, anvil, sessions


@pytest.fixture(scope="module")
def node():
    """A local node that is kept."""
    with anvil() as uri:
        yield uri


@pytest.fixture(scope="module")
def other_node():
    """Another one with the same chain id, on which nothing is deployed."""
    with anvil() as uri:
        yield uri


@pytest.fixture
def folder(tmp_path):
    """Where records are written."""
    return tmp_path / "deployments"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a command to its end, and sees that nothing of it is left."""
    folder, numbers = tmp_path_factory.mktemp("output"), count()

    def run(*arguments) -> Run:
        written = [folder / f"{next(numbers)}.{name}" for name in ("out", "err")]
        command = Command(arguments, *written, {"COLUMNS": "160"})
        code = command.wait(120)
        out, err = (path.read_text() for path in written)
        assert "Traceback" not in out + err
        assert command.pid not in sessions()
        return Run(code, out, err)

    return run


@pytest.fixture(scope="module")
def run_alone():
    """The same, with nothing imported before: `run_alone(*arguments, VARIABLE=...)`."""

    def run(*arguments, **environment) -> Run:
        process = subprocess.Popen(
            [APE, "run", *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "160"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in out + err
        assert process.pid not in sessions()
        return Run(process.returncode, out, err)

    return run
