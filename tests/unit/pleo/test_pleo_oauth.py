"""OAuth with Pleo: the authorise URL, the code, the refresh, and three failures that must not be mixed up."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from ledgerbridge.pleo.credentials import api_key_header, bearer_header, client_header
from ledgerbridge.pleo.oauth import MAX_TRIES, OAuthClient, new_state, new_verifier
from ledgerbridge.pleo.tokens import ClientRejected, GrantRefused, TokenEndpointUnavailable, TokenError, refresh_lead

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CALLBACK = "https://bridge.example/oauth/callback"
PAIR = {"access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 900, "token_type": "Bearer", "x": 1}


def ok(body: Any = PAIR, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.fixture
def oauth(stage, sample) -> OAuthClient:
    return OAuthClient(
        stage.http,
        stage.endpoints,
        "s6BhdRkqt3",
        "gX1fBat3bV",
        stage.observed.append,
        sleep=stage.sleep,
        now=lambda: sample.now,
    )


def form(request: httpx.Request) -> dict[str, str]:
    return dict(parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True))


# ------------------------------------------------------------------ authorise


@pytest.mark.rule("AUTH-022", "AUTH-023")
def test_the_authorise_url_has_exactly_seven_parameters(oauth) -> None:
    scopes = ["export-jobs:read", "export-items:read"]
    url = oauth.authorise_url(redirect_uri=CALLBACK + "?a=b&c", scopes=scopes, state="st ate/+", verifier=VERIFIER)
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "auth.pleo.io", "/oauth/authorize")
    assert parse_qsl(parts.query, strict_parsing=True) == [
        ("response_type", "code"),
        ("client_id", "s6BhdRkqt3"),
        ("redirect_uri", CALLBACK + "?a=b&c"),
        ("scope", "export-jobs:read export-items:read"),
        ("state", "st ate/+"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    assert VERIFIER not in url
    assert url == oauth.authorise_url(
        redirect_uri=CALLBACK + "?a=b&c", scopes=" ".join(scopes), state="st ate/+", verifier=VERIFIER
    )


@pytest.mark.rule("AUTH-023")
def test_verifiers_are_fresh_long_and_of_the_allowed_characters(oauth) -> None:
    made = {new_verifier() for _ in range(50)}
    assert len(made) == 50
    for verifier in made:
        oauth.authorise_url(redirect_uri=CALLBACK, scopes="x", state="s", verifier=verifier)
    for bad in ("short", "x" * 129, "x" * 42 + "+", "é" * 43):
        with pytest.raises(ValueError, match="43 to 128"):
            oauth.authorise_url(redirect_uri=CALLBACK, scopes="x", state="s", verifier=bad)


@pytest.mark.rule("AUTH-024")
def test_states_are_fresh_and_unguessable() -> None:
    made = {new_state() for _ in range(50)}
    assert len(made) == 50
    assert min(map(len, made)) == 43


# ------------------------------------------------------------------ headers


@pytest.mark.rule("AUTH-031")
def test_client_authentication_vector() -> None:
    assert client_header("s6BhdRkqt3", "gX1fBat3bV") == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"


@pytest.mark.rule("AUTH-031")
def test_id_and_secret_are_form_encoded_before_base64() -> None:
    decoded = base64.b64decode(client_header("a:b", "p@ss word+%").removeprefix("Basic ")).decode()
    assert decoded == "a%3Ab:p%40ss+word%2B%25"


@pytest.mark.rule("AUTH-100", "EXP-PRE-04")
def test_api_key_vector() -> None:
    assert api_key_header("pleo_key_example") == "Basic cGxlb19rZXlfZXhhbXBsZTo="


@pytest.mark.rule("AUTH-041", "AUTH-040")
def test_an_access_token_is_sent_as_it_is() -> None:
    assert bearer_header("any.thing~at+all/=") == "Bearer any.thing~at+all/="


# ------------------------------------------------------------------ code exchange


@pytest.mark.rule("AUTH-030", "AUTH-031", "AUTH-033", "AUTH-042")
async def test_the_code_is_exchanged_with_the_contracts_form(stage, sample, oauth) -> None:
    stage.answers(ok())
    answer = await oauth.exchange_code(code="co de", redirect_uri=CALLBACK, verifier=VERIFIER)
    (request,) = stage.requests
    assert str(request.url) == "https://auth.pleo.io/oauth/token"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["Authorization"] == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"
    assert form(request) == {
        "grant_type": "authorization_code",
        "code": "co de",
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    assert (answer.access_token, answer.refresh_token, answer.expires_in) == ("new-access", "new-refresh", 900)
    assert answer.expires_at == sample.now + timedelta(seconds=900)
    assert answer.scope is None


@pytest.mark.rule("AUTH-032")
async def test_the_secret_goes_into_the_body_only_behind_the_switch(stage, sample) -> None:
    stage.in_contract = False
    stage.answers(ok())
    oauth = OAuthClient(stage.http, stage.endpoints, "id", "se+cret", secret_in_body=True)
    await oauth.refresh("old-refresh")
    (request,) = stage.requests
    assert "Authorization" not in request.headers
    assert form(request) == {
        "grant_type": "refresh_token",
        "refresh_token": "old-refresh",
        "client_id": "id",
        "client_secret": "se+cret",
    }


@pytest.mark.rule("AUTH-029")
@pytest.mark.parametrize("fault", [httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), 500, 503, 429])
async def test_a_code_is_presented_once(stage, oauth, fault) -> None:
    stage.answers(httpx.Response(fault) if isinstance(fault, int) else fault)
    with pytest.raises(TokenEndpointUnavailable):
        await oauth.exchange_code(code="c", redirect_uri=CALLBACK, verifier=VERIFIER)
    assert len(stage.requests) == 1


async def test_a_code_that_never_left_is_presented_again(stage, oauth) -> None:
    stage.answers(httpx.ConnectError("x"), ok())
    await oauth.exchange_code(code="c", redirect_uri=CALLBACK, verifier=VERIFIER)
    assert len(stage.requests) == 2


async def test_expiry_counts_from_before_the_request(stage, sample) -> None:
    clock = iter([sample.now, sample.now + timedelta(seconds=50)])
    stage.answers(ok())
    answer = await OAuthClient(stage.http, stage.endpoints, "id", "secret", now=lambda: next(clock)).refresh("old")
    assert answer.expires_at == sample.now + timedelta(seconds=900)


@pytest.mark.rule("AUTH-033")
async def test_an_exchange_without_refresh_token_says_so(stage, oauth) -> None:
    stage.answers(ok({"access_token": "a", "expires_in": 1, "scope": "users:read"}))
    answer = await oauth.exchange_code(code="c", redirect_uri=CALLBACK, verifier=VERIFIER)
    assert (answer.refresh_token, answer.scope) == (None, "users:read")


# ------------------------------------------------------------------ refresh


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
async def test_a_refresh_is_due_before_expiry(stage, sample, oauth, lifetime, lead) -> None:
    stage.answers(ok({**PAIR, "expires_in": lifetime}))
    assert refresh_lead(lifetime) == lead
    assert (await oauth.refresh("old-refresh")).refresh_at == sample.now + timedelta(seconds=lifetime - lead)


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


# ------------------------------------------------------------------ introspection


@pytest.mark.rule("AUTH-046")
async def test_token_introspection(stage, sample, oauth) -> None:
    body = {
        "active": True,
        "exp": 1750000000,
        "client_id": "c",
        "aud": ["x"],
        "urn:pleo:params:oauth:subject_urn": sample.urn,
    }
    sample.check_answer("POST", "/oauth/token/introspect", 200, body)
    stage.answers(ok(body))
    token = await oauth.introspect("new-access")
    assert (token.active, token.subject_urn, token.expires_at) == (True, sample.urn, 1750000000)
    assert form(stage.requests[0]) == {"token": "new-access", "token_type_hint": "access_token"}
    assert stage.requests[0].headers["Authorization"].startswith("Basic ")


@pytest.mark.rule("AUTH-046", "AUTH-057a")
@pytest.mark.parametrize(
    ("status", "error"), [(401, ClientRejected), (500, TokenEndpointUnavailable), (200, TokenEndpointUnavailable)]
)
async def test_a_failed_introspection_says_nothing_about_the_token(stage, oauth, status, error) -> None:
    stage.answers(ok({}, status))
    with pytest.raises(error):
        await oauth.introspect("new-access")


# ------------------------------------------------------------------ secrets


@pytest.mark.rule("AUTH-045")
@pytest.mark.parametrize(
    "fault",
    [
        httpx.LocalProtocolError("gX1fBat3bV old-refresh"),
        httpx.Response(400, json={"error": "old-refresh is bad", "error_description": "old-refresh"}),
        httpx.Response(401, json={"error_description": "gX1fBat3bV"}),
        httpx.Response(500, content=b"old-refresh"),
    ],
    ids=["fault", "400", "401", "500"],
)
async def test_no_error_and_no_log_line_shows_a_token_or_the_secret(stage, oauth, fault, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    stage.answers(
        *(
            httpx.Response(fault.status_code, content=fault.content) if isinstance(fault, httpx.Response) else fault
            for _ in range(MAX_TRIES)
        )
    )
    with pytest.raises(TokenError) as caught:
        await oauth.refresh("old-refresh")
    stage.script.clear()
    error: BaseException | None = caught.value
    while error is not None:
        shown = f"{error!s} {error!r} {vars(error)}"
        assert "old-refresh" not in shown
        assert "gX1fBat3bV" not in shown
        error = error.__cause__ or error.__context__
    assert "old-refresh" not in caplog.text
    assert "gX1fBat3bV" not in caplog.text


@pytest.mark.rule("AUTH-045")
async def test_a_token_answer_does_not_print_its_tokens(stage, oauth) -> None:
    stage.answers(ok())
    shown = repr(await oauth.refresh("old-refresh"))
    assert "new-access" not in shown
    assert "new-refresh" not in shown
