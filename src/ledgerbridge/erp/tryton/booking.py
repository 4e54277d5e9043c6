"""Booking one entry exactly once: look, create the draft, look again, attach, post.

Tryton has no unique reference and no idempotency key, so every try begins by looking for the key, and no write is
repeated blindly. Two writers cannot both post: each looks again after its create and takes the later draft away before
it posts its own, so whoever commits last sees the other (EXP-REC-04, EXP-IDEM-04).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ledgerbridge.bookkeeping.problem import Failure, Kind, Problem, problem
from ledgerbridge.bookkeeping.words import JournalEntry
from ledgerbridge.erp.port import Attachment, ErpError
from ledgerbridge.erp.tryton import attachments, chart, checks, explain, key, moves
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.moves import MODEL, Move, Placed
from ledgerbridge.erp.tryton.patience import Patience
from ledgerbridge.erp.tryton.reference import Reference
from ledgerbridge.erp.tryton.standing import live_moves


class Step(StrEnum):
    CREATE = "create"
    ATTACH = "attach"
    POST = "post"


@dataclass(frozen=True, slots=True)
class Lost:
    """A write whose reply was lost and whose effect has not been seen yet."""

    step: Step
    failure: CallFailed
    file: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One call of `book`."""

    company: int
    entry: JournalEntry
    files: Sequence[Attachment]
    final: bool


