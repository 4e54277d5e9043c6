"""Uploaded lists of accounts and dimensions are read as people save them, or refused by the line at fault."""

from __future__ import annotations

import pytest

from ledgerbridge.erp.csv_journal.lists import MAX_BYTES, ListError, accounts, dimensions
from ledgerbridge.erp.files.chart import AccountType, FileAccount, FileDimension

ACCOUNTS = "Account;Name;Type;Active\r\n6540;IT-tjänster;Expense;yes\r\n1940;Pleo;Bank;\r\n9999;Old;;no\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_a_list_of_accounts_is_read_however_a_spreadsheet_saved_it(encoding: str, separator: str) -> None:
    assert accounts(ACCOUNTS.replace(";", separator).encode(encoding)) == (
        FileAccount("6540", "IT-tjänster", AccountType.COST),
        FileAccount("1940", "Pleo", AccountType.ASSET),
        FileAccount("9999", "Old", AccountType.UNKNOWN, active=False),
    )


def test_columns_are_found_by_their_headings_and_others_are_left_alone() -> None:
    text = '*Name,Report code,Account Number\n"Travel, domestic",x,5800\n\n'
    assert accounts(text.encode()) == (FileAccount("5800", "Travel, domestic"),)


def test_dimensions_have_a_row_for_each_value() -> None:
    text = "Dimension,Dimension name,Code,Name\n1,Cost centre,010,Sales\n1,,020,\n6,Project,P1,Website\n"
    assert dimensions(text.encode()) == (
        FileDimension("1", "Cost centre", {"010": "Sales", "020": "020"}),
        FileDimension("6", "Project", {"P1": "Website"}),
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"Name;Type\nIT;Expense\n", "no column “Account”", id="no-code"),
        pytest.param(b"Account;Name\n", "holds no accounts", id="empty"),
        pytest.param(b"", "holds no accounts", id="nothing"),
        pytest.param(b"Account;Name\n6540;IT\n;Bank\n", "Line 3: the account is missing", id="missing"),
        pytest.param(
            b"Account;Name\n6540;IT\n6540;IT\n", "Line 3: the account 6540 stands in the list twice", id="twice"
        ),
        pytest.param(b"Account;Name\n65 40;IT\n", "Line 2: “65 40” cannot be the code", id="space"),
        pytest.param(b'Account;Name\n6540;"IT\n', "Line 2", id="open-quote"),
        pytest.param(b"PK\x03\x04rest", "spreadsheet. Save it as CSV", id="xlsx"),
        pytest.param(b"\x00\x01\x02", "no text file", id="binary"),
        pytest.param(b"x" * (MAX_BYTES + 1), "larger than 5 MiB", id="too-large"),
    ],
)
def test_a_mistake_is_named_by_its_line(data: bytes, said: str) -> None:
    with pytest.raises(ListError) as caught:
        accounts(data)
    assert said in str(caught.value)


def test_a_value_that_stands_twice_is_named_with_its_dimension() -> None:
    with pytest.raises(ListError, match="Line 3: the value 010 of 1 stands in the list twice"):
        dimensions(b"Dimension,Code,Name\n1,010,Sales\n1,010,Sales\n")
