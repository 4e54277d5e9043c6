"""One call to Pleo: its headers, its retries, its one renewal, its errors."""

from __future__ import annotations

import gzip
import json
import logging
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.pleo.retry import MAX_TRIES
from ledgerbridge.pleo.transport import Call, PleoClient
from ledgerbridge.pleo.wire import Limits

GET = Call("introspect", "GET", "/v1/introspect")
PUT = Call("updateClientInstallation", "PUT", "/v1/installations/me", body={"status": "ACTIVATED"})
DELETE = Call("deleteClientInstallation", "DELETE", "/v1/installations/me")
POST = Call("createClientInstallation", "POST", "/v1/installations/me", body={})
OK = httpx.Response(200, json={"fine": True})


def answer(status: int, **options: Any) -> httpx.Response:
    return httpx.Response(status, **options)


@pytest.mark.rule("AUTH-041", "LIMIT-040", "EXP-PRE-04")
async def test_headers_of_a_call(stage) -> None:
    await stage.answers(answer(200), answer(200)).client.send(GET)
    await stage.client.send(PUT)
    read, written = (request.headers for request in stage.requests)
    assert read["Authorization"] == written["Authorization"] == "Bearer access-token-1"
    assert read["Accept"] == "application/json"
    assert read["User-Agent"].startswith("Ledgerbridge/")
    assert read["User-Agent"] == written["User-Agent"]
    assert "Content-Type" not in read
    assert written["Content-Type"] == "application/json;charset=UTF-8"


async def test_a_shared_client_adds_nothing_of_its_own(stage) -> None:
    stage.answers(answer(200, headers={"Set-Cookie": "session=of-company-a"}), answer(200))
    http = httpx.AsyncClient(
        transport=httpx.MockTransport(stage.handle),
        headers={"X-Other": "1"},
        auth=("someone", "else"),
        params={"q": "1"},
    )
    client = PleoClient(http, stage.endpoints, stage.credential, stage.budget)
    await client.send(GET)
    await client.send(GET)
    second = stage.requests[1]
    assert "Cookie" not in second.headers
    assert "X-Other" not in second.headers
    assert second.headers["Authorization"] == "Bearer access-token-1"
    assert str(second.url) == "https://external.pleo.io/v1/introspect"


@pytest.mark.rule("LIMIT-041")
async def test_time_outs_of_a_call(stage) -> None:
    await stage.answers(answer(200)).client.send(GET)
    timeout = stage.requests[0].extensions["timeout"]
    assert (timeout["connect"], timeout["read"]) == (10, 30)


@pytest.mark.rule("EXP-RATE-01")
async def test_every_attempt_takes_from_the_budget(stage) -> None:
    stage.credential.newer = ["Bearer access-token-2"]
    stage.answers(answer(503), answer(429), answer(401), answer(200))
    await stage.client.send(GET)
    assert stage.budget.taken == len(stage.requests) == 4
    assert [seen.status for seen in stage.observed] == [503, 429, 401, 200]
    assert [seen.attempt for seen in stage.observed] == [1, 2, 3, 4]


# ------------------------------------------------------------------ the retry table


@pytest.mark.rule("LIMIT-010", "LIMIT-031", "EXP-RATE-06")
@pytest.mark.parametrize("call", [GET, PUT, DELETE], ids=lambda call: call.method)
@pytest.mark.parametrize(
    "fault",
    [
        answer(429),
        answer(500),
        answer(502),
        answer(503),
        answer(504),
        answer(408),
        httpx.ConnectError("x"),
        httpx.ReadTimeout("x"),
        httpx.RemoteProtocolError("x"),
    ],
    ids=lambda fault: getattr(fault, "status_code", None) or type(fault).__name__,
)
async def test_a_repeatable_call_survives_a_passing_fault(stage, call, fault) -> None:
    fault = httpx.Response(fault.status_code) if isinstance(fault, httpx.Response) else fault
    await stage.answers(fault, answer(200)).client.send(call)
    assert len(stage.requests) == 2
    assert len(stage.slept) == 1


@pytest.mark.rule("LIMIT-002", "LIMIT-010", "EXP-RATE-06")
@pytest.mark.parametrize(
    ("status", "error"), [(429, errors.RateLimited), (500, errors.Unavailable), (503, errors.Unavailable)]
)
async def test_at_most_six_tries_with_growing_jittered_pauses(stage, status, error) -> None:
    stage.answers(*(answer(status) for _ in range(MAX_TRIES)))
    with pytest.raises(error) as caught:
        await stage.client.send(GET)
    assert caught.value.status == status
    assert len(stage.requests) == 6
    assert len(stage.slept) == 5
    assert all(1 <= pause <= min(60, 2**number) for number, pause in enumerate(stage.slept, 1))


