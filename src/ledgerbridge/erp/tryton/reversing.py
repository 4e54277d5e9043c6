"""Taking back what was booked, exactly once (`Erp.reverse`, EXP-IDEM-07).

What belongs to the item beside its document, the payment of a bill, goes first: until the document itself is taken back
a probe finds it, so a call that ends half way is found unfinished and gone on with. Whatever could be refused is asked
before the first write.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.port import DocumentKind, DocumentRef, ErpError, Reversed
from ledgerbridge.erp.tryton import access, chart, counter, key, matching, noting
from ledgerbridge.erp.tryton.booking import Booking
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.counter import Counter, Original
from ledgerbridge.erp.tryton.documents import Document
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome, sentence
from ledgerbridge.erp.tryton.key import Mark
from ledgerbridge.erp.tryton.moves import MODEL, Move, OpenLine
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.standing import is_mirror

Url = Callable[[DocumentRef], str | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of `reverse`."""

    key: PostingKey
    reason: str
    day: dt.date | None


class Reversing:
    """What taking back a journal entry and taking back a bill share."""

    def __init__(self, client: Client, reference: Reference, patience: Patience, url: Url, asked: Asked) -> None:
        self._client = client
        self.reference = reference
        self.patience = patience
        self.asked = asked
        self._url = url

    # ------------------------------------------------------------------ journal entries

    async def entry(self, number: int) -> Reversed:
        """Take back a journal entry. Raises `ErpError`, `CallFailed`."""
        original = await counter.read(self._client, self.reference, number)
        if original is None:
            return GONE
        standing = await self.counter_of(original.move)
        self.check_key(original.move, original.move.description, in_force=standing is None)
        if is_mirror(original.move):
            raise refused(original.move, "it takes back another entry itself.")
        if standing is not None:
            return await self.told(standing, already_there=True)
        if original.move.posted:
            await self.check_unmatched(original.move, ())
            await self.check_period(original)
        return await self.taken_back(original, Mark.DOCUMENT)

    async def counter_of(self, move: Move) -> Move | None:
        """The posted entry that takes this one back."""
        found = await counter.mirrors(self._client, self.reference, move) if move.posted else []
        return next((each for each in found if each.posted), None)

    async def taken_back(self, original: Original, mark: Mark) -> Reversed:
        """Delete a draft, mirror what is posted. Raises `ErpError`, `CallFailed`."""
        move = original.move
        if not move.posted:
            await self.delete(MODEL, move)
            return Reversed(None, None, None, None)
        day = self.asked.day or original.date
        wanted = Counter(
            self._client, self.reference, original, self.asked.key, mark, reason=self.asked.reason, day=day
        )
        booking: Booking[Move] = Booking(self._client, wanted)
        try:
            made = await booking.run(self.patience, final=True)
        except ErpError as error:
            raise _in_words_of_reversal(error, move) from None
        await self._match(move, made)
        return await self.told(made, already_there=not booking.made(made))

    async def told(self, made: Move, *, already_there: bool) -> Reversed:
        ref = DocumentRef(DocumentKind.JOURNAL_ENTRY, str(made.id))
        standing = await counter.read(self._client, self.reference, made.id)
        day = standing.date if standing else self.asked.day
        return Reversed(ref.id, made.number, self._url(ref), day, already_there)

    async def _match(self, move: Move, made: Move) -> None:
        """So that neither shows as open on a vendor's account. If it cannot be, both stand all the same and add up."""
        if all(line.to_match.party is None for line in move.lines):
            return
        both = [DocumentRef(DocumentKind.JOURNAL_ENTRY, str(each.id)) for each in (move, made)]
        with suppress(CallFailed):
            await self.patience.retrying()(matching.settle, self._client, self.reference.number, both)

    # ------------------------------------------------------------------ judgements before the first write

    def check_key(self, document: Document, description: str, *, in_force: bool) -> None:
        """Refuse another expense's document, and another revision in force.

        Of one that is taken back already the caller cannot know which revision it tells; from here on that one counts.
        """
        named, asked = key.read(description, self.asked.key.company_id, Mark.DOCUMENT), self.asked.key
        if named is None or named.accounting_entry_id != asked.accounting_entry_id or (in_force and named != asked):
            raise refused(document, "it does not carry the key of this expense.")
        self.asked = replace(self.asked, key=named)

    async def check_unmatched(self, move: Move, own: Sequence[int], bill: int | None = None) -> None:
        """Refuse what is matched with anything but the lines `own`, or noted on another bill than `bill`."""
        lines = [line.to_match for line in move.lines]
        matched = await self.matched_with(lines)
        noted = await noting.standing_on(self._client, [line.id for line in lines if line.party is not None])
        if matched - {line.id for line in lines} - set(own) or noted - {bill}:
            raise ErpError(problem(Failure.REVERSAL_MATCHED, f"Tryton: matched: {matched}", reference=move.reference))

    async def matched_with(self, lines: Sequence[OpenLine]) -> set[int]:
        """All lines of the matches these stand in."""
        numbers = sorted({line.reconciliation for line in lines if line.reconciliation is not None})
        if not numbers:
            return set()
        rows = await self._client.search("account.move.line", [["reconciliation", "in", numbers]], ("id",))
        return {row["id"] for row in rows}

    async def check_period(self, original: Original) -> None:
        day = self.asked.day or original.date
        period = await chart.period_of(self._client, self.reference.number, day)
        if period is None or not period.open:
            named = original.move.reference
            raise ErpError(problem(Failure.REVERSAL_PERIOD_CLOSED, "Tryton: not open", date=day, reference=named))
        if not await access.may_press(self._client, MODEL, "post"):
            raise ErpError(problem(Failure.ERP_FORBIDDEN, action="post journal entries"))

    async def delete(self, model: str, draft: Document) -> None:
        """Take a draft away, unless somebody worked on it."""
        if draft.touched:
            raise left_to_them(draft)
        try:
            await self._client.delete(model, draft.id)
        except CallFailed as failure:
            if failure.outcome is Outcome.NOT_FOUND:
                return
            if failure.outcome is Outcome.REFUSED:
                raise refused(draft, sentence(failure.said), failure.internal) from None
            if failure.perhaps_done:
                raise unknown(draft, failure.internal) from None
            raise


GONE = Reversed(None, None, None, None, already_there=True)
"""Somebody deleted it, or an earlier call did."""


def refused(document: Document, message: str, internal: str = "") -> ErpError:
    return ErpError(problem(Failure.REVERSAL_REFUSED, internal, reference=document.reference, message=message))


def left_to_them(draft: Document) -> ErpError:
    """A draft that a person worked on is theirs."""
    return refused(draft, "somebody has changed the draft since. Delete it there if it is not needed.")


def unknown(document: Document, internal: str) -> ErpError:
    """It may or may not be taken back, or is so in part; nobody repeats it before looking."""
    return ErpError(problem(Failure.REVERSAL_UNKNOWN, internal, reference=document.reference), outcome_unknown=True)


def _in_words_of_reversal(error: ErpError, move: Move) -> ErpError:
    """Booking speaks of an expense that was to be booked."""
    found: Problem = error.problem
    if error.outcome_unknown:
        return unknown(move, found.internal)
    if found.failure in (Failure.ERP_REFUSED, Failure.BOOKED_ELSEWHERE):
        return refused(move, "another entry that takes it back stands there with other contents.", found.internal)
    return error
