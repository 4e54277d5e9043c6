"""The spool: an export job and its items in our tables, page by page, so that memory stays flat.

Payloads are kept only while the job is open (EXP-PRE-06) and dropped when it is closed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    DateTime,
    Integer,
    Text,
    Uuid,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from ledgerbridge.bookkeeping.problem import Problem
from ledgerbridge.clock import utcnow
from ledgerbridge.exports.rows import recordset
from ledgerbridge.pleo.events import EXPORT_JOB_CREATED
from ledgerbridge.pleo.items import glance, web_link
from ledgerbridge.pleo.models import ExportJob as PleoJob
from ledgerbridge.pleo.models import ExportJobItem as PleoJobItem
from ledgerbridge.store.tables import (
    DeliveryStatus,
    ExportItem,
    ExportJob,
    ItemState,
    JobEvent,
    JobPhase,
    Posting,
    PostingState,
    WebhookDelivery,
)

_CONTROL: Mapping[str, TypeEngine[Any]] = {
    "accounting_entry_id": Text(),
    "place": Integer(),
    "state": Text(),
    "failure_type": Text(),
    "failure_reason": Text(),
    "final": Boolean(),
}
_AT_PLEO = {"successful": ItemState.BOOKED, "failed": ItemState.FAILED, "abandoned": ItemState.ABANDONED}


async def claim(session: AsyncSession, connection_id: uuid.UUID, job: PleoJob, found_by: str) -> ExportJob:
    """Our row for a job Pleo lists, made on first sight (EXP-START-08). Says how the job was found."""
    announced = await _announced(session, connection_id, job.id)
    # A webhook makes us look, and the look may come upon a job that no webhook told of.
    found_by = "webhook" if announced else "poll" if found_by == "webhook" else found_by
    row = await session.scalar(
        select(ExportJob).where(ExportJob.connection_id == connection_id, ExportJob.pleo_job_id == job.id)
    )
    if row is None:
        row = ExportJob(
            id=uuid.uuid4(),
            connection_id=connection_id,
            pleo_job_id=job.id,
            pleo_created_at=job.created_at,
            pleo_status=job.status,
            phase=JobPhase.CLAIMED,
            found_by=found_by,
            announced_at=announced,
            number_of_items=job.number_of_items,
            vendor_based=job.vendor_based_bookkeeping,
            interactive=bool(job.is_interactive),
            created_by=job.created_by,
            expires_in=job.expires_in,
        )
        session.add(row)
        await session.flush()
        note(session, row, "claimed", found_by=row.found_by, items=row.number_of_items)
    row.pleo_status = job.status
    row.last_action_at = max(filter(None, (row.last_action_at, job.last_updated_at, job.created_at)))
    return row


async def _announced(session: AsyncSession, connection_id: uuid.UUID, pleo_job_id: str) -> dt.datetime | None:
    """When the first webhook told of a job, if one has."""
    return await session.scalar(
        select(func.min(WebhookDelivery.received_at)).where(
            WebhookDelivery.connection_id == connection_id, WebhookDelivery.resource_id == pleo_job_id
        )
    )


def note(session: AsyncSession, job: ExportJob, name: str, **detail: Any) -> None:
    """Add a line to the job's timeline."""
    session.add(JobEvent(connection_id=job.connection_id, job_id=job.id, at=utcnow(), name=name, detail=detail))


async def acted(session: AsyncSession, job_id: uuid.UUID, at: dt.datetime) -> None:
    """Pleo accepted something for the job."""
    await session.execute(update(ExportJob).where(ExportJob.id == job_id).values(last_action_at=at))


