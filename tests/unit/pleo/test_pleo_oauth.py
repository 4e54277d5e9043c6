"""OAuth with Pleo: the authorise URL, the code, the refresh, and three failures that must not be mixed up."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from ledgerbridge.pleo.credentials import api_key_header, bearer_header, client_header
from ledgerbridge.pleo.oauth import MAX_TRIES, OAuthClient, new_state, new_verifier
from ledgerbridge.pleo.tokens import ClientRejected, TokenEndpointUnavailable, TokenError

from .calls import form, ok

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
CALLBACK = "https://bridge.example/oauth/callback"


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
