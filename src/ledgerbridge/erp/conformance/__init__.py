"""The tests every adapter inherits, run against the real ERP.

A test module of an adapter defines a fixture `bench` (see `bench.Bench`) and subclasses each suite:

    class TestBooking(conformance.Booking): ...

or has the plugin run them all (`pytest --erp-conformance`). Capabilities decide which tests apply; no suite asks for an
adapter's name. A test that does not apply is skipped with the name of what is not claimed, and for no other reason.
Only tests import this package.
"""

from ledgerbridge.erp.conformance.batches import Batches
from ledgerbridge.erp.conformance.bills import Bills, BillsOnce
from ledgerbridge.erp.conformance.booking import Booking, Files
from ledgerbridge.erp.conformance.company import Company
from ledgerbridge.erp.conformance.connecting import Connecting
from ledgerbridge.erp.conformance.finding import Finding
from ledgerbridge.erp.conformance.fitting import Fits
from ledgerbridge.erp.conformance.honesty import Honesty
from ledgerbridge.erp.conformance.listing import Listing
from ledgerbridge.erp.conformance.matches import Matches
from ledgerbridge.erp.conformance.mirror import Mirror
from ledgerbridge.erp.conformance.once import ExactlyOnce
from ledgerbridge.erp.conformance.refusals import Refusals
from ledgerbridge.erp.conformance.reversal import Reversal, ReversalOfBills
from ledgerbridge.erp.conformance.vendors import NewVendors, Vendors

PARTS: dict[int, tuple[type, ...]] = {
    1: (Connecting, Company, Booking, Files, Finding),
    2: (ExactlyOnce, Refusals, Fits, Honesty, Batches),
    3: (Mirror, Listing, Reversal, Vendors, NewVendors, Bills, BillsOnce, Matches, ReversalOfBills),
}
"""The suites in the order in which an adapter is written: booked once; whatever happens on the way; all the rest."""

__all__ = [
    "PARTS",
    "Batches",
    "Bills",
    "BillsOnce",
    "Booking",
    "Company",
    "Connecting",
    "ExactlyOnce",
    "Files",
    "Finding",
    "Fits",
    "Honesty",
    "Listing",
    "Matches",
    "Mirror",
    "NewVendors",
    "Refusals",
    "Reversal",
    "ReversalOfBills",
    "Vendors",
]
