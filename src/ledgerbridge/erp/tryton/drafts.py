"""The drafts of several journal entries: one look for all their keys, one create, one look after it.

A create of several is one transaction, made or not made as a whole. What nothing stands for is made; what stands, and
all that is odd, is left to `booking`, which judges every document by itself and goes on from what was seen here. Two
writers at once are told apart as there: each looks after its create has ended and before it posts, so that whoever
commits last sees the other, however many drafts went in at once (EXP-REC-04, EXP-IDEM-04).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ledgerbridge.bookkeeping.words import JournalEntry
from ledgerbridge.erp.port import Attachment, ErpError
from ledgerbridge.erp.tryton import chart, key
from ledgerbridge.erp.tryton.booking import Booking, unknown
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import Live
from ledgerbridge.erp.tryton.entries import Entry
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.moves import MODEL, Move
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.standing import live_bills_of, live_moves_of
from ledgerbridge.erp.tryton.wire import Record

_FOR_ALL = (Outcome.BAD_KEY, Outcome.ADDRESS_REFUSED)
"""Refusals that no single document can escape."""
_MOST_LINES = 1_000
"""In one create. Tryton takes requests of 2 MiB unless told otherwise, and a line with its taxes and dimensions is less
than one KiB of them."""
_PERHAPS_FOR_ONE = (Outcome.REFUSED, Outcome.TOO_LARGE)
"""Refusals that some documents may be the reason for, and others not."""


@dataclass(slots=True)
class Draft:
    """How far one journal entry has come."""

    sort: Entry
    shown: Sequence[Live[Move]] = ()
    """What the last look found under its key, counter-entries and what they take back left out."""
    made: int | None = None
    """The draft this call made."""
    lost: CallFailed | None = None
    """How a create failed that may have made it all the same; nothing is created again before it is seen."""
    alone: bool = False
    """To be booked by itself, from the beginning: the create of several was refused."""
    failed: ErpError | None = None
    """How it ended here."""

    @property
    def name(self) -> str:
        return self.sort.key.accounting_entry_id

    @property
    def open(self) -> bool:
        return self.failed is None and not self.alone

    @property
    def stands(self) -> str | None:
        """The key under which something was made or seen; None where nothing was."""
        return key.suffix(self.sort.key, self.sort.mark) if self.shown or self.made is not None else None

    def booking(self, client: Client, files: Sequence[Attachment]) -> Booking[Move]:
        """What brings it to its end. Raises how it ended here."""
        if self.failed:
            raise self.failed
        booking = Booking(client, self.sort, files)
        if not self.alone:
            booking.go_on(self.shown, made=self.made, lost=self.lost)
        return booking


class Drafts:
    """Carries out the first half of one `book_many`."""

    def __init__(self, client: Client, reference: Reference, patience: Patience) -> None:
        self._client = client
        self._reference = reference
        self._patience = patience
        self._drafts: list[Draft] = []

    async def make(self, entries: Sequence[JournalEntry]) -> list[Draft]:
        """A draft for each of these entries, which name different accounting entries; one that failed says so."""
        self._drafts = [Draft(Entry(self._client, self._reference, entry)) for entry in entries]
        try:
            for draft in self._drafts:
                await _prepare(draft)
            await self._patience.retrying()(self._round)
        except CallFailed as failure:
            for draft in self._left():
                draft.failed = _ended(draft, failure)
        return self._drafts

    def _left(self) -> list[Draft]:
        """Those of which nothing is seen to stand."""
        return [draft for draft in self._drafts if draft.open and not draft.shown]

    async def _round(self) -> None:
        """Look for all, make what is missing, look for that. Raises `CallFailed`, and may be called again if it may
        pass."""
        await self._look_for_bills([draft for draft in self._drafts if draft.open and not draft.sort.looked_for_bill])
        await self._look([draft for draft in self._drafts if draft.open])
        for draft in self._left():
            if draft.lost:
                raise draft.lost
        await self._make_missing([draft for draft in self._left() if draft.made is None])
        await self._look(self._left())
        if self._left():
            raise CallFailed(Outcome.STRANGE, f"{MODEL} create_many", said="made, but not found by their keys")

    async def _look_for_bills(self, drafts: Sequence[Draft]) -> None:
        names = [draft.name for draft in drafts]
        takes_bills = bool(names) and await self._reference.takes_bills()
        found = await live_bills_of(self._client, self._reference, names) if takes_bills else {}
        for draft in drafts:
            try:
                draft.sort.beside(found.get(draft.name, ()))
            except ErpError as error:
                draft.failed = error

    async def _look(self, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        fields = await self._reference.move_fields()
        names = [draft.name for draft in drafts]
        found = await live_moves_of(self._client, self._reference.number, names, fields)
        for draft in drafts:
            try:
                draft.shown = draft.sort.own(found[draft.name])
            except ErpError as error:
                draft.failed = error

    async def _make_missing(self, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        dates = [draft.sort.date for draft in drafts]
        periods = await chart.periods_between(self._client, self._reference.number, min(dates), max(dates))
        ready: list[tuple[Draft, Record]] = []
        for draft in drafts:
            try:
                ready.append((draft, draft.sort.values(periods)))
            except ErpError as error:
                draft.failed = error
        for portion in _portions(ready):
            await self._make(portion)

    async def _make(self, ready: Sequence[tuple[Draft, Record]]) -> None:
        """Make them in one call; of a refusal find those that nobody refuses, half by half."""
        if len(ready) < 2:
            # Booked by itself it is told why it is refused, if it is.
            for draft, _ in ready:
                draft.alone = True
            return
        try:
            numbers = await self._client.create_many(MODEL, [values for _, values in ready])
        except CallFailed as failure:
            if failure.perhaps_done:
                passing = (
                    failure if failure.again else CallFailed(Outcome.NO_REPLY, failure.operation, said=failure.said)
                )
                for draft, _ in ready:
                    draft.lost = passing
                raise passing from None
            if failure.again or failure.outcome in _FOR_ALL:
                raise
            if failure.outcome in _PERHAPS_FOR_ONE:
                half = len(ready) // 2
                await self._make(ready[:half])
                await self._make(ready[half:])
                return
            # After a fault on the server what stands is looked for again, one by one.
            for draft, _ in ready:
                draft.alone = True
            return
        for (draft, _), number in zip(ready, numbers, strict=True):
            draft.made = number


def _portions(ready: Sequence[tuple[Draft, Record]]) -> Iterator[list[tuple[Draft, Record]]]:
    """As many together as fit into one request."""
    portion: list[tuple[Draft, Record]] = []
    lines = 0
    for draft, values in ready:
        more = draft.sort.lines
        if portion and lines + more > _MOST_LINES:
            yield portion
            portion, lines = [], 0
        portion.append((draft, values))
        lines += more
    yield portion


async def _prepare(draft: Draft) -> None:
    try:
        await draft.sort.prepare()
    except ErpError as error:
        draft.failed = error


def _ended(draft: Draft, failure: CallFailed) -> ErpError:
    """How an entry ends of which nothing was seen to stand."""
    reference = key.suffix(draft.sort.key, draft.sort.mark)
    if draft.lost:
        return unknown(reference, f"{draft.lost.internal}; then {failure.internal}")
    if draft.made is not None:
        return unknown(reference, f"draft {draft.made} was made; then {failure.internal}")
    return failure.reading("read journal entries")
