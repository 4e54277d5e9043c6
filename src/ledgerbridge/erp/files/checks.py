"""Whether a document may go into the book, judged by the uploaded chart alone, in the words of the failure table."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from decimal import Decimal

from ledgerbridge.bookkeeping import period
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, of_chart, problem
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry
from ledgerbridge.erp.files.chart import OPENED_BY, RENEWED_BY, FileChart, FiscalYear
from ledgerbridge.erp.port import ErpError

_SAFE_ID = re.compile(r"[^\[\]#\x00-\x20]{1,200}")


def checked(
    document: Document, chart: FileChart, series: Collection[str], locked_until: dt.date | None
) -> tuple[JournalEntry, FiscalYear]:
    """The entry with the fiscal year it is numbered in. Raises `ErpError` for one that must not be booked."""
    if isinstance(document, Bill):
        raise ErpError(problem(Failure.METHOD_NOT_SUPPORTED, method="a vendor bill"))
    if found := unfit(document) or _stranger(document, chart, series):
        raise ErpError(of_chart(found, RENEWED_BY))
    year = open_year(chart, document.date, locked_until)
    if year is None:
        raise ErpError(period.closed(document.date, OPENED_BY, closed_because(chart, document.date)))
    return document, year


def open_year(chart: FileChart, date: dt.date, locked_until: dt.date | None) -> FiscalYear | None:
    """The fiscal year of a day that may be booked on."""
    return None if locked_until is not None and date <= locked_until else chart.year_of(date)


def closed_because(chart: FileChart, date: dt.date) -> str:
    """For operators: which of the settings closes a day."""
    return "no fiscal year of the uploaded chart" if chart.year_of(date) is None else "not after the locked date"


def unfit(entry: JournalEntry) -> Problem | None:
    """Why an entry must not be booked in any chart: a fault of ours that no file would show (EXP-BOOK-06)."""
    found = [fault for line in entry.lines if (fault := _unfit_line(line))]
    credit = sum((line.credit for line in entry.lines), Decimal(0))
    if not entry.lines or not entry.total:
        found.append("nothing to book")
    if entry.total != credit:
        found.append(f"debits {entry.total} against credits {credit}")
    if not _SAFE_ID.fullmatch(entry.key.accounting_entry_id) or entry.key.revision < 1:
        found.append(f"not a usable posting key: {entry.key.accounting_entry_id!r} revision {entry.key.revision}")
    return problem(Failure.UNEXPECTED, f"entry not booked: {'; '.join(found)}") if found else None


def _unfit_line(line: EntryLine) -> str | None:
    amounts = (line.debit, line.credit)
    if not all(amount.is_finite() and amount >= 0 for amount in amounts) or sum(map(bool, amounts)) != 1:
        return f"line on {line.account.code} with debit {line.debit} and credit {line.credit}"
    if any(amount != round(amount, 2) for amount in amounts):
        return f"line on {line.account.code} with fractions of a cent"
    if len({code for code, _ in line.dimensions}) != len(line.dimensions):
        return f"line on {line.account.code} with two values of one dimension"
    return None


def _stranger(entry: JournalEntry, chart: FileChart, series: Collection[str]) -> Problem | None:
    """What of an entry the chart does not know."""
    if entry.currency != chart.currency:
        return problem(Failure.CURRENCY_MISMATCH, currency=entry.currency, books=chart.currency)
    if entry.journal.code not in series:
        return problem(Failure.JOURNAL_UNKNOWN, code=entry.journal.code)
    for line in entry.lines:
        account = chart.account.get(line.account.code)
        if account is None or not account.active:
            return problem(Failure.ACCOUNT_UNKNOWN, code=line.account.code, name=line.account.name)
        for code, value in line.dimensions:
            if code not in chart.dimension or value not in chart.dimension[code].values:
                return problem(Failure.TAG_UNKNOWN, code=value, group=code)
    return None
