"""A journal file says what the vouchers say, in the importer's own way, to whoever reads it."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledgerbridge.erp.csv_journal as room
from ledgerbridge.erp.csv_journal.reading import read
from ledgerbridge.erp.csv_journal.rows import rows_of
from ledgerbridge.erp.csv_journal.template import Rows, Template
from ledgerbridge.erp.csv_journal.writer import write
from ledgerbridge.erp.files.filed import Filed, FiledValue
from tests.unit.erp.csv_journals import SALES, VOUCHERS, journal, line, purchase

READY = {path.stem: path for path in (Path(room.__file__).parent / "templates").glob("*.toml")}
GOLDEN = Path(__file__).parents[2] / "data" / "csv"
ENTERED = {
    "adviser": "29098", "client": "55003", "account_length": "4", "chart": "03", "tax_key": "40",
    "tax_rate": "Tax Exempt", "tracking_1": "Department", "tracking_2": "", "subsidiary": "", "journal": "GJ",
    "batch": "PLEO", "tax_code": "T9",
}  # fmt: skip
DIMENSIONS = ("1", "6")
WRITTEN = {name: write(read(path.read_bytes()), VOUCHERS, ENTERED, DIMENSIONS) for name, path in READY.items()}


def parsed(template: Template, data: bytes) -> list[dict[str, str]]:
    """As a reader of CSV sees the file: a row by its headings."""
    text = io.StringIO(data.decode(template.encoding), newline="")
    for _ in template.above:
        text.readline()
    return list(csv.DictReader(text, delimiter=template.separator, strict=True))


def amounts(template: Template, row: dict[str, str]) -> list[tuple[str, Decimal]]:
    """Account and debit less credit, as the row shows them, for each account in it."""
    by_field = {column.field: row[column.heading] for column in template.columns if column.field}

    def money(field: str) -> Decimal:
        return Decimal(by_field.get(field, "").replace(template.decimal, ".") or "0")

    if "amount" in by_field:
        amount = money("amount")
    elif "amount_absolute" in by_field:
        words = next(column.words for column in template.columns if column.field == "side")
        amount = money("amount_absolute") * (1 if by_field["side"] == words["debit"] else -1)
    else:
        amount = money("debit") - money("credit")
    found = [(by_field["account"], amount)]
    return [*found, (by_field["counter_account"], -amount)] if "counter_account" in by_field else found


def wanted(vouchers: tuple[Filed, ...] = VOUCHERS) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for voucher in vouchers:
        for one in voucher.lines:
            totals[one.account] += one.debit - one.credit
    return dict(totals)


@pytest.mark.parametrize("name", READY)
def test_every_ready_template_writes_what_its_golden_file_shows(name: str) -> None:
    assert WRITTEN[name] == (GOLDEN / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("name", READY)
def test_another_reader_finds_on_each_account_what_the_vouchers_book_there(name: str) -> None:
    template = read(READY[name].read_bytes())
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in parsed(template, WRITTEN[name]):
        named = any(column.field == "account" for column in template.columns)
        assert named
        for account, amount in amounts(template, row):
            totals[account] += amount
    assert dict(totals) == wanted()
    assert sum(totals.values()) == 0


@pytest.mark.parametrize("name", READY)
def test_the_same_vouchers_make_the_same_bytes(name: str) -> None:
    assert write(read(READY[name].read_bytes()), VOUCHERS, ENTERED, DIMENSIONS) == WRITTEN[name]


def test_a_datev_file_is_in_its_own_letters_and_each_row_has_its_columns() -> None:
    template = read(READY["datev"].read_bytes())
    head, names, *rows = WRITTEN["datev"].decode("cp1252").split("\r\n")
    assert head.startswith('"EXTF";700;21;"Buchungsstapel";13;20261121083015250;')
    assert ";29098;55003;20260101;4;20261120;20261201;" in head
    assert len(next(csv.reader([head], delimiter=";"))) == 31
    assert {len(next(csv.reader([row], delimiter=";"))) for row in (names, *rows[:-1])} == {125}
    first = parsed(template, WRITTEN["datev"])[0]
    assert (first["Umsatz (ohne Soll/Haben-Kz)"], first["Soll/Haben-Kennzeichen"]) == ("1000,00", "S")
    assert (first["Konto"], first["Gegenkonto (ohne BU-Schlüssel)"]) == ("6540", "1940")


def test_a_text_that_looks_like_a_formula_is_none_in_a_spreadsheet() -> None:
    rows = parsed(read(READY["generic"].read_bytes()), WRITTEN["generic"])
    assert {row["Voucher text"] for row in rows if row["Voucher"] == "P18"} == {"'=refund of AWS"}


def test_names_by_which_an_importer_finds_something_are_never_guarded() -> None:
    """They come from the company's own lists; with an apostrophe they would name nothing."""
    none = FiledValue("1", "Cost centre", "000", "- none -")
    lines = (line("6540", "1.00", dimensions=(none,)), line("1940", credit="1.00"))
    odd = journal(1, *(replace(one, account_name=f"@{one.account}") for one in lines))
    xero, quickbooks = (read(READY[name].read_bytes()) for name in ("xero", "quickbooks_online"))
    assert parsed(xero, write(xero, [odd], ENTERED, DIMENSIONS))[0]["TrackingOption1"] == "- none -"
    assert parsed(quickbooks, write(quickbooks, [odd], ENTERED, DIMENSIONS))[0]["AccountName"] == "@6540"


