"""The SIE target passes the suite every adapter must pass; its books are the files, read by a strict reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pytest

from ledgerbridge.erp import conformance
from ledgerbridge.erp.conformance.bench import Facts
from ledgerbridge.erp.files.target import capabilities
from ledgerbridge.erp.sie import SieAdapter, settings
from ledgerbridge.store.engine import Database
from tests.support import sie_company, sie_reader
from tests.support.file_bench import FileBench, Seen
from tests.support.file_books import empty_book

LOCKED = dt.date(2026, 6, 30)
FACTS = Facts(
    name=sie_company.COMPANY,
    registration_number=sie_company.NUMBER,
    currency="SEK",
    journal="P",
    expense="6540",
    vat="2641",
    wallet="1940",
    wants_party=None,
    tax="Moms 25 %",
    reverse_charge="Omvänd skattskyldighet, utlandet 25 %",
    dimensions=[("1", "010"), ("6", "P1")],
    open_date=dt.date(2026, 9, 7),
    closed_date=LOCKED,
    closable_date=dt.date(2026, 7, 6),
    oversize=None,
    tax_numbers=(),
)


def parse(content: bytes) -> Sequence[Seen]:
    return [
        Seen(one.series, one.number, one.all_text, [(row.account, row.objects, row.amount) for row in one.rows])
        for one in sie_reader.read(content).vouchers
    ]


@pytest.fixture
async def bench(db: Database) -> FileBench:
    adapter = SieAdapter()
    chart = sie_company.uploaded(sie_company.chart_file())
    good = adapter.check_settings({"chart": chart, "locked_until": LOCKED.isoformat()})
    read = settings.read(good)
    return FileBench(
        adapter,
        capabilities(read.chart, read.files),
        good,
        FACTS,
        await empty_book(db, adapter.kind, read.chart.as_company()),
        parse,
        {"accounts": len(sie_company.ACCOUNTS), "tax_codes": 5, "dimensions": len(sie_company.DIMENSIONS)},
        {
            "no chart": (good | {"chart": ""}, "chart"),
            "no SIE file": (good | {"chart": sie_company.uploaded(b"Konto;Namn\r\n")}, "chart"),
            "two letters": (good | {"series": "PL"}, "series"),
            "no day": (good | {"locked_until": "June"}, "locked_until"),
            "an account that is not there": (good | {"taxes": "Moms; 25; 9999"}, "taxes"),
            "texts too short": (good | {"text_length": "20"}, "text_length"),
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
