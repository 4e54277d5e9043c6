"""Structured logs: one event a line, with the ids of what is being worked on, and no secret.

Everything goes through one chain, whoever logs it: our own events, the web server, the queue and the HTTP client. Ids
of connection, job, item and request are bound with `structlog.contextvars` by whoever starts the work.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ledgerbridge.redaction import HIDDEN, is_secret_name, redact, redact_text

QUIET = ("httpx", "asyncio", "sqlalchemy", "procrastinate", "alembic", "psycopg")
"""Libraries whose chatter below a warning is shown only at level DEBUG."""
_MUTE = ("httpcore", "hpack")
"""Libraries whose chatter holds whole headers, such as a redirect to a signed link: never shown."""
_STATEMENTS_ONLY = "sqlalchemy.engine"
"""Writes down every row it reads at DEBUG, whatever `hide_parameters` says: who spent how much on what."""
_OURS = frozenset({"timestamp", "level"})
"""Fields that hold nothing of anybody's."""


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Redact every value of an event, its text and its traceback (AUTH-045)."""
    return {
        name: value if name in _OURS else HIDDEN if is_secret_name(name) else redact(value)
        for name, value in event.items()
    }


def one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Spell control characters out, so that no value can begin a line of its own; tracebacks keep theirs, marked."""
    return {
        name: _marked(value) if name == "exception" else _spelled_out(value) if isinstance(value, str) else value
        for name, value in event.items()
    }


def _spelled_out(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _marked(traceback: str) -> str:
    return "\n".join("    | " + _spelled_out(line) for line in traceback.splitlines())


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _renderer(log_format: Literal["json", "console"], stream: TextIO) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.JSONRenderer(default=lambda value: redact_text(str(value)))]
    return [
        one_line,
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback),
    ]


def configure(level: str, log_format: Literal["json", "console"], stream: TextIO | None = None) -> None:
    """Send all logging of the process through one redacting chain to `stream` (standard error). May be repeated."""
    stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                hide_secrets,
                *_renderer(log_format, stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
    for name in _MUTE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_STATEMENTS_ONLY).setLevel(logging.INFO if level == "DEBUG" else logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "procrastinate"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


def get_logger(name: str) -> Any:
    """A logger whose events carry keyword values: `log.info("job closed", job_id=..., items=3)`."""
    return structlog.stdlib.get_logger(name)
