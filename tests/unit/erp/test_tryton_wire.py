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
from ledgerbridge.outgoing.files import PIECE, HeldFile

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


# ------------------------------------------------------------------ files


async def poured(body: bytes | wire.Body) -> tuple[list[bytes], int]:
    """The pieces, and the length that was announced."""
    assert isinstance(body, wire.Body)
    return [piece async for piece in body], body.length


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE + 2])
async def test_a_file_sent_in_pieces_is_byte_for_byte_what_it_is_at_once(size: int) -> None:
    content = bytes(at % 251 for at in range(size))
    values = {"name": 'Beleg æ"\\.pdf', "type": "data", "resource": "account.move,7"}
    with HeldFile() as file:
        file.add(content)
        pieces, length = await poured(wire.written(values | {"data": file}))
    whole = wire.dumps(values | {"data": content})
    assert b"".join(pieces) == whole
    assert length == len(whole)
    assert max(map(len, pieces)) <= PIECE // 3 * 4


async def test_files_stand_anywhere_in_a_body_and_are_read_anew_each_time() -> None:
    files = [HeldFile.of(b"one"), HeldFile.of(b"two")]
    body = wire.written({"vlist": [{"name": "b", "data": files[0]}, {"data": files[1], "z": 1}], "again": files[0]})
    for _ in range(2):
        pieces, length = await poured(body)
        assert len(b"".join(pieces)) == length
        assert wire.loads(b"".join(pieces)) == {
            "vlist": [{"name": "b", "data": b"one"}, {"data": b"two", "z": 1}],
            "again": b"one",
        }


def test_without_a_file_a_body_is_bytes() -> None:
    assert wire.written({"a": Decimal("1.50")}) == wire.dumps({"a": Decimal("1.50")})
