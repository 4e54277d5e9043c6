"""Reading what a company uploads as CSV: its accounts, and the values of its dimensions.

Columns are found by their headings, whatever their order; separator and letters by looking. What cannot be read is
named by its line, and nothing is taken of a list with a mistake in it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ledgerbridge.erp.files.chart import AccountType, FileAccount, FileDimension
from ledgerbridge.outgoing.texts import composed, holdable

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 50_000
_LONGEST = 200
"""Of a name. Longer ones are cut."""
_NOT_OURS = "This is not what we made of a file. Upload the file itself."
_CODE = re.compile(r"[^\s,;\"]{1,40}")


class ListError(ValueError):
    """A list that cannot be taken; one sentence, with the line at fault."""


@dataclass(frozen=True, slots=True)
class _Column:
    headings: frozenset[str]
    shown: str
    required: bool = True


def _column(shown: str, *others: str, required: bool = True) -> _Column:
    return _Column(frozenset({shown.lower(), *others}), shown, required)


_ACCOUNTS = {
    "code": _column("Account", "code", "account code", "account no", "account no.", "account number", "number", "no.",
                    "konto", "kontonummer", "accountcode", "nominal code"),
    "name": _column("Name", "account name", "description", "bezeichnung", "kontobezeichnung", "benämning"),
    "type": _column("Type", "account type", "category", "class", "kontoart", required=False),
    "active": _column("Active", "status", "aktiv", required=False),
}  # fmt: skip
_VALUES = {
    "dimension": _column("Dimension", "dimension code", "tracking category", "dim"),
    "dimension_name": _column("Dimension name", required=False),
    "code": _column("Code", "value", "value code", "object", "objekt"),
    "name": _column("Name", "value name", "description", "bezeichnung"),
}
_TYPES = {
    AccountType.ASSET: ("asset", "bank", "cash", "current", "fixed", "receivable", "inventory", "prepayment", "aktiv"),
    AccountType.DEBT: ("liabilit", "equity", "debt", "payable", "passiv", "credit card", "loan"),
    AccountType.COST: ("expense", "cost", "overhead", "depreciation", "aufwand", "kostnad", "purchase"),
    AccountType.INCOME: ("income", "revenue", "sales", "turnover", "ertrag", "intäkt"),
}
_CLOSED = frozenset({"0", "no", "n", "false", "inactive", "closed", "archived", "blocked", "nein", "nej", "inaktiv"})


def accounts(data: bytes) -> tuple[FileAccount, ...]:
    """The accounts of a list with the columns Account and Name, and maybe Type and Active. Raises `ListError`."""
    found: dict[str, FileAccount] = {}
    for line, row in _rows(data, _ACCOUNTS, "accounts"):
        code = _code(row["code"], line, "account")
        if code in found:
            raise ListError(f"Line {line}: the account {code} stands in the list twice.")
        active = row.get("active", "").casefold() not in _CLOSED
        found[code] = FileAccount(code, row["name"][:_LONGEST] or code, _type(row.get("type", "")), active)
    return tuple(found.values())


def dimensions(data: bytes) -> tuple[FileDimension, ...]:
    """The dimensions of a list with a row for each value: Dimension, Code, Name. Raises `ListError`."""
    values: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    for line, row in _rows(data, _VALUES, "dimension values"):
        dimension = _code(row["dimension"], line, "dimension")
        code = _code(row["code"], line, "value")
        names.setdefault(dimension, row.get("dimension_name", "")[:_LONGEST] or dimension)
        known = values.setdefault(dimension, {})
        if code in known:
            raise ListError(f"Line {line}: the value {code} of {dimension} stands in the list twice.")
        known[code] = row["name"][:_LONGEST] or code
    return tuple(FileDimension(code, names[code], known) for code, known in values.items())


def kept_accounts(rows: object) -> tuple[FileAccount, ...]:
    """The accounts of settings that were stored, which somebody may have sent as well. Raises `ListError`."""
    found = {}
    for row in _kept(rows):
        match row:
            case [str(code), str(name), str(kind), bool(active)] if _is_code(code) and kind in set(AccountType):
                found[code] = FileAccount(code, _holdable(name), AccountType(kind), active)
            case _:
                raise ListError(_NOT_OURS)
    return tuple(found.values())


def kept_dimensions(rows: object) -> tuple[FileDimension, ...]:
    """The same of dimensions."""
    found = {}
    for row in _kept(rows):
        match row:
            case [str(code), str(name), dict(values)] if _is_code(code) and values:
                if not all(_is_code(one) and isinstance(told, str) for one, told in values.items()):
                    raise ListError(_NOT_OURS)
                named = {one: _holdable(told) for one, told in values.items()}
                found[code] = FileDimension(code, _holdable(name), named)
            case _:
                raise ListError(_NOT_OURS)
    return tuple(found.values())


def _kept(rows: object) -> list[object]:
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
        raise ListError(_NOT_OURS)
    return rows


def _holdable(text: str) -> str:
    if not 1 <= len(text) <= _LONGEST or holdable(text) != text:
        raise ListError(_NOT_OURS)
    return text


def text_of(data: bytes) -> str:
    """An uploaded text, whatever its letters are in. Raises `ListError` for what is none."""
    if len(data) > MAX_BYTES:
        raise ListError(f"The file is larger than {MAX_BYTES // 1024 // 1024} MiB.")
    if data[:4] == b"PK\x03\x04":
        raise ListError("This is a spreadsheet. Save it as CSV and upload that file.")
    encodings = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return composed(text)
    raise ListError("This is no text file. Save the list as CSV and upload that file.")


def _rows(data: bytes, columns: Mapping[str, _Column], what: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line number and cells of each row that is not empty, by the names of `columns`."""
    text = text_of(data)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    places: dict[str, int] | None = None
    count = 0
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if places is None:
                places = _places(stripped, columns)
                continue
            count += 1
            if count > MAX_ROWS:
                raise ListError(f"The list has more than {MAX_ROWS} rows.")
            yield reader.line_num, {name: stripped[at] if at < len(stripped) else "" for name, at in places.items()}
    except csv.Error as error:
        raise ListError(f"Line {reader.line_num}: {error}.") from None
    if not count:
        raise ListError(f"The list holds no {what}.")


def _separator(text: str) -> str:
    """The one that divides the headings most often."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    return max(";,\t|", key=lambda mark: (head.count(mark), mark == ","))


def _places(headings: list[str], columns: Mapping[str, _Column]) -> dict[str, int]:
    seen = [heading.strip("* ").casefold() for heading in headings]
    places: dict[str, int] = {}
    for name, column in columns.items():
        at = next((at for at, heading in enumerate(seen) if heading in column.headings), None)
        if at is not None:
            places[name] = at
        elif column.required:
            wanted = ", ".join(one.shown for one in columns.values() if one.required)
            raise ListError(f"The first line has no column “{column.shown}”. It must name the columns {wanted}.")
    return places


def _code(text: str, line: int, what: str) -> str:
    if not text:
        raise ListError(f"Line {line}: the {what} is missing.")
    if not _is_code(text):
        raise ListError(f"Line {line}: “{text[:40]}” cannot be the code of a {what}: no spaces, at most 40 characters.")
    return text


def _is_code(text: object) -> bool:
    return isinstance(text, str) and _CODE.fullmatch(text) is not None and text.isprintable()


def _type(text: str) -> AccountType:
    said = text.casefold()
    return next((kind for kind, words in _TYPES.items() if any(word in said for word in words)), AccountType.UNKNOWN)
