"""Vendors in the sandbox: states, clashes, search, events, and the switches for what Pleo leaves unsaid."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from pleo_sandbox.app import create_app
from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID, SandboxConfig
from tests.contract.contracts import schema_breaches
from tests.contract.desk import Desk

COMPANY = {"company_id": DEMO_COMPANY_ID}
EVENT = "/components/schemas/VendorCreatedEvent"


async def _search(desk: Desk, **body: Any) -> list[str]:
    answer = await desk.pleo.post("/v1/vendors:search", params=COMPANY, json=body)
    assert answer.status_code == 200, answer.text
    return [vendor["name"] for vendor in answer.json()["data"]]


async def _read(desk: Desk, vendor: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = (await desk.pleo.get(f"/v1/vendors/{vendor['id']}")).json()["data"]
    return read


@pytest.mark.parametrize(
    ("decided_by", "given", "state"),
    [
        ("external_id", {}, "DRAFT"),
        ("external_id", {"code": "V1"}, "DRAFT"),
        ("external_id", {"externalId": "1"}, "ACTIVE"),
        ("code", {"externalId": "1"}, "DRAFT"),
        ("code", {"code": "V1"}, "ACTIVE"),
    ],
)
async def test_the_identifier_decides_the_state(connected: Desk, decided_by: str, given: dict[str, str], state: str):
    await connected.choose(vendor_active_by=decided_by)
    assert (await connected.vendor(**given))["state"] == state


async def test_members_without_a_value_are_left_out(connected: Desk):
    vendor = await connected.vendor()
    assert set(vendor) == {"id", "companyId", "name", "defaultCurrency", "state", "createdAt", "updatedAt"}


async def test_a_known_external_id_is_409_and_a_known_code_only_when_switched(connected: Desk):
    await connected.vendor(externalId="1", code="V1")
    body = {"companyId": DEMO_COMPANY_ID, "name": "x", "defaultCurrency": "DKK"}

    async def status(**given: str) -> int:
        return (await connected.pleo.post("/v1/vendors", json={**body, **given})).status_code

    assert await status(externalId="1") == 409
    assert await status(externalId="2", code="V1") == 201
    await connected.choose(vendor_conflict_by="code")
    assert await status(externalId="1", code="V1") == 409
    assert await status(externalId="1", code="V9") == 201


async def test_a_draft_becomes_active_with_the_erps_identifiers_once(connected: Desk):
    vendor = await connected.vendor()
    at = f"/v1/vendors/{vendor['id']}"
    assert (await connected.pleo.post(f"{at}:activate", json={"externalId": "7", "code": "V7"})).status_code == 204
    active = await _read(connected, vendor)
    assert (active["state"], active["externalId"], active["code"]) == ("ACTIVE", "7", "V7")
    assert (await connected.pleo.post(f"{at}:activate", json={"externalId": "8"})).status_code == 204
    assert (await _read(connected, vendor))["externalId"] == "7"
    for _ in range(2):
        assert (await connected.pleo.post(f"{at}:archive")).status_code == 204
    assert (await _read(connected, vendor))["state"] == "ARCHIVED"
    assert (await connected.pleo.post(f"{at}:activate", json={"externalId": "7"})).status_code == 204
    back = await _read(connected, vendor)
    assert (back["state"], back["code"]) == ("ACTIVE", "V7")
    assert await connected.remarks() == ["vendor_activated_again", "vendor_archived_again"]


async def test_an_activation_with_another_vendors_identifier_is_refused(connected: Desk):
    await connected.vendor(externalId="1")
    draft = await connected.vendor()
    at = f"/v1/vendors/{draft['id']}:activate"
    assert (await connected.pleo.post(at, json={"externalId": "1"})).status_code == 400
    for bad in ({}, {"externalId": ""}, {"externalId": None}, {"externalId": "2", "code": 2}):
        assert (await connected.raw.post(at, json=bad)).status_code == 400
    assert (await _read(connected, draft))["state"] == "DRAFT"


async def test_a_put_clears_what_it_leaves_out_unless_switched(connected: Desk):
    vendor = await connected.vendor(externalId="1", code="V1", country="DK", taxRegistrationNumber="DK1")
    body = {"companyId": DEMO_COMPANY_ID, "name": "New", "defaultCurrency": "EUR", "externalId": "2", "state": "DRAFT"}
    at = f"/v1/vendors/{vendor['id']}"
    await connected.choose(put_omitted="kept")
    kept = (await connected.pleo.put(at, json=body)).json()["data"]
    assert (kept["code"], kept["country"], kept["externalId"], kept["state"]) == ("V1", "DK", "2", "DRAFT")
    await connected.choose(put_omitted="cleared")
    cleared = (await connected.pleo.put(at, json=body)).json()["data"]
    assert {"code", "country", "taxRegistrationNumber"} & set(cleared) == set()
    for name in body:
        short = {key: value for key, value in body.items() if key != name}
        assert (await connected.raw.put(at, json=short)).status_code == 400
    assert (await connected.raw.put(at, json={**body, "companyId": SECOND_COMPANY_ID})).status_code == 400


async def test_search_takes_values_as_alternatives_and_filters_together(connected: Desk):
    await connected.put(
        "vendors",
        items=[
            {"name": "Alpha", "code": "1", "externalId": "a", "country": "DK", "state": "ACTIVE"},
            {"name": "Beta", "code": "2", "taxRegistrationNumber": "DK2", "accountingSystem": "tryton"},
            {"name": "Alphabet", "code": "3", "country": "SE", "state": "ARCHIVED"},
        ],
    )
    assert await _search(connected) == ["Alpha", "Beta", "Alphabet"]
    await connected.choose(vendor_search_default="not_archived")
    assert await _search(connected) == ["Alpha", "Beta"]
    assert await _search(connected, states=["DRAFT", "ARCHIVED"]) == ["Beta", "Alphabet"]
    everything = ["DRAFT", "ACTIVE", "ARCHIVED"]
    assert await _search(connected, name="ALPHA", states=everything) == ["Alpha", "Alphabet"]
    assert await _search(connected, codes=["1", "2"], countries=["DK", "SE"]) == ["Alpha"]
    assert await _search(connected, externalIds=["a", "A"]) == ["Alpha"]
    assert await _search(connected, taxRegistrationNumbers=["DK2"], accountingSystems=["tryton"]) == ["Beta"]
    assert await _search(connected, codes=[], name="beta") == ["Beta"]
    without_body = await connected.pleo.post("/v1/vendors:search", params=COMPANY)
    assert len(without_body.json()["data"]) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"codes": ["x"] * 101},
        {"ids": ["x"]},
        {"states": ["ACTIVE"] * 5},
        {"states": ["GONE"]},
        {"countries": ["EL"]},
        {"name": None},
        {"externalIds": "1"},
    ],
    ids=str,
)
async def test_a_bad_search_is_refused(connected: Desk, body: dict[str, Any]):
    assert (await connected.raw.post("/v1/vendors:search", params=COMPANY, json=body)).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": None},
        {"defaultCurrency": "dkk"},
        {"defaultCurrency": "KR"},
        {"country": "EL"},
        {"code": None},
        {"externalId": 5},
        {"companyId": "x"},
    ],
    ids=str,
)
async def test_a_bad_vendor_is_refused(connected: Desk, change: dict[str, Any]):
    body = {"companyId": DEMO_COMPANY_ID, "name": "x", "defaultCurrency": "DKK", **change}
    assert (await connected.raw.post("/v1/vendors", json=body)).status_code == 400


async def test_companies_do_not_see_each_others_vendors(connected: Desk):
    vendor = await connected.vendor(externalId="1")
    assert (await connected.raw.post("/v1/vendors:search", json={})).status_code == 400
    await connected.connect(SECOND_COMPANY_ID)
    assert (await connected.pleo.get(f"/v1/vendors/{vendor['id']}")).status_code == 404
    assert (await connected.pleo.post(f"/v1/vendors/{vendor['id']}:archive")).status_code == 404
    assert (await connected.pleo.post("/v1/vendors:search", params=COMPANY, json={})).status_code == 404
    body = {"companyId": DEMO_COMPANY_ID, "name": "x", "defaultCurrency": "DKK"}
    assert (await connected.pleo.post("/v1/vendors", json=body)).status_code == 404


async def test_a_person_can_change_a_vendor_inside_pleo(connected: Desk):
    vendor = await connected.vendor(externalId="1")
    at = f"/sandbox/vendors/{vendor['id']}"
    changed = await connected.control.put(at, json={"changes": {"name": "By hand"}, "state": "ARCHIVED"})
    assert (changed.json()["name"], changed.json()["state"]) == ("By hand", "ARCHIVED")
    assert (await connected.control.put(at, json={"changes": {"nmae": "x"}})).status_code == 400


# ---------------------------------------------------------------- events


@pytest.fixture
async def told() -> AsyncIterator[tuple[Desk, list[dict[str, Any]]]]:
    """The demo company connected and subscribed to vendors, with the bodies of what was delivered."""
    got: list[dict[str, Any]] = []

    async def receive(request: httpx.Request) -> httpx.Response:
        got.append(json.loads(request.content))
        return httpx.Response(202)

    transport = httpx.MockTransport(receive)
    desk = Desk(create_app(SandboxConfig(webhook_retry_seconds=(0,)), webhook_transport=transport))
    await desk.connect()
    wish = {"endpointUrl": "https://bridge.example/hook", "eventTypes": ["v1.vendor.created"]}
    assert (await desk.pleo.post("/v1/subscriptions", json=wish)).status_code == 200
    yield desk, got
    await desk.close()


@pytest.mark.parametrize(("choice", "names"), [("draft", ["Draft"]), ("always", ["Draft", "Active"]), ("never", [])])
async def test_a_creation_through_the_api_is_announced_as_switched(
    told: tuple[Desk, list[dict[str, Any]]], choice: str, names: list[str]
):
    desk, got = told
    await desk.choose(vendor_event=choice)
    await desk.vendor("Draft")
    await desk.vendor("Active", externalId="1")
    await desk.sandbox.dispatcher.settle()
    assert [event["data"]["name"] for event in got] == names
    assert [schema_breaches("vendors", EVENT, event) for event in got] == [[] for _ in names]


async def test_the_event_is_the_published_sample(told: tuple[Desk, list[dict[str, Any]]]):
    desk, got = told
    await desk.vendor("Draft", country="DK")
    await desk.sandbox.dispatcher.settle()
    (event,) = got
    assert set(event) == {"data", "eventType", "eventId"}
    data = event["data"]
    assert "externalId" not in data
    assert (data["registrationNumber"], data["code"], data["deletedAt"]) == ("", None, None)
    assert len(data["createdAt"]) == len("2025-02-21T10:05:43.530450712Z")


async def test_the_event_can_be_wrapped_repeated_and_lost(told: tuple[Desk, list[dict[str, Any]]]):
    desk, got = told
    await desk.choose(vendor_event_wrapped=True)
    (made,) = await desk.put("vendors", items=[{"name": "By an employee"}], announce=True)
    await desk.sandbox.dispatcher.settle()
    await desk.fault("lose_webhook")
    await desk.control.post(f"/sandbox/vendors/{made['id']}/announce")
    await desk.sandbox.dispatcher.settle()
    await desk.fault("duplicate_webhook", event_type="v1.vendor.created")
    await desk.control.post(f"/sandbox/vendors/{made['id']}/announce")
    await desk.sandbox.dispatcher.settle()
    assert [list(event) for event in got] == [["payload"]] * 3
    ids = [event["payload"]["eventId"] for event in got]
    assert (len(set(ids)), ids[1]) == (2, ids[2])
