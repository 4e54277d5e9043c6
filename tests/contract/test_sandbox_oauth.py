"""OAuth in the sandbox: consent, PKCE, single-use codes, rotating refresh tokens, client authentication."""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx
import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, ORGANISATION_ID, SECOND_COMPANY_ID
from pleo_sandbox.core.authorise import challenge_of
from tests.contract.desk import Desk


def _location(answer: httpx.Response) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def _error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_the_published_pkce_vector():
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


async def test_a_person_allows_in_the_browser(desk: Desk):
    shown = await desk.control.get("/oauth/authorize", params=desk.authorise_query())
    assert shown.status_code == 200
    assert "Demo ApS" in shown.text
    assert "export-jobs:write" in shown.text
    request_id = re.search(r'name="request_id" value="([^"]+)"', shown.text).group(1)
    form = {"request_id": request_id, "subject": f"urn:pleo:company:{SECOND_COMPANY_ID}", "decision": "allow"}
    back = await desk.control.post("/oauth/authorize", data=form)
    assert back.status_code == 303
    assert back.headers["location"].startswith(desk.client.redirect_uris[0] + "?")
    assert _location(back)["state"] == "state-1"
    pair = (await desk.exchange(_location(back)["code"])).json()
    desk.use(pair["access_token"])
    subject = (await desk.pleo.get("/v1/introspect")).json()["data"]["subjectURN"]
    assert subject == f"urn:pleo:company:{SECOND_COMPANY_ID}"
    again = await desk.control.post("/oauth/authorize", data=form)
    assert again.status_code == 400


async def test_a_person_denies_in_the_browser(desk: Desk):
    shown = await desk.control.get("/oauth/authorize", params=desk.authorise_query())
    request_id = re.search(r'name="request_id" value="([^"]+)"', shown.text).group(1)
    back = await desk.control.post("/oauth/authorize", data={"request_id": request_id, "decision": "deny"})
    assert _location(back) == {
        "error": "access_denied",
        "error_description": "The user denied access",
        "state": "state-1",
    }


async def test_a_company_that_is_not_offered_cannot_be_chosen(desk: Desk):
    shown = await desk.control.get("/oauth/authorize", params=desk.authorise_query())
    request_id = re.search(r'name="request_id" value="([^"]+)"', shown.text).group(1)
    form = {"request_id": request_id, "subject": "urn:pleo:company:" + "0" * 36, "decision": "allow"}
    assert (await desk.control.post("/oauth/authorize", data=form)).status_code == 400


async def test_a_form_from_another_site_is_refused(desk: Desk):
    answer = await desk.control.post("/oauth/authorize", data={}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403


@pytest.mark.parametrize("changes", [{"client_id": "other"}, {"client_id": None}])
async def test_an_unknown_client_is_not_sent_back(desk: Desk, changes: dict[str, str | None]):
    answer = await desk.control.get("/oauth/authorize", params=desk.authorise_query(**changes))
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("tail", ["/", "?x=1", "#x", "%2F"])
async def test_the_redirect_uri_must_match_byte_for_byte(desk: Desk, tail: str):
    uri = desk.client.redirect_uris[0] + tail
    answer = await desk.control.get("/oauth/authorize", params=desk.authorise_query(redirect_uri=uri))
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "everything:write"}, "invalid_scope"),
        ({"scope": "users:read  users:write"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "=" * 43}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"urn_pleo_params_oauth_subject": "urn:pleo:person:1"}, "invalid_request"),
    ],
)
async def test_other_faults_are_told_to_the_client(desk: Desk, changes: dict[str, str | None], error: str):
    answer = await desk.control.get("/oauth/authorize", params=desk.authorise_query(**changes))
    assert answer.status_code == 302
    assert _location(answer)["error"] == error
    assert _location(answer).get("state") == ("state-1" if "state" not in changes else None)


async def test_an_unpublished_parameter_is_let_pass_with_a_remark(desk: Desk):
    query = {**desk.authorise_query(), "prompt": "login"}
    assert (await desk.control.get("/oauth/authorize", params=query)).status_code == 200
    assert await desk.remarks() == ["unknown_authorise_parameter"]


async def test_a_repeated_parameter_is_refused(desk: Desk):
    query = [*desk.authorise_query().items(), ("state", "state-2")]
    answer = await desk.control.get("/oauth/authorize", params=query)
    assert _location(answer)["error"] == "invalid_request"


