"""Master data by the hundred through the control API, the limit of calls, and companies with their employees."""

from __future__ import annotations

from typing import Any

import pytest

from pleo_sandbox.app import create_app
from pleo_sandbox.config import DEMO_COMPANY_ID, ORGANISATION_ID, SECOND_COMPANY_ID, THIRD_COMPANY_ID, SandboxConfig
from pleo_sandbox.core.limits import Limiter, Tally
from tests.contract.contracts import schema_breaches
from tests.contract.desk import Desk

AT = f"/sandbox/companies/{DEMO_COMPANY_ID}"
COMPANY = {"company_id": DEMO_COMPANY_ID}


async def test_everything_put_in_is_read_back_in_one_call(desk: Desk):
    await desk.put("tag-groups", groups=[{"code": "CC", "name": "Cost centre", "tags": [{"code": "A"}], "generate": 2}])
    await desk.put("tag-groups", groups=[{"code": "CC", "tags": [{"code": "A", "archived": True}]}])
    await desk.put("accounts", items=[{"externalId": "1", "name": "One", "archived": True}], generate=2)
    await desk.put("tax-codes", items=[{"code": "I0", "name": "None", "rate": 0}], generate=1)
    await desk.put("vendors", items=[{"name": "Draft"}], generate=2)
    await desk.put("employees", items=[{"firstName": "Bo", "code": "77"}])
    await desk.control.put(f"{AT}/categories", json={"categories": {"Travel": "gen-2"}})
    found = (await desk.control.get(f"{AT}/master-data")).json()
    (group,) = found["tag_groups"]
    assert [tag["code"] for tag in group["tags"]] == ["A", "G00002", "G00003", "A"]
    assert [account["externalId"] for account in found["accounts"]] == ["1", "gen-1", "gen-2"]
    assert [tax["code"] for tax in found["tax_codes"]] == ["I0", "G1"]
    assert [(vendor["name"], vendor["state"]) for vendor in found["vendors"]][:2] == [
        ("Draft", "DRAFT"),
        ("Vendor 1", "ACTIVE"),
    ]
    assert found["employees"][-1]["code"] == "77"
    assert found["categories"] == {"Travel": "gen-2"}
    for document, schema, rows in (
        ("accounts", "BookkeepingAccountRestModelV1", found["accounts"]),
        ("tax-codes", "TaxCodeModel", found["tax_codes"]),
        ("vendors", "VendorResponse", found["vendors"]),
        ("companies", "ExternalEmployeeResponseModel", found["employees"]),
        ("tags", "TagModel", group["tags"]),
    ):
        assert [schema_breaches(document, f"/components/schemas/{schema}", row) for row in rows] == [[]] * len(rows)
    assert (await desk.control.get(f"/sandbox/companies/{SECOND_COMPANY_ID}/master-data")).json()["vendors"] == []


async def test_three_thousand_vendors_are_read_in_thirty_pages(connected: Desk):
    await connected.put("vendors", generate=3_000)
    names, pages, after = set(), 0, {}
    headers = {"authorization": connected.raw.headers["authorization"]}
    while True:
        params = {**COMPANY, "limit": "500", **after}
        page = (await connected.control.post("/v1/vendors:search", params=params, headers=headers)).json()
        names |= {vendor["name"] for vendor in page["data"]}
        pages += 1
        if not page["pagination"]["hasNextPage"]:
            break
        after = {"after": page["pagination"]["endCursor"]}
    assert (len(names), pages) == (3_000, 30)


async def test_pages_of_master_data_have_twenty_rows_unless_asked_and_a_hundred_at_most(connected: Desk):
    await connected.put("accounts", generate=150)
    body = {
        "companyId": DEMO_COMPANY_ID,
        "excludeIfAssignedToCategory": False,
        "excludeIfAssignedToContraAccount": False,
    }

    async def size(**params: Any) -> int:
        answer = await connected.pleo.post("/v1/chart-of-accounts:search", params=params, json=body)
        return len(answer.json()["data"])

    assert [await size(), await size(limit=3), await size(limit=150)] == [20, 3, 100]
    await connected.choose(page_default=2, page_cap=5)
    assert [await size(), await size(limit=150)] == [2, 5]


async def test_a_cursor_belongs_to_its_filters(connected: Desk):
    await connected.put("vendors", generate=30)
    first = (await connected.pleo.post("/v1/vendors:search", params=COMPANY, json={"states": ["ACTIVE"]})).json()
    after = {**COMPANY, "after": first["pagination"]["endCursor"]}
    for body, status in (({"states": ["ACTIVE"]}, 200), ({"states": ["DRAFT"]}, 400), ({}, 400)):
        assert (await connected.pleo.post("/v1/vendors:search", params=after, json=body)).status_code == status
    both = {**after, "offset": "1"}
    assert (await connected.raw.post("/v1/vendors:search", params=both, json={})).status_code == 400


