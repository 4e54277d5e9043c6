"""The Tryton adapter passes the suite every adapter must pass, against a real Tryton."""

from ledgerbridge.erp import conformance


class TestCompany(conformance.Company):
    pass


class TestBooking(conformance.Booking):
    pass


class TestFiles(conformance.Files):
    pass


class TestExactlyOnce(conformance.ExactlyOnce):
    pass


class TestRefusals(conformance.Refusals):
    pass


class TestFinding(conformance.Finding):
    pass
