"""Tryton's JSON keeps every cent, date and byte."""

from __future__ import annotations

import base64
import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.erp.tryton import wire

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12)


@given(amounts)
def test_amounts_come_back_exactly(amount: Decimal) -> None:
    assert wire.loads(wire.dumps({"debit": amount}))["debit"] == amount


@pytest.mark.parametrize(
    ("amount", "sent"),
    [("50.000", "50"), ("12.50", "12.5"), ("100", "100"), ("1E+3", "1000"), ("0.00", "0"), ("-0.10", "-0.1")],
)
def test_amounts_travel_tagged_and_without_trailing_zeros(amount: str, sent: str) -> None:
    assert json.loads(wire.dumps(Decimal(amount))) == {"__class__": "Decimal", "decimal": sent}


@given(st.dates(), st.binary(max_size=300), st.text())
def test_dates_bytes_and_text_come_back(date: dt.date, content: bytes, text: str) -> None:
    usable = text.encode("utf-8", "ignore").decode().replace("\0", "")
    sent = {"date": date, "data": content, "text": [usable]}
    assert wire.loads(wire.dumps(sent)) == sent


def test_moments_are_read_as_utc() -> None:
    text = b'{"__class__":"datetime","year":2026,"month":11,"day":21,"hour":2,"minute":43,"second":50,"microsecond":7}'
    assert wire.loads(text) == dt.datetime(2026, 11, 21, 2, 43, 50, 7, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "value", [1.5, {"a": [0.1]}, Decimal("NaN"), Decimal("Infinity"), object(), dt.datetime.now(dt.UTC)]
)
def test_what_would_lose_something_is_not_sent(value: object) -> None:
    with pytest.raises(TypeError):
        wire.dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        b"<html>",
        b"\xff\xfe",
        b'{"__class__":"Decimal","decimal":"ten"}',
        b'{"__class__":"Decimal"}',
        b'{"__class__":"date","year":2026,"month":13,"day":1}',
        b'{"__class__":"date","year":"x","month":1,"day":1}',
        b'{"__class__":"bytes","base64":"a"}',
        b"[" * 100_000,
    ],
)
def test_what_is_not_trytons_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError):
        wire.loads(text)


def test_packed_is_base64_for_urls() -> None:
    packed = wire.packed([["name", "like", "ÿÿÿ>>>???"]])
    assert not set(packed) & set("+/")
    assert json.loads(base64.urlsafe_b64decode(packed)) == [["name", "like", "ÿÿÿ>>>???"]]
