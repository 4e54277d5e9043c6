"""One ERP company has one name among all ERPs, however its address is typed."""

from __future__ import annotations

import pytest

from ledgerbridge.connections.erp_binding import company_key

PLACE = {"base_url": "https://erp.example", "database": "books", "company": 1}


@pytest.mark.rule("EXP-ENT-01")
def test_order_and_case_of_the_address_make_no_other_company() -> None:
    other = {"company": 1, "database": "books", "base_url": "HTTPS://Erp.Example"}
    assert company_key("tryton", PLACE, "1") == company_key("tryton", other, "1")


@pytest.mark.parametrize(
    ("kind", "place", "company"),
    [
        ("other", PLACE, "1"),
        ("tryton", {**PLACE, "base_url": "https://erp2.example"}, "1"),
        ("tryton", {**PLACE, "database": "Books"}, "1"),
        ("tryton", PLACE, "2"),
    ],
)
def test_everything_that_tells_companies_apart_does(kind: str, place: dict[str, object], company: str) -> None:
    assert company_key(kind, place, company) != company_key("tryton", PLACE, "1")
