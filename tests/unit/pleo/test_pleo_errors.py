"""What a failed call to Pleo raises: typed, bounded, and never with the credential in it."""

from __future__ import annotations

import gzip
import json
import logging

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.pleo.retry import MAX_TRIES
from ledgerbridge.pleo.transport import PleoClient
from ledgerbridge.pleo.wire import Limits

from .calls import GET, POST, answer


@pytest.mark.rule("LIMIT-010", "AUTH-092", "EXP-RATE-06")
@pytest.mark.parametrize("call", [GET, POST], ids=lambda call: call.method)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, errors.BadRequest),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.BadRequest),
        (409, errors.Conflict),
        (413, errors.TooManyItems),
        (422, errors.Unprocessable),
    ],
)
async def test_a_refusal_is_typed_and_not_repeated(stage, call, status, error) -> None:
    stage.answers(answer(status, json={"type": "Some_TYPE", "message": "words"}))
    with pytest.raises(error) as caught:
        await stage.client.send(call)
    assert type(caught.value) is error
    assert caught.value.status == status
    assert len(stage.requests) == 1
    assert stage.credential.rejected == []


@pytest.mark.rule("LIMIT-011", "LIMIT-012")
@pytest.mark.parametrize("spelling", ["EXPORT_JOB_STATUS_UNPROCESSABLE", "export_job_status_unprocessable"])
async def test_types_are_compared_in_any_case(stage, spelling) -> None:
    stage.answers(answer(422, json={"type": spelling}))
    with pytest.raises(errors.Unprocessable) as caught:
        await stage.client.send(GET)
    assert caught.value.is_type("Export_Job_Status_Unprocessable")
    assert not caught.value.is_type("other")


@pytest.mark.rule("LIMIT-011")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>no</html>",
        b"null",
        b"[]",
        b'"x"',
        b'{"type": 7, "message": []}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"type"',
    ],
)
async def test_an_error_body_may_be_anything(stage, content) -> None:
    stage.answers(answer(404, content=content))
    with pytest.raises(errors.NotFound) as caught:
        await stage.client.send(GET)
    assert caught.value.kind is None
    assert "404" in str(caught.value)


@pytest.mark.rule("LIMIT-011")
@given(content=st.binary(max_size=200), status=st.integers(300, 599))
async def test_no_error_answer_raises_anything_but_a_pleo_error(content: bytes, status: int) -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content)

    async def nothing(*_: object) -> None:
        return None

    async def header() -> str:
        return "Bearer t"

    credential = type("C", (), {"header": staticmethod(header), "renew": staticmethod(nothing)})()
    budget = type("B", (), {"take": staticmethod(nothing), "pause": staticmethod(nothing)})()
    http = httpx.AsyncClient(transport=httpx.MockTransport(handle))
    endpoints = PleoEndpoints("https://auth.pleo.io", "https://external.pleo.io")
    with pytest.raises(errors.PleoError):
        await PleoClient(http, endpoints, credential, budget, sleep=nothing).send(GET)


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"cut": ', b"[Infinity]", b"[" * 100_000])
async def test_an_unreadable_success_is_an_error(stage, content) -> None:
    stage.answers(answer(200, content=content))
    with pytest.raises(errors.UnreadableAnswer):
        await stage.client.json(GET)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(stage, status) -> None:
    stage.answers(answer(status, headers={"Location": "https://evil.example/v1/introspect"}))
    with pytest.raises(errors.UnreadableAnswer, match="redirect"):
        await stage.client.send(GET)
    assert len(stage.requests) == 1


@pytest.mark.rule("LIMIT-030")
async def test_a_post_answered_with_a_redirect_may_have_happened(stage) -> None:
    stage.answers(answer(303, headers={"Location": "/v1/installations/other"}))
    with pytest.raises(errors.OutcomeUnknown):
        await stage.client.send(POST)


async def test_an_answer_larger_than_the_cap_is_cut_off(stage) -> None:
    stage.answers(
        answer(200, content=gzip.compress(json.dumps("x" * 5000).encode()), headers={"Content-Encoding": "gzip"})
    )
    http = httpx.AsyncClient(transport=httpx.MockTransport(stage.handle))
    client = PleoClient(http, stage.endpoints, stage.credential, stage.budget, limits=Limits(max_bytes=1000))
    with pytest.raises(errors.UnreadableAnswer, match="larger than 1000 bytes"):
        await client.json(GET)


async def test_an_endless_trickle_is_ended(stage) -> None:
    class Trickle(httpx.AsyncByteStream):
        async def __aiter__(self):
            import asyncio

            while True:
                yield b" "
                await asyncio.sleep(0.005)

    stage.answers(*(answer(200, stream=Trickle()) for _ in range(MAX_TRIES)))
    http = httpx.AsyncClient(transport=httpx.MockTransport(stage.handle))
    client = PleoClient(
        http, stage.endpoints, stage.credential, stage.budget, limits=Limits(total=0.02), sleep=stage.sleep
    )
    with pytest.raises(errors.Unavailable, match="TotalTimeout"):
        await client.json(GET)


# ------------------------------------------------------------------ secrets


def chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    queue: list[BaseException | None] = [error]
    while queue:
        one = queue.pop()
        if one is not None and one not in found:
            found.append(one)
            queue += [one.__cause__, one.__context__]
    return found


@pytest.mark.rule("AUTH-045")
@pytest.mark.parametrize("call", [GET, POST], ids=lambda call: call.method)
@pytest.mark.parametrize(
    "fault",
    [
        httpx.LocalProtocolError("Illegal header value b'Bearer access-token-1'"),
        httpx.ReadTimeout("Bearer access-token-1"),
        httpx.ConnectError("Bearer access-token-1"),
        httpx.Response(403, json={"type": "access-token-1", "message": "token access-token-1 lacks a scope"}),
        httpx.Response(401, json={"message": "access-token-1 expired"}),
        httpx.Response(200, content=b"access-token-1"),
    ],
    ids=lambda fault: getattr(fault, "status_code", None) or type(fault).__name__,
)
async def test_no_error_and_no_log_line_shows_the_token(stage, call, fault, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    again = [httpx.Response(fault.status_code, content=fault.content)] if isinstance(fault, httpx.Response) else [fault]
    stage.answers(*again * MAX_TRIES)
    with pytest.raises(errors.PleoError) as caught:
        await stage.client.json(call)
    stage.script.clear()
    for error in chain(caught.value):
        assert not isinstance(error, httpx.HTTPError)
        assert "access-token" not in f"{error!s} {error!r} {error.args} {vars(error)}"
    assert "access-token" not in caplog.text
    assert "access-token" not in repr(stage.observed)


@pytest.mark.rule("AUTH-045")
@pytest.mark.parametrize("header", ["Bearer a\r\nX: y", "Bearer tökên", "Bearer a\0b"])
async def test_a_credential_that_is_no_header_is_refused_without_being_shown(stage, header) -> None:
    stage.credential.current = header
    with pytest.raises(errors.Unauthorised) as caught:
        await stage.client.send(GET)
    assert header[7:] not in f"{caught.value!s}{caught.value!r}"
    assert stage.requests == []