async def add_control_page(session: AsyncSession, job: ExportJob, page: Sequence[PleoJobItem]) -> int:
    """Spool a page of the control layer, in Pleo's order, behind what is there; returns how many rows it held.

    Items Pleo already shows final are kept as such and never worked again (EXP-CTRL-03, -04); one listed twice is one
    item. Run again on resume it changes nothing we decided ourselves, except that an outcome Pleo holds counts as
    reported, and a failure it holds stays one in this job: the job's end must agree with it.
    """
    told = {item.accounting_entry_id: item for item in page}
    rows = [
        {
            "accounting_entry_id": item.accounting_entry_id,
            "place": place,
            "state": _AT_PLEO.get(item.status, ItemState.WAITING).value,
            "failure_type": item.failure_reason_type,
            "failure_reason": item.failure_reason,
            "final": item.status in _AT_PLEO,
        }
        for place, item in enumerate(told.values())
    ]
    if rows:
        given = recordset(rows, _CONTROL)
        first = select(func.coalesce(func.max(ExportItem.position) + 1, 0)).where(ExportItem.job_id == job.id)
        columns = {
            "job_id": literal(job.id, Uuid()),
            "connection_id": literal(job.connection_id, Uuid()),
            "accounting_entry_id": given.c.accounting_entry_id,
            "position": given.c.place + first.scalar_subquery(),
            "state": given.c.state,
            "attempts": literal(0, Integer()),
            "failure_type": given.c.failure_type,
            "failure_reason": given.c.failure_reason,
            "reported_at": case((given.c.final, literal(utcnow(), DateTime(timezone=True))), else_=None),
        }
        new = insert(ExportItem).from_select(list(columns), select(*columns.values()))
        await session.execute(
            new.on_conflict_do_update(
                index_elements=[ExportItem.job_id, ExportItem.accounting_entry_id],
                set_={
                    "reported_at": func.coalesce(ExportItem.reported_at, new.excluded.reported_at),
                    "state": case(
                        (new.excluded.state == ItemState.FAILED, new.excluded.state),
                        (ExportItem.state.in_([ItemState.WAITING, ItemState.UNKNOWN]), new.excluded.state),
                        else_=ExportItem.state,
                    ),
                },
            )
        )
    return len(rows)


async def add_payloads(session: AsyncSession, job: ExportJob, payloads: Mapping[str, Mapping[str, Any]]) -> int:
    """Join a page of the data layer to the control layer (EXP-DATA-11); returns how many entries were not in it."""
    page = {
        entry: {"payload": payload, "url": web_link(payload.get("_links")), "glance": glance(payload) or None}
        for entry, payload in payloads.items()
    }
    known = await session.execute(
        text(
            "update export_items set payload = page.told -> 'payload', pleo_url = page.told ->> 'url', "
            "glance = nullif(page.told -> 'glance', 'null') "
            "from jsonb_each(:page) as page(entry_id, told) "
            "where job_id = :job_id and accounting_entry_id = page.entry_id returning accounting_entry_id"
        ).bindparams(bindparam("page", type_=JSONB)),
        {"job_id": job.id, "page": page},
    )
    return len(payloads) - len(known.all())


async def next_items(session: AsyncSession, job_id: uuid.UUID, state: ItemState, after: int, limit: int) -> list[Work]:
    """The next items in `state`, in order of position, without loading the whole job."""
    rows = await session.execute(
        select(ExportItem.accounting_entry_id, ExportItem.position, ExportItem.payload)
        .where(
            ExportItem.job_id == job_id,
            ExportItem.state == state,
            ExportItem.position > after,
            ExportItem.reported_at.is_(None),
        )
        .order_by(ExportItem.position)
        .limit(limit)
    )
    return [Work(*row) for row in rows]


async def again(session: AsyncSession, job_id: uuid.UUID, work: Work) -> Work:
    """The same item with the payload it has now."""
    payload = await session.scalar(
        select(ExportItem.payload).where(
            ExportItem.job_id == job_id, ExportItem.accounting_entry_id == work.accounting_entry_id
        )
    )
    return Work(work.accounting_entry_id, work.position, payload)


@dataclass(frozen=True, slots=True)
class Work:
    """One spooled item to be booked."""

    accounting_entry_id: str
    position: int
    payload: dict[str, Any] | None


async def settle(
    session: AsyncSession,
    job_id: uuid.UUID,
    accounting_entry_id: str,
    state: ItemState,
    *,
    posting_id: uuid.UUID | None = None,
    problem: Problem | None = None,
) -> None:
    """Write the outcome of one item, at once (EXP-POST-06)."""
    await session.execute(
        update(ExportItem)
        .where(ExportItem.job_id == job_id, ExportItem.accounting_entry_id == accounting_entry_id)
        .values(
            state=state,
            attempts=ExportItem.attempts + 1,
            posting_id=func.coalesce(posting_id, ExportItem.posting_id),
            failure=problem.failure if problem else None,
            failure_type=problem.row.item_type if problem else None,
            failure_reason=problem.text if problem else None,
            internal=(problem.internal or None) if problem else None,
        )
    )


