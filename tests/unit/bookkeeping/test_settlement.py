"""Which bills and payments find each other, and which must wait for a person."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.payables import Claim, Side
from ledgerbridge.bookkeeping.settlement import match, payables_of
from ledgerbridge.bookkeeping.words import ExportItem, InvoiceInformation, Supplier

from .books import document, item, line, payable_item, vat

INVOICE = InvoiceInformation("INV-7", dt.date(2026, 10, 20), "paid", None, None)


def of(what: ExportItem) -> Claim | None:
    return payables_of(what, document(what))


def claim(entry: str, side: Side = Side.BILL, amount: str = "100.00", **other: Any) -> Claim:
    values: dict[str, Any] = {"vendor_id": "e1", "currency": "DKK", "reconciliation_id": f"REC-{entry}"}
    return Claim(entry=entry, side=side, amount=Decimal(amount), **(values | other))


# ------------------------------------------------------------------ what a document leaves open


@pytest.mark.rule("EXP-AP-04")
@pytest.mark.parametrize(
    ("type_", "sub_type", "side", "settled", "who"),
    [
        ("card_purchase", None, Side.BILL, True, "e1"),
        ("invoice", None, Side.BILL, False, "e1"),
        ("mileage", None, Side.BILL, False, "e3"),
        ("refund", None, Side.CREDIT_NOTE, True, "e1"),
        ("invoice_payment", "invoice_payment_sent", Side.PAYMENT, False, "e1"),
        ("invoice_payment", "invoice_payment_returned", Side.RETURNED, False, "e1"),
        ("direct_reimbursement", None, Side.PAYMENT, False, "e3"),
        ("external_reimbursement", "reimbursement_to_company", Side.RETURNED, False, "e3"),
        ("personal_spend", None, Side.PAYMENT, False, "e3"),
    ],
)
def test_a_document_claims_what_it_leaves_on_the_vendors_account(
    type_: str, sub_type: str | None, side: Side, settled: bool, who: str
) -> None:
    found = of(payable_item(type_, sub_type=sub_type))
    assert found is not None
    assert (found.side, found.settled, found.vendor_id, found.amount, found.currency) == (
        side,
        settled,
        who,
        Decimal("100.00"),
        "DKK",
    )


def test_a_claim_carries_what_its_counterpart_knows_it_by() -> None:
    found = of(payable_item("invoice_payment", invoice=INVOICE, reconciled_entries=(" REC-9", "", "REC-9", "REC-1")))
    assert found is not None
    assert (found.entry, found.number, found.reconciliation_id, found.settles) == (
        "entry-1",
        "INV-7",
        "REC-1",
        ("REC-9",),
    )


def test_what_is_claimed_leaves_out_vat_booked_both_ways() -> None:
    found = of(payable_item("invoice", lines=[line(10_000, tax=vat(2_500, "reverse", "RC25"))]))
    assert found is not None
    assert found.amount == 100


def test_a_journal_entry_that_names_a_vendor_claims_as_well() -> None:
    found = of(item("invoice", supplier=Supplier(name="Acme", code="V1"), invoice=INVOICE))
    assert found is not None
    assert (found.side, found.vendor_id, found.number) == (Side.BILL, "e1", "INV-7")


@pytest.mark.parametrize("what", [item("invoice"), item("card_purchase"), payable_item("wallet_topup")])
def test_what_names_no_vendor_claims_nothing(what: ExportItem) -> None:
    assert of(what) is None


# ------------------------------------------------------------------ by invoice number and amount

BILL = claim("b", number="INV-7")
PAID = claim("p", Side.PAYMENT, number="INV-7")
BACK = claim("r", Side.RETURNED, number="INV-7")


@pytest.mark.rule("EXP-AP-04", "EXP-AP-02")
def test_an_invoice_and_its_payment_meet_whichever_comes_first() -> None:
    bill, paid = (
        of(payable_item(type_, invoice=INVOICE, accounting_entry_id=type_)) for type_ in ("invoice", "invoice_payment")
    )
    assert bill is not None
    assert paid is not None
    assert match(paid, [bill]) == (bill,)
    assert match(bill, [paid]) == (paid,)
    assert match(BILL, []) == match(PAID, []) == ()


@pytest.mark.rule("EXP-AP-04")
@pytest.mark.parametrize(
    "other",
    [
        replace(BILL, number="INV-8"),
        replace(BILL, number="inv-7"),
        replace(BILL, number=None),
        replace(BILL, amount=Decimal("100.01")),
        replace(BILL, vendor_id="e2"),
        replace(BILL, currency="EUR"),
        replace(BILL, settled=True),
        replace(BILL, side=Side.CREDIT_NOTE),
        replace(BILL, side=Side.PAYMENT),
        replace(BILL, entry="p"),
    ],
)
def test_number_amount_and_vendor_must_all_agree(other: Claim) -> None:
    assert match(PAID, [other]) == ()


def test_a_payment_without_number_and_names_waits() -> None:
    assert match(replace(PAID, number=None), [replace(BILL, number=None)]) == ()


@pytest.mark.rule("EXP-AP-04")
def test_two_answers_are_none() -> None:
    twin_bill, twin_payment = replace(BILL, entry="b2"), replace(PAID, entry="p2")
    assert match(PAID, [BILL, twin_bill]) == ()
    assert match(BILL, [PAID, twin_payment]) == ()
    assert match(PAID, [BILL, twin_payment]) == ()
    assert match(PAID, [BILL, replace(twin_bill, settled=True)]) == (BILL,)


# ------------------------------------------------------------------ by reconciliation ids


@pytest.mark.rule("EXP-AP-08", "EXP-AP-04", "EXP-MAP-05")
def test_a_reimbursement_meets_the_expenses_it_names() -> None:
    taxi, hotel, other = claim("t", amount="60.00"), claim("h", amount="40.00"), claim("o")
    paid = claim("p", Side.PAYMENT, settles=("REC-t", "REC-h"))
    assert match(paid, [taxi, hotel, other]) == (taxi, hotel)
    assert set(match(hotel, [taxi, other, paid])) == {taxi, paid}
    assert match(other, [taxi, hotel, paid]) == ()


@pytest.mark.rule("EXP-AP-04")
def test_a_reimbursement_waits_until_all_it_names_are_there() -> None:
    paid = claim("p", Side.PAYMENT, settles=("REC-t", "REC-h"))
    assert match(paid, [claim("t")]) == ()
    assert match(claim("t"), [paid]) == ()


@pytest.mark.rule("EXP-TYPE-17")
def test_what_the_employee_owed_is_set_off_when_it_is_named_and_waits_when_it_is_not() -> None:
    hotel, private = claim("h", amount="100.00"), claim("x", Side.PAYMENT, "30.00")
    named = claim("p", Side.PAYMENT, "70.00", settles=("REC-h", "REC-x"))
    assert match(named, [private, hotel]) == (private, hotel)
    assert match(replace(named, settles=("REC-h",)), [private, hotel]) == ()


def test_two_reimbursements_of_one_expense_wait_for_each_other() -> None:
    hotel = claim("h", amount="100.00")
    first = claim("p1", Side.PAYMENT, "60.00", settles=("REC-h",))
    second = claim("p2", Side.PAYMENT, "40.00", settles=("REC-h",))
    assert match(first, [hotel]) == ()
    assert set(match(second, [hotel, first])) == {hotel, first}


@pytest.mark.rule("EXP-AP-04")
def test_a_name_that_two_claims_carry_tells_nothing() -> None:
    paid = claim("p", Side.PAYMENT, settles=("REC-h",))
    assert match(paid, [claim("h"), claim("h2", reconciliation_id="REC-h")]) == ()


def test_what_is_spoken_for_by_name_is_not_taken_by_number() -> None:
    named = replace(PAID, settles=("REC-elsewhere",))
    assert match(BILL, [named]) == ()
    assert match(named, [BILL]) == ()


# ------------------------------------------------------------------ payments that came back


@pytest.mark.rule("EXP-TYPE-08")
def test_a_returned_payment_meets_the_payment_although_that_is_settled() -> None:
    paid, bill = replace(PAID, settled=True), replace(BILL, settled=True)
    assert match(BACK, [bill, paid]) == (paid,)


def test_a_returned_payment_is_not_guessed_between_two() -> None:
    paid = replace(PAID, settled=True)
    assert match(BACK, [paid, replace(paid, entry="p2")]) == ()
    assert match(BACK, [paid, replace(BACK, entry="r2", settled=True)]) == ()
    assert match(BACK, [BILL]) == ()
    assert match(replace(BACK, number=None), [replace(paid, number=None)]) == ()


def test_a_payment_that_comes_after_its_return_finds_it() -> None:
    assert match(PAID, [BACK]) == (BACK,)
    assert match(PAID, [BACK, BILL]) == ()


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("REC-p",), id="the-payment"),
        pytest.param(("REC-h", "REC-t"), id="the-same-expenses"),
    ],
)
def test_a_returned_reimbursement_undoes_the_one_it_names_or_that_names_the_same(names: tuple[str, ...]) -> None:
    paid = claim("p", Side.PAYMENT, settles=("REC-t", "REC-h"), settled=True)
    other = claim("q", Side.PAYMENT, settles=("REC-z",), settled=True)
    back = claim("r", Side.RETURNED, settles=names)
    assert match(back, [other, paid, claim("t", amount="60.00"), claim("h", amount="40.00")]) == (paid,)
    assert match(replace(back, amount=Decimal("99.00")), [paid]) == ()
    assert match(back, [paid, replace(back, entry="r2")]) == ()


def test_money_an_employee_pays_back_meets_the_private_purchases_it_names() -> None:
    one, two = claim("x", Side.PAYMENT, "30.00"), claim("y", Side.PAYMENT, "70.00")
    back = claim("r", Side.RETURNED, settles=("REC-x", "REC-y"))
    assert match(back, [one, two]) == (one, two)
    assert match(back, [one]) == ()
    assert match(back, [replace(one, amount=Decimal("100.00"))]) == ()
    assert set(match(one, [two, back])) == {two, back}


# ------------------------------------------------------------------ whatever comes

IDS = ["REC-1", "REC-2", "REC-3", ""]
CLAIMS = st.lists(
    st.builds(
        claim,
        st.sampled_from("abcdef"),
        st.sampled_from(list(Side)),
        st.sampled_from(["10.00", "20.00", "30.00"]),
        vendor_id=st.sampled_from(["e1", "e1", "e1", "e2"]),
        reconciliation_id=st.sampled_from(IDS),
        number=st.none() | st.sampled_from(["1", "2"]),
        settles=st.lists(st.sampled_from(IDS[:3]), max_size=2, unique=True).map(tuple),
        settled=st.booleans(),
    ),
    min_size=2,
    max_size=6,
    unique_by=lambda one: one.entry,
)
MANY = settings(max_examples=100, deadline=None)


@pytest.mark.rule("EXP-AP-04")
@MANY
@given(CLAIMS)
def test_what_is_matched_adds_up_to_nothing_for_one_vendor(claims: list[Claim]) -> None:
    first, *rest = claims
    found = match(first, rest)
    assert not found or first.balance + sum(one.balance for one in found) == 0
    for one in found:
        assert one in rest
        assert (one.vendor_id, one.currency) == (first.vendor_id, first.currency)
        assert not one.settled or (first.side, one.side) == (Side.RETURNED, Side.PAYMENT)
    assert len(set(found)) == len(found)
    assert not (first.settled and found)


@MANY
@given(CLAIMS, st.randoms(use_true_random=False))
def test_the_order_of_claims_decides_nothing(claims: list[Claim], random: Any) -> None:
    first, *rest = claims
    mixed = random.sample(rest, len(rest))
    assert set(match(first, rest)) == set(match(first, mixed))


@MANY
@given(CLAIMS)
def test_whoever_is_asked_the_same_belong_together(claims: list[Claim]) -> None:
    """Among bills, credit notes and payments it does not matter which comes last."""
    first, *rest = [one for one in claims if one.side is not Side.RETURNED] or claims
    if first.side is Side.RETURNED:
        return
    found = match(first, rest)
    for one in found:
        others = [first, *(other for other in rest if other is not one)]
        assert {one, *match(one, others)} == {first, *found}


@MANY
@given(CLAIMS)
def test_claims_of_other_vendors_change_nothing(claims: list[Claim]) -> None:
    first, *rest = claims
    strangers = [replace(one, entry=one.entry.upper(), vendor_id="e9") for one in claims]
    assert match(first, rest) == match(first, [*strangers, *rest])
