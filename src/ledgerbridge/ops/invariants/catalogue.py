"""All checks, in the order of the statements."""

from __future__ import annotations

from ledgerbridge.ops.invariants import books, companies, syncs, vouchers, work
from ledgerbridge.ops.invariants.invariant import Invariant

ALL: tuple[Invariant, ...] = tuple(
    sorted(
        (*books.CHECKS, *vouchers.CHECKS, *work.CHECKS, *companies.CHECKS, *syncs.CHECKS),
        key=lambda each: each.number,
    )
)
"""Every check once."""
