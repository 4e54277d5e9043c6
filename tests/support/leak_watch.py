"""The leak hunt: while the whole suite runs, nothing of ours may say a canary in clear.

Watched are every line our logging renders, every answer of the web face, every error of ours when it is made, every
request we send, the output of every process started, and every row of every database before it is emptied. A find
fails the test it happened in, with the place and the secret's name. Where a secret may stand is listed in `LEGITIMATE`.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import sys
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import httpx
import psycopg
import structlog
from psycopg import sql
from structlog.stdlib import ProcessorFormatter

import pleo_sandbox.core.authorise
import pleo_sandbox.core.clients
import pleo_sandbox.core.signing
import pleo_sandbox.core.tokens
from ledgerbridge.erp.tryton.client import Client as TrytonClient
from ledgerbridge.ops.logging import configure
from ledgerbridge.pleo import oauth, wire
from ledgerbridge.store import vault
from ledgerbridge.web.middleware import RequestFrame
from pleo_sandbox.config import DEFAULT_CLIENT_SECRET
from pleo_sandbox.core.files import Files
from tests.support import canaries
from tests.support.commands import Process

ENABLED = os.environ.get("LEAK_HUNT", "on") != "off"
"""Off only to measure what the hunt costs."""

LEGITIMATE = MappingProxyType(
    {
        "answer header set-cookie": "the browser's own session and mark, which only it is told",
        "answer header location of a door": "the state of an attempt goes by the browser (AUTH-022)",
        "column export_items.payload": "links to receipts while a job is open; dropped when it is closed (EXP-PRE-06)",
        "request header authorization": "what a credential is for",
        "request body of a token endpoint": "code, verifier and refresh token are traded there (AUTH-030, -050)",
        "request body of /v1/subscriptions": "the path Pleo is to deliver to (HOOK-010)",
        "request url of a file": "a signed link is itself the key (EXP-ATT-01)",
    }
)
_DOORS = ("/connect", "/settings/sign-in", "/admin/sign-in/provider")
_HIDDEN_COLUMNS = {"export_items": "payload"}


class LeakHunt:
    """What was found in the test under way."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._processes: list[Process] = []

    def look(self, place: str, text: str) -> None:
        """Search a text that left us."""
        for name in canaries.found_in(text):
            find = f"{place}: {name}"
            if find not in self._found:
                self._found.append(find)

    def caught(self) -> list[str]:
        """What was found since the last time, forgotten here; for the tests that plant leaks."""
        found, self._found = self._found, []
        return found

    def settle(self) -> list[str]:
        """The end of a test: read what its processes wrote and hand over all finds."""
        for process in self._processes:
            for name, text in (("output", process.stdout), ("log", process.stderr)):
                self.look(f"{name} of a process", text)
        self._processes = [process for process in self._processes if process.running]
        canaries.forget()
        return self.caught()

    def started(self, process: Process) -> None:
        """A process whose output is to be read at the end of the test."""
        self._processes.append(process)

    def look_through(self, connection: psycopg.Connection, tables: list[tuple[str, str]]) -> None:
        """Search every row of these tables, ciphertext included, which cannot hold a mark."""
        if not ENABLED or not tables:
            return
        one = sql.SQL(
            "(SELECT {name}, x FROM (SELECT {row} AS x FROM {table} t OFFSET 0) s WHERE x ~ {pattern} LIMIT 3)"
        )
        parts = [
            one.format(
                name=sql.Literal(name),
                row=_row(name),
                table=sql.Identifier(schema, name),
                pattern=sql.Literal(canaries.pattern()),
            )
            for schema, name in tables
        ]
        for table, row in connection.execute(sql.SQL(" UNION ALL ").join(parts)).fetchall():
            self.look(f"table {table}", row)


def _row(table: str) -> sql.Composable:
    hidden = _HIDDEN_COLUMNS.get(table)
    return sql.SQL("(to_jsonb(t) - {})::text").format(sql.Literal(hidden)) if hidden else sql.SQL("t::text")


HUNT = LeakHunt()


def hunt_leaks() -> None:
    """From now on, for the whole process."""
    if not ENABLED:
        return
    _mark_secrets()
    _watch_logs()
    _wrap(RequestFrame, "__call__", _answers)
    _wrap(Process, "__init__", _processes)
    _wrap(TrytonClient, "_exchange", _calls_to_tryton)
    wire.__dict__["_sent"] = _calls_to_pleo(wire._sent)


def watch_errors() -> None:
    """Every error class of ours that is imported by now tells when one is made."""
    for name, module in list(sys.modules.items()):
        if name.startswith("ledgerbridge.") and ENABLED:
            for _, cls in inspect.getmembers(module, inspect.isclass):
                if issubclass(cls, BaseException) and cls.__module__ == name and "_watched" not in cls.__dict__:
                    cls._watched = True  # type: ignore[attr-defined]
                    _wrap(cls, "__init__", _errors)


