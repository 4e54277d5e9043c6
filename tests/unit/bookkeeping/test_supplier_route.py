"""Journal entries on a payable account name a vendor where one is known (the legacy supplier route, EXP-VENDOR-06)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.posting_table import TABLE
from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.vendors import VendorIndex
from ledgerbridge.bookkeeping.words import JournalEntry, Supplier

from .books import (
    ACME,
    ACME_PAYABLE,
    BOLT,
    EXTERNAL,
    PARTY_PAYABLE,
    PAYABLE,
    SUNDRY,
    SUPPLIER_PAYABLE,
    VENDORS,
    config,
    document,
    entry,
    failures,
    item,
    problems,
    vendor,
)


@pytest.mark.rule("EXP-VENDOR-06", "EXP-BOOK-03", "VEN-102", "VEN-108")
@pytest.mark.parametrize("type_", ["invoice", "invoice_payment"])
@pytest.mark.parametrize(
    "supplier",
    [
        pytest.param(Supplier(name="Acme", code="V1"), id="code"),
        pytest.param(Supplier(name="Acme", code="e1"), id="erp-id"),
        pytest.param(Supplier(name="Acme", code="unheard of", account=ACME_PAYABLE), id="account"),
        pytest.param(Supplier(name="Acme", tax_identifier="DK 12.34.56.78"), id="tax-id"),
    ],
)
def test_without_bookkeeping_the_suppliers_keys_find_the_vendor(type_: str, supplier: Supplier) -> None:
    made = document(item(type_, supplier=supplier))
    assert isinstance(made, JournalEntry)
    (owed,) = [one for one in made.lines if one.vendor is not None]
    assert (owed.vendor, owed.account.code) == ("e1", ACME_PAYABLE)


@pytest.mark.rule("EXP-VENDOR-06", "VEN-108")
def test_the_suppliers_keys_are_tried_in_order() -> None:
    both = Supplier(name="?", code="V2", account=ACME_PAYABLE, tax_identifier="DK12345678")
    made = document(item("invoice", supplier=both))
    assert isinstance(made, JournalEntry)
    assert made.lines[-1].vendor == "e2"


def test_a_vendor_without_its_own_account_is_owed_on_the_suppliers() -> None:
    made = document(item("invoice", supplier=Supplier(name="Bolt", code="V2", account=SUPPLIER_PAYABLE)))
    assert isinstance(made, JournalEntry)
    assert (made.lines[-1].vendor, made.lines[-1].account.code) == ("e2", SUPPLIER_PAYABLE)


@pytest.mark.rule("EXP-VENDOR-06")
@pytest.mark.parametrize(
    ("held", "account"),
    [
        pytest.param([replace(ACME, payable=EXTERNAL), replace(BOLT, payable=EXTERNAL)], EXTERNAL, id="two-vendors"),
        pytest.param([replace(ACME, payable=PAYABLE)], PAYABLE, id="the-account-for-all"),
    ],
)
def test_an_account_that_several_vendors_share_tells_no_vendor(held: list[ErpVendor], account: str) -> None:
    made = document(item("invoice", supplier=Supplier(name="Acme", account=account)), vendors=VendorIndex(held))
    assert isinstance(made, JournalEntry)
    assert (made.lines[-1].vendor, made.lines[-1].account.code) == (None, account)


STRANGER = Supplier(name="Stranger", code="X-1")


@pytest.mark.rule("EXP-VENDOR-09")
def test_a_supplier_without_a_hit_is_booked_on_the_default_vendor() -> None:
    made = document(item("invoice", supplier=STRANGER), config=config(default_vendor="V999"))
    assert isinstance(made, JournalEntry)
    assert made.lines[-1].vendor == SUNDRY.id


def test_an_account_of_the_suppliers_own_comes_before_the_default_vendor() -> None:
    known = Supplier(name="Stranger", account="6810")
    made = document(item("invoice", supplier=known), config=config(default_vendor="V999"))
    assert isinstance(made, JournalEntry)
    assert (made.lines[-1].account.code, made.lines[-1].vendor) == ("6810", None)


@pytest.mark.parametrize("type_", sorted({type_ for type_, _ in TABLE}))
def test_where_nothing_is_known_a_journal_entry_is_what_it_was_without_vendors(type_: str) -> None:
    plain = item(type_, supplier=STRANGER)
    assert document(plain) == entry(plain)


@pytest.mark.rule("EXP-VENDOR-07", "EXP-VENDOR-08")
def test_a_payable_account_that_wants_a_party_fails_an_unknown_supplier_by_name() -> None:
    (found,) = problems(item("invoice", supplier=STRANGER), vendors=VENDORS, config=config(payable=PARTY_PAYABLE))
    assert (found.failure, found.row.item_type) == (Failure.SUPPLIER_UNKNOWN, "vendor_unknown")
    assert found.text.startswith("Supplier Stranger (number X-1) is not known as a vendor in the accounting system")


@pytest.mark.rule("EXP-VENDOR-07", "EXP-VENDOR-09")
def test_a_supplier_that_is_blocked_as_vendor_is_told_where_the_account_needs_one() -> None:
    blocked = item("invoice", supplier=Supplier(name="Gone", code="V4"))
    using = config(payable=PARTY_PAYABLE, default_vendor="V999")
    assert failures(blocked, vendors=VENDORS, config=using) == [Failure.VENDOR_BLOCKED]
    assert document(blocked) == entry(blocked)


@pytest.mark.rule("EXP-VENDOR-03", "VEN-104")
@pytest.mark.parametrize("method", ["journal", "none", None])
def test_for_the_journal_a_vendor_is_welcome_but_not_needed(method: str | None) -> None:
    made = document(item("invoice", method=method, vendor=vendor("V1")))
    assert isinstance(made, JournalEntry)
    assert (made.lines[-1].vendor, made.lines[-1].account.code) == ("e1", ACME_PAYABLE)
    for wanted in (vendor("V0"), vendor("V4"), None):
        without = document(item("invoice", method=method, vendor=wanted), config=config(default_vendor=None))
        assert isinstance(without, JournalEntry)
        assert (without.lines[-1].vendor, without.lines[-1].account.code) == (None, PAYABLE)


@pytest.mark.rule("EXP-VENDOR-07", "EXP-VENDOR-09")
def test_a_chosen_vendor_that_is_unknown_never_becomes_the_default_one() -> None:
    using = config(payable=PARTY_PAYABLE, default_vendor="V999")
    for method in ("journal", "accounts_payable"):
        lost = item("invoice", method=method, vendor=vendor("V0"))
        assert failures(lost, vendors=VENDORS, config=using) == [Failure.VENDOR_UNKNOWN]


@pytest.mark.rule("VEN-103", "VEN-105")
@pytest.mark.parametrize("type_", ["card_purchase", "fee", "refund", "wallet_topup"])
def test_a_journal_entry_without_payable_line_does_not_ask_who_the_vendor_is(type_: str) -> None:
    tagged = item(type_, method="journal", vendor=vendor("V0"))
    assert document(tagged) == entry(tagged)
