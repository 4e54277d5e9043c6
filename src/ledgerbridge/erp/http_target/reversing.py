"""Takes back what stands at a partner, exactly once: looked for first, and after a lost reply again."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import PostingKey
from ledgerbridge.erp.http_target import documents, problems, wire
from ledgerbridge.erp.http_target.client import Client, a_write
from ledgerbridge.erp.http_target.documents import Links
from ledgerbridge.erp.http_target.errors import CallFailed
from ledgerbridge.erp.http_target.lookout import Lookout
from ledgerbridge.erp.http_target.problems import About
from ledgerbridge.erp.port import DocumentKind, DocumentRef, ErpError, Reversed


@dataclass(frozen=True, slots=True)
class Reversing:
    """Takes back one document of a company."""

    client: Client
    company: str
    lookout: Lookout
    links: Links
    document: DocumentRef
    key: PostingKey

    async def run(self, reason: str, day: dt.date | None) -> Reversed:
        """Raises `ErpError`."""
        try:
            before = await self._mine(once=False)
        except CallFailed as failure:
            raise ErpError(problems.failed(failure, About(), "read journal entries")) from None
        if before is not None and before.taken_back_by is not None:
            return self._told(before.taken_back_by, already_there=True)
        asked = wire.ReverseRequest(
            operation="reverse",
            company=self.company,
            document=documents.wire_ref(self.document),
            key=documents.key(self.key),
            reason=reason,
            day=day,
        )
        write = a_write("reverse", self.company, documents.name_of(self.key), self.document.kind, self.document.id)
        try:
            answer = await self.client.write(asked, wire.ReverseAnswer, write)
        except CallFailed as failure:
            if failure.perhaps_done:
                return await self._after_lost(failure, before)
            raise ErpError(self._refusal(failure, before, day)) from None
        return self._told(answer.counter, already_there=answer.already_there)

    async def _mine(self, *, once: bool) -> wire.FoundDocument | None:
        """The document of this key, in force or taken back."""
        entry = self.key.accounting_entry_id
        seen = await self.lookout.find(self.key.company_id, [entry], taken_back=True, once=once)
        mine = (one for one in seen if documents.posting_key(one.key) == self.key)
        return next((one for one in mine if documents.ref(one.document) == self.document), None)

    async def _after_lost(self, lost: CallFailed, before: wire.FoundDocument | None) -> Reversed:
        async def see() -> Reversed | None:
            now = await self._mine(once=True)
            if now is None:
                # A draft that was there is gone.
                return self._told(None, already_there=False) if before is not None else None
            return self._told(now.taken_back_by, already_there=False) if now.taken_back_by else None

        if (seen := await self.lookout.until(lost, see)) is not None:
            return seen
        reference = (before.number if before else None) or self.document.id
        internal = f"{lost.internal}; no counter-entry seen when looked for"
        raise ErpError(problem(Failure.REVERSAL_UNKNOWN, internal, reference=reference), outcome_unknown=True)

    def _refusal(self, failure: CallFailed, before: wire.FoundDocument | None, day: dt.date | None) -> Problem:
        reference = (before.number if before else None) or self.document.id
        if failure.told is None:
            return failure.problem("take back journal entries")
        bill = self.document.kind is DocumentKind.BILL
        found = problems.reversal("reverse", failure.told, About(), bill=bill, reference=reference)
        if found.facts.get("date") == "?" and day is not None:
            return problem(found.failure, found.internal, **{**found.facts, "date": day})
        return found

    def _told(self, counter: wire.Counter | None, *, already_there: bool) -> Reversed:
        if counter is None:
            return Reversed(None, None, None, None, already_there)
        url = self.links.to(DocumentRef(DocumentKind.JOURNAL_ENTRY, counter.id))
        return Reversed(counter.id, counter.number, url, counter.date, already_there)
