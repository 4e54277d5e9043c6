"""What a company enters for a CSV journal is checked field by field, and read as it was meant."""

from __future__ import annotations

import base64
import datetime as dt
from itertools import pairwise
from typing import Any

import pytest

from ledgerbridge.erp.adapter import SettingKind, SettingsError
from ledgerbridge.erp.csv_journal.adapter import CsvAdapter
from ledgerbridge.erp.csv_journal.ready import ready
from ledgerbridge.erp.csv_journal.settings import check, read, years
from ledgerbridge.erp.files.chart import FiscalYear

ACCOUNTS = "Account,Name\n6540,IT\n2641,VAT\n1940,Pleo\n"
DIMENSIONS = "Dimension,Dimension name,Code,Name\n1,Cost centre,010,Sales\n"
OWN = '[[setting]]\nname = "client"\nlabel = "Client"\npattern = "[0-9]+"\n'
OWN = f'name = "Ours"\n{OWN}[[column]]\nfield = "account"\n[[column]]\nfield = "amount"\n'


def uploaded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def entered(**more: Any) -> dict[str, Any]:
    plain = {
        "company_name": "Nordlys AB", "registration_number": "556334-3689", "currency": "sek", "year_begins": "07-01",
        "accounts": uploaded(ACCOUNTS), "dimensions": uploaded(DIMENSIONS), "taxes": "25 %; 25; 2641",
    }  # fmt: skip
    return {name: value for name, value in (plain | more).items() if value is not None}


def test_what_was_entered_is_kept_once_and_read_again() -> None:
    stored = check(entered())
    assert check(stored) == stored, "what is stored can be checked again"
    assert (stored["accounts"]["summary"], stored["dimensions"]["summary"]) == ("3 accounts.", "Cost centre: 1 values.")
    chosen = read(stored)
    assert (chosen.chart.company, chosen.chart.currency, chosen.template.name) == ("Nordlys AB", "SEK", "Plain journal")
    assert [tax.name for tax in chosen.files.taxes] == ["25 %"]
    assert chosen.chart.dimension["1"].values == {"010": "Sales"}


def test_a_ready_template_asks_for_what_its_importer_wants() -> None:
    with pytest.raises(SettingsError) as caught:
        check(entered(template="datev", datev_client="x"))
    assert set(caught.value.errors) == {"datev_adviser", "datev_client"}
    stored = check(entered(template="datev", datev_adviser="29098", datev_client="55003"))
    assert read(stored).entered == {
        "adviser": "29098", "client": "55003", "account_length": "4", "chart": "03", "tax_key": "",
    }  # fmt: skip


def test_a_template_of_ones_own_is_uploaded_with_its_values() -> None:
    own = {"template": "own", "own_template": uploaded(OWN), "dimensions": None}
    with pytest.raises(SettingsError, match="client: Enter it"):
        check(entered(**own))
    stored = check(entered(**own, own_values="client = 7\n"))
    assert stored["own_template"]["summary"] == "Ours: 2 columns."
    assert (read(stored).template.name, read(stored).entered) == ("Ours", {"client": "7"})


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("company_name", "", "Enter the name"),
        ("currency", "kronor", "three letters"),
        ("year_begins", "13-01", "month and day"),
        ("year_begins", "02-29", "month and day"),
        ("accounts", None, "Upload the chart of accounts"),
        ("accounts", uploaded("Name\nIT\n"), "no column “Account”"),
        ("dimensions", uploaded("x\n"), "no column “Dimension”"),
        ("template", "lotus", "Choose one"),
        ("taxes", "25 %; 25; 2650", "account 2650 is not in the uploaded chart"),
        ("locked_until", "yesterday", "Enter a day"),
        ("password", "x", "no such setting"),
    ],
)
def test_a_mistake_is_told_at_its_field(field: str, value: object, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check(entered(**{field: value}))
    assert set(caught.value.errors) == {field}
    assert said in caught.value.errors[field]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accounts", {"summary": "1 accounts."}),
        ("accounts", {"summary": "x", "accounts": "q"}),
        ("accounts", {"summary": "x", "accounts": [["1", "2"]]}),
        ("accounts", {"summary": "x", "accounts": [["1 2", "n", "asset", True]]}),
        ("accounts", {"summary": "x", "accounts": [["1", "n\0", "asset", True]]}),
        ("dimensions", {"summary": "x", "dimensions": [["1", "Cost centre", {"0 1": "Sales"}]]}),
        ("dimensions", {"summary": "x", "dimensions": [["1", "Cost centre", []]]}),
        ("own_template", {"summary": "x"}),
        ("own_template", {"summary": "x", "text": 5}),
        ("own_template", {"summary": "x", "text": "\ud800"}),
        ("own_template", {"summary": "x", "text": "a = " + "[\n" * 5000}),
    ],
)
def test_what_looks_like_stored_settings_is_read_as_a_strangers(field: str, value: object) -> None:
    more = {"template": "own", "own_values": "client = 1", "own_template": uploaded(OWN)}
    with pytest.raises(SettingsError) as caught:
        check(entered(**(more | {field: value})))
    assert set(caught.value.errors) == {field}


def test_the_summary_of_a_stored_file_is_ours() -> None:
    stored = check(entered())
    stored["accounts"]["summary"] = "<b>"
    assert check(stored)["accounts"]["summary"] == "3 accounts."


def test_fiscal_years_follow_each_other_without_a_gap() -> None:
    found = years("07-01", 2026)
    assert found[0].start == dt.date(2015, 7, 1)
    assert FiscalYear(dt.date(2026, 7, 1), dt.date(2027, 6, 30)) in found
    assert all(after.start - before.end == dt.timedelta(days=1) for before, after in pairwise(found))


def test_what_must_be_switched_off_in_the_importer_is_told_where_its_template_is_chosen() -> None:
    """Else VAT that stands on lines of its own is computed once more there."""
    helps = {(one.name, one.when): one.help for one in CsvAdapter().form()}
    for name, template in ready().items():
        beside = [text for (field, when), text in helps.items() if field == "template" or when == ("template", name)]
        assert any(template.about in text for text in beside), name


def test_every_setting_that_depends_on_a_template_names_one_there_is() -> None:
    form = CsvAdapter().form()
    (chosen,) = [one for one in form if one.name == "template"]
    assert chosen.kind is SettingKind.CHOICE
    values = {value for value, _ in chosen.choices}
    assert {one.when[1] for one in form if one.when and one.when[0] == "template"} <= values
    assert len({one.name for one in form}) == len(form)
