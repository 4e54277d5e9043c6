"""The book in the database: numbers without gaps whoever writes and whatever fails, and no voucher twice."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, select

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.connections.voucher_book import StoredBook
from ledgerbridge.connections.voucher_rows import Identity
from ledgerbridge.erp.files.book import Voucher
from ledgerbridge.erp.port import Attachment, ErpError
from ledgerbridge.outgoing.files import PIECE, FileNotKept, HeldFile
from ledgerbridge.store import tables
from ledgerbridge.store.engine import Database
from tests.support.book_manners import YEAR, BookManners, numbers, receipt, recorded, voucher
from tests.support.ports import free_port


async def connection(db: Database, company: str = "c") -> uuid.UUID:
    row = tables.Connection(environment="custom", company_id=company, auth_method="oauth", subject_urn="urn:c")
    async with db.transaction() as session:
        session.add(row)
    return row.id


def company_of(connection_id: uuid.UUID, **changed: str | None) -> Identity:
    return replace(Identity(connection_id, "files", "1", "5560000001", "Books AB", "SEK"), **changed)  # type: ignore[arg-type]


@pytest.fixture
async def book(db: Database) -> StoredBook:
    return StoredBook(db, company_of(await connection(db)))


class TestStoredBook(BookManners):
    """The manners of every book."""


# ------------------------------------------------------------------ numbers


class Lost(HeldFile):
    """Can be read once, and not again."""

    def pieces(self, size: int = PIECE) -> Iterator[bytes]:
        if self.size < 0:
            raise FileNotKept(OSError("the disk is gone"))
        yield from super().pieces(size)
        self.size = -1


async def test_writers_that_meet_leave_no_gap_and_no_double(book: StoredBook, database_url: str) -> None:
    """Two processes record at once, some of it the same, and every third call fails after its numbers were taken."""
    other_db = Database(database_url)
    other = StoredBook(other_db, book.whose)

    async def writes(writer: StoredBook, turn: int) -> None:
        wanted = [voucher(f"e{turn}-{n}") for n in range(3)]
        if turn % 3 == 0:
            failing = replace(
                voucher(f"bad{turn}"), attachments=(Attachment("r.pdf", "application/pdf", Lost.of(b"a receipt")),)
            )
            with pytest.raises(FileNotKept):
                await writer.record([*wanted[:2], failing])
        await writer.record(wanted)

    await asyncio.gather(*(writes(writer, turn) for turn in range(12) for writer in (book, other)))
    await other_db.close()
    made = await book.waiting()
    assert [one.number for one in made] == list(range(1, 37))
    assert len({one.key for one in made}) == 36


@pytest.mark.parametrize("before", [0, 1])
async def test_the_same_key_from_two_at_once_is_one_voucher(book: StoredBook, before: int) -> None:
    """Whether the book is new or not."""
    await recorded(book, *(voucher(f"before{n}") for n in range(before)))
    outcomes = await asyncio.gather(*(book.record([voucher("e1")]) for _ in range(6)))
    made = [one for (one,) in outcomes if isinstance(one, Voucher)]
    assert sorted(one.already_there for one in made) == [False, *[True] * 5]
    assert len({one.id for one in made}) == 1


async def test_another_company_has_another_book_and_the_first_is_found_again(book: StoredBook, db: Database) -> None:
    await recorded(book, voucher("e1"), voucher("e2"))
    mine = book.whose.connection_id
    moved = StoredBook(db, company_of(mine, company_ref="2"))
    assert numbers(await recorded(moved, voucher("e1"))) == [("A", YEAR, 1)]
    renumbered = StoredBook(db, company_of(mine, registration_number="5560000002"))
    assert not await renumbered.waiting()
    back = StoredBook(db, company_of(mine, company_name="Books & Sons AB"))
    assert numbers(await recorded(back, voucher("e3"))) == [("A", YEAR, 3)]
    other_format = StoredBook(db, company_of(mine, kind="journals"))
    assert numbers(await recorded(other_format, voucher("e4"))) == [("A", YEAR, 4)]
    stranger = StoredBook(db, company_of(await connection(db, "another")))
    assert not await stranger.find("e1", "company")
    assert numbers(await recorded(stranger, voucher("e1"))) == [("A", YEAR, 1)]


async def test_the_database_itself_refuses_a_second_voucher_and_a_changed_one(
    book: StoredBook, database_url: str
) -> None:
    (one, two) = await recorded(book, voucher("e1"), voucher("e2"))
    await book.close("a.si", b"bytes", [one.id])
    columns = "connection_id, book_id, series, year, company_id, revision, takes_back, date, total, body, digest"
    into = f"insert into vouchers (id, number, accounting_entry_id, {columns}) select gen_random_uuid()"
    refused = [
        f"{into}, number, 'e7', {columns} from vouchers where number = 1",
        f"{into}, 7, accounting_entry_id, {columns} from vouchers where number = 1",
        "update vouchers set number = 9 where number = 1",
        "update vouchers set total = 1 where number = 2",
        "update vouchers set file_id = null where number = 1",
    ]
    for statement in refused:
        with psycopg.connect(database_url) as line, pytest.raises(psycopg.errors.IntegrityError):
            line.execute(statement.encode())
    assert [v.id for v in await book.waiting()] == [two.id]


# ------------------------------------------------------------------ statements and bytes


async def test_many_vouchers_with_their_receipts_are_few_statements(book: StoredBook, db: Database) -> None:
    """However many there are; a database far away would make a job of a thousand items wait for each."""
    await recorded(book, voucher("first"))
    said: list[str] = []
    event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    for count in (2, 100):
        said.clear()
        wanted = [
            replace(voucher(f"e{count}-{n}"), attachments=(receipt(), receipt("r-2.pdf", b"x" * 10_000)))
            for n in range(count)
        ]
        await recorded(book, *wanted)
        assert len(said) == 6, said


async def test_a_large_receipt_passes_without_being_whole_in_memory(book: StoredBook) -> None:
    size, digest = 30 * 1024 * 1024, hashlib.sha256()
    with HeldFile() as held:
        for n in range(size // 65_536):
            held.add(n.to_bytes(4, "big") * 16_384)
        for piece in held.pieces():
            digest.update(piece)
        tracemalloc.start()
        large = replace(voucher("e1"), attachments=(Attachment("r-1.pdf", "application/pdf", held),))
        (made,) = await recorded(book, large)
        _, writing = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        again = hashlib.sha256()
        async for some in book.receipt(made.id, "r-1.pdf"):
            again.update(some)
        _, reading = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert made.receipts[0].size == size
    assert made.receipts[0].sha256 == digest.hexdigest() == again.hexdigest()
    assert writing < size / 2
    assert reading < size / 3


async def test_a_receipt_that_is_empty_or_unknown_is_told_apart(book: StoredBook) -> None:
    (made,) = await recorded(book, replace(voucher("e1"), attachments=(receipt("empty.pdf", b""),)))
    assert [piece async for piece in book.receipt(made.id, "empty.pdf")] == []
    with pytest.raises(KeyError):
        [piece async for piece in book.receipt(made.id, "other.pdf")]


async def test_what_the_database_cannot_hold_of_a_text_costs_no_booking(book: StoredBook) -> None:
    (made,) = await recorded(book, voucher("e1", "Lunch\x00 \ud800"))
    (found,) = await book.find("e1", "company")
    assert found.body == {"text": "Lunch\ufffd \ufffd"}
    again = await recorded(book, voucher("e1", "Lunch\x00 \ud800"))
    assert (again[0].id, again[0].already_there) == (made.id, True)


async def test_of_very_many_those_recorded_first_are_made_into_files_first(book: StoredBook) -> None:
    await recorded(book, *(replace(voucher(f"late{n}"), series="B") for n in range(3)))
    await recorded(book, *(voucher(f"e{n}") for n in range(3)))
    few = replace(book, most_waiting=4)
    first = await few.waiting()
    assert [(one.series, one.number) for one in first] == [("A", 1), ("B", 1), ("B", 2), ("B", 3)]
    await few.close("1.si", b"bytes", [one.id for one in first])
    assert [(one.series, one.number) for one in await few.waiting()] == [("A", 2), ("A", 3)]


# ------------------------------------------------------------------ a database that goes away


async def test_without_a_database_nothing_was_booked_and_it_may_be_tried_again(book: StoredBook) -> None:
    nowhere = Database(f"postgresql://nobody:nothing@127.0.0.1:{free_port()}/none")
    away = StoredBook(nowhere, book.whose)
    for asked in (away.record([voucher("e1")]), away.waiting(), away.close("a.si", b"", [str(uuid.uuid4())])):
        with pytest.raises(ErpError) as caught:
            await asked
        assert (caught.value.problem.failure, caught.value.outcome_unknown) == (Failure.BOOK_AWAY, False)
    await nowhere.close()


async def test_a_commit_without_an_answer_is_an_unknown_outcome(book: StoredBook, database_url: str) -> None:
    await book.waiting()

    @event.listens_for(book.db.engine.sync_engine, "commit")
    def lost(line: Any) -> None:
        with psycopg.connect(database_url) as other:
            other.execute("select pg_terminate_backend(%s)", [line.connection.driver_connection.info.backend_pid])

    with pytest.raises(ErpError) as caught:
        await book.record([voucher("e1")])
    assert (caught.value.problem.failure, caught.value.outcome_unknown) == (Failure.BOOK_AWAY, True)
    event.remove(book.db.engine.sync_engine, "commit", lost)
    assert not await book.waiting()


async def test_a_closing_that_fails_keeps_nothing(book: StoredBook, db: Database) -> None:
    one, two = await recorded(book, voucher("e1"), voucher("e2"))
    await book.close("a.si", b"bytes", [one.id])
    with pytest.raises(ValueError, match="another file"):
        await book.close("b.si", b"bytes", [one.id, two.id])
    async with db.transaction() as session:
        mine = tables.VoucherFile.connection_id == book.whose.connection_id
        assert (await session.scalars(select(tables.VoucherFile.name).where(mine))).all() == ["a.si"]
