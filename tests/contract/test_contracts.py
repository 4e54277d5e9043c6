"""The contract checker itself: it lets the published shapes pass and catches what departs from them."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.contracts import (
    ContractBreach,
    ContractTransport,
    operation_for,
    operations,
    recorded_breaches,
    request_breaches,
    response_breaches,
    schema_breaches,
)

JOB = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"
BEARER = {"authorization": "Bearer x"}


def _get(url: str) -> httpx.Request:
    return httpx.Request("GET", f"https://external.pleo.io{url}", headers=BEARER)


def test_every_document_is_read():
    assert {operation.document for operation in operations()} >= {"platform", "export", "companies", "vendors"}


def test_a_literal_path_wins_over_a_template():
    assert operation_for("POST", "/v1/installations/me:activate").template == "/v1/installations/me:activate"
    assert operation_for("GET", f"/v3/export-jobs/{JOB}/items").node["operationId"] == "getExportJobItemsV3"
    assert operation_for("GET", "/v9/export-jobs") is None


def test_a_good_request_has_no_breach():
    assert request_breaches(_get("/v3/export-jobs?statuses=pending&statuses=in_progress&limit=100")) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("/v3/export-jobs?companyId=1", "unknown query parameter companyId"),
        ("/v3/export-jobs?statuses=pending,failed", "parameter statuses"),
        ("/v3/export-jobs?limit=ten", "not an integer"),
        ("/v3/export-jobs?after=abc", "parameter after"),
        ("/v3/export-jobs?after=AB&offset=1", "exclude each other"),
        ("/v3/export-jobs?sorting_keys=createdAt", "differ in length"),
        ("/v3/export-jobs?company_id=5&company_id=6", "repeated"),
        ("/v3/export-jobs/17", "parameter jobId"),
        ("/v3/export-invoices", "in no contract"),
    ],
)
def test_a_bad_address_is_caught(url: str, said: str):
    assert any(said in breach for breach in request_breaches(_get(url)))


def test_a_missing_or_wrong_credential_is_caught():
    bare = httpx.Request("GET", "https://external.pleo.io/v1/introspect")
    assert request_breaches(bare) == ["the credential is missing, not basic or bearer"]
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    bearer = httpx.Request("POST", "https://auth.pleo.io/oauth/token", data=form, headers=BEARER)
    assert request_breaches(bearer) == ["the credential is bearer, not basic"]


@pytest.mark.parametrize(
    "body",
    [
        {"jobId": JOB, "event": "canceled"},
        {"exportJobId": JOB, "event": "started"},
        {"jobId": "1", "event": "started"},
        {"jobId": JOB, "event": "failed", "failureReasonType": "account_unknown"},
        {"jobId": JOB, "event": "failed", "failureReason": None},
        [],
    ],
)
def test_a_bad_body_is_caught(body: object):
    request = httpx.Request("POST", "https://external.pleo.io/v3/export-job-events", json=body, headers=BEARER)
    assert request_breaches(request)


def test_a_body_of_the_wrong_kind_is_caught():
    url = "https://external.pleo.io/v3/export-job-events"
    assert "content type" in request_breaches(httpx.Request("POST", url, data={"a": "b"}, headers=BEARER))[0]
    headers = {**BEARER, "content-type": "application/json"}
    assert "cannot be read" in request_breaches(httpx.Request("POST", url, content=b"{", headers=headers))[0]
    with_body = httpx.Request("GET", "https://external.pleo.io/v1/introspect", json={}, headers=BEARER)
    assert "a body was sent, the contract has none" in request_breaches(with_body)


def test_a_recorded_request_is_checked_alike():
    recorded = {
        "method": "PUT",
        "path": f"/v3/export-jobs/{JOB}/items",
        "query": [],
        "headers": [["authorization", "Bearer"], ["content-type", "application/json;charset=UTF-8"]],
        "body": f'[{{"accountingEntryId": "{JOB}", "status": "successful"}}]',
    }
    assert recorded_breaches(recorded) == []
    assert recorded_breaches({**recorded, "body": '[{"accountingEntryId": "1", "status": "done"}]'})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"data": {"id": JOB}}),
        (418, {"type": "TEAPOT"}),
        (404, {"message": "type is missing"}),
        (403, {"message": "type is missing"}),
    ],
)
def test_a_bad_answer_is_caught(status: int, body: object):
    assert response_breaches(_get(f"/v3/export-jobs/{JOB}"), httpx.Response(status, json=body))


def test_a_body_where_none_belongs_is_caught():
    request = httpx.Request("POST", "https://external.pleo.io/v3/export-job-events", headers=BEARER)
    assert response_breaches(request, httpx.Response(202)) == []
    assert response_breaches(request, httpx.Response(202, json={}))


async def test_the_transport_raises():
    inner = httpx.MockTransport(lambda request: httpx.Response(200, json={"nothing": "published"}))
    async with httpx.AsyncClient(transport=ContractTransport(inner), base_url="https://x", headers=BEARER) as client:
        with pytest.raises(ContractBreach, match="data"):
            await client.get("/v1/introspect")
        with pytest.raises(ContractBreach, match="in no contract"):
            await client.get("/v1/nothing")


def test_a_schema_can_be_asked_for_by_name():
    assert schema_breaches("export", "/components/schemas/ExceptionInfo", {"type": "X"}) == []
    assert schema_breaches("export", "/components/schemas/ExceptionInfo", {})
