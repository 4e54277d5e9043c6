"""Vouchers as the book answers them: few statements, however many there are.

What belongs to a voucher is asked for by the ids of all of them, not joined: of a table that has just grown by many
rows the database knows no figures yet, and would join it row by row.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from operator import attrgetter

from sqlalchemy import ARRAY, ColumnElement, Uuid, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.connections.voucher_rows import Identity
from ledgerbridge.erp.files.book import Receipt, Voucher
from ledgerbridge.store.tables import Voucher as Row
from ledgerbridge.store.tables import VoucherFile, VoucherReceipt

_in_order = attrgetter("year", "series", "number")


def any_id(ids: Sequence[uuid.UUID]) -> ColumnElement[uuid.UUID]:
    """What an id is compared with to be one of these."""
    return func.any(literal(ids, ARRAY(Uuid())))


async def read(
    session: AsyncSession, whose: Identity, *which: ColumnElement[bool], first: int | None = None
) -> list[Voucher]:
    """The vouchers of a book of which this holds, by year, series and number; of very many the `first` recorded."""
    query = (
        select(Row)
        .where(Row.connection_id == whose.connection_id, Row.book_id == whose.book_id, *which)
        .order_by(Row.recorded_at, Row.year, Row.series, Row.number)
        .limit(first)
    )
    rows = sorted(await session.scalars(query), key=_in_order)
    if not rows:
        return []
    ids = [row.id for row in rows]
    receipts, backs = await _receipts(session, whose, ids), await _taken_back(session, whose, ids)
    files = await _files(session, whose, sorted({row.file_id for row in rows if row.file_id}))
    return [
        _voucher(row, backs.get(row.id), files[row.file_id] if row.file_id else None, receipts.get(row.id, ()))
        for row in rows
    ]


async def _receipts(
    session: AsyncSession, whose: Identity, ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, list[Receipt]]:
    mine = (VoucherReceipt.connection_id == whose.connection_id, VoucherReceipt.voucher_id == any_id(ids))
    found: dict[uuid.UUID, list[Receipt]] = {}
    for row in await session.scalars(select(VoucherReceipt).where(*mine).order_by(VoucherReceipt.position)):
        found.setdefault(row.voucher_id, []).append(Receipt(row.name, row.type, row.size, row.sha256))
    return found


async def _taken_back(
    session: AsyncSession, whose: Identity, ids: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, uuid.UUID]:
    """For vouchers that were taken back, the ones that did."""
    mine = (Row.connection_id == whose.connection_id, Row.reverses == any_id(ids))
    return {row.reverses: row.id for row in await session.execute(select(Row.reverses, Row.id).where(*mine))}


async def _files(session: AsyncSession, whose: Identity, ids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, str]:
    if not ids:
        return {}
    mine = (VoucherFile.connection_id == whose.connection_id, VoucherFile.id == any_id(ids))
    return {row.id: row.name for row in await session.execute(select(VoucherFile.id, VoucherFile.name).where(*mine))}


def _voucher(row: Row, reversed_by: uuid.UUID | None, file: str | None, receipts: Sequence[Receipt]) -> Voucher:
    return Voucher(
        id=str(row.id),
        series=row.series,
        year=row.year,
        number=row.number,
        key=PostingKey(row.company_id, row.accounting_entry_id, row.revision),
        date=row.date,
        total=row.total,
        body=row.body,
        digest=row.digest,
        recorded_at=row.recorded_at,
        receipts=tuple(receipts),
        reverses=str(row.reverses) if row.reverses else None,
        reversed_by=str(reversed_by) if reversed_by else None,
        file=file,
    )
