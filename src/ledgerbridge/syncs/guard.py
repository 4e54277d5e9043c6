"""When a run must ask before it archives (VEN-053, ACC-090, ACC-091, TAG-061, TAG-148, TAG-149). Pure.

Archiving is the one thing a sync does that people notice too late: a category loses its account, an expense its cost
centre. So a read that may be short archives nothing, and an unusual number waits for a person.
"""

from __future__ import annotations

FREE = 10
"""So many are archived without asking, whatever the share."""
SHARE = 5
"""Nor is asked when at most one in so many of the active ones would go."""


class EmptyRead(Exception):
    """The ERP answered an empty list where Pleo has active records: not believed, nothing is archived (ACC-090)."""

    def __init__(self, what: str, active: int) -> None:
        super().__init__(f"empty list of {what}, {active} active at Pleo")
        self.text = (
            f"The accounting system shows no {what} at all, while Pleo has {active}. Nothing was changed. "
            "Check in the accounting system that the user of this connection may read them."
        )
        """For a person."""


def unusual(wanted: int, active: int) -> bool:
    """Whether archiving `wanted` of `active` records is more than happens from day to day: over 10 and over 20 %."""
    return wanted > FREE and wanted * SHARE > active


def believe(read: int, active: int, what: str) -> None:
    """Raise `EmptyRead` when the ERP listed no record at all, inactive ones included, and Pleo has active ones."""
    if read == 0 and active > 0:
        raise EmptyRead(what, active)


def may_go(held: int, allowed: int | None) -> bool:
    """Whether what the guard holds back may be archived: nothing is held, or a person allowed at least as many."""
    return held == 0 or (allowed is not None and allowed >= held)
