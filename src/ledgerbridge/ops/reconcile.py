"""Comparing our posting ledger with the ERP's own entries for a period, on demand. Reads both, writes neither.

The ERP is read first: what is booked while we read shows in the ledger only, and the ERP is asked for it by key.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import ConnectionState, load, open_erp, verify_erp_company
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import ConnectionUnknown, ErpNotBound, SecretUnreadable
from ledgerbridge.erp.port import DocumentKind, DocumentRef, Erp, ErpError, Found, Keyed
from ledgerbridge.exports.ledger import LIVE
from ledgerbridge.ops.reconcile_compare import (
    LedgerRow,
    Outcome,
    Pair,
    Recorded,
    Standing,
    compare,
    doubtful,
    paired,
)
from ledgerbridge.store.engine import sqlalchemy_url
from ledgerbridge.store.tables import Posting, PostingState

UNDER_WAY = dt.timedelta(minutes=15)
"""An intent younger than this may be booked just now."""
_AT_ONCE = 500


class CannotCompare(Exception):
    """Nothing can be said about this connection just now; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A comparison that was made."""

    connection_id: uuid.UUID
    company: str
    erp_company: str
    first: dt.date
    last: dt.date
    ledger: int
    """Accounting entries that our ledger has for the period or for what the ERP shows."""
    erp: int
    """Documents with our keys that the ERP shows in the period."""
    outcome: Outcome
    urls: dict[DocumentRef, str]
    """Direct links to the documents of differences, for a person."""


Tell = Callable[[str], None]


async def reconcile(
    room: Connections, connection_id: uuid.UUID, first: dt.date, last: dt.date, tell: Tell = lambda _: None
) -> Reconciled:
    """Compare the postings with a posting date from `first` to `last`. Raises `CannotCompare`; writes nothing."""
    if first > last:
        raise CannotCompare(f"The period ends before it begins: {first} is after {last}.")
    try:
        company = await load(room, connection_id)
        if company.binding is None:
            raise ErpNotBound
        async with open_erp(room, connection_id) as erp:
            return await _reconciled(room, company, erp, first, last, tell)
    except ConnectionUnknown:
        raise CannotCompare(f"There is no connection {connection_id}. GET /admin/api/connections lists them.") from None
    except ErpNotBound:
        raise CannotCompare("The connection has no accounting system, so there is nothing to compare with.") from None
    except SecretUnreadable as error:
        raise CannotCompare(f"The access to the accounting system: {error.text}") from None
    except ErpError as error:
        raise CannotCompare(_less_export(error.problem.text)) from None


def read_only(url: str) -> str:
    """The same database, over a connection on which it refuses every write. Raises `DatabaseUrlError`."""
    parsed = sqlalchemy_url(url)
    theirs = parsed.query.get("options", "")
    options = [*([theirs] if isinstance(theirs, str) else theirs), "-c default_transaction_read_only=on"]
    query = parsed.set(drivername="postgresql").update_query_dict({"options": " ".join(options).strip()})
    return query.render_as_string(hide_password=False)


async def _reconciled(
    room: Connections, company: ConnectionState, erp: Erp, first: dt.date, last: dt.date, tell: Tell
) -> Reconciled:
    connection, binding = company.connection, company.binding
    assert binding is not None  # noqa: S101 - seen by the caller
    if not erp.capabilities.lists_entries:
        raise CannotCompare(
            f"An accounting system of kind {binding.kind} cannot be searched for what we booked. Compare by hand: the "
            "postings are in `GET /admin/api/export-jobs/{job}/items`."
        )
    if wrong := await verify_erp_company(erp, binding):
        raise CannotCompare(_less_export(wrong.text))
    tell("reading the accounting system")
    listed = await erp.entries(first, last, connection.company_id)
    tell(f"{len(listed)} documents with our keys; reading our ledger")
    async with room.db.reading() as session:
        rows = await _ledger(
            session, connection.id, first, last, {_name(one.key.accounting_entry_id) for one in listed}
        )
    pairs = paired(rows, [(_name(one.key.accounting_entry_id), _standing(one)) for one in listed])
    open_ = [pair for pair in pairs if doubtful(pair)]
    if open_:
        tell(f"searching for {len(open_)} of {len(pairs)} accounting entries by key")
    searched = {pair.accounting_entry_id: await _searched(erp, pair, connection.company_id) for pair in open_}
    outcome = compare(searched.get(pair.accounting_entry_id, pair) for pair in pairs)
    refs = {one.ref for each in outcome.differences for one in each.pair.erp}
    return Reconciled(
        connection_id=connection.id,
        company=connection.company_name or connection.company_id,
        erp_company=binding.company_name,
        first=first,
        last=last,
        ledger=len(rows),
        erp=len(listed),
        outcome=outcome,
        urls={ref: url for ref in refs if (url := erp.url(ref))},
    )


# ------------------------------------------------------------------ the ERP's side


def _standing(one: Keyed) -> Standing:
    return Standing(one.ref, one.number, one.final, Decimal(one.total), one.date, one.own_payment)


async def _searched(erp: Erp, pair: Pair, company_id: str) -> Pair:
    """The same pair with every document that carries its key, whatever its date."""
    found = await erp.find(pair.accounting_entry_id, company_id)
    known = {one.ref for one in pair.documents}
    more = [_found(one) for one in found if one.booked.ref not in known]
    return replace(pair, erp=(*pair.erp, *more))


def _found(one: Found) -> Standing:
    return Standing(one.booked.ref, one.booked.number, one.booked.final, Decimal(one.total), None)


# ------------------------------------------------------------------ our side


async def _ledger(
    session: AsyncSession, connection_id: uuid.UUID, first: dt.date, last: dt.date, listed: set[str]
) -> list[LedgerRow]:
    """Of every accounting entry that has a live posting in the period, or that the ERP shows, the posting that counts.

    Postings of early releases have no posting date; those intended in the period are looked at.
    """
    mine = select(Posting).where(Posting.connection_id == connection_id)
    intended = func.date(func.timezone("UTC", Posting.intended_at))
    within = or_(
        Posting.posting_date.between(first, last),
        and_(Posting.posting_date.is_(None), intended.between(first, last)),
    )
    rows = list(await session.scalars(mine.where(Posting.state.in_(LIVE), within)))
    names = sorted(listed - {_name(row.accounting_entry_id) for row in rows})
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        rows += await session.scalars(mine.where(func.lower(Posting.accounting_entry_id).in_(some)))
    return [_row(one) for one in _that_count(rows)]


def _that_count(rows: Iterable[Posting]) -> Sequence[Posting]:
    """Of each accounting entry the live posting, else the newest."""
    chosen: dict[str, Posting] = {}
    for row in sorted(rows, key=lambda row: (row.state in LIVE, row.revision)):
        chosen[_name(row.accounting_entry_id)] = row
    return list(chosen.values())


def _row(row: Posting) -> LedgerRow:
    total = Decimal(row.total)
    adopted = row.digest is None and not total
    return LedgerRow(
        accounting_entry_id=_name(row.accounting_entry_id),
        recorded=_recorded(row),
        total=None if adopted else total,
        currency=row.currency,
        final=row.final,
        by_hand=row.by_hand,
        moved_from=row.moved_from,
        document=DocumentRef(DocumentKind(row.document), row.erp_id) if row.erp_id else None,
        number=row.erp_number,
        job_id=str(row.job_id) if row.job_id else None,
    )


def _recorded(row: Posting) -> Recorded:
    match row.state:
        case PostingState.BOOKED if row.reversal_state is not None:
            begun = row.reversal_at or row.intended_at
            return Recorded.UNDER_WAY if utcnow() - begun < UNDER_WAY else Recorded.TAKING_BACK
        case PostingState.BOOKED:
            return Recorded.BOOKED
        case PostingState.REVERSED:
            return Recorded.REVERSED
        case PostingState.UNKNOWN:
            return Recorded.UNKNOWN
        case PostingState.INTENDED:
            return Recorded.UNDER_WAY if utcnow() - row.intended_at < UNDER_WAY else Recorded.UNKNOWN
        case _:
            return Recorded.NOT_LIVE


def _name(accounting_entry_id: str) -> str:
    return accounting_entry_id.lower()


# ------------------------------------------------------------------ words


def _less_export(text: str) -> str:
    """The failure table speaks to somebody who exports."""
    return (
        text.replace("Nothing was booked for this item. ", "")
        .replace("Nothing was booked. ", "")
        .replace("then export again.", "then compare again.")
    )
