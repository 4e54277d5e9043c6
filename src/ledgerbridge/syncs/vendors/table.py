"""The decision table of vendors.md section 13: what becomes of a pair of vendors. Pure; the first fitting row wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Erp(StrEnum):
    """The ERP's side."""

    ACTIVE = "A"
    INACTIVE = "X"
    """There, but inactive or blocked."""
    ABSENT = "-"
    """Not found; a direct read by id said so where an id was known (VEN-052)."""
    SEVERAL = "several"
    """More than one candidate."""


class Pleo(StrEnum):
    """Pleo's side."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
    ABSENT = "-"
    """Not found; a direct read by id said so where an id was known."""
    UNKNOWN = "unknown"
    """In a state we do not know (VEN-090)."""
    SEVERAL = "several"
    """More than one candidate."""


class Last(StrEnum):
    """What the link says."""

    NONE = "none"
    PENDING = "pending"
    """The ERP vendor was made for this Pleo vendor, as link or reference field say; the write-back is not confirmed."""
    LINKED = "linked"


class Changed(StrEnum):
    """Which side differs from what the link remembers of it."""

    NOTHING = "="
    ERP = "E"
    PLEO = "P"
    BOTH = "B"


@dataclass(frozen=True, slots=True)
class Case:
    """One pair as the table looks at it."""

    erp: Erp
    pleo: Pleo
    last: Last = Last.NONE
    changed: Changed = Changed.NOTHING
    """Only said of a linked pair."""
    equal: bool = False
    """Both sides hold the same values now."""
    same_external_id: bool = False
    """Pleo's vendor carries this ERP vendor's id."""
    has_external_id: bool = False
    """Pleo's vendor carries some `externalId`."""
    ours: bool = True
    """Its `accountingSystem` is absent or names the connected ERP (VEN-051)."""


class Act(StrEnum):
    """What is to be done. Every write is followed by saving the link."""

    NOTHING = "nothing"
    CREATE_IN_PLEO = "create_in_pleo"
    CREATE_IN_ERP = "create_in_erp"
    """Create from a draft, save the link as pending, write back, equalise."""
    ACTIVATE = "activate"
    """`:activate` unless it is active already, then equalise."""
    EQUALISE = "equalise"
    """`PUT` the ERP's values if Pleo's differ."""
    ARCHIVE = "archive"
    LOOK_AGAIN = "look_again"
    """Drop the link, look in Pleo by `externalId`, then decide anew without it."""


