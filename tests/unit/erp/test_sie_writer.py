"""A voucher file says what the vouchers say, to readers that share nothing with the writer."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.files.chart import FiscalYear
from ledgerbridge.erp.files.filed import Filed, FiledLine, FiledValue
from ledgerbridge.erp.sie.reader import read_chart
from ledgerbridge.erp.sie.text import line, plain
from ledgerbridge.erp.sie.writer import SieWriter, checksum
from tests.support.sie_company import chart_file
from tests.support.sie_reader import NotSie, SieFile, read

CHART = read_chart(chart_file())
YEAR = FiscalYear(dt.date(2026, 1, 1), dt.date(2026, 12, 31))
ENTRY = "3f0c2f6e-0c43-4a39-9d5e-0a3f8f3f1c11"
SALES = FiledValue("1", "Kostnadsställe", "010", "Försäljning")
SITE = FiledValue("6", "Projekt", "P1", "Ny webbplats")
GOLDEN = Path(__file__).parents[2] / "data" / "sie" / "two-vouchers.si"


def row(account: str, amount: str, text: str = "AWS, Ada Lovelace", *values: FiledValue) -> FiledLine:
    """A line of an account of the chart; debit is positive."""
    known, size = CHART.account[account], Decimal(amount)
    debit, credit = max(size, Decimal(0)), max(-size, Decimal(0))
    return FiledLine(account, known.name, known.type.value, debit, credit, text, values)


def voucher(number: int, *rows: FiledLine, text: str = "AWS, hosting", entry: str = ENTRY, revision: int = 1) -> Filed:
    day = dt.date(2026, 11, 20)
    recorded = dt.datetime(2026, 11, 22, 23, 30, tzinfo=dt.UTC)
    key = PostingKey("company", entry, revision)
    return Filed(str(number), "P", number, key, YEAR, day, day, "SEK", text, rows, recorded)


PURCHASE = voucher(
    17,
    row("6540", "1000.00", "Drift i november – “moln”", SALES, SITE),
    row("2641", "250.00", "VAT Moms 25 % · Drift"),
    row("1940", "-1250.00", "Drift i november"),
)
REVERSE_CHARGE = voucher(
    18,
    row("6540", "400.50"),
    row("2645", "100.13"),
    row("2614", "-100.13"),
    row("1940", "-400.50"),
    text='Kvitto {saknas} #2 \\ "så"',
    revision=2,
)


def written(*vouchers: Filed, length: int = 50, sum_: bool = False) -> bytes:
    return SieWriter(CHART, length, sum_).render(vouchers).content


def amounts(found: SieFile) -> list[list[tuple[str, Mapping[str, str], Decimal]]]:
    return [[(one.account, one.objects, one.amount) for one in each.rows] for each in found.vouchers]


def wanted(vouchers: Sequence[Filed]) -> list[list[tuple[str, Mapping[str, str], Decimal]]]:
    return [
        [
            (one.account, {value.dimension: value.value for value in one.dimensions}, one.debit - one.credit)
            for one in each.lines
        ]
        for each in vouchers
    ]


@pytest.mark.parametrize("sum_", [False, True])
def test_a_strict_reader_finds_accounts_objects_amounts_and_dates(sum_: bool) -> None:
    found = read(written(PURCHASE, REVERSE_CHARGE, sum_=sum_))
    assert (found.checksum is not None) == sum_
    assert amounts(found) == wanted([PURCHASE, REVERSE_CHARGE])
    assert (found.company, found.number, found.currency) == ("Övningsbolaget AB", "556334-3689", "SEK")
    assert (found.year, found.generated) == ((YEAR.start, YEAR.end), dt.date(2026, 11, 22))
    assert found.accounts == {code: CHART.account[code].name for code in ("1940", "2614", "2641", "2645", "6540")}
    assert found.types == {"1940": "T", "2614": "S", "2641": "S", "2645": "S", "6540": "K"}
    assert found.objects == {("1", "010"): "Försäljning", ("6", "P1"): "Ny webbplats"}
    assert [(one.series, one.number, one.date, one.registered) for one in found.vouchers] == [
        ("P", 17, dt.date(2026, 11, 20), dt.date(2026, 11, 22)),
        ("P", 18, dt.date(2026, 11, 20), dt.date(2026, 11, 22)),
    ]


def test_a_person_can_read_the_file_and_a_change_of_one_byte_is_seen() -> None:
    content = written(PURCHASE, REVERSE_CHARGE, sum_=True)
    assert content.decode("cp437").replace("\r\n", "\n") == GOLDEN.read_text(encoding="utf-8")
    read(content)
    with pytest.raises(NotSie, match="checksum"):
        read(content.replace(b"#KONTO 1940", b"#KONTO 1941").replace(b"#TRANS 1940", b"#TRANS 1941").replace(
            b"#KTYP 1940", b"#KTYP 1941"))  # fmt: skip


def test_another_programs_reader_finds_the_same_vouchers(tmp_path: Path) -> None:
    # They take half a second to import.
    import pandas  # type: ignore[import-untyped]
    from pysie_accounting import pysie  # type: ignore[import-untyped]

    codes, file = tmp_path / "sru.csv", tmp_path / "a.si"
    pandas.DataFrame({"SRU": [7369], "Ink2": ["x"]}).to_csv(codes, index=False)
    file.write_bytes(written(PURCHASE, REVERSE_CHARGE))
    reader = pysie.PySIE()
    reader.sie_encoding = "cp437"
    reader.open_trans(str(codes))
    reader.open(str(file))
    assert reader.fnamn == "Övningsbolaget AB"
    found = {
        number: (day, text, registered, [(account, objects, Decimal(amount)) for account, objects, amount in rows])
        for number, (day, text, registered, rows) in reader.verifikat.items()
    }
    assert found == {
        "17": (
            "20261120", f"P17 [PLEO:{ENTRY}]", "20261122",
            [("6540", '1 "010" 6 "P1"', Decimal("1000.00")), ("2641", "", Decimal("250.00")),
             ("1940", "", Decimal("-1250.00"))],
        ),
        "18": (
            "20261120", f"P18 [PLEO:{ENTRY}#2]", "20261122",
            [("6540", "", Decimal("400.50")), ("2645", "", Decimal("100.13")), ("2614", "", Decimal("-100.13")),
             ("1940", "", Decimal("-400.50"))],
        ),
    }  # fmt: skip


def test_the_text_of_a_voucher_names_it_and_its_expense_whole_and_the_rest_as_room_allows() -> None:
    (short,) = read(written(PURCHASE)).vouchers
    (long,) = read(written(PURCHASE, length=80)).vouchers
    (tight,) = read(written(replace(PURCHASE, number=123_456_789))).vouchers
    (odd,) = read(written(replace(PURCHASE, key=PostingKey("company", "x" * 200)))).vouchers
    assert short.text == f"P17 [PLEO:{ENTRY}]"
    assert long.text == f"P17 AWS, hosting [PLEO:{ENTRY}]"
    assert tight.text == f"[PLEO:{ENTRY}]"
    assert odd.text == f"[PLEO:{'x' * 200}]", "a key is never cut"
    assert [one.text for one in short.rows] == [
        "Drift i november - 'moln'", "VAT Moms 25 % · Drift", "Drift i november",
    ]  # fmt: skip


def test_the_same_vouchers_make_the_same_file_and_others_another_name() -> None:
    writer = SieWriter(CHART, 50)
    one, again, other = writer.render([PURCHASE]), writer.render([PURCHASE]), writer.render([PURCHASE, REVERSE_CHARGE])
    assert hashlib.sha256(one.content).digest() == hashlib.sha256(again.content).digest()
    assert [each.name for each in (one, again, other)] == [
        "5563343689_2026_P17-17.si", "5563343689_2026_P17-17.si", "5563343689_2026_P17-18.si",
    ]  # fmt: skip
    broken = replace(PURCHASE, year=FiscalYear(dt.date(2026, 7, 1), dt.date(2027, 6, 30)))
    assert writer.render([broken]).name == "5563343689_20260701_P17-17.si"


def test_a_dimension_below_another_is_declared_below_it() -> None:
    below = FiledValue("21", "Underprojekt", "P1-A", "Del A", "6")
    found = read(written(voucher(1, row("6540", "10.00", "A", SITE, below), row("1940", "-10.00"))))
    assert found.parents == {"21": "6"}
    assert found.vouchers[0].rows[0].objects == {"6": "P1", "21": "P1-A"}


def test_the_checksum_counts_labels_and_fields_and_nothing_between() -> None:
    assert checksum(['#KONTO  1915 "Kassa \\"special\\""']) == checksum(['#KONTO "1915" "Kassa \\"special\\""'])
    assert checksum(["#TRANS 1 {} 5", "{", "}"]) == checksum(["#TRANS 1 5"])
    assert checksum(["#A b"]) != checksum(["#A c"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("Smörgås, crème brûlée", "Smörgås, crème brûlée"),
        ("100 € – Łódź", "100 EUR - Lódz"),
        ("Ångström Åkeri", "Ångström Åkeri"),
        ("A\u0308pple a\u030a", "Äpple å"),
        ("Þór Ðal Øst ĲSSEL ½ ﬁn", "Thór Dal Ost IJSSEL ½ fin"),
        ("東京 🧾", "?? ?"),
        ("a\x00b\tc\r\nd\x7fe\u2028f\u200bg\ud800h\u00a0i", "a b c d e fgh i"),
        ("", ""),
    ],
)
def test_letters_the_code_page_lacks_are_written_as_people_would(given: str, told: str) -> None:
    assert plain(given) == told


def test_a_text_is_cut_with_dots() -> None:
    assert line("x" * 60, 50) == "x" * 47 + "..."
    assert line("x" * 50, 50) == "x" * 50


TEXTS = st.text(max_size=120)
CODES = (
    st.text(st.sampled_from('abcXYZ0123456789-_./ åäöÅÄÖé"{}#'), min_size=1, max_size=12)
    .map(lambda text: " ".join(text.split()))
    .filter(bool)
)
AMOUNTS = st.integers(1, 10**13).map(lambda minor: Decimal(minor).scaleb(-2))


@st.composite
def vouchers(draw: st.DrawFn) -> list[Filed]:
    found = []
    number = 0
    for _ in range(draw(st.integers(1, 4))):
        number += draw(st.integers(1, 3))
        sizes = draw(st.lists(AMOUNTS, min_size=1, max_size=3))
        sign = draw(st.sampled_from([1, -1]))
        rows = []
        for size in [sign * one for one in sizes]:
            code = draw(CODES)
            value = FiledValue(draw(st.sampled_from(["1", "6"])), draw(TEXTS), code, f"Namn på {code}")
            rows.append(row("6540", str(size), draw(TEXTS), *draw(st.sampled_from([(), (value,)]))))
        rows.append(row("1940", str(-sign * sum(sizes)), draw(TEXTS)))
        found.append(voucher(number, *rows, text=draw(TEXTS), revision=draw(st.integers(1, 3))))
    return found


@settings(max_examples=80)
@given(vouchers(), st.integers(50, 200), st.booleans())
def test_any_text_amount_and_dimension_survives(made: list[Filed], length: int, sum_: bool) -> None:
    content = written(*made, length=length, sum_=sum_)
    found = read(content)
    assert amounts(found) == wanted(made)
    assert not any(byte < 32 and byte not in b"\r\n" for byte in content)
    for one, each in zip(made, found.vouchers, strict=True):
        assert each.text.endswith(one.key_text)
        assert max(len(each.text), *(len(every.text) for every in each.rows)) <= length
        assert [every.text for every in each.rows] == [line(every.text, length) for every in one.lines]
        assert each.debit == one.total
