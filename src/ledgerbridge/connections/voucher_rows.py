"""The statements of recording vouchers, one a table whatever their number; in the caller's transaction."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    Uuid,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from ledgerbridge.erp.files.book import NewVoucher, Receipt
from ledgerbridge.outgoing.files import HeldFile
from ledgerbridge.pleo.items import storable
from ledgerbridge.store.recordsets import recordset
from ledgerbridge.store.tables import Voucher, VoucherBookRow, VoucherCounter, VoucherPiece, VoucherReceipt

PIECE = 512 * 1024
"""Bytes of a receipt in one row."""
AT_ONCE = 4 * PIECE
"""Bytes sent to the database by one statement."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose book it is: one ERP company of one connection."""

    connection_id: uuid.UUID
    kind: str
    """Of the adapter at present."""
    company_ref: str
    registration_number: str | None
    company_name: str
    currency: str

    @property
    def book_id(self) -> uuid.UUID:
        """The same for the same company whenever the connection is bound to it, in whatever format its files are: a
        series of vouchers goes on. A new name changes nothing, nor does another spelling of the number."""
        told = "\x1f".join((self.company_ref, bare(self.registration_number)))
        return uuid.uuid5(self.connection_id, told)


def bare(number: str | None) -> str:
    """A registration number however it is spelt."""
    return "".join(filter(str.isalnum, number or "")).upper()


@dataclass(frozen=True, slots=True)
class Numbered:
    """A voucher to be recorded, with what it got."""

    id: uuid.UUID
    number: int
    wanted: NewVoucher
    digest: str
    receipts: tuple[Receipt, ...]


async def take(session: AsyncSession, whose: Identity) -> None:
    """Hold the book until the transaction ends, so that there is one writer at a time; made first if it is new."""
    changed = {
        "kind": whose.kind, "company_name": whose.company_name, "currency": whose.currency, "written_at": func.now(),
    }  # fmt: skip
    mine = (VoucherBookRow.id == whose.book_id, VoucherBookRow.connection_id == whose.connection_id)
    held = update(VoucherBookRow).where(*mine).values(changed)
    if (await session.execute(held)).rowcount:  # type: ignore[attr-defined]
        return
    await make(session, whose)
    await session.execute(held)


async def make(session: AsyncSession, whose: Identity) -> None:
    """The book, if there is none. Whoever comes second waits for the first, and finds its row afterwards."""
    row = {
        "id": whose.book_id, "connection_id": whose.connection_id, "kind": whose.kind,
        "company_ref": whose.company_ref, "registration_number": whose.registration_number,
        "company_name": whose.company_name, "currency": whose.currency,
    }  # fmt: skip
    await session.execute(insert(VoucherBookRow).values(row).on_conflict_do_nothing())


async def next_numbers(session: AsyncSession, whose: Identity, wanted: Sequence[NewVoucher]) -> list[int]:
    """A number for each, in their order: the next ones of its series and year. Used only if the transaction commits."""
    many = Counter((one.series, one.year) for one in wanted)
    rows = [{"series": series, "year": year, "last": count} for (series, year), count in many.items()]
    given = recordset(rows, {"series": Text(), "year": Text(), "last": Integer()})
    source = select(
        literal(whose.book_id), literal(whose.connection_id), given.c.series, given.c.year, given.c["last"]
    ).order_by(given.c.series, given.c.year)
    new = insert(VoucherCounter).from_select(["book_id", "connection_id", "series", "year", "last"], source)
    moved = new.on_conflict_do_update(
        index_elements=["book_id", "series", "year"], set_={"last": VoucherCounter.last + new.excluded["last"]}
    ).returning(VoucherCounter.series, VoucherCounter.year, VoucherCounter.last)
    following = {(row.series, row.year): row.last for row in await session.execute(moved)}
    for key, count in many.items():
        following[key] -= count
    numbers = []
    for one in wanted:
        following[one.series, one.year] += 1
        numbers.append(following[one.series, one.year])
    return numbers


_VOUCHER: Mapping[str, TypeEngine[Any]] = {
    "id": Uuid(), "series": Text(), "year": Text(), "number": Integer(), "company_id": Text(),
    "accounting_entry_id": Text(), "revision": Integer(), "takes_back": Boolean(), "reverses": Uuid(), "date": Date(),
    "total": Numeric(), "body": JSONB(), "digest": Text(),
}  # fmt: skip


