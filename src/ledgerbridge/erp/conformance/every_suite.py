"""All suites as test classes, for `pytest --erp-conformance`. The fixture `bench` comes from the file named there."""

from __future__ import annotations

from ledgerbridge.erp import conformance


class TestConnecting(conformance.Connecting):
    pass


class TestCompany(conformance.Company):
    pass


class TestBooking(conformance.Booking):
    pass


class TestFiles(conformance.Files):
    pass


class TestFinding(conformance.Finding):
    pass


class TestExactlyOnce(conformance.ExactlyOnce):
    pass


class TestRefusals(conformance.Refusals):
    pass


class TestFits(conformance.Fits):
    pass


class TestHonesty(conformance.Honesty):
    pass


class TestBatches(conformance.Batches):
    pass


class TestMirror(conformance.Mirror):
    pass


class TestListing(conformance.Listing):
    pass


class TestReversal(conformance.Reversal):
    pass


class TestVendors(conformance.Vendors):
    pass


class TestNewVendors(conformance.NewVendors):
    pass


class TestBills(conformance.Bills):
    pass


class TestBillsOnce(conformance.BillsOnce):
    pass


class TestMatches(conformance.Matches):
    pass


class TestReversalOfBills(conformance.ReversalOfBills):
    pass
