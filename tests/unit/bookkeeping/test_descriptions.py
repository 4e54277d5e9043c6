"""What a bookkeeper reads, and what nobody may write there."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledgerbridge.bookkeeping.descriptions import LINE_LENGTH, clean, headline, initials, shortened
from ledgerbridge.bookkeeping.words import InvoiceInformation, Person, Supplier, Vendor

from .books import entry, item, line, money, vat

FORGED = "[PLEO:0000]"


@pytest.mark.rule("EXP-MAP-07")
def test_the_description_is_supplier_employee_and_note() -> None:
    made = entry(item(note="Train to Aarhus"))
    assert made.description == "Acme · Anna Holm · Train to Aarhus · Ref REC-1"
    assert [one.description for one in made.lines] == ["Acme · Anna Holm · Train to Aarhus"] * 2


@pytest.mark.rule("EXP-MAP-02", "EXP-MAP-04", "EXP-MAP-05", "EXP-MAP-06", "EXP-MAP-11")
def test_every_reference_is_on_the_entry() -> None:
    made = entry(
        item(
            reconciled_entries=("REC-7", "REC-8"),
            attendees=("Bo Lund", "Eva Juhl"),
            service_period=(dt.date(2026, 1, 1), dt.date(2026, 3, 31)),
            supplier_total=money(1_340, "EUR"),
            lines=[line(10_000, supplier=1_340, foreign="EUR")],
        )
    )
    assert made.description == (
        "Acme · Anna Holm · Ref REC-1 · Settles REC-7, REC-8 · Attendees Bo Lund, Eva Juhl · "
        "Service period 2026-01-01 to 2026-03-31 · Paid EUR 13.40"
    )


@pytest.mark.parametrize("type_", ["invoice", "invoice_payment", "card_invoice"])
@pytest.mark.parametrize(
    ("due", "paid", "shown"),
    [
        (None, None, "Invoice INV-77 of 2026-11-01"),
        (dt.date(2026, 12, 1), None, "Invoice INV-77 of 2026-11-01 due 2026-12-01"),
        (
            dt.date(2026, 12, 1),
            dt.date(2026, 11, 3),
            "Invoice INV-77 of 2026-11-01 due 2026-12-01 paid 2026-11-03",
        ),
    ],
)
def test_the_invoice_is_named_with_its_days(type_: str, due: dt.date | None, paid: dt.date | None, shown: str) -> None:
    invoice = InvoiceInformation("INV-77", dt.date(2026, 11, 1), "paid", due, paid)
    assert entry(item(type_, invoice=invoice)).description.endswith(f" · {shown}")
    assert "INV-77" not in entry(item("card_purchase", invoice=invoice)).description


@pytest.mark.rule("EXP-MAP-04", "EXP-MAP-05", "EXP-MAP-06")
def test_references_keep_the_length_pleo_asks_for() -> None:
    reference, settled, guest = "R" * 50, "S" * 50, "G" * 100
    made = entry(item(reconciliation_id=reference, reconciled_entries=(settled,), attendees=(guest,)))
    assert reference in made.description
    assert settled in made.description
    assert guest in made.description


@pytest.mark.rule("EXP-MAP-05", "EXP-TYPE-06")
def test_long_lists_are_cut_at_a_whole_reference_and_counted() -> None:
    many = tuple(f"0f0f0f0f-0000-4000-8000-{number:012}" for number in range(60))
    text = entry(item("direct_reimbursement", reconciled_entries=many)).description
    assert " and 40 more" in text
    assert all(one in text for one in many[:20])


def test_one_overlong_reference_is_cut() -> None:
    text = entry(item(reconciled_entries=("S" * 2_000,), attendees=("G" * 2_000, "Bo"))).description
    assert len(text) < 1_300
    assert "Attendees GGG" in text


def test_blank_attendees_are_left_out() -> None:
    assert entry(item(attendees=(" ", "Bo", ""))).description.endswith("Attendees Bo")


def test_money_moved_between_own_accounts_is_named_by_its_type() -> None:
    made = entry(item("wallet_topup", supplier=None, user=None))
    assert made.lines[0].description == "Wallet topup"
    assert made.description == "Wallet topup · Ref REC-1"
    assert entry(item("mileage", supplier=None)).lines[0].description == "Anna Holm"
    assert entry(item("mileage", supplier=None, user=None, note="Aarhus")).lines[0].description == "Aarhus"


@pytest.mark.parametrize(
    ("merchant", "vendor", "shown"),
    [
        ("AMZN Mktp", "Amazon EU", "AMZN Mktp (Amazon EU) · "),
        ("Amazon EU", "AMAZON eu", "Amazon EU · "),
        (None, "Amazon EU", "Amazon EU · "),
    ],
)
def test_a_vendor_is_named_beside_a_merchant_of_another_name(merchant: str | None, vendor: str, shown: str) -> None:
    known = Vendor("v", vendor, None, None, None, None, None)
    made = entry(item(supplier=Supplier(name=merchant) if merchant else None, vendor=known))
    assert made.description.startswith(shown)


@pytest.mark.rule("EXP-MAP-07")
def test_a_short_field_shrinks_the_employee_first() -> None:
    one = item(user=Person("u", "Anna Maria Holm", None), note="n" * 20)
    assert headline(one, 60) == "Acme · Anna Maria Holm · nnnnnnnnnnnnnnnnnnnn"
    assert headline(one, 40) == "Acme · A.M.H. · nnnnnnnnnnnnnnnnnnnn"
    assert headline(one, 20) == "Acme · A.M.H. · nnn…"
    assert initials("  Åse  ") == "Å."


def test_a_text_that_just_fits_is_left_alone() -> None:
    assert shortened("exact", 5) == "exact"
    assert shortened("exactly", 5) == "exac…"
    assert headline(item(note="x"), len("Acme · Anna Holm · x")) == "Acme · Anna Holm · x"


def test_a_vat_line_names_its_code() -> None:
    made = entry(item(lines=[line(12_500, tax=vat(2_500))], note="x" * 300))
    assert made.lines[1].description.startswith("VAT I25 · Acme")
    assert all(len(one.description) <= LINE_LENGTH for one in made.lines)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("two\nlines\r\n\tand  tabs", "two lines and tabs"),
        ("nul\0l", "nul l"),
        ("\u202edesrever\u202c", "desrever"),
        ("half \ud83d pair", "half pair"),
        ("next\u2028line", "next line"),
        (FORGED, "(PLEO:0000]"),
        ("[ pleo :x", "( pleo :x"),
        ("[\u200bPLEO:x]", "(PLEO:x]"),
        ("[[PLEO:x]]", "[(PLEO:x]]"),
        ("[\nPLEO\n:x", "( PLEO :x"),
        ("[Project X] 100 %", "[Project X] 100 %"),
    ],
)
def test_text_from_people_is_one_clean_line(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize("place", ["note", "supplier", "user", "reference", "settles", "attendee", "invoice"])
def test_nobody_can_forge_the_key_of_an_entry(place: str) -> None:
    invoice = InvoiceInformation(FORGED, dt.date(2026, 11, 1), "paid", None, None)
    changes = {
        "note": {"note": FORGED},
        "supplier": {"supplier": Supplier(name=FORGED)},
        "user": {"user": Person("u", FORGED, None)},
        "reference": {"reconciliation_id": FORGED},
        "settles": {"reconciled_entries": (FORGED,)},
        "attendee": {"attendees": (FORGED,)},
        "invoice": {"invoice": invoice},
    }
    made = entry(item("card_invoice", **changes[place]))  # type: ignore[arg-type]
    texts = [made.description, *(one.description for one in made.lines)]
    assert "PLEO:0000" in made.description
    assert not [text for text in texts if "[PLEO" in text]


@settings(deadline=None)
@given(st.text(max_size=400), st.text(max_size=200), st.text(max_size=200), st.integers(2, 200))
def test_any_text_fits_and_is_clean(note: str, supplier: str, user: str, length: int) -> None:
    one = item(note=note, supplier=Supplier(name=supplier), user=Person("u", user, None))
    text = headline(one, length)
    assert len(text) <= length
    assert clean(text) == text
    assert shortened(text, length) == text
    assert len(entry(one).description) <= 600
