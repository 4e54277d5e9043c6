"""Seeds: complete, fit for the contract, right in their arithmetic, and bad only where they say so."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, THIRD_COMPANY_ID
from pleo_sandbox.core.entries import CONTRA_TYPES
from pleo_sandbox.core.reports import ITEM_FAILURES, JOB_FAILURES
from pleo_sandbox.seeds import CATALOGUE, Chart, Draft, Frame, Seed, chart_from, named
from tests.contract.contracts import load, schema_breaches
from tests.contract.desk import Desk

SCHEMAS = load("export")["components"]["schemas"]
TODAY = date(2026, 11, 21)
FRAME = Frame(Chart(), DEMO_COMPANY_ID, "DKK", TODAY)
GOOD = named("good")
BAD = named("bad")


def _by_name(seed: Seed) -> str:
    return seed.name


def _published(draft: Draft) -> dict[str, Any]:
    files = None if draft.files is None else [{"url": "https://x", "type": f.type, "size": 1} for f in draft.files]
    return {**draft.payload, "files": files, "_links": {}}


def _wallet(amounts: dict[str, Any]) -> int:
    value = amounts["inWalletCurrency"]["value"]
    assert isinstance(value, int)
    return value


def _supplier(amounts: dict[str, Any]) -> int:
    return int(amounts["inSupplierCurrency"]["value"])


def test_every_published_type_sub_type_and_tax_type_is_covered():
    items = [seed.build(FRAME).payload for seed in GOOD]
    assert {item["type"] for item in items} == set(SCHEMAS["ExportItemTypeV3"]["enum"])
    sub_types = {item.get("subType") for item in items} - {None}
    assert sub_types == set(SCHEMAS["ExportItemSubTypeV3"]["enum"])
    taxes = [line.get("tax") for item in items for line in item["accountingEntryLines"]]
    assert {tax["type"] if tax else None for tax in taxes} == {*SCHEMAS["TaxTypeV3"]["enum"], None}
    assert {len(item["accountingEntryLines"]) for item in items} == {1, 2, 3}
    assert {seed.name for seed in named("type")} == set(SCHEMAS["ExportItemTypeV3"]["enum"])


def test_the_lists_of_reasons_are_the_published_ones():
    assert list(JOB_FAILURES) == SCHEMAS["ExportJobFailureReasonType"]["enum"]
    assert list(ITEM_FAILURES) == SCHEMAS["ExportJobItemFailureReasonType"]["enum"]
    assert set(SCHEMAS["ExportItemTypeV3"]["x-contra-account-expected"]) == CONTRA_TYPES


@pytest.mark.parametrize("seed", CATALOGUE.values(), ids=_by_name)
def test_every_seed_fits_the_contract(seed: Seed):
    assert schema_breaches("export", "/components/schemas/ExportItemV3", _published(seed.build(FRAME))) == []


@pytest.mark.parametrize("seed", GOOD, ids=_by_name)
def test_lines_sum_to_the_amount(seed: Seed):
    item = seed.build(FRAME).payload
    for read in (_wallet, _supplier):
        assert sum(read(line["lineAmount"]) for line in item["accountingEntryLines"]) == read(item["amount"])


@pytest.mark.parametrize("seed", GOOD, ids=_by_name)
def test_net_and_tax_make_the_line_amount(seed: Seed):
    for line in seed.build(FRAME).payload["accountingEntryLines"]:
        tax = line.get("tax")
        for read in (_wallet, _supplier):
            amount, net = read(line["lineAmount"]), read(line["netAmount"])
            if tax is not None and tax["type"] == "exclusive":
                assert amount == net + read(tax["amount"])
            else:
                assert amount == net
            if tax is not None and tax["type"] == "inclusive":
                assert abs(read(tax["amount"])) < max(abs(net), 1)


@pytest.mark.parametrize("seed", GOOD, ids=_by_name)
def test_good_seeds_can_be_booked(seed: Seed):
    item = seed.build(FRAME).payload
    assert seed.expected_failure is None
    assert item["date"].startswith("2026-11-")
    assert all(line["account"]["code"] for line in item["accountingEntryLines"])
    assert _wallet(item["amount"]) >= 0
    assert item["amount"]["inWalletCurrency"]["currency"] == "DKK"
    if seed.name not in ("bare", "absent"):
        assert (item["contraAccount"] is not None) == (item["type"] in CONTRA_TYPES)


@pytest.mark.parametrize("seed", GOOD, ids=_by_name)
def test_every_expense_account_carries_all_tags_or_none(seed: Seed):
    for line in seed.build(FRAME).payload["accountingEntryLines"]:
        if line["account"]["code"][0] in "456":
            assert [tag["groupCode"] for tag in line["tags"] or ()] in (["CC", "PRJ"], [])


@pytest.mark.parametrize("seed", BAD, ids=_by_name)
def test_bad_seeds_say_how_they_must_fail(seed: Seed):
    assert seed.expected_failure in ITEM_FAILURES
    assert seed.name.startswith("bad_")


@pytest.mark.parametrize(
    ("today", "expected"), [(TODAY, "2026-03-16"), (date(2026, 7, 1), "2026-03-16"), (date(2027, 2, 1), "2025-03-16")]
)
def test_the_closed_day_is_closed(today: date, expected: str):
    item = CATALOGUE["bad_closed_period"].build(Frame(Chart(), DEMO_COMPANY_ID, "DKK", today)).payload
    assert item["date"].startswith(expected)


def test_dates_stay_in_the_month_on_its_first_day():
    for seed in GOOD:
        item = seed.build(Frame(Chart(), DEMO_COMPANY_ID, "DKK", date(2026, 12, 1))).payload
        assert item["date"].startswith("2026-12-01"), seed.name


def test_the_wallet_currency_is_the_companys():
    for seed in GOOD:
        amount = seed.build(Frame(Chart(), THIRD_COMPANY_ID, "EUR", TODAY)).payload["amount"]
        assert amount["inWalletCurrency"]["currency"] == "EUR"
        if seed.group == "currency":
            assert amount["inSupplierCurrency"]["currency"] != "EUR", seed.name


def test_codes_come_from_the_chart():
    chart = chart_from(
        {
            "accounts": {"wallet": "5820", "software": "3600", "input_tax": "6903"},
            "tax_codes": {"standard": "17"},
            "dimensions": {"cost_centre": {"group": "KST", "values": ["100"]}},
        }
    )
    item = CATALOGUE["card_purchase"].build(Frame(chart, DEMO_COMPANY_ID, "DKK", TODAY)).payload
    (line,) = item["accountingEntryLines"]
    assert item["contraAccount"]["code"] == "5820"
    assert line["account"]["code"] == "3600"
    assert (line["tax"]["code"], line["tax"]["ingoingTaxAccount"]) == ("17", "6903")
    assert (line["tags"][0]["groupCode"], line["tags"][0]["code"]) == ("KST", "100")


@pytest.mark.parametrize(
    "overrides", [{"accounts": {"walet": "1"}}, {"tax_codes": {"high": "1"}}, {"dimensions": {"team": {}}}]
)
def test_a_slip_in_the_chart_is_told(overrides: dict[str, Any]):
    with pytest.raises(ValueError):
        chart_from(overrides)


async def test_people_accounts_and_tags_keep_their_ids_and_entries_do_not(desk: Desk):
    first, second = (entry["payload"] for entry in await desk.queue("card_purchase", "card_purchase"))
    assert first["user"] == second["user"]
    assert first["contraAccount"] == second["contraAccount"]
    assert first["accountingEntryId"] != second["accountingEntryId"]
    ids = [payload["additionalInformation"]["reconciliationId"] for payload in (first, second)]
    assert len(set(ids)) == 2


async def test_the_control_api_names_seeds_and_takes_a_chart(desk: Desk):
    listed = (await desk.control.get("/sandbox/seeds")).json()
    assert [seed["name"] for seed in listed] == [seed.name for seed in CATALOGUE.values() if seed in named("all")]
    payables = (await desk.control.get("/sandbox/seeds", params={"group": "payables"})).json()
    assert [seed["name"] for seed in payables] == [seed.name for seed in named("payables")]
    entries = await desk.queue("bad", chart={"accounts": {"wallet": "5820"}, "closed_date": "2025-01-15"})
    assert [entry["expected_failure"] for entry in entries] == [seed.expected_failure for seed in BAD]
    closed = next(entry for entry in entries if entry["seed"] == "bad_closed_period")
    assert closed["payload"]["date"].startswith("2025-01-15")
    for body in ({"seeds": ["unheard_of"]}, {"seeds": ["fee"], "chart": {"accounts": {"x": "1"}}}):
        answer = await desk.control.post("/sandbox/expenses", json={"company_id": DEMO_COMPANY_ID, **body})
        assert answer.status_code == 400
    assert len(await desk.queue()) == 0
