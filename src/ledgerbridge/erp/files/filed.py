"""Vouchers as files show them: what goes into the body of a voucher in the book, and what comes back out of it.

A body holds every name a file needs, so that a file can be made again from its vouchers alone, whatever chart is
uploaded meanwhile.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ledgerbridge.bookkeeping.descriptions import clean, shortened
from ledgerbridge.bookkeeping.words import EntryLine, JournalEntry, PostingKey
from ledgerbridge.erp.files.book import Receipt, Voucher
from ledgerbridge.erp.files.chart import FileChart, FiscalYear

_LONGEST_TEXT = 2_000
"""A line that a person reads; what formats take is shorter."""


@dataclass(frozen=True, slots=True)
class FiledValue:
    """A value of a dimension on a line."""

    dimension: str
    dimension_name: str
    value: str
    value_name: str
    parent: str | None = None
    """Code of the dimension that this one divides further."""


@dataclass(frozen=True, slots=True)
class FiledLine:
    """A line of a voucher. Exactly one of debit and credit is positive, the other is zero."""

    account: str
    account_name: str
    account_type: str
    """A value of `chart.AccountType`."""
    debit: Decimal
    credit: Decimal
    text: str
    dimensions: tuple[FiledValue, ...] = ()
    taxes: tuple[str, ...] = ()
    """Names of the tax codes it is the base or the tax of."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A voucher as a file shows it."""

    id: str
    """Of the voucher in the book."""
    series: str
    number: int
    key: PostingKey
    year: FiscalYear
    date: dt.date
    original_date: dt.date
    """The item's own date, which differs where the closed-period rule moved the entry."""
    currency: str
    text: str
    """What a bookkeeper reads: supplier, employee, note, references; one line, longer than most formats take."""
    lines: tuple[FiledLine, ...]
    recorded_at: dt.datetime
    """UTC."""
    receipts: Sequence[Receipt] = ()
    takes_back: str | None = None
    """Name of the voucher it takes back."""

    @property
    def name(self) -> str:
        """As people call it: `A17`."""
        return f"{self.series}{self.number}"

    @property
    def total(self) -> Decimal:
        return sum((line.debit for line in self.lines), Decimal(0))

    @property
    def key_text(self) -> str:
        """The key as it stands in a text that people search."""
        return spelled(self.key)


def spelled(key: PostingKey) -> str:
    """A key as people search for it; a later revision is told apart."""
    later = f"#{key.revision}" if key.revision != 1 else ""
    return f"[PLEO:{key.accounting_entry_id}{later}]"


def body_of(entry: JournalEntry, chart: FileChart, year: FiscalYear, tax_names: Mapping[str, str]) -> dict[str, Any]:
    """What the book keeps of an entry that fits the chart; `tax_names` are those of the chart's tax components."""
    return {
        "text": _plain(entry.description),
        "currency": entry.currency,
        "original_date": entry.original_date.isoformat(),
        "year_end": year.end.isoformat(),
        "lines": [_line(line, chart, tax_names) for line in entry.lines],
    }


def body_of_counter(standing: Filed, year: FiscalYear, reason: str) -> dict[str, Any]:
    """What the book keeps of the voucher that takes another back: its lines with debit and credit swapped."""
    text = _plain(f"Takes back {standing.name}: {reason}")
    turned = [replace(line, debit=line.credit, credit=line.debit, text=text) for line in standing.lines]
    return {
        "text": text,
        "currency": standing.currency,
        "original_date": standing.original_date.isoformat(),
        "year_end": year.end.isoformat(),
        "takes_back": standing.name,
        "lines": [_line_json(line) for line in turned],
    }


def filed(voucher: Voucher) -> Filed:
    """A voucher of the book, read. Raises ValueError for a body that `body_of` did not make, or was forgotten."""
    body = voucher.body
    try:
        return Filed(
            voucher.id,
            voucher.series,
            voucher.number,
            voucher.key,
            FiscalYear(dt.date.fromisoformat(voucher.year), dt.date.fromisoformat(body["year_end"])),
            voucher.date,
            dt.date.fromisoformat(body["original_date"]),
            str(body["currency"]),
            str(body["text"]),
            tuple(_read_line(line) for line in body["lines"]),
            voucher.recorded_at,
            voucher.receipts,
            body.get("takes_back"),
        )
    except (KeyError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise ValueError(f"voucher {voucher.series}{voucher.number} cannot be read: {error!r}") from None


def _line(line: EntryLine, chart: FileChart, tax_names: Mapping[str, str]) -> dict[str, Any]:
    account = chart.account[line.account.code]
    taxes = dict.fromkeys(tax_names[tax.tax_id] for tax in line.taxes if tax.tax_id in tax_names)
    return _line_json(
        FiledLine(
            account.code,
            account.name,
            account.type.value,
            line.debit,
            line.credit,
            _plain(line.description),
            tuple(_values(line.dimensions, chart)),
            tuple(taxes),
        )
    )


def _values(named: Sequence[tuple[str, str]], chart: FileChart) -> list[FiledValue]:
    """The values of a line, in the order of the chart; of a dimension below another also the value it divides."""
    found = dict(named)
    for code, value in named:
        dimension = chart.dimension[code]
        while (parent := dimension.parent) is not None and parent not in found and parent in chart.dimension:
            above = chart.dimension[parent]
            begins = [one for one in above.values if one and value.startswith(one)]
            if not begins:
                break
            found[parent] = max(begins, key=len)
            dimension = above
    return [
        FiledValue(one.code, one.name, found[one.code], one.values[found[one.code]], one.parent)
        for one in chart.dimensions
        if one.code in found
    ]


def _plain(text: str) -> str:
    return shortened(clean(text), _LONGEST_TEXT)


def _line_json(line: FiledLine) -> dict[str, Any]:
    return {
        "account": [line.account, line.account_name, line.account_type],
        "debit": f"{line.debit:.2f}",
        "credit": f"{line.credit:.2f}",
        "text": line.text,
        "dimensions": [
            [one.dimension, one.dimension_name, one.value, one.value_name, one.parent] for one in line.dimensions
        ],
        "taxes": list(line.taxes),
    }


def _read_line(raw: Mapping[str, Any]) -> FiledLine:
    code, name, kind = raw["account"]
    return FiledLine(
        str(code),
        str(name),
        str(kind),
        Decimal(raw["debit"]),
        Decimal(raw["credit"]),
        str(raw["text"]),
        tuple(FiledValue(*one) for one in raw["dimensions"]),
        tuple(raw["taxes"]),
    )
