"""Accounts-payable items: the set of seeds, and items told in a few words, with the vendor as it is at export."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SECOND_COMPANY_ID
from pleo_sandbox.seeds import Chart, Frame, Seed, named
from tests.contract.contracts import load
from tests.contract.desk import Desk

FRAME = Frame(Chart(), DEMO_COMPANY_ID, "DKK", date(2026, 11, 21), batch="b-1")
PAYABLES = named("payables")
LINE = {"net": 100_000, "account": "5.1.1", "tags": {"CC": "CC01"}}
TAGGABLE = {"card_purchase", "card_invoice", "fee", "chargeback", "refund", "cashback", "invoice", "invoice_payment"}


def _by_name(seed: Seed) -> str:
    return seed.name


async def _items(desk: Desk, job: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await desk.pleo.get("/v3/export-items", params={"job_id": job["id"], "limit": 25})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def _export(desk: Desk, *items: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    body = {"company_id": DEMO_COMPANY_ID, "items": list(items), "vendor_based": True, **more}
    answer = await desk.control.post("/sandbox/exports", json=body)
    assert answer.status_code == 201, answer.text
    found = await _items(desk, answer.json())
    await desk.control.post(f"/sandbox/jobs/{answer.json()['id']}/cancel")
    return found


# ---------------------------------------------------------------- seeds


def test_the_set_stands_beside_the_others():
    assert set(PAYABLES) & set(named("all")) == set()
    assert [len(named(choice)) for choice in ("all", "good", "bad", "good_payables")] == [66, 49, 17, 14]


@pytest.mark.parametrize("seed", PAYABLES, ids=_by_name)
def test_a_seed_says_accounts_payable_and_what_it_needs(seed: Seed):
    draft = seed.build(FRAME)
    payload = draft.payload
    assert seed.name.startswith("bad_") == (seed.expected_failure == "vendor_unknown")
    assert payload["bookkeeping"]["method"] in ("accounts_payable", "journal")
    assert draft.wants_vendor == (seed.expected_failure is None and payload["type"] in TAGGABLE)
    assert (payload["type"] in ("invoice", "invoice_payment", "card_invoice")) == (
        payload["additionalInformation"]["invoiceInformation"] is not None
    )
    total = sum(line["lineAmount"]["inWalletCurrency"]["value"] for line in payload["accountingEntryLines"])
    assert total == payload["amount"]["inWalletCurrency"]["value"]


def test_seeds_of_one_batch_belong_together():
    built = {seed.name: seed.build(FRAME).payload for seed in PAYABLES}
    number = {
        name: (item["additionalInformation"]["invoiceInformation"] or {}).get("invoiceNumber")
        for name, item in built.items()
    }
    assert number["payable_invoice"] == number["payable_invoice_payment"] != number["payable_invoice_payment_alone"]
    settled = built["payable_direct_reimbursement"]["additionalInformation"]["reconciledEntries"]
    spent = [
        built[f"payable_{name}"]["additionalInformation"]["reconciliationId"] for name in ("out_of_pocket", "mileage")
    ]
    assert settled == spent
    amounts = {name: item["amount"]["inWalletCurrency"]["value"] for name, item in built.items()}
    assert amounts["payable_invoice"] == amounts["payable_invoice_payment"]
    assert amounts["payable_direct_reimbursement"] == amounts["payable_out_of_pocket"] + amounts["payable_mileage"]


async def test_the_set_takes_the_first_active_vendor_with_a_code_or_the_one_named(connected: Desk):
    body = {"company_id": DEMO_COMPANY_ID, "seeds": ["payable_refund"]}
    refused = await connected.control.post("/sandbox/expenses", json=body)
    assert (refused.status_code, "no active vendor" in refused.json()["message"]) == (400, True)
    draft, first, _ = await connected.put("vendors", items=[{"name": "Draft"}], generate=2)
    await connected.queue("payable_refund")
    await connected.queue("payable_refund", vendor_id=draft["id"])
    one, other = await _items(connected, await connected.export(vendor_based=True))
    assert (one["vendor"]["code"], one["bookkeeping"]) == (first["code"], {"method": "accounts_payable"})
    assert other["vendor"] == {"id": draft["id"], "name": "Draft", "defaultCurrency": "DKK"}
    foreign = await connected.control.post("/sandbox/expenses", json={**body, "vendor_id": "x"})
    assert foreign.status_code == 404


async def test_the_whole_set_can_be_exported_and_booked_as_published(connected: Desk):
    await connected.put("vendors", generate=1)
    job = await connected.export("payables", vendor_based=True)
    assert (job["numberOfItems"], job["expected_failures"]) == (len(PAYABLES), 3)
    assert len(await _items(connected, job)) == 3
    home = (await connected.control.get("/")).text
    assert "payable card purchase" in home


# ---------------------------------------------------------------- items told in a few words


async def test_an_invoice_and_its_payment_in_two_jobs(connected: Desk):
    (vendor,) = await connected.put("vendors", generate=1)
    told = {"vendor_id": vendor["id"], "invoice": {"number": "F-7", "date": "2026-11-03", "paid": "2026-11-10"}}
    tax = {"type": "exclusive", "amount": 25_000, "code": "I25", "supplier_amount": 5_000}
    line = {**LINE, "tax": tax, "supplier_net": 20_000}
    (invoice,) = await _export(
        connected, {**told, "type": "invoice", "lines": [line], "supplier_currency": "EUR", "date": "2026-11-04"}
    )
    assert invoice["amount"] == {
        "inSupplierCurrency": {"currency": "EUR", "value": 25_000},
        "inWalletCurrency": {"currency": "DKK", "value": 125_000},
    }
    assert invoice["accountingEntryLines"][0]["tax"]["code"] == "I25"
    assert invoice["accountingEntryLines"][0]["tags"][0]["groupCode"] == "CC"
    assert invoice["date"] == "2026-11-04T10:15:00Z"
    payment_line = {"net": 125_000, "account": "2.1.3"}
    payment = {**told, "type": "invoice_payment", "sub_type": "invoice_payment_sent", "lines": [payment_line]}
    (paid,) = await _export(connected, payment)
    for item in (invoice, paid):
        block = item["additionalInformation"]["invoiceInformation"]
        assert (block["invoiceNumber"], block["invoiceDate"]) == ("F-7", "2026-11-03T00:00:00Z")
        assert (block["dueDate"], block["paymentDate"]) == ("2026-12-03T00:00:00Z", "2026-11-10T00:00:00Z")
        assert item["vendor"]["code"] == vendor["code"]
    assert (paid["subType"], invoice["contraAccount"]) == ("invoice_payment_sent", None)


async def test_a_spender_becomes_an_employee_and_a_reimbursement_names_what_it_settles(connected: Desk):
    spender = {"name": "Bo Ek", "code": "77"}
    spent, paid_back = await _export(
        connected,
        {"type": "out_of_pocket", "lines": [LINE], "user": spender, "reconciliation_id": "r-1"},
        {
            "type": "direct_reimbursement",
            "sub_type": "reimbursement_to_employee",
            "lines": [LINE],
            "user": spender,
            "reconciled": ["r-1"],
        },
    )
    assert spent["user"] == paid_back["user"]
    assert spent["additionalInformation"]["reconciliationId"] == "r-1"
    assert paid_back["additionalInformation"]["reconciledEntries"] == ["r-1"]
    employee = (await connected.pleo.get(f"/v2/employees/{spent['user']['id']}")).json()["data"]
    assert (employee["firstName"], employee["code"]) == ("Bo", "77")


async def test_the_vendor_is_the_one_of_the_moment_the_job_was_made(connected: Desk):
    draft = await connected.vendor("Soon known")
    told = {"type": "card_purchase", "lines": [LINE], "vendor_id": draft["id"]}
    (early,) = await _export(connected, told)
    await connected.pleo.post(f"/v1/vendors/{draft['id']}:activate", json={"externalId": "7", "code": "V7"})
    late, *_ = await _export(connected, entry_ids=[early["accountingEntryId"]])
    assert ("code" in early["vendor"], late["vendor"]["code"]) == (False, "V7")


async def test_without_vendor_tagging_neither_vendor_nor_method_is_shown(connected: Desk):
    supplier = {"name": "Shop", "code": "V7", "account": None, "taxIdentifier": "DK1"}
    told = {"type": "card_purchase", "lines": [LINE], "supplier": supplier}
    (plain,) = await _export(connected, told, vendor_based=False)
    assert (plain["vendor"], plain["bookkeeping"]) == (None, None)
    assert plain["supplier"] == supplier
    (unset,) = await _export(connected, {**told, "method": None})
    assert unset["bookkeeping"] is None


@pytest.mark.parametrize(
    "change", [{"lines": []}, {"method": "ledger"}, {"typ": "refund"}, {"vendor_id": "x"}], ids=str
)
async def test_a_slip_in_an_item_is_told(connected: Desk, change: dict[str, Any]):
    body = {"company_id": DEMO_COMPANY_ID, "items": [{"type": "refund", "lines": [LINE], **change}]}
    assert (await connected.control.post("/sandbox/expenses", json=body)).status_code in (400, 404, 422)
    assert (await connected.control.get("/sandbox/expenses", params={"company_id": DEMO_COMPANY_ID})).json() == []


async def test_a_vendor_of_another_company_is_refused(connected: Desk):
    answer = await connected.control.post(f"/sandbox/companies/{SECOND_COMPANY_ID}/vendors", json={"generate": 1})
    item = {"type": "refund", "lines": [LINE], "vendor_id": answer.json()[0]["id"]}
    body = {"company_id": DEMO_COMPANY_ID, "items": [item]}
    assert (await connected.control.post("/sandbox/exports", json=body)).status_code == 404


def test_every_taggable_type_is_published():
    assert set(load("export")["components"]["schemas"]["ExportItemTypeV3"]["enum"]) >= TAGGABLE
