"""Our installation, who we are, and whose company it is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ledgerbridge.pleo import errors
from ledgerbridge.pleo.companies import company_name
from ledgerbridge.pleo.installations import Installation, InstallationsApi
from ledgerbridge.pleo.introspect import ExternalClient, NotOneCompany, company_of, introspect, missing_scopes
from ledgerbridge.pleo.models import read
from ledgerbridge.pleo.subject import Subject, parse_urn


def ok(body: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


@pytest.mark.rule("AUTH-062", "AUTH-060")
async def test_the_installation_is_a_bare_object(stage, sample) -> None:
    body = sample.installation(errorCode="NEW_CODE", status="SOMETHING_NEW")
    sample.check_answer("GET", "/v1/installations/me", 200, sample.installation())
    stage.answers(ok(body))
    installation = await InstallationsApi(stage.client).get()
    assert (installation.resource, installation.status, installation.error_code) == (
        sample.urn,
        "SOMETHING_NEW",
        "NEW_CODE",
    )
    assert stage.requests[0].url.query == b""


@pytest.mark.rule("AUTH-065")
async def test_the_installation_can_be_narrowed_to_one_company(stage, sample) -> None:
    stage.answers(ok([sample.installation()]))
    assert (await InstallationsApi(stage.client).get(sample.company)).resource == sample.urn
    assert stage.requests[0].url.params["company_id"] == sample.company


@pytest.mark.parametrize(("count", "error"), [(0, errors.NotFound), (2, errors.UnreadableAnswer)])
async def test_a_list_is_tolerated_only_when_it_names_one(stage, sample, count, error) -> None:
    stage.answers(ok([sample.installation()] * count))
    with pytest.raises(error):
        await InstallationsApi(stage.client).get()


@pytest.mark.rule("AUTH-071")
async def test_activation_is_a_post_without_body(stage, sample) -> None:
    stage.answers(ok(sample.installation(status="ACTIVATED")))
    assert (await InstallationsApi(stage.client).activate()).status == "ACTIVATED"
    (request,) = stage.requests
    assert (request.method, request.url.raw_path) == ("POST", b"/v1/installations/me:activate")
    assert request.content == b""
    assert "Content-Type" not in request.headers


@pytest.mark.rule("AUTH-071")
@pytest.mark.parametrize(
    ("status", "awaits", "works"),
    [
        ("AUTHORIZED", True, True),
        ("PENDING_INTEGRATION", True, True),
        ("ACTIVATED", False, True),
        ("INACTIVE", False, False),
        ("ERROR", False, False),
    ],
)
def test_what_a_status_asks_for(sample, status, awaits, works) -> None:
    installation = read(Installation, sample.installation(status=status), "op")
    assert (installation.awaits_activation, installation.works) == (awaits, works)


@pytest.mark.rule("AUTH-072")
async def test_an_update_always_carries_the_status(stage, sample) -> None:
    stage.answers(ok(sample.installation()), ok(sample.installation()))
    api = InstallationsApi(stage.client)
    await api.update("PENDING_INTEGRATION")
    await api.update("ERROR", error_code="AUTH_ERROR", metadata={"tenant": "t1"})
    assert [request.url.path for request in stage.requests] == ["/v1/installations/me"] * 2
    assert stage.bodies == [
        {"status": "PENDING_INTEGRATION"},
        {"status": "ERROR", "errorCode": "AUTH_ERROR", "metadata": {"tenant": "t1"}},
    ]


@pytest.mark.rule("AUTH-102")
async def test_the_api_key_route_creates_its_installation(stage, sample) -> None:
    stage.answers(ok(sample.installation()), ok(sample.installation()))
    api = InstallationsApi(stage.client)
    await api.create()
    await api.create(status="PENDING_INTEGRATION", metadata={"tenant": "t1"})
    assert stage.bodies == [{}, {"status": "PENDING_INTEGRATION", "metadata": {"tenant": "t1"}}]


@pytest.mark.parametrize("answers", [[204], [404], [502, 204]])
async def test_uninstalling_takes_404_as_done_and_retries_502(stage, answers) -> None:
    stage.answers(*(httpx.Response(status) for status in answers))
    await InstallationsApi(stage.client).delete()
    assert stage.requests[-1].method == "DELETE"


# ------------------------------------------------------------------ who are we


def client_body(**members: Any) -> dict[str, Any]:
    return {"data": {"authMethod": "OAUTH2", "clientId": "c", "scope": "export-jobs:read users:read", **members}}


@pytest.mark.rule("AUTH-062")
async def test_introspection_stands_inside_data(stage, sample) -> None:
    body = client_body(subjectURN=sample.urn)
    sample.check_answer("GET", "/v1/introspect", 200, body)
    stage.answers(ok(body))
    client = await introspect(stage.client)
    assert (client.auth_method, client.subject) == ("OAUTH2", Subject("company", sample.company))
    assert client.scopes == {"export-jobs:read", "users:read"}


async def test_a_bare_introspection_is_not_guessed_at(stage) -> None:
    stage.answers(ok(client_body()["data"]))
    with pytest.raises(errors.UnreadableAnswer):
        await introspect(stage.client)


@pytest.mark.rule("AUTH-034")
def test_missing_scopes_are_named() -> None:
    assert missing_scopes("a:read b:write  c:read", "c:read a:read z:read") == ("b:write",)
    assert missing_scopes("a:read", "a:read") == ()


def bound(sample, subject: str | None, resource: str) -> str:
    client = read(ExternalClient, client_body(subjectURN=subject)["data"], "op")
    return company_of(client, read(Installation, sample.installation(resource=resource), "op"))


@pytest.mark.rule("AUTH-062")
def test_subject_and_resource_name_one_company(sample) -> None:
    assert bound(sample, sample.urn, sample.urn) == sample.company
    assert (
        bound(sample, sample.urn.upper().replace("URN:PLEO:COMPANY", "urn:pleo:company"), sample.urn) == sample.company
    )
    assert bound(sample, None, sample.urn) == sample.company


@pytest.mark.rule("AUTH-060", "AUTH-062", "AUTH-065")
@pytest.mark.parametrize(
    ("subject", "resource", "reason"),
    [
        ("urn:pleo:company:00000000-0000-0000-0000-000000000001", "company", "mismatch"),
        ("urn:pleo:organisation:b5fdaec1-1b43-4b62-996a-b0471c3bb336", "company", "mismatch"),
        ("nonsense", "company", "mismatch"),
        (None, "organisation", "organisation"),
        (None, "team", "not_a_company"),
        (None, "nonsense of", "unnamed"),
    ],
)
def test_anything_but_one_company_is_not_bound(sample, subject, resource, reason) -> None:
    with pytest.raises(NotOneCompany) as caught:
        bound(sample, subject, f"urn:pleo:{resource}:{sample.company}")
    assert caught.value.reason == reason


def test_urns() -> None:
    assert parse_urn(None) is None
    assert parse_urn("urn:pleo:company:x") is None


# ------------------------------------------------------------------ the company's name


async def test_the_company_name(stage, sample) -> None:
    stage.answers(ok({"data": {"id": sample.company, "name": " Ada ApS ", "address": {}}}))
    assert await company_name(stage.client, sample.company) == "Ada ApS"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(200, json={"data": {"name": " "}}),
        httpx.Response(200, json=[]),
    ],
)
async def test_a_name_we_may_not_see_is_no_error(stage, sample, answer) -> None:
    stage.answers(httpx.Response(answer.status_code, content=answer.content))
    assert await company_name(stage.client, sample.company) is None
