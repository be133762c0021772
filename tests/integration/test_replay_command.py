"""The two commands as their users meet them."""

import json
import runpy
from pathlib import Path

import pytest
from ape.logging import LogLevel, logger
from ape_foundry.provider import FoundryProvider
from click.testing import CliRunner

from prep.connect import without_steps
from prep.replay import strict

ROOT = Path(__file__).parents[2]
CALM = ROOT / "scenarios" / "calm"
FILES = {
    "differences.json",
    "report.html",
    "risk_snapshot_state.json",
    "sc_snapshot_state.json",
}


@pytest.fixture(autouse=True)
def quiet():
    """Ape reports neither confirmations nor connections."""
    with logger.at_level(LogLevel.ERROR):
        yield


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs a command; in the text that it has printed, the folder of the test is `.`."""
    monkeypatch.chdir(ROOT)

    def invoke(command, **options):
        cli = runpy.run_path(str(ROOT / "scripts" / f"{command}.py"))["cli"]
        arguments = []
        for name, value in options.items():
            flag = f"--{name.replace('_', '-')}"
            arguments += [flag] if value is True else [flag, str(value)]
        result = CliRunner().invoke(cli, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output.replace(str(tmp_path), ".").splitlines()

    return invoke


@pytest.fixture
def replay(run, tmp_path):
    """Replays the calm scenario, or other files."""

    def invoke(config=CALM / "config.json", actions=CALM / "input_actions.json", **options):
        return run("replay", config=config, actions=actions, out=tmp_path / "out", **options)

    return invoke


@pytest.fixture
def create_actions(tmp_path):
    """The first actions of the calm scenario, with one in between, or instead of them others."""

    def create(*entries, first=0):
        calm = json.loads((CALM / "input_actions.json").read_text())
        time = calm[first]["block_time"]
        added = [{"block_time": time, "action": {kind: body}} for kind, body in entries]
        file = tmp_path / "actions.json"
        file.write_text(json.dumps([*calm[:first], *added, *calm[first:12]]))
        return file

    return create


def order(size):
    body = {"account_id": "1", "denom": "BTC", "order_size": size}
    return "execute_perp_order", body


def test_replay__shipped_scenario_as_expected__exit_code_0_and_all_files(replay, tmp_path):
    expected = CALM / "expected_snapshot_state.json"

    code, lines = replay(expected=expected)

    assert code == 0
    assert lines[-1] == "Model and contracts agree to the last digit. Report: ./out/report.html"
    assert lines[-2].startswith("84 of 84 actions, 8 snapshots, ")
    assert len(lines) == 2
    out = tmp_path / "out"
    assert {file.name for file in out.iterdir()} == FILES
    for name in ("risk_snapshot_state.json", "sc_snapshot_state.json"):
        assert (out / name).read_bytes() == expected.read_bytes()
    assert json.loads((out / "differences.json").read_text()) == []


def test_replay__expected_file_with_a_wrong_digit__exit_code_1_and_names_it(replay, tmp_path):
    content = json.loads((CALM / "expected_snapshot_state.json").read_text())
    books = content[2]["accounting"]["balance"]
    right = books["price_pnl"]
    books["price_pnl"] = wrong = str(int(right) + 1)
    (tmp_path / "expected.json").write_text(json.dumps(content))

    code, lines = replay(expected=tmp_path / "expected.json")

    assert code == 1
    field = "snapshot 2: accounting.balance.price_pnl: expected"
    assert lines[:2] == [f"{field} {wrong}, {side} {right}" for side in ("model", "contracts")]
    assert lines[-1] == "2 differences. Report: ./out/report.html"
    differences = json.loads((tmp_path / "out" / "differences.json").read_text())
    assert [d["sides"] for d in differences] == [["expected", "model"], ["expected", "contracts"]]


def test_replay__rejected_action__stops_with_exit_code_2(replay, create_actions, tmp_path):
    code, lines = replay(actions=create_actions(order("5"), first=6))

    assert code == 2
    assert lines[0] == (
        "action 6 (execute_perp_order 1 BTC): rejected with "
        "PositionTooSmall(3203853675750000, 10000000000000000000), by the model as well"
    )
    assert lines[1].startswith("7 of 13 actions, 1 snapshots, ")
    assert lines[2] == (
        "No difference, but a rejected action ended the run with 6 actions left. "
        "Report: ./out/report.html"
    )
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES


def test_replay__rejected_action_and_keep_going__exit_code_0(replay, create_actions):
    code, lines = replay(actions=create_actions(order("5"), order("0"), first=6), keep_going=True)

    assert code == 0
    assert "PositionTooSmall" in lines[0]
    assert "rejected with ZeroAmount(), by the model as well" in lines[1]
    assert lines[2].startswith("14 of 14 actions, ")
    assert len(lines) == 4


def test_replay__many_rejections__few_lines(replay, create_actions):
    actions = create_actions(*[order("0")] * 60, first=6)
    code, lines = replay(actions=actions, keep_going=True)
    assert code == 0
    assert lines[50] == "… and 10 more: ./out/report.html"
    assert len(lines) == 53


def test_replay__bad_input__one_line_and_nothing_runs(
    replay, create_actions, tmp_path, monkeypatch
):
    code, lines = replay(actions=create_actions(order("1.5")))
    line = "[0].action.execute_perp_order.order_size: not an integer: '1.5'"
    assert (code, lines) == (2, [f"Error: ./actions.json: {line}"])

    code, lines = replay(config=tmp_path / "none.json")
    missing = "cannot be read: No such file or directory"
    assert (code, lines) == (2, [f"Error: ./none.json: {missing}"])

    (tmp_path / "expected.json").write_text("[{}]")
    code, lines = replay(expected=tmp_path / "expected.json")
    assert (code, lines) == (2, ["Error: ./expected.json: [0].block_time: missing"])

    monkeypatch.setattr(strict, "MAX_BYTES", 2**20)
    (tmp_path / "huge.json").write_bytes(b" " * (2**20 + 1))
    code, lines = replay(actions=tmp_path / "huge.json")
    assert (code, lines) == (2, ["Error: ./huge.json: larger than 1 MiB"])

    assert not (tmp_path / "out").exists()


def test_replay__folder_that_cannot_be_written__one_line(replay, tmp_path):
    (tmp_path / "out").write_text("")
    assert replay() == (2, ["Error: ./out cannot be written: File exists"])


def test_scenario__then_replay__agrees(run, replay, tmp_path):
    code, lines = run("scenario", seed=5, actions=30, out=tmp_path / "made")
    assert (code, lines) == (
        0,
        ["Configuration: ./made/config.json", "Actions:       ./made/input_actions.json"],
    )

    made = tmp_path / "made"
    code, lines = replay(config=made / "config.json", actions=made / "input_actions.json")

    assert code == 0
    assert lines[0].startswith("30 of 30 actions, ")


def test_without_steps__node_started_in_it__keeps_none(monkeypatch):
    command = ["anvil", "--steps-tracing", "--port"]
    monkeypatch.setattr(FoundryProvider, "build_command", lambda provider: command)
    with without_steps():
        assert FoundryProvider.build_command(None) == ["anvil", "--port"]
    assert FoundryProvider.build_command(None) == command
