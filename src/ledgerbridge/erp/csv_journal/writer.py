"""Writing the journal as a template says; the same vouchers make the same bytes."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from ledgerbridge.erp.csv_journal.rows import Row, rows_of
from ledgerbridge.erp.csv_journal.template import AMOUNTS, DATES, PLACEHOLDER, Column, Template
from ledgerbridge.erp.files.filed import Filed, FiledLine
from ledgerbridge.erp.files.receipts import name_of
from ledgerbridge.outgoing.texts import composed

_FORMULA = ("=", "+", "-", "@")
_BARE = AMOUNTS | DATES | {"account", "counter_account", "line", "number"}
"""Fields that are figures: never in quotes because they are texts."""


def write(
    template: Template, vouchers: Sequence[Filed], settings: Mapping[str, str], dimensions: Sequence[str]
) -> bytes:
    """The file of some vouchers of one fiscal year, in their order.

    `settings` are what a company entered for the template, `dimensions` the codes of its dimensions in their order.
    Letters the encoding lacks are written without their accents, or as `?`. Raises ValueError for a voucher whose rows
    do not add up to it, which nothing here makes.
    """
    rows = [row for voucher in vouchers for row in _checked(template, voucher)]
    values = {**_head(template, vouchers, rows), **_named(settings)}
    heads = [_filled(line, values, template.encoding) for line in template.above]
    if template.headings:
        heads.append(template.separator.join(_heading(template, column) for column in template.columns))
    writer = _Writer(template, values, dimensions)
    text = "".join(line + template.line_end for line in (*heads, *(writer.row(row) for row in rows)))
    return text.encode(template.encoding)


def _checked(template: Template, voucher: Filed) -> Sequence[Row]:
    rows = list(rows_of(voucher, template.rows, debit_leads=template.debit_leads))
    shown = [line for row in rows for line in (row.line, row.counter) if line is not None]
    if _moved(shown) != _moved(voucher.lines) or sum((line.debit - line.credit for line in shown), Decimal(0)):
        raise ValueError(f"the rows of voucher {voucher.name} do not add up")
    return rows


def _moved(lines: Iterable[FiledLine]) -> Mapping[str, Decimal]:
    """What accounts are changed by, each by how much: debit is positive."""
    found: dict[str, Decimal] = {}
    for line in lines:
        found[line.account] = found.get(line.account, Decimal(0)) + line.debit - line.credit
    return {account: amount for account, amount in found.items() if amount}


class _Writer:
    """Rows of one file."""

    def __init__(self, template: Template, values: Mapping[str, object], dimensions: Sequence[str]) -> None:
        self._template = template
        self._values = values
        self._dimensions = template.dimensions(dimensions)

    def row(self, row: Row) -> str:
        return self._template.separator.join(self._cell(column, row) for column in self._template.columns)

    def _cell(self, column: Column, row: Row) -> str:
        if column.field is None:
            text = _filled(column.value, self._values, self._template.encoding)
            always = self._template.quote_all and bool(text)
        else:
            text = self._value(column, column.field, row)
            always = self._template.quote_all and column.field not in _BARE
        text = _plain(text, self._template.encoding)
        if text.startswith(_FORMULA) and self._template.guards(column):
            text = f"'{text}"
        if column.longest is not None:
            text = text[: column.longest].rstrip()
        return _quoted(self._template, text, always if column.quoted is None else column.quoted)

    def _value(self, column: Column, field: str, row: Row) -> str:
        kind, _, code = field.partition(".")
        if code:
            return self._dimension(kind, code, row)
        if field in AMOUNTS:
            return self._amount(field, row)
        if field in DATES:
            return _date(_dates(row.voucher)[field], column.date or self._template.date)
        return _TEXT_OF[field](row, column)

    def _dimension(self, kind: str, code: str, row: Row) -> str:
        wanted = self._dimensions[code]
        for one in row.line.dimensions:
            if one.dimension == wanted:
                return one.value_name or one.value if kind == "dimension_name" else one.value
        return ""

    def _amount(self, field: str, row: Row) -> str:
        debit, credit = row.line.debit, row.line.credit
        if field in ("debit", "credit"):
            amount = debit if field == "debit" else credit
            return _money(amount, self._template.decimal) if amount else self._template.zero
        signed = {"amount": debit - credit, "amount_inverse": credit - debit, "amount_absolute": debit + credit}[field]
        return _money(signed, self._template.decimal)


_TEXT_OF: Mapping[str, Callable[[Row, Column], str]] = {
    "account": lambda row, _: row.line.account,
    "account_name": lambda row, _: row.line.account_name,
    "counter_account": lambda row, _: row.counter.account if row.counter else "",
    "counter_account_name": lambda row, _: row.counter.account_name if row.counter else "",
    "currency": lambda row, _: row.voucher.currency,
    "dimensions": lambda row, _: " ".join(f"{one.dimension}={one.value}" for one in row.line.dimensions),
    "entry": lambda row, _: row.voucher.key.accounting_entry_id,
    "key": lambda row, _: _key(row.voucher),
    "line": lambda row, column: str(row.position * column.step),
    "line_text": lambda row, _: row.line.text or row.voucher.text,
    "number": lambda row, _: str(row.voucher.number),
    "receipts": lambda row, _: " ".join(_receipts(row.voucher)),
    "series": lambda row, _: row.voucher.series,
    "side": lambda row, column: column.words["debit" if row.line.debit else "credit"],
    "tax": lambda row, _: ", ".join(row.line.taxes),
    "text": lambda row, _: row.voucher.text,
    "voucher": lambda row, _: row.voucher.name,
    "voucher_text": lambda row, _: f"{row.voucher.name} {row.voucher.text}".strip(),
}


def written(text: str, encoding: str) -> str:
    """A text as a file in this encoding has it."""
    return _plain(text, encoding)


def _dates(voucher: Filed) -> Mapping[str, dt.date]:
    return {"date": voucher.date, "original_date": voucher.original_date, "year": voucher.year.start}


def _key(voucher: Filed) -> str:
    """Names this voucher alone: the entry, its revision, and whether it takes another back."""
    back = "/back" if voucher.takes_back else ""
    return f"{voucher.key.accounting_entry_id}/{voucher.key.revision}{back}"


def _receipts(voucher: Filed) -> Iterator[str]:
    """Their names in the ZIP beside the file."""
    return (name_of(voucher, position, one) for position, one in enumerate(voucher.receipts, 1))


def _head(template: Template, vouchers: Sequence[Filed], rows: Sequence[Row]) -> Mapping[str, object]:
    dates = [voucher.date for voucher in vouchers]
    debit = sum((line.debit for voucher in vouchers for line in voucher.lines), Decimal(0))
    return {
        "first_date": min(dates),
        "last_date": max(dates),
        "year": vouchers[0].year.start,
        "now": max(voucher.recorded_at for voucher in vouchers),
        "vouchers": len(vouchers),
        "rows": len(rows),
        "debit": _money(debit, template.decimal),
        "currency": vouchers[0].currency,
    }


def _named(settings: Mapping[str, str]) -> dict[str, object]:
    return {f"setting.{name}": value for name, value in settings.items()}


def _filled(text: str, values: Mapping[str, object], encoding: str) -> str:
    def value(found: re.Match[str]) -> str:
        one = values.get(found[1], "")
        return _date(one, found[2] or "YYYY-MM-DD") if isinstance(one, dt.date) else _plain(str(one), encoding)

    return "".join(_writable(char, encoding) for char in PLACEHOLDER.sub(value, text))


def _heading(template: Template, column: Column) -> str:
    return _quoted(template, _plain(column.heading, template.encoding), template.quote_all)


def _date(when: dt.date, pattern: str) -> str:
    moment = when if isinstance(when, dt.datetime) else dt.datetime(when.year, when.month, when.day)  # noqa: DTZ001
    parts = {
        "YYYY": f"{moment.year:04}", "YY": f"{moment.year % 100:02}", "MM": f"{moment.month:02}",
        "DD": f"{moment.day:02}", "hh": f"{moment.hour:02}", "mm": f"{moment.minute:02}", "ss": f"{moment.second:02}",
        "fff": f"{moment.microsecond // 1000:03}",
    }  # fmt: skip
    return re.sub("|".join(parts), lambda found: parts[found[0]], pattern)


def _money(amount: Decimal, mark: str) -> str:
    return f"{amount:.2f}".replace(".", mark)


def _plain(text: str, encoding: str) -> str:
    """On one line, without what cannot be seen, in letters the file has: some importers know no more than rows."""
    shown = (char if char.isprintable() else " " for char in composed(text))
    return "".join(_writable(char, encoding) for char in shown).strip()


def _quoted(template: Template, text: str, always: bool) -> str:
    needs = always or any(char in text for char in (template.separator, '"', "\n", "\r")) or text != text.strip()
    doubled = text.replace('"', '""')
    return f'"{doubled}"' if needs else text


def _writable(char: str, encoding: str) -> str:
    for one in _candidates(char):
        try:
            one.encode(encoding)
        except UnicodeEncodeError:
            continue
        return one
    return "?"


def _candidates(char: str) -> Iterator[str]:
    yield char
    yield _INSTEAD.get(char, char)
    yield "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part)) or "?"


_INSTEAD = {
    "€": "EUR", "–": "-", "—": "-", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "…": "...", "Ł": "L", "ł": "l",
    "Ø": "O", "ø": "o",
}  # fmt: skip
