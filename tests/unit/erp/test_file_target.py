"""A company whose accounting takes files: what is booked is certain, and every voucher leaves in one file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.bookkeeping.words import Account, EntryLine, Journal, JournalEntry, PostingKey
from ledgerbridge.erp.files import closing
from ledgerbridge.erp.files.book import KeyTaken, NewVoucher, Voucher
from ledgerbridge.erp.files.chart import AccountType, FileAccount, FileChart, FileDimension, FiscalYear, periods
from ledgerbridge.erp.files.filed import Filed, filed
from ledgerbridge.erp.files.target import FileErp, FileEvery, FileSettings, Rendered
from ledgerbridge.erp.port import Attachment, Booked, ErpError, Wanted
from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from tests.support.memory_book import MemoryBook

YEARS = tuple(FiscalYear(dt.date(year, 1, 1), dt.date(year, 12, 31)) for year in (2025, 2026))
CHART = FileChart(
    "Övningsbolaget AB",
    "556334-3689",
    "SEK",
    (FileAccount("1940", "Pleo", AccountType.ASSET), FileAccount("6540", "IT", AccountType.COST)),
    (
        FileDimension("6", "Project", {"P1": "Website", "P10": "Fair"}),
        FileDimension("21", "Part", {"P10-A": "Stand", "X-1": "Alone"}, parent="6"),
    ),
    YEARS,
)
DAY = dt.date(2026, 9, 7)


class Plainly:
    """Renders the names of vouchers."""

    def render(self, vouchers: Sequence[Filed]) -> Rendered:
        names = "\n".join(one.name for one in vouchers)
        return Rendered(f"{vouchers[0].year.start.year}-{vouchers[0].name}-{vouchers[-1].number}", names.encode())


def erp(book: MemoryBook, settings: FileSettings | None = None, chart: FileChart = CHART) -> FileErp:
    return FileErp(book, chart, Plainly(), settings or FileSettings(("P",)), waits=(0, 0))


def entry(name: str, amount: str = "100.00", date: dt.date = DAY, *, revision: int = 1, **line: Any) -> JournalEntry:
    size, nothing = Decimal(amount), Decimal(0)
    lines = (
        EntryLine(Account("6540", "6540", "IT"), size, nothing, "Hosting", **line),
        EntryLine(Account("1940", "1940", "Pleo"), nothing, size, "Hosting"),
    )
    key = PostingKey("company", name, revision)
    return JournalEntry(key, Journal("P", "P", "P"), date, date, "SEK", "AWS, Ada", lines)


class Failing(MemoryBook):
    """Fails the next calls of `record` with these; `done` tells whether they were carried out."""

    def __init__(self, *errors: Exception, done: bool = False) -> None:
        super().__init__()
        self.errors = list(errors)
        self.done = done

    async def record(self, wanted: Sequence[NewVoucher]) -> Sequence[Voucher | KeyTaken]:
        if not self.errors:
            return await super().record(wanted)
        if self.done:
            await super().record(wanted)
        raise self.errors.pop(0)


def away(*, unknown: bool = False) -> ErpError:
    return ErpError(problem(Failure.ERP_BUSY, "the database is away"), outcome_unknown=unknown)


# ------------------------------------------------------------------ certain, or told apart


async def test_a_book_that_is_busy_for_a_moment_is_waited_for() -> None:
    book = Failing(away(), away())
    assert (await erp(book).book(entry("e1"), (), final=True)).number == "P1"
    assert len(book.vouchers) == 1


async def test_a_book_that_stays_away_fails_with_certainty() -> None:
    book = MemoryBook()
    book.down = True
    with pytest.raises(ErpError) as caught:
        await erp(book).book(entry("e1"), (), final=True)
    assert (caught.value.problem.row.retry, caught.value.outcome_unknown) == (True, False)


@pytest.mark.rule("EXP-REC-04")
async def test_a_commit_whose_answer_was_lost_is_looked_for_and_never_made_twice() -> None:
    book = Failing(away(unknown=True), done=True)
    booked = await erp(book).book(entry("e1"), (), final=True)
    assert (booked.number, booked.already_there, len(book.vouchers)) == ("P1", False, 1)


@pytest.mark.rule("EXP-REC-04")
async def test_a_commit_that_cannot_be_seen_is_an_unknown_outcome_of_just_those_documents() -> None:
    book = Failing()
    company = erp(book)
    await company.book(entry("e1"), (), final=True)
    book.errors = [away(unknown=True)]
    there, lost = await company.book_many([Wanted(entry("e1")), Wanted(entry("e2"))], final=True)
    assert isinstance(there, Booked)
    assert isinstance(lost, ErpError)
    assert (lost.outcome_unknown, lost.problem.failure) == (True, Failure.OUTCOME_UNKNOWN)
    assert "[PLEO:e2]" in lost.problem.text


@pytest.mark.rule("EXP-IDEM-07", "EXP-REC-04")
async def test_a_taking_back_whose_answer_was_lost_is_looked_for() -> None:
    book = Failing()
    company = erp(book)
    booked = await company.book(entry("e1"), (), final=True)
    key = entry("e1").key
    book.errors, book.done = [away(unknown=True)], False
    with pytest.raises(ErpError) as caught:
        await company.reverse(booked.ref, key, reason="wrong", day=None)
    assert (caught.value.outcome_unknown, caught.value.problem.failure) == (True, Failure.REVERSAL_UNKNOWN)
    book.errors, book.done = [away(unknown=True)], True
    made = await company.reverse(booked.ref, key, reason="wrong", day=None)
    assert (made.number, made.already_there, len(book.vouchers)) == ("P2", False, 2)


@pytest.mark.rule("EXP-ATT-14")
async def test_a_receipt_that_cannot_be_read_fails_its_own_item_alone() -> None:
    class Gone(MemoryBook):
        async def record(self, wanted: Sequence[NewVoucher]) -> Sequence[Voucher | KeyTaken]:
            if any(file.name == "gone.pdf" for one in wanted for file in one.attachments):
                raise FileNotKept(OSError("no space left"))
            return await super().record(wanted)

    file = Attachment("gone.pdf", "application/pdf", HeldFile.of(b"%PDF"))
    wanted = [Wanted(entry("e1")), Wanted(entry("e2"), [file]), Wanted(entry("e3"))]
    first, bad, last = await erp(Gone()).book_many(wanted, final=True)
    assert [one.number for one in (first, last) if isinstance(one, Booked)] == ["P1", "P2"]
    assert isinstance(bad, ErpError)
    assert bad.problem.failure is Failure.RECEIPT_NOT_KEPT
    assert "gone.pdf" in bad.problem.text


async def test_what_stands_under_the_key_with_other_names_is_the_expense_and_with_another_amount_is_not() -> None:
    book = MemoryBook()
    await erp(book).book(entry("e1"), (), final=True)
    renamed = replace(CHART, accounts=(*CHART.accounts[:1], FileAccount("6540", "IT services", AccountType.COST)))
    again = await erp(book, chart=renamed).book(entry("e1"), (), final=True)
    assert (again.number, again.already_there) == ("P1", True)
    with pytest.raises(ErpError) as caught:
        await erp(book).book(entry("e1", "90.00"), (), final=True)
    assert caught.value.problem.failure is Failure.BOOKED_ELSEWHERE


@pytest.mark.rule("EXP-IDEM-07")
async def test_what_was_taken_back_is_not_told_as_booked_under_the_same_key() -> None:
    company = erp(MemoryBook())
    booked = await company.book(entry("e1"), (), final=True)
    await company.reverse(booked.ref, entry("e1").key, reason="wrong", day=None)
    with pytest.raises(ErpError) as caught:
        await company.book(entry("e1"), (), final=True)
    assert caught.value.problem.failure is Failure.BOOKED_ELSEWHERE
    assert (await company.book(entry("e1", revision=2), (), final=True)).number == "P3"


@pytest.mark.rule("EXP-IDEM-07")
async def test_a_taking_back_swaps_debit_and_credit_and_tells_why_and_of_what() -> None:
    book = MemoryBook()
    company = erp(book)
    booked = await company.book(entry("e1", dimensions=(("6", "P1"),)), (), final=True)
    made = await company.reverse(booked.ref, entry("e1").key, reason="Wrong\nproject", day=dt.date(2026, 10, 1))
    original, counter = map(filed, book.vouchers)
    assert (counter.name, counter.takes_back, counter.date) == (made.number, "P1", dt.date(2026, 10, 1))
    assert counter.text == "Takes back P1: Wrong project"
    assert [(one.account, one.debit, one.credit, one.dimensions) for one in counter.lines] == [
        (one.account, one.credit, one.debit, one.dimensions) for one in original.lines
    ]


# ------------------------------------------------------------------ refusals


@pytest.mark.rule("EXP-VALID-05")
async def test_what_was_erased_with_its_connection_is_not_taken_back_and_says_why() -> None:
    """The company is connected again; of the voucher only number, day and total were kept."""
    book = MemoryBook()
    booked = await erp(book).book(entry("e1"), (), final=True)
    book.vouchers[0] = replace(book.vouchers[0], body={})
    with pytest.raises(ErpError) as caught:
        await erp(book).reverse(booked.ref, entry("e1").key, reason="wrong", day=None)
    assert (caught.value.problem.failure, caught.value.outcome_unknown) == (Failure.REVERSAL_REFUSED, False)
    assert "erased when the company was disconnected" in caught.value.problem.text


async def test_a_company_whose_years_are_all_closed_is_seen_before_the_first_item() -> None:
    await erp(MemoryBook(), FileSettings(("P",), locked_until=dt.date(2026, 12, 30))).preflight()
    with pytest.raises(ErpError) as caught:
        await erp(MemoryBook(), FileSettings(("P",), locked_until=dt.date(2026, 12, 31))).preflight(final=True)
    assert caught.value.problem.failure is Failure.ERP_LOCKED
    assert caught.value.problem.text.startswith(
        "Every fiscal year in the chart of accounts of Övningsbolaget AB is closed. Choose a newer chart"
    )


async def test_a_day_nothing_is_booked_on_is_told_with_what_to_do_about_it_here() -> None:
    company = erp(MemoryBook())
    booked = await company.book(entry("e1"), (), final=True)
    locked = erp(company._book, FileSettings(("P",), locked_until=DAY))  # type: ignore[arg-type]
    told = await locked.fits(entry("e2"), final=True)
    assert told is not None
    assert told.text == (
        "The accounting period of 2026-09-07 is closed or not set up. Choose a newer chart of accounts with that "
        "fiscal year, change the day up to which all is booked, or allow moving entries to an open period in the "
        "Ledgerbridge settings of this company, then export again."
    )
    assert str((await locked.chart()).opened_by) in told.text
    with pytest.raises(ErpError) as caught:
        await locked.reverse(booked.ref, entry("e1").key, reason="wrong", day=None)
    assert caught.value.problem.failure is Failure.REVERSAL_PERIOD_CLOSED
    assert "so P1 was not taken back. Choose a newer chart" in caught.value.problem.text
    assert caught.value.problem.text.endswith("then try again.")


async def test_what_was_made_after_the_upload_is_told_with_what_makes_it_known_here() -> None:
    company = erp(MemoryBook())
    unknown = replace(entry("e1").lines[0], account=Account("6250", "6250", "Postage"))
    told = await company.fits(replace(entry("e1"), lines=(unknown, entry("e1").lines[1])), final=True)
    assert told is not None
    assert told.failure is Failure.ACCOUNT_UNKNOWN
    assert told.text.endswith(str((await company.chart()).renewed_by))
    assert "choose a newer file in the Ledgerbridge settings" in told.text


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (lambda good: replace(good, currency="EUR"), Failure.CURRENCY_MISMATCH),
        (lambda good: replace(good, journal=Journal("Q", "Q", "Q")), Failure.JOURNAL_UNKNOWN),
        (lambda good: replace(good, date=dt.date(2024, 12, 31)), Failure.PERIOD_CLOSED),
        (lambda good: replace(good, date=dt.date(2026, 6, 30)), Failure.PERIOD_CLOSED),
        (lambda good: replace(good, key=PostingKey("company", "a [b")), Failure.UNEXPECTED),
        (lambda good: replace(good, lines=()), Failure.UNEXPECTED),
    ],
)
async def test_what_does_not_fit_is_refused_before_it_gets_a_number(
    change: Callable[[JournalEntry], JournalEntry], failure: Failure
) -> None:
    book = MemoryBook()
    company = erp(book, FileSettings(("P",), locked_until=dt.date(2026, 6, 30)))
    wanted = change(entry("e1", date=dt.date(2026, 7, 1)))
    with pytest.raises(ErpError) as caught:
        await company.book(wanted, (), final=True)
    told = await company.fits(wanted, final=True)
    assert told == caught.value.problem
    assert (told.failure, book.vouchers) == (failure, [])


async def test_bills_and_vendors_are_refused_by_name_and_a_company_without_its_book_books_nothing() -> None:
    company = erp(MemoryBook())
    for call in (company.preflight(bills=True), company.vendors(), company.settle([]), company.reopen([])):
        with pytest.raises(ErpError) as caught:
            await call
        assert caught.value.problem.failure is Failure.METHOD_NOT_SUPPORTED
    told = await company.fits(Bill(entry("e1"), None), final=True)  # type: ignore[arg-type]
    assert told is not None
    assert told.failure is Failure.METHOD_NOT_SUPPORTED
    with pytest.raises(ErpError):
        await FileErp(None, CHART, Plainly(), FileSettings(("P",))).book(entry("e1"), (), final=True)


async def test_a_value_below_another_brings_the_one_above_it() -> None:
    book = MemoryBook()
    company = erp(book)
    await company.book(entry("e1", dimensions=(("21", "P10-A"),)), (), final=True)
    await company.book(entry("e2", dimensions=(("21", "X-1"),)), (), final=True)
    values = [[(one.dimension, one.value) for one in filed(each).lines[0].dimensions] for each in book.vouchers]
    assert values == [[("6", "P10"), ("21", "P10-A")], [("21", "X-1")]]


# ------------------------------------------------------------------ files


async def test_every_fiscal_year_has_its_own_numbers_and_its_own_file() -> None:
    book = MemoryBook()
    company = erp(book)
    days = [DAY, dt.date(2025, 12, 30), DAY]
    booked = [await company.book(entry(f"e{at}", date=day), (), final=True) for at, day in enumerate(days)]
    assert [one.number for one in booked] == ["P1", "P1", "P2"]
    await company.hand_over()
    await company.hand_over()
    assert {name: content for name, (_, content) in book.files.items()} == {"2025-P1-1": b"P1", "2026-P1-2": b"P1\nP2"}


async def test_one_file_holds_one_currency_and_one_end_of_its_fiscal_year() -> None:
    """The company uploads another chart while vouchers wait for the end of their day."""
    book = MemoryBook()
    daily = FileSettings(("P",), every=FileEvery.DAY)
    longer = FiscalYear(YEARS[1].start, dt.date(2027, 6, 30))
    for name, chart in (
        ("e1", CHART),
        ("e2", replace(CHART, currency="EUR")),
        ("e3", replace(CHART, years=(YEARS[0], longer))),
    ):
        wanted = replace(entry(name), currency=chart.currency)
        assert (await erp(book, daily, chart).book(wanted, (), final=True)).number
    await erp(book).hand_over()
    assert list(book.files) == ["2026-P1-1", "2026-P2-2", "2026-P3-3"]


async def test_a_file_that_cannot_be_made_keeps_no_other_one_back() -> None:
    class Picky(Plainly):
        def render(self, vouchers: Sequence[Filed]) -> Rendered:
            if vouchers[0].year.start.year == 2025:
                raise ValueError("a letter that this format lacks")
            return super().render(vouchers)

    book = MemoryBook()
    company = FileErp(book, CHART, Picky(), FileSettings(("P",)), waits=(0, 0))
    for name, date in (("e1", dt.date(2025, 12, 30)), ("e2", DAY)):
        await company.book(entry(name, date=date), (), final=True)
    for _ in range(2):
        with pytest.raises(ErpError) as caught:
            await company.hand_over()
        assert "a letter that this format lacks" in str(caught.value)
    assert list(book.files) == ["2026-P1-1"]


async def test_vouchers_of_a_series_that_was_left_still_leave() -> None:
    book = MemoryBook()
    await erp(book).book(entry("e1"), (), final=True)
    await erp(book, FileSettings(("Q",))).hand_over()
    assert list(book.files) == ["2026-P1-1"]


async def test_once_a_day_is_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    book = MemoryBook()
    company = erp(book, FileSettings(("P",), every=FileEvery.DAY))
    await company.book(entry("e1"), (), final=True)
    await company.hand_over()
    assert not book.files
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    monkeypatch.setattr(closing, "utcnow", lambda: tomorrow)
    await company.book(entry("e2"), (), final=True)
    await company.hand_over()
    assert list(book.files) == ["2026-P1-2"]
    await company.book(entry("e3"), (), final=True)
    await company.hand_over(now=True)
    assert list(book.files) == ["2026-P1-2", "2026-P3-3"], "who leaves takes everything along"


async def test_what_another_process_closed_meanwhile_is_left_to_it() -> None:
    class Raced(MemoryBook):
        async def close(self, name: str, content: bytes, vouchers: Sequence[str]) -> Any:
            if not self.files:
                await super().close("theirs", b"P1", list(vouchers)[:1])
            return await super().close(name, content, vouchers)

    book = Raced()
    company = erp(book)
    for name in ("e1", "e2"):
        await company.book(entry(name), (), final=True)
    await company.hand_over()
    assert {name: content for name, (_, content) in book.files.items()} == {"theirs": b"P1", "2026-P2-2": b"P2"}


def test_a_month_that_is_locked_in_part_is_open_in_part() -> None:
    year = FiscalYear(dt.date(2026, 1, 1), dt.date(2026, 3, 31))
    assert [(one.start.day, one.end.day, one.end.month, one.open) for one in periods([year], dt.date(2026, 2, 10))] == [
        (1, 31, 1, False),
        (1, 10, 2, False),
        (11, 28, 2, True),
        (1, 31, 3, True),
    ]
    assert all(one.open for one in periods([year], None))
    assert not any(one.open for one in periods([year], year.end))
