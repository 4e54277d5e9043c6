"""Replay: what deliveries asked for is asked for once more, by a person's word.

The same queued work as on arrival, so that it re-reads Pleo and can book nothing twice. A replayed delivery waits as if
it had just come, and ends like any other. All of a replay happens in one transaction or none of it, and is bounded, so
that it can: what a person chose is what is done, with a record of it, whatever dies in between.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.errors import Fault, Refused
from ledgerbridge.exports.enqueue import enqueue_look
from ledgerbridge.ops import audit
from ledgerbridge.ops.deliveries import About, Filter, about
from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus, DeliveryStatus, WebhookDelivery
from ledgerbridge.syncs.enqueue import enqueue_drafts, enqueue_vendor
from ledgerbridge.work.queue import Queue

MOST_DAYS = 31
MOST_DELIVERIES = 10_000
MOST_IDS = 1_000
_VENDORS_ONE_BY_ONE = 20
"""Of more vendors in a replay, all drafts of their companies are looked at instead: a task a company, which answers
every delivery of it."""
_BATCH = 1_000
_DOOR = "an operator replays deliveries of several companies"


class Skipped(StrEnum):
    """Why a delivery is not replayed."""

    DISCONNECTED = "disconnected"
    NOT_ACTIVE = "not_active"
    """The company is being set up, is paused or must reconnect: nothing of it would be worked."""
    OTHER_COMPANY = "other_company"
    """It names another company than the connected one, and is never believed."""
    UNKNOWN_TYPE = "unknown_type"
    """We do not know what it asks for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person chose: some deliveries by id, or those of a stretch of time."""

    ids: tuple[uuid.UUID, ...] = ()
    which: Filter = field(default_factory=Filter)
    """With both ends in time, where no ids are given."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a replay does for one company."""

    connection_id: uuid.UUID
    company: str
    """Name, or Pleo's id where the name is not known."""
    replayed: int
    skipped: dict[Skipped, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay did, or would do."""

    shares: tuple[Share, ...]
    """By company, most deliveries first."""

    @property
    def replayed(self) -> int:
        return sum(share.replayed for share in self.shares)

    @property
    def companies(self) -> int:
        """Companies of which something is replayed."""
        return sum(share.replayed > 0 for share in self.shares)

    @property
    def skipped(self) -> dict[Skipped, int]:
        """Deliveries left alone, by reason, in the order of the reasons."""
        found = sum((Counter(share.skipped) for share in self.shares), Counter[Skipped]())
        return {reason: found[reason] for reason in Skipped if found[reason]}


async def foresee(db: Database, wanted: Wanted) -> Outcome:
    """What `replay` would do now. Raises `Refused` like it; changes nothing."""
    _refuse_unbounded(wanted)
    async with db.reading() as session:
        rows = await _rows(session, wanted)
        return _outcome(rows, await _owners(session, rows))


async def replay(db: Database, queue: Queue, wanted: Wanted, actor: str) -> Outcome:
    """Ask once more for the work of the chosen deliveries; `actor` as the audit log writes it.

    Raises `Refused`: a stretch without ends or of more than `MOST_DAYS`, more than `MOST_DELIVERIES`, an unknown id.
    """
    _refuse_unbounded(wanted)
    async with db.transaction() as session:
        # First the companies, so that none ends meanwhile, then the deliveries: the order of everybody who locks both.
        owners = await _owners(session, await _rows(session, wanted), lock=True)
        rows = [row for row in await _rows(session, wanted, lock=True) if row.connection_id in owners]
        chosen = [row for row in rows if why_not(row, owners[row.connection_id]) is None]
        await _mark(session, chosen, actor)
        outcome = _outcome(rows, owners)
        for share in sorted(outcome.shares, key=lambda one: one.connection_id):
            if share.replayed:
                audit.record(
                    session,
                    actor,
                    "deliveries_replayed",
                    share.connection_id,
                    deliveries=share.replayed,
                    **_chosen_how(wanted),
                )
        await session.flush()
        # Last, because a webhook of one of these companies has to wait from here on until this is committed.
        await _enqueue(session, queue, chosen)
    return outcome


def why_not(row: WebhookDelivery, owner: Connection) -> Skipped | None:
    """Why a delivery cannot be replayed; None when it can."""
    if owner.status == ConnectionStatus.DISCONNECTED:
        return Skipped.DISCONNECTED
    if row.company_id is not None and row.company_id.lower() != owner.company_id.lower():
        return Skipped.OTHER_COMPANY
    if about(row) is About.OTHER:
        return Skipped.UNKNOWN_TYPE
    return None if owner.status == ConnectionStatus.ACTIVE else Skipped.NOT_ACTIVE


def _refuse_unbounded(wanted: Wanted) -> None:
    if wanted.ids:
        if len(wanted.ids) > MOST_IDS:
            raise Refused("too_many_deliveries", f"At most {MOST_IDS:,} deliveries can be named one by one.")
        return
    since, until = wanted.which.since, wanted.which.until
    if since is None or until is None:
        missing = [Fault(name, "is missing") for name, end in (("from", since), ("to", until)) if end is None]
        raise Refused("range_open", "Say from when to when deliveries are to be replayed.", missing)
    if until <= since:
        text = "The end must lie after the beginning."
        raise Refused("range_empty", text, [Fault("to", text)])
    if until - since > timedelta(days=MOST_DAYS):
        text = f"At most {MOST_DAYS} days can be replayed at once. Choose a shorter time."
        raise Refused("range_too_long", text, [Fault("to", text)])


async def _rows(session: AsyncSession, wanted: Wanted, *, lock: bool = False) -> Sequence[WebhookDelivery]:
    """The chosen deliveries in one order for everybody who locks them. Raises `Refused`."""
    which: ColumnElement[bool] = WebhookDelivery.id.in_(wanted.ids) if wanted.ids else wanted.which.condition()
    query: Select[WebhookDelivery] = (
        select(WebhookDelivery)
        .where(which)
        .order_by(WebhookDelivery.connection_id, WebhookDelivery.id)
        .limit(MOST_DELIVERIES + 1)
    )
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    with across_companies(session, _DOOR):
        found = (await session.scalars(query)).all()
    if len(found) > MOST_DELIVERIES:
        raise Refused(
            "too_many_deliveries",
            f"These are more than {MOST_DELIVERIES:,} deliveries, which is as many as can be replayed at once. "
            "Choose a shorter time or one company.",
        )
    if wanted.ids and (strange := set(wanted.ids) - {row.id for row in found}):
        raise Refused("delivery_unknown", f"There is no delivery {min(map(str, strange))}. Nothing was replayed.")
    return found


async def _owners(
    session: AsyncSession, rows: Iterable[WebhookDelivery], *, lock: bool = False
) -> dict[uuid.UUID, Connection]:
    query = select(Connection).where(Connection.id.in_({row.connection_id for row in rows})).order_by(Connection.id)
    if lock:
        query = query.with_for_update(read=True)
    with across_companies(session, _DOOR):
        return {owner.id: owner for owner in await session.scalars(query)}


async def _mark(session: AsyncSession, rows: Sequence[WebhookDelivery], actor: str) -> None:
    now = utcnow()
    ids = [row.id for row in rows]
    for some in (ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)):
        marked = (
            update(WebhookDelivery)
            .where(WebhookDelivery.id.in_(some))
            .values(
                status=DeliveryStatus.QUEUED,
                settled_at=None,
                note=None,
                replays=WebhookDelivery.replays + 1,
                replayed_at=now,
                replayed_by=actor,
            )
            .execution_options(synchronize_session=False)
        )
        with across_companies(session, _DOOR):
            await session.execute(marked)


async def _enqueue(session: AsyncSession, queue: Queue, rows: Sequence[WebhookDelivery]) -> None:
    """Looks first, then vendors, each in the order of ids as the rounds do, so that nobody waits in a circle."""
    for owner in sorted({row.connection_id for row in rows if about(row) is About.EXPORTS}):
        await enqueue_look(session, queue, owner, "webhook")
    vendors: dict[uuid.UUID, set[str | None]] = {}
    for row in rows:
        if about(row) is About.VENDORS:
            vendors.setdefault(row.connection_id, set()).add(row.resource_id)
    many = sum(map(len, vendors.values())) > _VENDORS_ONE_BY_ONE
    for owner in sorted(vendors):
        named = sorted(vendor for vendor in vendors[owner] if vendor is not None)
        if many or None in vendors[owner]:
            await enqueue_drafts(session, queue, owner, "webhook")
            continue
        for vendor in named:
            await enqueue_vendor(session, queue, owner, vendor, "webhook")


def _outcome(rows: Iterable[WebhookDelivery], owners: dict[uuid.UUID, Connection]) -> Outcome:
    replayed: Counter[uuid.UUID] = Counter()
    skipped: dict[uuid.UUID, Counter[Skipped]] = {}
    for row in rows:
        why = why_not(row, owners[row.connection_id])
        if why is None:
            replayed[row.connection_id] += 1
        else:
            skipped.setdefault(row.connection_id, Counter())[why] += 1
    shares = [
        Share(owner, found.company_name or found.company_id, replayed[owner], dict(skipped.get(owner, {})))
        for owner, found in owners.items()
    ]
    return Outcome(tuple(sorted(shares, key=lambda one: (-one.replayed, one.company, one.connection_id))))


def _chosen_how(wanted: Wanted) -> dict[str, str]:
    """For the audit record."""
    if wanted.ids:
        return {"chosen": "by id"}
    ends = {"since": wanted.which.since, "until": wanted.which.until}
    return {name: f"{end:%Y-%m-%dT%H:%M:%SZ}" for name, end in ends.items() if isinstance(end, dt.datetime)}
