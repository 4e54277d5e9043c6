"""What every book of vouchers does, the one in memory and the one in the database: a class of tests takes it over.

A subclass has the fixture `book`, an empty one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.files.book import KeyTaken, NewVoucher, Voucher, VoucherBook
from ledgerbridge.erp.port import Attachment
from ledgerbridge.outgoing.files import HeldFile

YEAR = "2026-01-01"


def receipt(name: str = "r-1.pdf", content: bytes = b"%PDF a receipt") -> Attachment:
    return Attachment(name, "application/pdf", HeldFile.of(content))


def voucher(entry: str, text: str = "Lunch") -> NewVoucher:
    return NewVoucher(
        PostingKey("company", entry), "A", YEAR, dt.date(2026, 3, 1), Decimal("12.50"), {"text": text}, (receipt(),)
    )


async def recorded(book: VoucherBook, *wanted: NewVoucher) -> list[Voucher]:
    found = await book.record(wanted)
    assert all(isinstance(one, Voucher) for one in found)
    return [one for one in found if isinstance(one, Voucher)]


def numbers(vouchers: Sequence[Voucher]) -> list[tuple[str, str, int]]:
    return [(one.series, one.year, one.number) for one in vouchers]


class BookManners:
    async def test_numbers_begin_at_one_in_each_series_and_year(self, book: VoucherBook) -> None:
        other = replace(voucher("e3"), series="B")
        later = replace(voucher("e4"), year="2027-01-01", date=dt.date(2027, 1, 1))
        made = await recorded(book, voucher("e1"), voucher("e2"), other, later)
        assert numbers(made) == [("A", YEAR, 1), ("A", YEAR, 2), ("B", YEAR, 1), ("A", "2027-01-01", 1)]
        assert numbers(await recorded(book, voucher("e5"))) == [("A", YEAR, 3)]
        assert [one.key.accounting_entry_id for one in await book.waiting()] == ["e1", "e2", "e5", "e3", "e4"]

    async def test_a_key_is_booked_once_and_another_content_under_it_is_told(self, book: VoucherBook) -> None:
        (first,) = await recorded(book, voucher("e1"))
        again, other, new = await book.record([voucher("e1"), voucher("e1", "Dinner"), voucher("e2")])
        assert again == replace(first, already_there=True)
        assert isinstance(other, KeyTaken)
        assert other.standing.id == first.id
        assert isinstance(new, Voucher)
        assert new.number == 2, "a number was spent on what stood there"

    async def test_a_key_twice_in_one_call_is_booked_once(self, book: VoucherBook) -> None:
        first, again, other = await book.record([voucher("e1"), voucher("e1"), voucher("e1", "Dinner")])
        assert isinstance(first, Voucher)
        assert again == replace(first, already_there=True)
        assert isinstance(other, KeyTaken)
        assert len(await book.waiting()) == 1

    async def test_what_was_recorded_reads_back_as_it_was(self, book: VoucherBook) -> None:
        body = {
            "text": 'Kaffe "Ö" é\n',
            "lines": [{"account": ["1930", "Bank", "asset"], "debit": "12.50"}],
            "no": None,
        }
        files = (receipt(), receipt("r-2.pdf", b"another"))
        (made,) = await recorded(book, replace(voucher("e1"), body=body, attachments=files))
        (found,) = await book.find("e1", "company")
        assert found == await book.get(made.id)
        assert (found.body, f"{found.total:.2f}", found.date) == (body, "12.50", dt.date(2026, 3, 1))
        assert [(one.name, one.type, one.size) for one in found.receipts] == [
            ("r-1.pdf", "application/pdf", 14), ("r-2.pdf", "application/pdf", 7),
        ]  # fmt: skip
        assert replace(made, receipts=list(made.receipts)) == replace(found, receipts=list(found.receipts))
        assert b"".join([piece async for piece in book.receipt(made.id, "r-2.pdf")]) == b"another"
        assert made.recorded_at.utcoffset() == dt.timedelta(0)

    async def test_vouchers_are_found_by_their_date_and_by_nobody_else(self, book: VoucherBook) -> None:
        await recorded(book, voucher("e1"), replace(voucher("e2"), date=dt.date(2026, 4, 1)))
        day, late = dt.date(2026, 3, 1), dt.date(2026, 4, 1)
        assert [v.number for v in await book.between(day, late, "company")] == [1, 2]
        assert [v.number for v in await book.between(day, day, "company")] == [1]
        assert not await book.between(day, late, "another company")
        assert not await book.find("e1", "another company")
        assert await book.get("nonsense") is None
        assert await book.get("00000000-0000-4000-8000-00000000ffff") is None

    async def test_what_is_closed_waits_no_more_and_a_second_file_of_it_is_refused(self, book: VoucherBook) -> None:
        one, two, three = await recorded(book, voucher("e1"), voucher("e2"), voucher("e3"))
        file = await book.close("a.si", b"bytes", [one.id, two.id])
        assert (file.name, file.vouchers, f"{file.debit:.2f}") == ("a.si", 2, "25.00")
        again = await book.close("a.si", b"bytes", [two.id, one.id])
        assert (again.id, again.sha256) == (file.id, file.sha256)
        assert [(v.id, v.file) for v in await book.waiting()] == [(three.id, None)]
        assert [v.file for v in await book.find("e1", "company")] == ["a.si"]
        for name, vouchers in (("b.si", [one.id, three.id]), ("a.si", [three.id]), ("a.si", [one.id]), ("c.si", [])):
            with pytest.raises(ValueError, match=r"file|vouchers"):
                await book.close(name, b"bytes", vouchers)
        assert [v.id for v in await book.waiting()] == [three.id]

    async def test_a_taking_back_has_the_key_of_what_it_takes_back(self, book: VoucherBook) -> None:
        (one,) = await recorded(book, voucher("e1"))
        counter = replace(voucher("e1", "Taken back"), reverses=one.id, attachments=())
        (back,) = await recorded(book, counter)
        assert numbers([back]) == [("A", YEAR, 2)]
        (again,) = await book.record([counter])
        assert again == replace(back, already_there=True)
        (other,) = await book.record([replace(counter, body={"text": "for another reason"})])
        assert isinstance(other, KeyTaken)
        found = await book.find("e1", "company")
        assert [(v.number, v.reverses, v.reversed_by) for v in found] == [(1, None, back.id), (2, one.id, None)]
        (next_one,) = await recorded(book, replace(voucher("e1", "Dinner"), key=PostingKey("company", "e1", 2)))
        assert next_one.number == 3

    async def test_a_second_revision_is_refused_while_the_first_is_in_force(self, book: VoucherBook) -> None:
        def revised(entry: str) -> NewVoucher:
            return replace(voucher(entry), key=PostingKey("company", entry, 2))

        (one,) = await recorded(book, voucher("e1"))
        taken, fresh, beside, other = await book.record([revised("e1"), voucher("e2"), revised("e2"), voucher("e3")])
        assert isinstance(taken, KeyTaken)
        assert taken.standing.id == one.id
        assert isinstance(fresh, Voucher)
        assert isinstance(beside, KeyTaken)
        assert beside.standing.id == fresh.id
        assert isinstance(other, Voucher)
        assert (fresh.number, other.number) == (2, 3)

    async def test_taking_back_what_is_not_there_records_nothing_at_all(self, book: VoucherBook) -> None:
        stranger = replace(voucher("e9"), reverses="00000000-0000-4000-8000-00000000ffff")
        with pytest.raises(ValueError, match="take back"):
            await book.record([voucher("e1"), stranger])
        assert not await book.waiting()
        assert numbers(await recorded(book, voucher("e1"))) == [("A", YEAR, 1)]
