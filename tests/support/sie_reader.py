"""A strict reader of SIE type 4I, written from the paragraphs of the SIE file format (version 4B) alone.

It shares nothing with the service, so that a fault of the writer is not read past by the same misunderstanding. What
the format forbids is a `NotSie`, and so is what programs are known to stumble over: undeclared accounts and objects,
vouchers outside the fiscal year, more than one series.
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from dataclasses import dataclass, field
from decimal import Decimal

ORDER = (
    "#FLAGGA", "#KSUMMA", "#PROGRAM", "#FORMAT", "#GEN", "#SIETYP", "#PROSA", "#FTYP", "#FNR", "#ORGNR", "#ADRESS",
    "#FNAMN", "#RAR", "#TAXAR", "#KPTYP", "#VALUTA", "#KONTO", "#KTYP", "#ENHET", "#SRU", "#DIM", "#UNDERDIM",
    "#OBJEKT", "#VER",
)  # fmt: skip
"""§5.12 and the table of §6, for files into a program."""
COMPULSORY = ("#FLAGGA", "#PROGRAM", "#FORMAT", "#GEN", "#SIETYP", "#FNAMN")
ONCE = {*COMPULSORY, "#ORGNR", "#PROSA", "#VALUTA"}


class NotSie(Exception):
    """The file breaks a rule; says which line and how."""


@dataclass
class Row:
    account: str
    objects: dict[str, str]
    """Dimension to object."""
    amount: Decimal
    """Debit is positive."""
    date: dt.date | None
    text: str


@dataclass
class Voucher:
    series: str
    number: int
    date: dt.date
    text: str
    registered: dt.date | None
    rows: list[Row] = field(default_factory=list)

    @property
    def debit(self) -> Decimal:
        return sum((row.amount for row in self.rows if row.amount > 0), Decimal(0))

    @property
    def all_text(self) -> str:
        """Of its rows and, last, its own."""
        return " ".join([*dict.fromkeys(row.text for row in self.rows), self.text])


@dataclass
class SieFile:
    company: str = ""
    number: str | None = None
    currency: str = "SEK"
    year: tuple[dt.date, dt.date] | None = None
    generated: dt.date | None = None
    accounts: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    dimensions: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    objects: dict[tuple[str, str], str] = field(default_factory=dict)
    vouchers: list[Voucher] = field(default_factory=list)
    checksum: int | None = None


@dataclass
class Line:
    number: int
    label: str
    fields: list[str | list[str]]
    summed: bytes
    """What counts for the checksum (§10)."""


def read(content: bytes) -> SieFile:
    """The file, or `NotSie`."""
    lines = [_line(number, text) for number, text in enumerate(_lines(content), 1)]
    labels = [line.label for line in lines if line.label.startswith("#")]
    _ordered(labels)
    found = SieFile()
    if "#KSUMMA" in labels:
        found.checksum = _checked_sum(lines)
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.label == "#VER":
            at = _voucher(found, lines, at)
        elif line.label in ("{", "}", "#TRANS"):
            raise NotSie(f"line {line.number}: {line.label} outside a voucher")
        else:
            _head(found, line)
            at += 1
    _whole(found)
    return found


# ------------------------------------------------------------------ letters, lines, fields


def _lines(content: bytes) -> list[str]:
    if not content.endswith(b"\r\n"):
        raise NotSie("the last line does not end")
    text = content.decode("cp437")
    lines = text[:-2].split("\r\n")
    for number, line in enumerate(lines, 1):
        if any(ord(letter) < 32 or ord(letter) == 127 for letter in line):
            raise NotSie(f"line {number}: a control character")  # §5.7
        if not line:
            raise NotSie(f"line {number}: empty")
    return lines


def _line(number: int, text: str) -> Line:
    if text in ("{", "}"):  # §5.10: alone on its line
        return Line(number, text, [], b"")
    tokens = _tokens(number, text)
    label = tokens[0]
    if not isinstance(label, str) or not re.fullmatch("#[A-Z]+", label):
        raise NotSie(f"line {number}: no label")
    flat = [one for token in tokens for one in (token if isinstance(token, list) else [token])]
    return Line(number, label, tokens[1:], "".join(flat).encode("cp437"))


def _tokens(number: int, text: str) -> list[str | list[str]]:
    found: list[str | list[str]] = []
    listed: list[str] | None = None
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == " ":
            at += 1
            continue
        if letter == "{":
            if listed is not None:
                raise NotSie(f"line {number}: a list in a list")
            listed, at = [], at + 1
            continue
        if letter == "}":
            if listed is None:
                raise NotSie(f"line {number}: a list that was not begun")
            found.append(listed)
            listed, at = None, at + 1
            continue
        if letter == '"':
            token, at = _quoted(number, text, at + 1)
        else:
            end = at
            while end < len(text) and text[end] not in ' "{}':
                end += 1
            if end < len(text) and text[end] == '"':
                raise NotSie(f"line {number}: a quotation mark within a field")
            token, at = text[at:end], end
        if at < len(text) and text[at] not in " }":
            raise NotSie(f"line {number}: no blank after a field")
        (found if listed is None else listed).append(token)
    if listed is not None:
        raise NotSie(f"line {number}: a list without an end")
    return found


def _quoted(number: int, text: str, at: int) -> tuple[str, int]:
    token = ""
    while at < len(text):
        if text[at] == '"':
            return token, at + 1
        if text[at] == "\\":
            if text[at + 1 : at + 2] != '"':
                raise NotSie(f"line {number}: a backslash that readers take in different ways")
            at += 1
        token += text[at]
        at += 1
    raise NotSie(f"line {number}: a text without an end")


# ------------------------------------------------------------------ structure


def _ordered(labels: list[str]) -> None:
    head = [label for label in labels if label not in ("#TRANS",)]
    if head[:1] != ["#FLAGGA"]:
        raise NotSie("does not begin with #FLAGGA")
    if head[-1] == "#KSUMMA":
        if head[1] != "#KSUMMA" or head.count("#KSUMMA") != 2:
            raise NotSie("a checksum has a beginning and an end")
        head = head[:-1]
    elif "#KSUMMA" in head:
        raise NotSie("a checksum without an end")
    if strange := set(head) - set(ORDER):
        raise NotSie(f"must not occur: {strange}")
    places = [ORDER.index(label) for label in head]
    if places != sorted(places):
        raise NotSie("not in order")
    if missing := [label for label in COMPULSORY if label not in head]:
        raise NotSie(f"missing: {missing}")
    if twice := [label for label in ONCE if head.count(label) > 1]:
        raise NotSie(f"more than once: {twice}")


def _checked_sum(lines: list[Line]) -> int:
    total = zlib.crc32(b"".join(line.summed for line in lines[2:-1]))
    (told,) = lines[-1].fields
    if told != str(total):
        raise NotSie(f"checksum {told} instead of {total}")
    return total


def _head(found: SieFile, line: Line) -> None:
    if any(isinstance(one, list) for one in line.fields):
        raise NotSie(f"line {line.number}: a list where none belongs")
    fields = [one for one in line.fields if isinstance(one, str)]
    match line.label, fields:
        case "#FLAGGA", ["0"]:
            pass
        case "#FORMAT", ["PC8"]:
            pass
        case "#SIETYP", ["4"]:
            pass
        case "#KSUMMA", [] | [_]:
            pass
        case "#PROGRAM", [_, _]:
            pass
        case "#PROSA", [_]:
            pass
        case "#GEN", [day]:
            found.generated = _day(line, day)
        case "#FNAMN", [name] if name:
            found.company = name
        case "#ORGNR", [number] if re.fullmatch(r"[0-9]{6}-[0-9]{4}", number):
            found.number = number
        case "#RAR", ["0", start, end]:
            found.year = _day(line, start), _day(line, end)
        case "#VALUTA", [code] if re.fullmatch("[A-Z]{3}", code):
            found.currency = code
        case "#KONTO", [code, name] if code.isdigit() and code not in found.accounts:
            found.accounts[code] = name
        case "#KTYP", [code, kind] if code in found.accounts and kind in ("T", "S", "K", "I"):
            found.types[code] = kind
        case "#DIM", [code, name] if code.isdigit() and code not in found.dimensions:
            found.dimensions[code] = name
        case "#UNDERDIM", [code, name, parent] if code.isdigit() and code not in found.dimensions:
            found.dimensions[code] = name
            found.parents[code] = parent
        case "#OBJEKT", [dimension, code, name] if dimension in found.dimensions:
            if (dimension, code) in found.objects:
                raise NotSie(f"line {line.number}: object twice")
            found.objects[dimension, code] = name
        case _:
            raise NotSie(f"line {line.number}: {line.label} {fields}")


def _voucher(found: SieFile, lines: list[Line], at: int) -> int:
    line = lines[at]
    match line.fields:
        case [str(series), str(number), str(day), str(text), str(registered)]:
            voucher = Voucher(series, _number(line, number), _day(line, day), text, _day(line, registered))
        case _:
            raise NotSie(f"line {line.number}: {line.fields}")
    at += 1
    if at == len(lines) or lines[at].label != "{":
        raise NotSie(f"line {line.number}: a voucher without rows")
    at += 1
    while at < len(lines) and lines[at].label == "#TRANS":
        voucher.rows.append(_row(found, lines[at]))
        at += 1
    if at == len(lines) or lines[at].label != "}":
        raise NotSie(f"line {line.number}: a voucher without an end")
    if len(voucher.rows) < 2 or sum((row.amount for row in voucher.rows), Decimal(0)):
        raise NotSie(f"line {line.number}: not in balance")  # TRANS 4
    found.vouchers.append(voucher)
    return at + 1


def _row(found: SieFile, line: Line) -> Row:
    match line.fields:
        case [str(account), list(pairs), str(amount), str(day), str(text)] if len(pairs) % 2 == 0:
            objects = dict(zip(pairs[::2], pairs[1::2], strict=True))
        case _:
            raise NotSie(f"line {line.number}: {line.fields}")
    if account not in found.accounts:
        raise NotSie(f"line {line.number}: account {account} is not declared")
    if len(objects) * 2 != len(pairs):
        raise NotSie(f"line {line.number}: a dimension twice")
    for pair in objects.items():
        if pair not in found.objects:
            raise NotSie(f"line {line.number}: object {pair} is not declared")
        if (parent := found.parents.get(pair[0])) is not None and parent not in objects:
            raise NotSie(f"line {line.number}: the dimension above is not named")  # §8.23
    if not re.fullmatch(r"-?[0-9]+\.[0-9]{2}", amount) or not Decimal(amount):
        raise NotSie(f"line {line.number}: amount {amount}")
    return Row(account, objects, Decimal(amount), _day(line, day), text)


def _whole(found: SieFile) -> None:
    if found.year is None:
        raise NotSie("no fiscal year")
    if {row.account for one in found.vouchers for row in one.rows} != found.accounts.keys():
        raise NotSie("accounts that are not used are declared")
    last = 0
    for one in found.vouchers:
        if one.series != found.vouchers[0].series or one.number <= last:
            raise NotSie(f"{one.series}{one.number} follows {last}")  # VER 7
        last = one.number
        if not found.year[0] <= one.date <= found.year[1]:
            raise NotSie(f"{one.series}{one.number} is outside the fiscal year")


def _number(line: Line, text: str) -> int:
    if not re.fullmatch("[1-9][0-9]*", text):
        raise NotSie(f"line {line.number}: number {text}")
    return int(text)


def _day(line: Line, text: str) -> dt.date:
    if not re.fullmatch("[0-9]{8}", text):
        raise NotSie(f"line {line.number}: date {text}")
    return dt.date(int(text[:4]), int(text[4:6]), int(text[6:]))
