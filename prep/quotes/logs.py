"""Log lines as JSON on stderr, one for each request and for whatever else happens."""

import logging
import sys
from typing import Final, TextIO

import structlog

LOGGER: Final = "prep.quotes"


def configure(stream: TextIO | None = None) -> None:
    """All that is logged, libraries included, in the same form. Exceptions show their kind and
    where they were raised, no values. `stream`: stderr unless another one is named."""
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _without_traceback,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(LOGGER).setLevel(logging.INFO)


def logger() -> structlog.stdlib.BoundLogger:
    """Of the service."""
    found: structlog.stdlib.BoundLogger = structlog.get_logger(LOGGER)
    return found


def where(error: BaseException) -> str:
    """Its kind and where it was raised: what can be said of any exception without its values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        code = trace.tb_frame
        place = f" at {code.f_globals.get('__name__')}:{trace.tb_lineno}"
    return f"{type(error).__name__}{place}"


def _without_traceback(
    _: object, __: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = where(error)
    return event
