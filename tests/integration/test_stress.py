"""The stress command as a whole."""

import json
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from prep.demo.prices import HOUR
from prep.stress import run

ROOT = Path(__file__).parents[2]
MIDNIGHT = 1_583_971_200
SMALL = ["--paths", "3", "--hours", "2", "--traders", "4", "--workers", "1"]


@pytest.fixture
def stress(tmp_path):
    """Runs the command with its report in a folder of this test."""
    cli = runpy.run_path(str(ROOT / "scripts" / "stress.py"))["cli"]

    def invoke(*arguments):
        return CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "out")])

    return invoke


@pytest.fixture
def numbers(tmp_path):
    """The numbers that the command has left."""
    return lambda: json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))


@pytest.fixture
def file(tmp_path):
    """Two days of prices that fall by a third in the first night."""
    path = tmp_path / "prices.csv"
    rows = [f"{MIDNIGHT + i * HOUR},9000,9000,8900,8950" for i in range(10)]
    rows += [f"{MIDNIGHT + i * HOUR},6000,6100,5900,6050" for i in range(10, 48)]
    path.write_text("\n".join(["timestamp,open,high,low,close", *rows]) + "\n")
    return path


def test_command__made_up_paths__writes_table_and_report(stress, numbers, tmp_path):
    result = stress(*SMALL, "--regime", "crash", "--liquidity", "1000.5")

    assert result.exit_code == 0, result.output
    assert "3 paths: 2 hours, made up from seed 1" in result.output
    assert "LP profit, PREP" in result.output
    assert f"Report:  {tmp_path}/out/report.html\n" in result.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.html", "report.json"}
    found = numbers()
    assert found["options"] == {
        "paths": "3",
        "hours": "2",
        "seed": "1",
        "regime": "crash",
        "traders": "4",
        "liquidity": "1000.5",
        "target": "1.25",
        "params": "deployments/params/local.yml",
    }
    assert [path["number"] for path in found["paths"]] == ["0", "1", "2"]
    assert found["setting"]["liquidity"] == str(10_005 * 10**17)


def test_command__only_one_path__is_the_same_as_among_all(stress, numbers):
    assert stress(*SMALL).exit_code == 0
    everything = numbers()["paths"]

    assert stress(*SMALL, "--only", "2").exit_code == 0

    assert numbers()["paths"] == [everything[2]]
    assert stress(*SMALL, "--seed", "2").exit_code == 0
    assert numbers()["paths"] != everything


def test_command__two_workers__write_the_same_as_one(stress, tmp_path):
    page, numbers = (tmp_path / "out" / name for name in ("report.html", "report.json"))
    assert stress(*SMALL, "--paths", "20").exit_code == 0
    expected = page.read_bytes(), numbers.read_bytes()

    result = stress(*SMALL, "--paths", "20", "--workers", "2")

    assert result.exit_code == 0, result.output
    assert (page.read_bytes(), numbers.read_bytes()) == expected


def test_command__file__takes_slices_of_it(stress, numbers, file):
    arguments = ["--prices", str(file), "--window", "24", "--paths", "3", "--workers", "1"]

    result = stress(*arguments, "--from", "2020-03-12")

    assert result.exit_code == 0, result.output
    assert "24 hours at a time of prices.csv, 2020-03-12 00:00 to 2020-03-14" in result.output
    found = numbers()
    assert [int(p["start"]) - MIDNIGHT for p in found["paths"]] == [0, 12 * HOUR, 24 * HOUR]
    assert found["paths"][0]["first_price"] == str(9_000 * 10**8)
    assert int(found["paths"][0]["liquidations"]) > 0
    assert int(found["paths"][0]["lp_profit"]) > 0
    assert found["options"]["from"] == "2020-03-12"
    assert "hours" not in found["options"]


def test_command__broken_invariant__fails_and_names_the_path(stress, numbers, monkeypatch):
    monkeypatch.setattr(run, "all_checks", lambda s: ["P1 wrong"] if s.vault.supply else [])

    result = stress(*SMALL)

    assert result.exit_code == 1
    assert "path 1: P1 wrong\n" in result.output
    again = "the same options with --only 0 run the first of them alone"
    assert result.output.endswith(f"Error: invariants do not hold on 3 paths; {again}\n")
    assert numbers()["paths"][2]["violations"] == ["P1 wrong"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--window", "5"], "--window needs --prices"),
        (["--from", "2020-03-12"], "--from needs --prices"),
        (["--prices", "x.csv", "--regime", "normal"], "--regime and --prices exclude each other"),
        (["--prices", "none.csv"], "none.csv: No such file or directory"),
        (["--only", "3", "--paths", "3"], "--only 3: the last of 3 paths is 2"),
        (["--target", "10.1"], "--target is above 10, the most that the vault takes"),
        (["--params", "none.yml"], "there is no parameters file none.yml"),
        (
            ["--liquidity", "0"],
            "--liquidity is not within 0 and the deposit_cap of deployments/params/local.yml",
        ),
        (
            ["--scheduler", "nowhere"],
            "nowhere is no Dask address: missing port number in address 'nowhere'",
        ),
    ],
)
def test_command__user_mistake__is_one_line(stress, arguments, message):
    result = stress(*arguments)

    assert result.exit_code == 1
    assert result.output == f"Error: {message}\n"


def test_command__window_longer_than_the_file__is_one_line(stress, file):
    result = stress("--prices", str(file), "--window", "49")

    assert result.exit_code == 1
    assert result.output == "Error: --window 49 is longer than the 48 hours of prices chosen\n"


@pytest.mark.parametrize("option", ["--volatility", "--drift"])
def test_command__not_a_number__is_refused(stress, option):
    result = stress(option, "nan")

    assert result.exit_code == 2
    assert f"Invalid value for '{option}': nan is not a number" in result.output
