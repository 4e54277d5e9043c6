"""Which account of the chart a role gets, and when there is none."""

from __future__ import annotations

import pytest

from ledgerbridge.bookkeeping.problem import Failure
from ledgerbridge.bookkeeping.words import Account, Supplier, Vendor

from .books import (
    ACCOUNTS,
    CLOSED,
    CONTRA,
    CONTRA_WALLET,
    EXPENSE,
    EXTERNAL,
    OUT_OF_POCKET,
    PARTY_PAYABLE,
    PAYABLE,
    SUPPLIER_PAYABLE,
    TWIN,
    WALLET,
    account,
    booked,
    chart,
    config,
    entry,
    failures,
    item,
    line,
    problems,
)

VENDOR = Vendor("v1", "Acme Corporation", "V1", None, None, None, "DKK")


@pytest.mark.rule("EXP-ACCT-03", "EXP-ACCT-06")
def test_the_configured_accounts_serve_where_the_item_brings_none() -> None:
    assert booked(entry(item("card_purchase")))[-1][0] == WALLET
    assert booked(entry(item("out_of_pocket")))[-1][0] == OUT_OF_POCKET
    assert booked(entry(item("wallet_topup")))[-1][0] == CONTRA
    assert booked(entry(item("invoice")))[-1][0] == PAYABLE


@pytest.mark.rule("EXP-ACCT-06", "EXP-ACCT-12")
def test_the_contra_account_of_the_item_comes_before_the_configured_wallet() -> None:
    made = entry(item("card_purchase", contra_account=account(CONTRA_WALLET)))
    assert booked(made)[-1][0] == CONTRA_WALLET


@pytest.mark.rule("EXP-ACCT-11", "EXP-TYPE-02", "EXP-TYPE-03")
@pytest.mark.parametrize("type_", ["out_of_pocket", "mileage", "per_diem", "external_reimbursement", "invoice"])
def test_types_that_leave_the_wallet_alone_do_not_use_a_contra_account(type_: str) -> None:
    with_one = entry(item(type_, contra_account=account(CONTRA_WALLET)))
    assert booked(with_one) == booked(entry(item(type_)))
    assert CONTRA_WALLET not in [code for code, _ in booked(with_one)]


@pytest.mark.rule("EXP-ACCT-05")
def test_the_erps_id_serves_where_a_category_has_no_code() -> None:
    assert booked(entry(item(lines=[line(100, on=account(None, "a1"))])))[0][0] == EXPENSE
    assert booked(entry(item(contra_account=account(None, "a5"))))[-1][0] == CONTRA_WALLET


def test_a_code_that_is_gone_is_not_replaced_by_the_id() -> None:
    assert failures(item(lines=[line(100, on=account("0000", "a1"))])) == [Failure.ACCOUNT_UNKNOWN]


def test_accounts_of_one_code_are_told_apart_by_id_or_not_at_all() -> None:
    assert failures(item(lines=[line(100, on=TWIN)])) == [Failure.ACCOUNT_AMBIGUOUS]
    made = entry(item(lines=[line(100, on=account(TWIN, "a14"))]))
    assert made.lines[0].account.name == "Twin two"


@pytest.mark.rule("EXP-DATA-06", "EXP-ACCT-13", "EXP-ERR-02")
@pytest.mark.parametrize("category", [None, account(EXPENSE, id_="00000000-0000-0000-0000-000000000000")])
def test_a_line_without_category_fails_as_missing_configuration(category: object) -> None:
    (found,) = problems(item(lines=[line(100), line(50, on=category)]))  # type: ignore[arg-type]
    assert found.failure is Failure.CATEGORY_MISSING
    assert found.row.item_type == "missing_configuration"
    assert found.text.startswith("Line 2 has no category")


@pytest.mark.rule("EXP-ACCT-09", "EXP-ERR-01", "EXP-ERR-02", "EXP-ERR-07")
@pytest.mark.parametrize(("code", "shown"), [("0000", "0000"), (CLOSED, CLOSED), (None, "(no code)")])
def test_an_unknown_or_closed_account_fails_the_item_by_name(code: str | None, shown: str) -> None:
    (found,) = problems(item(lines=[line(100, on=account(code))]))
    assert found.failure is Failure.ACCOUNT_UNKNOWN
    assert found.row.item_type == "account_unknown"
    assert found.text == (
        f"Account {shown} (Category {code}) does not exist or is closed in the accounting system. Choose another "
        "category on the expense in Pleo, or reopen the account there, then export again."
    )


def test_an_account_that_wants_a_party_is_refused() -> None:
    assert failures(item(lines=[line(100, on=PARTY_PAYABLE)])) == [Failure.ACCOUNT_NEEDS_PARTY]


def test_a_configured_account_that_wants_a_party_sends_the_reader_to_our_settings() -> None:
    (found,) = problems(item("invoice"), config=config(payable=PARTY_PAYABLE))
    assert found.failure is Failure.CONFIGURED_ACCOUNT_NEEDS_PARTY
    assert found.row.item_type == "invalid_configuration"
    assert "payable account 6802" in found.text
    assert "Ledgerbridge settings" in found.text


@pytest.mark.rule("EXP-ACCT-09")
def test_an_unknown_contra_account_points_to_pleos_settings() -> None:
    (found,) = problems(item(contra_account=account("0000")))
    assert found.failure is Failure.CONTRA_ACCOUNT_UNKNOWN
    assert "Settings, Accounting, Contra accounts" in found.text
    (by_id,) = problems(item(contra_account=account(None, "unknown")))
    assert by_id.text.startswith("Contra account unknown (Category None)")
    (by_nothing,) = problems(item(contra_account=account(None)))
    assert by_nothing.text.startswith("Contra account (no code) (Category None)")


