"""Polling: asking Pleo which companies have export jobs that no webhook told of (HOOK-045, EXP-DETECT-03, -12).

A round asks for the companies whose time has come, one call each and nothing else; only where a job waits is a look
queued. Times are in `look_schedules`, so a restart neither forgets nor repeats. A company is asked often until its
webhooks have shown that they can be relied on (`connections.reliance`), then seldom, and often again once a poll finds
what a webhook should have told of. Polls take at most a share of the calls allowed, in the lane of those who wait; when
there are more companies than that carries, whoever was asked longest ago comes first, so that all are late alike.
docs/decisions/0166 has the arithmetic.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import (
    DateTime,
    Double,
    Insert,
    Uuid,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
    values,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.access import client
from ledgerbridge.connections.credentials import credential_for
from ledgerbridge.connections.reliance import relied_on
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.enqueue import look
from ledgerbridge.pleo.errors import PleoError, RateLimited, Unavailable
from ledgerbridge.pleo.export import ExportApi
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus, ExportJob, JobPhase, LookSchedule

SHARE = 0.5
"""Of the calls to Pleo that are allowed."""
AT_ONCE = 8
"""Calls under way: enough for the share while Pleo takes two seconds to answer."""
ROUND = dt.timedelta(seconds=15)
"""What one round asks for takes so long. The next follows at once when more is due, else not sooner than this."""
TAKEN_FOR = dt.timedelta(minutes=1)
"""A company that a round has taken is due again after this, should the round not come back."""
JITTER = 0.1
"""An interval is shortened by at most this share, by chance, so that companies do not come in step."""
LATE = dt.timedelta(minutes=2)
"""A webhook that has not come so long after its job was made is missed."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often companies are asked. Seconds."""

    watched: float
    """Whose webhooks are not relied on."""
    relied_on: float
    per_minute: float
    """Polls of all companies together."""

    @property
    def idle(self) -> float:
        """Between two rounds that find nothing to ask."""
        return self.watched / 3

    @property
    def most(self) -> int:
        """Companies that one round asks."""
        return max(1, int(self.per_minute * ROUND.total_seconds() / 60))

    @property
    def longest(self) -> dt.timedelta:
        """Nobody is asked less often than this, as far as the calls reach."""
        return dt.timedelta(seconds=max(self.watched, self.relied_on))

    def next_in(self, *, relied: bool) -> float:
        """Seconds until a company is asked again."""
        return max(self.watched, self.relied_on if relied else 0.0) * random.uniform(1 - JITTER, 1)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Due:
    """A company whose time has come."""

    connection: Connection
    """Detached."""
    relied_on: bool
    unfinished: bool
    """We hold a job of it open: it is looked at without asking."""


Ask = Callable[[ExportContext, Connection], Awaitable[bool]]
"""Whether export jobs of a company wait. Raises `PleoError`."""


async def pending(context: ExportContext, connection: Connection) -> bool:
    """Ask Pleo, behind everybody for whom a person waits.

    What does not pass by itself (we are not let in, or the answer cannot be read) counts as work that waits: a look
    meets the same, and says so where people see it. Raises `PleoError` for the rest.
    """
    room = context.connections
    api = ExportApi(client(room, credential_for(room, connection), str(connection.id), urgent=False))
    try:
        return bool(await api.list_jobs(connection.company_id, ("pending",)))
    except (RateLimited, Unavailable):
        raise
    except PleoError:
        return True


async def poll(context: ExportContext, rhythm: Rhythm, ask: Ask = pending) -> float:
    """One round; the seconds until another is worth its while.

    Raises SQLAlchemyError when the database fails: whoever was taken is due again soon.
    """
    taken = await _take(context, rhythm)
    answers = await _asked(context, rhythm, [one for one in taken if not one.unfinished], ask)
    await _settle(context, rhythm, taken, answers)
    return 0.0 if len(taken) >= rhythm.most else await _until_next(context, rhythm)


async def note_missed(session: AsyncSession, connection_id: uuid.UUID, now: dt.datetime, watched: float) -> None:
    """Watch a company more closely: an export job was found that a webhook should have told of."""
    soon = now + dt.timedelta(seconds=watched)
    await session.execute(
        update(LookSchedule)
        .where(LookSchedule.connection_id == connection_id)
        .values(missed_at=now, due_at=func.least(LookSchedule.due_at, soon))
    )


def missed(job: ExportJob, now: dt.datetime) -> bool:
    """Whether a job just found should have been told of by a webhook."""
    return job.announced_at is None and job.phase == JobPhase.CLAIMED and now - job.pleo_created_at > LATE


