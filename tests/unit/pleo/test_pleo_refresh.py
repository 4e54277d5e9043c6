"""The refresh of a token pair: what is repeated, what ends the grant, what says nothing about it."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from ledgerbridge.pleo.oauth import MAX_TRIES
from ledgerbridge.pleo.tokens import ClientRejected, GrantRefused, TokenEndpointUnavailable, refresh_lead

from .calls import PAIR, form, ok


@pytest.mark.rule("AUTH-050", "AUTH-033")
async def test_a_refresh_gives_a_whole_new_pair(stage, oauth) -> None:
    stage.answers(ok())
    answer = await oauth.refresh("old-refresh")
    (request,) = stage.requests
    assert form(request) == {"grant_type": "refresh_token", "refresh_token": "old-refresh"}
    assert request.headers["Authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert (answer.access_token, answer.refresh_token) == ("new-access", "new-refresh")


@pytest.mark.rule("LIMIT-041")
async def test_the_token_endpoint_is_given_60_seconds(stage, oauth) -> None:
    stage.answers(ok())
    await oauth.refresh("old-refresh")
    timeout = stage.requests[0].extensions["timeout"]
    assert (timeout["connect"], timeout["read"]) == (10, 60)


@pytest.mark.rule("AUTH-058")
@pytest.mark.parametrize("carried", [{}, {"refresh_token": None}, {"refresh_token": ""}])
async def test_the_previous_refresh_token_stays_when_none_is_carried(stage, oauth, carried) -> None:
    stage.answers(ok({"access_token": "a", "expires_in": 900, **carried}))
    assert (await oauth.refresh("old-refresh")).refresh_token == "old-refresh"


@pytest.mark.rule("AUTH-042")
@pytest.mark.parametrize(
    ("carried", "seconds"),
    [(900, 900), ("900", 900), (900.0, 900), (None, 300), (0, 300), (-5, 300), ("x", 300), (True, 300), (1e300, 300)],
)
async def test_expiry_comes_from_the_answer_and_a_strange_one_never_costs_the_pair(
    stage, sample, oauth, carried, seconds
) -> None:
    stage.answers(ok({**PAIR, "expires_in": carried}))
    answer = await oauth.refresh("old-refresh")
    assert answer.expires_at == sample.now + timedelta(seconds=seconds)
    assert answer.access_token == "new-access"


@pytest.mark.parametrize(("lifetime", "lead"), [(900, 90), (300, 60), (60, 60), (3600, 360)])
def test_a_refresh_is_due_before_expiry(lifetime, lead) -> None:
    assert refresh_lead(lifetime) == lead


@pytest.mark.rule("AUTH-056")
@pytest.mark.parametrize("error", ["invalid_grant", "invalid_token", "invalid_refresh_token", "INVALID_GRANT"])
@pytest.mark.parametrize("status", [400, 403])
async def test_a_refused_grant_is_terminal_without_retry(stage, oauth, error, status) -> None:
    stage.answers(ok({"error": error, "error_description": "..."}, status))
    with pytest.raises(GrantRefused) as caught:
        await oauth.refresh("old-refresh")
    assert (caught.value.error, caught.value.status) == (error.lower(), status)
    assert not caught.value.after_lost_reply
    assert stage.slept == []


@pytest.mark.rule("AUTH-056")
@pytest.mark.parametrize("status", [400, 402, 403, 404, 409, 410, 422])
@pytest.mark.parametrize("content", [b"", b"<html>", b'{"error": "something_else"}'])
async def test_other_4xx_are_terminal_too(stage, oauth, status, content) -> None:
    stage.answers(httpx.Response(status, content=content))
    with pytest.raises(GrantRefused):
        await oauth.refresh("old-refresh")
    assert len(stage.requests) == 1


@pytest.mark.rule("AUTH-057a")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {}),
        (401, {"error": "invalid_client"}),
        (401, {"error": "invalid_grant"}),
        (400, {"error": "invalid_client"}),
        (403, {"error": "Invalid_Client"}),
    ],
)
async def test_our_own_rejected_credentials_are_no_refused_grant(stage, oauth, status, body) -> None:
    stage.answers(ok(body, status))
    with pytest.raises(ClientRejected):
        await oauth.refresh("old-refresh")
    assert len(stage.requests) == 1


@pytest.mark.rule("AUTH-056", "AUTH-057")
@pytest.mark.parametrize(
    "fault",
    [500, 502, 503, 504, 408, 429, httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")],
)
async def test_a_refresh_survives_a_passing_fault(stage, oauth, fault) -> None:
    fault = ok({"error": "invalid_grant"}, fault) if isinstance(fault, int) else fault
    stage.answers(fault, ok())
    assert (await oauth.refresh("old-refresh")).refresh_token == "new-refresh"
    assert form(stage.requests[0]) == form(stage.requests[1])
    assert 1 <= stage.slept[0] <= 2


@pytest.mark.rule("AUTH-057")
@pytest.mark.parametrize("fault", [503, httpx.ReadTimeout("x")])
async def test_refresh_retries_are_capped_and_end_as_transient(stage, oauth, fault) -> None:
    stage.answers(*((httpx.Response(fault) if isinstance(fault, int) else fault) for _ in range(MAX_TRIES)))
    with pytest.raises(TokenEndpointUnavailable) as caught:
        await oauth.refresh("old-refresh")
    assert caught.value.may_have_spent_the_grant
    assert stage.slept == sorted(stage.slept) or max(stage.slept) <= 60
    assert len(stage.requests) == MAX_TRIES


@pytest.mark.rule("AUTH-057")
async def test_a_long_retry_after_of_the_token_endpoint_goes_to_the_caller(stage, oauth) -> None:
    stage.answers(httpx.Response(429, headers={"Retry-After": "900"}))
    with pytest.raises(TokenEndpointUnavailable) as caught:
        await oauth.refresh("old-refresh")
    assert caught.value.retry_after == 900
    assert not caught.value.may_have_spent_the_grant


@pytest.mark.rule("AUTH-057")
async def test_a_refusal_after_a_lost_reply_says_that_the_new_pair_was_probably_lost(stage, oauth) -> None:
    stage.answers(httpx.ReadTimeout("x"), ok({"error": "invalid_grant"}, 400))
    with pytest.raises(GrantRefused) as caught:
        await oauth.refresh("old-refresh")
    assert caught.value.after_lost_reply


async def test_a_refusal_after_a_failed_connection_does_not_say_so(stage, oauth) -> None:
    stage.answers(httpx.ConnectError("x"), ok({"error": "invalid_grant"}, 400))
    with pytest.raises(GrantRefused) as caught:
        await oauth.refresh("old-refresh")
    assert not caught.value.after_lost_reply


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b'{"access_token": ""}', b'{"access_token": 7}', b'{"access_tok']
)
async def test_a_success_nobody_can_read_is_transient(stage, oauth, answer) -> None:
    stage.answers(*(httpx.Response(200, content=answer) for _ in range(MAX_TRIES)))
    with pytest.raises(TokenEndpointUnavailable):
        await oauth.refresh("old-refresh")


@pytest.mark.parametrize("status", [302, 307])
async def test_the_token_endpoint_is_not_followed_elsewhere(stage, oauth, status) -> None:
    stage.answers(*(httpx.Response(status, headers={"Location": "https://evil.example"}) for _ in range(MAX_TRIES)))
    with pytest.raises(TokenEndpointUnavailable):
        await oauth.refresh("old-refresh")
    assert {request.url.host for request in stage.requests} == {"auth.pleo.io"}
