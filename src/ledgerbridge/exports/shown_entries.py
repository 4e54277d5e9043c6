"""An entry that would be booked, as a bookkeeper reads it: names beside codes, one row a line. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ledgerbridge.bookkeeping.chart_index import ChartIndex
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry


class ShownKind(StrEnum):
    """What an entry would be in the ERP."""

    JOURNAL_ENTRY = "journal_entry"
    BILL = "bill"
    CREDIT_NOTE = "credit_note"
    PAYMENT = "payment"
    """The payment of a bill from the same item."""


@dataclass(frozen=True, slots=True)
class ShownDimension:
    """One dimension value on a line."""

    dimension: str
    """Code of the dimension."""
    name: str
    """Name of the dimension."""
    value: str
    """Code of the value."""
    value_name: str | None
    """Its name, where the ERP has one."""


@dataclass(frozen=True, slots=True)
class ShownTax:
    """What the VAT return would be told of a line."""

    tax_id: str
    """The ERP's id of the tax component."""
    name: str | None
    """Of the tax; None where the chart no longer has it."""
    kind: str
    """`base` or `tax`."""
    amount: Decimal
    """As `TaxPosting.amount`."""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """One debit or credit."""

    account: str
    """Code."""
    account_name: str
    debit: Decimal
    """Zero where the line is a credit."""
    credit: Decimal
    """Zero where it is a debit."""
    text: str
    """What stands on the line."""
    dimensions: tuple[ShownDimension, ...] = ()
    """In the order of the chart."""
    taxes: tuple[ShownTax, ...] = ()
    vendor: str | None = None
    """The ERP's id of the vendor on whose account the line is."""


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """One balanced entry; a bill that its item pays makes two."""

    kind: ShownKind
    journal: str
    """Code."""
    journal_name: str
    date: dt.date
    """The posting date, after the closed-period rule."""
    original_date: dt.date
    """The item's own."""
    period: str | None
    """Name of the ERP's period that holds the posting date; None where the ERP names none."""
    currency: str
    total: Decimal
    """Of a bill what is owed, else the sum of the debits."""
    text: str
    """Description of the whole; the key that books carry besides is left out."""
    lines: tuple[ShownLine, ...]
    vendor: str | None = None
    """Whom a bill or its payment is with: name and number."""
    number: str | None = None
    """The vendor's own number of a bill."""
    due_date: dt.date | None = None


def shown(document: Document, chart: ChartIndex) -> tuple[ShownEntry, ...]:
    """The entries that a document is in the books."""
    if isinstance(document, JournalEntry):
        return (_entry(document, chart, ShownKind.JOURNAL_ENTRY, document.total),)
    kind = ShownKind.CREDIT_NOTE if document.credit_note else ShownKind.BILL
    vendor = _vendor(document)
    made = [_entry(document.entry, chart, kind, document.total, vendor, document.number, document.due_date)]
    if document.payment is not None:
        made.append(_entry(document.payment, chart, ShownKind.PAYMENT, document.payment.total, vendor))
    return tuple(made)


def _entry(
    entry: JournalEntry,
    chart: ChartIndex,
    kind: ShownKind,
    total: Decimal,
    vendor: str | None = None,
    number: str | None = None,
    due_date: dt.date | None = None,
) -> ShownEntry:
    holding = [period.name for period in chart.periods if period.start <= entry.date <= period.end]
    return ShownEntry(
        kind=kind,
        journal=entry.journal.code,
        journal_name=entry.journal.name,
        date=entry.date,
        original_date=entry.original_date,
        period=holding[0] if holding else None,
        currency=entry.currency,
        total=total,
        text=entry.description,
        lines=tuple(_line(line, chart) for line in entry.lines),
        vendor=vendor,
        number=number,
        due_date=due_date,
    )


def _line(line: EntryLine, chart: ChartIndex) -> ShownLine:
    return ShownLine(
        account=line.account.code,
        account_name=line.account.name,
        debit=line.debit,
        credit=line.credit,
        text=line.description,
        dimensions=tuple(_dimension(code, value, chart) for code, value in line.dimensions),
        taxes=tuple(ShownTax(tax.tax_id, chart.tax_name(tax.tax_id), tax.kind, tax.amount) for tax in line.taxes),
        vendor=line.vendor,
    )


def _dimension(code: str, value: str, chart: ChartIndex) -> ShownDimension:
    dimension = chart.dimension(code)
    if dimension is None:
        return ShownDimension(code, code, value, None)
    return ShownDimension(dimension.code, dimension.name, value, dimension.names.get(value))


def _vendor(bill: Bill) -> str:
    return f"{bill.vendor.name} ({bill.vendor.code or bill.vendor.id})"
