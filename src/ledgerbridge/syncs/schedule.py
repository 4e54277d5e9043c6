"""When each kind is due: a plan in `sync_schedules`, kept in step with the configuration, swept every few seconds.

Companies are spread over the interval, each at its own place for ever, so that neither a restart nor an outage makes
them all due at once; what was missed is made up for once, not once a missed time (ACC-100, VEN-120).
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, not_, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.config_body import ConfigurationBody, SyncBody, TagsSyncBody
from ledgerbridge.connections.reliance import relied_on
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import ConfigVersion, Connection, ConnectionStatus, SyncKind, SyncSchedule

ORDER = (SyncKind.TAX_CODES, SyncKind.ACCOUNTS, SyncKind.TAGS, SyncKind.VENDORS)
"""In which kinds that are due together run: accounts name tax codes (TAX-050)."""
FIRST_WITHIN = dt.timedelta(minutes=30)
"""A kind that never ran before is due within this, spread over the companies."""
RELIED_ON = 8
"""So much less often Pleo is asked for drafts of a company whose webhooks are relied on (VEN-074)."""
_APART = 60
"""A run keeps so small a part of the interval away from the one before that no gap is much longer than the interval."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to be queued."""

    connection_id: uuid.UUID
    kind: SyncKind
    drafts: bool = False
    """Only the drafts of vendors that wait in Pleo."""


def rhythm(body: ConfigurationBody, kind: SyncKind) -> TagsSyncBody | SyncBody:
    """Whether and how often a kind runs (TAG-121, ACC-102, VEN-121)."""
    chosen: TagsSyncBody | SyncBody = getattr(body.syncs, kind.value)
    return chosen


def every(body: ConfigurationBody, kind: SyncKind) -> dt.timedelta:
    """The interval of a kind."""
    return dt.timedelta(minutes=rhythm(body, kind).every_minutes)


def place(connection_id: uuid.UUID) -> float:
    """Where in an interval a company stands, from 0 to 1; the same for all its kinds, for ever."""
    return (connection_id.int % 10_007) / 10_007


