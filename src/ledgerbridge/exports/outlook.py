"""What would become of one item if it were exported now, found by the run's own steps up to the first write.

The item is judged, looked up and asked about in the order of `exports.item`, and ends at the same problem in the same
words. Nothing is written, no receipt is fetched.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ledgerbridge.bookkeeping.payables import Document
from ledgerbridge.bookkeeping.problem import Failure, Problem
from ledgerbridge.bookkeeping.words import ExportItem, NothingToPost
from ledgerbridge.erp.port import ErpError
from ledgerbridge.exports.desk import Grounds, raise_if_general
from ledgerbridge.exports.fitting import Form, foreseen_name
from ledgerbridge.exports.judging import Judged, judge, mapped, together
from ledgerbridge.exports.receipts import declared_type, foreseen, unfit
from ledgerbridge.exports.reversal import named, pending, takes_back
from ledgerbridge.exports.shown_entries import ShownEntry, shown
from ledgerbridge.exports.standing import Sight, look_up, rebooks
from ledgerbridge.store.tables import Posting


class Outlook(StrEnum):
    """What would become of an item."""

    WOULD_BOOK = "would_book"
    """Nothing that can be known beforehand speaks against it."""
    NOTHING_TO_POST = "nothing_to_post"
    """Successful without an entry."""
    WOULD_FAIL = "would_fail"
    """Not booked; `told` is what Pleo would be told."""
    ALREADY_BOOKED = "already_booked"
    """It stands in the ERP with the same content: successful without a second entry."""
    UNKNOWN = "unknown"
    """Cannot be told before; the problem says why."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A file of the item, by what Pleo says of it."""

    name: str | None
    """Under which it would hang on the entry, the same for all that would be made into one file; None where only its
    content shows the type, or where it could not be given to the ERP."""
    type: str | None
    """MIME type, where Pleo gives it."""
    bytes: int | None
    """Its size, where Pleo gives it."""
    taken: bool
    """Whether it would be put on the entry; False where the ERP takes no files."""
    form: Form = Form.AS_IT_IS
    """How it would be given to the ERP."""
    joined: bool = False
    """Whether it would be in one file with the item's other receipts."""


@dataclass(frozen=True, slots=True)
class ItemPreview:
    """What would become of one item."""

    accounting_entry_id: str
    outcome: Outlook
    entries: tuple[ShownEntry, ...] = ()
    """What would be booked, or stands; empty where it could not be worked out."""
    problems: tuple[Problem, ...] = ()
    """What speaks against it, each with where to fix it."""
    receipts: tuple[Receipt, ...] = ()
    final: bool = False
    """Whether the entry would be final; else a draft."""
    revision: int | None = None
    """Of the posting; above 1 where the entry was taken back before."""
    replaces: str | None = None
    """The entry that would be taken back first, because the item has changed since."""
    reason: str | None = None
    """Why there is nothing to post."""
    type: str | None = None
    """The item's type; None where it cannot be read."""
    date: dt.datetime | None = None
    """The item's own."""
    amount: Decimal | None = None
    """In the currency of the wallet."""
    currency: str | None = None
    text: str | None = None
    """What people know the item by: supplier, else person, else note."""

    @property
    def told(self) -> Problem | None:
        """What Pleo would be told: all problems in one text."""
        return together(self.problems) if self.problems else None


async def foresee(grounds: Grounds, accounting_entry_id: str, payload: Mapping[str, Any] | None) -> ItemPreview:
    """What would become of an item. Raises `ErpDown`, `JobStopped` for what would end or delay the whole job."""
    judged = await judge(grounds, accounting_entry_id, payload)
    if isinstance(judged, Problem):
        return ItemPreview(accounting_entry_id, Outlook.WOULD_FAIL, problems=(judged,))
    drawn = _drawn(grounds, accounting_entry_id, judged)
    if judged.standing is not None:
        return await _come_again(grounds, drawn, judged, judged.standing)
    return await _new(grounds, drawn, judged)