class After(StrEnum):
    """What becomes of the link when the deed is done."""

    KEEP = "keep"
    """As it is, or none."""
    LINKED = "linked"
    PARKED = "parked"
    BROKEN = "broken"
    ENDED = "ended"
    REFRESHED = "refreshed"
    """Digests brought up to date; ended when the ERP has no such vendor any more, else linked."""
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: when it fits, what is done, what the link becomes, what a person is told (a key of `words`)."""

    number: int
    erp: str
    """Values of `Erp`, separated by blanks; `any` for all."""
    pleo: str
    """Values of `Pleo` likewise."""
    last: str
    """Values of `Last` likewise."""
    act: Act
    after: After
    tell: str | None = None
    when: Callable[[Case], bool] = lambda _: True

    def fits(self, case: Case) -> bool:
        return (
            _among(case.erp, self.erp)
            and _among(case.pleo, self.pleo)
            and _among(case.last, self.last)
            and self.when(case)
        )


def _among(value: str, listed: str) -> bool:
    return listed == "any" or value in listed.split()


def _same(case: Case) -> bool:
    return case.same_external_id


def _ours(case: Case) -> bool:
    return case.has_external_id and case.ours


def _other(case: Case) -> bool:
    return case.has_external_id and not case.same_external_id


def _only(changed: Changed) -> Callable[[Case], bool]:
    return lambda case: case.changed is changed


ROWS = (
    Row(1, "several", "any", "any", Act.NOTHING, After.KEEP, "several_in_erp"),
    Row(2, "any", "several", "any", Act.NOTHING, After.KEEP, "several_in_pleo"),
    Row(3, "any", "unknown", "any", Act.NOTHING, After.KEEP, "state_unknown"),
    Row(4, "A", "-", "none", Act.CREATE_IN_PLEO, After.LINKED),
    Row(5, "A", "ACTIVE", "none", Act.EQUALISE, After.LINKED, when=_same),
    Row(6, "A", "ARCHIVED", "none", Act.ACTIVATE, After.LINKED, when=_same),
    Row(7, "A", "DRAFT", "none", Act.ACTIVATE, After.LINKED, when=_same),
    Row(8, "A", "DRAFT", "none", Act.ACTIVATE, After.LINKED),
    Row(9, "A", "ACTIVE", "none", Act.EQUALISE, After.LINKED),
    Row(10, "A", "ARCHIVED", "none", Act.NOTHING, After.PARKED, "archived_counterpart"),
    Row(11, "-", "DRAFT", "none", Act.CREATE_IN_ERP, After.LINKED),
    Row(12, "X", "DRAFT", "none", Act.NOTHING, After.PARKED, "inactive_in_erp"),
    Row(13, "X", "ACTIVE", "none", Act.ARCHIVE, After.LINKED, when=_same),
    Row(14, "-", "ACTIVE", "none", Act.ARCHIVE, After.ENDED, when=_ours),
    Row(15, "- X", "ACTIVE", "none", Act.NOTHING, After.KEEP, "not_ours"),
    Row(16, "- X", "ARCHIVED", "none", Act.NOTHING, After.KEEP),
    Row(17, "X", "-", "none", Act.NOTHING, After.KEEP),
    Row(18, "A", "DRAFT", "pending", Act.ACTIVATE, After.LINKED),
    Row(20, "A", "ACTIVE", "pending", Act.NOTHING, After.KEEP, "other_external_id", when=_other),
    Row(19, "A", "ACTIVE", "pending", Act.EQUALISE, After.LINKED),
    Row(21, "A", "ARCHIVED", "pending", Act.ACTIVATE, After.LINKED, "archived_meanwhile"),
    Row(22, "X", "DRAFT ACTIVE", "pending", Act.NOTHING, After.PARKED, "inactive_in_erp"),
    Row(23, "-", "DRAFT", "pending", Act.NOTHING, After.PARKED, "gone_from_erp"),
    Row(24, "-", "ACTIVE", "pending", Act.ARCHIVE, After.ENDED),
    Row(25, "- X", "ARCHIVED", "pending", Act.NOTHING, After.ENDED),
    Row(26, "any", "-", "pending", Act.NOTHING, After.BROKEN, "gone_from_pleo"),
    Row(27, "A", "ACTIVE", "linked", Act.NOTHING, After.KEEP, when=_only(Changed.NOTHING)),
    Row(28, "A", "ACTIVE", "linked", Act.EQUALISE, After.LINKED, when=_only(Changed.ERP)),
    Row(29, "A", "ACTIVE", "linked", Act.EQUALISE, After.LINKED, "overwritten", when=_only(Changed.PLEO)),
    Row(30, "A", "ACTIVE", "linked", Act.NOTHING, After.REFRESHED, when=lambda case: case.equal),
    Row(31, "A", "ACTIVE", "linked", Act.EQUALISE, After.LINKED, "overwritten"),
    Row(32, "A", "ARCHIVED", "linked", Act.ACTIVATE, After.LINKED),
    Row(33, "A", "DRAFT", "linked", Act.ACTIVATE, After.LINKED),
    Row(34, "A", "-", "linked", Act.LOOK_AGAIN, After.DROPPED, "vanished_from_pleo"),
    Row(35, "X", "ACTIVE DRAFT", "linked", Act.ARCHIVE, After.LINKED),
    Row(36, "-", "ACTIVE DRAFT", "linked", Act.ARCHIVE, After.ENDED),
    Row(37, "- X", "ARCHIVED", "linked", Act.NOTHING, After.REFRESHED),
    Row(38, "- X", "-", "linked", Act.NOTHING, After.DROPPED),
)
"""In the order they are tried: 20 stands before 19, so that a draft activated without any id is taken for ours."""


def decide(case: Case) -> Row:
    """The first row that fits. Raises `ValueError` for a case without vendor and link, which no pair is."""
    for row in ROWS:
        if row.fits(case):
            return row
    raise ValueError(f"no row for {case}")
