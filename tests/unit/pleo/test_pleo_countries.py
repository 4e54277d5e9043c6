"""Countries as the Vendors API knows them."""

from __future__ import annotations

import pytest

from ledgerbridge.pleo.countries import COUNTRIES, country_code, same_country
from tests.contract.contracts import load


@pytest.mark.rule("VEN-034")
def test_the_countries_are_the_272_of_the_contract() -> None:
    published = load("vendors")["components"]["schemas"]["CountryCode"]["enum"]
    assert frozenset(published) == COUNTRIES
    assert len(COUNTRIES) == 272


@pytest.mark.rule("VEN-034")
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("DK", "DK"),
        (" dk ", "DK"),
        ("EL", "GR"),
        ("UK", "GB"),
        ("GB", "GB"),
        ("XI", "XI"),
        ("NO", "NO"),
        ("UNDEFINED", None),
        ("QQ", None),
        ("Denmark", None),
        ("", None),
        (None, None),
    ],
)
def test_a_country_is_sent_in_pleos_words_or_not_at_all(value, sent) -> None:
    assert country_code(value) == sent


@pytest.mark.rule("VEN-034", "VEN-035")
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("UK", "GB", True),
        ("EL", "GR", True),
        ("dk", "DK", True),
        (None, "", True),
        ("UNDEFINED", None, True),
        ("DK", "SE", False),
        ("DK", None, False),
        ("XI", "GB", False),
    ],
)
def test_two_words_for_one_country_are_one(one, other, same) -> None:
    assert same_country(one, other) is same
