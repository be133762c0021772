"""What a field of a file may be, and the words for what it may not."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from prep.model import UNLIMITED, WAD, limits
from prep.replay.strict import MAX_DIGITS, shorten

MAX_TIME: Final = 2**53
MAX_NAME: Final = 64
INT256: Final = 2**255

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_PLACES: Final = 18


def wrong(reason: str) -> PydanticCustomError:
    # As an argument, so that braces in somebody's text mean nothing.
    return PydanticCustomError("replay", "{reason}", {"reason": reason})


def _bounded(low: int, high: int) -> Callable[[Any], int]:
    """Reads an integer, given as such or as a string."""

    def read(value: Any) -> int:
        if isinstance(value, str):
            if len(value) > MAX_DIGITS or not _INTEGER.fullmatch(value):
                raise wrong(f"not an integer: '{shorten(value)}'")
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong("must be an integer, or a string of one")
        if value < low:
            raise wrong("must not be negative" if low == 0 else f"must be at least {low}")
        if value > high:
            raise wrong(f"must be at most {high}")
        return value

    return read


def _wad(low: int, high: int) -> Callable[[Any], int]:
    """Reads a decimal string of at most 18 decimals into WAD. Exact: nothing is rounded."""

    def read(value: Any) -> int:
        if not isinstance(value, str):
            raise wrong('must be a decimal number as a string, such as "0.001"')
        if len(value) > MAX_DIGITS or not _DECIMAL.fullmatch(value):
            raise wrong(f"not a decimal number: '{shorten(value)}'")
        whole, _, fraction = value.partition(".")
        if len(fraction) > _PLACES:
            raise wrong(f"more than {_PLACES} decimals: '{shorten(value)}'")
        wad = int(whole + fraction.ljust(_PLACES, "0"))
        if wad < low:
            raise wrong("must not be negative" if low == 0 else "must be above 0")
        if wad > high:
            raise wrong(f"must be at most {decimal(high)}")
        return wad

    return read


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong("must be a string")
    if not value or len(value) > MAX_NAME or not value.isprintable():
        raise wrong(f"must have 1 to {MAX_NAME} printable characters")
    return value


def _account(value: Any) -> str:
    """An account is known by its text: 7 and "7" are the same."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wrong("must be a string or an integer")
    return _name(str(value))


def decimal(wad: int) -> str:
    """A WAD number as the files have it: no digit is lost."""
    whole, rest = divmod(abs(wad), WAD)
    fraction = f".{rest:018}".rstrip("0") if rest else ""
    return f"{'-' if wad < 0 else ''}{whole}{fraction}"


Name = Annotated[str, BeforeValidator(_name)]
Account = Annotated[str, BeforeValidator(_account)]
Amount = Annotated[int, BeforeValidator(_bounded(0, INT256 - 1))]
Cap = Annotated[int, BeforeValidator(_bounded(0, UNLIMITED))]
Signed = Annotated[int, BeforeValidator(_bounded(1 - INT256, INT256 - 1))]
Time = Annotated[int, BeforeValidator(_bounded(0, MAX_TIME))]
Rate = Annotated[int, BeforeValidator(_wad(0, UNLIMITED))]
Share = Annotated[int, BeforeValidator(_wad(0, WAD))]
Price = Annotated[int, BeforeValidator(_wad(1, limits.MAX_PRICE))]