async def _come_again(grounds: Grounds, drawn: ItemPreview, judged: Judged, standing: Posting) -> ItemPreview:
    seen = await look_up(
        grounds,
        drawn.accounting_entry_id,
        standing,
        judged.digest,
        bookable=judged.bookable,
        paying=judged.paying,
    )
    match seen.sight:
        case Sight.GONE | Sight.DRAFT:
            return await _new(grounds, drawn, judged)
        case Sight.SAME:
            return replace(drawn, outcome=Outlook.ALREADY_BOOKED)
        case Sight.TAKING_BACK:
            return await _instead(grounds, judged, standing)
        case Sight.CHANGED if rebooks(grounds, standing):
            return await _instead(grounds, judged, standing)
        case Sight.CHANGED | Sight.DOUBTED:
            outcome = Outlook.WOULD_FAIL
        case _:
            outcome = Outlook.UNKNOWN
    return replace(drawn, outcome=outcome, problems=(seen.found,) if seen.found else ())


async def _instead(grounds: Grounds, judged: Judged, standing: Posting) -> ItemPreview:
    """An item that would be booked as its next revision, once the entry that stands is taken back."""
    again = replace(judged, wanted=mapped(grounds, judged.item, standing.revision + 1))
    drawn = _drawn(grounds, standing.accounting_entry_id, again)
    made = await _new(grounds, replace(drawn, replaces=named(standing)), again)
    if made.outcome is Outlook.WOULD_FAIL or takes_back(grounds.erp, standing):
        return made
    return replace(made, outcome=Outlook.WOULD_FAIL, problems=(pending(standing),))


async def _new(grounds: Grounds, drawn: ItemPreview, judged: Judged) -> ItemPreview:
    """An item that would be booked: the order is that of a run, mapping, receipts, ERP."""
    wanted = judged.wanted
    if isinstance(wanted, NothingToPost):
        return replace(drawn, outcome=Outlook.NOTHING_TO_POST, reason=wanted.reason)
    if isinstance(wanted, tuple):
        coming = _may_come_with_the_export(grounds, judged.item, wanted)
        return replace(drawn, outcome=Outlook.UNKNOWN if coming else Outlook.WOULD_FAIL, problems=wanted)
    found = unfit(judged.item, grounds.erp.capabilities)
    if found is None and drawn.replaces is None:  # the ERP cannot tell of a revision while another one stands
        found = await _asked(grounds, wanted)
    return replace(drawn, outcome=Outlook.WOULD_FAIL, problems=(found,)) if found else drawn


async def _asked(grounds: Grounds, document: Document) -> Problem | None:
    try:
        found = await grounds.erp.fits(document, final=_final(grounds))
    except ErpError as error:
        raise_if_general(error)
        found = error.problem
    if found is not None:
        raise_if_general(ErpError(found))
    return found


def _may_come_with_the_export(grounds: Grounds, item: ExportItem, problems: tuple[Problem, ...]) -> bool:
    """Whether all that is wrong is a new vendor of Pleo: an export first tries to make it in the ERP (VEN-110)."""
    unknown = all(found.failure is Failure.VENDOR_UNKNOWN for found in problems)
    new = item.vendor is not None and not item.vendor.external_id
    return unknown and new and grounds.erp.capabilities.vendors


def _drawn(grounds: Grounds, accounting_entry_id: str, judged: Judged) -> ItemPreview:
    item, wanted = judged.item, judged.wanted
    amount = item.amount.wallet
    people = (item.supplier, item.vendor, item.user)
    known_by = next((one.name for one in people if one is not None and one.name), item.note)
    document = None if isinstance(wanted, NothingToPost | tuple) else wanted
    return ItemPreview(
        accounting_entry_id=accounting_entry_id,
        outcome=Outlook.WOULD_BOOK,
        entries=shown(document, grounds.chart) if document else (),
        receipts=_receipts(grounds, item),
        final=_final(grounds),
        revision=document.key.revision if document else None,
        type=item.type,
        date=item.date,
        amount=amount.decimal,
        currency=amount.currency,
        text=known_by,
    )


def _receipts(grounds: Grounds, item: ExportItem) -> tuple[Receipt, ...]:
    able = grounds.erp.capabilities
    kinds = [declared_type(file) for file in item.files]
    piece_of = {position: piece for piece in foreseen(item, able) for position in piece.positions}
    return tuple(
        Receipt(
            foreseen_name(item, piece, kind),
            kind,
            file.size,
            able.attachments,
            piece.form,
            piece.joined,
        )
        for position, (file, kind) in enumerate(zip(item.files, kinds, strict=True), 1)
        for piece in (piece_of[position],)
    )


def _final(grounds: Grounds) -> bool:
    return grounds.configuration.posting_mode == "final"
