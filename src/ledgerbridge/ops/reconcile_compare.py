"""Our posting ledger beside the entries of the ERP: what agrees, and what does not. Pure.

Judged one accounting entry at a time, by everything known of it on both sides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ledgerbridge.erp.port import DocumentRef


class Kind(StrEnum):
    """A difference between the ledger and the ERP."""

    MISSING_IN_ERP = "missing_in_erp"
    MISSING_IN_LEDGER = "missing_in_ledger"
    TWICE_IN_ERP = "twice_in_erp"
    PAID_TWICE = "paid_twice"
    """The payment of one bill stands more than once."""
    BESIDE_BY_HAND = "beside_by_hand"
    """A person said it is booked under a number, and another document carries its key."""
    BOOKED_IN_BOTH = "booked_in_both"
    """Booked in the ERP company before the last move, and here."""
    AMOUNT_DIFFERS = "amount_differs"
    NO_LONGER_FINAL = "no_longer_final"
    OTHER_DOCUMENT = "other_document"
    """Its key stands on another document than the one we made."""
    REVERSAL_UNSETTLED = "reversal_unsettled"
    """Somebody asked to take it back, and nobody knows whether it is."""
    REVERSED_STANDS = "reversed_stands"
    """We took it back, and it is in force again: somebody took the counter-entry back."""
    UNKNOWN_SETTLED = "unknown_settled"
    """We did not know; the ERP has it."""
    UNKNOWN_ABSENT = "unknown_absent"
    """We did not know; the ERP does not have it."""


class Well(StrEnum):
    """Why an accounting entry is no difference."""

    AGREES = "agrees"
    MADE_FINAL = "made_final"
    """Agrees; a person made the draft final since."""
    BY_HAND = "by_hand"
    """A person's word stands for it, under a number that carries no key of ours."""
    ELSEWHERE = "elsewhere"
    """Booked in the ERP company the connection had before."""
    UNDER_WAY = "under_way"
    """Being booked just now."""
    NOT_BOOKED = "not_booked"
    """Neither side has it."""


