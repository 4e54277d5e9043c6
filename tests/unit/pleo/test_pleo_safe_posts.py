"""Which POST is sent again, what a client counts, and numbers that stay exact on the wire."""

from __future__ import annotations

import json
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.transport import Call
from ledgerbridge.pleo.wire import write_json
from tests.unit.pleo.calls import GET, OK, POST, answer

SEARCH = Call("searchTagsPost", "POST", "/v0/tags:search", body={}, safe=True)


@pytest.mark.rule("LIMIT-031", "VEN-130", "ACC-115", "TAG-146")
@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("slow"), *(answer(status) for status in (408, 500, 502, 503, 504))]
)
async def test_a_post_that_only_reads_is_repeated_like_a_get(stage, fault) -> None:
    assert (await stage.answers(fault, OK).client.send(SEARCH)).status == 200
    assert len(stage.requests) == 2


@pytest.mark.rule("LIMIT-030")
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"cut'])
async def test_a_post_that_only_reads_never_ends_in_an_unknown_outcome(stage, body) -> None:
    with pytest.raises(errors.UnreadableAnswer):
        await stage.answers(answer(200, content=body)).client.json(SEARCH)
    stage.answers(*[httpx.ReadError("cut")] * 6)
    with pytest.raises(errors.Unavailable):
        await stage.client.json(SEARCH)


def test_a_post_is_not_safe_unless_it_says_so() -> None:
    assert [call.repeatable for call in (GET, POST, SEARCH)] == [True, False, True]


@pytest.mark.rule("TAG-117", "ACC-106")
async def test_a_client_counts_every_attempt_it_sends(stage) -> None:
    client = stage.client
    stage.credential.newer.append("Bearer access-token-2")
    stage.answers(answer(503), answer(401), OK, answer(404), httpx.ConnectError("no"), OK)
    await client.send(GET)
    with pytest.raises(errors.NotFound):
        await client.send(GET)
    await client.send(GET)
    assert client.calls == len(stage.requests) == 6
    assert stage.client.calls == 0


@pytest.mark.rule("TAX-025")
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000))
def test_every_decimal_comes_back_from_the_wire_as_it_was(number: Decimal) -> None:
    assert json.loads(write_json({"rate": [number]}), parse_float=Decimal, parse_int=Decimal) == {"rate": [number]}


@pytest.mark.rule("TAX-025")
@pytest.mark.parametrize("wrong", [0.25, float("nan"), Decimal("NaN"), [{"rate": 1.0}]])
def test_a_binary_float_is_never_written(wrong) -> None:
    with pytest.raises(TypeError, match="binary float"):
        write_json(wrong)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(_VALUES)
def test_everything_else_is_written_as_json_always_was(value) -> None:
    assert write_json(value) == json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
