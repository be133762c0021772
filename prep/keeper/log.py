"""Log lines that people can read and programs can split: an event and its fields."""

import logging
from typing import Final

from rich.console import Console
from rich.logging import RichHandler

LOGGER: Final = logging.getLogger("prep.keeper")


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
    text = " ".join(str(value).split())
    return f'"{text}"' if " " in text or not text else text