def test_a_contra_account_of_zeros_is_none() -> None:
    nobody = account(CONTRA_WALLET, id_="00000000-0000-0000-0000-000000000000")
    assert booked(entry(item(contra_account=nobody)))[-1][0] == WALLET


@pytest.mark.rule("EXP-ACCT-09", "EXP-DATA-06", "EXP-ERR-02")
@pytest.mark.parametrize(
    ("type_", "missing"),
    [
        ("card_purchase", {"wallet": {"EUR": WALLET}}),
        ("mileage", {"out_of_pocket": ""}),
        ("wallet_topup", {"contra": ""}),
        ("external_reimbursement", {"external_reimbursement": None, "contra": ""}),
        ("invoice", {"payable": None}),
    ],
)
def test_an_account_that_is_not_configured_fails_the_item(type_: str, missing: dict[str, object]) -> None:
    (found,) = problems(item(type_), config=config(**missing))
    assert found.failure is Failure.ACCOUNT_NOT_CONFIGURED
    assert found.row.item_type == "missing_configuration"


@pytest.mark.rule("EXP-ACCT-09")
@pytest.mark.parametrize("code", ["0000", CLOSED])
def test_a_configured_account_that_is_gone_fails_the_item(code: str) -> None:
    assert failures(item(), config=config(wallet={"*": code})) == [Failure.CONFIGURED_ACCOUNT_UNKNOWN]


def test_the_wallet_of_the_currency_comes_before_the_default_one() -> None:
    both = config(wallet={"*": WALLET, "DKK": CONTRA_WALLET})
    assert booked(entry(item(), config=both))[-1][0] == CONTRA_WALLET


@pytest.mark.rule("EXP-ACCT-15", "EXP-ACCT-16", "EXP-TYPE-05")
def test_reimbursements_made_outside_use_the_contra_account_unless_set_apart() -> None:
    plain = config(external_reimbursement=None)
    assert booked(entry(item("external_reimbursement"), config=plain))[-1][0] == CONTRA
    assert booked(entry(item("external_reimbursement")))[-1][0] == EXTERNAL
    assert booked(entry(item("wallet_topup")))[-1][0] == CONTRA


@pytest.mark.rule("EXP-ACCT-15", "EXP-TYPE-04")
def test_a_direct_reimbursement_is_paid_from_the_wallet() -> None:
    made = entry(item("direct_reimbursement", contra_account=account(CONTRA_WALLET)))
    assert booked(made) == [(OUT_OF_POCKET, "100.00"), (CONTRA_WALLET, "-100.00")]


@pytest.mark.rule("EXP-ACCT-14")
def test_one_account_on_both_sides_is_refused() -> None:
    same = item("direct_reimbursement", contra_account=account(OUT_OF_POCKET))
    assert failures(same) == [Failure.ACCOUNTS_EQUAL]
    assert failures(item(lines=[line(100, on=WALLET)])) == [Failure.ACCOUNTS_EQUAL]


@pytest.mark.rule("EXP-ACCT-08", "EXP-TYPE-08")
@pytest.mark.parametrize("type_", ["invoice", "invoice_payment"])
def test_invoice_and_payment_meet_on_the_suppliers_own_account(type_: str) -> None:
    known = Supplier(name="Acme", account=SUPPLIER_PAYABLE)
    assert SUPPLIER_PAYABLE in dict(booked(entry(item(type_, supplier=known))))


@pytest.mark.parametrize("code", [None, "", "0000", CLOSED, PARTY_PAYABLE])
def test_a_supplier_account_that_cannot_be_used_gives_way_to_the_configured_one(code: str | None) -> None:
    assert PAYABLE in dict(booked(entry(item("invoice", supplier=Supplier(account=code)))))
    assert PAYABLE in dict(booked(entry(item("invoice", supplier=None))))


def test_with_a_vendor_the_supplier_record_is_not_looked_at() -> None:
    known = Supplier(name="Acme", account=SUPPLIER_PAYABLE)
    assert PAYABLE in dict(booked(entry(item("invoice", supplier=known, vendor=VENDOR))))


@pytest.mark.rule("EXP-DATA-06", "EXP-ERR-02")
def test_the_journal_must_be_chosen_and_known() -> None:
    (found,) = problems(item(), config=config(journal=""))
    assert (found.failure, found.row.item_type) == (Failure.JOURNAL_MISSING, "missing_configuration")
    assert failures(item(), config=config(journal="SALES")) == [Failure.JOURNAL_UNKNOWN]


def test_every_problem_of_an_item_is_told_at_once() -> None:
    bad = item("card_purchase", lines=[line(100, on=None), line(50, on="0000"), line(7, tags={"CC": "nowhere"})])
    assert failures(bad, config=config(journal="", wallet={})) == [
        Failure.JOURNAL_MISSING,
        Failure.ACCOUNT_NOT_CONFIGURED,
        Failure.CATEGORY_MISSING,
        Failure.ACCOUNT_UNKNOWN,
        Failure.TAG_UNKNOWN,
    ]


def test_the_same_problem_is_told_once() -> None:
    assert failures(item(lines=[line(100, on="0000"), line(50, on="0000")])) == [Failure.ACCOUNT_UNKNOWN]


def test_an_account_without_code_is_never_found_by_an_empty_one() -> None:
    codeless = chart(accounts=(*ACCOUNTS, Account("a99", "", "No code")))
    assert failures(item(lines=[line(100, on=account(""))]), chart=codeless) == [Failure.ACCOUNT_UNKNOWN]
    assert entry(item(lines=[line(100, on=account("", "a99"))]), chart=codeless).lines[0].account.id == "a99"
