"""What must always hold, asked of the live data over all companies at regular times, without writing to any of it.

Each of the ten statements of the design has one or more checks. A check looks at what the last weeks left behind, not
at what a test set up: it is there for the fault nobody thought of. It mends nothing.
"""

from ledgerbridge.ops.invariants.catalogue import ALL
from ledgerbridge.ops.invariants.invariant import Invariant
from ledgerbridge.ops.invariants.run import DEEP_SECONDS, SWIFT_SECONDS, check, check_all

__all__ = ["ALL", "DEEP_SECONDS", "SWIFT_SECONDS", "Invariant", "check", "check_all"]
