"""What README and docs name exists: files, tests, options, functions, errors, and pages they link.

Whether what they say of it is true, nobody can check here.
"""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

THIS = Path(__file__)
ROOT = THIS.parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
COMMANDS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
OPTIONS_IN = {"deploy": "operations", "status": "operations", "scenario": "replay"}
"""The page that has the options of a command, where it is not called like the command."""
CODE = ("benchmarks", "contracts", "deployments", "interfaces", "prep", "scripts", "tests", "tools")
FOLDERS = (".", "contracts", "docs", "prep", "tests", "tests/attacks", "tests/property")
"""From where pages name files."""
MADE = (".cache/", ".venv/", "out/")
OF_OTHERS = {"-n", "--help", "--from", "--upgrade", "--verbosity"}
"""Options of Make, Ape, and of what takes ARGS."""

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def blocks(page):
    """Its code blocks, indented or fenced."""
    text = page.read_text(encoding="utf-8")
    yield from re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    yield from re.findall(r"(?:^|\n)\n((?:    .*\n|\n)+)", text)


def spans(page):
    """What it has between backticks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", text)


@cache
def sources():
    """Files of code and settings, this one aside."""
    found = [path for folder in CODE for path in (ROOT / folder).rglob("*.*")]
    return [path for path in found if path.suffix in (".py", ".sol", ".yml") and path != THIS]


@cache
def words():
    """Every word of them."""
    return {w for path in sources() for w in re.findall(r"\w+", path.read_text(encoding="utf-8"))}


def parameters(command):
    """The options that a command takes, each with its names."""
    return [[*p.opts, *p.secondary_opts] for p in import_module(f"scripts.{command}").cli.params]


@cache
def options(command):
    """All their names."""
    return {name for names in parameters(command) for name in names}


def anchors(page):
    """Of its headings, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def exists(name):
    """Whether there is a file or folder of this name, which may be a pattern. Without a folder, as
    the second of two in a row often is, it may be anywhere."""
    if "/" not in name and any(path.match(name) for path in sources()):
        return True
    return any(
        any((ROOT / folder).glob(name + ending)) for folder in FOLDERS for ending in ("", ".py")
    )


@pages
def test_docs__links__lead_to_pages_and_headings(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pages
def test_docs__files__exist(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w./-])(?:docs|tests|prep|contracts)/[\w./*-]*[\w*]", text))
    for span in spans(page):
        named |= set(
            re.findall(r"(?<![\w./<-])(?![./])[\w.*-]+(?:/[\w.*-]+)*\.(?:py|sol|yml)", span)
        )
    missing = [n for n in named if not n.startswith(MADE) and not exists(n)]
    assert not missing


@pages
def test_docs__tests__exist(page):
    """By their file or function; invariants.md leaves out `tests/` and the ending."""
    text = page.read_text(encoding="utf-8")
    for name in set(re.findall(r"\btest_\w+\*?", text)):
        files = [*(ROOT / "tests").rglob(f"{name}.py"), *(ROOT / "tests").rglob(name)]
        assert files or name in words(), name
    for name, given in re.findall(r"ape test (tests/[\w/.]+) -k (\w+)", text):
        chosen = [path for path in sources() if path.is_relative_to(ROOT / name)]
        assert any(re.search(rf"def test_\w*{given}", p.read_text("utf-8")) for p in chosen), given
    for name in set(re.findall(r"\b(?:unit|attacks|property|stateful|integration)/[\w/*]+", text)):
        assert exists(f"tests/{name}"), name


@pages
def test_docs__commands__take_the_options_that_they_are_given(page):
    shown = [*blocks(page), *spans(page)]
    joined = [re.sub(r"\\\n\s*", "", text) for text in shown]
    for name, given in [m for text in joined for m in re.findall(r"ape run (\w+)(.*)", text)]:
        assert name in COMMANDS
        used = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", given.partition("#")[0]))
        assert used - OF_OTHERS <= options(name), name
    for given in [g for text in joined for g in re.findall(r'make demo ARGS="([^"]*)', text)]:
        assert set(re.findall(r"--[a-z-]+", given)) <= options("demo")


@pages
def test_docs__options__are_of_some_command(page):
    known = OF_OTHERS.union(*map(options, COMMANDS))
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known


@pytest.mark.parametrize("command", COMMANDS)
def test_docs__page_of_a_command__has_all_of_its_options(command):
    page = ROOT / "docs" / f"{OPTIONS_IN.get(command, command)}.md"
    text = page.read_text(encoding="utf-8")
    missing = [
        p for p in parameters(command) if not any(re.search(rf"{o}\b(?!-)", text) for o in p)
    ]
    assert not missing


@pages
def test_docs__python__is_some_and_imports_what_there_is(page):
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(node.module)
                assert not [name.name for name in node.names if not hasattr(module, name.name)]


@pages
def test_docs__names_of_code__are_in_the_code(page):
    """Functions, errors, events, fields; what a page defines in a formula is its own."""
    own = set(re.findall(r"\w+", " ".join(blocks(page))))
    for span in [s for s in spans(page) if not s.startswith("ape test")]:
        for name in re.findall(r"[A-Za-z_]\w{3,}", span):
            humps = re.search(r"[a-z][A-Z]|_[^_]{2}", name) and not name.startswith("test_")
            assert not humps or name in words() | own, f"{name} in `{span}`"


def test_docs__invariants__are_named_by_messages_of_tests_but_for_those_that_the_page_names():
    text = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    ids = re.findall(r"^\| ([A-Z]\d+) \|", text, re.M)
    said = re.search(r"Those of (.*?)\s+are about single functions", text, re.S)[1]
    tests = [p.read_text(encoding="utf-8") for p in sources() if p.is_relative_to(ROOT / "tests")]
    messages = set(re.findall(r'f?"([A-Z]\d+)[ :"]', "".join(tests)))
    assert len(ids) == len(set(ids)) > 40
    assert set(ids) - messages == set(re.findall(r"[A-Z]\d+", said))


def test_readme__first_screen__has_the_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 80
    for command in ("make demo", "make test"):
        assert any(line.strip().startswith(command) for line in lines[:30])
