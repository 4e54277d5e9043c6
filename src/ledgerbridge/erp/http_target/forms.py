"""How single values are written in the JSON between us and a partner: amounts as texts, days, moments, plain texts.

Nothing is guessed: a number where a text belongs is an answer that does not fit, because JSON's numbers lose cents.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, Strict, WithJsonSchema

from ledgerbridge.outgoing.texts import holdable

_AMOUNT = r"^-?[0-9]{1,15}\.[0-9]{2}$"
_POSITIVE = r"^[0-9]{1,15}\.[0-9]{2}$"
_RATE = r"^-?[0-9]{1,3}(\.[0-9]{1,8})?$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


class Wire(BaseModel):
    """An object of the JSON. What an answer holds besides is ignored, so that either side may add to it."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _decimal(pattern: str) -> Any:
    def read(value: object) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if not isinstance(value, str) or not re.fullmatch(pattern.strip("^$"), value, re.ASCII):
            raise ValueError("must be a text such as 1234.50")
        return Decimal(value)

    return BeforeValidator(read)


def _day(value: object) -> dt.date:
    if type(value) is dt.date:
        return value
    if not isinstance(value, str) or not re.fullmatch(_DAY.strip("^$"), value, re.ASCII):
        raise ValueError("must be a day such as 2026-11-30")
    return dt.date.fromisoformat(value)


def _moment(value: object) -> dt.datetime:
    found = value
    if isinstance(value, str):
        try:
            found = dt.datetime.fromisoformat(value)
        except ValueError:
            found = None
    if not isinstance(found, dt.datetime) or found.tzinfo is None:
        raise ValueError("must be a moment with its offset, such as 2026-11-30T09:30:00+00:00")
    return found.astimezone(dt.UTC)


def _held(value: object) -> object:
    return holdable(value) if isinstance(value, str) else value


def _two(value: Decimal) -> str:
    return f"{value:.2f}"


Amount = Annotated[
    Decimal,
    _decimal(_AMOUNT),
    PlainSerializer(_two),
    WithJsonSchema({"type": "string", "pattern": _AMOUNT, "examples": ["1234.50"]}),
]
"""Signed, two decimals, in currency units."""
Positive = Annotated[
    Decimal,
    _decimal(_POSITIVE),
    PlainSerializer(_two),
    WithJsonSchema({"type": "string", "pattern": _POSITIVE, "examples": ["1234.50"]}),
]
Rate = Annotated[
    Decimal,
    _decimal(_RATE),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": _RATE, "examples": ["0.25"]}),
]
"""A fraction: 25 % is 0.25."""
Day = Annotated[
    dt.date,
    BeforeValidator(_day),
    PlainSerializer(dt.date.isoformat),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Moment = Annotated[dt.datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Text = Annotated[str, BeforeValidator(_held), Strict()]
Name = Annotated[str, BeforeValidator(_held), Strict(), Field(min_length=1, max_length=1000)]
Id = Annotated[str, BeforeValidator(_held), Strict(), Field(min_length=1, max_length=200)]
"""The partner's own id of something; never changed and never used again."""
Currency = Annotated[str, Strict(), Field(pattern=r"^[A-Z]{3}$")]
Flag = Annotated[bool, Strict()]
Sha256 = Annotated[str, Strict(), Field(pattern=r"^[0-9a-f]{64}$")]


def count(least: int, most: int | None = None) -> Any:
    """A whole number within bounds."""
    return Field(ge=least, le=most, strict=True)