@pytest.mark.parametrize("body", [{"page_capp": 1}, {"vendor_event": "sometimes"}, {"page_cap": "many"}])
async def test_a_slip_in_a_choice_is_told(desk: Desk, body: dict[str, Any]):
    before = (await desk.control.get("/sandbox/choices")).json()
    assert (await desk.control.put("/sandbox/choices", json=body)).status_code == 400
    assert (await desk.control.get("/sandbox/choices")).json() == before


async def test_a_reset_brings_the_choices_back(desk: Desk):
    before = (await desk.control.get("/sandbox/choices")).json()
    await desk.choose(vendor_event="never", page_cap=1)
    await desk.control.post("/sandbox/reset")
    assert (await desk.control.get("/sandbox/choices")).json() == before


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("vendors", {"name": "x", "sate": "ACTIVE"}),
        ("vendors", {"name": "x", "state": "GONE"}),
        ("accounts", {"name": "x"}),
        ("tax-codes", {"name": "x", "vat": 1}),
        ("employees", {"firstName": "x", "id": "7"}),
    ],
)
async def test_a_slip_in_a_row_is_told(desk: Desk, kind: str, row: dict[str, Any]):
    assert (await desk.control.post(f"{AT}/{kind}", json={"items": [row]})).status_code == 400


# ---------------------------------------------------------------- the limit


def test_a_limit_slides():
    limiter = Limiter(2, 60)
    assert [limiter.refuses("a", now) for now in (0, 30, 59)] == [None, None, 1]
    assert limiter.refuses("b", 59) is None
    assert [limiter.refuses("a", now) for now in (60, 61, 89.5, 90)] == [None, 29, 1, None]


def test_the_busiest_stretch_is_found():
    tally = Tally([0, 1, 2, 59.9, 60, 61, 61.5])
    assert [tally.busiest(seconds) for seconds in (60, 2, 0.05)] == [5, 4, 1]
    assert Tally().busiest(60) == 0


async def test_calls_above_the_limit_are_429_and_counted_by_company():
    desk = Desk(create_app(SandboxConfig(requests_per_minute=3, minute_seconds=600)))
    await desk.connect()
    answers = [await desk.pleo.get("/v0/tag-groups", params=COMPANY) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 590 < int(answers[-1].headers["retry-after"]) <= 600
    calls = (await desk.control.get(f"{AT}/calls")).json()
    assert (calls["total"], calls["refused"], calls["busiest"], len(calls["times"])) == (5, 2, 5, 5)
    await desk.connect(SECOND_COMPANY_ID)
    assert (await desk.pleo.get("/v1/companies")).status_code == 200
    await desk.control.put("/sandbox/rate-limit", json={"per_minute": 0})
    await desk.connect()
    assert (await desk.pleo.get("/v1/companies")).status_code == 200
    (last,) = (await desk.control.get("/sandbox/requests", params={"path_prefix": "/v1/companies"})).json()[-1:]
    assert last["subject"] == f"urn:pleo:company:{DEMO_COMPANY_ID}"
    await desk.control.delete("/sandbox/requests")
    assert (await desk.control.get(f"{AT}/calls")).json()["total"] == 0
    await desk.close()


# ---------------------------------------------------------------- companies and employees


async def test_a_credential_lists_the_companies_it_opens(desk: Desk):
    await desk.connect()
    own = (await desk.pleo.get("/v1/companies")).json()["data"]
    assert [company["id"] for company in own] == [DEMO_COMPANY_ID]
    await desk.connect(f"urn:pleo:organisation:{ORGANISATION_ID}")
    everyone = (await desk.pleo.get("/v1/companies", params={"organization_id": ORGANISATION_ID})).json()["data"]
    assert {company["id"] for company in everyone} == {DEMO_COMPANY_ID, SECOND_COMPANY_ID, THIRD_COMPANY_ID}
    assert (await desk.raw.get("/v1/companies", params={"organization_id": "x"})).status_code == 400


async def test_employees_are_found_by_company_number_and_address(connected: Desk):
    async def codes(**params: str) -> list[str]:
        answer = await connected.pleo.get("/v2/employees", params=params)
        return [employee["code"] for employee in answer.json()["data"]]

    assert await codes() == ["1001", "1002", "1003"]
    assert await codes(code="1002", companyId=DEMO_COMPANY_ID) == ["1002"]
    assert await codes(email="astrid.1001@example.com") == ["1001"]
    assert await codes(email="nobody@example.com") == []
    assert (await connected.pleo.get("/v2/employees", params={"companyId": SECOND_COMPANY_ID})).status_code == 404


async def test_the_spender_of_an_item_is_an_employee(connected: Desk):
    job = await connected.export("card_purchase")
    answer = await connected.pleo.get("/v3/export-items", params={"job_id": job["id"]})
    user = answer.json()["data"][0]["user"]
    employee = (await connected.pleo.get(f"/v2/employees/{user['id']}")).json()["data"]
    assert (employee["code"], f"{employee['firstName']} {employee['lastName']}") == (user["code"], user["name"])


async def test_a_new_company_has_employees(desk: Desk):
    company = (await desk.control.post("/sandbox/companies", json={"name": "Nye ApS"})).json()
    await desk.connect(company["id"])
    assert len((await desk.pleo.get("/v2/employees")).json()["data"]) == 3
