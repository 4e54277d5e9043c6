"""Every operation of the master-data contracts is there, asks for its scope, and gives every published answer."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, ORGANISATION_ID, SECOND_COMPANY_ID
from tests.contract.contracts import GENERIC_STATUSES, Operation, operations
from tests.contract.desk import Desk

DOCUMENTS = ("tags", "accounts", "tax-codes", "vendors", "companies")
NOBODY = "b4c4d068-ebbe-45b7-b562-2f16f0deb8b9"
COMPANY = {"company_id": DEMO_COMPANY_ID}
OPERATIONS = sorted((o for o in operations() if o.document in DOCUMENTS), key=lambda o: o.name)
READS = ("/v0/aggregations/tags", "/v0/tags:search", "/v0/tax-codes:search", "/v0/tax-codes:calculate-tax-amounts")
FLAGS = {"excludeIfAssignedToCategory": False, "excludeIfAssignedToContraAccount": False}


def _scope(operation: Operation) -> str:
    published = operation.node.get("x-required-scope")
    if published:
        return str(published)
    family = "tag-groups" if operation.document == "tags" else operation.document
    reads = operation.method == "GET" or operation.template in READS
    return f"{family}:{'read' if reads else 'write'}"


def _path(operation: Operation) -> str:
    return re.sub(r"\{\w+\}", NOBODY, operation.template)


def _by_name(operation: Operation) -> str:
    return operation.name


def test_all_operations_are_counted():
    assert len(OPERATIONS) == 49


@pytest.mark.parametrize("operation", OPERATIONS, ids=_by_name)
async def test_a_call_needs_a_credential_and_its_scope(desk: Desk, operation: Operation):
    scope = _scope(operation)
    assert (await desk.raw.request(operation.method, _path(operation))).status_code == 401
    await desk.connect(scope=[known for known in desk.client.scopes if known != scope])
    assert (await desk.raw.request(operation.method, _path(operation))).status_code == 403
    await desk.connect(scope=[scope])
    assert (await desk.raw.request(operation.method, _path(operation))).status_code not in (401, 403, 405)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/vendors/csv-import/jobs"),
        ("GET", f"/v1/vendors/csv-import/jobs/{NOBODY}"),
        ("POST", "/v1/vendors/csv-import/jobs:search"),
        ("POST", "/v1-beta/accounts"),
        ("PATCH", "/v0/tags"),
        ("DELETE", f"/v1/vendors/{NOBODY}"),
    ],
)
async def test_what_is_not_published_is_not_there_and_is_seen(connected: Desk, method: str, path: str):
    assert (await connected.control.request(method, path)).status_code in (404, 405)
    recorded = (await connected.control.get("/sandbox/requests", params={"path_prefix": path})).json()
    assert [call["method"] for call in recorded] == [method]


async def test_every_published_answer_is_given(connected: Desk):
    await _tags(connected)
    await _columns(connected)
    await _tax_codes_and_accounts(connected)
    await _vendors(connected)
    await _companies(connected)
    expected = {
        (operation.name, 200 if status == "default" else int(status))
        for operation in OPERATIONS
        for status in operation.node["responses"]
    }
    reached = connected.checked.exercised | connected.unasked.exercised
    assert expected - reached == set()
    of_ours = {operation.name for operation in OPERATIONS}
    beyond = {(name, status) for name, status in reached - expected if name in of_ours}
    assert {status for _, status in beyond} <= GENERIC_STATUSES


async def _tags(desk: Desk) -> None:
    pleo = desk.pleo
    group = await desk.group("CC")
    at = f"/v0/tag-groups/{group['id']}"
    first, second = await desk.tag(group, "A"), await desk.tag(group, "B")
    again = {"code": "a", "archived": False}
    assert (await pleo.post(f"{at}/tags", json=again)).status_code == 409
    await desk.choose(active_tags_per_group=2)
    assert (await pleo.post(f"{at}/tags", json={"code": "C", "archived": False})).status_code == 400
    assert (await pleo.put(f"/v0/tags/{second['id']}", json={**again, "name": "x"})).status_code == 409
    assert (await pleo.put(f"/v0/tags/{second['id']}", json={**again, "code": "b"})).status_code == 200
    assert (await pleo.put(f"/v0/tags/{NOBODY}", json=again)).status_code == 404
    await pleo.get("/v0/tag-groups", params={**COMPANY, "include_archived": "true", "include_tags_count": "true"})
    await pleo.get("/v0/aggregations/tag-groups", params=COMPANY)
    await pleo.post("/v0/aggregations/tags", params=COMPANY, json={})
    await pleo.post("/v0/tags:search", params=COMPANY)
    await pleo.get("/v0/tags", params=COMPANY)
    for path in (at, f"{at}/tags", f"{at}/usage", f"/v0/tags/{first['id']}"):
        assert (await pleo.get(path)).status_code == 200
    assert (await pleo.get(f"/v0/tag-groups/{NOBODY}/usage")).status_code == 404
    bulk = {"companyId": DEMO_COMPANY_ID, "tagIds": [first["id"]]}
    await pleo.post("/v0/tags/archive", json={**bulk, "archived": True})
    assert (await pleo.request("DELETE", "/v0/tags", json=bulk)).status_code == 204
    await pleo.delete(f"/v0/tags/{second['id']}")
    await pleo.put(at, json={"archived": True, "code": "CC", "name": "x", "metadata": {}})
    assert (await pleo.delete(at)).status_code == 204
    await desk.connect(scope=["tag-groups:write"])
    assert (await desk.pleo.get(f"{at}/usage")).status_code == 403
    await desk.connect()


async def _columns(desk: Desk) -> None:
    pleo = desk.pleo
    await desk.choose(active_tags_per_group=None)
    group = await desk.group("PRJ")
    tag = await desk.tag(group, "P1")
    at = f"/v0/tag-groups/{group['id']}/dimensions"
    column = (await pleo.post(at, json={"code": "owner", "name": "Owner", "visible": True})).json()["data"]
    await pleo.get(at)
    await pleo.get(f"{at}/{column['id']}")
    changed = {"code": "owner", "name": "Lead", "visible": False, "displayOrder": 1}
    await pleo.put(f"{at}/{column['id']}", json=changed)
    cell = f"/v0/tags/{tag['id']}/dimensions/{column['id']}"
    await pleo.post(cell, json={"value": "Ada"})
    await pleo.put(cell, json={"value": "Bo"})
    await pleo.get(cell)
    await pleo.get(f"/v0/tags/{tag['id']}/dimensions")
    await pleo.delete(cell)
    await pleo.delete(f"{at}/{column['id']}")


async def _tax_codes_and_accounts(desk: Desk) -> None:
    pleo = desk.pleo
    tax = await desk.tax_code("I25")
    await pleo.get(f"/v0/tax-codes/{tax['id']}")
    await pleo.post("/v0/tax-codes:search", params=COMPANY)
    body = {"archived": False, "companyId": DEMO_COMPANY_ID, "name": "25 %", "rate": 0.25, "type": "reverse"}
    await pleo.put(f"/v0/tax-codes/{tax['id']}", json={**body, "code": "I25"})
    amounts = {tax["id"]: [{"id": "1", "amount": {"currency": "DKK", "minors": 125}}]}
    await pleo.post("/v0/tax-codes:calculate-tax-amounts", json={"amountsByTaxCodeId": amounts})

    made = await desk.account("5.1.1")
    assert made.status_code == 201
    assert (await desk.account("5.1.1")).status_code == 200
    assert (await desk.account("5.1.1", name="Other")).status_code == 409
    assert (await desk.raw.post("/v1/chart-of-accounts", json={"companyId": DEMO_COMPANY_ID})).status_code == 400
    at = f"/v1/chart-of-accounts/{made.json()['data']['id']}"
    batch = {"companyId": DEMO_COMPANY_ID, "items": [{"archived": False, "externalId": "2", "name": "Two"}]}
    assert (await pleo.post("/v1/chart-of-accounts/batch", json=batch)).status_code == 201
    assert (await desk.raw.post("/v1/chart-of-accounts/batch", json={**batch, "items": []})).status_code == 400
    search = {"companyId": DEMO_COMPANY_ID, **FLAGS}
    assert (await pleo.post("/v1/chart-of-accounts:search", json=search)).status_code == 200
    assert (await desk.raw.post("/v1/chart-of-accounts:search", json=COMPANY)).status_code == 400
    update: dict[str, Any] = {"archived": False, "name": "One", "code": "5.1.1"}
    assert (await pleo.put(at, json={**update, "taxCodeExternalId": "I25"})).status_code == 200
    assert (await pleo.put(at, json={**update, "taxCodeExternalId": "ZZ"})).status_code == 400
    for method, body in (("GET", None), ("PUT", update), ("DELETE", None)):
        unknown = f"/v1/chart-of-accounts/{NOBODY}"
        assert (await pleo.request(method, unknown, json=body)).status_code == 404
    assert (await pleo.get(at)).status_code == 200
    (entry,) = await desk.queue(items=[{"type": "mileage", "lines": [{"net": 1, "account": "5.1.1"}]}])
    assert (await pleo.delete(at)).status_code == 409
    changes = {"changes": {"accountingEntryLines": []}}
    await desk.control.post(f"/sandbox/expenses/{entry['id']}/unexport", json=changes)
    assert (await pleo.delete(at)).status_code == 204
    await pleo.delete(f"/v0/tax-codes/{tax['id']}")


async def _vendors(desk: Desk) -> None:
    pleo = desk.pleo
    vendor = await desk.vendor("Nordlys", externalId="v-1", code="V1")
    other = await desk.vendor("Zweig")
    at = f"/v1/vendors/{vendor['id']}"
    assert (await pleo.get(at)).status_code == 200
    full = {"companyId": DEMO_COMPANY_ID, "name": "Nordlys", "defaultCurrency": "DKK", "externalId": "v-1"}
    assert (await pleo.post("/v1/vendors", json=full)).status_code == 409
    update = {**full, "state": "ACTIVE"}
    assert (await pleo.put(at, json=update)).status_code == 200
    assert (await desk.raw.put(at, json={**update, "defaultCurrency": "kr"})).status_code == 400
    assert (await pleo.put(f"/v1/vendors/{other['id']}", json=update)).status_code == 409
    assert (await pleo.post(f"{at}:archive")).status_code == 204
    assert (await pleo.post(f"{at}:activate", json={"externalId": "v-1"})).status_code == 204
    nobody = f"/v1/vendors/{NOBODY}"
    assert (await pleo.get(nobody)).status_code == 404
    assert (await pleo.put(nobody, json=update)).status_code == 404
    assert (await pleo.post(f"{nobody}:archive")).status_code == 404
    assert (await pleo.post(f"{nobody}:activate", json={"externalId": "9"})).status_code == 404
    assert (await pleo.post("/v1/vendors:search", params=COMPANY, json={})).status_code == 200


async def _companies(desk: Desk) -> None:
    pleo = desk.pleo
    assert (await pleo.get("/v1/companies", params={"organization_id": ORGANISATION_ID})).status_code == 200
    assert (await pleo.get("/v1/companies", params={"organization_id": NOBODY})).status_code == 403
    assert (await pleo.get(f"/v1/companies/{DEMO_COMPANY_ID}")).status_code == 200
    assert (await pleo.get(f"/v1/companies/{NOBODY}")).status_code == 404
    employees = (await pleo.get("/v2/employees", params={"companyId": DEMO_COMPANY_ID})).json()["data"]
    assert (await pleo.get(f"/v2/employees/{employees[0]['id']}")).status_code == 200
    assert (await pleo.get(f"/v2/employees/{NOBODY}")).status_code == 404
    foreign = desk.world.employees.of(SECOND_COMPANY_ID)[0]
    assert (await pleo.get(f"/v2/employees/{foreign.id}")).status_code == 403
    await desk.connect(scope=["vendors:read"])
    for path in ("/v1/companies", f"/v1/companies/{DEMO_COMPANY_ID}", "/v2/employees"):
        assert (await desk.pleo.get(path)).status_code == 403
    await desk.connect()
