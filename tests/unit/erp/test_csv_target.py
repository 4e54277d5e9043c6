"""A company with a CSV journal: booked into the book, handed over as files that another reader understands."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry, PostingKey
from ledgerbridge.erp.csv_journal.adapter import CsvAdapter
from ledgerbridge.erp.files.target import FileErp
from ledgerbridge.erp.port import Booked, Erp, Wanted
from tests.support.memory_book import MemoryBook
from tests.unit.erp.test_csv_settings import entered


async def entry(erp: Erp, number: int, net: str = "100.00") -> JournalEntry:
    chart = await erp.chart()
    account = {one.code: one for one in chart.accounts}
    period = next(one for one in chart.periods if one.open)
    zero, amount = Decimal(0), Decimal(net)
    lines = (
        EntryLine(account["6540"], amount, zero, "Hosting", dimensions=(("1", "010"),)),
        EntryLine(account["1940"], zero, amount, "Hosting"),
    )
    key = PostingKey("company", f"entry-{number}")
    return JournalEntry(key, chart.journals[0], period.start, period.start, chart.currency, "Hosting, Ada", lines)


@pytest.mark.parametrize(
    ("named", "part"),
    [
        ({"registration_number": "", "company_name": "Łódź  Käse & Söhne KG"}, "lodz-kase-sohne-kg"),
        ({"registration_number": "", "company_name": "東京"}, "company"),
        ({"registration_number": "DE 812/345.678"}, "de812345678"),
    ],
)
async def test_files_of_two_companies_never_have_the_same_name(named: dict[str, str], part: str) -> None:
    """They may lie in one folder, and some formats name no company inside."""
    adapter, book = CsvAdapter(), MemoryBook()
    async with adapter.open(adapter.check_settings(entered(**named)), book=book) as erp:
        await erp.book(await entry(erp, 1), (), final=True)
        await erp.hand_over()
    assert list(book.files) == [f"pleo-{part}-20150701-P-000001-000001.csv"]


async def test_what_is_booked_leaves_in_one_file_and_no_number_comes_twice() -> None:
    adapter, book = CsvAdapter(), MemoryBook()
    stored = adapter.check_settings(entered())
    async with adapter.open(stored, book=book) as erp:
        assert isinstance(erp, FileErp)
        wanted = [Wanted(await entry(erp, number)) for number in range(3)]
        booked = await erp.book_many(wanted, final=True)
        again = await erp.book_many(wanted[:1], final=True)
        assert [one.number for one in (*booked, *again) if isinstance(one, Booked)] == ["P1", "P2", "P3", "P1"]
        await erp.hand_over()
        await erp.hand_over()
        first = booked[0]
        assert isinstance(first, Booked)
        taken = await erp.reverse(first.ref, wanted[0].document.key, reason="wrong account", day=None)
        assert taken.number == "P4"
        await erp.hand_over()
    assert list(book.files) == [
        "pleo-5563343689-20150701-P-000001-000003.csv",
        "pleo-5563343689-20150701-P-000004-000004.csv",
    ]
    rows = [row for _, data in book.files.values() for row in csv.DictReader(io.StringIO(data.decode(), newline=""))]
    by_account: dict[str, Decimal] = {}
    for row in rows:
        by_account[row["Account"]] = (
            by_account.get(row["Account"], Decimal(0)) + Decimal(row["Debit"]) - Decimal(row["Credit"])
        )
    assert by_account == {"6540": Decimal("200.00"), "1940": Decimal("-200.00")}
    assert {row["Dimensions"] for row in rows if row["Account"] == "6540"} == {"1=010"}
