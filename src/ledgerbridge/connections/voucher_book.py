"""The book of vouchers in the database (`erp.files.book`): one for each ERP company that a connection was bound to.

Numbers of a series and year follow each other without a gap, and none is used twice: the book is held while vouchers
are numbered, and numbers, vouchers and receipts are committed together or not at all. Keys are unique by constraint.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.connections import voucher_rows
from ledgerbridge.connections.voucher_reading import any_id, read
from ledgerbridge.connections.voucher_rows import Identity, Numbered
from ledgerbridge.erp.files.book import MOST_WAITING, KeyTaken, MadeFile, NewVoucher, Receipt, Voucher, digest_of
from ledgerbridge.erp.port import ErpError
from ledgerbridge.store import tables
from ledgerbridge.store.engine import Database
from ledgerbridge.store.recordsets import any_of
from ledgerbridge.store.tables import (
    ErpBinding,
    HandoverState,
    VoucherBookRow,
    VoucherFile,
    VoucherPiece,
    VoucherReceipt,
)

Key = tuple[str, str, int, bool]
"""Company, accounting entry and revision of a key, and whether it is of the voucher that takes one back."""
Entry = tuple[str, str]
"""Company and accounting entry of a key."""
Row = tables.Voucher


def book_of(binding: ErpBinding) -> Identity:
    """Whose book a connection writes that is bound so."""
    return Identity(
        binding.connection_id, binding.kind, binding.company_ref, binding.registration_number, binding.company_name,
        binding.currency,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredBook:
    """Implements `VoucherBook`."""

    db: Database
    whose: Identity
    most_waiting: int = MOST_WAITING

    # ------------------------------------------------------------------ recording

    async def record(self, wanted: Sequence[NewVoucher]) -> Sequence[Voucher | KeyTaken]:
        """As the protocol says. Raises `ErpError` with `outcome_unknown` when the answer to the commit was lost."""
        receipts = [await voucher_rows.told(one) for one in wanted]
        committing = False
        with _told_apart(lambda: committing):
            async with self.db.transaction() as session:
                await voucher_rows.take(session, self.whose)
                outcomes = await self._record(session, wanted, receipts)
                committing = True
        return outcomes

    async def _record(
        self, session: AsyncSession, wanted: Sequence[NewVoucher], receipts: Sequence[tuple[Receipt, ...]]
    ) -> list[Voucher | KeyTaken]:
        standing = await self._standing(session, wanted)
        plan = _planned(wanted, standing)
        new = [at for at, of in enumerate(plan) if of == at]
        made: dict[int, Voucher] = {}
        if new:
            numbers = await voucher_rows.next_numbers(session, self.whose, [wanted[at] for at in new])
            rows = [
                Numbered(uuid.uuid4(), number, wanted[at], digest_of(wanted[at]), receipts[at])
                for at, number in zip(new, numbers, strict=True)
            ]
            recorded_at = await voucher_rows.insert_vouchers(session, self.whose, rows)
            await voucher_rows.insert_receipts(session, self.whose, rows)
            made = {at: _made(row, recorded_at) for at, row in zip(new, rows, strict=True)}
        outcomes: list[Voucher | KeyTaken] = []
        for at, (one, of) in enumerate(zip(wanted, plan, strict=True)):
            if of == at:
                outcomes.append(made[at])
                continue
            there = made[of] if isinstance(of, int) else of
            same = there.digest == digest_of(one)
            outcomes.append(replace(there, already_there=True) if same else KeyTaken(there))
        return outcomes

    async def _standing(self, session: AsyncSession, wanted: Sequence[NewVoucher]) -> dict[Key, Voucher]:
        """What is in the book of these accounting entries. Raises ValueError for the taking back of what is not."""
        entries = {one.key.accounting_entry_id for one in wanted}
        found = await read(session, self.whose, Row.accounting_entry_id == any_of(sorted(entries)))
        standing = {_key(one): one for one in found}
        for one in wanted:
            if one.reverses is not None:
                original = standing.get((*_key(one)[:3], False))
                if original is None or original.id != one.reverses:
                    raise ValueError("there is no such voucher to take back")
        return standing

    # ------------------------------------------------------------------ looking

    async def find(self, accounting_entry_id: str, company_id: str) -> Sequence[Voucher]:
        return await self._look(Row.accounting_entry_id == accounting_entry_id, Row.company_id == company_id)

    async def get(self, voucher_id: str) -> Voucher | None:
        try:
            wanted = uuid.UUID(voucher_id)
        except ValueError:
            return None
        found = await self._look(Row.id == wanted)
        return found[0] if found else None

    async def between(self, first: dt.date, last: dt.date, company_id: str) -> Sequence[Voucher]:
        return await self._look(Row.date >= first, Row.date <= last, Row.company_id == company_id)

    async def waiting(self) -> Sequence[Voucher]:
        return await self._look(Row.file_id.is_(None), first=self.most_waiting)

    async def in_file(self, file_id: uuid.UUID) -> Sequence[Voucher]:
        """The vouchers of a closed file, by year, series and number."""
        return await self._look(Row.file_id == file_id)

    async def receipt(self, voucher_id: str, name: str) -> AsyncIterator[bytes]:
        """As the protocol says; each piece is read in a transaction of its own. Raises KeyError without such a file."""
        async for piece in receipt_pieces(self.db, self.whose.connection_id, uuid.UUID(voucher_id), name):
            yield piece

    async def _look(self, *which: ColumnElement[bool], first: int | None = None) -> list[Voucher]:
        with _told_apart():
            async with self.db.reading() as session:
                return await read(session, self.whose, *which, first=first)

    # ------------------------------------------------------------------ closing

    async def close(self, name: str, content: bytes, vouchers: Sequence[str]) -> MadeFile:
        if not vouchers:
            raise ValueError("a file without vouchers")
        with _told_apart():
            async with self.db.transaction() as session:
                return await self._close(session, name, content, sorted(set(vouchers)))

    async def _close(self, session: AsyncSession, name: str, content: bytes, vouchers: Sequence[str]) -> MadeFile:
        whose = self.whose
        held = select(VoucherBookRow.id).where(
            VoucherBookRow.id == whose.book_id, VoucherBookRow.connection_id == whose.connection_id
        )
        await session.execute(held.with_for_update())
        mine = (Row.connection_id == whose.connection_id, Row.book_id == whose.book_id)
        chosen = (*mine, Row.id == any_id([uuid.UUID(one) for one in vouchers]))
        standing = await session.scalar(
            select(VoucherFile).where(
                VoucherFile.connection_id == whose.connection_id,
                VoucherFile.book_id == whose.book_id,
                VoucherFile.name == name,
            )
        )
        if standing is not None:
            there = await session.scalar(
                select(func.count()).select_from(Row).where(*chosen, Row.file_id == standing.id)
            )
            if there != len(vouchers) or standing.vouchers != len(vouchers):
                raise ValueError(f"{name} stands and holds other vouchers")
            return _file(standing)
        many, debit = (await session.execute(select(func.count(), func.sum(Row.total)).where(*chosen))).one()
        made = VoucherFile(
            id=uuid.uuid4(),
            connection_id=whose.connection_id,
            book_id=whose.book_id,
            name=name,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            content=content,
            vouchers=many,
            debit=debit or Decimal(0),
            handover_state=HandoverState.WAITING,
        )
        session.add(made)
        await session.flush()
        put = await session.execute(update(Row).where(*chosen, Row.file_id.is_(None)).values(file_id=made.id))
        if put.rowcount != len(vouchers):  # type: ignore[attr-defined]
            raise ValueError("a voucher went into another file in the meantime, or is not in this book")
        return _file(made)


async def receipt_pieces(
    db: Database, connection_id: uuid.UUID, voucher_id: uuid.UUID, name: str
) -> AsyncIterator[bytes]:
    """The bytes of a file kept with a voucher, half a megabyte at a time; no transaction is open between two pieces.

    Raises KeyError without such a file, or when its bytes were forgotten; `ErpError` when the database is away.
    """
    receipt = select(VoucherReceipt.position, VoucherReceipt.size).where(
        VoucherReceipt.connection_id == connection_id,
        VoucherReceipt.voucher_id == voucher_id,
        VoucherReceipt.name == name,
    )
    with _told_apart():
        async with db.reading() as session:
            found = (await session.execute(receipt)).one_or_none()
    if found is None:
        raise KeyError(name)
    read = piece = 0
    while read < found.size:
        content = select(VoucherPiece.content).where(
            VoucherPiece.connection_id == connection_id,
            VoucherPiece.voucher_id == voucher_id,
            VoucherPiece.position == found.position,
            VoucherPiece.piece == piece,
        )
        with _told_apart():
            async with db.reading() as session:
                some = await session.scalar(content)
        if some is None:
            raise KeyError(name)
        yield bytes(some)
        read, piece = read + len(some), piece + 1


@contextmanager
def _told_apart(committing: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """A database that is away, as an `ErpError` that may be tried again; without an answer once it was `committing`."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        why = f"the book of vouchers: {type(getattr(error, 'orig', None) or error).__name__}"
        raise ErpError(problem(Failure.BOOK_AWAY, why), outcome_unknown=committing()) from error


