"""A customer's browser connects a company, against a real database and the sandbox."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from sqlalchemy import select

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import (
    activation,
    configuration,
    connect,
    erp_binding,
    sessions,
)
from ledgerbridge.connections.errors import ActivationRefused, ConnectRefused
from ledgerbridge.store.tables import (
    AuditRecord,
    ConnectAttempt,
    Connection,
    Subscription,
)
from pleo_sandbox.config import (
    DEMO_COMPANY_ID,
    ORGANISATION_ID,
    SECOND_COMPANY_ID,
)
from tests.integration.connections.conftest import BROWSER, CONFIG, ERP_SETTINGS, House, Rewriting
from tests.integration.connections.steps import asked, count, held, refusal


@pytest.mark.rule("AUTH-062", "AUTH-063", "AUTH-027")
async def test_a_company_is_connected_and_bound_to_one_row(house: House) -> None:
    outcome = await house.connect()

    row = await house.row(outcome.connection_id)
    assert (outcome.created, outcome.company_id, outcome.company_name) == (True, DEMO_COMPANY_ID, "Demo ApS")
    assert (row.company_id, row.company_name, row.status) == (DEMO_COMPANY_ID, "Demo ApS", "setting_up")
    assert (row.auth_method, row.subject_urn) == ("oauth", f"urn:pleo:company:{DEMO_COMPANY_ID}")
    assert (row.installation_id, row.installation_status) == (house.pleo.installations[0].id, "AUTHORIZED")
    assert set(row.scopes.split()) == set(house.room.settings.pleo_scopes.split())
    assert house.pleo.calls("GET", "/v1/introspect") == house.pleo.calls("GET", "/v1/installations/me") == 1


@pytest.mark.rule("AUTH-061")
async def test_pleo_makes_the_installation_on_the_oauth_route(house: House) -> None:
    await house.connect()

    assert len(house.pleo.installations) == 1
    assert house.pleo.calls("POST", "/v1/installations/me") == 0


@pytest.mark.rule("AUTH-022", "AUTH-023", "AUTH-024", "AUTH-090")
async def test_every_press_of_connect_asks_with_a_state_and_a_challenge_of_its_own(house: House) -> None:
    first, second = [asked(await connect.begin(house.room, BROWSER)) for _ in range(2)]

    assert set(first) == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
    }  # fmt: skip
    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    assert first["scope"] == house.room.settings.pleo_scopes
    assert first["state"] != second["state"]
    assert first["code_challenge"] != second["code_challenge"]


@pytest.mark.rule("AUTH-023", "AUTH-045")
async def test_neither_state_nor_verifier_nor_tokens_are_stored_readable(house: House) -> None:
    url = await connect.begin(house.room, BROWSER)
    async with house.room.db.transaction() as session:
        (attempt,) = await session.scalars(select(ConnectAttempt))
    stored = attempt.state_hash + attempt.browser_hash + attempt.verifier_sealed
    assert asked(url)["state"].encode() not in stored
    assert BROWSER.encode() not in stored

    outcome = await connect.complete(house.room, BROWSER, house.pleo.decide(url))
    row = await house.credential(outcome.connection_id)
    issued = [token.value.encode() for token in house.pleo.running.sandbox.world.tokens._tokens.values()]
    assert len(issued) == 2
    assert not any(token in (row.access_token_sealed or b"") + (row.refresh_token_sealed or b"") for token in issued)
    assert not any(token.decode() in repr(outcome) for token in issued)


@pytest.mark.rule("AUTH-030", "AUTH-016")
async def test_the_code_is_exchanged_with_the_redirect_uri_of_the_authorise_request(house: House) -> None:
    url = await connect.begin(house.room, BROWSER)
    await connect.complete(house.room, BROWSER, house.pleo.decide(url))

    (exchange,) = [one for one in house.pleo.running.sandbox.world.recorder.requests if one.path == "/oauth/token"]
    form = dict(parse_qsl(exchange.body))
    assert (form["grant_type"], form["redirect_uri"]) == ("authorization_code", asked(url)["redirect_uri"])
    assert asked(url)["redirect_uri"] == "http://127.0.0.1:8080/oauth/callback"


@pytest.mark.rule("AUTH-028")
@pytest.mark.parametrize(
    ("params", "browser", "code"),
    [
        ({}, BROWSER, "state_missing"),
        ({"state": "", "code": "x"}, BROWSER, "state_missing"),
        ({"state": "never-given-out", "code": "x"}, BROWSER, "state_unknown"),
    ],
)
async def test_without_our_state_nothing_is_exchanged(
    house: House, params: dict[str, str], browser: str, code: str
) -> None:
    assert (await refusal(house, params, browser)).code == code
    assert house.pleo.token_calls("authorization_code") == 0


@pytest.mark.rule("AUTH-024", "AUTH-028")
@pytest.mark.parametrize("browser", ["another-cookie", "", None])
async def test_another_browser_can_neither_finish_nor_spoil_an_attempt(house: House, browser: str | None) -> None:
    params = house.pleo.decide(await connect.begin(house.room, BROWSER))

    assert (await refusal(house, params, browser)).code == "other_browser"
    assert house.pleo.token_calls("authorization_code") == 0

    assert (await connect.complete(house.room, BROWSER, params)).created


@pytest.mark.rule("AUTH-024", "AUTH-029")
async def test_a_state_works_once_even_when_the_answer_arrives_twice_at_the_same_time(house: House) -> None:
    params = house.pleo.decide(await connect.begin(house.room, BROWSER))

    async with held(house, ConnectAttempt, until_in_line=4):
        answers = [asyncio.create_task(connect.complete(house.room, BROWSER, params)) for _ in range(4)]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)

    refused = [one for one in outcomes if isinstance(one, ConnectRefused)]
    assert [one.code for one in refused] == ["state_used"] * 3
    assert house.pleo.token_calls("authorization_code") == 1
    assert [family.ended_because for family in house.pleo.families] == [None]


@pytest.mark.rule("AUTH-024")
async def test_an_attempt_is_valid_for_ten_minutes(house: House) -> None:
    params = house.pleo.decide(await connect.begin(house.room, BROWSER))
    later = house.with_room(now=lambda: utcnow() + dt.timedelta(minutes=10))

    assert (await refusal(later, params)).code == "state_expired"
    assert house.pleo.token_calls("authorization_code") == 0


@pytest.mark.rule("AUTH-027")
async def test_denied_consent_is_said_in_words_and_uses_the_attempt_up(house: House) -> None:
    params = house.pleo.decide(await connect.begin(house.room, BROWSER), decision="deny")

    said = await refusal(house, params)

    assert said.code == "denied"
    assert all((said.title, said.text, said.what_to_do))
    assert await count(house, Connection) == 0
    assert (await refusal(house, params)).code == "state_used"


@pytest.mark.rule("AUTH-027")
@pytest.mark.parametrize(
    ("error", "shown"), [("server_error", "server_error"), ("<script>alert(1)</script>", "(unreadable)")]
)
async def test_another_error_is_named_but_never_echoed_as_it_came(house: House, error: str, shown: str) -> None:
    url = await connect.begin(house.room, BROWSER)

    said = await refusal(house, {"state": asked(url)["state"], "error": error, "error_description": "free text"})

    assert said.code == "pleo_error"
    assert shown in said.text
    assert "script" not in said.text
    assert "free text" not in said.text


@pytest.mark.rule("AUTH-028")
async def test_a_missing_code_is_a_failure(house: House) -> None:
    url = await connect.begin(house.room, BROWSER)
    assert (await refusal(house, {"state": asked(url)["state"]})).code == "code_missing"


async def test_a_code_pleo_does_not_take_is_refused_in_words(house: House) -> None:
    url = await connect.begin(house.room, BROWSER)
    said = await refusal(house, {"state": asked(url)["state"], "code": "invented"})
    assert said.code == "code_refused"
    assert await count(house, Connection) == 0


@pytest.mark.rule("AUTH-029")
async def test_a_code_whose_answer_was_lost_is_not_sent_again(house: House) -> None:
    house.pleo.fault("drop", "POST", "/oauth/token", after_effect=True)

    assert await house.connect_refused() == "pleo_unreachable"

    assert house.pleo.token_calls("authorization_code") == 1
    assert await count(house, Connection) == 0


@pytest.mark.rule("AUTH-057a")
async def test_our_own_bad_client_secret_is_called_our_fault(make_house: Any) -> None:
    async with make_house(pleo_client_secret="wrong") as house:
        assert await house.connect_refused() == "client_rejected"


@pytest.mark.rule("AUTH-065", "AUTH-064", "VEN-013")
async def test_an_organisation_is_refused(house: House) -> None:
    assert await house.connect_refused(f"urn:pleo:organisation:{ORGANISATION_ID}") == "organisation"
    assert await count(house, Connection) == 0


@pytest.mark.rule("AUTH-062")
async def test_a_credential_and_an_installation_of_different_companies_are_refused(make_house: Any) -> None:
    def other_company(request: httpx.Request, body: Any) -> Any:
        if request.url.path == "/v1/introspect":
            body["data"]["subjectURN"] = f"urn:pleo:company:{SECOND_COMPANY_ID}"
        return body

    async with make_house(transport=Rewriting(other_company)) as house:
        assert await house.connect_refused() == "company_unclear"
        assert await count(house, Connection) == 0


async def test_a_subject_that_pleo_does_not_name_is_taken_from_the_installation(make_house: Any) -> None:
    def silent(request: httpx.Request, body: Any) -> Any:
        if request.url.path == "/v1/introspect":
            del body["data"]["subjectURN"]
        return body

    async with make_house(transport=Rewriting(silent)) as house:
        assert (await house.connect()).company_id == DEMO_COMPANY_ID


@pytest.mark.rule("AUTH-034")
@pytest.mark.parametrize("told_by", ["token", "introspect"])
async def test_a_scope_that_was_not_granted_is_seen_and_stops_activation(make_house: Any, told_by: str) -> None:
    def less(request: httpx.Request, body: Any) -> Any:
        if request.url.path == "/oauth/token":
            body.pop("scope")
            if told_by == "token":
                body["scope"] = "export-jobs:read companies:read"
        if request.url.path == "/v1/introspect" and told_by == "introspect":
            body["data"]["scope"] = "export-jobs:read companies:read"
        return body

    async with make_house(transport=Rewriting(less)) as house:
        outcome = await house.configured()
        assert "export-jobs:write" in outcome.missing_scopes
        with pytest.raises(ActivationRefused, match="export-jobs:write") as caught:
            await activation.activate(house.room, outcome.connection_id, "admin:test")
        assert caught.value.code == "scopes_missing"
        assert house.pleo.calls("POST", "/v1/installations/me:activate") == 0


@pytest.mark.rule("AUTH-026", "EXP-ENT-04", "HOOK-002")
async def test_each_company_of_a_group_gets_a_connection_of_its_own(house: House) -> None:
    one, other = await house.connect(DEMO_COMPANY_ID), await house.connect(SECOND_COMPANY_ID)

    assert one.connection_id != other.connection_id
    async with house.room.db.transaction() as session:
        paths = set(await session.scalars(select(Subscription.path_token_hash)))
    assert len(paths) == 2
    urls = {(one.subject, one.wish.endpoint_url) for one in house.pleo.subscriptions}
    assert len(urls) == 2


async def test_a_failed_subscription_does_not_lose_the_connection(house: House) -> None:
    house.pleo.fault("status", "GET", "/v1/subscriptions", times=6)

    outcome = await house.connect()

    assert outcome.subscribed is False
    assert (await house.row(outcome.connection_id)).status == "setting_up"
    await erp_binding.bind(house.room, outcome.connection_id, "double", ERP_SETTINGS, "admin:test")
    await configuration.put(house.room, outcome.connection_id, CONFIG, "admin:test")
    await activation.activate(house.room, outcome.connection_id, "admin:test")
    assert len(house.pleo.subscriptions) == 1


async def test_the_company_is_connected_even_when_its_name_may_not_be_read(house: House) -> None:
    house.pleo.fault("status", "GET", "/v1/companies/*", status=403)
    assert (await house.connect()).company_name is None


async def test_the_browser_is_signed_in_to_its_connection_for_some_hours(house: House) -> None:
    outcome = await house.connect()
    token = outcome.session.token

    assert await sessions.connection_of(house.room, token) == outcome.connection_id
    assert await sessions.connection_of(house.room, token + "x") is None
    assert await sessions.connection_of(house.room, None) is None
    late = replace(house.room, now=lambda: outcome.session.expires_at)
    assert await sessions.connection_of(late, token) is None


async def test_connecting_is_in_the_audit_log_without_a_secret(house: House) -> None:
    outcome = await house.connect()
    async with house.room.db.transaction() as session:
        (record,) = await session.scalars(select(AuditRecord).where(AuditRecord.action == "connected"))
    assert (record.actor, record.connection_id) == ("customer", outcome.connection_id)
    assert record.detail["company_id"] == DEMO_COMPANY_ID


@pytest.mark.rule("AUTH-091", "AUTH-034")
async def test_without_the_export_scopes_nothing_is_subscribed_and_nothing_goes_live(house: House) -> None:
    assert {"export-jobs:read", "export-jobs:write", "export-items:read", "vendors:read"} <= set(
        house.room.settings.pleo_scopes.split()
    )
    url = await connect.begin(house.room, BROWSER)
    narrow = url.replace("export-jobs%3Aread%20", "").replace("vendors%3Aread%20", "")
    assert narrow != url

    outcome = await connect.complete(house.room, BROWSER, house.pleo.decide(narrow))

    assert set(outcome.missing_scopes) == {"export-jobs:read", "vendors:read"}
    assert outcome.subscribed is False
    assert house.pleo.subscriptions == []
    with pytest.raises(ActivationRefused, match="export-jobs:read"):
        await activation.activate(house.room, outcome.connection_id, "admin:test")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/installations/me", 404, "installation_missing"),
        ("/v1/installations/me", 403, "not_authorised"),
        ("/v1/introspect", 401, "not_authorised"),
        ("/v1/introspect", 503, "pleo_unreachable"),
    ],
)
async def test_a_new_token_that_opens_nothing_connects_nothing(house: House, path: str, status: int, code: str) -> None:
    house.pleo.fault("status", "GET", path, status=status, times=None)
    assert await house.connect_refused() == code
    assert await count(house, Connection) == 0


async def test_an_access_without_a_refresh_token_is_not_connected(make_house: Any) -> None:
    def without(request: httpx.Request, body: Any) -> Any:
        if request.url.path == "/oauth/token":
            del body["refresh_token"]
        return body

    async with make_house(transport=Rewriting(without)) as house:
        assert await house.connect_refused() == "not_authorised"
        assert await count(house, Connection) == 0


@pytest.mark.rule("AUTH-024")
@pytest.mark.parametrize("browser", [BROWSER, "another browser"])
async def test_an_answer_that_was_used_is_told_as_used_to_whoever_brings_it_again(house: House, browser: str) -> None:
    params = house.pleo.decide(await connect.begin(house.room, BROWSER))
    await connect.complete(house.room, BROWSER, params)

    assert (await refusal(house, params, browser)).code == "state_used"
