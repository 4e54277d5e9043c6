"""How bills stand in a real Tryton, and what its set-up must be for them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.payables import Bill
from ledgerbridge.bookkeeping.problem import Failure, Problem
from ledgerbridge.bookkeeping.words import JournalEntry, Money
from ledgerbridge.erp.conformance.bench import PLEO_COMPANY, Record, account, entry
from ledgerbridge.erp.conformance.payables import bill, payment, tax_called, taxed, vendor
from ledgerbridge.erp.port import Booked, Erp, ErpError
from tests.support.tryton_bench import TrytonBench


async def wanted_bill(bench: TrytonBench, **more: Any) -> Bill:
    return bill(await bench.chart(), bench.facts, more.pop("owed_to", None) or await vendor(bench), **more)


async def problem_of(erp: Erp, wanted: Bill | JournalEntry) -> Problem:
    with pytest.raises(ErpError) as caught:
        await erp.book(wanted, (), final=True)
    assert not caught.value.outcome_unknown
    return caught.value.problem


async def booked(bench: TrytonBench, wanted: Bill | JournalEntry) -> Booked:
    async with bench.opened() as erp:
        return await erp.book(wanted, (), final=True)


async def raw(bench: TrytonBench, made: Booked, fields: str) -> dict[str, Any]:
    (row,) = await bench.search("account.invoice", [["id", "=", int(made.id)]], fields)
    return row


# ------------------------------------------------------------------ how a bill stands


@pytest.mark.rule("EXP-IDEM-02", "EXP-AP-10")
async def test_the_key_ends_the_description_and_the_suppliers_number_is_the_reference(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench, number="INV-1", paid=True)
    made = await booked(bench, wanted)
    row = await raw(bench, made, "description reference move.description")
    id_ = wanted.key.accounting_entry_id
    assert row["description"].endswith(f" [PLEO:{id_}]")
    assert (row["reference"], row["move"]["description"]) == ("INV-1", None)
    (paying,) = await bench.entries(id_)
    assert paying.text.endswith(f" [PLEO:{id_}#payment]")
    assert made.url
    assert made.url.endswith(f"/model/account.invoice/{made.id}")


@pytest.mark.rule("EXP-AP-05", "EXP-PERIOD-07")
async def test_dates_of_document_posting_and_payment_are_kept_apart(bench: TrytonBench) -> None:
    plain = await wanted_bill(bench)
    days = {"invoice_date": dt.date(2025, 11, 3), "due_date": bench.facts.open_date + dt.timedelta(days=30)}
    row = await raw(
        bench,
        await booked(bench, replace(plain, **days)),
        "invoice_date accounting_date move.date lines_to_pay.maturity_date",
    )
    assert row["invoice_date"] == days["invoice_date"]
    assert row["accounting_date"] == row["move"]["date"] == bench.facts.open_date
    assert [line["maturity_date"] for line in row["lines_to_pay"]] == [days["due_date"]]


async def test_every_line_carries_its_own_dimensions(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    tax = tax_called(chart, facts.tax)
    first, second = [("CC", "CC01"), ("PRJ", "PRJ01")], [("CC", "CC02"), ("PRJ", "PRJ02")]
    lines = [
        *taxed(chart, facts, "70.00", "17.50", tax, dimensions=first),
        *taxed(chart, facts, "-30.00", "-7.50", tax, dimensions=second),
    ]
    made = await booked(bench, await wanted_bill(bench, lines=lines))
    move = (await raw(bench, made, "move"))["move"]
    expense = [line for line in await bench.lines(str(move)) if line.account == facts.expense]
    assert sorted((line.amount, line.dimensions) for line in expense) == [
        (Decimal("-30.00"), [("CC02", Decimal("-30.00")), ("PRJ02", Decimal("-30.00"))]),
        (Decimal("70.00"), [("CC01", Decimal("70.00")), ("PRJ01", Decimal("70.00"))]),
    ]
    assert all(line.complete for line in expense)


@pytest.mark.rule("EXP-TAX-08")
async def test_vat_on_another_account_than_the_taxs_own_is_told_to_the_vat_return(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    base, vat = taxed(chart, facts, "100.00", "24.99", tax_called(chart, facts.tax))
    wanted = await wanted_bill(bench, lines=[base, replace(vat, account=account(chart, facts.wallet))])
    await booked(bench, wanted)
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    part = base.taxes[0].tax_id
    assert standing.booked[facts.wallet] == Decimal("24.99")
    assert standing.taxes == [(part, "base", Decimal("100.00")), (part, "tax", Decimal("24.99"))]


@pytest.mark.rule("EXP-TAX-08")
async def test_a_tax_no_longer_in_force_keeps_the_amounts_of_the_receipt(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    tax = tax_called(chart, facts.tax)
    lines = taxed(chart, facts, "100.00", "24.99", tax)
    wanted = await wanted_bill(bench, lines=lines)
    path = f"model/account.tax/{tax.id}"
    await bench.send("PUT", path, {"end_date": facts.open_date - dt.timedelta(days=1)})
    try:
        await booked(bench, wanted)
    finally:
        await bench.send("PUT", path, {"end_date": None})
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    assert standing.booked[facts.vat] == Decimal("24.99")
    assert len(standing.taxes) == 2


@pytest.mark.rule("EXP-AP-05")
async def test_a_purchase_on_an_account_of_the_balance_sheet_is_billed(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    base, vat = taxed(chart, facts, "100.00", "25.00", tax_called(chart, facts.tax))
    wanted = await wanted_bill(bench, lines=[replace(base, account=account(chart, facts.wallet), dimensions=()), vat])
    await booked(bench, wanted)
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    assert (standing.booked[facts.wallet], standing.owed) == (Decimal("100.00"), Decimal("125.00"))
    assert [kind for _, kind, _ in standing.taxes] == ["base", "tax"]


@pytest.mark.rule("EXP-FX-03", "EXP-FX-04")
async def test_a_foreign_bill_is_in_our_currency_with_pleos_amounts_and_names_the_suppliers(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    lines = taxed(chart, facts, "745.63", "186.41", tax_called(chart, facts.tax))
    lines = [replace(line, foreign=Money(100_00 if line.dimensions == () else 1, "EUR")) for line in lines]
    wanted = await wanted_bill(bench, lines=lines)
    made = await booked(bench, wanted)
    row = await raw(bench, made, "currency.code total_amount lines.description move.lines.second_currency")
    assert (row["currency"]["code"], row["total_amount"]) == (facts.currency, Decimal("932.04"))
    assert [line["description"] for line in row["lines"]] == ["Hosting in November (EUR 100.00)"]
    assert {line["second_currency"] for line in row["move"]["lines"]} == {None}


@pytest.mark.rule("EXP-AP-07")
@pytest.mark.parametrize("code", ["payable_of_some_vendors", "payable_without_party"])
async def test_each_vendor_is_owed_on_its_own_account(bench: TrytonBench, code: str, tryton_servers: Any) -> None:
    number = tryton_servers.template.facts["companies"]["DK"]["accounts"][code]
    elsewhere = TrytonBench(bench.at, replace(bench.facts, payable=number))
    wanted = await wanted_bill(elsewhere, paid=True)
    await booked(elsewhere, wanted)
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    assert standing.paid
    assert number not in {code for code, amount in standing.booked.items() if amount > 0}
    assert standing.booked[number] == -wanted.total


@pytest.mark.rule("EXP-AP-08")
async def test_an_employee_is_owed_as_a_vendor_and_the_reimbursement_settles_it(
    bench: TrytonBench, tryton_servers: Any
) -> None:
    async with bench.opened() as erp:
        code = tryton_servers.template.facts["vendors"]["employees"][0]
        (employee,) = [each for each in await erp.vendors() if each.code == code]
        chart, facts = await bench.chart(), bench.facts
        lines = [replace(line, taxes=()) for line in taxed(chart, facts, "42.00", "0.00", tax_called(chart, facts.tax))]
        owed = bill(chart, facts, employee, lines=lines)
        back = payment(chart, facts, employee, Decimal("42.00"))
        refs = [(await erp.book(owed, (), final=True)).ref, (await erp.book(back, (), final=True)).ref]
        assert await erp.settle(refs)
    (standing,) = await bench.bills(owed.key.accounting_entry_id)
    assert standing.paid


async def test_lines_that_cancel_each_other_out_owe_nobody_and_are_a_journal_entry(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    tax = tax_called(chart, facts.tax)
    there, back = taxed(chart, facts, "10.00", "0.00", tax), taxed(chart, facts, "-10.00", "0.00", tax)
    wanted = await wanted_bill(bench, lines=[*there, *back])
    whole = replace(wanted.entry, lines=wanted.entry.lines[:-1])
    made = await booked(bench, replace(wanted, entry=whole))
    assert [each.id for each in await bench.entries(wanted.key.accounting_entry_id)] == [made.id]


# ------------------------------------------------------------------ refusals, in words


async def test_a_bill_that_stands_already_by_hand_is_named(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench, number="DUP-1")
    by_hand = replace(wanted.entry, key=replace(wanted.key, accounting_entry_id=str(uuid4())))
    first = await booked(bench, replace(wanted, entry=by_hand))
    async with bench.opened() as erp:
        found = await problem_of(erp, wanted)
    assert found.failure is Failure.BILL_SIMILAR
    assert all(word in found.text for word in (str(first.number), wanted.vendor.name, "DUP-1"))
    assert not await bench.bills(wanted.key.accounting_entry_id)


async def test_a_second_draft_of_ours_is_cleared_away(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench, number="STRAY-1")
    async with bench.opened() as erp:
        draft = await erp.book(wanted, (), final=False)
        fields = "description party invoice_address account journal currency reference invoice_date accounting_date"
        copied = {
            name: value for name, value in (await raw(bench, draft, fields)).items() if name not in ("id", "__name__")
        }
        values = copied | {"type": "in", "company": bench.at.company}
        await bench.send("POST", "model/account.invoice", values, user="erp_integration")
        assert len(await bench.bills(wanted.key.accounting_entry_id)) == 2
        made = await erp.book(wanted, (), final=True)
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    assert (standing.id, standing.final) == (made.id, True)


@pytest.mark.parametrize("how", ["inactive", "gone", "no_address"])
async def test_a_vendor_that_cannot_be_billed_is_named(bench: TrytonBench, how: str) -> None:
    owed_to = await vendor(bench)
    expected = {
        "inactive": Failure.VENDOR_BLOCKED,
        "gone": Failure.VENDOR_UNKNOWN,
        "no_address": Failure.VENDOR_WITHOUT_ADDRESS,
    }
    if how == "inactive":
        await bench.switch_off(Record.VENDOR, owed_to.id)
    elif how == "gone":
        owed_to = replace(owed_to, id="99999999")
    else:
        for row in await bench.search("party.address", [["party", "=", int(owed_to.id)]], "id"):
            await bench.send("DELETE", f"model/party.address/{row['id']}")
    wanted = await wanted_bill(bench, owed_to=owed_to)
    async with bench.opened() as erp:
        found = await problem_of(erp, wanted)
    assert found.failure is expected[how]
    assert owed_to.name in found.text
    assert not await bench.bills(wanted.key.accounting_entry_id)


async def test_a_closed_account_on_a_bill_is_named(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    base, vat = taxed(chart, facts, "100.00", "25.00", tax_called(chart, facts.tax))
    gone = replace(base.account, id="99999999", code="9999", name="Gone")
    async with bench.opened() as erp:
        found = await problem_of(erp, await wanted_bill(bench, lines=[replace(base, account=gone), vat]))
    assert found.failure is Failure.ACCOUNT_UNKNOWN
    assert "9999" in found.text


async def test_an_account_that_is_no_payable_is_named(bench: TrytonBench) -> None:
    elsewhere = TrytonBench(bench.at, replace(bench.facts, payable=bench.facts.wallet))
    wanted = await wanted_bill(elsewhere)
    async with bench.opened() as erp:
        found = await problem_of(erp, wanted)
    assert found.failure is Failure.VENDOR_ACCOUNT_UNKNOWN
    assert bench.facts.wallet in found.text


async def test_a_journal_for_other_things_takes_no_bills(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench)
    misc = next(journal for journal in (await bench.chart()).journals if journal.code == "MISC")
    async with bench.opened() as erp:
        found = await problem_of(erp, replace(wanted, entry=replace(wanted.entry, journal=misc)))
    assert found.failure is Failure.JOURNAL_TAKES_NO_BILLS
    assert "MISC" in found.text


@pytest.mark.rule("EXP-AP-03")
async def test_a_payment_to_a_vendor_that_is_gone_is_refused(bench: TrytonBench) -> None:
    gone = ErpVendor("99999999", None, "Gone", None, None, None, None, None, active=True)
    async with bench.opened() as erp:
        found = await problem_of(erp, payment(await bench.chart(), bench.facts, gone, Decimal("1.00")))
    assert found.failure is Failure.VENDOR_UNKNOWN


async def test_a_party_is_left_off_an_account_that_forbids_one(bench: TrytonBench) -> None:
    owed_to = await vendor(bench)
    plain = entry(await bench.chart(), bench.facts)
    lines = (*plain.lines[:2], replace(plain.lines[2], vendor=owed_to.id))
    assert (await booked(bench, replace(plain, lines=lines))).final


# ------------------------------------------------------------------ the set-up


async def test_a_set_up_that_can_take_bills_passes(bench: TrytonBench) -> None:
    async with bench.opened() as erp:
        await erp.preflight(final=True, bills=True)
        assert await erp.matching_limits() is None


@pytest.mark.rule("EXP-VALID-03")
async def test_a_user_without_rights_to_bills_is_told_before_any_item(bench: TrytonBench) -> None:
    settings = bench.settings | {"api_key": bench.at.keys["erp_nogroups"]}
    async with bench.adapter.open(settings) as erp:
        with pytest.raises(ErpError) as caught:
            await erp.preflight(bills=True)
    assert caught.value.problem.failure is Failure.ERP_FORBIDDEN


async def test_a_company_without_numbering_for_bills_is_told_before_any_item(bench: TrytonBench) -> None:
    other = bench.at.other_company
    rows = await bench.search("account.fiscalyear.invoice_sequence", [["company", "=", other]], "id")
    for row in rows:
        await bench.send("DELETE", f"model/account.fiscalyear.invoice_sequence/{row['id']}")
    async with bench.adapter.open(bench.settings | {"company": other}) as erp:
        await erp.preflight(final=True)
        with pytest.raises(ErpError) as caught:
            await erp.preflight(final=True, bills=True)
    assert caught.value.problem.failure is Failure.BILLS_NOT_SET_UP
    assert re.search(r"fiscal year 20\d\d", caught.value.problem.text)


@pytest.mark.rule("EXP-AP-04")
async def test_a_user_who_may_not_take_matches_apart_says_so_and_changes_nothing(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench, paid=True)
    made = await booked(bench, wanted)
    settings = bench.settings | {"api_key": bench.at.keys["erp_entries"]}
    async with bench.adapter.open(settings) as erp:
        await erp.preflight(final=True, bills=True)
        assert "apart" in str(await erp.matching_limits())
        assert not await erp.reopen([made.ref])
    (standing,) = await bench.bills(wanted.key.accounting_entry_id)
    assert standing.paid


@pytest.mark.rule("EXP-AP-04")
async def test_a_match_with_a_write_off_is_left_to_a_person(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    owed = await wanted_bill(bench)
    off = next(journal for journal in chart.journals if journal.code == "EXC")
    away = replace(payment(chart, facts, owed.vendor, owed.total), journal=off)
    async with bench.opened() as erp:
        refs = [(await erp.book(owed, (), final=True)).ref, (await erp.book(away, (), final=True)).ref]
        assert await erp.settle(refs)
        assert not await erp.reopen(refs[:1])
    assert (await bench.bills(owed.key.accounting_entry_id))[0].paid


async def test_documents_that_are_gone_or_cancelled_are_not_settled(bench: TrytonBench) -> None:
    owed = await wanted_bill(bench)
    made = await booked(bench, owed)
    async with bench.opened() as erp:
        paid = (await erp.book(payment(await bench.chart(), bench.facts, owed.vendor, owed.total), (), final=True)).ref
        assert not await erp.settle([replace(made.ref, id="99999999"), paid])
        await bench.cancel_bill(made.id)
        assert not await erp.settle([made.ref, paid])
        assert not await erp.find(owed.key.accounting_entry_id, PLEO_COMPANY)


@pytest.mark.rule("EXP-REC-04")
async def test_a_payment_somebody_matched_by_hand_is_not_taken_away_from_there(bench: TrytonBench) -> None:
    chart, facts = await bench.chart(), bench.facts
    owed = await wanted_bill(bench)
    other = bill(chart, facts, owed.vendor)
    async with bench.opened() as erp:
        one, two = [(await erp.book(each, (), final=True)).ref for each in (owed, other)]
        paid = (await erp.book(payment(chart, facts, owed.vendor, owed.total), (), final=True)).ref
        assert await erp.settle([two, paid])
        assert not await erp.settle([one, paid])
    assert not (await bench.bills(owed.key.accounting_entry_id))[0].paid
    assert (await bench.bills(other.key.accounting_entry_id))[0].paid


@pytest.mark.rule("EXP-AP-04", "EXP-AP-10")
async def test_a_bill_a_person_made_final_is_settled_with_the_payment_it_came_with(bench: TrytonBench) -> None:
    wanted = await wanted_bill(bench, paid=True)
    key = wanted.key.accounting_entry_id
    async with bench.opened() as erp:
        draft = await erp.book(wanted, (), final=False)
        assert not await erp.settle([draft.ref])
        await bench.send("POST", f"model/account.invoice/{draft.id}/post", {})
        assert not await erp.settle([draft.ref]), "its payment is a draft still"
        (paying,) = await bench.search("account.move", [["description", "like", f"%[PLEO:{key}#payment]"]], "state")
        await bench.post(str(paying["id"]))

        assert await erp.settle([draft.ref])
        assert await erp.settle([draft.ref])

    (standing,) = await bench.bills(key)
    assert standing.paid
