"""Bills, credit notes and payments: what an item leaves in its vendor's books, whichever job its other half is in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.port import ErpError
from tests.integration.exports.payables import (
    EMPLOYEE,
    PENS,
    Payables,
    chosen,
    invoice,
    line,
    paid_back,
    payment,
    purchase,
    returned,
    spent,
)
from tests.support.double_master import vendor
from tests.support.erp_double import CODES
from tests.support.rig import Killed, Rig

THOUSAND = Decimal(1000)


def _successful(items: list[dict[str, object]]) -> bool:
    return all(item["status"] == "successful" for item in items)


@pytest.mark.rule("EXP-AP-01", "EXP-AP-10", "EXP-BOOK-02", "EXP-AP-05")
async def test_a_card_purchase_is_a_bill_and_its_payment_settled_at_once(payables: Payables) -> None:
    (item,) = await payables.export(purchase())

    (entry,) = payables.rig.books.bills
    assert item["externalId"] == f"BILL-{entry.id}"
    assert item["externalUrl"] == f"https://erp.example/{entry.id}"
    assert entry.bill is not None
    assert entry.bill.total == THOUSAND
    assert entry.bill.payment is not None
    assert payables.owed() == 0
    assert await payables.states() == [], "nothing is left to be matched"


@pytest.mark.rule("EXP-AP-02", "EXP-AP-04", "EXP-BOOK-02")
@pytest.mark.parametrize("order", ["invoice-first", "payment-first"])
async def test_an_invoice_and_its_payment_find_each_other_over_two_jobs(payables: Payables, order: str) -> None:
    first, second = (invoice(), payment()) if order == "invoice-first" else (payment(), invoice())

    assert _successful(await payables.export(first)), "the missing half is no error"
    assert abs(payables.owed()) == THOUSAND
    assert await payables.open_claims() == 1
    assert _successful(await payables.export(second))

    assert payables.owed() == 0
    assert {state for _, state in await payables.states()} == {"settled"}
    assert await payables.open_claims() == 0
    assert await payables.timeline("settled") == [{"groups": 1}]


@pytest.mark.rule("EXP-BOOK-05", "EXP-BOOK-02", "EXP-BOOK-03", "EXP-VENDOR-03")
async def test_methods_are_mixed_in_one_job_item_by_item(payables: Payables) -> None:
    items = await payables.export(
        purchase(),
        purchase(method="journal", vendor=None),
        purchase(method="none", vendor=None),
        purchase(method=None, vendor=None),
    )

    assert _successful(items)
    assert len(payables.rig.books.bills) == 1
    assert len(payables.rig.books.entries) == 4


@pytest.mark.rule("EXP-AP-08", "EXP-AP-09", "EXP-AP-04", "VEN-112")
async def test_expenses_of_an_employee_are_settled_by_the_reimbursement_that_names_them(payables: Payables) -> None:
    await payables.export(spent("taxi", 30_000), spent("ride", 12_500, "mileage"), spent("tip", 500))
    assert payables.owed(EMPLOYEE.id) == 430

    await payables.export(paid_back(42_500, "taxi", "ride"))

    assert payables.owed(EMPLOYEE.id) == 5
    assert [state for _, state in await payables.states()] == ["settled", "settled", "open", "settled"]


@pytest.mark.rule("EXP-AP-04")
async def test_a_reimbursement_less_what_the_employee_owed_settles_all_three(payables: Payables) -> None:
    await payables.export(spent("taxi", 30_000), spent("toy", 10_000, "personal_spend"))

    await payables.export(paid_back(20_000, "taxi", "toy"))

    assert payables.owed(EMPLOYEE.id) == 0
    assert {state for _, state in await payables.states()} == {"settled"}


@pytest.mark.rule("EXP-AP-04", "EXP-AP-02")
@pytest.mark.parametrize("jobs", ["one-job", "three-jobs"])
async def test_a_returned_payment_reopens_the_bill_and_a_second_payment_settles_it(
    payables: Payables, jobs: str
) -> None:
    told = [invoice(), payment(), returned()]
    for batch in [told] if jobs == "one-job" else [[one] for one in told]:
        assert _successful(await payables.export(*batch))

    assert payables.owed() == THOUSAND
    states = dict(await payables.states())
    assert (states["payment"], states["returned"]) == ("undone", "undone")
    assert await payables.open_claims() == 1

    await payables.export(payment())

    assert payables.owed() == 0
    assert await payables.open_claims() == 0


@pytest.mark.rule("EXP-AP-04")
async def test_a_returned_reimbursement_makes_its_expenses_owed_again(payables: Payables) -> None:
    await payables.export(spent("taxi", 30_000), spent("ride", 12_500, "mileage"))
    await payables.export(paid_back(42_500, "taxi", "ride"))
    back = paid_back(42_500, "taxi", "ride", sub_type="reimbursement_to_employee_refund")

    await payables.export(back)

    assert payables.owed(EMPLOYEE.id) == 425
    assert [state for _, state in await payables.states()] == ["reopened", "reopened", "undone", "undone"]

    await payables.export(paid_back(42_500, "taxi", "ride"))

    assert payables.owed(EMPLOYEE.id) == 0


@pytest.mark.rule("EXP-AP-04")
async def test_a_payment_and_its_return_cancel_out_where_the_bill_never_came(payables: Payables) -> None:
    await payables.export(payment())
    await payables.export(returned())

    assert payables.owed() == 0
    assert await payables.states() == [("payment", "undone"), ("returned", "undone")]


@pytest.mark.rule("EXP-AP-06")
@pytest.mark.parametrize("kind", ["refund", "chargeback", "cashback"])
async def test_money_back_from_a_vendor_is_a_credit_note(payables: Payables, kind: str) -> None:
    assert _successful(await payables.export(purchase(type=kind)))

    (entry,) = payables.rig.books.bills
    assert entry.bill is not None
    assert entry.bill.credit_note
    payable = next(one for one in entry.entry.lines if one.vendor)
    assert payable.debit == THOUSAND
    assert payables.owed() == 0


@pytest.mark.rule("EXP-ACCT-07", "EXP-AP-07", "EXP-VENDOR-08")
async def test_the_payable_account_is_the_vendors_own_else_the_one_for_all(payables: Payables) -> None:
    await payables.export(invoice(), invoice(vendor=chosen("V0002", "Pens & Co")))

    used = {one.vendor: one.account.code for each in payables.rig.books.bills for one in each.entry.lines if one.vendor}
    assert used == {"1": CODES["payable"], PENS.id: PENS.payable}


async def test_a_split_is_one_bill(payables: Payables) -> None:
    lines = [line(60_000, tax=15_000), line(20_000, CODES["travel"], tax=5_000)]

    await payables.export(invoice(lines=lines))

    (entry,) = payables.rig.books.bills
    assert entry.bill is not None
    assert entry.bill.total == THOUSAND
    assert {one.account.code for one in entry.entry.lines} == {"6000", "6100", CODES["input_vat"], CODES["payable"]}


@pytest.mark.rule("EXP-AP-04")
async def test_two_invoices_of_one_number_and_amount_stay_open_rather_than_guessed(payables: Payables) -> None:
    await payables.export(invoice(), invoice(), payment())

    assert payables.owed() == THOUSAND
    assert {state for _, state in await payables.states()} == {"open"}
    assert await payables.open_claims() == 3
    assert payables.rig.books.calls["settle"] == 0


@pytest.mark.rule("EXP-AP-04")
async def test_vendors_do_not_pay_each_others_bills(payables: Payables) -> None:
    await payables.export(invoice(), payment(vendor=chosen("V0002", "Pens & Co")))

    assert payables.owed() == THOUSAND
    assert {state for _, state in await payables.states()} == {"open"}


@pytest.mark.rule("EXP-IDEM-03", "EXP-IDEM-07")
async def test_a_bill_exported_again_is_the_same_bill_and_a_changed_one_is_refused(payables: Payables) -> None:
    (first,) = await payables.export(invoice())
    entry = first["accountingEntryId"]
    (again,) = await payables.export(entry_ids=[entry])

    assert again["externalId"] == first["externalId"]
    assert payables.owed() == THOUSAND
    assert await payables.states() == [("bill", "open")]

    changed = {"vendor": chosen("V0002", "Pens & Co")}
    payables.rig.pleo.control("POST", f"/expenses/{entry}/unexport", {"changes": changed})
    (other,) = await payables.export(entry_ids=[entry])

    assert other["status"] == "failed"
    assert first["externalId"] in other["failureReason"]
    assert len(payables.rig.books.bills) == 1


@pytest.mark.rule("EXP-IDEM-07", "EXP-AP-04")
async def test_a_bill_a_person_removed_is_booked_anew_and_finds_its_payment_again(payables: Payables) -> None:
    (first,) = await payables.export(invoice())
    await payables.export(payment())
    (bill,) = payables.rig.books.bills
    payables.rig.books.matches.reopen([bill])
    del payables.rig.books.entries[bill.id]

    await payables.export(entry_ids=[first["accountingEntryId"]])

    assert payables.owed() == 0
    assert {state for _, state in await payables.states()} == {"settled"}


@pytest.mark.rule("EXP-VALID-08")
async def test_a_vendor_based_job_fails_as_a_whole_where_no_bills_are_booked(rig: Rig) -> None:
    job = Payables(rig).press(purchase())
    await rig.look()

    shown = rig.pleo.job(job)
    assert shown["status"] == "failed"
    assert shown["failureReasonType"] == "invalid_configuration"
    assert "accounts payable" in shown["failureReason"]
    assert rig.books.calls["book"] == 0


@pytest.mark.rule("EXP-VALID-03", "EXP-VALID-08")
async def test_an_erp_not_set_up_for_bills_says_so_before_the_first_item(payables: Payables) -> None:
    fault = ErpError(problem(Failure.BILLS_NOT_SET_UP, missing="fiscal year 2026 has no numbering for invoices"))
    payables.rig.books.before["preflight_bills"] = [fault]
    job = payables.press(purchase())
    await payables.rig.look()

    shown = payables.rig.pleo.job(job)
    assert (shown["status"], {item["status"] for item in shown["items"]}) == ("failed", {"abandoned"})
    assert "fiscal year 2026" in shown["failureReason"]
    assert payables.rig.books.calls["book"] == 0


async def test_a_job_without_bills_does_not_ask_for_their_set_up(payables: Payables) -> None:
    payables.rig.books.before["preflight_bills"] = [ErpError(problem(Failure.BILLS_NOT_SET_UP, missing="all"))]

    job = payables.rig.pleo.export(payables.rig.pleo.queue("card_purchase"))
    await payables.rig.look()

    assert payables.rig.pleo.job(job)["status"] == "completed"


@pytest.mark.rule("EXP-VENDOR-07")
async def test_the_seeds_of_accounts_payable_end_as_they_say(payables: Payables) -> None:
    rig = payables.rig
    rig.books.master.vendors.append(vendor(9, code="GEN9"))
    rig.pleo.control("POST", f"/companies/{rig.pleo.company_id}/vendors", {"items": [_SYNCED]})
    rig.books.master.vendors += [vendor(100, code="1001"), vendor(101, code="1002"), vendor(102, code="1003")]
    ids = rig.pleo.queue("payables")

    job = rig.pleo.export(ids, vendor_based=True)
    await rig.look()

    expected = {one["id"]: one["expected_failure"] for one in rig.pleo.control("GET", _expenses(rig.pleo.company_id))}
    items = rig.pleo.items(job)
    assert {entry: item.get("failureReasonType") for entry, item in items.items()} == {i: expected[i] for i in ids}


_SYNCED = {"name": "Nordic Supplies A/S", "code": "GEN9", "externalId": "9", "state": "ACTIVE"}


def _expenses(company_id: str) -> str:
    return f"/expenses?company_id={company_id}"


@pytest.mark.rule("EXP-AP-10", "EXP-REC-04")
async def test_a_bill_an_interrupted_attempt_left_is_booked_on_until_its_payment_is_there(payables: Payables) -> None:
    payables.press(purchase())
    payables.rig.books.after["book"] = [Killed()]
    with pytest.raises(Killed):
        await payables.rig.look()
    (left,) = payables.rig.books.entries.values()
    assert left.bill is not None
    left.document = replace(left.bill, payment=None)  # a person made it final before the payment was written
    left.final = True
    await payables.rig.expire_lease()

    await payables.rig.look()

    assert payables.rig.books.calls["book"] == 2
    assert len(payables.rig.books.entries) == 1