async def test_a_code_works_once_and_a_second_use_ends_what_it_issued(desk: Desk):
    back = await desk.consent()
    first = await desk.exchange(back["code"])
    assert first.json()["token_type"] == "Bearer"
    assert first.headers["cache-control"] == "no-store"
    desk.use(first.json()["access_token"])
    assert (await desk.pleo.get("/v1/introspect")).status_code == 200
    assert _error(await desk.exchange(back["code"])) == (400, "invalid_grant")
    assert (await desk.pleo.get("/v1/introspect")).status_code == 401
    assert _error(await desk.refresh(first.json()["refresh_token"])) == (400, "invalid_grant")


async def test_a_code_lives_for_a_minute(desk: Desk):
    back = await desk.consent()
    await desk.control.post("/sandbox/clock", json={"seconds": 60})
    assert _error(await desk.exchange(back["code"])) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"redirect_uri": "http://localhost:8080/oauth/callback"},
    ],
)
async def test_a_failed_exchange_uses_the_code_up(desk: Desk, changes: dict[str, str]):
    back = await desk.consent()
    assert _error(await desk.exchange(back["code"], **changes)) == (400, "invalid_grant")
    assert _error(await desk.exchange(back["code"])) == (400, "invalid_grant")


async def test_an_unknown_code_is_refused(desk: Desk):
    assert _error(await desk.exchange("made-up")) == (400, "invalid_grant")


async def test_a_refresh_replaces_both_tokens_at_once(desk: Desk):
    old = await desk.connect()
    new = (await desk.refresh(old["refresh_token"])).json()
    assert new["access_token"] != old["access_token"]
    assert (await desk.pleo.get("/v1/introspect")).status_code == 401
    desk.use(new["access_token"])
    assert (await desk.pleo.get("/v1/introspect")).status_code == 200


async def test_a_spent_refresh_token_ends_the_family(desk: Desk):
    first = await desk.connect()
    second = (await desk.refresh(first["refresh_token"])).json()
    assert _error(await desk.refresh(first["refresh_token"])) == (400, "invalid_grant")
    desk.use(second["access_token"])
    assert (await desk.pleo.get("/v1/introspect")).status_code == 401
    assert _error(await desk.refresh(second["refresh_token"])) == (400, "invalid_grant")


async def test_another_authorisation_survives_the_end_of_a_family(desk: Desk):
    other = await desk.connect(SECOND_COMPANY_ID)
    first = await desk.connect()
    await desk.refresh(first["refresh_token"])
    await desk.refresh(first["refresh_token"])
    desk.use(other["access_token"])
    assert (await desk.pleo.get("/v1/introspect")).status_code == 200


async def test_access_tokens_expire_and_refresh_tokens_outlive_them(desk: Desk):
    pair = await desk.connect()
    await desk.control.post("/sandbox/clock", json={"seconds": pair["expires_in"]})
    assert (await desk.pleo.get("/v1/introspect")).status_code == 401
    assert (await desk.refresh(pair["refresh_token"])).status_code == 200


async def test_an_expired_refresh_token_ends_the_family(desk: Desk):
    pair = await desk.connect()
    await desk.control.post("/sandbox/clock", json={"seconds": 60 * 86400})
    assert _error(await desk.refresh(pair["refresh_token"])) == (400, "invalid_grant")
    assert (await desk.control.get("/sandbox/tokens")).json()[0]["alive"] is False


async def test_tokens_promise_no_length(desk: Desk):
    lengths = set()
    for _ in range(6):
        pair = await desk.connect()
        lengths |= {len(pair["access_token"]), len(pair["refresh_token"])}
    assert len(lengths) > 3


async def test_a_refresh_token_is_no_access_token(desk: Desk):
    pair = await desk.connect()
    desk.use(pair["refresh_token"])
    assert (await desk.pleo.get("/v1/introspect")).status_code == 401
    assert _error(await desk.refresh(pair["access_token"])) == (400, "invalid_grant")


def _plain_basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def test_the_published_basic_vector(desk: Desk):
    await desk.control.post("/sandbox/clients", json={"client_id": "s6BhdRkqt3", "client_secret": "gX1fBat3bV"})
    header = {"authorization": "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"}
    answer = await desk.pleo.post("/oauth/token/introspect", data={"token": "x"}, headers=header)
    assert answer.json() == {"active": False}


