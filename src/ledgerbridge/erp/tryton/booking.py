"""Booking one document exactly once: look, create the draft, look again, attach, post.

Tryton has no unique reference and no idempotency key, so every try begins by looking for the key, and no write is
repeated blindly. Two writers cannot both post: each looks again after its create and takes the later draft away before
it posts its own, so whoever commits last sees the other (EXP-REC-04, EXP-IDEM-04).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic

from ledgerbridge.bookkeeping.problem import Failure, Kind, Problem, problem
from ledgerbridge.erp.port import Attachment, ErpError
from ledgerbridge.erp.tryton import attachments, checks, key
from ledgerbridge.erp.tryton.client import Client
from ledgerbridge.erp.tryton.documents import D, Live, Sort, elsewhere
from ledgerbridge.erp.tryton.errors import CallFailed, Outcome
from ledgerbridge.erp.tryton.patience import Patience


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


class Booking(Generic[D]):
    """Books one document and remembers what became of its own writes."""

    def __init__(self, client: Client, sort: Sort[D], files: Sequence[Attachment] = ()) -> None:
        self._client = client
        self._sort = sort
        self._files = files
        self._prepared = False
        self._lost: Lost | None = None
        self._made: int | None = None
        """The draft this call made."""
        self._draft: D | None = None
        """The draft being worked on."""
        self._stands = False
        """Whether something stood under the key when it was last looked for or made."""
        self._held = False
        self._seen: D | None = None
        """What the run before this one ended with."""
        self._shown: Sequence[Live[D]] | None = None
        """What a look for several documents found under this key; counts for the first look of the run."""

    def made(self, document: D) -> bool:
        """Whether this call made it."""
        return document.id == self._made

    async def run(self, patience: Patience, *, final: bool) -> D:
        """The document with its files as it stands at the end, a draft at least, final if asked. Raises `ErpError`."""

        async def attempt() -> D:
            return await self._try(final)

        try:
            if not self._prepared:
                await self._sort.prepare()
                self._prepared = True
            document: D = await patience.retrying()(attempt)
        except CallFailed as failure:
            raise await self._failed(failure.reading("read journal entries").problem) from None
        except ErpError as error:
            raise await self._failed(error.problem) from None
        self._seen = document
        return document

    def go_on(self, shown: Sequence[Live[D]], *, made: int | None = None, lost: CallFailed | None = None) -> None:
        """Begin where one look for several documents, and one create before it, have come to. The sort is prepared.

        `made` is the draft of this call; `lost` how the create failed that may have made it all the same.
        """
        self._prepared, self._shown, self._made = True, shown, made
        self._lost = Lost(Step.CREATE, lost) if lost else None

    def hold(self) -> None:
        """From now on a draft stays whatever happens, as the sign that what belongs with it is not whole yet."""
        self._held = True

    async def abandon(self, reason: Problem) -> None:
        """Take the draft away again, because what belongs with it could not be booked."""
        draft = self._draft
        if draft is None or draft.touched:
            return
        if draft.id == self._made or reason.row.kind in (Kind.DATA, Kind.CONFIG):
            await self._delete(draft.id)

    async def _try(self, final: bool) -> D:
        document, self._seen = self._seen, None
        if document is None:
            self._draft = None
            self._vouch_for_shown()
            document = await self._standing() or await self._made_now()
            self._settle(document)
            await self._attach(document)
        if final and not document.posted:
            document = await self._post(document)
        return document

    async def _made_now(self) -> D:
        if self._lost:
            # The create may still be under way; another one now could make two.
            raise self._lost.failure
        await self._create()
        document = await self._standing()
        if document is None:
            raise CallFailed(Outcome.STRANGE, f"{self._sort.model} create", said="made, but not found by its key")
        return document

    def _settle(self, document: D) -> None:
        """Now that it is seen, a lost create has turned out well, and so has a lost post if it is posted."""
        if self._lost and self._lost.step is Step.CREATE:
            self._made, self._lost = document.id, None
        if self._lost and self._lost.step is Step.POST and document.posted:
            self._lost = None
        self._draft = None if document.posted else document

    async def _standing(self) -> D | None:
        """The one live document under the key. Drafts of ours in its way are deleted; all else odd is an error."""
        live = await self._sort.live() if self._shown is None else self._shown
        self._shown = None
        found = self._of_our_revision(live)
        self._stands = bool(found)
        if not found:
            return None
        kept = found[0]
        for extra in found[1:]:
            if checks.is_stray(extra, kept):
                await self._clear_away(extra)
        if self._is_left_over(kept):
            await self._clear_away(kept)
            self._stands = False
            return None
        return kept

    def _of_our_revision(self, live: Sequence[Live[D]]) -> list[D]:
        """What stands under the key, what counts first. Raises `ErpError` for what we cannot go on with."""
        for each in live:
            if each.revision != self._sort.key.revision:
                raise elsewhere(each.document, f"revision {each.revision} is live")
        found = sorted((each.document for each in live), key=lambda document: not document.posted)
        if len(posted := [document for document in found if document.posted]) > 1:
            raise ErpError(checks.booked_twice(posted))
        return found

    def _is_left_over(self, kept: D) -> bool:
        """Whether it is a draft of an attempt from before the expense was changed, on which nobody has worked.

        Raises `ErpError` for a document of another total.
        """
        if kept.total != self._sort.total:
            raise elsewhere(kept, f"it stands with {kept.total}, wanted was {self._sort.total}")
        return not kept.posted and not kept.touched and self._sort.differs(kept) is not None

    async def fits(self, *, final: bool) -> Problem | None:
        """What `run` would be refused for, found by reading alone; None when nothing speaks against it.

        Raises `ErpError`, which may be the reason, too, and `CallFailed`.
        """
        return await self.fits_as_draft() or (await self.fits_as_final() if final else None)

    async def fits_as_draft(self) -> Problem | None:
        """The part about the draft. Raises as `fits`."""
        await self._sort.prepare()
        found = self._of_our_revision(await self._sort.live())
        self._seen = found[0] if found and not self._is_left_over(found[0]) else None
        if self._seen is not None:
            return None
        await self._sort.check()
        return await self._sort.against_draft()

    async def fits_as_final(self) -> Problem | None:
        """The part about making it final, after the other. Raises as `fits`."""
        if self._seen is not None and self._seen.posted:
            return None
        return await self._sort.against_final(self._seen)

    async def _create(self) -> None:
        try:
            made = await self._sort.create()
        except CallFailed as failure:
            standing = await self._after_fault(Step.CREATE, failure)
            if standing is None:
                raise await self._refused(Step.CREATE, failure) from None
            made = standing
        self._vouch(made)

    def _vouch_for_shown(self) -> None:
        """As `_vouch`, for the draft of this call that was made together with others."""
        for live in self._shown or ():
            if live.document.id == self._made and not live.document.touched:
                self._vouch(live.document)

    def _vouch(self, made: D) -> None:
        """See to it that the new draft is what was sent. Raises `ErpError`."""
        self._made, self._draft, self._stands = made.id, made, True
        if fault := self._sort.differs(made):
            raise ErpError(problem(Failure.ERP_FAULT, f"Tryton: draft {made.id} has {fault}"))

    async def _attach(self, document: D) -> None:
        if not self._files:
            return
        resource = f"{self._sort.model},{document.id}"
        absent = await attachments.missing(self._client, resource, self._files)
        if self._lost and self._lost.step is Step.ATTACH:
            if any(file.name == self._lost.file for file in absent):
                # It may still be on its way in; sending it again now could hang it on twice.
                raise self._lost.failure
            self._lost = None
        for file in absent:
            try:
                await attachments.upload(self._client, resource, file)
            except CallFailed as failure:
                raise await self._refused(Step.ATTACH, failure, file.name) from None
            except ErpError as error:
                if document.posted:
                    raise ErpError(checks.booked_without(file.name, error.problem.internal, document)) from None
                raise

    async def _post(self, document: D) -> D:
        try:
            record = await self._client.act(self._sort.model, document.id, "post", self._sort.posted_fields)
        except CallFailed as failure:
            if failure.outcome is Outcome.NOT_FOUND:
                # Somebody deleted the draft, another writer in favour of its own perhaps: look again.
                raise CallFailed(Outcome.BUSY, failure.operation, said="the draft is gone") from None
            refused = failure.outcome is Outcome.REFUSED
            standing = await (self._standing() if refused else self._after_fault(Step.POST, failure))
            if standing is not None and standing.posted:
                self._settle(standing)
                return standing
            raise await self._refused(Step.POST, failure) from None
        self._lost = None
        posted = self._sort.after_post(document, record)
        if not posted.posted:
            raise CallFailed(Outcome.FAULT, f"{self._sort.model} post", said="not posted after post")
        self._draft = None
        return posted

    async def _after_fault(self, step: Step, failure: CallFailed) -> D | None:
        """What stands after a 500. Tryton rolls back before it says so; what stands between us and it may not know.

        The request has ended, so one look tells. Until it has, the outcome is unknown.
        """
        if failure.outcome is not Outcome.FAULT:
            return None
        before, self._lost = self._lost, Lost(step, failure)
        standing = await self._standing()
        self._lost = before
        return standing

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
        why = await self._sort.refusal(failure, self._draft)
        return why if isinstance(why, CallFailed) else ErpError(why)

    async def _failed(self, reason: Problem) -> ErpError:
        """The error that ends the call. Unless the outcome is unknown, no draft is left behind.

        Tryton refuses to close a period while a draft lies in it, and a draft that somebody posts by hand later would
        be a booking that Pleo shows as failed.
        """
        if self._lost:
            return self._unknown(f"{self._lost.failure.internal}; then {reason.internal}")
        draft = self._draft
        if draft is None and self._stands and self._client.silence:
            return self._unknown(f"it stood before; then {reason.internal}")
        if draft is None or not self._may_delete(draft, reason):
            return ErpError(reason)
        try:
            await self._delete(draft.id)
        except CallFailed as failure:
            if failure.outcome is Outcome.REFUSED or failure.no_answer:
                # Only a posted document cannot be deleted; and where nobody answers it stands for longer than we wait.
                return self._unknown(f"draft {draft.id} could not be deleted: {failure.internal}")
            return ErpError(replace(reason, internal=f"{reason.internal}; draft {draft.id} stayed: {failure.internal}"))
        return ErpError(reason)

    def _may_delete(self, draft: D, reason: Problem) -> bool:
        """Our own draft of this call always; one from before only if the item failed for good and nobody touched it."""
        if reason.failure is Failure.BOOKED_ELSEWHERE or draft.touched or self._held:
            return False
        return draft.id == self._made or reason.row.kind in (Kind.DATA, Kind.CONFIG)

    def _unknown(self, internal: str) -> ErpError:
        return unknown(key.suffix(self._sort.key, self._sort.mark), internal)

    async def _clear_away(self, draft: D) -> None:
        try:
            await self._delete(draft.id)
        except CallFailed as failure:
            if failure.outcome is Outcome.REFUSED:
                # Posted by another writer since we looked; look again.
                raise CallFailed(Outcome.BUSY, failure.operation, said=failure.said) from None
            raise

    async def _delete(self, document: int) -> None:
        try:
            await self._client.delete(self._sort.model, document)
        except CallFailed as failure:
            if failure.outcome is not Outcome.NOT_FOUND:
                raise


def unknown(reference: str, internal: str) -> ErpError:
    """Something of the document may stand in Tryton; nobody books again before looking."""
    return ErpError(problem(Failure.OUTCOME_UNKNOWN, internal, reference=reference), outcome_unknown=True)
