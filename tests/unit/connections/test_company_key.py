"""One ERP company has one name among all ERPs, however its address is typed."""

from __future__ import annotations

import pytest

from ledgerbridge.connections.erp_binding import company_key
from ledgerbridge.erp.port import ErpCompany

COMPANY = ErpCompany("1", "Demo ApS", "41414141", "DKK")
SHOWN = {"base_url": "https://erp.example", "database": "books", "company": 1}


@pytest.mark.rule("EXP-ENT-01")
def test_order_and_case_of_the_address_make_no_other_company() -> None:
    other = {"company": 1, "database": "books", "base_url": "HTTPS://Erp.Example"}
    assert company_key("tryton", SHOWN, COMPANY) == company_key("tryton", other, COMPANY)


def test_a_new_name_is_the_same_company() -> None:
    renamed = ErpCompany("1", "Demo Holding ApS", "41414141", "DKK")
    assert company_key("tryton", SHOWN, COMPANY) == company_key("tryton", SHOWN, renamed)


@pytest.mark.parametrize(
    ("kind", "shown", "company"),
    [
        ("other", SHOWN, COMPANY),
        ("tryton", {**SHOWN, "base_url": "https://erp2.example"}, COMPANY),
        ("tryton", {**SHOWN, "database": "Books"}, COMPANY),
        ("tryton", SHOWN, ErpCompany("2", "Demo ApS", "41414141", "DKK")),
    ],
)
def test_everything_that_tells_companies_apart_does(kind: str, shown: dict[str, object], company: ErpCompany) -> None:
    assert company_key(kind, shown, company) != company_key("tryton", SHOWN, COMPANY)
