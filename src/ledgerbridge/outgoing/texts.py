"""Text as the other side sent it: JSON brought down to what PostgreSQL and an HTTP answer can hold.

JSON may spell characters that no text of ours can carry: NUL, and halves of a surrogate pair. One of them in a name or
a reason would be refused at the moment it is stored, and with it the whole export job or sync.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

_ODD = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_UNHOLDABLE = re.compile("[\0\ud800-\udfff]")
REPLACEMENT = "\ufffd"
MOST_VALUES = 2_000_000
"""In one body. A few bytes each, they take a hundred times their room, and seconds in which nothing else runs."""
_PIECES = re.compile("[^\n]{1,200}[\u0300-\u036f]{0,50}|\n")


def load(
    body: bytes,
    *,
    parse_float: Callable[[str], Any] | None = None,
    object_hook: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """The JSON in a body of UTF-8, what cannot be held replaced by U+FFFD.

    Raises `ValueError` for anything else, `NaN` and `Infinity` included, and for more than `MOST_VALUES`;
    `RecursionError` for endless nesting.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise ValueError("too many values")
    text = body.decode("utf-8-sig")
    value = json.loads(text, parse_constant=_no_constant, parse_float=parse_float, object_hook=object_hook)
    return _held(value) if _ODD.search(text) else value


def holdable(text: str) -> str:
    """The text with what cannot be held replaced."""
    return _UNHOLDABLE.sub(REPLACEMENT, text)


def composed(text: str) -> str:
    """The text with letters and their accents in one (NFC), piece by piece.

    At once it takes the square of the length for a letter with endless accents, and nothing else runs meanwhile.
    """
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFC", piece) for piece in _PIECES.findall(text))


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _held(value: Any) -> Any:
    if isinstance(value, str):
        return holdable(value)
    if isinstance(value, list):
        return [_held(part) for part in value]
    if isinstance(value, dict):
        return {holdable(name): _held(part) for name, part in value.items()}
    return value
