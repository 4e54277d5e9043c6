"""Books on which the sandbox's expenses are booked: its codes, how a company books them, whom it owes."""

from __future__ import annotations

from ledgerbridge.bookkeeping.words import Accounts, Configuration
from pleo_sandbox.seeds import Chart

CODES = Chart()
CONFIG = Configuration(
    version=1,
    journal="EXP",
    accounts=Accounts(
        wallet={"*": CODES.account("wallet")},
        out_of_pocket=CODES.account("out_of_pocket"),
        contra=CODES.account("contra"),
        external_reimbursement="external",
        payable=CODES.account("payable"),
    ),
    time_zone="Europe/Copenhagen",
    dimensions=tuple(group for group, _ in CODES.dimensions.values()),
)
VENDOR = {"id": "00000000-0000-4000-8000-00000000000a", "name": "Kontor & Co", "defaultCurrency": "DKK", "code": "S-77"}