def test_letters_the_encoding_lacks_are_written_plainly_and_never_end_a_field() -> None:
    template = read(READY["datev"].read_bytes())
    odd = journal(1, line("6540", "1.00", text="”; Łódź 東京 \r\n\x00 x"), line("1940", credit="1.00"))
    [row] = parsed(template, write(template, [odd], ENTERED, ()))
    assert row["Buchungstext"] == "”; Lódz ??     x"
    ascii_only = b'name = "Plain"\n[file]\nencoding = "ascii"\n' + b"".join(
        b'[[column]]\nheading = "%s"\nfield = "%s"\n' % (name, name) for name in (b"account", b"amount", b"line_text")
    )
    [first, _] = parsed(read(ascii_only), write(read(ascii_only), [odd], {}, ()))
    assert first["line_text"] == '"; Lodz ??     x'


def test_rows_of_pairs_book_each_amount_once_with_the_texts_of_the_side_that_has_more() -> None:
    pairs = [
        (row.line.account, row.counter and row.counter.account, row.line.debit)
        for row in rows_of(purchase(), Rows.PAIR)
    ]
    assert pairs == [("6540", "1940", Decimal("1000.00")), ("2641", "1940", Decimal("250.00"))]


def own(head: str, *fields: str) -> Template:
    columns = "".join(f'[[column]]\nheading = "{one}"\nfield = "{one}"\n' for one in fields)
    return read(f'name = "Ours"\n[file]\n{head}\n{columns}'.encode())


def test_pairs_without_a_column_for_the_side_debit_their_account() -> None:
    template = own('rows = "pair"', "account", "counter_account", "amount_absolute", "line_text", "dimension.1")
    totals: dict[str, Decimal] = defaultdict(Decimal)
    rows = parsed(template, write(template, VOUCHERS, {}, DIMENSIONS))
    for row in rows:
        totals[row["account"]] += Decimal(row["amount_absolute"])
        totals[row["counter_account"]] -= Decimal(row["amount_absolute"])
    assert dict(totals) == wanted()
    refund = [row for row in rows if row["account"] == "1940"]
    assert [(row["counter_account"], row["amount_absolute"]) for row in refund] == [
        ("6540", "64.00"),
        ("2641", "16.00"),
    ]