class Booking:
    """Carries out one order and remembers what became of its own writes."""

    def __init__(self, client: Client, reference: Reference, order: Order) -> None:
        self._client = client
        self._reference = reference
        self._order = order
        self._entry = order.entry
        self._fields: tuple[str, ...] = ()
        self._placed: list[Placed] = []
        self._lost: Lost | None = None
        self._made: int | None = None
        """The draft this call made."""
        self._draft: Move | None = None
        """The draft being worked on."""

    async def run(self, patience: Patience) -> tuple[Move, bool]:
        """The entry as it stands at the end, and whether this call made it. Raises `ErpError`."""
        try:
            self._fields = await self._reference.move_fields()
            self._placed = await self._reference.place(self._entry)
            move: Move = await patience.retrying()(self._try)
        except CallFailed as failure:
            raise await self._failed(failure.reading("read journal entries").problem) from None
        except ErpError as error:
            raise await self._failed(error.problem) from None
        return move, move.id == self._made

    async def _try(self) -> Move:
        self._draft = None
        move = await self._standing()
        if move is None:
            if self._lost:
                # The create may still be under way; another one now could make two.
                raise self._lost.failure
            await self._create()
            move = await self._standing()
            if move is None:
                raise CallFailed(Outcome.STRANGE, f"{MODEL} create", said="made, but not found by its key")
        self._settle(move)
        await self._attach(move)
        if self._order.final and not move.posted:
            move = await self._post(move)
        return move

    def _settle(self, move: Move) -> None:
        """Now that the entry is seen, a lost create has turned out well, and so has a lost post if it is posted."""
        if self._lost and self._lost.step is Step.CREATE:
            self._made, self._lost = move.id, None
        if self._lost and self._lost.step is Step.POST and move.posted:
            self._lost = None
        self._draft = None if move.posted else move

    async def _standing(self) -> Move | None:
        """The one live entry under the key. Drafts of ours in its way are deleted; all else odd is an error."""
        wanted = self._entry.key
        live = await live_moves(self._client, self._order.company, wanted.accounting_entry_id, self._fields)
        for revision, move in live:
            if revision != wanted.revision:
                raise _elsewhere(move, f"revision {revision} is live")
        found = [move for _, move in live]
        posted = [move for move in found if move.posted]
        if len(posted) > 1:
            raise ErpError(checks.booked_twice(posted))
        if not found:
            return None
        kept = (posted or found)[0]
        for extra in found:
            if extra.id != kept.id and checks.is_stray(extra, kept):
                await self._clear_away(extra)
        if kept.total != self._entry.total:
            raise _elsewhere(kept, f"it stands with {kept.total}, wanted was {self._entry.total}")
        if not kept.posted and not kept.touched and checks.differs(kept, self._entry, self._placed):
            # Left by an attempt from before the expense was changed; nobody has worked on it.
            await self._clear_away(kept)
            return None
        return kept

    async def _create(self) -> None:
        period = await chart.period_of(self._client, self._order.company, self._entry.date)
        if period is None or not period.open:
            said = "no such period" if period is None else f"period {period.name} is not open"
            raise ErpError(problem(Failure.PERIOD_CLOSED, f"Tryton: {said}", date=self._entry.date))
        values = moves.values(self._entry, self._placed, company=self._order.company, period=int(period.id))
        try:
            made = moves.parse(await self._client.create(MODEL, values, self._fields))
        except CallFailed as failure:
            raise await self._refused(Step.CREATE, failure) from None
        self._made, self._draft = made.id, made
        if fault := checks.differs(made, self._entry, self._placed):
            raise ErpError(problem(Failure.ERP_FAULT, f"Tryton: draft {made.id} has {fault}"))

    async def _attach(self, move: Move) -> None:
        if not self._order.files:
            return
        absent = await attachments.missing(self._client, move.id, self._order.files)
        if self._lost and self._lost.step is Step.ATTACH:
            if any(file.name == self._lost.file for file in absent):
                # It may still be on its way in; sending it again now could hang it on twice.
                raise self._lost.failure
            self._lost = None
        for file in absent:
            try:
                await attachments.upload(self._client, move.id, file)
            except CallFailed as failure:
                raise await self._refused(Step.ATTACH, failure, file.name) from None
            except ErpError as error:
                if move.posted:
                    raise ErpError(checks.booked_without(file.name, error.problem.internal, move)) from None
                raise

    async def _post(self, move: Move) -> Move:
        try:
            posted = moves.parse(await self._client.act(MODEL, move.id, "post", self._fields))
        except CallFailed as failure:
            if failure.outcome is Outcome.NOT_FOUND:
                # Somebody deleted the draft, another writer in favour of its own perhaps: look again.
                raise CallFailed(Outcome.BUSY, failure.operation, said="the draft is gone") from None
            if failure.outcome is Outcome.REFUSED and (standing := await self._standing()) and standing.posted:
                self._settle(standing)
                return standing
            raise await self._refused(Step.POST, failure) from None
        self._lost = None
        if not posted.posted:
            raise CallFailed(Outcome.FAULT, f"{MODEL} post", said="not posted after post")
        self._draft = None
        return posted

    async def _refused(self, step: Step, failure: CallFailed, file: str = "") -> ErpError | CallFailed:
        """What to raise after a failed write: the failure itself while it may pass, else its explanation."""
        if failure.perhaps_done:
            passing = failure if failure.again else CallFailed(Outcome.NO_REPLY, failure.operation, said=failure.said)
            self._lost = Lost(step, passing, file)
            return passing
        if failure.again:
            return failure
        if self._lost and self._lost.step is step:
            self._lost = None
        analytic = await self._reference.uses_analytic()
        return ErpError(
            await explain.refusal(self._client, self._order.company, self._entry, failure, analytic=analytic)
        )

    async def _failed(self, reason: Problem) -> ErpError:
        """The error that ends the call. Unless the outcome is unknown, no draft is left behind.

        Tryton refuses to close a period while a draft lies in it, and a draft that somebody posts by hand later would
        be a booking that Pleo shows as failed.
        """
        if self._lost:
            return self._unknown(f"{self._lost.failure.internal}; then {reason.internal}")
        draft = self._draft
        if draft is None or not self._may_delete(draft, reason):
            return ErpError(reason)
        try:
            await self._delete(draft.id)
        except CallFailed as failure:
            if failure.outcome is Outcome.REFUSED:
                # Only a posted entry cannot be deleted.
                return self._unknown(f"draft {draft.id} could not be deleted: {failure.internal}")
            return ErpError(replace(reason, internal=f"{reason.internal}; draft {draft.id} stayed: {failure.internal}"))
        return ErpError(reason)

    def _may_delete(self, draft: Move, reason: Problem) -> bool:
        """Our own draft of this call always; one from before only if the item failed for good and nobody touched it."""
        if reason.failure is Failure.BOOKED_ELSEWHERE or draft.touched:
            return False
        return draft.id == self._made or reason.row.kind in (Kind.DATA, Kind.CONFIG)

    def _unknown(self, internal: str) -> ErpError:
        reference = key.suffix(self._entry.key)
        return ErpError(problem(Failure.OUTCOME_UNKNOWN, internal, reference=reference), outcome_unknown=True)

    async def _clear_away(self, draft: Move) -> None:
        try:
            await self._delete(draft.id)
        except CallFailed as failure:
            if failure.outcome is Outcome.REFUSED:
                # Posted by another writer since we looked; look again.
                raise CallFailed(Outcome.BUSY, failure.operation, said=failure.said) from None
            raise

    async def _delete(self, move: int) -> None:
        try:
            await self._client.delete(MODEL, move)
        except CallFailed as failure:
            if failure.outcome is not Outcome.NOT_FOUND:
                raise


def _elsewhere(move: Move, internal: str) -> ErpError:
    return ErpError(problem(Failure.BOOKED_ELSEWHERE, f"move {move.id}: {internal}", reference=move.reference))
