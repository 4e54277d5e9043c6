"""A closed file as it is looked at and given out: its row, its bytes, and the ZIP of receipts that belongs to it."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from ledgerbridge.connections.voucher_book import StoredBook
from ledgerbridge.connections.voucher_rows import Identity
from ledgerbridge.erp.files.book import Voucher
from ledgerbridge.erp.files.receipts import archive
from ledgerbridge.outgoing.placing import Parcel
from ledgerbridge.store import tables
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import HandoverState, VoucherBookRow, VoucherFile


class FileUnknown(Exception):
    """The company has no such file."""


class FileForgotten(Exception):
    """The content went with the end of its connection, after the file had been handed over."""


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """A file with its book. The rows are detached, without the content."""

    row: VoucherFile
    book: VoucherBookRow
    kept: bool
    """Whether its content is still there."""

    @property
    def identity(self) -> Identity:
        book = self.book
        return Identity(
            book.connection_id, book.kind, book.company_ref, book.registration_number, book.company_name, book.currency
        )


_FILES = select(VoucherFile, VoucherBookRow, VoucherFile.content.is_not(None)).join(
    VoucherBookRow,
    (VoucherBookRow.id == VoucherFile.book_id) & (VoucherBookRow.connection_id == VoucherFile.connection_id),
)


async def closed_file(session: AsyncSession, connection_id: uuid.UUID, file_id: uuid.UUID) -> ClosedFile:
    """One file of a company. Raises `FileUnknown`, also for another company's."""
    query = _FILES.where(VoucherFile.connection_id == connection_id, VoucherFile.id == file_id)
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise FileUnknown
    return ClosedFile(*found)


async def closed_files(
    session: AsyncSession,
    connection_id: uuid.UUID,
    *,
    before: tuple[dt.datetime, uuid.UUID] | None = None,
    limit: int = 50,
) -> Sequence[ClosedFile]:
    """Files of a company, newest first, behind the key `before` (time and id)."""
    query = _FILES.where(VoucherFile.connection_id == connection_id)
    if before is not None:
        query = query.where(tuple_(VoucherFile.made_at, VoucherFile.id) < before)
    query = query.order_by(VoucherFile.made_at.desc(), VoucherFile.id.desc()).limit(limit)
    return [ClosedFile(*found) for found in await session.execute(query)]


@dataclass(frozen=True, slots=True)
class Counted:
    """A company's files by what becomes of them."""

    all: int
    to_fetch: int
    """A person is to download them, and has not."""
    troubled: int
    """They do not get to where they are to be."""


async def counted(session: AsyncSession, connection_id: uuid.UUID) -> Counted:
    """How many files there are."""
    state, never = VoucherFile.handover_state, VoucherFile.fetched_at.is_(None)
    failing = (state == HandoverState.WAITING) & VoucherFile.handover_fault.is_not(None)
    query = select(
        func.count(),
        func.count().filter((state == HandoverState.TO_FETCH) & never),
        func.count().filter((state == HandoverState.STUCK) | failing),
    ).where(VoucherFile.connection_id == connection_id)
    return Counted(*(await session.execute(query)).one())


@dataclass(frozen=True, slots=True)
class Inside:
    """A voucher of a file, as a list shows it. The row is detached."""

    row: tables.Voucher
    receipts: int


async def inside(
    session: AsyncSession, connection_id: uuid.UUID, file_id: uuid.UUID, *, after: int = 0, limit: int = 50
) -> Sequence[Inside]:
    """Vouchers of a file by number, behind that number. A file holds one series of one year."""
    row, receipt = tables.Voucher, tables.VoucherReceipt
    many = (
        select(func.count())
        .select_from(receipt)
        .where(receipt.voucher_id == row.id, receipt.connection_id == row.connection_id)
        .correlate(row)
        .scalar_subquery()
    )
    query = (
        select(row, many)
        .where(row.connection_id == connection_id, row.file_id == file_id, row.number > after)
        .order_by(row.number)
        .limit(limit)
    )
    return [Inside(*found) for found in await session.execute(query)]


async def content(session: AsyncSession, connection_id: uuid.UUID, file_id: uuid.UUID) -> bytes:
    """The bytes as they were closed. Raises `FileUnknown`, `FileForgotten`."""
    query = (
        select(VoucherFile)
        .options(undefer(VoucherFile.content))
        .where(VoucherFile.connection_id == connection_id, VoucherFile.id == file_id)
    )
    found = await session.scalar(query)
    if found is None:
        raise FileUnknown
    if found.content is None:
        raise FileForgotten
    return bytes(found.content)


async def vouchers(db: Database, file: ClosedFile) -> Sequence[Voucher]:
    """The vouchers in it, by number."""
    return await StoredBook(db, file.identity).in_file(file.row.id)


def receipts_name(name: str) -> str:
    """The name of the ZIP beside a file."""
    return f"{PurePosixPath(name).stem}.zip"


def receipts(db: Database, file: ClosedFile, inside: Sequence[Voucher]) -> AsyncIterator[bytes]:
    """The ZIP of the receipts of its vouchers, made on its way: never whole in memory, the same bytes every time.

    Raises `FileForgotten` at its first missing receipt, `ErpError` when the database is away.
    """
    return _receipts(StoredBook(db, file.identity), inside)


async def _receipts(book: StoredBook, inside: Sequence[Voucher]) -> AsyncIterator[bytes]:
    try:
        async for piece in archive(inside, book.receipt):
            if piece:
                yield piece
    except KeyError:
        raise FileForgotten from None


async def receipts_parcel(db: Database, file: ClosedFile) -> Parcel | None:
    """The ZIP as it is handed over; None where no voucher has a receipt. Its hash is found once and kept."""
    inside = await vouchers(db, file)
    row = file.row
    if not any(one.receipts for one in inside):
        return None
    size, sha256 = row.receipts_size, row.receipts_sha256
    if size is None or sha256 is None:
        size, digest = 0, hashlib.sha256()
        async for piece in receipts(db, file, inside):
            size += len(piece)
            digest.update(piece)
        sha256 = digest.hexdigest()
        async with db.transaction() as session:
            await session.execute(
                update(VoucherFile)
                .where(VoucherFile.connection_id == row.connection_id, VoucherFile.id == row.id)
                .values(receipts_size=size, receipts_sha256=sha256)
            )
    return Parcel(receipts_name(row.name), size, sha256, lambda: receipts(db, file, inside))
