"""What stands at a partner under our keys: the probe that is made before a write and after a lost reply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, problem
from ledgerbridge.erp.http_target import documents, wire
from ledgerbridge.erp.http_target.client import Client
from ledgerbridge.erp.http_target.errors import CallFailed, Outcome
from ledgerbridge.erp.http_target.patience import Patience
from ledgerbridge.erp.port import ErpError

T = TypeVar("T")


class Lookout:
    """Finds documents of one company by key."""

    def __init__(self, client: Client, company: str, patience: Patience) -> None:
        self._client = client
        self._company = company
        self._patience = patience

    async def find(
        self, pleo_company: str, entries: Iterable[str], *, taken_back: bool = False, once: bool = False
    ) -> list[wire.FoundDocument]:
        """All documents of these accounting entries, any revision; nothing but what was asked for. Raises `CallFailed`.

        With `taken_back` also final ones that were taken back. `once` leaves repeating to the caller.
        """
        wanted = tuple(dict.fromkeys(entries))
        asked = wire.FindRequest(
            operation="find",
            company=self._company,
            pleo_company=pleo_company,
            entries=wanted,
            taken_back=taken_back,
        )
        ask = self._client.once if once else self._client.read
        found = (await ask(asked, wire.FindAnswer)).found
        for one in found:
            if one.key.company != pleo_company or one.key.entry not in wanted:
                raise CallFailed(Outcome.UNFIT, "find", said="find answered a document of another key")
            if one.taken_back_by is not None and not taken_back:
                raise CallFailed(Outcome.UNFIT, "find", said="find answered a document that was taken back")
        return list(found)

    async def until(self, lost: CallFailed, see: Callable[[], Awaitable[T | None]]) -> T | None:
        """Look again and again for what a lost write may have done, until `see` answers something or patience ends.

        A write whose reply was lost may still be on its way in, so one look that sees nothing proves nothing.
        """

        async def look() -> T:
            if (seen := await see()) is None:
                raise lost
            return seen

        try:
            return await self._patience.retrying(lambda failure: True)(look)
        except CallFailed:
            return None


def standing(document: Document, seen: Iterable[wire.FoundDocument]) -> wire.FoundDocument | None:
    """The document that stands under the key of a wanted one. Raises `ErpError` for what keeps that away."""
    key = document.key
    live = [one for one in seen if one.key.entry == key.accounting_entry_id and one.taken_back_by is None]
    final = [one for one in live if one.final]
    if len(final) > 1:
        names = " and ".join(one.number or one.document.id for one in final)
        message = f"it holds more than one final document for this expense, {names}. Reverse all but one of them."
        raise ErpError(problem(Failure.ERP_REFUSED, f"final more than once: {names}", message=message))
    kind = "bill" if isinstance(document, Bill) else "journal_entry"
    for one in sorted(live, key=lambda one: not one.final):
        if documents.posting_key(one.key) != key:
            raise _elsewhere(one, f"revision {one.key.revision} is live")
        if one.document.kind != kind:
            raise _elsewhere(one, f"it is a {one.document.kind}")
        if one.total != document.total:
            raise _elsewhere(one, f"it stands with {one.total}, wanted was {document.total}")
        return one
    return None


def _elsewhere(one: wire.FoundDocument, internal: str) -> ErpError:
    reference = one.number or one.document.id
    return ErpError(problem(Failure.BOOKED_ELSEWHERE, f"HTTP target: {internal}", reference=reference))
