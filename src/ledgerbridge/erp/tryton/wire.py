"""Tryton's JSON: tagged decimals, dates, moments and bytes, and the base64 of its query parameters and headers.

Decimals always travel tagged: a bare number would be read as a float and lose cents. A file becomes base64 piece by
piece while it is sent, so that the largest one never is in memory.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from decimal import Decimal
from typing import Any

from ledgerbridge.outgoing import texts
from ledgerbridge.outgoing.files import PIECE, HeldFile

Record = dict[str, Any]


class Body:
    """JSON with files in it, made anew whenever it is iterated. Raises `FileNotKept` then."""

    def __init__(self, parts: Sequence[bytes | HeldFile]) -> None:
        self._parts = parts

    @property
    def length(self) -> int:
        """Bytes of all of it."""
        return sum(-(-part.size // 3) * 4 if isinstance(part, HeldFile) else len(part) for part in self._parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if isinstance(part, HeldFile):
                for piece in part.pieces(PIECE):
                    yield base64.b64encode(piece)
            else:
                yield part


def written(value: object) -> bytes | Body:
    """As `dumps`; with a `HeldFile` anywhere in it, what is iterated to the same bytes that those of the file give."""
    files: list[tuple[bytes, HeldFile]] = []

    def tagged(value: object) -> object:
        if not isinstance(value, HeldFile):
            return _tagged(value)
        place = secrets.token_hex(16)
        files.append((place.encode(), value))
        return {"__class__": "bytes", "base64": place}

    rest = _dumps(value, tagged)
    parts: list[bytes | HeldFile] = []
    for place, file in files:
        before, _, rest = rest.partition(place)
        parts += [before, file]
    return Body([*parts, rest]) if files else rest


def dumps(value: object) -> bytes:
    """Compact JSON in UTF-8. Raises `TypeError` for anything Tryton has no form for, floats included."""
    return _dumps(value, _tagged)


def loads(text: bytes) -> Any:
    """Read an answer; moments become aware UTC. Raises `ValueError` when it is not Tryton's JSON."""
    try:
        return texts.load(text, object_hook=_untagged)
    except (KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"malformed value in the answer: {error!r}") from error


def packed(value: object) -> str:
    """URL-safe base64 of the JSON, as the `d` and `o` parameters and the context header want it."""
    return base64.urlsafe_b64encode(dumps(value)).decode("ascii")


def _dumps(value: object, tagged: Callable[[object], object]) -> bytes:
    _refuse_floats(value)
    return json.dumps(value, default=tagged, separators=(",", ":"), ensure_ascii=False).encode()


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError("floats lose cents; use Decimal")
    if isinstance(value, dict):
        for inner in value.values():
            _refuse_floats(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_floats(inner)


def _tagged(value: object) -> object:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} is no amount")
        return {"__class__": "Decimal", "decimal": _shortest(value)}
    if isinstance(value, dt.datetime):
        raise TypeError("Tryton's moments are only read, never sent")
    if isinstance(value, dt.date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, bytes):
        return {"__class__": "bytes", "base64": base64.b64encode(value).decode("ascii")}
    raise TypeError(f"no form for {type(value).__name__} in Tryton's JSON")


def _shortest(value: Decimal) -> str:
    """Without trailing zeros: Tryton counts them as decimals, and refuses 50.000 in a currency of two."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _untagged(value: Record) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return _finite(Decimal(value["decimal"]))
        case "date":
            return dt.date(value["year"], value["month"], value["day"])
        case "datetime":
            return dt.datetime(
                value["year"],
                value["month"],
                value["day"],
                value["hour"],
                value["minute"],
                value["second"],
                value.get("microsecond", 0),
                tzinfo=dt.UTC,
            )
        case "bytes":
            return base64.b64decode(value["base64"])
        case _:
            return value


def _finite(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError("an amount that is no number")
    return value
