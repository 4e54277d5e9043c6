"""What a bookkeeper enters for SIE files: checked at the field, stored as a chart, read back as it was."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from ledgerbridge.bookkeeping.words import ErpTax
from ledgerbridge.erp.adapter import SettingKind, SettingsError
from ledgerbridge.erp.files import taxes
from ledgerbridge.erp.files.chart import FileChart
from ledgerbridge.erp.files.target import FileEvery
from ledgerbridge.erp.sie import SieAdapter
from ledgerbridge.erp.sie.settings import check, read
from tests.support.sie_company import ACCOUNTS, chart_file, uploaded


def entered(**changes: Any) -> dict[str, Any]:
    return {"chart": uploaded(chart_file()), **changes}


def faults(**changes: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        check(entered(**changes))
    return caught.value.errors


def test_a_chart_alone_is_enough_and_everything_else_has_a_default() -> None:
    stored = check(entered())
    assert {name: value for name, value in stored.items() if name != "chart"} == {
        "series": "P", "file_every": "job", "text_length": 50, "checksum": "yes", "delivery": "download",
    }  # fmt: skip
    settings = read(json.loads(json.dumps(stored)))
    assert (settings.files.series, settings.files.every, settings.files.locked_until) == (("P",), FileEvery.JOB, None)
    assert (settings.text_length, settings.checksum) == (50, True)


def test_what_was_stored_is_taken_as_it_is_and_a_new_file_replaces_the_chart_alone() -> None:
    stored = check(entered(series="x", locked_until="2026-03-31", file_every="day", text_length="120", checksum="no"))
    assert check(stored) == stored
    again = check(stored | {"chart": uploaded(chart_file(accounts={**ACCOUNTS, "6999": "Nytt konto"}))})
    assert {name: value for name, value in again.items() if name != "chart"} == {
        name: value for name, value in stored.items() if name != "chart"
    }
    assert "6999" in FileChart.of_json(again["chart"]).account
    settings = read(stored)
    assert (settings.files.series, settings.files.locked_until) == (("X",), dt.date(2026, 3, 31))
    assert (settings.files.every, settings.text_length, settings.checksum) == (FileEvery.DAY, 120, False)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("chart", "", "Choose the SIE file"),
        ("chart", "not base64!", "did not arrive whole"),
        ("chart", uploaded(b"%PDF-1.7"), "This is a PDF."),
        ("chart", {"summary": "mine"}, "Choose the SIE file itself"),
        ("series", "AB", "one letter from A to Z"),
        ("series", "Å", "one letter from A to Z"),
        ("locked_until", "31.12.2025", "2025-12-31"),
        ("file_every", "hour", "one of the two"),
        ("text_length", "49", "from 50 to 500"),
        ("text_length", "many", "from 50 to 500"),
        ("checksum", "perhaps", "one of the two"),
        ("delivery", "pigeon", "three ways"),
        ("colour", "blue", "no such setting"),
        ("taxes", "Moms 25 %; 25; 2699", "Line 1: account 2699 is not in the uploaded chart"),
    ],
)
def test_a_fault_is_told_at_its_field(field: str, value: object, said: str) -> None:
    found = faults(**{field: value})
    assert list(found) == [field]
    assert said in found[field]


def test_a_chart_that_was_made_up_cannot_write_lines_of_its_own_into_a_file() -> None:
    chart = check(entered())["chart"]
    changes: list[dict[str, Any]] = [
        {"accounts": [["1940\r\n#VER", "Bank", "asset", True]]},
        {"registration_number": "1\r\n#VER A 1"},
        {"currency": "SEK\n"},
        {"dimensions": [["1 {", "A", None, {}]]},
        {"dimensions": [["1", "A", "2\r\n", {}]]},
        {"company": ""},
        {"company": "A\0"},
        {"accounts": [["1940", "Bank \ud800", "asset", True]]},
        {"dimensions": [["1", "A", None, {"\0": "B"}]]},
    ]
    for changed in changes:
        assert list(faults(chart=chart | changed)) == ["chart"]
    told = check(entered(chart=chart | {"summary": "<b>mine</b>"}))["chart"]
    assert told == chart, "the sentence is made anew of what is stored"


def test_the_usual_swedish_taxes_are_there_as_far_as_their_accounts_are() -> None:
    found = {tax.name: tax for tax in read(check(entered())).files.taxes}
    assert list(found) == [
        "Moms 25 %", "Moms 12 %", "Moms 6 %", "Omvänd skattskyldighet, utlandet 25 %", "Ingen moms",
    ]  # fmt: skip
    assert _parts(found["Moms 12 %"]) == [(Decimal("0.12"), "2641")]
    reverse = found["Omvänd skattskyldighet, utlandet 25 %"]
    assert reverse.is_reverse_charge
    assert _parts(reverse) == [(Decimal("0.25"), "2645"), (Decimal("-0.25"), "2614")]
    assert _parts(found["Ingen moms"]) == [(Decimal(0), None)]
    bare = {code: name for code, name in ACCOUNTS.items() if not code.startswith("26")}
    assert [tax.name for tax in read(check({"chart": uploaded(chart_file(accounts=bare))})).files.taxes] == [
        "Ingen moms"
    ]


def test_own_taxes_stand_in_place_of_the_usual_ones() -> None:
    text = "# ours\n\nMoms; 12,5 %; 2641\nOmvänd; 25; 2645; 2614\n"
    assert [(tax.id, _parts(tax)) for tax in read(check(entered(taxes=text))).files.taxes] == [
        ("Moms", [(Decimal("0.125"), "2641")]),
        ("Omvänd", [(Decimal("0.25"), "2645"), (Decimal("-0.25"), "2614")]),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Moms", "Line 1: write name; rate; account"),
        ("; 25; 2641", "Line 1: begin with a name"),
        ("\nMoms; much; 2641", "Line 2: enter the rate in per cent"),
        ("Moms; 100; 2641", "Line 1: enter the rate"),
        ("Moms; -1; 2641", "Line 1: enter the rate"),
        ("Moms; nan; 2641", "Line 1: enter the rate"),
        ("Moms; 25", "Line 1: name the account"),
        ("Moms; 0; 2641; 2614", "Line 1: a reverse charge needs a rate"),
        ("Moms; 25; 2641; 2614; 9", "Line 1: write name"),
        ("Moms; 25; 2641\nMOMS; 12; 2641", "Line 2: MOMS is there already"),
        ("\n".join(f"Moms {at}; 25; 2641" for at in range(101)), "Line 101: there are more than 100"),
    ],
)
def test_a_line_of_taxes_that_cannot_be_read_is_told_by_its_number(text: str, said: str) -> None:
    with pytest.raises(taxes.TaxLineError) as caught:
        taxes.read(text, ACCOUNTS)
    assert said in str(caught.value)


async def test_the_companies_of_a_file_are_the_one_it_tells_of() -> None:
    (company,) = await SieAdapter().companies(entered())
    assert (company.id, company.name, company.currency) == ("5563343689", "Övningsbolaget AB", "SEK")


def test_the_form_asks_for_the_file_first_and_hides_what_a_download_does_not_need() -> None:
    form = SieAdapter().form()
    assert (form[0].name, form[0].kind) == ("chart", SettingKind.FILE)
    assert {one.when for one in form if one.kind is SettingKind.SECRET} == {("delivery", "sftp"), ("delivery", "s3")}
    assert {one.name for one in form if one.kind is SettingKind.SECRET} == SieAdapter().secret_fields()


def _parts(tax: ErpTax) -> list[tuple[Decimal, str | None]]:
    return [(part.rate, part.account) for part in tax.components]
