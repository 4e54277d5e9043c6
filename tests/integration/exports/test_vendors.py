"""Which vendor an item is booked on: found by its keys, brought to the ERP first, or named to a person."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from ledgerbridge.store.tables import LinkPhase, VendorLink
from tests.integration.exports.payables import (
    ACME,
    BLOCKED,
    Payables,
    chosen,
    invoice,
    paid_back,
    payment,
    purchase,
    spent,
)
from tests.support.double_master import vendor
from tests.support.erp_double import down


def _booked_on(payables: Payables) -> list[str]:
    return [one.bill.vendor.id for one in payables.rig.books.bills if one.bill]


async def _link(payables: Payables, pleo_id: str, erp_id: str, phase: LinkPhase = LinkPhase.LINKED) -> None:
    async with payables.rig.db.transaction() as session:
        session.add(
            VendorLink(connection_id=payables.rig.connection_id, pleo_id=pleo_id, erp_id=erp_id, phase=phase, writes=0)
        )


def _bringing(payables: Payables, bring: Any) -> Payables:
    """The same company, with `bring` in the place of the vendor sync."""
    payables.rig.context = replace(payables.rig.context, bring_vendors=bring)
    return payables


# ------------------------------------------------------------------ not to be guessed


_WRONG = {
    "unknown": (chosen("V9999", "Nobody & Sons"), ["Nobody & Sons", "V9999", "does not exist"]),
    "blocked": (chosen("V0003", "Gone & Forgotten ApS"), ["Gone & Forgotten ApS", "blocked"]),
    "contradictory": (chosen("V0001", externalId="2"), ["Acme Tools ApS", "Pens & Co", "V0002"]),
    "contradictory-tax-id": (
        chosen("V0002", "Pens & Co", taxRegistrationNumber="DK12345674"), ["Pens & Co", "Acme Tools ApS"]
    ),
    "none-chosen": (None, ["vendor", "none is chosen"]),
}  # fmt: skip


@pytest.mark.rule("EXP-VENDOR-07", "EXP-VENDOR-03", "VEN-109", "VEN-104", "VEN-106", "EXP-AP-03", "EXP-DATA-05")
@pytest.mark.parametrize("case", _WRONG)
@pytest.mark.parametrize("told", [purchase, invoice, payment], ids=["purchase", "invoice", "payment"])
async def test_a_vendor_that_is_not_certain_fails_its_item_by_name_while_others_are_booked(
    payables: Payables, case: str, told: Any
) -> None:
    wrong, words = _WRONG[case]
    items = await payables.export(told(vendor=wrong), purchase())

    assert [item["status"] for item in items] == ["failed", "successful"]
    assert items[0]["failureReasonType"] == "vendor_unknown"
    assert [word for word in words if word not in items[0]["failureReason"]] == []
    assert len(payables.rig.books.entries) == 1


@pytest.mark.rule("EXP-VENDOR-07", "EXP-AP-09")
async def test_an_employee_unknown_to_the_erp_fails_by_name_and_number(payables: Payables) -> None:
    stranger = {"name": "Ole Oh", "code": "E777"}
    items = await payables.export(spent("taxi", 100, user=stranger), spent("bus", 100))

    assert [item["status"] for item in items] == ["failed", "successful"]
    assert items[0]["failureReasonType"] == "vendor_unknown"
    assert "Ole Oh" in items[0]["failureReason"]
    assert "E777" in items[0]["failureReason"]


# ------------------------------------------------------------------ the keys


@pytest.mark.rule("EXP-VENDOR-04", "VEN-106")
@pytest.mark.parametrize(
    "keys",
    [
        {"code": "V0001"},
        {"code": None, "externalId": "1"},
        {"code": None, "taxRegistrationNumber": "DK 1234 5674"},
        {"code": "no longer known", "externalId": "1"},
    ],
    ids=["number", "erp-id", "tax-id", "number-changed"],
)
async def test_a_vendor_is_found_by_any_of_its_keys(payables: Payables, keys: dict[str, Any]) -> None:
    await payables.export(purchase(vendor=chosen(**keys)))

    assert _booked_on(payables) == [ACME.id]


@pytest.mark.rule("EXP-VENDOR-05", "VEN-107")
async def test_a_supplier_is_not_looked_at_beside_a_vendor(payables: Payables) -> None:
    await payables.export(purchase(supplier={"name": "Pens & Co", "code": "V0002"}))

    assert _booked_on(payables) == [ACME.id]


@pytest.mark.rule("EXP-VENDOR-06", "EXP-BOOK-03", "VEN-102", "VEN-108")
@pytest.mark.parametrize(
    ("supplier", "found"),
    [
        ({"code": "V0001"}, ACME.id),
        ({"account": "5840"}, "2"),
        ({"taxIdentifier": "DK12345674"}, ACME.id),
        ({"code": "V0001", "account": "5840"}, ACME.id),
        ({"code": "?", "taxIdentifier": "?"}, None),
    ],
    ids=["code", "account", "tax-id", "code-first", "no-hit"],
)
async def test_an_invoice_without_a_method_names_the_vendor_of_its_supplier(
    payables: Payables, supplier: dict[str, str], found: str | None
) -> None:
    told = invoice(method=None, vendor=None, supplier={"name": "Some supplier", **supplier})
    (item,) = await payables.export(told, vendor_based=False)

    assert item["status"] == "successful"
    (entry,) = payables.rig.books.entries.values()
    assert not entry.bill, "a journal entry"
    assert {one.vendor for one in entry.entry.lines if one.credit} == {found}


@pytest.mark.rule("EXP-VENDOR-06", "EXP-AP-04")
async def test_an_invoice_and_its_payment_booked_as_journal_entries_are_matched_too(payables: Payables) -> None:
    legacy = {"method": None, "vendor": None, "supplier": {"name": "Acme", "code": "V0001"}}
    await payables.export(invoice(**legacy), payment(**legacy), vendor_based=False)

    assert payables.owed() == 0


# ------------------------------------------------------------------ read once, and only when needed


async def test_vendors_are_read_once_a_job_and_not_at_all_when_no_item_needs_one(payables: Payables) -> None:
    await payables.export(*[purchase() for _ in range(3)], invoice(), spent("taxi", 100), paid_back(100, "taxi"))
    assert payables.rig.books.calls["vendors"] == 1

    await payables.export(purchase(method="journal", vendor=None), purchase(method=None, vendor=None))
    assert payables.rig.books.calls["vendors"] == 1


@pytest.mark.rule("EXP-VALID-02", "EXP-VALID-09")
async def test_vendors_that_cannot_be_read_are_waited_for(payables: Payables) -> None:
    payables.rig.books.before["vendors"] = [down(), down()]

    (item,) = await payables.export(purchase())

    assert item["status"] == "successful"
    assert payables.rig.books.calls["vendors"] == 3


@pytest.mark.rule("EXP-VALID-09", "EXP-VALID-10")
@pytest.mark.parametrize(
    ("fault", "reads", "kind"),
    [
        (Failure.ERP_UNREACHABLE, 4, "accounting_system_unreachable"),
        (Failure.ERP_AUTHENTICATION, 1, "accounting_system_authentication_failure"),
    ],
    ids=["down", "refused"],
)
async def test_a_job_whose_vendors_cannot_be_read_fails_in_words_and_books_nothing(
    payables: Payables, fault: Failure, reads: int, kind: str
) -> None:
    payables.rig.books.before["vendors"] = [ErpError(problem(fault)) for _ in range(9)]
    job = payables.press(purchase(), purchase())
    await payables.rig.look()

    shown = payables.rig.pleo.job(job)
    assert (shown["status"], shown["failureReasonType"]) == ("failed", kind)
    assert shown["failureReason"]
    assert payables.rig.books.calls["vendors"] == reads
    assert payables.rig.books.calls["book"] == 0, "an item must not fail for a vendor nobody could look up"


# ------------------------------------------------------------------ vendors only Pleo has


@pytest.mark.rule("VEN-110", "VEN-127")
async def test_a_vendor_only_pleo_has_is_brought_to_the_erp_before_its_item_is_booked(payables: Payables) -> None:
    asked: list[tuple[uuid.UUID, Sequence[str]]] = []

    async def bring(connection_id: uuid.UUID, pleo_ids: Sequence[str]) -> None:
        asked.append((connection_id, pleo_ids))
        payables.rig.books.master.vendors.append(vendor(50, pleo_id="pleo-None"))

    items = await _bringing(payables, bring).export(purchase(vendor=chosen(None, "New ApS")), purchase(), spent("t", 5))

    assert [item["status"] for item in items] == ["successful"] * 3
    assert asked == [(payables.rig.connection_id, ("pleo-None", "pleo-V0001"))]
    assert _booked_on(payables)[0] == "50"
    assert payables.rig.books.calls["vendors"] == 1


@pytest.mark.rule("VEN-110")
@pytest.mark.parametrize(
    ("phase", "status"),
    [(LinkPhase.LINKED, "successful"), (LinkPhase.PENDING, "successful"), (LinkPhase.PARKED, "failed")],
)
async def test_a_vendor_that_was_paired_with_one_of_the_erp_is_that_one(
    payables: Payables, phase: LinkPhase, status: str
) -> None:
    await _link(payables, "pleo-None", ACME.id, phase)

    (item,) = await payables.export(purchase(vendor=chosen(None, "Acme")))

    assert item["status"] == status


@pytest.mark.rule("VEN-109", "VEN-110")
async def test_a_pair_whose_erp_vendor_is_blocked_fails_by_name(payables: Payables) -> None:
    await _link(payables, "pleo-None", BLOCKED.id)

    (item,) = await payables.export(purchase(vendor=chosen(None, "Forgotten")))

    assert (item["status"], item["failureReasonType"]) == ("failed", "vendor_unknown")
    assert "Gone & Forgotten ApS" in item["failureReason"]


@pytest.mark.rule("VEN-110")
@pytest.mark.parametrize("trouble", ["raises", "never-ends"])
async def test_a_sync_that_fails_or_takes_too_long_fails_only_the_items_that_needed_it(
    payables: Payables, trouble: str
) -> None:
    async def bring(connection_id: uuid.UUID, pleo_ids: Sequence[str]) -> None:
        if trouble == "raises":
            raise RuntimeError("no")
        await asyncio.sleep(60)

    context = payables.rig.context
    payables.rig.context = replace(context, patience=replace(context.patience, vendors=0.1))
    items = await _bringing(payables, bring).export(purchase(vendor=chosen(None, "New ApS")), purchase())

    assert [item["status"] for item in items] == ["failed", "successful"]
    assert items[0]["failureReasonType"] == "vendor_unknown"
    assert "New ApS" in items[0]["failureReason"]


async def test_nobody_is_asked_for_vendors_when_no_item_names_one(payables: Payables) -> None:
    async def bring(connection_id: uuid.UUID, pleo_ids: Sequence[str]) -> None:
        raise AssertionError(pleo_ids)

    await _bringing(payables, bring).export(spent("taxi", 100), purchase(method="journal", vendor=None))

    assert payables.rig.books.calls["vendors"] == 1
