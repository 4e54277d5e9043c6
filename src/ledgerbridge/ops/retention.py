"""Clearing away: what is over goes when its time has come, in small pieces, whosever it is.

One rule a kind of row; docs/retention.md says why each stays as long as it does. A round does so much of a rule and no
more, and the next goes on. The ledger of a company stays as long as the company, and ten years beyond.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Interval,
    Update,
    and_,
    cast,
    delete,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from ledgerbridge.connections import erasure, sessions, uninstall
from ledgerbridge.connections.context import Connections
from ledgerbridge.ops import administrators
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import (
    AdminSession,
    AuditRecord,
    Base,
    BrowserSession,
    CallMinute,
    ConnectAttempt,
    Connection,
    ConnectionStatus,
    DeliveryRefusal,
    DeliveryStatus,
    ExportItem,
    ExportJob,
    JobEvent,
    JobPhase,
    LinkPhase,
    MappingWarning,
    OidcAttempt,
    RateBudget,
    SetupDraft,
    SyncRun,
    VendorLink,
    WebhookDelivery,
)

BATCH = 1000
"""Rows changed in one transaction."""
MOST_BATCHES = 200
"""Of one rule in one round, so that a backlog does not keep a worker for hours."""

DELIVERY_DAYS = 30
"""Of settled deliveries; their ids must be known for at least 7 days (HOOK-042)."""
RUN_DAYS = 90
YEAR_DAYS = 365
"""Of what people look up later: unknown deliveries, settled warnings, the history of jobs, pairs of ended vendors."""
BUDGET_DAYS = 30
CALL_DAYS = 31
"""As far back as the charts go."""
TRIED_DAYS = 30
"""A key that was tried in the set-up and never bound is entered again after this."""
EXPIRED_FOR = timedelta(days=1)
"""After this much more than Pleo gave a job to expire, nobody works it any more."""
LEFT_ALONE_DAYS = 60
"""A connection whose access has ended is held ready for its customer as long as a refresh token would have lived."""
STRAGGLER_DAYS = 40
"""So long after the end a delivery or a dying worker may still write."""
BOOKS_DAYS = 3660
"""Ten years and the leap days in them: the longest that books must be kept in a country Pleo serves."""

Removed = Callable[[str, int], object]
"""Counts rows deleted or emptied, by rule."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """Rows of one table that are over."""

    name: str
    model: type[Base]
    over: Callable[[dt.datetime], ColumnElement[bool]]
    """Which, at a given moment. What a rule has done must not be over any more."""
    emptied: Mapping[str, Any] = field(default_factory=dict)
    """Columns to the values they get; empty: the rows are deleted."""

    def batch(self, now: dt.datetime) -> Delete | Update:
        """The statement that does some of it; rows that somebody holds are left for another time."""
        table = self.model.metadata.tables[self.model.__tablename__]
        keys = table.primary_key.columns
        locked = select(*keys).where(self.over(now)).limit(BATCH).with_for_update(skip_locked=True, of=table)
        # Apart, or Postgres may run it once for every row it joins, each time with further rows below the limit.
        some = locked.cte("some")
        chosen = tuple_(*keys).in_(select(*some.columns))
        return update(table).where(chosen).values(dict(self.emptied)) if self.emptied else delete(table).where(chosen)


def _past(column: InstrumentedAttribute[Any], days: int) -> Callable[[dt.datetime], ColumnElement[bool]]:
    return lambda now: column < now - timedelta(days=days)


def _before_day(column: InstrumentedAttribute[dt.date], days: int) -> Callable[[dt.datetime], ColumnElement[bool]]:
    return lambda now: column < (now - timedelta(days=days)).date()


def _settled(statuses: Sequence[DeliveryStatus], days: int) -> Callable[[dt.datetime], ColumnElement[bool]]:
    return lambda now: and_(
        WebhookDelivery.status.in_(statuses), WebhookDelivery.received_at < now - timedelta(days=days)
    )


def _of_jobs(column: InstrumentedAttribute[Any], which: ColumnElement[bool]) -> ColumnElement[bool]:
    return column.in_(select(ExportJob.id).where(which))


def _closed_long_ago(now: dt.datetime) -> ColumnElement[bool]:
    return ExportJob.closed_at < now - timedelta(days=YEAR_DAYS)


def _expired(now: dt.datetime) -> ColumnElement[bool]:
    """Open jobs that Pleo has certainly ended, whether or not it could tell us."""
    life = cast(func.concat(ExportJob.expires_in, " seconds"), Interval) + EXPIRED_FOR
    return and_(
        ExportJob.phase != JobPhase.CLOSED, func.coalesce(ExportJob.last_action_at, ExportJob.claimed_at) + life < now
    )


def _of_the_gone() -> Any:
    return select(Connection.id).where(Connection.status == ConnectionStatus.DISCONNECTED)


# The first is for the index that has nothing but these; what Pleo did not send stands there as a null of JSON.
_HELD = and_(ExportItem.payload.is_not(None), func.jsonb_typeof(ExportItem.payload) == "object")

RULES: tuple[Rule, ...] = (
    Rule("connect_attempts", ConnectAttempt, lambda now: ConnectAttempt.expires_at < now),
    Rule("browser_sessions", BrowserSession, sessions.over),
    Rule("admin_sessions", AdminSession, administrators.over),
    Rule("oidc_attempts", OidcAttempt, lambda now: OidcAttempt.expires_at < now),
    Rule(
        "webhook_deliveries",
        WebhookDelivery,
        _settled((DeliveryStatus.DONE, DeliveryStatus.DROPPED), DELIVERY_DAYS),
    ),
    Rule("parked_deliveries", WebhookDelivery, _settled((DeliveryStatus.PARKED,), YEAR_DAYS)),
    # Payloads go when a job is closed. These two catch what a dying worker wrote behind that, and what nobody closes.
    Rule(
        "payloads_of_closed_jobs",
        ExportItem,
        lambda now: and_(
            _HELD,
            _of_jobs(ExportItem.job_id, ExportJob.closed_at > now - timedelta(days=DELIVERY_DAYS)),
        ),
        {"payload": null()},
    ),
    # First the phase: without payloads a job is fetched anew, should Pleo show it alive after all.
    Rule(
        "expired_jobs",
        ExportJob,
        lambda now: and_(_expired(now), ExportJob.phase == JobPhase.FETCHED),
        {"phase": JobPhase.STARTED},
    ),
    Rule(
        "payloads_of_expired_jobs",
        ExportItem,
        lambda now: and_(_HELD, _of_jobs(ExportItem.job_id, _expired(now))),
        {"payload": null()},
    ),
    Rule(
        "jobs_of_disconnected",
        ExportJob,
        lambda now: and_(_expired(now), ExportJob.connection_id.in_(_of_the_gone())),
        {"phase": JobPhase.CLOSED, "pleo_status": "failed", "closed_at": func.now()},
    ),
    # An event is older than the end of its job: by their age they are found without a look at every job there was.
    Rule(
        "export_job_events",
        JobEvent,
        lambda now: and_(
            JobEvent.at < now - timedelta(days=YEAR_DAYS), _of_jobs(JobEvent.job_id, _closed_long_ago(now))
        ),
    ),
    Rule("export_items", ExportItem, lambda now: _of_jobs(ExportItem.job_id, _closed_long_ago(now))),
    Rule(
        "export_jobs",
        ExportJob,
        lambda now: and_(
            _closed_long_ago(now),
            or_(ExportJob.failure_reason.is_not(None), ExportJob.created_by.is_not(None)),
        ),
        {"failure_reason": None, "created_by": None},
    ),
    Rule("sync_runs", SyncRun, _past(SyncRun.started_at, RUN_DAYS)),
    Rule("mapping_warnings", MappingWarning, _past(MappingWarning.resolved_at, YEAR_DAYS)),
    # The ids stay for ever: one may never be given to another vendor (VEN-029).
    Rule(
        "vendor_links",
        VendorLink,
        lambda now: and_(
            VendorLink.phase.in_((LinkPhase.ENDED, LinkPhase.BROKEN)),
            VendorLink.updated_at < now - timedelta(days=YEAR_DAYS),
            or_(*(column.is_not(None) for column in (
                VendorLink.code, VendorLink.note, VendorLink.erp_digest, VendorLink.pleo_digest
            ))),
        ),
        {"code": None, "note": None, "erp_digest": None, "pleo_digest": None},
    ),
    Rule(
        "tried_keys",
        SetupDraft,
        lambda now: and_(
            SetupDraft.settings_sealed.is_not(None), SetupDraft.updated_at < now - timedelta(days=TRIED_DAYS)
        ),
        {"settings_sealed": None},
    ),
    Rule("call_minutes", CallMinute, _past(CallMinute.minute, CALL_DAYS)),
    Rule("delivery_refusals", DeliveryRefusal, _before_day(DeliveryRefusal.day, YEAR_DAYS)),
    Rule("rate_budgets", RateBudget, _past(RateBudget.next_free_at, BUDGET_DAYS)),
    Rule("audit_log", AuditRecord, _past(AuditRecord.at, BOOKS_DAYS)),
)  # fmt: skip
"""In the order they are applied."""


async def clear_away(connections: Connections, removed: Removed | None = None) -> Counter[str]:
    """Delete or empty what is over by now; how many rows, by rule.

    Raises SQLAlchemyError when the database fails; what was done stays done, and a repeated call goes on.
    """
    done: Counter[str] = Counter()

    def count(name: str, rows: int) -> None:
        done[name] += rows
        if removed is not None and rows:
            removed(name, rows)

    now = connections.now()
    for rule in RULES:
        for _ in range(MOST_BATCHES):
            rows = await _batch(connections, rule, now)
            count(rule.name, rows)
            if rows < BATCH:
                break
    for connection_id in await _left_alone(connections, now):
        ended = await uninstall.end(
            connections, connection_id, "system", only_if=lambda one: _is_left_alone(one, now), why="nobody came back"
        )
        count("connections_left_alone", int(ended))
    for connection_id in await _disconnected(connections, after=now - timedelta(days=STRAGGLER_DAYS)):
        count("stragglers", sum((await erasure.erase(connections.db, connection_id)).values()))
    for connection_id in await _disconnected(connections, before=now - timedelta(days=BOOKS_DAYS)):
        count("ledgers", sum((await erasure.remove(connections.db, connection_id)).values()))
    if +done:
        _log.info("cleared away", **{name: rows for name, rows in done.items() if rows})
    return +done


async def _batch(connections: Connections, rule: Rule, now: dt.datetime) -> int:
    async with connections.db.transaction() as session:
        with across_companies(session, "what is over goes whosever it is"):
            result = await session.execute(rule.batch(now))
    return int(result.rowcount)  # type: ignore[attr-defined]


def _is_left_alone(one: Connection, now: dt.datetime) -> bool:
    """The same as `_left_alone` asks, of a row that is locked: its customer may have come back in this moment."""
    ended = one.status == ConnectionStatus.RECONNECT_NEEDED or (
        one.status == ConnectionStatus.PAUSED and one.paused_by == "watch"
    )
    return ended and one.updated_at < now - timedelta(days=LEFT_ALONE_DAYS)


async def _left_alone(connections: Connections, now: dt.datetime) -> list[uuid.UUID]:
    """Connections whose access ended long ago, at Pleo's side, and that nobody connected again."""
    ended = or_(
        Connection.status == ConnectionStatus.RECONNECT_NEEDED,
        and_(Connection.status == ConnectionStatus.PAUSED, Connection.paused_by == "watch"),
    )
    query = select(Connection.id).where(
        Connection.environment == connections.environment,
        ended,
        Connection.updated_at < now - timedelta(days=LEFT_ALONE_DAYS),
    )
    async with connections.db.reading() as session:
        with across_companies(session, "whoever has left is looked for"):
            return list(await session.scalars(query.order_by(Connection.id)))


async def _disconnected(
    connections: Connections, *, after: dt.datetime | None = None, before: dt.datetime | None = None
) -> list[uuid.UUID]:
    query = select(Connection.id).where(Connection.status == ConnectionStatus.DISCONNECTED)
    if after is not None:
        query = query.where(Connection.disconnected_at > after)
    if before is not None:
        query = query.where(Connection.disconnected_at < before)
    async with connections.db.reading() as session:
        with across_companies(session, "whoever has left is looked for"):
            return list(await session.scalars(query.order_by(Connection.id)))
