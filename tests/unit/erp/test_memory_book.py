"""The book that tests of file targets lean on has the manners of the stored one."""

from __future__ import annotations

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.erp.files.book import VoucherBook
from ledgerbridge.erp.port import ErpError
from tests.support.book_manners import BookManners, voucher
from tests.support.memory_book import MemoryBook


class TestMemoryBook(BookManners):
    @pytest.fixture
    def book(self) -> VoucherBook:
        return MemoryBook()


async def test_a_book_that_is_away_fails_as_the_stored_one() -> None:
    book = MemoryBook()
    book.down = True
    with pytest.raises(ErpError) as caught:
        await book.record([voucher("e1")])
    assert caught.value.problem.failure is Failure.BOOK_AWAY
