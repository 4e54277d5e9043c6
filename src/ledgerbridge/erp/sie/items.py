"""The lines of an SIE file taken apart: label, fields, line number. Vouchers are passed over.

Files that say `PC8` and are written in another character set are common, so the set is told from the letters. A file
of any size and sort is read in one pass; what is no SIE file is refused in words for whoever chose it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ledgerbridge.outgoing.texts import composed

MOST_BYTES = 5 * 1024 * 1024
MOST_LINES = 400_000
_DOS = bytes("åäöÅÄÖéüÉÜ", "cp437")
_WINDOWS = bytes("åäöÅÄÖéüÉÜ", "cp1252")
_EXPORT = "Export your chart of accounts from your accounting program as SIE 4 (type 4E) and choose that file."
_OTHERS = (
    (b"PK\x03\x04", "This is a ZIP or Excel file."),
    (b"%PDF", "This is a PDF."),
    (b"\xd0\xcf\x11\xe0", "This is an Excel or Word file."),
    (b"<", "This is an XML file, perhaps SIE 5."),
)


class SieFault(ValueError):
    """A file that cannot be used: a sentence for a bookkeeper, with the line where there is one."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line with a label."""

    line: int
    """As text editors count, from 1."""
    label: str
    """In capitals, with its `#`."""
    fields: tuple[str, ...]
    """Object lists in braces are left out."""

    def field(self, at: int, what: str) -> str:
        """A field that must be there. Raises `SieFault`."""
        if at < len(self.fields) and self.fields[at]:
            return self.fields[at]
        raise SieFault(f"Line {self.line}: {self.label} does not tell {what}.")


def items(content: bytes, labels: Collection[str]) -> Iterator[Item]:
    """The lines with these labels, in their order. Raises `SieFault`."""
    text = _decoded(content)
    begun = False
    for number, line in enumerate(text.split("\n"), 1):
        if number > MOST_LINES:
            raise SieFault(f"This file has more than {MOST_LINES} lines. {_EXPORT}")
        stripped = line.strip()
        if not stripped.startswith("#"):
            if stripped and not begun:
                break
            continue
        label, _, rest = stripped.replace("\t", " ").partition(" ")
        label = label.upper()
        if not begun and label != "#FLAGGA":
            break
        begun = True
        if label in labels:
            yield Item(number, label, tuple(_fields(rest, number)))
    if not begun:
        raise SieFault(f"This is not an SIE file: it does not begin with #FLAGGA. {_EXPORT}")


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise SieFault(f"This file is larger than {MOST_BYTES // 2**20} MB. {_EXPORT}")
    for beginning, told in _OTHERS:
        if content.lstrip().startswith(beginning):
            raise SieFault(f"{told} {_EXPORT}")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        text = content.removeprefix(b"\xef\xbb\xbf").decode(_character_set(content), "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x1a", "")


def _character_set(content: bytes) -> str:
    """The one that makes most sense of the letters; that of the standard where there are none to tell by."""
    if content.isascii():
        return "cp437"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        dos = len(content) - len(content.translate(None, _DOS))
        windows = len(content) - len(content.translate(None, _WINDOWS))
        return "cp1252" if windows > dos else "cp437"
    return "utf-8"


def _fields(text: str, number: int) -> Iterator[str]:
    """The fields of a line, parted by blanks; in quotation marks they may hold blanks, and `\\"` for one."""
    at, end = 0, len(text)
    while at < end:
        if text[at] == " ":
            at += 1
        elif text[at] == "{":
            at = _past_braces(text, at)
        elif text[at] == '"':
            found, at = _quoted(text, at + 1, number)
            yield _clean(found)
        else:
            stop = text.find(" ", at)
            stop = end if stop < 0 else stop
            yield _clean(text[at:stop])
            at = stop


def _quoted(text: str, start: int, number: int) -> tuple[str, int]:
    """The field up to its closing mark, and where to go on."""
    parts: list[str] = []
    at = start
    while True:
        mark = text.find('"', at)
        if mark < 0:
            # A backslash at the end of a field is not escaped by the standard and hides the mark after it.
            if parts and text.endswith('\\"'):
                return "".join(parts).removesuffix('"') + "\\", len(text)
            raise SieFault(f"Line {number}: a text that begins with a quotation mark does not end with one.")
        if text[mark - 1] != "\\" or mark == start:
            parts.append(text[at:mark])
            return "".join(parts), mark + 1
        parts.append(text[at : mark - 1] + '"')
        at = mark + 1


def _past_braces(text: str, at: int) -> int:
    """Behind an object list; quotation marks in it may hold braces."""
    inside = False
    for place in range(at + 1, len(text)):
        letter = text[place]
        if letter == '"' and text[place - 1] != "\\":
            inside = not inside
        elif letter == "}" and not inside:
            return place + 1
    return len(text)


def _clean(text: str) -> str:
    """One line, composed, without control characters."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join(composed(kept).split())
