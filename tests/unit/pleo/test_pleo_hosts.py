"""Three hosts, three credentials: what one of them is told, no other ever hears (AUTH-017, AUTH-041, EXP-ATT-01)."""

from __future__ import annotations

import base64

import httpx
import pytest
import respx

from ledgerbridge.pleo.downloads import Downloader
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.pleo.oauth import OAuthClient
from ledgerbridge.pleo.transport import PleoClient

from .conftest import CountingBudget, FakeCredential

JOB = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"


@pytest.mark.rule("AUTH-017", "AUTH-031", "AUTH-041")
async def test_each_host_hears_its_own_credential_and_no_other() -> None:
    endpoints = PleoEndpoints("https://auth.staging.pleo.io", "https://external.staging.pleo.io")
    with respx.mock(assert_all_called=True) as pleo:
        token = pleo.post("https://auth.staging.pleo.io/oauth/token").respond(
            json={"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 900}
        )
        items = pleo.get(f"https://external.staging.pleo.io/v3/export-jobs/{JOB}/items").respond(
            json={
                "data": [],
                "pagination": {
                    "hasNextPage": False,
                    "hasPreviousPage": False,
                    "currentRequestPagination": {"parameters": {}},
                },
            }
        )
        receipt = pleo.get("https://files.example/receipt").respond(content=b"%PDF-1.4", content_type="application/pdf")
        async with httpx.AsyncClient() as http, httpx.AsyncClient() as files:
            await OAuthClient(http, endpoints, "client-id", "client-secret").refresh("refresh-1")
            api = ExportApi(PleoClient(http, endpoints, FakeCredential("Bearer access-2"), CountingBudget()))
            assert [page async for page in api.job_items(JOB)] == [()]
            await Downloader(files).fetch("https://files.example/receipt?signature=x")

    basic = base64.b64encode(b"client-id:client-secret").decode()
    assert token.calls.last.request.headers["Authorization"] == f"Basic {basic}"
    assert items.calls.last.request.headers["Authorization"] == "Bearer access-2"
    heard = str(receipt.calls.last.request.headers.raw) + str(items.calls.last.request.headers.raw)
    assert "Authorization" not in receipt.calls.last.request.headers
    for secret in ("client-secret", basic, "refresh-1"):
        assert secret not in heard