async def _take(context: ExportContext, rhythm: Rhythm) -> list[Due]:
    """The companies to be asked now, whoever was asked longest ago first; another round leaves them alone meanwhile."""
    now = context.connections.now()
    unfinished = exists().where(ExportJob.connection_id == Connection.id, ExportJob.phase != JobPhase.CLOSED)
    wanted = (
        select(Connection, relied_on(now).label("relied_on"), unfinished.label("unfinished"))
        .join(LookSchedule, LookSchedule.connection_id == Connection.id)
        .where(
            # Farther off than anybody is ever put: written by a clock that has been set right since.
            or_(LookSchedule.due_at <= now, LookSchedule.due_at > now + 2 * rhythm.longest),
            Connection.environment == context.connections.environment,
        )
        .order_by(LookSchedule.looked_at.nulls_first(), LookSchedule.due_at, Connection.id)
        .limit(rhythm.most)
        .with_for_update(of=LookSchedule, skip_locked=True)
    )
    async with context.db.transaction() as session:
        with across_companies(session, "the poll goes to every company"):
            await session.execute(_newcomers(context, rhythm, now))
            rows = (await session.execute(wanted)).all()
            over = [row.Connection.id for row in rows if row.Connection.status != ConnectionStatus.ACTIVE]
            if over:
                await session.execute(delete(LookSchedule).where(LookSchedule.connection_id.in_(over)))
            if len(over) < len(rows):
                await session.execute(
                    update(LookSchedule)
                    .where(LookSchedule.connection_id.in_([row.Connection.id for row in rows]))
                    .values(due_at=now + TAKEN_FOR)
                )
    return [Due(row.Connection, row.relied_on, row.unfinished) for row in rows if row.Connection.id not in over]


def _newcomers(context: ExportContext, rhythm: Rhythm, now: dt.datetime) -> Insert:
    """Give a time to every active company that has none, spread over an interval."""
    first = literal(now, DateTime(timezone=True)) + func.random() * dt.timedelta(seconds=rhythm.watched)
    new = select(Connection.id, first).where(
        Connection.environment == context.connections.environment,
        Connection.status == ConnectionStatus.ACTIVE,
        ~exists().where(LookSchedule.connection_id == Connection.id),
    )
    return insert(LookSchedule).from_select(["connection_id", "due_at"], new)


async def _asked(context: ExportContext, rhythm: Rhythm, due: Sequence[Due], ask: Ask) -> dict[uuid.UUID, bool]:
    """Each company's answer, asked one after the other in an even flow; none for those that could not be asked."""
    answers: dict[uuid.UUID, bool] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def one(each: Due) -> None:
        async with places:
            try:
                answers[each.connection.id] = await ask(context, each.connection)
            except (PleoError, SQLAlchemyError) as error:
                log.info("company not polled", connection_id=str(each.connection.id), error=type(error).__name__)
            except Exception as error:  # a fault of ours with one company must not keep the others from being asked
                log.error("company not polled", connection_id=str(each.connection.id), error=type(error).__name__)
                answers[each.connection.id] = True  # the look will fail where people see it

    async with asyncio.TaskGroup() as group:
        for each in due:
            group.create_task(one(each))
            await context.connections.sleep(60 / rhythm.per_minute)
    return answers


async def _settle(context: ExportContext, rhythm: Rhythm, taken: Sequence[Due], answers: dict[uuid.UUID, bool]) -> None:
    """Write down when each is asked next, and queue a look where something waits."""
    if not taken:
        return
    now = context.connections.now()
    rows = [
        (one.connection.id, rhythm.next_in(relied=one.relied_on and answers.get(one.connection.id) is False))
        for one in taken
    ]
    found = values(column("id", Uuid), column("seconds", Double), name="found").data(rows)
    async with context.db.transaction() as session:
        with across_companies(session, "the poll goes to every company"):
            await session.execute(
                update(LookSchedule)
                .where(LookSchedule.connection_id == found.c.id)
                .values(
                    due_at=literal(now, DateTime(timezone=True))
                    + func.make_interval(0, 0, 0, 0, 0, 0, found.c.seconds),
                    # Also of those that gave no answer: before all others each time, they would keep them from a turn.
                    looked_at=now,
                )
            )
        wanted = {one.connection.id for one in taken if one.unfinished or answers.get(one.connection.id)}
        orders = [look(context.queue, connection_id, "poll") for connection_id in sorted(wanted)]
        await context.queue.place_all(session, orders)


async def _until_next(context: ExportContext, rhythm: Rhythm) -> float:
    """Seconds until the next company is due, with those that are due shortly after, and newcomers not kept waiting."""
    async with context.db.transaction() as session:
        with across_companies(session, "the poll goes to every company"):
            first = await session.scalar(select(func.min(LookSchedule.due_at)))
    wait = (first - context.connections.now()).total_seconds() if first is not None else rhythm.watched
    return min(max(wait, ROUND.total_seconds()), rhythm.idle)
