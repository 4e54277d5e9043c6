"""The sandbox's driver for tests of other rooms: every word of it does what it says on a served sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig
from pleo_sandbox.server import running
from tests.support.sandbox import SandboxPleo


@pytest.fixture
def pleo() -> Iterator[SandboxPleo]:
    with running(SandboxConfig()) as served, httpx.Client(timeout=30) as http:
        yield SandboxPleo(served.url, served, http)


def test_master_data_goes_in_and_comes_back(pleo: SandboxPleo):
    pleo.put("accounts", {"externalId": "1", "name": "One"}, generate=1)
    pleo.put_groups({"code": "CC", "generate": 2})
    draft = pleo.draft_vendor("Nordlys", country="DK")
    pleo.change_vendor(draft, "ARCHIVED", name="By hand")
    pleo.categories(Travel="1")
    found = pleo.master_data()
    assert [len(found[kind]) for kind in ("accounts", "tag_groups", "vendors", "employees")] == [2, 1, 1, 3]
    assert (found["vendors"][0]["name"], found["vendors"][0]["state"]) == ("By hand", "ARCHIVED")
    assert found["categories"] == {"Travel": "1"}


def test_choices_limits_and_calls(pleo: SandboxPleo):
    pleo.choose(page_cap=5)
    pleo.limit(1, minute_seconds=600)
    key = pleo.control("POST", "/api-keys", company_id=DEMO_COMPANY_ID)["key"]
    body = {"companyId": DEMO_COMPANY_ID, "name": "x", "defaultCurrency": "DKK"}
    for _ in range(2):
        pleo.http.post(f"{pleo.url}/v1/vendors", json=body, auth=(key, ""))
    pleo.http.post(f"{pleo.url}/v1/vendors:search", auth=(key, ""))
    calls = pleo.calls()
    assert (calls["total"], calls["refused"], calls["busiest"]) == (3, 2, 3)
    assert pleo.writes() == {"POST /v1/vendors": 2}
    assert pleo.counts()["POST /v1/vendors:search"] == 1
    pleo.forget_requests()
    assert (pleo.counts(), pleo.calls()["total"]) == ({}, 0)


def test_items_are_exported_with_vendors(pleo: SandboxPleo):
    (vendor,) = pleo.put("vendors", generate=1)
    item = {"type": "refund", "vendor_id": vendor["id"], "lines": [{"net": 100, "account": "5.1.1"}]}
    job = pleo.export_items(item)
    assert (job["numberOfItems"], job["vendorBasedBookkeeping"]) == (1, True)