async def insert_vouchers(session: AsyncSession, whose: Identity, new: Sequence[Numbered]) -> dt.datetime:
    """The vouchers without their receipts; when they were recorded."""
    given = recordset(storable([_row(one) for one in new]), _VOUCHER)
    source = select(literal(whose.book_id), literal(whose.connection_id), *(given.c[name] for name in _VOUCHER))
    rows = insert(Voucher).from_select(["book_id", "connection_id", *_VOUCHER], source)
    return (await session.scalars(rows.returning(Voucher.recorded_at))).all()[0]


def _row(one: Numbered) -> dict[str, Any]:
    wanted = one.wanted
    return {
        "id": str(one.id), "series": wanted.series, "year": wanted.year, "number": one.number,
        "company_id": wanted.key.company_id, "accounting_entry_id": wanted.key.accounting_entry_id,
        "revision": wanted.key.revision, "takes_back": wanted.reverses is not None, "reverses": wanted.reverses,
        "date": wanted.date.isoformat(), "total": str(wanted.total), "body": dict(wanted.body), "digest": one.digest,
    }  # fmt: skip


_RECEIPT: Mapping[str, TypeEngine[Any]] = {
    "voucher_id": Uuid(), "position": Integer(), "name": Text(), "type": Text(), "size": BigInteger(),
    "sha256": Text(),
}  # fmt: skip


async def insert_receipts(session: AsyncSession, whose: Identity, new: Sequence[Numbered]) -> None:
    """The files of the vouchers, in few statements if they are small, and in pieces if they are large."""
    rows = [
        {"voucher_id": str(one.id), "position": position, "name": file.name, "type": file.type, "size": file.size,
         "sha256": file.sha256}
        for one in new for position, file in enumerate(one.receipts)
    ]  # fmt: skip
    if not rows:
        return
    given = recordset(storable(rows), _RECEIPT)
    source = select(literal(whose.connection_id), *(given.c[name] for name in _RECEIPT))
    await session.execute(insert(VoucherReceipt).from_select(["connection_id", *_RECEIPT], source))
    for some in _gathered(_pieces(new)):
        await _insert_pieces(session, whose, some)


@dataclass(frozen=True, slots=True)
class _Piece:
    voucher_id: uuid.UUID
    position: int
    piece: int
    content: bytes


def _pieces(new: Sequence[Numbered]) -> Iterator[_Piece]:
    for one in new:
        for position, attachment in enumerate(one.wanted.attachments):
            for piece, content in enumerate(attachment.file.pieces(PIECE)):
                yield _Piece(one.id, position, piece, content)


def _gathered(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    some: list[_Piece] = []
    size = 0
    for piece in pieces:
        some.append(piece)
        size += len(piece.content)
        if size > AT_ONCE - PIECE:
            yield some
            some, size = [], 0
    if some:
        yield some


_PIECE: Mapping[str, TypeEngine[Any]] = {
    "voucher_id": Uuid(), "position": Integer(), "piece": Integer(), "start": Integer(), "size": Integer(),
}  # fmt: skip


async def _insert_pieces(session: AsyncSession, whose: Identity, some: Sequence[_Piece]) -> None:
    """One statement. All bytes go as one value and are cut up there: a list of them would travel as text."""
    rows, start = [], 1
    for one in some:
        rows.append(
            {"voucher_id": str(one.voucher_id), "position": one.position, "piece": one.piece, "start": start,
             "size": len(one.content)}
        )  # fmt: skip
        start += len(one.content)
    given = recordset(rows, _PIECE)
    together = literal(b"".join(one.content for one in some), LargeBinary())
    content = func.substring(together, given.c.start, given.c["size"])
    source = select(literal(whose.connection_id), given.c.voucher_id, given.c.position, given.c.piece, content)
    columns = ["connection_id", "voucher_id", "position", "piece", "content"]
    await session.execute(insert(VoucherPiece).from_select(columns, source))


async def told(wanted: NewVoucher) -> tuple[Receipt, ...]:
    """Size and hash of its files, read piece by piece. Raises `outgoing.files.FileNotKept`."""
    return tuple([
        Receipt(one.name, one.type, one.file.size, await _sha256(one.file)) for one in wanted.attachments
    ])  # fmt: skip


async def _sha256(file: HeldFile) -> str:
    digest = hashlib.sha256()
    for piece in file.pieces(PIECE):
        digest.update(piece)
        await asyncio.sleep(0)
    return digest.hexdigest()
