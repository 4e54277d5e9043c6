"""The books of the ERP double in the test's own process, where no killed service takes them along."""

from __future__ import annotations

import asyncio
import copyreg
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from ledgerbridge import faults
from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.erp.adapter import SettingField
from ledgerbridge.erp.port import Capabilities, DocumentRef, ErpError
from ledgerbridge.exports.receipts import Receipts
from ledgerbridge.outgoing.files import HeldFile
from tests.support.erp_double import FORM, Books, DoubleErp

copyreg.pickle(Receipts, lambda receipts: (tuple, (tuple(receipts),)))
copyreg.pickle(HeldFile, lambda file: (HeldFile.of, (file.whole(),)))  # a file goes over the line as its bytes
_MANY = ("book_many",)
"""Calls that answer with errors among what they return."""


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
            found = asyncio.run(getattr(DoubleErp(self.books), name)(*arguments, **options))
            return [_refusal(one) if isinstance(one, ErpError) else one for one in found] if name in _MANY else found
        except ErpError as error:
            return _refusal(error)


@dataclass(frozen=True)
class Refusal:
    """An `ErpError` on the line."""

    problem: Problem
    outcome_unknown: bool

    def error(self) -> ErpError:
        return ErpError(self.problem, outcome_unknown=self.outcome_unknown)


def _refusal(error: ErpError) -> Refusal:
    return Refusal(error.problem, error.outcome_unknown)


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
            raise answer.error()
        if name in _MANY:
            return [one.error() if isinstance(one, Refusal) else one for one in answer]
        return answer


class RemoteAdapter:
    """The adapter of kind `double` in a process that may be killed."""

    kind = "double"

    def __init__(self, path: str) -> None:
        self._path = path

    def form(self) -> tuple[SettingField, ...]:
        return FORM

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        return dict(settings)

    def secret_fields(self) -> frozenset[str]:
        return frozenset({"api_key"})

    @asynccontextmanager
    async def open(
        self, settings: dict[str, Any], observe: object = None, *, book: object = None
    ) -> AsyncIterator[RemoteErp]:
        with Client(self._path, "AF_UNIX") as line:
            yield RemoteErp(line)