async def test_the_client_must_authenticate(desk: Desk):
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    config = desk.client
    bad = [
        {},
        {"authorization": "Bearer x"},
        {"authorization": "Basic !"},
        _plain_basic(config.client_id, config.client_secret),
        desk.basic(secret="wrong"),
        desk.basic(client_id="unknown"),
    ]
    for headers in bad:
        answer = await desk.raw.post("/oauth/token", data=form, headers=headers)
        assert _error(answer) == (401, "invalid_client"), headers
        assert answer.headers["www-authenticate"].startswith("Basic")
    in_body = {**form, "client_id": config.client_id, "client_secret": config.client_secret}
    assert _error(await desk.raw.post("/oauth/token", data=in_body)) == (401, "invalid_client")
    twice = await desk.raw.post("/oauth/token", data=in_body, headers=desk.basic())
    assert _error(twice) == (400, "invalid_request")


async def test_a_rotated_client_secret_replaces_the_old_one(desk: Desk):
    pair = await desk.connect()
    new = (await desk.control.post(f"/sandbox/clients/{desk.client.client_id}/rotate-secret")).json()["client_secret"]
    assert _error(await desk.refresh(pair["refresh_token"])) == (401, "invalid_client")
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert (await desk.pleo.post("/oauth/token", data=form, headers=desk.basic(secret=new))).status_code == 200


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"grant_type=password&username=a", "unsupported_grant_type"),
        (b"grant_type=refresh_token", "invalid_request"),
        (b"grant_type=refresh_token&grant_type=refresh_token&refresh_token=x", "invalid_request"),
        (b"grant_type=authorization_code&code=x", "invalid_request"),
        (b"", "invalid_request"),
        (b"\xff\xfe", "invalid_request"),
    ],
)
async def test_bad_grants_are_refused(desk: Desk, body: bytes, error: str):
    headers = {**desk.basic(), "content-type": "application/x-www-form-urlencoded"}
    assert _error(await desk.raw.post("/oauth/token", content=body, headers=headers)) == (400, error)


async def test_a_json_body_is_no_form(desk: Desk):
    answer = await desk.raw.post("/oauth/token", json={"grant_type": "refresh_token"}, headers=desk.basic())
    assert _error(answer) == (400, "invalid_request")


async def test_a_code_belongs_to_its_client(desk: Desk):
    await desk.control.post("/sandbox/clients", json={"client_id": "other", "client_secret": "other"})
    back = await desk.consent()
    form = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "redirect_uri": desk.client.redirect_uris[0],
        "code_verifier": "v" * 43,
    }
    stolen = await desk.pleo.post("/oauth/token", data=form, headers=desk.basic("other", "other"))
    assert _error(stolen) == (400, "invalid_grant")
    assert (await desk.exchange(back["code"])).status_code == 200


async def test_introspection_describes_a_token_to_its_client_only(desk: Desk):
    pair = await desk.connect()
    form = {"token": pair["access_token"], "token_type_hint": "access_token"}
    found = (await desk.pleo.post("/oauth/token/introspect", data=form, headers=desk.basic())).json()
    assert found["active"] is True
    assert found["sub"] == DEMO_COMPANY_ID
    assert found["urn:pleo:params:oauth:subject_urn"] == f"urn:pleo:company:{DEMO_COMPANY_ID}"
    assert found["exp"] - found["iat"] == pair["expires_in"]
    await desk.control.post("/sandbox/clients", json={"client_id": "other", "client_secret": "other"})
    hidden = await desk.pleo.post("/oauth/token/introspect", data=form, headers=desk.basic("other", "other"))
    assert hidden.json() == {"active": False}
    await desk.refresh(pair["refresh_token"])
    spent = await desk.pleo.post("/oauth/token/introspect", data=form, headers=desk.basic())
    assert spent.json() == {"active": False}


async def test_an_organisation_can_be_the_subject(desk: Desk):
    await desk.connect(f"urn:pleo:organisation:{ORGANISATION_ID}")
    details = (await desk.pleo.get("/v1/introspect")).json()["data"]
    assert details["subjectURN"] == f"urn:pleo:organisation:{ORGANISATION_ID}"


async def test_registration_refuses_what_pleo_would(desk: Desk):
    for uri in ("http://bridge.example/callback", "https://*.example/callback", "https://bridge.example/#x"):
        answer = await desk.control.post("/sandbox/clients", json={"client_id": "new", "redirect_uris": [uri]})
        assert answer.status_code == 400, uri
    odd = quote_plus(desk.client.client_secret)
    assert odd != desk.client.client_secret, "the default secret must show whether clients form-encode it"
