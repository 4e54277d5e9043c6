"""The CSV target passes the suite every adapter must pass; its books are the files, read by a reader of tables."""

from __future__ import annotations

import base64
import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal

import pandas as pd
import pytest

from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import Facts
from ledgerbridge.erp.csv_journal import settings
from ledgerbridge.erp.csv_journal.adapter import CsvAdapter
from ledgerbridge.erp.files.target import capabilities
from ledgerbridge.store.engine import Database
from tests.support.file_bench import FileBench, Seen
from tests.support.file_books import empty_book

LOCKED = dt.date(2026, 6, 30)
ACCOUNTS = (
    "Account,Name,Type\n6540,IT services,Expense\n2641,Input VAT,Liability\n2645,Input VAT abroad,Liability\n"
    "2614,Output VAT abroad,Liability\n1940,Pleo,Bank\n"
)
DIMENSIONS = "Dimension,Dimension name,Code,Name\n1,Cost centre,010,Sales\n6,Project,P1,Website\n6,Project,P2,App\n"
TAXES = "VAT 25 %; 25; 2641\nReverse charge 25 %; 25; 2645; 2614\n"
FACTS = Facts(
    name="Nordlys ApS",
    registration_number="DK-13585628",
    currency="DKK",
    journal="P",
    expense="6540",
    vat="2641",
    wallet="1940",
    wants_party=None,
    tax="VAT 25 %",
    reverse_charge="Reverse charge 25 %",
    dimensions=[("1", "010"), ("6", "P1")],
    open_date=dt.date(2026, 9, 7),
    closed_date=LOCKED,
    closable_date=dt.date(2026, 7, 6),
    oversize=None,
    tax_numbers=(),
)


def parse(content: bytes) -> Sequence[Seen]:
    """The vouchers of a file of the plain template."""
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    found = []
    for voucher, rows in table.groupby("Voucher", sort=False):
        name, first = str(voucher), rows.iloc[0]
        found.append(
            Seen(
                name[0],
                int(name[1:]),
                f"{first['Voucher text']} [PLEO:{first['Reference']}]",
                [
                    (
                        row["Account"],
                        dict(one.split("=") for one in row["Dimensions"].split()),
                        Decimal(row["Debit"]) - Decimal(row["Credit"]),
                    )
                    for _, row in rows.iterrows()
                ],
            )
        )
    return found


def uploaded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
async def bench(db: Database) -> FileBench:
    adapter = CsvAdapter()
    good = adapter.check_settings(
        {
            "company_name": FACTS.name,
            "registration_number": FACTS.registration_number,
            "currency": FACTS.currency,
            "accounts": uploaded(ACCOUNTS),
            "dimensions": uploaded(DIMENSIONS),
            "taxes": TAXES,
            "locked_until": LOCKED.isoformat(),
        }
    )
    read = settings.read(good)
    return FileBench(
        adapter,
        capabilities(read.chart, read.files),
        good,
        FACTS,
        await empty_book(db, adapter.kind, read.chart.as_company()),
        parse,
        {"accounts": 5, "tax_codes": 2, "dimensions": 2},
        {
            "no chart": ({name: good[name] for name in good if name != "accounts"}, "accounts"),
            "no list of accounts": (good | {"accounts": uploaded("<html>")}, "accounts"),
            "no name": (good | {"company_name": ""}, "company_name"),
            "no currency": (good | {"currency": "crowns"}, "currency"),
            "an account that is not there": (good | {"taxes": "VAT; 25; 9999"}, "taxes"),
            "a template that asks for more": (good | {"template": "datev", "datev_client": "7"}, "datev_adviser"),
        },
    )


@pytest.mark.rule("EXP-VALID-02", "EXP-VALID-03", "EXP-VALID-05")
class TestCompany(conformance.Company):
    pass


class TestConnecting(conformance.Connecting):
    pass


@pytest.mark.rule("EXP-IDEM-02", "EXP-POST-04", "EXP-POST-06")
class TestBooking(conformance.Booking):
    pass


class TestFiles(conformance.Files):
    pass


class TestExactlyOnce(conformance.ExactlyOnce):
    pass


class TestBatches(conformance.Batches):
    pass


class TestHonesty(conformance.Honesty):
    pass


class TestRefusals(conformance.Refusals):
    pass


class TestFits(conformance.Fits):
    pass


class TestFinding(conformance.Finding):
    pass


class TestMirror(conformance.Mirror):
    pass


class TestListing(conformance.Listing):
    pass


class TestReversal(conformance.Reversal):
    pass
