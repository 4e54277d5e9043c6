"""The HTTP target passes the suite every adapter must pass, against the reference server on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgerbridge.erp import conformance
from tests.support.http_target import HttpBench, running


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpBench]:
    folder: Path = tmp_path_factory.mktemp("books")
    with running(folder) as (books, base_url):
        yield HttpBench(books, base_url)


class TestConnecting(conformance.Connecting):
    pass


class TestCompany(conformance.Company):
    pass


class TestBooking(conformance.Booking):
    pass


class TestFiles(conformance.Files):
    pass


class TestExactlyOnce(conformance.ExactlyOnce):
    pass


class TestHonesty(conformance.Honesty):
    pass


class TestBatches(conformance.Batches):
    pass


class TestRefusals(conformance.Refusals):
    pass


class TestFits(conformance.Fits):
    pass


class TestFinding(conformance.Finding):
    pass


class TestListing(conformance.Listing):
    pass


class TestMirror(conformance.Mirror):
    pass


class TestVendors(conformance.Vendors):
    pass


class TestNewVendors(conformance.NewVendors):
    pass


class TestReversal(conformance.Reversal):
    pass


class TestReversalOfBills(conformance.ReversalOfBills):
    pass


class TestBills(conformance.Bills):
    pass


class TestMatches(conformance.Matches):
    pass


class TestBillsOnce(conformance.BillsOnce):
    pass
