"""What is to become of one item: read, compared with the ledger, and mapped. The same for a run and for a preview.

Nothing here writes, and nothing asks the ERP: `standing.look_up` does that for an entry that comes again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select

from ledgerbridge.bookkeeping.content import content_digest
from ledgerbridge.bookkeeping.mapping import book
from ledgerbridge.bookkeeping.payables import Bill, Document
from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Configuration, ExportItem, JournalEntry, NothingToPost
from ledgerbridge.clock import utcnow
from ledgerbridge.exports import ledger
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.desk import Grounds, Signs
from ledgerbridge.pleo.items import UnreadableItem, parse_item
from ledgerbridge.store.tables import ObservedSign, Posting

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Judged:
    """A readable item of the right company, and what it is to become in the ERP."""

    item: ExportItem
    digest: str
    """Of its content (EXP-IDEM-07)."""
    wanted: Document | NothingToPost | tuple[Problem, ...]
    """What would be booked, or every reason why it cannot be."""
    standing: Posting | None
    """The live posting of the accounting entry: it comes again."""

    @property
    def bookable(self) -> bool:
        return isinstance(self.wanted, JournalEntry | Bill)

    @property
    def paying(self) -> bool:
        """Whether a payment of its own belongs to the bill."""
        return isinstance(self.wanted, Bill) and self.wanted.payment is not None


def readable(grounds: Grounds, payload: Mapping[str, Any] | None) -> ExportItem | Problem:
    """The item of a payload; a problem when it cannot be read or is another company's."""
    if payload is None:
        return problem(Failure.PAYLOAD_MISSING)
    try:
        item = parse_item(payload)
    except UnreadableItem as error:
        return error.problem
    if item.company_id.lower() != grounds.company_id.lower():
        return problem(Failure.WRONG_COMPANY, f"item of company {item.company_id}")
    return item


async def judge(grounds: Grounds, accounting_entry_id: str, payload: Mapping[str, Any] | None) -> Judged | Problem:
    """Read an item's payload, look it up in the ledger and map it; a problem when it is no item to be mapped."""
    item = readable(grounds, payload)
    return (await judge_all(grounds, {accounting_entry_id: item}))[accounting_entry_id]


async def judge_all(grounds: Grounds, items: Mapping[str, ExportItem | Problem]) -> dict[str, Judged | Problem]:
    """The same for items that were read, by accounting entry; the ledger is asked once for all."""
    wanted = [entry for entry, item in items.items() if isinstance(item, ExportItem)]
    known: Mapping[str, ledger.Standing] = {}
    if wanted:
        async with grounds.context.db.reading() as session:
            known = await ledger.standings(session, grounds.connection_id, wanted)
    return {
        entry: item if isinstance(item, Problem) else _judged(grounds, item, known[entry])
        for entry, item in items.items()
    }


def _judged(grounds: Grounds, item: ExportItem, known: ledger.Standing) -> Judged:
    return Judged(item, content_digest(item), mapped(grounds, item, known.revision), known.live)


def mapped(grounds: Grounds, item: ExportItem, revision: int) -> Document | NothingToPost | tuple[Problem, ...]:
    """What the item becomes as this revision of its entry, or every reason why it cannot."""
    try:
        return book(
            item,
            grounds.configuration,
            grounds.chart,
            today=grounds.today,
            revision=revision,
            known_signs=grounds.signs,
            vendors=grounds.vendors,
        )
    except Exception as error:
        log.exception("unexpected failure while mapping")
        return (problem(Failure.UNEXPECTED, repr(error)),)


def together(problems: Sequence[Problem]) -> Problem:
    """The first problem, its text followed by the others': a bookkeeper mends them in one go."""
    first, *others = problems
    if not others:
        return first
    texts = dict.fromkeys(found.text for found in problems)
    return replace(first, spelled=" ".join(texts))


def today_in(configuration: Configuration) -> dt.date:
    """Today where the company keeps its books; its time zone was checked by the preflight."""
    return utcnow().astimezone(ZoneInfo(configuration.time_zone)).date()


async def load_signs(context: ExportContext, connection_id: uuid.UUID) -> Signs:
    """Which sign Pleo was seen to use for each type and sub type in this company (EXP-TYPE-15)."""
    async with context.db.reading() as session:
        rows = await session.scalars(select(ObservedSign).where(ObservedSign.connection_id == connection_id))
        return {(row.type, row.sub_type or None): row.sign for row in rows}