def _mark_secrets() -> None:
    canaries.mark(oauth, "state or verifier")
    canaries.mark(vault, "session or path token")
    canaries.mark(pleo_sandbox.core.authorise, "authorisation code")
    canaries.mark(pleo_sandbox.core.signing, "webhook secret")
    for module, what in ((pleo_sandbox.core.tokens, "token or API key"), (pleo_sandbox.core.clients, "client secret")):
        module.__dict__["opaque_token"] = _marking(what, module.opaque_token)  # type: ignore[attr-defined]
    sign = Files._sign
    Files._sign = lambda self, key, expires: canaries.marked(  # type: ignore[method-assign]
        "signature of a receipt's link", sign(self, key, expires)
    )
    canaries.watch_for("client secret", DEFAULT_CLIENT_SECRET)


def _marking(what: str, make: Callable[[], str]) -> Callable[[], str]:
    return lambda: canaries.marked(what, make())


class _Nowhere:
    """Where the log of the tests goes."""

    def write(self, _text: str) -> int:
        return 0

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


def _watch_logs() -> None:
    """Log as the service does in every test, and read each line as it is rendered, whoever set the logging up."""
    configure("INFO", "json", _Nowhere())  # type: ignore[arg-type]
    logging.captureWarnings(False)
    rendered = ProcessorFormatter.format

    def format_(self: ProcessorFormatter, record: logging.LogRecord) -> str:
        line = rendered(self, record)
        if not (record.name == "uvicorn.access" and " /files/" in line):  # the file host's own log, in our process
            HUNT.look(f"log line of {record.name}", line)
        return line

    ProcessorFormatter.format = format_  # type: ignore[method-assign]


def keep_logging() -> Callable[[], None]:
    """How to bring logging back to what it is now, after a test that sets it up itself."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()

    def restore() -> None:
        root.handlers, root.level = handlers, level
        structlog.configure(**config)

    return restore


def _wrap(cls: type[Any], name: str, around: Callable[[Any], Any]) -> None:
    setattr(cls, name, around(getattr(cls, name)))


def _errors(init: Any) -> Any:
    @functools.wraps(init)
    def made(self: BaseException, *args: Any, **named: Any) -> None:
        init(self, *args, **named)
        HUNT.look(f"error {type(self).__name__}", f"{self} {self!r}")

    return made


def _processes(init: Any) -> Any:
    @functools.wraps(init)
    def made(self: Process, *args: Any, **named: Any) -> None:
        init(self, *args, **named)
        HUNT.started(self)

    return made


def _answers(call: Any) -> Any:
    """Around the frame of the web face, so that in-process and served answers are read alike."""

    async def framed(self: RequestFrame, scope: Any, receive: Any, send: Any) -> None:
        place = f"answer to {scope.get('method')} {scope.get('path', '').partition('/webhooks/pleo/')[0]}"

        async def read(message: Any) -> None:
            if message["type"] == "http.response.start":
                for name, value in message["headers"]:
                    header = name.decode("latin-1").lower()
                    if header != "set-cookie" and not (header == "location" and scope["path"] in _DOORS):
                        HUNT.look(f"{place}, header {header}", value.decode("latin-1"))
            elif message["type"] == "http.response.body":
                HUNT.look(place, message.get("body", b"").decode("utf-8", "replace"))
            await send(message)

        await call(self, scope, receive, read)

    return framed


def _calls_to_pleo(send: Any) -> Any:
    async def sent(http: httpx.AsyncClient, request: httpx.Request, *rest: Any) -> Any:
        place = f"request to {request.url.host}"
        path = request.url.path
        if not path.startswith("/files/"):
            HUNT.look(f"{place}, url", str(request.url))
        for name, value in request.headers.items():
            if name != "authorization":
                HUNT.look(f"{place}, header {name}", value)
        if not path.startswith(("/oauth/", "/oauth2/", "/v1/subscriptions")):
            HUNT.look(f"{place}, body", request.content.decode("utf-8", "replace"))
        if path.startswith("/files/") and "authorization" in request.headers:
            HUNT.look(f"{place}, header authorization", canaries.MARK)
        return await send(http, request, *rest)

    return sent


def _calls_to_tryton(exchange: Any) -> Any:
    async def exchanged(
        self: TrytonClient, operation: str, method: str, path: str, parameters: Any = (), body: Any = None
    ) -> Any:
        HUNT.look(f"request to Tryton, {operation}", f"{path} {parameters} {body}")
        return await exchange(self, operation, method, path, parameters, body)

    return exchanged