# ------------------------------------------------------------------ rows and values


def _planned(wanted: Sequence[NewVoucher], standing: Mapping[Key, Voucher]) -> list[int | Voucher]:
    """For each the position of the one that records it, mostly its own, or the voucher that stands in its place.

    An accounting entry that is in force under another revision, or comes to be by this call, is not booked again.
    """
    in_force: dict[Entry, Voucher | int] = {
        key[:2]: one for key, one in standing.items() if one.reverses is None and one.reversed_by is None
    }
    first: dict[Key, int] = {}
    plan: list[int | Voucher] = []
    for at, one in enumerate(wanted):
        key = _key(one)
        if key in standing:
            plan.append(standing[key])
        elif key in first:
            plan.append(first[key])
        elif one.reverses is None and key[:2] in in_force:
            plan.append(in_force[key[:2]])
        else:
            plan.append(first.setdefault(key, at))
            if one.reverses is None:
                in_force[key[:2]] = at
    return plan


def _key(one: NewVoucher | Voucher) -> Key:
    return one.key.company_id, one.key.accounting_entry_id, one.key.revision, one.reverses is not None


def _made(row: Numbered, recorded_at: dt.datetime) -> Voucher:
    one = row.wanted
    return Voucher(
        str(row.id), one.series, one.year, row.number, one.key, one.date, one.total, one.body, row.digest,
        recorded_at, row.receipts, one.reverses,
    )  # fmt: skip


def _file(row: VoucherFile) -> MadeFile:
    return MadeFile(str(row.id), row.name, row.sha256, row.vouchers, row.debit)
