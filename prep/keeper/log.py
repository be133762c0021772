"""Log lines that people can read and programs can split: an event and its fields."""

import json
import logging
from typing import Final

from rich.console import Console
from rich.logging import RichHandler

LOGGER: Final = logging.getLogger("prep.keeper")
LONGEST: Final = 1_000
"""Characters of a value."""


def configure(verbose: bool = False) -> None:
    """Lines on stderr: coloured in a terminal, plain with a time elsewhere."""
    console = Console(stderr=True)
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, log_time_format="%X")
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOGGER.handlers = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)


def log(level: int, event: str, **fields: object) -> None:
    """``event key=value key="value with spaces"``."""
    LOGGER.log(level, "%s", " ".join([event, *(f"{k}={_quoted(v)}" for k, v in fields.items())]))


def _quoted(value: object) -> str:
    """One word, or text in quotes that ends where it seems to: contracts of others give reasons."""
    text = " ".join(str(value).split())
    if len(text) > LONGEST:
        text = text[:LONGEST] + "..."
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "\\')
    return text if text and plain else json.dumps(text)
