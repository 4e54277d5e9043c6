"""Numbers of vendors: which leave, under which type one from Pleo is kept, and when two spellings are one number."""

from __future__ import annotations

import pytest

from ledgerbridge.erp.tryton import identifiers
from ledgerbridge.erp.tryton.identifiers import Identifier

KNOWN = frozenset({"eu_vat", "gb_vat", "ch_vat", "no_vat", "us_ein", "dk_vat", "de_vat"})


@pytest.mark.parametrize(
    ("number", "country", "kept"),
    [
        ("DE129273398", "DE", ("eu_vat", "DE129273398")),
        ("de 129.273.398", None, ("eu_vat", "DE129273398")),
        ("129273398", "DE", ("eu_vat", "DE129273398")),
        ("GR094259216", "GR", ("eu_vat", "EL094259216")),
        ("094259216", "GR", ("eu_vat", "EL094259216")),
        ("EL094259216", None, ("eu_vat", "EL094259216")),
        ("GB980780684", "GB", ("gb_vat", "GB980780684")),
        ("980 7806 84", "UK", ("gb_vat", "980 7806 84")),
        ("91-1144442", "US", ("us_ein", "91-1144442")),
        ("CHE-107.787.577 IVA", "CH", ("ch_vat", "CHE-107.787.577 IVA")),
        ("100000000000003", "AE", (None, "VAT:100000000000003")),
        ("100000000000003", None, (None, "VAT:100000000000003")),
    ],
)
def test_a_tax_number_is_kept_under_the_type_that_checks_it(
    number: str, country: str | None, kept: tuple[str | None, str]
) -> None:
    assert identifiers.for_tax(number, country, KNOWN) == kept


def test_a_type_this_tryton_does_not_offer_is_not_sent() -> None:
    assert identifiers.for_tax("DE129273398", "DE", {"de_vat"}) == ("de_vat", "DE129273398")
    assert identifiers.for_tax("DE129273398", "DE", frozenset()) == (None, "VAT:DE129273398")


@pytest.mark.rule("VEN-063")
@pytest.mark.parametrize(
    ("held", "country", "wanted", "same"),
    [
        ("DK13585628", "DK", "DK 13 58 56 28", True),
        ("13585628", "DK", "DK13585628", True),
        ("DK13585628", "DK", "13585628", True),
        ("13585628", "DE", "DK13585628", False),
        ("13585628", None, "DK13585628", False),
        ("EL094259216", "GR", "GR094259216", True),
        ("094259216", "GR", "GR094259216", True),
        ("DK13585628", "DK", "DK13585629", False),
        (None, "DK", "DK13585628", False),
        ("DK13585628", "DK", None, False),
        ("-", "DK", " ", False),
    ],
)
def test_two_spellings_are_one_number(held: str | None, country: str | None, wanted: str | None, same: bool) -> None:
    assert identifiers.same_tax(held, country, wanted) is same


@pytest.mark.rule("VEN-037")
def test_only_numbers_of_companies_leave() -> None:
    def held(*pairs: tuple[str | None, str]) -> list[Identifier]:
        return [Identifier(kind, code, code) for kind, code in pairs]

    tax = Identifier("se_vat", "SE556703748501", "SE556703748501")
    personal = held(("se_personnummer", "850730-0332"), ("dk_cpr", "300785-0332"), ("eu_at_02", "DE98ZZZ09999999999"))
    assert identifiers.registration_number([*personal, tax], tax) is None
    assert identifiers.registration_number([*personal, *held((None, "C-77"), ("se_orgnr", "556703-7485"))], tax) == (
        "556703-7485"
    )
    assert identifiers.registration_number(held((None, "PLEO:x"), (None, "VAT:1"), (None, "C-77")), tax) == "C-77"
    assert identifiers.tax_number(personal, None) is None
    assert identifiers.tax_number(held((None, "VAT: 123")), None) == "123"


@pytest.mark.parametrize(
    ("chosen", "country"),
    [
        (Identifier("eu_vat", "EL094259216", "EL094259216"), "GR"),
        (Identifier("eu_vat", "DE129273398", "DE129273398"), "DE"),
        (Identifier("dk_vat", "13 58 56 28", "13585628"), "DK"),
        (Identifier("us_ein", "91-1144442", "911144442"), "US"),
        (None, None),
    ],
)
def test_a_tax_number_names_its_country(chosen: Identifier | None, country: str | None) -> None:
    assert identifiers.country_of(chosen) == country


@pytest.mark.rule("VEN-066")
def test_the_number_of_a_vendor_from_pleo_is_made_from_its_id_alone() -> None:
    one, other = "0b0f7f5e-1111-4a39-9d5e-0a3f8f3f1c11", "0b0f7f5e-1111-4a39-9d5e-0a3f8f3f1c12"
    assert identifiers.code_of(one) == "PLEO-H3K5ES35CW"
    assert identifiers.code_of(one) != identifiers.code_of(other)
