"""Intents and outcomes of many items at once: the rows that `ledger`, `claims` and `spool` write for one.

One statement a table, whatever the number. Everything here is called in a transaction of the lease's holder; whoever
opens it asks `ledger.guard` first.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Date, DateTime, Integer, Text, Uuid, case, func, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from ledgerbridge.bookkeeping.payables import Bill, Claim, Document
from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.port import Booked, DocumentKind
from ledgerbridge.exports import claims
from ledgerbridge.exports.ledger import Intent
from ledgerbridge.exports.rows import recordset
from ledgerbridge.store.leases import Lease
from ledgerbridge.store.tables import ExportItem, ItemState, ObservedSign, Posting, PostingState


@dataclass(frozen=True, slots=True)
class Intended:
    """A document that is sent next."""

    document: Document
    digest: str
    """Of the item's content, as in `Intent`."""
    claim: Claim | None
    """What it leaves open on a vendor's account."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of an intent."""

    posting_id: uuid.UUID
    state: PostingState
    """`booked`, `not_booked`, or `unknown`: its write has no reply."""
    booked: Booked | None = None
    """Set exactly when it is booked."""
    note: str | None = None
    """For operators."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item."""

    accounting_entry_id: str
    state: ItemState
    posting_id: uuid.UUID | None = None
    found: Problem | None = None
    """Why it failed, or why nobody knows."""


_TIME = DateTime(timezone=True)
_KEY = ("connection_id", "accounting_entry_id", "revision")
_INTENT: Mapping[str, TypeEngine[Any]] = {
    "id": Uuid(),
    "accounting_entry_id": Text(),
    "revision": Integer(),
    "digest": Text(),
    "total": Text(),
    "currency": Text(),
    "posting_date": Date(),
    "document": Text(),
    "intended_at": _TIME,
}
_ENTRY: Mapping[str, TypeEngine[Any]] = {
    "id": Uuid(),
    "state": Text(),
    "document": Text(),
    "erp_id": Text(),
    "erp_number": Text(),
    "erp_url": Text(),
    "final": Boolean(),
    "booked_at": _TIME,
    "note": Text(),
}
_OUTCOME: Mapping[str, TypeEngine[Any]] = {
    "accounting_entry_id": Text(),
    "state": Text(),
    "posting_id": Uuid(),
    "failure": Text(),
    "failure_type": Text(),
    "failure_reason": Text(),
    "internal": Text(),
}
_FORGOTTEN = (
    "erp_id", "erp_number", "erp_url", "booked_at", "note", "moved_from",
    "reversal_state", "reversal_reason", "reversal_by", "reversal_at",
)  # fmt: skip
"""What an earlier attempt left in the row."""


async def intend(
    session: AsyncSession,
    lease: Lease,
    connection_id: uuid.UUID,
    intent: Intent,
    wanted: Sequence[Intended],
    *,
    final: bool,
) -> dict[str, uuid.UUID]:
    """Write the intents to book documents, and what they leave open; the ids of the postings by accounting entry.

    Each is a moment later than the one before it: claims are looked at in the order in which they were booked.
    One whose row stands as anything but `not_booked` is left out: it is not to be sent.
    """
    now = utcnow()
    rows = [_intent(one, now + dt.timedelta(microseconds=place)) for place, one in enumerate(wanted)]
    given = recordset(rows, _INTENT)
    columns: dict[str, Any] = {name: given.c[name] for name in _INTENT} | {
        "connection_id": literal(connection_id, Uuid()),
        "state": literal(PostingState.INTENDED.value, Text()),
        "config_version": literal(intent.config_version, Integer()),
        "job_id": literal(intent.job_id, Uuid()),
        "erp_kind": literal(intent.erp_kind, Text()),
        "fence": literal(lease.fence, Integer()),
        "by_hand": literal(False, Boolean()),
        "final": literal(False, Boolean()),
    }
    new = insert(Posting).from_select(list(columns), select(*columns.values()))
    taken_over = {name: new.excluded[name] for name in columns if name not in ("id", *_KEY)}
    done = await session.execute(
        new.on_conflict_do_update(
            index_elements=list(_KEY),
            set_=taken_over | dict.fromkeys(_FORGOTTEN, null()),
            where=Posting.state == PostingState.NOT_BOOKED,
        ).returning(Posting.accounting_entry_id, Posting.id)
    )
    ids: dict[str, uuid.UUID] = {entry: posting_id for entry, posting_id in done}  # noqa: C416 - keeps the types
    fresh = {row["id"] for row in rows}
    await claims.forget(session, connection_id, *(one for one in ids.values() if str(one) not in fresh))
    for one in wanted:
        if posting_id := ids.get(one.document.key.accounting_entry_id):
            claims.add(session, connection_id, posting_id, one.claim, final=final)
    return ids


