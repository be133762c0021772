"""The benchmark of the reference model does what it says."""

import json
from collections import Counter

from click.testing import CliRunner

from benchmarks.model import build, main


def test_build__any_seed__has_the_mix_and_every_kind_of_order() -> None:
    actions = build(2_000, 3, 7)
    assert Counter(kind for _, kind, _ in actions) == {"deposit": 200, "price": 800, "order": 1_000}
    times = [now for now, _, _ in actions]
    assert times == sorted(times)
    assert times[-1] > 2_000
    held: Counter[tuple[int, int]] = Counter()
    seen: Counter[str] = Counter()
    for _, kind, arguments in actions:
        if kind == "order":
            _, account, market, size, reduce_only = arguments
            old = held[account, market]
            held[account, market] = new = old + size
            seen["reduce-only"] += reduce_only
            name = "flip" if old * new < 0 else "increase" if abs(new) > abs(old) else "decrease"
            seen["open" if not old else name if new else "close"] += 1
    assert set(seen) == {"open", "increase", "decrease", "flip", "close", "reduce-only"}
    assert min(seen.values()) > 30, seen


def test_command__twice__reports_json_and_the_same_digest() -> None:
    reports = []
    for _ in range(2):
        result = CliRunner().invoke(main, ["--actions", "2000", "--runs", "1", "--seed", "3"])
        assert result.exit_code == 0, result.output
        reports.append(json.loads(result.output.splitlines()[-1]))
    assert reports[0]["digest"] == reports[1]["digest"]
    assert reports[0]["actions"] == 2_000
    assert 0 <= reports[0]["refused"] < 20, "the list is to be carried out, not refused"
    assert reports[0]["actions_per_second"] > 0
