"""Accounts and tax codes in the sandbox: refusals, batches, filters and switches."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from tests.contract.desk import Desk

COMPANY = {"company_id": DEMO_COMPANY_ID}
FLAGS = {"excludeIfAssignedToCategory": False, "excludeIfAssignedToContraAccount": False}
ITEM = {"archived": False, "externalId": "1", "name": "One"}
ACCOUNTS = "/v1/chart-of-accounts"


async def _search(desk: Desk, **body: Any) -> list[str]:
    answer = await desk.pleo.post(f"{ACCOUNTS}:search", json={"companyId": DEMO_COMPANY_ID, **FLAGS, **body})
    assert answer.status_code == 200, answer.text
    return [account["externalId"] for account in answer.json()["data"]]


async def _batch(desk: Desk, *items: Any) -> httpx.Response:
    # Past the contract's check: by its own words the echo of a refused item may break the lengths of a request.
    headers = {"authorization": desk.raw.headers["authorization"]}
    body = {"companyId": DEMO_COMPANY_ID, "items": list(items)}
    return await desk.control.post(f"{ACCOUNTS}/batch", json=body, headers=headers)


@pytest.mark.parametrize(
    ("item", "reasons"),
    [
        ({"externalId": ""}, ["EXTERNAL_ID_EMPTY"]),
        ({"externalId": "x" * 256}, ["EXTERNAL_ID_TOO_LONG"]),
        ({"externalId": "taken"}, ["EXTERNAL_ID_ALREADY_EXISTS"]),
        ({"name": ""}, ["NAME_EMPTY"]),
        ({"name": "x" * 256}, ["NAME_TOO_LONG"]),
        ({"code": "x" * 256}, ["CODE_TOO_LONG"]),
        ({"taxCodeExternalId": "ZZ"}, ["OTHER"]),
        ({"externalId": "", "name": "", "code": "x" * 256}, ["EXTERNAL_ID_EMPTY", "NAME_EMPTY", "CODE_TOO_LONG"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
async def test_an_item_of_a_batch_fails_with_its_reasons(connected: Desk, item: dict[str, str], reasons: list[str]):
    await connected.account("taken")
    await connected.choose(account_tax_code_checked="always")
    answer = await _batch(connected, {**ITEM, **item}, {**ITEM, "externalId": "2"})
    data = answer.json()["data"]
    assert (answer.status_code, [made["externalId"] for made in data["created"]]) == (201, ["2"])
    assert data["failed"] == [{"reasons": reasons, "request": {**ITEM, **item}}]


async def test_the_same_account_twice_in_one_batch_counts_once(connected: Desk):
    data = (await _batch(connected, ITEM, ITEM)).json()["data"]
    assert (len(data["created"]), data["failed"][0]["reasons"]) == (1, ["EXTERNAL_ID_ALREADY_EXISTS"])


async def test_a_batch_holds_one_to_a_thousand(connected: Desk):
    items = [{**ITEM, "externalId": str(number)} for number in range(1001)]
    assert (await _batch(connected, *items)).status_code == 400
    assert len((await _batch(connected, *items[:1000])).json()["data"]["created"]) == 1000
    for bad in ([], [1], [{"name": "x", "archived": False}], [{**ITEM, "archived": None}]):
        assert (await _batch(connected, *bad)).status_code == 400


async def test_the_same_account_again_is_200_and_another_one_409(connected: Desk):
    first = (await connected.account("1")).json()["data"]
    again = await connected.account("1")
    assert (again.status_code, again.json()["data"]["id"]) == (200, first["id"])
    assert (await connected.account("1", name="x")).status_code == 409
    await connected.choose(account_repeat="conflict")
    assert (await connected.account("1")).status_code == 409
    await connected.choose(account_repeat="found")
    found = await connected.account("1", name="x")
    assert (found.status_code, found.json()["data"]["name"]) == (200, "Account 1")
    await connected.choose(external_id_case="ignored")
    await connected.account("abc")
    assert (await connected.account("ABC")).status_code == 200


async def test_a_put_replaces_and_checks_the_tax_code(connected: Desk):
    account = (await connected.account("1", taxCodeExternalId="I25")).json()["data"]
    path, body = f"{ACCOUNTS}/{account['id']}", {"archived": False, "name": "New"}
    assert (await connected.pleo.put(path, json={**body, "taxCodeExternalId": "I25"})).status_code == 400
    await connected.tax_code("I25", archived=True)
    put = (await connected.pleo.put(path, json={**body, "code": "9", "taxCodeExternalId": "I25"})).json()["data"]
    assert (put["name"], put["code"], put["taxCodeExternalId"]) == ("New", "9", "I25")
    await connected.choose(account_archived_tax_code="refused")
    assert (await connected.pleo.put(path, json={**body, "taxCodeExternalId": "I25"})).status_code == 400
    await connected.choose(account_tax_code_checked="never", put_omitted="kept")
    kept = (await connected.pleo.put(path, json=body)).json()["data"]
    assert (kept["code"], kept["taxCodeExternalId"]) == ("9", "I25")
    await connected.choose(put_omitted="cleared")
    cleared = (await connected.pleo.put(path, json=body)).json()["data"]
    assert (cleared["code"], cleared["taxCodeExternalId"]) == (None, None)


async def test_a_search_shows_active_accounts_unless_told_otherwise(connected: Desk):
    await connected.account("1", name="Rent", code="5.1")
    two = (await connected.account("2", name="Rental", archived=True)).json()["data"]
    assert await _search(connected) == ["1"]
    assert await _search(connected, archived=True) == ["2"]
    await connected.choose(account_search_default="all")
    assert await _search(connected) == ["1", "2"]
    assert await _search(connected, name="rental") == ["2"]
    assert await _search(connected, codes=["5.1"]) == ["1"]
    assert await _search(connected, code="5.1", externalId="2") == []
    assert await _search(connected, ids=[two["id"]], archived=None, codes=None) == ["2"]


async def test_assigned_accounts_can_be_left_out(connected: Desk):
    for external_id in ("1", "2", "1.1.1"):
        await connected.account(external_id)
    path = f"/sandbox/companies/{DEMO_COMPANY_ID}/categories"
    unknown = await connected.control.put(path, json={"categories": {"Travel": "99"}})
    assert unknown.status_code == 400
    assert (await connected.control.put(path, json={"categories": {"Travel": "1"}})).json() == {"Travel": "1"}
    assert await _search(connected, excludeIfAssignedToCategory=True) == ["2", "1.1.1"]
    assert await _search(connected, excludeIfAssignedToContraAccount=True) == ["1", "2"]


@pytest.mark.parametrize("missing", [*FLAGS, "companyId"])
async def test_a_search_needs_its_company_and_both_flags(connected: Desk, missing: str):
    body = {"companyId": DEMO_COMPANY_ID, **FLAGS}
    del body[missing]
    assert (await connected.raw.post(f"{ACCOUNTS}:search", json=body)).status_code == 400


@pytest.mark.parametrize(
    "change",
    [
        {"archived": None},
        {"externalId": ""},
        {"externalId": "x" * 256},
        {"name": None},
        {"name": "x" * 256},
        {"code": "x" * 256},
        {"code": 5},
        {"metadata": []},
        {"companyId": "x"},
    ],
    ids=str,
)
async def test_a_bad_account_is_refused(connected: Desk, change: dict[str, Any]):
    body = {"companyId": DEMO_COMPANY_ID, **ITEM, **change}
    assert (await connected.raw.post(ACCOUNTS, json=body)).status_code == 400


async def test_another_companys_lists_are_out_of_reach(connected: Desk):
    account = (await connected.account("1")).json()["data"]
    tax = await connected.tax_code("I25")
    body = {"companyId": SECOND_COMPANY_ID, **ITEM}
    assert (await connected.pleo.post(ACCOUNTS, json=body)).status_code == 404
    await connected.connect(SECOND_COMPANY_ID)
    assert (await connected.pleo.get(f"{ACCOUNTS}/{account['id']}")).status_code == 404
    assert (await connected.pleo.get(f"/v0/tax-codes/{tax['id']}")).status_code == 404
    assert (await connected.pleo.post("/v0/tax-codes:search", params=COMPANY)).status_code == 404


# ---------------------------------------------------------------- tax codes


async def test_tax_codes_are_found_by_every_filter(connected: Desk):
    first = await connected.tax_code("I25")
    await connected.tax_code("RC", type="reverse", archived=True, ingoingTaxAccount="1", outgoingTaxAccount="2")

    async def codes(**body: Any) -> list[str]:
        answer = await connected.pleo.post("/v0/tax-codes:search", params=COMPANY, json=body)
        return [tax["code"] for tax in answer.json()["data"]]

    assert await codes() == ["I25", "RC"]
    assert await codes(archived=True) == ["RC"]
    assert await codes(type="inclusive") == ["I25"]
    assert await codes(code="RC", taxCodeIds=[first["id"]]) == []


async def test_a_code_may_repeat_unless_switched(connected: Desk):
    first, _ = await connected.tax_code("I25"), await connected.tax_code("I25")
    await connected.choose(tax_code_unique=True)
    body = {
        "archived": False,
        "companyId": DEMO_COMPANY_ID,
        "name": "x",
        "rate": 0.1,
        "type": "inclusive",
        "code": "I25",
    }
    assert (await connected.pleo.post("/v0/tax-codes", json=body)).status_code == 400
    assert (await connected.pleo.put(f"/v0/tax-codes/{first['id']}", json=body)).status_code == 400


@pytest.mark.parametrize(
    "change",
    [{"rate": "0.25"}, {"rate": True}, {"type": "net"}, {"type": "exclusive"}, {"archived": 0}, {"name": None}],
    ids=str,
)
async def test_a_bad_tax_code_is_refused(connected: Desk, change: dict[str, Any]):
    body = {"archived": False, "companyId": DEMO_COMPANY_ID, "name": "x", "rate": 0.25, "type": "inclusive", **change}
    assert (await connected.raw.post("/v0/tax-codes", json=body)).status_code == 400


async def test_a_put_of_a_tax_code_replaces_it(connected: Desk):
    tax = await connected.tax_code("RC", type="reverse", ingoingTaxAccount="1")
    path = f"/v0/tax-codes/{tax['id']}"
    body = {"archived": True, "companyId": DEMO_COMPANY_ID, "name": "x", "rate": 0.2, "type": "reverse"}
    await connected.choose(put_omitted="kept")
    kept = (await connected.pleo.put(path, json=body)).json()["data"]
    assert (kept["code"], kept["ingoingTaxAccount"], kept["archived"], kept["rate"]) == ("RC", "1", True, 0.2)
    await connected.choose(put_omitted="cleared", tax_exclusive="accepted")
    cleared = (await connected.pleo.put(path, json={**body, "type": "exclusive"})).json()["data"]
    assert (cleared["code"], cleared["ingoingTaxAccount"], cleared["type"]) == (None, None, "exclusive")
    foreign = {**body, "companyId": SECOND_COMPANY_ID}
    assert (await connected.pleo.put(path, json=foreign)).status_code == 404


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("inclusive", (125, 100, 25)), ("exclusive", (156, 125, 31)), ("reverse", (125, 125, 31))],
)
async def test_amounts_are_split_by_type(connected: Desk, kind: str, expected: tuple[int, int, int]):
    await connected.choose(tax_exclusive="accepted")
    tax = await connected.tax_code("X", type=kind)
    amounts = {tax["id"]: [{"id": "1", "amount": {"currency": "DKK", "minors": 125}}]}
    answer = await connected.pleo.post("/v0/tax-codes:calculate-tax-amounts", json={"amountsByTaxCodeId": amounts})
    (split,) = answer.json()["data"]["taxes"][tax["id"]]
    parts = split["amountTaxBreakdown"]
    assert tuple(parts[name]["minors"] for name in ("gross", "net", "tax")) == expected