async def record(session: AsyncSession, connection_id: uuid.UUID, entries: Sequence[Entry]) -> None:
    """Write what became of intents. What may still arrive of a lost write is counted from now."""
    if not entries:
        return
    given = recordset([_entry(one) for one in entries], _ENTRY)
    lost = given.c.state == PostingState.UNKNOWN.value
    await session.execute(
        update(Posting)
        .where(Posting.connection_id == connection_id, Posting.id == given.c.id)
        .values(
            {name: given.c[name] for name in _ENTRY if name not in ("id", "document")}
            | {
                "document": func.coalesce(given.c.document, Posting.document),
                "intended_at": case((lost, literal(utcnow(), _TIME)), else_=Posting.intended_at),
            }
        )
        .execution_options(synchronize_session=False)
    )


async def settle(session: AsyncSession, job_id: uuid.UUID, outcomes: Sequence[Outcome]) -> None:
    """Write the outcomes of items (EXP-POST-06)."""
    if not outcomes:
        return
    given = recordset([_outcome(one) for one in outcomes], _OUTCOME)
    told = {name: given.c[name] for name in _OUTCOME if name not in ("accounting_entry_id", "posting_id")}
    await session.execute(
        update(ExportItem)
        .where(ExportItem.job_id == job_id, ExportItem.accounting_entry_id == given.c.accounting_entry_id)
        .values(
            told
            | {
                "attempts": ExportItem.attempts + 1,
                "posting_id": func.coalesce(given.c.posting_id, ExportItem.posting_id),
            }
        )
        .execution_options(synchronize_session=False)
    )


async def observe(session: AsyncSession, connection_id: uuid.UUID, signs: Mapping[tuple[str, str | None], int]) -> None:
    """Remember which sign Pleo was seen to use for a type and sub type (EXP-TYPE-15)."""
    if signs:
        rows = [
            {"connection_id": connection_id, "type": kind, "sub_type": sub_type or "", "sign": sign}
            for (kind, sub_type), sign in signs.items()
        ]
        await session.execute(insert(ObservedSign).values(rows).on_conflict_do_nothing())


# ------------------------------------------------------------------ rows


def _intent(one: Intended, at: dt.datetime) -> dict[str, Any]:
    document, bill = one.document, isinstance(one.document, Bill)
    return {
        "id": str(uuid.uuid4()),
        "accounting_entry_id": document.key.accounting_entry_id,
        "revision": document.key.revision,
        "digest": one.digest,
        "total": f"{document.total:.2f}",
        "currency": document.currency,
        "posting_date": (document.entry if isinstance(document, Bill) else document).date.isoformat(),
        "document": (DocumentKind.BILL if bill else DocumentKind.JOURNAL_ENTRY).value,
        "intended_at": at.isoformat(),
    }


def _entry(one: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": str(one.posting_id),
        "state": one.state.value,
        "note": one.note,
        "final": False,
    }
    if one.booked is not None:
        told |= {
            "document": one.booked.kind.value,
            "erp_id": one.booked.id,
            "erp_number": one.booked.number,
            "erp_url": one.booked.url,
            "final": one.booked.final,
            "booked_at": one.booked.booked_at.isoformat(),
        }
    return told


def _outcome(one: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {"accounting_entry_id": one.accounting_entry_id, "state": one.state.value}
    if one.posting_id is not None:
        told["posting_id"] = str(one.posting_id)
    if (found := one.found) is not None:
        told |= {
            "failure": found.failure.value,
            "failure_type": found.row.item_type,
            "failure_reason": found.text,
            "internal": found.internal or None,
        }
    return told
