"""How fresh each kind is, in one word and a sentence, for people, the admin API and the metrics."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.store.tables import ConfigVersion, Connection, ConnectionStatus, SyncKind, SyncSchedule
from ledgerbridge.syncs import schedule

GRACE = dt.timedelta(minutes=10)


class State(StrEnum):
    ON_TIME = "on_time"
    """The last run went through, and the next is not overdue."""
    LATE = "late"
    """No run went through for more than an interval and a half, without any having failed."""
    FAILING = "failing"
    """The last run failed."""
    OFF = "off"
    """Nothing runs by itself: switched off, or the connection is not active."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """One kind of one connection."""

    kind: SyncKind
    state: State
    last_success_at: dt.datetime | None
    next_due_at: dt.datetime | None
    """None while nothing is planned."""
    failing_since: dt.datetime | None
    reason: str | None
    """What a person should know; None when all is well."""


def freshness(
    connection: Connection, body: ConfigurationBody | None, kind: SyncKind, row: SyncSchedule | None, now: dt.datetime
) -> Freshness:
    """How fresh a kind is at `now`."""
    state, reason = _state(connection, body, kind, row, now)
    return Freshness(
        kind=kind,
        state=state,
        last_success_at=row.last_success_at if row else None,
        next_due_at=row.next_due_at if row and state is not State.OFF else None,
        failing_since=row.failing_since if row else None,
        reason=reason,
    )


def _state(
    connection: Connection, body: ConfigurationBody | None, kind: SyncKind, row: SyncSchedule | None, now: dt.datetime
) -> tuple[State, str | None]:
    if connection.status != ConnectionStatus.ACTIVE:
        return State.OFF, f"The connection is {connection.status.replace('_', ' ')}."
    if body is None or not schedule.rhythm(body, kind).enabled:
        return State.OFF, "Switched off in the configuration."
    if row is None:
        return State.LATE, "It has not run yet."
    if row.switched_off_at is not None:
        return State.OFF, row.switched_off_reason
    if row.failures:
        return State.FAILING, row.note
    interval = schedule.every(body, kind)
    since = row.last_success_at or connection.activated_at or connection.created_at
    if now - since > interval * 1.5 + GRACE:
        return State.LATE, row.note or "It has not run for longer than it should."
    if row.last_success_at is None:
        return State.LATE, "It has not run yet."
    return State.ON_TIME, row.note


async def of_connections(
    session: AsyncSession, connections: Collection[Connection], now: dt.datetime
) -> Mapping[uuid.UUID, tuple[Freshness, ...]]:
    """Every kind of these connections, in the order of work."""
    ids = [one.id for one in connections]
    rows = await session.scalars(select(SyncSchedule).where(SyncSchedule.connection_id.in_(ids)))
    row_of = {(row.connection_id, row.kind): row for row in rows}
    versions = await session.scalars(
        select(ConfigVersion)
        .where(ConfigVersion.connection_id.in_(ids))
        .ext(distinct_on(ConfigVersion.connection_id))
        .order_by(ConfigVersion.connection_id, ConfigVersion.version.desc())
    )
    body_of = {row.connection_id: ConfigurationBody.read(row.body) for row in versions}
    return {
        one.id: tuple(
            freshness(one, body_of.get(one.id), kind, row_of.get((one.id, kind)), now) for kind in schedule.ORDER
        )
        for one in connections
    }


async def counted(session: AsyncSession, now: dt.datetime) -> Counter[tuple[SyncKind, State]]:
    """Active connections by kind and state."""
    active = await session.scalars(select(Connection).where(Connection.status == ConnectionStatus.ACTIVE))
    found = await of_connections(session, active.all(), now)
    return Counter((one.kind, one.state) for kinds in found.values() for one in kinds)