@pytest.mark.parametrize(
    ("columns", "known", "first", "second"),
    [
        ("12", ("1", "2"), "1", "2"),
        ("12", ("2", "1"), "1", "2"),
        ("12", ("6", "1"), "6", "1"),
        ("12", ("2", "5"), "2", "5"),
        ("12", ("2",), "2", ""),
        ("16", ("6",), "", "6"),
        ("16", ("CC", "6"), "", "6"),
    ],
)
def test_no_dimension_is_in_two_columns_and_none_in_anothers(
    columns: str, known: tuple[str, ...], first: str, second: str
) -> None:
    template = own("", "account", "amount", *(f"dimension.{code}" for code in columns))
    values = tuple(FiledValue(code, f"Name {code}", f"of-{code}", "") for code in known)
    both = journal(1, line("6540", "1.00", dimensions=values), line("1940", credit="1.00"))
    [row, _] = parsed(template, write(template, [both], {}, known))
    shown = [row[f"dimension.{code}"] for code in columns]
    assert shown == [f"of-{code}" if code else "" for code in (first, second)]


def test_what_stands_in_braces_is_filled_in_columns_as_above_the_headings() -> None:
    column = '[[column]]\nheading = "Batch"\nvalue = "{year:YYYY} {currency} {setting.client}"\n'
    setting = '[[setting]]\nname = "client"\nlabel = "Client"\n'
    template = read(
        f'name = "Ours"\n{setting}{column}[[column]]\nfield = "account"\n[[column]]\nfield = "amount"\n'.encode()
    )
    rows = parsed(template, write(template, VOUCHERS, {"client": "7"}, ()))
    assert {row["Batch"] for row in rows} == {"2026 EUR 7"}


@pytest.mark.parametrize(("other", "shown"), [((FiledValue("1", "Cost centre", "020", "Fair"),), "020"), ((), "")])
def test_a_pair_never_puts_a_line_under_the_dimension_of_another(other: tuple[FiledValue, ...], shown: str) -> None:
    """A discount on another cost centre: one column of a row holds for both of its accounts."""
    discount = journal(
        1,
        line("6540", "120.00", dimensions=(SALES,)),
        line("6100", credit="20.00", dimensions=other),
        line("1940", credit="100.00"),
    )
    template = read(READY["datev"].read_bytes())
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in parsed(template, write(template, [discount], ENTERED, DIMENSIONS)):
        for account, amount in amounts(template, row):
            totals[account, "" if account == "1940" else row["KOST1 - Kostenstelle"]] += amount
    assert dict(totals) == {
        ("6540", "010"): Decimal("120.00"), ("6100", shown): Decimal("-20.00"), ("1940", ""): Decimal("-100.00"),
    }  # fmt: skip


_TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
_CENTS = st.integers(1, 10**9)


@st.composite
def vouchers(draw: st.DrawFn) -> Filed:
    sides: list[tuple[str, int]] = []
    debits = draw(st.lists(_CENTS, min_size=1, max_size=4))
    left = sum(debits)
    credits_ = []
    for _ in range(draw(st.integers(0, 3))):
        if left > 1:
            credits_.append(draw(st.integers(1, left - 1)))
            left -= credits_[-1]
    credits_.append(left)
    sides = [("debit", amount) for amount in debits] + [("credit", amount) for amount in credits_]
    lines = [
        line(f"{1000 + at}", **{side: str(Decimal(amount).scaleb(-2))}, text=draw(_TEXT))
        for at, (side, amount) in enumerate(sides)
    ]
    return journal(1, *lines, text=draw(_TEXT))


@settings(max_examples=25, deadline=None)
@given(voucher=vouchers(), name=st.sampled_from(sorted(READY)))
def test_whatever_the_amounts_and_texts_a_reader_finds_them_on_their_accounts(voucher: Filed, name: str) -> None:
    template = read(READY[name].read_bytes())
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for row in parsed(template, write(template, [voucher], ENTERED, ())):
        assert None not in row, "a text has broken out of its field"
        for account, amount in amounts(template, row):
            totals[account] += amount
    assert dict(totals) == wanted((voucher,))