@pytest.mark.rule("LIMIT-002", "EXP-RATE-04")
@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("Sun, 01 Jun 2025 12:00:42 GMT", 42.0),
        ("Sun, 01 Jun 2025 12:00:42 -0000", 42.0),
        ("Sun, 01 Jun 2025 11:00:00 GMT", 1.0),
    ],
)
async def test_retry_after_is_honoured_in_both_forms(stage, header, pause) -> None:
    await stage.answers(answer(429, headers={"Retry-After": header}), answer(200)).client.send(GET)
    assert stage.slept == [pause]


@pytest.mark.rule("LIMIT-002")
@pytest.mark.parametrize("header", ["soon", "-5", "1.5", "", "٣", "Sun, 99 Jun 2025 99:00:00 GMT"])
async def test_a_retry_after_nobody_can_read_means_back_off(stage, header) -> None:
    value = header.encode()
    await stage.answers(answer(429, headers=[(b"Retry-After", value)]), answer(200)).client.send(GET)
    assert 1 <= stage.slept[0] <= 2


@pytest.mark.rule("LIMIT-002")
async def test_a_very_long_retry_after_goes_to_the_caller_at_once(stage) -> None:
    stage.answers(answer(429, headers={"Retry-After": "3600"}))
    with pytest.raises(errors.RateLimited) as caught:
        await stage.client.send(GET)
    assert caught.value.retry_after == 3600
    assert stage.slept == []


@pytest.mark.rule("LIMIT-031", "LIMIT-030", "EXP-IDEM-05")
@pytest.mark.parametrize(
    "fault",
    [
        500,
        502,
        503,
        504,
        408,
        httpx.ReadTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.RemoteProtocolError("x"),
    ],
)
async def test_a_post_that_may_have_happened_is_never_repeated(stage, fault) -> None:
    stage.answers(answer(fault) if isinstance(fault, int) else fault)
    with pytest.raises(errors.OutcomeUnknown):
        await stage.client.send(POST)
    assert len(stage.requests) == 1
    assert not any("idempotency" in name.lower() for name in stage.requests[0].headers)


@pytest.mark.rule("LIMIT-031")
@pytest.mark.parametrize("fault", [429, httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x")])
async def test_a_post_that_certainly_did_not_happen_is_repeated(stage, fault) -> None:
    stage.answers(answer(fault) if isinstance(fault, int) else fault, answer(200))
    await stage.client.send(POST)
    assert len(stage.requests) == 2


async def test_a_post_that_never_got_out_is_not_an_unknown_outcome(stage) -> None:
    stage.answers(*(httpx.ConnectError("x") for _ in range(MAX_TRIES)))
    with pytest.raises(errors.Unreached):
        await stage.client.send(POST)


@pytest.mark.rule("LIMIT-030")
@pytest.mark.parametrize("content", [b"", b"<html>", b'{"cut": ', b"[NaN]"])
async def test_a_post_with_an_unreadable_success_is_an_unknown_outcome(stage, content) -> None:
    stage.answers(answer(200, content=content))
    with pytest.raises(errors.OutcomeUnknown):
        await stage.client.json(POST)


# ------------------------------------------------------------------ 401


@pytest.mark.rule("AUTH-054", "EXP-RATE-06")
async def test_a_401_is_retried_once_with_the_renewed_credential(stage) -> None:
    stage.credential.newer = ["Bearer access-token-2"]
    await stage.answers(answer(401), answer(200)).client.send(POST)
    assert stage.credential.rejected == ["Bearer access-token-1"]
    assert [request.headers["Authorization"][-1] for request in stage.requests] == ["1", "2"]


@pytest.mark.rule("AUTH-054")
async def test_a_second_401_stops(stage) -> None:
    stage.credential.newer = ["Bearer access-token-2", "Bearer access-token-3"]
    stage.answers(answer(401), answer(401))
    with pytest.raises(errors.Unauthorised):
        await stage.client.send(GET)
    assert len(stage.requests) == 2
    assert len(stage.credential.rejected) == 1


@pytest.mark.rule("AUTH-054")
async def test_the_credential_is_renewed_once_a_call_even_over_retries(stage) -> None:
    stage.credential.newer = ["Bearer access-token-2", "Bearer access-token-3"]
    stage.answers(answer(401), answer(503), answer(401))
    with pytest.raises(errors.Unauthorised):
        await stage.client.send(GET)
    assert len(stage.credential.rejected) == 1


@pytest.mark.rule("AUTH-054")
@pytest.mark.parametrize("newer", [None, "Bearer access-token-1"])
async def test_a_401_without_a_newer_credential_stops(stage, newer) -> None:
    stage.credential.newer = [newer]
    stage.answers(answer(401))
    with pytest.raises(errors.Unauthorised):
        await stage.client.send(GET)


async def test_what_the_credential_raises_passes_through(stage) -> None:
    class Ended(Exception):
        pass

    async def ended() -> str:
        raise Ended

    stage.credential.header = ended
    with pytest.raises(Ended):
        await stage.client.send(GET)
    assert stage.requests == []


# ------------------------------------------------------------------ errors


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
    budget = type("B", (), {"take": staticmethod(nothing)})()
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
