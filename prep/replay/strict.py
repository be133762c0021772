"""JSON that means one thing only, and the one line that says where it does not."""

import json
import re
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from prep.errors import UserError

MAX_BYTES: Final = 64 * 2**20
MAX_DEPTH: Final = 8
"""The formats need four levels."""
MAX_DIGITS: Final = 80
"""A 256-bit integer has at most 78."""
SHOWN: Final = 40
"""Characters of a wrong value that a message repeats."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[][{}]')
"""A string, or a bracket outside of one."""

T = TypeVar("T")
Place = tuple[int | str, ...]


class BadInputError(UserError):
    """A file that cannot be used: refused before anything runs."""

    exit_code = 2


class Odd:
    """Something in the text that no field may be: a float, NaN, a number of hundreds of digits."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Object(dict[str, Any]):
    """A JSON object that knows whether a key was given twice."""

    twice: str | None = None


def parse(file: Path, adapter: TypeAdapter[T]) -> T:
    """What the file says, or one line: file, place and why it is not what `adapter` wants."""
    value = _load(file)
    _inspect(file, value)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        refuse(file, first["loc"], _reason(first["type"], first["msg"]))


def refuse(file: Path, place: Place, reason: str) -> NoReturn:
    """Ends with one line."""
    where = path_of(place)
    raise BadInputError(f"{file}: {where}: {reason}" if where else f"{file}: {reason}")


def path_of(place: Place) -> str:
    """``[3].action.change_price.denom``."""
    parts = (f"[{p}]" if isinstance(p, int) else f".{shorten(p)}" for p in place)
    return "".join(parts).removeprefix(".")


def shorten(text: str) -> str:
    """Fit for a line, whatever somebody wrote."""
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return shown if shown.isprintable() else ascii(shown)[1:-1]


def _load(file: Path) -> Any:
    try:
        if file.stat().st_size > MAX_BYTES:
            refuse(file, (), f"larger than {MAX_BYTES // 2**20} MiB")
        text = file.read_text(encoding="utf-8")
        if _is_deep(text):
            refuse(file, (), f"nested more than {MAX_DEPTH} deep")
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=lambda text: Odd(f"{shorten(text)} is a float: write it as a string"),
            parse_int=_integer,
            parse_constant=lambda text: Odd(f"{text} is not a number"),
        )
    except OSError as error:
        refuse(file, (), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        refuse(file, (), f"not UTF-8: byte {error.start}")
    except json.JSONDecodeError as error:
        refuse(file, (), f"not JSON: line {error.lineno}, column {error.colno}: {error.msg}")


def _is_deep(text: str) -> bool:
    """Whether it is nested more deeply than any format. The parser is recursive, and a library that
    Ape loads raises the limit of recursion beyond what the stack bears."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            return True
    return False


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    value = _Object()
    for key, item in pairs:
        if key in value and value.twice is None:
            value.twice = key
        value[key] = item
    return value


def _integer(text: str) -> int | Odd:
    return int(text) if len(text) <= MAX_DIGITS else Odd(f"a number of {len(text)} digits")


def _inspect(file: Path, value: Any, place: Place = ()) -> None:
    """What no format has, wherever it stands."""
    if isinstance(value, Odd):
        refuse(file, place, value.reason)
    if isinstance(value, _Object):
        if value.twice is not None:
            refuse(file, place, f"the key '{shorten(value.twice)}' is given twice")
        for key, item in value.items():
            _inspect(file, item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _inspect(file, item, (*place, index))


_REASONS: Final = {
    "missing": "missing",
    "extra_forbidden": "unknown field",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "string_type": "must be a string",
}


def _reason(kind: str, message: str) -> str:
    return _REASONS.get(kind, message)