class Recorded(StrEnum):
    """What the ledger says of an accounting entry."""

    BOOKED = "booked"
    UNKNOWN = "unknown"
    """Also an intent nobody works on any more."""
    UNDER_WAY = "under_way"
    TAKING_BACK = "taking_back"
    """Booked, and to be taken back; nobody works on that any more."""
    REVERSED = "reversed"
    """Taken back by us."""
    NOT_LIVE = "not_live"
    """Not booked."""

    @property
    def live(self) -> bool:
        """Whether the ERP should have it, or may."""
        return self not in (Recorded.NOT_LIVE, Recorded.REVERSED)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """What our ledger has of one accounting entry: its live posting, else the newest."""

    accounting_entry_id: str
    recorded: Recorded
    total: Decimal | None
    """None for one adopted from the ERP without its amount."""
    currency: str
    final: bool
    by_hand: bool
    moved_from: str | None
    """The ERP company it was booked in, when that was another."""
    document: DocumentRef | None
    number: str | None
    job_id: str | None
    """Our id of the export job that intended it last, for settling its item."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One document of the ERP that carries the key of an accounting entry."""

    ref: DocumentRef
    number: str | None
    final: bool
    total: Decimal
    date: dt.date | None
    """None when it was found by key and not in the list of the period."""
    own_payment: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of one accounting entry."""

    accounting_entry_id: str
    ledger: LedgerRow | None
    erp: tuple[Standing, ...]

    @property
    def documents(self) -> tuple[Standing, ...]:
        """What stands for the entry itself, payments of its bill left out."""
        return tuple(one for one in self.erp if not one.own_payment)

    @property
    def payments(self) -> tuple[Standing, ...]:
        return tuple(one for one in self.erp if one.own_payment)


@dataclass(frozen=True, slots=True)
class Difference:
    kind: Kind
    pair: Pair


def doubtful(pair: Pair) -> bool:
    """Whether the ERP must be searched by key before this pair is judged: the list of a period shows no other."""
    row, documents = pair.ledger, pair.documents
    if row is None or not row.recorded.live:
        return not documents and bool(pair.payments)
    if row.by_hand or row.recorded is Recorded.UNDER_WAY:
        return False
    if not documents:
        return row.moved_from is None
    return [one.ref for one in documents] != [row.document]


def judge(pair: Pair) -> list[Difference | Well]:
    """What is to be said of one accounting entry: its differences, or why there is none."""
    found = _judge_documents(pair)
    if len(pair.payments) <= 1:
        return [found]
    twice = Difference(Kind.PAID_TWICE, pair)
    return [found, twice] if isinstance(found, Difference) else [twice]


def _judge_documents(pair: Pair) -> Difference | Well:
    row, documents = pair.ledger, pair.documents
    if row is None or not row.recorded.live:
        return _unrecorded(pair)
    if row.recorded is Recorded.UNDER_WAY and len(documents) <= 1:
        return Well.UNDER_WAY
    if row.by_hand:
        if not documents or any(one.number is not None and one.number == row.number for one in documents):
            return Well.BY_HAND
        return Difference(Kind.BESIDE_BY_HAND, pair)
    if row.moved_from is not None:
        return Difference(Kind.BOOKED_IN_BOTH, pair) if documents else Well.ELSEWHERE
    if len(documents) > 1:
        return Difference(Kind.TWICE_IN_ERP, pair)
    if row.recorded is Recorded.TAKING_BACK:
        return Difference(Kind.REVERSAL_UNSETTLED, pair)
    if row.recorded is Recorded.UNKNOWN:
        return Difference(Kind.UNKNOWN_SETTLED if documents else Kind.UNKNOWN_ABSENT, pair)
    if not documents:
        return Difference(Kind.MISSING_IN_ERP, pair)
    return _compared(pair, row, documents[0])


def _unrecorded(pair: Pair) -> Difference | Well:
    if not pair.erp:
        return Well.NOT_BOOKED
    if len(pair.documents) > 1:
        return Difference(Kind.TWICE_IN_ERP, pair)
    taken_back = pair.ledger is not None and pair.ledger.recorded is Recorded.REVERSED
    return Difference(Kind.REVERSED_STANDS if taken_back else Kind.MISSING_IN_LEDGER, pair)


def _compared(pair: Pair, row: LedgerRow, document: Standing) -> Difference | Well:
    if row.document != document.ref:
        return Difference(Kind.OTHER_DOCUMENT, pair)
    if row.total is not None and row.total != document.total:
        return Difference(Kind.AMOUNT_DIFFERS, pair)
    if row.final and not document.final:
        return Difference(Kind.NO_LONGER_FINAL, pair)
    return Well.MADE_FINAL if document.final and not row.final else Well.AGREES


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a comparison found."""

    differences: tuple[Difference, ...]
    """By kind, then by accounting entry."""
    well: dict[Well, int]
    """Accounting entries without a difference, by why."""


def compare(pairs: Iterable[Pair]) -> Outcome:
    """Judge all pairs."""
    differences: list[Difference] = []
    well = dict.fromkeys(Well, 0)
    for pair in pairs:
        for found in judge(pair):
            if isinstance(found, Difference):
                differences.append(found)
            else:
                well[found] += 1
    order = list(Kind)
    differences.sort(key=lambda one: (order.index(one.kind), one.pair.accounting_entry_id))
    return Outcome(tuple(differences), well)


def paired(rows: Sequence[LedgerRow], standing: Iterable[tuple[str, Standing]]) -> list[Pair]:
    """Both sides brought together by accounting entry; `standing` is told with the id of its key."""
    ledger = {row.accounting_entry_id: row for row in rows}
    erp: dict[str, list[Standing]] = {}
    for entry, one in standing:
        erp.setdefault(entry, []).append(one)
    return [Pair(entry, ledger.get(entry), tuple(erp.get(entry, ()))) for entry in sorted(ledger.keys() | erp.keys())]
