"""One company with the ERP double behind it and a job of many journal items at the sandbox, ready to be worked.

The sandbox is a process of its own, so that neither its memory nor its time counts as ours. The double takes no time
and keeps nothing but counts: what is measured is everything between Pleo and an ERP that sets no limit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from sqlalchemy import event

from ledgerbridge import serving
from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import Attachment, Booked, Capabilities, ErpError, Found, Wanted
from ledgerbridge.exports.context import Patience
from ledgerbridge.ops import logging
from tests.support.erp_double import CAPABILITIES, Books, DoubleAdapter, DoubleErp
from tests.support.rig import Pleo, Rig, company_rig

SEED = "card_purchase"
"""A line with VAT and tags; its receipt is left alone, because the double takes no files."""
BATCH = 100
_NOWHERE = open(os.devnull, "w")  # noqa: SIM115
UNLIMITED = replace(CAPABILITIES, attachments=False, batch=BATCH)
"""An ERP that sets no limit, for jobs of journal items without files."""
QUEUED_AT_ONCE = 5_000
"""Expenses the sandbox is asked for in one call."""


@dataclass
class Counts(Books):
    """The books of an ERP that answers at once; no entry is kept, so that a long job needs no memory here."""

    booked: int = 0
    keys: set[tuple[str, int]] = field(default_factory=set)
    """What was booked, with `remember`."""
    remember: bool = False


class UnlimitedErp(DoubleErp):
    """Books anything at once, once a key."""

    def __init__(self, books: Counts) -> None:
        super().__init__(books)
        self._counts = books

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Found]:
        raise AssertionError("nothing is in doubt in a job where nothing goes wrong")

    async def book(self, document: Document, attachments: Sequence[Attachment], *, final: bool) -> Booked:
        self._counts.calls["book"] += 1
        return self._made(document, final)

    async def book_many(self, wanted: Sequence[Wanted], *, final: bool) -> Sequence[Booked | ErpError]:
        self._counts.calls["book_many"] += 1
        return [self._made(one.document, final) for one in wanted]

    def _made(self, document: Document, final: bool) -> Booked:
        self._counts.booked += 1
        if self._counts.remember:
            key = (document.key.accounting_entry_id, document.key.revision)
            assert key not in self._counts.keys, f"{key} was booked twice"
            self._counts.keys.add(key)
        number = str(1000 + self._counts.booked)
        return Booked(number, f"JE-{number}", final, f"https://erp.example/{number}", utcnow())


class UnlimitedAdapter(DoubleAdapter):
    """Opens `UnlimitedErp`."""

    def __init__(self, books: Counts) -> None:
        super().__init__(books)
        self._counts = books

    @asynccontextmanager
    async def open(
        self, settings: dict[str, Any], observe: object = None, *, book: object = None
    ) -> AsyncIterator[DoubleErp]:
        yield UnlimitedErp(self._counts)


@contextmanager
def sandbox(page_cap: int = 100) -> Iterator[str]:
    """The URL of a Pleo sandbox in a process of its own, with the largest page that Pleo gives."""
    command = [sys.executable, "-m", "pleo_sandbox", "--port", "0", "--page-cap", str(page_cap)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http" in line, f"the sandbox did not start: {line!r}"
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(20)


@asynccontextmanager
async def company(
    database_url: str, sandbox_url: str, *, capabilities: Capabilities = UNLIMITED, remember: bool = False
) -> AsyncIterator[Rig]:
    """An active company of a fresh sandbox: API key, double bound, configured to book final entries.

    The log is written as the service writes it, and thrown away; garbage is looked for as in the service.
    """
    logging.configure("INFO", "json", _NOWHERE)
    httpx.post(f"{sandbox_url}/sandbox/reset").raise_for_status()
    books = Counts(capabilities=capabilities, remember=remember)
    patience = Patience(pause=(0.02, 0.05, 0.1))
    async with company_rig(
        database_url, sandbox_url, books=books, patience=patience, adapter=UnlimitedAdapter(books)
    ) as rig:
        serving._keep_what_was_made()
        yield rig


def exported(pleo: Pleo, items: int, seeds: Sequence[str] = (SEED,)) -> str:
    """Queue this many expenses and press Export; the job's id. They are of the seeds in turn."""
    entries: list[str] = []
    while len(entries) < items:
        copies = -(-min(QUEUED_AT_ONCE, items - len(entries)) // len(seeds))
        entries += pleo.queue(*seeds, copies=copies)
    return pleo.export(entries[:items])


def booked(rig: Rig) -> int:
    """How many documents the double was asked for."""
    assert isinstance(rig.books, Counts)
    return rig.books.booked


@contextmanager
def statements(rig: Rig) -> Iterator[list[str]]:
    """The statements that go to the database until the end of the context, BEGIN and COMMIT not among them."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, _values: Any, _context: Any, _many: bool) -> None:
        seen.append(text)

    engine = rig.db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
