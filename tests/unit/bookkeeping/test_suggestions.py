"""What a chart makes obvious is suggested; what it leaves open is left to the person."""

from __future__ import annotations

import pytest

from ledgerbridge.bookkeeping import suggestions
from ledgerbridge.bookkeeping.posting_table import Role
from ledgerbridge.bookkeeping.words import Account, Chart, Journal


def chart(*names: str, **options: bool) -> Chart:
    """Accounts 1, 2, 3 … of these names."""
    numbered = enumerate(names, 1)
    return Chart("DKK", tuple(Account(str(n), str(n), name, **options) for n, name in numbered), ())


def found(*names: str, **options: bool) -> dict[Role, str]:
    return {role: one.code for role, one in suggestions.accounts(chart(*names, **options), payable=True).items()}


@pytest.mark.parametrize(
    ("role", "name", "because"),
    [
        (Role.WALLET, "Pleo wallet", "Pleo wallet"),
        (Role.WALLET, "Kort: PLEO", "PLEO"),
        (Role.OUT_OF_POCKET, "Owed to employees, out-of-pocket expenses", "out-of-pocket"),
        (Role.OUT_OF_POCKET, "Udlægskonto", "Udlægskonto"),
        (Role.CONTRA, "Geldtransit", "Geldtransit"),
        (Role.EXTERNAL, "Owed to employees, reimbursed outside Pleo", "outside Pleo"),
        (Role.PAYABLE, "Accounts payable", "Accounts payable"),
    ],
)
def test_a_name_that_says_it_is_suggested_with_the_reason(role: Role, name: str, because: str) -> None:
    assert suggestions.accounts(chart("Land", name), payable=True) == {role: suggestions.Suggestion("2", because)}


@pytest.mark.parametrize(
    "name",
    ["Contracts And Rights", "Transferable securities", "Employee benefits", "Pleopod A/S", "Deferred tax, employees",
     "Interest payable", "Accounts payable, VAT"],
)  # fmt: skip
def test_a_name_that_only_sounds_like_it_is_not(name: str) -> None:
    assert found(name) == {}


def test_two_that_are_as_good_as_each_other_are_left_to_the_person() -> None:
    assert found("Pleo DKK", "Pleo EUR") == {}
    assert found("Pleo DKK", "Pleo wallet") == {Role.WALLET: "2"}, "the plainer name goes first"


def test_no_account_of_the_income_statement_is_ever_suggested() -> None:
    assert found("Pleo wallet", income=True) == {}


def test_an_account_that_wants_a_party_is_only_good_for_what_is_owed_to_vendors() -> None:
    assert found("Pleo wallet", "Trade payables", party_required=True) == {Role.PAYABLE: "2"}


def test_no_payable_account_is_suggested_where_no_bills_are_booked() -> None:
    assert suggestions.accounts(chart("Trade payables"), payable=False) == {}


def test_one_account_is_never_suggested_for_two_parts() -> None:
    assert found("Pleo mellemregning") == {}


def test_accounts_that_cannot_be_told_apart_or_are_closed_are_not_offered() -> None:
    twice = Chart("DKK", (Account("1", "5", "Pleo wallet"), Account("2", "5", "Bank")), ())
    assert suggestions.fitting(Role.WALLET, twice) == ()
    closed = Chart("DKK", (Account("1", "5", "Pleo wallet", active=False), Account("2", "", "Pleo wallet")), ())
    assert suggestions.fitting(Role.WALLET, closed) == ()


@pytest.mark.parametrize(
    ("names", "code"),
    [(["Cash"], "1"), (["Revenue", "Expense", "Cash"], "2"), (["Expense", "Expense claims"], None), (["A", "B"], None)],
    ids=["the-only-one", "for-expenses", "two-for-expenses", "none"],
)
def test_the_obvious_journal(names: list[str], code: str | None) -> None:
    journals = tuple(Journal(str(n), str(n), name) for n, name in enumerate(names, 1))
    suggested = suggestions.journal(Chart("DKK", (), journals))
    assert (suggested.code if suggested else None) == code
