"""Vouchers as a file that accounting programs import: SIE type 4I.

The paragraphs are those of the SIE file format, version 4B. Where programs are narrower than the format, the narrower
way is taken: texts are short, every account and object is declared, one series and one fiscal year a file, numbers and
dates bare, texts in quotation marks.
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ledgerbridge.erp.files.chart import AccountType, FileChart
from ledgerbridge.erp.files.filed import Filed, FiledLine, FiledValue
from ledgerbridge.erp.files.target import Rendered
from ledgerbridge.erp.sie.text import CODE_PAGE, line, plain, quoted

LINE_END = "\r\n"
_TYPES = {AccountType.ASSET: "T", AccountType.DEBT: "S", AccountType.COST: "K", AccountType.INCOME: "I"}
_SHORTEST_TEXT = 8
"""Fewer letters of a text tell nobody anything."""
_FIELD = re.compile(r'"((?:\\"|[^"])*)"|([^\s"{}]+)')


@dataclass(frozen=True, slots=True)
class SieWriter:
    """Makes the files of one company. Implements `target.Renderer`."""

    chart: FileChart
    """Tells company and organisation number; everything else stands in the vouchers."""
    text_length: int
    """Longest text of a voucher or a row."""
    checksum: bool = True
    """Whether the file ends in a `#KSUMMA`."""

    def render(self, vouchers: Sequence[Filed]) -> Rendered:
        lines = list(self._lines(vouchers))
        if self.checksum:
            lines = [lines[0], "#KSUMMA", *lines[1:], f"#KSUMMA {checksum(lines[1:])}"]
        content = "".join(f"{one}{LINE_END}" for one in lines).encode(CODE_PAGE)
        return Rendered(self._name(vouchers), content)

    def _name(self, vouchers: Sequence[Filed]) -> str:
        first, last = vouchers[0], vouchers[-1]
        company = re.sub(r"[^a-z0-9]+", "-", plain(self.chart.company_id).lower()).strip("-")[:30] or "company"
        start = first.year.start
        year = f"{start:%Y}" if (start.month, start.day) == (1, 1) else f"{start:%Y%m%d}"
        return f"{company}_{year}_{first.series}{first.number}-{last.number}.si"

    def _lines(self, vouchers: Sequence[Filed]) -> Iterator[str]:
        yield from self._head(vouchers)
        yield from _declared(vouchers)
        for voucher in vouchers:
            yield from self._voucher(voucher)

    def _head(self, vouchers: Sequence[Filed]) -> Iterator[str]:
        first, last = vouchers[0], vouchers[-1]
        yield "#FLAGGA 0"
        yield '#PROGRAM "Ledgerbridge" 1'
        yield "#FORMAT PC8"
        yield f"#GEN {_day(max(one.recorded_at for one in vouchers).astimezone(dt.UTC))}"
        yield "#SIETYP 4"
        yield f"#PROSA {quoted(f'Expenses from Pleo, vouchers {first.name} to {last.name}')}"
        if self.chart.registration_number:
            yield f"#ORGNR {self.chart.registration_number}"
        yield f"#FNAMN {quoted(self.chart.company)}"
        yield f"#RAR 0 {_day(first.year.start)} {_day(first.year.end)}"
        yield f"#VALUTA {first.currency}"

    def _voucher(self, voucher: Filed) -> Iterator[str]:
        recorded = _day(voucher.recorded_at.astimezone(dt.UTC))
        named = f'"{voucher.series}" "{voucher.number}"'
        yield f"#VER {named} {_day(voucher.date)} {quoted(self._text(voucher))} {recorded}"
        yield "{"
        for one in voucher.lines:
            text = quoted(line(one.text, self.text_length))
            yield f"#TRANS {one.account} {_objects(one)} {_amount(one)} {_day(voucher.date)} {text}"
        yield "}"

    def _text(self, voucher: Filed) -> str:
        """Our number, because programs give their own; what it is about, if there is room; the key, always whole."""
        room = self.text_length - len(voucher.name) - len(voucher.key_text) - 2
        if room >= _SHORTEST_TEXT:
            return " ".join(filter(None, (voucher.name, line(voucher.text, room), voucher.key_text)))
        return f"{voucher.name} {voucher.key_text}" if room >= -1 else voucher.key_text


def checksum(lines: Sequence[str]) -> int:
    """CRC-32 over labels and fields of these items, without what stands between and around them (§10)."""
    total = 0
    for one in lines:
        for found in _FIELD.finditer(one):
            text = found[2] if found[1] is None else found[1].replace('\\"', '"')
            total = zlib.crc32(text.encode(CODE_PAGE), total)
    return total


def _declared(vouchers: Sequence[Filed]) -> Iterator[str]:
    """Every account, dimension and object that is used, so that a program can make those it does not know."""
    rows = [row for voucher in vouchers for row in voucher.lines]
    accounts = {row.account: row for row in rows}
    for code in sorted(accounts, key=_by_number):
        yield f"#KONTO {code} {quoted(accounts[code].account_name)}"
    for code in sorted(accounts, key=_by_number):
        if kind := _TYPES.get(AccountType(accounts[code].account_type)):
            yield f"#KTYP {code} {kind}"
    values = {(one.dimension, one.value): one for row in rows for one in row.dimensions}
    dimensions = {one.dimension: one for one in values.values()}
    ordered = sorted(dimensions.values(), key=lambda one: _by_number(one.dimension))
    yield from (f"#DIM {one.dimension} {quoted(one.dimension_name)}" for one in ordered if one.parent is None)
    yield from (f"#UNDERDIM {one.dimension} {quoted(one.dimension_name)} {one.parent}" for one in ordered if one.parent)
    for code, value in sorted(values, key=lambda pair: (_by_number(pair[0]), pair[1])):
        yield f"#OBJEKT {code} {quoted(value)} {quoted(values[code, value].value_name)}"


def _objects(row: FiledLine) -> str:
    def pair(one: FiledValue) -> str:
        return f"{one.dimension} {quoted(one.value)}"

    return "{" + " ".join(map(pair, row.dimensions)) + "}"


def _amount(row: FiledLine) -> str:
    """Debit is positive, credit negative (§8.21)."""
    amount: Decimal = row.debit - row.credit
    return f"{amount:.2f}"


def _day(day: dt.date) -> str:
    return f"{day:%Y%m%d}"


def _by_number(code: str) -> tuple[int, str]:
    return (int(code) if code.isdigit() else 0, code)
