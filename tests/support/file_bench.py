"""The bench of targets that book into files: the stored book, and eyes that read the produced files alone.

What is read of a file is a format's business: a `Seen` a voucher, from a reader that shares nothing with the adapter.
Only the id that our book gives a voucher is asked of the book, since no file tells it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NoReturn, cast

from sqlalchemy import select

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Chart
from ledgerbridge.connections.voucher_book import StoredBook
from ledgerbridge.erp.adapter import Adapter
from ledgerbridge.erp.conformance.bench import PLEO_COMPANY, Facts, Fate, Fault, Killed, Lack, Standing, Step
from ledgerbridge.erp.files.book import KeyTaken, NewVoucher, Voucher
from ledgerbridge.erp.files.receipts import archive
from ledgerbridge.erp.port import Capabilities, Erp
from ledgerbridge.store.tables import VoucherFile

LACKS = frozenset(set(Lack) & {
    Lack.DOUBT, Lack.UPLOADS, Lack.PARTIES, Lack.SIZE_LIMIT, Lack.HANDS, Lack.UNNUMBERED, Lack.RENUMBERING,
    Lack.CLOSED_ACCOUNTS, Lack.DEFAULT_TAXES, Lack.ODD_VALUES, Lack.CLOSED_VALUES, Lack.OFFLINE, Lack.SECRETS,
})  # fmt: skip
"""What a company that is an uploaded file and a book of ours has nothing of."""
_EVER = (dt.date.min, dt.date.max)


@dataclass(frozen=True)
class Seen:
    """A voucher as a file shows it to a reader of others."""

    series: str
    number: int
    text: str
    """All of it, the key last."""
    rows: Sequence[tuple[str, Mapping[str, str], Decimal]]
    """Account, dimensions, debit less credit."""

    @property
    def name(self) -> str:
        return f"{self.series}{self.number}"


@dataclass
class FileBench:
    """One company of one adapter; its book begins empty."""

    adapter: Adapter
    capabilities: Capabilities
    settings: dict[str, Any]
    """As stored."""
    facts: Facts
    book: StoredBook
    parse: Callable[[bytes], Sequence[Seen]]
    counts: Mapping[str, int]
    refused_access: Mapping[str, tuple[dict[str, Any], str]]
    lacks: frozenset[Lack] = LACKS
    refused: Mapping[str, tuple[dict[str, Any], Failure]] = field(default_factory=dict)

    @asynccontextmanager
    async def opened(self, fault: Fault | None = None) -> AsyncIterator[Erp]:
        yield cast("Erp", _Anew(self, _FaultyBook(self.book, fault)))

    def open_now(self, book: Any) -> AbstractAsyncContextManager[Erp]:
        return self.adapter.open(self.settings, book=book)

    async def chart(self) -> Chart:
        async with self.open_now(None) as erp:
            return await erp.chart()

    # ------------------------------------------------------------------ eyes

    async def seen(self) -> list[tuple[str, Seen]]:
        """Every voucher of every file, with the first day of the fiscal year the book numbers it in."""
        async with self.open_now(self.book) as erp:
            await erp.hand_over()
        kept = {(one.file, one.series, one.number): one.year for one in await self.book.between(*_EVER, PLEO_COMPANY)}
        query = select(VoucherFile.name, VoucherFile.content).where(
            VoucherFile.connection_id == self.book.whose.connection_id
        )
        async with self.book.db.reading() as session:
            files = (await session.execute(query)).all()
        found = [
            (kept[name, one.series, one.number], one) for name, content in files for one in self.parse(content or b"")
        ]
        assert len(found) == len(kept), "a voucher is in no file, or in two"
        return found

    async def entries(self, accounting_entry_id: str) -> Sequence[Standing]:
        ids = {(one.year, one.series, one.number): one.id for one in await self.book.between(*_EVER, PLEO_COMPANY)}
        return [
            Standing(
                id=ids[year, one.series, one.number],
                final=True,
                number=one.name,
                text=one.text,
                total=sum((amount for *_, amount in one.rows if amount > 0), Decimal(0)),
                lines=len(one.rows),
            )
            for year, one in await self.seen()
            if accounting_entry_id in one.text
        ]

    async def files(self, erp_id: str) -> Sequence[tuple[str, bytes]]:
        await self.seen()
        (voucher,) = [one for one in await self.book.between(*_EVER, PLEO_COMPANY) if one.id == erp_id]
        beside = [one for one in await self.book.between(*_EVER, PLEO_COMPANY) if one.file == voucher.file]
        packed = b"".join([piece async for piece in archive(beside, self.book.receipt)])
        with zipfile.ZipFile(io.BytesIO(packed)) as found:
            index = csv.DictReader(io.StringIO(found.read("index.csv").decode("utf-8-sig")), delimiter=";")
            name = f"{voucher.series}{voucher.number}"
            return [(row["name"], found.read(row["file"])) for row in index if row["voucher"] == name]

    async def net_of(self, accounting_entry_id: str) -> Mapping[str, Decimal]:
        net: dict[str, Decimal] = {}
        for _, one in await self.seen():
            for account, _, amount in one.rows if accounting_entry_id in one.text else ():
                net[account] = net.get(account, Decimal(0)) + amount
        return net

    async def counted(self) -> Mapping[str, int]:
        return self.counts

    async def bills(self, accounting_entry_id: str) -> Sequence[Any]:
        return []

    # ------------------------------------------------------------------ hands

    async def set_period(self, date: dt.date, *, open_: bool) -> None:
        """Closes everything up to the day, as the setting does."""
        locked = self.facts.closed_date if open_ else date
        self.settings = self.adapter.check_settings(self.settings | {"locked_until": locked.isoformat()})

    def __getattr__(self, name: str) -> NoReturn:
        """All the other hands: nobody can change a file's target by hand."""
        raise AttributeError(name)


class _Anew:
    """A company that is opened anew for each call, as the service does for each job, so that settings may change."""

    def __init__(self, bench: FileBench, book: Any) -> None:
        self._bench, self._book = bench, book
        self.capabilities = bench.capabilities

    def url(self, document: Any) -> None:
        return None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any, **keywords: Any) -> Any:
            async with self._bench.open_now(self._book) as erp:
                assert erp.capabilities == self.capabilities
                return await getattr(erp, name)(*arguments, **keywords)

        return call


class _FaultyBook:
    """The book, with the end of our process right after something was recorded."""

    def __init__(self, book: StoredBook, fault: Fault | None) -> None:
        self._book, self._fault = book, fault

    async def record(self, wanted: Sequence[NewVoucher]) -> Sequence[Voucher | KeyTaken]:
        made = await self._book.record(wanted)
        if self._fault and self._fault.step in (Step.CREATE, Step.CREATE_MANY):
            assert self._fault.fate is Fate.KILLED
            self._fault = None
            raise Killed
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._book, name)