async def doubt_interrupted(session: AsyncSession, job: ExportJob) -> None:
    """Call the outcome of every waiting item unknown that an interrupted attempt may have booked."""
    await session.execute(
        update(ExportItem)
        .where(
            ExportItem.job_id == job.id,
            ExportItem.state == ItemState.WAITING,
            Posting.connection_id == job.connection_id,
            Posting.accounting_entry_id == ExportItem.accounting_entry_id,
            Posting.state.in_([PostingState.INTENDED, PostingState.UNKNOWN]),
        )
        .values(state=ItemState.UNKNOWN, posting_id=Posting.id)
        .execution_options(synchronize_session=False)
    )


async def settle_rest(session: AsyncSession, job_id: uuid.UUID, problem: Problem) -> int:
    """Fail every item still waiting for one common reason; returns how many."""
    done = await session.execute(
        update(ExportItem)
        .where(ExportItem.job_id == job_id, ExportItem.state == ItemState.WAITING, ExportItem.reported_at.is_(None))
        .values(
            state=ItemState.FAILED,
            failure=problem.failure,
            failure_type=problem.row.item_type,
            failure_reason=problem.text,
            internal=problem.internal or None,
        )
        .returning(ExportItem.position)
    )
    return len(done.all())


async def counts(session: AsyncSession, job_id: uuid.UUID) -> dict[str, int]:
    """Number of items by state."""
    rows = await session.execute(
        select(ExportItem.state, func.count()).where(ExportItem.job_id == job_id).group_by(ExportItem.state)
    )
    return {state: count for state, count in rows}  # noqa: C416 - dict() loses the types


async def close(session: AsyncSession, job: ExportJob, status: str, problem: Problem | None) -> None:
    """Pleo has a final status: write it down and drop the payloads. A webhook may have come since the job was found.

    An intent that is still open is an unknown outcome from now on: nobody comes back to it before the next export.
    """
    now = utcnow()
    await session.execute(
        update(Posting)
        .where(
            Posting.connection_id == job.connection_id,
            Posting.job_id == job.id,
            Posting.state == PostingState.INTENDED,
        )
        .values(state=PostingState.UNKNOWN, note="the export job ended before anybody looked for it")
    )
    job.announced_at = job.announced_at or await _announced(session, job.connection_id, job.pleo_job_id)
    await session.execute(
        update(ExportItem)
        .where(ExportItem.job_id == job.id, ExportItem.state.in_([ItemState.WAITING, ItemState.UNKNOWN]))
        .values(state=ItemState.ABANDONED)
    )
    await session.execute(update(ExportItem).where(ExportItem.job_id == job.id).values(payload=None))
    job.phase = JobPhase.CLOSED
    job.pleo_status = status
    job.closed_at = now
    if problem is not None:
        job.failure_type = problem.row.job_type
        job.failure_reason = problem.text


async def open_jobs(session: AsyncSession, connection_id: uuid.UUID) -> list[ExportJob]:
    """Jobs we claimed and have not closed."""
    found = await session.scalars(
        select(ExportJob).where(ExportJob.connection_id == connection_id, ExportJob.phase != JobPhase.CLOSED)
    )
    return list(found)


async def settle_deliveries(session: AsyncSession, connection_id: uuid.UUID, until: dt.datetime) -> None:
    """Webhooks that arrived before a look has ended need nothing more."""
    mine = WebhookDelivery.connection_id == connection_id
    # Locked by rising id, as a replay does, so that the two never wait for each other in a circle.
    waiting = (
        select(WebhookDelivery.id)
        .where(
            mine,
            WebhookDelivery.status == DeliveryStatus.QUEUED,
            WebhookDelivery.event_type.in_(EXPORT_JOB_CREATED),
            func.greatest(WebhookDelivery.received_at, WebhookDelivery.replayed_at) <= until,
        )
        .order_by(WebhookDelivery.id)
        .with_for_update()
    )
    done = update(WebhookDelivery).where(mine, WebhookDelivery.id.in_(waiting))
    done = done.values(status=DeliveryStatus.DONE, settled_at=utcnow())
    await session.execute(done.execution_options(synchronize_session=False))
