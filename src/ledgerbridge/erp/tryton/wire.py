"""Tryton's JSON: tagged decimals, dates, moments and bytes, and the base64 of its query parameters and headers.

Decimals always travel tagged: a bare number would be read as a float and lose cents.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal
from typing import Any

from ledgerbridge.outgoing import texts

Record = dict[str, Any]


def dumps(value: object) -> bytes:
    """Compact JSON in UTF-8. Raises `TypeError` for anything Tryton has no form for, floats included."""
    _refuse_floats(value)
    return json.dumps(value, default=_tagged, separators=(",", ":"), ensure_ascii=False).encode()


def loads(text: bytes) -> Any:
    """Read an answer; moments become aware UTC. Raises `ValueError` when it is not Tryton's JSON."""
    try:
        return texts.load(text, object_hook=_untagged)
    except (KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"malformed value in the answer: {error!r}") from error


def packed(value: object) -> str:
    """URL-safe base64 of the JSON, as the `d` and `o` parameters and the context header want it."""
    return base64.urlsafe_b64encode(dumps(value)).decode("ascii")


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
