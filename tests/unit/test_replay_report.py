"""What a replay leaves behind: complete, exact, and readable without a network."""

import json
import re
from html.parser import HTMLParser

import pytest

from prep.errors import UserError
from prep.replay.figures import HIGHEST_RATIO, MOST_POINTS, charts
from prep.replay.formats import Action, Config
from prep.replay.generate import generate
from prep.replay.plan import Plan
from prep.replay.reference import Reference
from prep.replay.report import CONTRACTS, DIFFERENCES, MODEL, PAGE, page, prepare, verdict, write
from prep.replay.run import replay
from prep.replay.snapshots import Difference, render

WAD = 10**18
EVIL = "</script><img src=http://evil>"


class Page(HTMLParser):
    """Ids, text outside of scripts, and what the page would load."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.loads, self.text, self.tag = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tag = tag
        given = dict(attributes)
        self.ids.append(given.get("id"))
        self.loads += [v for k, v in attributes if k in ("src", "href")]

    def handle_endtag(self, tag):
        self.tag = ""

    def handle_data(self, data):
        if self.tag not in ("script", "style"):
            self.text.append(data)


@pytest.fixture
def create_outcome():
    """A made-up scenario, played by two models."""

    def create(seed=7, count=60, rename=None, **options):
        config, actions = generate(seed, count, **options)
        if rename:
            old = config["perps"][0]["denom"]
            config, actions = json.loads(
                json.dumps([config, actions]).replace(json.dumps(old), json.dumps(rename))
            )
        plan = Plan.of(Config.model_validate(config), [Action.model_validate(a) for a in actions])
        return replay(plan, Reference(plan), Reference(plan), keep_going=True)

    return create


def test_write__outcome__files_say_what_it_says(create_outcome, tmp_path):
    outcome = create_outcome()
    outcome.differences.append(
        Difference("snapshot 0", "total", ("model", "contracts"), ("1", "2"))
    )

    write(outcome, tmp_path)

    assert (tmp_path / MODEL).read_text() == render(outcome.model)
    assert (tmp_path / CONTRACTS).read_text() == render(outcome.contracts)
    assert json.loads((tmp_path / DIFFERENCES).read_text()) == [
        {
            "where": "snapshot 0",
            "field": "total",
            "sides": ["model", "contracts"],
            "values": ["1", "2"],
        }
    ]
    assert (tmp_path / PAGE).read_text() == page(outcome)


def test_prepare__earlier_run__its_files_are_gone_and_others_stay(tmp_path):
    for name in (MODEL, CONTRACTS, DIFFERENCES, PAGE, "mine.txt"):
        (tmp_path / name).write_text("old")
    prepare(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_prepare__folder_is_a_file__one_line(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UserError, match="file cannot be written: File exists"):
        prepare(file)


def test_page__all_charts__are_there_and_nothing_is_loaded(create_outcome):
    parsed = Page(page(create_outcome()))
    for name in ("price", "skew", "funding", "pnl", "ratio"):
        assert f"chart-{name}" in parsed.ids
    assert parsed.loads == []
    assert "Model and contracts agree to the last digit." in parsed.text


def test_page__names_from_a_file__are_text_and_nothing_else(create_outcome):
    outcome = create_outcome(rename=EVIL, with_rejections=True)
    outcome.differences.append(Difference(EVIL, EVIL, ("model", "contracts"), (EVIL, EVIL)))
    assert any(EVIL in rejection.action for rejection in outcome.rejections)

    parsed = Page(page(outcome))

    assert parsed.loads == []
    assert any(EVIL in text for text in parsed.text)


def test_page__differences_and_rejections__are_listed(create_outcome):
    outcome = create_outcome(with_rejections=True)
    outcome.differences.append(Difference("snapshot 9", "f", ("model", "contracts"), ("11", "12")))
    text = " ".join(Page(page(outcome)).text)
    for words in ("snapshot 9", "model: 11", "contracts: 12", "1 difference."):
        assert words in text
    for rejection in outcome.rejections:
        assert rejection.action in text
        assert str(rejection.model) in text


def test_page__snapshots__with_every_digit(create_outcome):
    outcome = create_outcome()
    text = Page(page(outcome)).text
    for state in outcome.model:
        assert str(state.total_withdrawal_balance) in text
        assert str(state.total.balance["total"]) in text


def test_charts__every_action__has_its_point(create_outcome):
    outcome = create_outcome()
    figures = charts(outcome)
    denoms = list(outcome.plan.markets)
    for name in ("price", "skew", "funding", "pnl"):
        assert [trace.name for trace in figures[name].data] == denoms
    for figure in figures.values():
        for trace in figure.data:
            assert list(trace.x) == list(range(60))
    last = outcome.samples[-1]
    for trace in figures["funding"].data:
        assert trace.y[-1] == last.markets[trace.name].funding_rate * 100 / WAD
    ratios = [s.ratio and min(s.ratio / WAD, HIGHEST_RATIO) for s in outcome.samples]
    assert list(figures["ratio"].data[0].y) == ratios


def test_charts__run_that_stopped__marks_nothing_beyond(create_outcome):
    outcome = create_outcome()
    del outcome.samples[10:]
    marked = [line.x0 for line in charts(outcome)["price"].layout.shapes]
    actions = outcome.plan.actions[:10]
    assert marked == [i for i, action in enumerate(actions) if action.kind == "snapshot_state"]
    assert marked


def test_charts__long_run__few_points(create_outcome):
    outcome = create_outcome()
    outcome.samples *= 1 + MOST_POINTS // 20
    for trace in charts(outcome)["skew"].data:
        assert MOST_POINTS // 2 < len(trace.x) == len(trace.y) <= MOST_POINTS


def test_verdict__no_snapshot__says_so(create_outcome):
    outcome = create_outcome()
    outcome.model.clear()
    assert verdict(outcome) == "No difference; there was no snapshot to compare."


def test_verdict__stopped__says_how_much_is_left(create_outcome):
    outcome = create_outcome()
    outcome.stopped_at = 9
    del outcome.samples[10:]
    assert re.search("ended the run with 50 actions left", verdict(outcome))
