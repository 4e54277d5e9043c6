"""The books of the ERP double in the test's own process, where no killed service takes them along."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from ledgerbridge import faults
from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.erp.port import Capabilities, DocumentRef, ErpError
from tests.support.erp_double import Books, DoubleErp


class BooksServer:
    """Serves `books` at a socket until closed."""

    def __init__(self, books: Books, path: Path) -> None:
        self.books = books
        self.path = str(path)
        self._lock = threading.Lock()
        self._listener = Listener(self.path, "AF_UNIX", backlog=64)
        self._thread = threading.Thread(target=self._accept, name="books", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                one = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), name="books of one", daemon=True).start()

    def _serve(self, one: Connection) -> None:
        try:
            while True:
                name, arguments, options = one.recv()
                with self._lock:
                    one.send(self._answer(name, arguments, options))
        except (EOFError, OSError):
            one.close()

    def _answer(self, name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if name == "capabilities":
            return self.books.capabilities
        try:
            return asyncio.run(getattr(DoubleErp(self.books), name)(*arguments, **options))
        except ErpError as error:
            return Refusal(error.problem, error.outcome_unknown)


@dataclass(frozen=True)
class Refusal:
    """An `ErpError` on the line."""

    problem: Problem
    outcome_unknown: bool


class RemoteErp:
    """The double over the line, with the fault points that an adapter has around its calls."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self.capabilities: Capabilities = self._ask("capabilities")

    def url(self, document: DocumentRef) -> str:
        return f"https://erp.example/{document.id}"

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any, **options: Any) -> Any:
            with faults.around(f"double {name}"):
                return self._ask(name, *arguments, **options)

        return call

    def _ask(self, name: str, *arguments: Any, **options: Any) -> Any:
        self._line.send((name, arguments, options))
        answer = self._line.recv()
        if isinstance(answer, Refusal):
            raise ErpError(answer.problem, outcome_unknown=answer.outcome_unknown)
        return answer


class RemoteAdapter:
    """The adapter of kind `double` in a process that may be killed."""

    kind = "double"

    def __init__(self, path: str) -> None:
        self._path = path

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"api_key"})

    @asynccontextmanager
    async def open(self, settings: dict[str, Any], observe: object = None) -> AsyncIterator[RemoteErp]:
        with Client(self._path, "AF_UNIX") as line:
            yield RemoteErp(line)
