"""The chart of a company read from its own SIE file: types 1 to 4, with or without vouchers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from itertools import pairwise

from ledgerbridge.erp.files.chart import AccountType, FileAccount, FileChart, FileDimension, FiscalYear
from ledgerbridge.erp.sie.items import Item, SieFault, items
from ledgerbridge.erp.sie.text import plain

MOST_ACCOUNTS = 5_000
MOST_VALUES = 15_000
MOST_DIMENSIONS = 100
_LONGEST = 200
"""Of a name. Longer ones are cut."""
_LONGEST_CODE = 60
RESERVED = {
    "1": "Cost centre",
    "2": "Cost bearer",
    "6": "Project",
    "7": "Employee",
    "8": "Customer",
    "9": "Supplier",
    "10": "Invoice",
}
"""Dimensions that the standard names and files need not declare (§8.17)."""
_LETTERS = {"T": AccountType.ASSET, "S": AccountType.DEBT, "K": AccountType.COST, "I": AccountType.INCOME}
_AGAIN = "Export the file again with the whole chart of accounts (SIE type 4E)."


def read_chart(content: bytes) -> FileChart:
    """The company of a file. Raises `SieFault` with a sentence for whoever uploaded it."""
    reading = _Reading()
    for item in items(content, _READERS.keys()):
        _READERS[item.label](reading, item)
    return reading.chart()


def must_be_sie(chart: FileChart) -> FileChart:
    """A chart whose codes can stand in an SIE file without quotation marks. Raises ValueError."""
    bare = [(code, "[0-9]{1,20}") for code in (*chart.account, *chart.dimension)]
    bare += [(one.parent, "[0-9]{1,6}") for one in chart.dimensions if one.parent is not None]
    bare += [(chart.currency, "[A-Z]{3}"), (chart.registration_number or "0", "[A-Z0-9-]{1,31}")]
    texts = [chart.company, *(one.name for one in chart.accounts), *(one.name for one in chart.dimensions)]
    texts += [text for one in chart.dimensions for pair in one.values.items() for text in pair]
    if "\0" in (whole := "".join(texts)) or whole.encode("utf-8", "replace").decode() != whole:
        raise ValueError("letters that no database holds")
    if not chart.company.strip() or not all(re.fullmatch(pattern, code) for code, pattern in bare):
        raise ValueError("not a chart of an SIE file")
    return chart


class _Reading:
    """What was seen so far."""

    def __init__(self) -> None:
        self.company = ""
        self.number: str | None = None
        self.currency = "SEK"
        self.accounts: dict[str, str] = {}
        self.types: dict[str, AccountType] = {}
        self.dimensions: dict[str, tuple[str, str | None]] = {}
        self.values: dict[str, dict[str, str]] = {}
        self.values_seen = 0
        self.years: dict[str, tuple[FiscalYear, int]] = {}

    def chart(self) -> FileChart:
        if not self.company:
            raise SieFault(f"The file does not tell the name of the company (#FNAMN). {_AGAIN}")
        if not self.accounts:
            raise SieFault(f"The file holds no accounts (#KONTO). {_AGAIN}")
        accounts = (FileAccount(code, name, self._type(code)) for code, name in sorted(self.accounts.items()))
        dimensions = sorted({*self.dimensions, *self.values}, key=int)
        if len(dimensions) > MOST_DIMENSIONS:
            raise SieFault(f"The file holds more than {MOST_DIMENSIONS} dimensions (#DIM).")
        return FileChart(
            self.company,
            self.number,
            self.currency,
            tuple(accounts),
            tuple(self._dimension(code) for code in dimensions),
            self._years(),
        )

    def _type(self, code: str) -> AccountType:
        return self.types.get(code) or _by_range(code)

    def _dimension(self, code: str) -> FileDimension:
        name, parent = self.dimensions.get(code, (RESERVED.get(code, f"Dimension {code}"), None))
        return FileDimension(code, name, self.values.get(code, {}), parent)

    def _years(self) -> tuple[FiscalYear, ...]:
        if not self.years:
            raise SieFault(f"The file does not tell the fiscal year (#RAR). {_AGAIN}")
        ordered = sorted(self.years.values())
        for (earlier, _), (later, line) in pairwise(ordered):
            if later.start <= earlier.end:
                raise SieFault(f"Line {line}: the fiscal year from {later.start} begins before another one ends.")
        return tuple(year for year, _ in ordered)


def _sort(reading: _Reading, item: Item) -> None:
    kind = item.field(0, "the type of the file")
    if not re.fullmatch(r"[1-4][EI]?", kind.upper()):
        raise SieFault(f"Line {item.line}: this is SIE type {kind[:10]}. Export the file as SIE 4.")


def _company(reading: _Reading, item: Item) -> None:
    reading.company = item.field(0, "the name of the company")[:_LONGEST]


def _number(reading: _Reading, item: Item) -> None:
    given = item.fields[0] if item.fields else ""
    digits = re.sub(r"[\s-]", "", given)
    if re.fullmatch(r"16[0-9]{10}", digits):
        digits = digits[2:]
    if not digits.strip("0"):
        return
    if re.fullmatch(r"[0-9]{10}", digits):
        reading.number = f"{digits[:6]}-{digits[6:]}"
    elif re.fullmatch(r"[A-Za-z0-9]{2,30}", digits):
        reading.number = digits.upper()


def _currency(reading: _Reading, item: Item) -> None:
    code = item.field(0, "the currency").upper()
    if not re.fullmatch("[A-Z]{3}", code):
        raise SieFault(f"Line {item.line}: {code[:10]} is not a currency. It has three letters, such as SEK.")
    reading.currency = code


def _year(reading: _Reading, item: Item) -> None:
    number = item.field(0, "which fiscal year it is")
    if not re.fullmatch(r"-?[0-9]{1,3}", number):
        raise SieFault(f"Line {item.line}: {number[:10]} does not number a fiscal year. It is 0, -1 and so on.")
    if not any(item.fields[1:3]):
        return  # programs write the line without dates where they know none
    start, end = (_day(item, at) for at in (1, 2))
    if end < start:
        raise SieFault(f"Line {item.line}: the fiscal year ends before it begins.")
    reading.years[number] = (FiscalYear(start, end), item.line)


def _day(item: Item, at: int) -> dt.date:
    text = item.field(at, "when the fiscal year begins and ends")
    try:
        if not re.fullmatch("[0-9]{8}", text):
            raise ValueError
        return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise SieFault(f"Line {item.line}: {text[:12]} is not a date. Dates are written as 20260131.") from None


def _account(reading: _Reading, item: Item) -> None:
    code = item.field(0, "the number of the account")
    if not _is_account(code):
        return  # a few programs keep a line for differences among the accounts, which nothing can be booked on
    reading.accounts[code] = (item.fields[1][:_LONGEST] if len(item.fields) > 1 else "") or code
    if len(reading.accounts) > MOST_ACCOUNTS:
        raise SieFault(f"Line {item.line}: the file holds more than {MOST_ACCOUNTS} accounts.")


def _type(reading: _Reading, item: Item) -> None:
    letter = item.fields[1].upper() if len(item.fields) > 1 else ""
    if letter in _LETTERS:
        reading.types[item.fields[0]] = _LETTERS[letter]


def _is_account(code: str) -> bool:
    return re.fullmatch("[0-9]{1,20}", code) is not None


def _dimension(reading: _Reading, item: Item) -> None:
    code = _dimension_code(item, 0)
    parent = _dimension_code(item, 2) if item.label == "#UNDERDIM" else None
    name = item.fields[1][:_LONGEST] if len(item.fields) > 1 else ""
    reading.dimensions[code] = (name or RESERVED.get(code, f"Dimension {code}"), parent if parent != code else None)


def _dimension_code(item: Item, at: int) -> str:
    code = item.field(at, "the number of the dimension")
    if not re.fullmatch("[0-9]{1,6}", code):
        raise SieFault(f"Line {item.line}: {code[:30]} is not the number of a dimension. It has digits alone.")
    return str(int(code))


def _value(reading: _Reading, item: Item) -> None:
    dimension = _dimension_code(item, 0)
    code = item.fields[1] if len(item.fields) > 1 else ""
    if not code or len(code) > _LONGEST_CODE or "\\" in code or plain(code) != code:
        return  # it could not be written as it is, so nothing can be booked on it safely
    name = item.fields[2][:_LONGEST] if len(item.fields) > 2 else ""
    reading.values.setdefault(dimension, {})[code] = name or code
    reading.values_seen += 1
    if reading.values_seen > MOST_VALUES:
        raise SieFault(
            f"Line {item.line}: the file holds more than {MOST_VALUES} cost centres, projects and other objects. Leave "
            "out customers, suppliers and those that are closed when you export it."
        )


def _by_range(code: str) -> AccountType:
    """What the BAS chart keeps the account for, by its number."""
    match code[0]:
        case "1":
            return AccountType.ASSET
        case "2":
            return AccountType.DEBT
        case "3":
            return AccountType.INCOME
        case "4" | "5" | "6" | "7":
            return AccountType.COST
        case "8":
            return AccountType.INCOME if code.startswith(("80", "81", "82", "83")) else AccountType.COST
    return AccountType.UNKNOWN


_READERS: Mapping[str, Callable[[_Reading, Item], None]] = {
    "#SIETYP": _sort,
    "#FNAMN": _company,
    "#ORGNR": _number,
    "#VALUTA": _currency,
    "#RAR": _year,
    "#KONTO": _account,
    "#KTYP": _type,
    "#DIM": _dimension,
    "#UNDERDIM": _dimension,
    "#OBJEKT": _value,
}
