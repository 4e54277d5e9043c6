"""A bookkeeper's own SIE file becomes the chart, whatever program wrote it; what is wrong with it is said in words."""

from __future__ import annotations

import contextlib
import datetime as dt
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerbridge.erp.files.chart import AccountType, FileChart, FiscalYear
from ledgerbridge.erp.sie.items import MOST_BYTES, SieFault
from ledgerbridge.erp.sie.reader import RESERVED, read_chart
from tests.support import sie_company
from tests.support.sie_company import ACCOUNTS, OBJECTS, chart_file


def test_a_file_of_a_swedish_program_tells_the_whole_company() -> None:
    chart = read_chart(chart_file())
    assert (chart.company, chart.registration_number, chart.currency) == (sie_company.COMPANY, "556334-3689", "SEK")
    assert {one.code: one.name for one in chart.accounts} == ACCOUNTS
    assert [(one.code, one.name) for one in chart.dimensions] == [("1", "Kostnadsställe"), ("6", "Projekt")]
    assert {(one.code, code): name for one in chart.dimensions for code, name in one.values.items()} == OBJECTS
    assert chart.years == tuple(FiscalYear(*year) for year in reversed(sie_company.YEARS))
    assert chart.year_of(dt.date(2025, 12, 31)) == FiscalYear(dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    assert chart.year_of(dt.date(2027, 1, 1)) is None


def test_what_is_stored_of_it_is_the_same_chart_with_a_sentence() -> None:
    chart = read_chart(chart_file())
    stored = chart.as_json()
    assert FileChart.of_json(stored) == chart
    assert stored["summary"] == (
        "Övningsbolaget AB (556334-3689): 14 accounts, 2 dimensions with 4 values, 2025-01-01 to 2026-12-31, SEK."
    )


@pytest.mark.parametrize("encoding", ["cp437", "utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
def test_a_file_that_lies_about_its_letters_is_read_all_the_same(encoding: str) -> None:
    assert read_chart(chart_file(encoding)) == read_chart(chart_file())


def test_accounts_are_sorted_by_what_the_file_or_the_bas_chart_says_of_them() -> None:
    types = {one.code: one.type for one in read_chart(chart_file()).accounts}
    assert types["1930"] is types["1940"] is AccountType.ASSET
    assert types["2641"] is AccountType.DEBT
    assert types["3001"] is types["8310"] is AccountType.INCOME
    assert types["6540"] is types["8410"] is AccountType.COST
    told = read_chart(chart_file() + b"#KTYP 6540 I\r\n")
    assert told.account["6540"].type is AccountType.INCOME


def test_dimensions_the_standard_names_need_not_be_declared_and_others_get_a_name() -> None:
    chart = read_chart(chart_file(dimensions={}, objects={**OBJECTS, ("25", "X"): "Region"}))
    assert [(one.code, one.name) for one in chart.dimensions] == [
        ("1", RESERVED["1"]),
        ("6", RESERVED["6"]),
        ("25", "Dimension 25"),
    ]


def test_a_dimension_below_another_knows_which() -> None:
    more = '#UNDERDIM 21 "Underprojekt" 6\r\n#OBJEKT 21 "P1-A" "Del A"\r\n'.encode("cp437")
    assert read_chart(chart_file() + more).dimension["21"].parent == "6"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("5563343689", "556334-3689"),
        ("165563343689", "556334-3689"),
        ('"556334 3689" 1 2', "556334-3689"),
        ("SE-12", "SE12"),
        ('""', None),
        ("000000-0000", None),
    ],
)
def test_one_company_has_one_spelling_of_its_number(given: str, told: str | None) -> None:
    assert read_chart(chart_file(number=given)).registration_number == told


def test_a_company_without_a_number_is_known_by_its_name() -> None:
    chart = read_chart(chart_file(number=None, company="  Åkeri  &  Co "))
    assert (chart.registration_number, chart.company_id) == (None, "åkeri & co")


ODD = {
    "excel": (b"PK\x03\x04 and so on", "ZIP or Excel"),
    "pdf": (b"%PDF-1.7", "This is a PDF."),
    "sie-5": (b"<?xml version='1.0'?><Sie/>", "SIE 5"),
    "text": (b"Konto;Namn\r\n1930;Bank\r\n", "does not begin with #FLAGGA"),
    "empty": (b"", "does not begin with #FLAGGA"),
    "zeros": (bytes(1000), "does not begin with #FLAGGA"),
    "too-large": (b"#FLAGGA 0\n" * (MOST_BYTES // 10 + 1), "larger than 5 MB"),
    "no-name": (b"#FLAGGA 0\n#KONTO 1 A\n#RAR 0 20260101 20261231\n", "#FNAMN"),
    "no-accounts": (b"#FLAGGA 0\n#FNAMN A\n#RAR 0 20260101 20261231\n", "no accounts"),
    "no-year": (b"#FLAGGA 0\n#FNAMN A\n#KONTO 1930 Bank\n", "#RAR"),
    "odd-accounts": (b"#FLAGGA 0\n#FNAMN A\n#RAR 0 20260101 20261231\n#KONTO 19x Bank\n", "no accounts"),
    "bare-year": (b"#FLAGGA 0\n#FNAMN A\n#RAR 0\n#KONTO 1930 Bank\n", "#RAR"),
    "half-a-year": (b"#FLAGGA 0\n#RAR 0 20260101\n", "Line 2: #RAR does not tell when the fiscal year begins and ends"),
    "bare-account": (b"#FLAGGA 0\n#FNAMN A\n\n#KONTO\n", "Line 4: #KONTO does not tell the number of the account"),
    "open-quote": (b'#FLAGGA 0\n#FNAMN "A\n', "Line 2: a text that begins with a quotation mark"),
    "odd-date": (b"#FLAGGA 0\n#RAR 0 20260101 20260231\n", "Line 2: 20260231 is not a date"),
    "backwards": (b"#FLAGGA 0\n#RAR 0 20261231 20260101\n", "Line 2: the fiscal year ends before it begins"),
    "overlap": (
        b"#FLAGGA 0\n#FNAMN A\n#KONTO 1 A\n#RAR 0 20260101 20261231\n#RAR -1 20250701 20260630\n",
        "Line 4: the fiscal year from 2026-01-01 begins before another one ends",
    ),
    "type-5": (b"#FLAGGA 0\n#SIETYP 5\n", "Line 2: this is SIE type 5"),
    "odd-currency": (b"#FLAGGA 0\n#VALUTA kronor\n", "Line 2: KRONOR is not a currency"),
    "dimensions": (
        b"#FLAGGA 0\n#FNAMN A\n#KONTO 1 B\n#RAR 0 20260101 20261231\n"
        + b"".join(b"#DIM %d A\n" % at for at in range(101)),
        "more than 100 dimensions",
    ),
    "odd-dimension": (b'#FLAGGA 0\n#OBJEKT KST "1" "A"\n', "Line 2: KST is not the number of a dimension"),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_file_that_cannot_be_used_is_refused_in_words(odd: str) -> None:
    content, said = ODD[odd]
    with pytest.raises(SieFault) as caught:
        read_chart(content)
    assert said in str(caught.value)
    assert str(caught.value).endswith(".")


def test_what_nothing_can_be_booked_on_is_left_out() -> None:
    odd = b'#KONTO DIFF "Differenser"\r\n#KTYP DIFF\r\n#KTYP DIFF K\r\n#OBJEKT 1 "a\\b" "Slash"\r\n#OBJEKT 1 ""\r\n'
    assert read_chart(chart_file() + odd) == read_chart(chart_file())
    polish = '#OBJEKT 6 "Ł1" "Written as L1, which is another project"\r\n'.encode()
    assert read_chart(chart_file("utf-8") + polish) == read_chart(chart_file())


def test_texts_with_marks_braces_and_number_signs_do_not_lead_astray() -> None:
    odd = '#KONTO 6999 "Sagt \\"så\\" {här} #1 \\\\ slut"\r\n#KONTO 7000 bar\r\n#KONTO 7001\r\n'.encode("cp437")
    accounts = read_chart(chart_file() + odd).account
    assert accounts["6999"].name.startswith('Sagt "så" {här} #1')
    assert (accounts["7000"].name, accounts["7001"].name) == ("bar", "7001")


@pytest.mark.parametrize("filling", [b'"' * 2_000_000, b'\\" ' * 600_000, b"{" * 2_000_000, b"#KONTO 1\n" * 500_000])
def test_no_file_keeps_the_service_busy(filling: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(SieFault):
        read_chart(b'#FLAGGA 0\n#KONTO 1 "' + filling)
    assert time.process_time() - begun < 20


@settings(max_examples=60)
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_chart_or_a_fault(content: bytes) -> None:
    for each in (content, b"#FLAGGA 0\n#FNAMN A\n#KONTO 1 B\n#RAR 0 20260101 20261231\n" + content):
        with contextlib.suppress(SieFault):
            chart = read_chart(each)
            assert FileChart.of_json(chart.as_json()) == chart
