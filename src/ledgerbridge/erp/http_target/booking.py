"""Books documents at a partner exactly once, however often it is asked and whatever becomes of the calls.

The way: look what stands under the keys, upload the files under their hashes, send the documents in one request. Each
of the three stands on its own against a second posting: the look, our never sending again what may have arrived, and
the partner's own promise to book a key once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.http_target import documents, problems, wire
from ledgerbridge.erp.http_target.client import Client, a_write
from ledgerbridge.erp.http_target.documents import Links
from ledgerbridge.erp.http_target.errors import CallFailed, Outcome
from ledgerbridge.erp.http_target.lookout import Lookout, standing
from ledgerbridge.erp.http_target.problems import About
from ledgerbridge.erp.port import Attachment, Booked, Capabilities, ErpError, Wanted
from ledgerbridge.outgoing.files import FileNotKept


@dataclass(slots=True)
class Turn:
    """One document on its way."""

    document: Document
    attachments: Sequence[Attachment]
    before: wire.FoundDocument | None = None
    """What stood under its key before anything was sent."""
    files: Mapping[str, Attachment] = field(default_factory=dict)
    """By hash."""
    sent: wire.Document | None = None
    """As it is to be sent, its files uploaded."""
    outcome: Booked | ErpError | None = None

    @property
    def key(self) -> PostingKey:
        return self.document.key

    @property
    def about(self) -> About:
        return About(self.document, self.files)


@dataclass(frozen=True, slots=True)
class Booking:
    """Books at one company, all of one `final`."""

    client: Client
    company: str
    lookout: Lookout
    links: Links
    capabilities: Capabilities
    final: bool

    async def run(self, wanted: Sequence[Wanted]) -> list[Booked | ErpError]:
        """One outcome each, in their order. The documents are judged already."""
        turns = [Turn(one.document, one.attachments) for one in wanted]
        left = turns
        while left:
            # Two revisions of one accounting entry must not meet in one request.
            first = {(turn.key.company_id, turn.key.accounting_entry_id): turn for turn in reversed(left)}
            now = [turn for turn in left if any(turn is one for one in first.values())]
            left = [turn for turn in left if not any(turn is one for one in now)]
            await self._round(now)
        return [turn.outcome or _unexpected() for turn in turns]

    async def _round(self, turns: list[Turn]) -> None:
        if self.capabilities.can_probe:
            await self._look(turns)
        for turn in turns:
            if turn.outcome is None:
                await self._upload(turn)
        ready = [turn for turn in turns if turn.outcome is None]
        for company in dict.fromkeys(turn.key.company_id for turn in ready):
            await self._send([turn for turn in ready if turn.key.company_id == company])

    # ------------------------------------------------------------------ before

    async def _look(self, turns: Sequence[Turn]) -> None:
        try:
            seen = await self._seen(turns, once=False)
        except CallFailed as failure:
            for turn in turns:
                turn.outcome = ErpError(problems.failed(failure, turn.about, "read journal entries"))
            return
        for turn in turns:
            try:
                turn.before = standing(turn.document, seen)
            except ErpError as error:
                turn.outcome = error
                continue
            if turn.before is not None and turn.before.final and turn.before.complete:
                turn.outcome = documents.booked(turn.before, self.links, already_there=True)

    async def _seen(self, turns: Sequence[Turn], *, once: bool) -> list[wire.FoundDocument]:
        seen: list[wire.FoundDocument] = []
        for company in dict.fromkeys(turn.key.company_id for turn in turns):
            entries = [turn.key.accounting_entry_id for turn in turns if turn.key.company_id == company]
            seen += await self.lookout.find(company, entries, once=once)
        return seen

    async def _upload(self, turn: Turn) -> None:
        try:
            hashed = documents.hashed(turn.attachments)
            turn.files = dict(hashed)
            for name, file in hashed:
                try:
                    await self.client.upload(name, file.type, file.file)
                except CallFailed as failure:
                    turn.outcome = ErpError(_not_uploaded(failure, name, file))
                    return
            turn.sent = documents.sent(turn.document, [documents.file(name, file) for name, file in hashed])
        except ValidationError as error:
            turn.outcome = ErpError(documents.unsendable(error))
        except FileNotKept as error:
            turn.outcome = ErpError(problem(Failure.RECEIPT_NOT_KEPT, str(error), name="?"))

    # ------------------------------------------------------------------ sent

    async def _send(self, turns: Sequence[Turn]) -> None:
        asked = wire.BookRequest(
            operation="book",
            company=self.company,
            final=self.final,
            documents=tuple(turn.sent for turn in turns if turn.sent is not None),
        )
        names = [documents.name_of(turn.key) for turn in turns]
        write = a_write("book", self.company, "final" if self.final else "draft", *names)
        try:
            answer = await self.client.write(asked, wire.BookAnswer, write)
            self._take(turns, answer)
        except CallFailed as failure:
            if failure.perhaps_done:
                await self._after_lost(turns, failure)
                return
            for turn in turns:
                turn.outcome = ErpError(problems.failed(failure, turn.about, "make journal entries"))

    def _take(self, turns: Sequence[Turn], answer: wire.BookAnswer) -> None:
        """Raises `CallFailed` when the answer is not about what was asked."""
        told = [documents.posting_key(result.key) for result in answer.results]
        if told != [turn.key for turn in turns]:
            raise problems.strange("book", "/results: not one for each document in their order")
        for position, (turn, result) in enumerate(zip(turns, answer.results, strict=True)):
            made = result.booked
            if made is None:
                continue
            kind = "bill" if isinstance(turn.document, Bill) else "journal_entry"
            if made.document.kind != kind or (self.final and not made.final):
                said = f"/results/{position}/booked: a {made.document.kind}, final {made.final}"
                raise problems.strange("book", said)
        for turn, result in zip(turns, answer.results, strict=True):
            if result.booked is not None:
                already = result.booked.already_there
                turn.outcome = documents.booked(result.booked, self.links, already_there=already)
            elif result.error is not None:
                turn.outcome = ErpError(problems.told_as("book", result.error, turn.about))

    # ------------------------------------------------------------------ after a lost reply

    async def _after_lost(self, turns: Sequence[Turn], lost: CallFailed) -> None:
        """Look for what was booked all the same; what is not seen stays in doubt, and nothing is sent again."""
        if self.capabilities.can_probe:

            async def see() -> bool | None:
                seen = await self._seen([turn for turn in turns if turn.outcome is None], once=True)
                for turn in turns:
                    self._recognise(turn, seen)
                return all(turn.outcome is not None for turn in turns) or None

            await self.lookout.until(lost, see)
        for turn in turns:
            if turn.outcome is None:
                turn.outcome = unknown(turn.key, lost)

    def _recognise(self, turn: Turn, seen: Sequence[wire.FoundDocument]) -> None:
        if turn.outcome is not None:
            return
        try:
            found = standing(turn.document, seen)
        except ErpError as error:
            turn.outcome = error
            return
        if found is not None and (found.final and found.complete if self.final else found != turn.before):
            turn.outcome = documents.booked(found, self.links, already_there=turn.before is not None)


def unknown(key: PostingKey, lost: CallFailed) -> ErpError:
    """Something of the document may stand at the partner; nobody books again before looking."""
    internal = f"{lost.internal}; not seen when looked for"
    return ErpError(problem(Failure.OUTCOME_UNKNOWN, internal, reference=key.accounting_entry_id), outcome_unknown=True)


def _not_uploaded(failure: CallFailed, sha256: str, file: Attachment) -> Problem:
    about = About(files={sha256: file})
    if failure.outcome is Outcome.TOO_LARGE:
        told = failure.told or wire.Problem(code="attachment_too_large", limit="its limit")
        return problems.told_as("attachments", told, about)
    if failure.outcome is Outcome.NOT_KEPT:
        return problem(Failure.RECEIPT_NOT_KEPT, failure.internal, name=file.name)
    return problems.failed(failure, about, "attach files")


def _unexpected() -> ErpError:
    return ErpError(problem(Failure.UNEXPECTED, "HTTP target: a document without an outcome"), outcome_unknown=True)
