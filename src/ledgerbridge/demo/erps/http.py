"""A partner's own accounting system: the reference server of the HTTP target, as a process beside us."""

from __future__ import annotations

import base64
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ledgerbridge.demo.erps.base import ShownEntry
from ledgerbridge.demo.erps.reference import configuration, entries_of, seed_chart
from ledgerbridge.store.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from ledgerbridge.demo.calls import Calls

_STOP_SECONDS = 10


class ReferenceBooks:
    """The reference server's company. Implements `base.DemoErp`."""

    kind = "http"
    name = "the reference server"
    vendors = False
    takes = frozenset({"bad_half_tagged"})

    def __init__(self, url: str, secret: str, books: Path) -> None:
        self._url, self._secret, self._books = url, secret, books

    def settings(self) -> dict[str, Any]:
        return {"base_url": self._url, "secret": self._secret, "company": "1"}

    def configuration(self) -> dict[str, Any]:
        return configuration()

    def seed_chart(self) -> dict[str, Any]:
        return seed_chart()

    def count(self, calls: Calls) -> int:
        return len(self.entries(calls))

    def entries(self, calls: Calls) -> Sequence[ShownEntry]:
        """Read from the server's own database."""
        with sqlite3.connect(f"file:{self._books}?mode=ro", uri=True) as books:
            return entries_of(books)

    def places(self) -> Sequence[tuple[str, str]]:
        return [("Reference server:", self._url)]


@contextmanager
def http(postgres: EmbeddedPostgres, progress: Callable[[str], None]) -> Iterator[ReferenceBooks]:
    """The server on a free port with new books; ended at the end."""
    progress("Starting the reference server of the HTTP target")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    with TemporaryDirectory(prefix="ledgerbridge-demo-") as folder:
        books = Path(folder, "books.sqlite")
        command = [sys.executable, "-m", "examples.http_target.server", "--secret", secret, "--books", str(books)]
        server = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            assert server.stdout is not None  # noqa: S101 - a pipe was asked for
            yield ReferenceBooks(server.stdout.readline().strip(), secret, books)
        finally:
            server.terminate()
            server.wait(_STOP_SECONDS)