def next_time(connection_id: uuid.UUID, now: dt.datetime, interval: dt.timedelta) -> dt.datetime:
    """The company's next time in an interval; a run that is a little late does not fall into the same one again."""
    first = _EPOCH + place(connection_id) * interval
    return first + -(-(now + interval / _APART - first) // interval) * interval


def after_success(connection_id: uuid.UUID, succeeded: dt.datetime, interval: dt.timedelta) -> dt.datetime:
    """The company's place in the interval after a success: at least half an interval later, at most a whole one.

    Where the place is nearer than half an interval, the next run shares the time up to the place after that one.
    """
    first = _EPOCH + place(connection_id) * interval
    away = (first - succeeded) % interval
    return succeeded + (away if away >= interval / 2 else (away + interval) / 2)


async def plan(session: AsyncSession, environment: str, now: dt.datetime) -> int:
    """Bring the schedules of active connections in step with the newest configuration; how many connections changed."""
    newest = (
        select(ConfigVersion.connection_id, func.max(ConfigVersion.version).label("version"))
        .group_by(ConfigVersion.connection_id)
        .subquery()
    )
    in_step = (
        select(func.count())
        .where(SyncSchedule.connection_id == Connection.id, SyncSchedule.config_version == newest.c.version)
        .correlate(Connection, newest)
        .scalar_subquery()
    )
    wanted = (
        select(ConfigVersion)
        .join(
            newest,
            (newest.c.connection_id == ConfigVersion.connection_id) & (newest.c.version == ConfigVersion.version),
        )
        .join(Connection, Connection.id == ConfigVersion.connection_id)
        .where(Connection.environment == environment, Connection.status == ConnectionStatus.ACTIVE)
        .where(in_step < len(SyncKind))
        .order_by(Connection.id)
    )
    with across_companies(session, "the sweep asks which companies have something to do"):
        rows = (await session.scalars(wanted)).all()
    for row in rows:
        await plan_one(session, row.connection_id, ConfigurationBody.read(row.body), row.version, now)
    return len(rows)


async def plan_one(
    session: AsyncSession, connection_id: uuid.UUID, body: ConfigurationBody, version: int, now: dt.datetime
) -> None:
    """Write down when each kind of one connection is due. A time that stands already is only brought forward."""
    soon = now + place(connection_id) * FIRST_WITHIN
    succeeded = await _successes(session, connection_id)
    for kind in ORDER:
        enabled = rhythm(body, kind).enabled
        slot = _slot(connection_id, succeeded.get(kind), now, every(body, kind)) if enabled else None
        row = insert(SyncSchedule).values(
            connection_id=connection_id,
            kind=kind,
            config_version=version,
            next_due_at=min(soon, slot) if slot else None,
            drafts_due_at=soon if slot and kind is SyncKind.VENDORS else None,
        )
        # What never ran or was switched off comes soon; what runs keeps an earlier time, such as another try.
        kept = case(
            (SyncSchedule.next_due_at.is_(None), row.excluded.next_due_at),
            else_=func.least(SyncSchedule.next_due_at, slot),
        )
        await session.execute(
            row.on_conflict_do_update(
                index_elements=[SyncSchedule.connection_id, SyncSchedule.kind],
                set_={
                    "config_version": version,
                    "next_due_at": kept if enabled else None,
                    "drafts_due_at": func.coalesce(SyncSchedule.drafts_due_at, row.excluded.drafts_due_at)
                    if enabled
                    else None,
                },
            )
        )


async def go_live(
    session: AsyncSession, connection_id: uuid.UUID, body: ConfigurationBody, since: dt.datetime, now: dt.datetime
) -> None:
    """Let each kind that succeeded since the activation began come next at its place, as if the schedule had run it.

    Kinds that were left behind stay due soon.
    """
    rows = await session.scalars(
        select(SyncSchedule)
        .where(
            SyncSchedule.connection_id == connection_id,
            SyncSchedule.next_due_at.is_not(None),
            SyncSchedule.last_success_at >= since,
            SyncSchedule.failing_since.is_(None),
        )
        .order_by(SyncSchedule.kind)
        .with_for_update()
    )
    for row in rows:
        row.next_due_at = _slot(connection_id, row.last_success_at, now, every(body, SyncKind(row.kind)))


def _slot(
    connection_id: uuid.UUID, succeeded: dt.datetime | None, now: dt.datetime, interval: dt.timedelta
) -> dt.datetime:
    """The next time of a kind, which one that has just run does not come back early for."""
    if succeeded is not None and now < (slot := after_success(connection_id, succeeded, interval)):
        return slot
    return next_time(connection_id, now, interval)


async def _successes(session: AsyncSession, connection_id: uuid.UUID) -> Mapping[str, dt.datetime]:
    rows = await session.execute(
        select(SyncSchedule.kind, SyncSchedule.last_success_at).where(SyncSchedule.connection_id == connection_id)
    )
    return {row.kind: row.last_success_at for row in rows if row.last_success_at is not None}


async def take_due(
    session: AsyncSession, environment: str, now: dt.datetime, drafts_every: dt.timedelta, limit: int
) -> list[Due]:
    """What is due now and at most `limit` of it, the longest due first; each gets its next time in this transaction.

    The drafts of a company are asked for every `drafts_every`, from its start on and at once when that gets shorter;
    more seldom where webhooks are relied on to tell of them.
    """
    await _drafts_in_time(session, environment, now, drafts_every)
    wanted = (
        select(SyncSchedule, relied_on(now).label("relied_on"))
        .join(Connection, Connection.id == SyncSchedule.connection_id)
        .where(
            Connection.environment == environment,
            Connection.status == ConnectionStatus.ACTIVE,
            SyncSchedule.switched_off_at.is_(None),
            or_(SyncSchedule.next_due_at <= now, SyncSchedule.drafts_due_at <= now),
        )
        .order_by(func.least(SyncSchedule.next_due_at, SyncSchedule.drafts_due_at), SyncSchedule.connection_id)
        .limit(limit)
        .with_for_update(of=SyncSchedule, skip_locked=True)
    )
    with across_companies(session, "the sweep asks what is due, whose ever it is"):
        rows = (await session.execute(wanted)).all()
        found = [row.SyncSchedule for row in rows]
        bodies = await _bodies(session, {row.connection_id for row in found}) if found else {}
    relied = {row.SyncSchedule.connection_id for row in rows if row.relied_on}
    due = []
    for row in sorted(found, key=lambda one: (one.connection_id, ORDER.index(SyncKind(one.kind)))):
        kind = SyncKind(row.kind)
        if row.next_due_at is not None and row.next_due_at <= now:
            row.next_due_at = next_time(row.connection_id, now, every(bodies[row.connection_id], kind))
            due.append(Due(row.connection_id, kind))
        if row.drafts_due_at is not None and row.drafts_due_at <= now:
            interval = drafts_every * RELIED_ON if row.connection_id in relied else drafts_every
            row.drafts_due_at = next_time(row.connection_id, now, interval)
            due.append(Due(row.connection_id, kind, drafts=True))
    return due


async def _drafts_in_time(session: AsyncSession, environment: str, now: dt.datetime, interval: dt.timedelta) -> None:
    """Bring forward looks for drafts that stand further away than the setting allows (VEN-074)."""
    longest = interval + interval / _APART
    wanted = (
        select(SyncSchedule)
        .join(Connection, Connection.id == SyncSchedule.connection_id)
        .where(Connection.environment == environment, Connection.status == ConnectionStatus.ACTIVE)
        .where(
            SyncSchedule.drafts_due_at > now + longest,
            or_(SyncSchedule.drafts_due_at > now + longest * RELIED_ON, not_(relied_on(now))),
        )
        .order_by(SyncSchedule.connection_id)
        .with_for_update(of=SyncSchedule, skip_locked=True)
    )
    with across_companies(session, "the sweep asks whose time stands too far away"):
        rows = (await session.scalars(wanted)).all()
    for row in rows:
        row.drafts_due_at = next_time(row.connection_id, now, interval)


async def hasten(
    session: AsyncSession, connection_id: uuid.UUID, kind: SyncKind, now: dt.datetime, seconds: float
) -> None:
    """Let a kind be due in `seconds`, unless it is sooner or switched off by the configuration."""
    await session.execute(
        update(SyncSchedule)
        .where(SyncSchedule.connection_id == connection_id, SyncSchedule.kind == kind)
        .values(next_due_at=func.least(SyncSchedule.next_due_at, now + dt.timedelta(seconds=seconds)))
        .where(SyncSchedule.next_due_at.is_not(None))
    )


async def switch_on(session: AsyncSession, connection_id: uuid.UUID, kinds: Sequence[SyncKind] = ORDER) -> None:
    """Take back a switch-off after long failure, and let the ladder begin anew."""
    await session.execute(
        update(SyncSchedule)
        .where(
            SyncSchedule.connection_id == connection_id,
            SyncSchedule.kind.in_(kinds),
            SyncSchedule.switched_off_at.is_not(None),
        )
        .values(
            switched_off_at=None, switched_off_reason=None, failing_since=None, failures=0, warned_at=None, note=None
        )
    )


async def _bodies(session: AsyncSession, connection_ids: set[uuid.UUID]) -> Mapping[uuid.UUID, ConfigurationBody]:
    rows = await session.scalars(
        select(ConfigVersion)
        .where(ConfigVersion.connection_id.in_(connection_ids))
        .ext(distinct_on(ConfigVersion.connection_id))
        .order_by(ConfigVersion.connection_id, ConfigVersion.version.desc())
    )
    return {row.connection_id: ConfigurationBody.read(row.body) for row in rows}
