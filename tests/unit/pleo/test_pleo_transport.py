"""One call to Pleo: its headers, its retries, its one renewal, its errors."""

from __future__ import annotations

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.retry import MAX_TRIES
from ledgerbridge.pleo.transport import PleoClient

from .calls import DELETE, GET, POST, PUT, answer


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


@pytest.mark.parametrize("header", ["1763730000000", "Fri, 31 Dec 2099 23:59:59 GMT"])
async def test_a_mistaken_retry_after_does_not_silence_a_company_for_years(stage, header) -> None:
    stage.answers(answer(429, headers={"Retry-After": header}))
    with pytest.raises(errors.RateLimited):
        await stage.client.send(GET)
    assert stage.budget.pauses == [3600]


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


@pytest.mark.rule("LIMIT-002", "TAG-147", "ACC-116")
@pytest.mark.parametrize(("header", "seconds"), [({"Retry-After": "7"}, 7), ({}, 1)])
async def test_a_429_lets_everybody_with_the_credential_rest(stage, header, seconds) -> None:
    await stage.answers(answer(429, headers=header), answer(200)).client.send(GET)
    assert stage.budget.pauses == [seconds]


@pytest.mark.rule("LIMIT-002")
async def test_without_a_time_asked_for_the_rest_grows_with_each_attempt(stage) -> None:
    await stage.answers(answer(429), answer(429), answer(429), answer(200)).client.send(GET)
    assert stage.budget.pauses == [1, 2, 4]


@pytest.mark.rule("LIMIT-002")
async def test_a_long_rest_asked_of_another_caller_stops_this_one_before_it_asks(stage) -> None:
    stage.budget.rest = 900.0
    with pytest.raises(errors.RateLimited) as caught:
        await stage.client.send(GET)
    assert caught.value.retry_after == 900
    assert stage.requests == []


async def test_a_token_is_taken_up_only_when_the_call_has_its_turn(stage) -> None:
    """One that was renewed while the call waited for the budget is the one to send."""

    async def wait() -> None:
        stage.credential.current = "Bearer renewed-meanwhile"

    stage.budget.take = wait
    await stage.answers(answer(200)).client.send(GET)
    assert stage.requests[0].headers["Authorization"] == "Bearer renewed-meanwhile"
