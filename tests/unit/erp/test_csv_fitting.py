"""What a template cannot write is refused in the set-up, and not lost in a file."""

from __future__ import annotations

import pytest

from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.csv_journal.settings import check
from tests.unit.erp.test_csv_settings import entered, uploaded

CYRILLIC = "Account,Name\nЖ1,IT\n2641,VAT\n"
TWO = "Dimension,Dimension name,Code,Name\n1,Cost centre,010,Sales\n6,Project,P1,Website\n"
LONG = f"Dimension,Dimension name,Code,Name\n1,Cost centre,{'x' * 37},Sales\n"
ALIKE = "Account,Name\n6540,IT\n6541,It\n2641,VAT\n"
DATEV = {"template": "datev", "datev_adviser": "29098", "datev_client": "55003"}


@pytest.mark.parametrize(
    ("chosen", "field", "file", "said"),
    [
        ({"template": "sage_50"}, "dimensions", TWO, "no column for the dimension Project (6)"),
        (DATEV, "dimensions", LONG, "longer than the 36 characters"),
        (DATEV, "accounts", CYRILLIC, "Ж1 cannot be written in the letters of this template (cp1252)"),
        ({"template": "quickbooks_online"}, "accounts", ALIKE, "6540 and 6541 have the same name"),
    ],
)
def test_what_a_template_cannot_write_is_refused_and_not_lost(
    chosen: dict[str, str], field: str, file: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        check(entered(**chosen, **{field: uploaded(file)}))
    assert set(caught.value.errors) == {field}
    assert said in caught.value.errors[field]
    assert check(entered(**{field: uploaded(file)})), "the plain journal writes it"


def test_a_dimension_whose_name_the_importer_wants_is_asked_for() -> None:
    """Xero leaves a tracking option out where no category is named with it."""
    with pytest.raises(SettingsError) as caught:
        check(entered(template="xero"))
    assert caught.value.errors == {
        "xero_tracking_1": "Name of the first tracking category, if there is one: enter it, because Cost centre is not "
        "imported without."
    }
    assert check(entered(template="xero", xero_tracking_1="Department"))
    assert check(entered(template="xero", dimensions=None))


def test_what_does_not_fit_is_told_in_words() -> None:
    with pytest.raises(SettingsError, match="“7” does not fit; enter 4 to 7 digits"):
        check(entered(**DATEV | {"datev_adviser": "7"}))


def test_a_letter_of_two_parts_is_the_same_letter_however_it_was_saved() -> None:
    found = check(entered(accounts=uploaded("Account,Name\nA\u030a1,IT\n2641,VAT\n")))["accounts"]["accounts"]
    assert found[0][0] == "\u00c51"
