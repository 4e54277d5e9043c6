"""The book that tests of file targets lean on keeps what the protocol says, as the stored one does."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.files.book import KeyTaken, NewVoucher, Voucher, VoucherBook
from ledgerbridge.erp.port import Attachment
from ledgerbridge.outgoing.files import HeldFile
from tests.support.memory_book import MemoryBook

BOOK: type[VoucherBook] = MemoryBook


def voucher(entry: str, text: str = "Lunch", **changed: object) -> NewVoucher:
    receipt = Attachment("r-1.pdf", "application/pdf", HeldFile.of(b"receipt of " + entry.encode()))
    values: dict[str, object] = {
        "key": PostingKey("company", entry), "series": "A", "year": "2026-01-01", "date": dt.date(2026, 3, 1),
        "total": Decimal("12.50"), "body": {"text": text}, "attachments": (receipt,),
    }  # fmt: skip
    return NewVoucher(**{**values, **changed})  # type: ignore[arg-type]


async def recorded(book: VoucherBook, *wanted: NewVoucher) -> list[Voucher]:
    found = await book.record(wanted)
    assert all(isinstance(one, Voucher) for one in found)
    return [one for one in found if isinstance(one, Voucher)]


async def test_a_key_is_booked_once_and_another_content_is_told() -> None:
    book = BOOK()
    (first,) = await recorded(book, voucher("e1"))
    again, other = await book.record([voucher("e1"), voucher("e1", "Dinner")])
    assert isinstance(again, Voucher)
    assert (again.already_there, again.number) == (True, first.number)
    assert isinstance(other, KeyTaken)
    assert other.standing.id == first.id


async def test_what_is_closed_waits_no_more_and_a_second_file_of_it_is_refused() -> None:
    book = BOOK()
    one, two = await recorded(book, voucher("e1"), voucher("e2"))
    file = await book.close("a.si", b"bytes", [one.id])
    assert (file.vouchers, file.debit) == (1, Decimal("12.50"))
    assert await book.close("a.si", b"bytes", [one.id]) == file
    assert [v.id for v in await book.waiting()] == [two.id]
    with pytest.raises(ValueError, match="another file"):
        await book.close("b.si", b"bytes", [one.id, two.id])


async def test_a_taking_back_has_the_key_of_what_it_takes_back() -> None:
    book = BOOK()
    (one,) = await recorded(book, voucher("e1"))
    (back,) = await recorded(book, voucher("e1", "Taken back", reverses=one.id, attachments=()))
    found = await book.find("e1", "company")
    assert [(v.number, v.reverses, v.reversed_by) for v in found] == [(1, None, back.id), (2, one.id, None)]
    with pytest.raises(ValueError, match="take back"):
        await book.record([voucher("e9", reverses="nobody")])
