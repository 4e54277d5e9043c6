"""What a person can have done, wherever they press it: the admin API, the operators' or the customer's pages."""

from __future__ import annotations

import asyncio
import uuid

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import activation, erasure
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.erp_binding import Bound
from ledgerbridge.connections.errors import ActivationRefused, ConnectionUnknown, Refused
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.exports.enqueue import enqueue_look
from ledgerbridge.ops import audit, overview
from ledgerbridge.store import tables
from ledgerbridge.store.tables import ConnectionStatus, SyncKind, SyncStatus
from ledgerbridge.syncs import queries, schedule
from ledgerbridge.syncs.enqueue import enqueue_sync
from ledgerbridge.syncs.ladder import NAMES
from ledgerbridge.syncs.schedule import rhythm
from ledgerbridge.syncs.tags.groups import key
from ledgerbridge.web.problems import Fault, HttpProblem
from ledgerbridge.web.services import Services


async def look_for_exports(services: Services, connection_id: uuid.UUID, actor: str) -> bool:
    """Look for export jobs now; whether a look was queued (False: one waits already).

    Raises `ConnectionUnknown`, and `Refused` unless the connection is active.
    """
    async with services.db.transaction() as session:
        found = await overview.connection(session, connection_id)
        if found is None:
            raise ConnectionUnknown(connection_id)
        if found.connection.status != ConnectionStatus.ACTIVE:
            raise Refused(
                "not_active", f"The connection is {found.connection.status}; only an active one works export jobs."
            )
        queued = await enqueue_look(session, services.queue, connection_id, "manual")
        audit.record(session, actor, "export_look_requested", connection_id, queued=queued)
    return queued


async def synchronise(
    services: Services, connection_id: uuid.UUID, kind: SyncKind, actor: str, *, only: str | None = None
) -> bool:
    """Synchronise one kind now, or `only` one tag group or vendor of it; whether a run was queued.

    Takes back a switch-off after long failure. Raises `ConnectionUnknown`, `Refused`, `HttpProblem`.
    """
    if only is not None and kind not in (SyncKind.TAGS, SyncKind.VENDORS):
        raise HttpProblem(422, "Only tags and vendors can be limited to one.", kind="invalid-request")
    async with services.db.transaction() as session:
        refuse_inactive(await connection_row(session, connection_id))
        await _refuse_unconfigured(session, connection_id, kind, only)
        queued = await enqueue_sync(session, services.queue, connection_id, kind, "manual", only=only)
        audit.record(session, actor, "sync_requested", connection_id, kind=kind.value, only=only, queued=queued)
    return queued


async def bound_anew(services: Services, connection_id: uuid.UUID, bound: Bound, actor: str) -> bool:
    """Bring Pleo in step with files that took the place of others; whether runs were queued.

    A company that is not live has its lists brought to Pleo when it goes live.
    """
    if not bound.replaced:
        return False
    async with services.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        newest = await newest_config(session, connection_id)
        if connection.status != ConnectionStatus.ACTIVE or newest is None:
            return False
        body = ConfigurationBody.read(newest.body)
        kinds = [kind for kind in schedule.ORDER if rhythm(body, kind).enabled]
        for kind in kinds:
            queued = await enqueue_sync(session, services.queue, connection_id, kind, "manual")
            audit.record(session, actor, "sync_requested", connection_id, kind=kind.value, only=None, queued=queued)
    return bool(kinds)


async def allow_archiving(services: Services, run: tables.SyncRun, actor: str) -> bool:
    """Allow the archiving a run asked for; whether the run that does it was queued.

    Both systems are read and compared anew, and no other records archived than the run asked for. Raises `Refused`.
    """
    async with services.db.transaction() as session:
        refuse_inactive(await connection_row(session, run.connection_id, lock=True))
        newest = await queries.newest_of_its_kind(session, run)
        if run.status != SyncStatus.NEEDS_CONFIRMATION or run.to_archive is None:
            raise Refused("nothing_to_confirm", "This run asks for nothing.")
        if newest is not None and newest.id != run.id:
            raise Refused("run_outdated", f"A newer run has looked at it since: {newest.id}. Look at that one.")
        binding = await session.get(tables.ErpBinding, run.connection_id)
        if binding is None or binding.bound_at > run.started_at:
            text = "The accounting system was connected anew after this run. Synchronise again and look at that run."
            raise Refused("run_outdated", text)
        queued = await enqueue_sync(
            session,
            services.queue,
            run.connection_id,
            SyncKind(run.kind),
            "confirmed",
            only=run.only,
            archive_allowed=run.to_archive,
            allowed_by=actor,
            asked_in=run.id,
        )
        audit.record(
            session, actor, "archiving_allowed", run.connection_id, kind=run.kind, run=str(run.id), most=run.to_archive
        )
    return queued


async def activate(services: Services, connection_id: uuid.UUID, actor: str, *, wait_seconds: float = 0.0) -> bool:
    """Go live; whether that is finished. False: the first syncs go on, and the connection tells how far they are.

    Waits up to `wait_seconds` for the end. Raises `ActivationRefused` with what is missing, and `ConnectionUnknown`.
    """
    done = await activation.activate(services.connections, connection_id, actor)
    if done.under_way:
        return await _activated(services, connection_id, wait_seconds)
    async with services.db.transaction() as session:
        await schedule.switch_on(session, connection_id)
    return True


async def pause(
    services: Services, connection_id: uuid.UUID, actor: str, reason: str, *, at_once: bool = False
) -> None:
    """Leave export jobs and syncs of a connection waiting until somebody resumes it.

    `at_once`: what is being worked is taken from its worker as well, whose next write is refused; an item under way
    is then searched for before it is booked again. Raises `Refused` when it is not active, and `ConnectionUnknown`.
    """
    await activation.pause(services.connections, connection_id, actor, reason)
    if at_once:
        await erasure.stop_work(services.db, connection_id, holder="paused")


def refuse_inactive(connection: tables.Connection) -> None:
    """Raises `Refused` unless the connection is active."""
    if connection.status != ConnectionStatus.ACTIVE:
        raise Refused("not_active", f"The connection is {connection.status}; only an active one is synchronised.")


async def _activated(services: Services, connection_id: uuid.UUID, wait_seconds: float) -> bool:
    ends = asyncio.get_running_loop().time() + wait_seconds
    while True:
        async with services.db.reading() as session:
            connection = await connection_row(session, connection_id)
        if connection.activating_since is None:
            break
        if asyncio.get_running_loop().time() > ends:
            return False
        await asyncio.sleep(0.1)
    if connection.status != ConnectionStatus.ACTIVE and (refusal := connection.activation_refusal):
        raise ActivationRefused(refusal["code"], refusal["text"])
    return True


async def _refuse_unconfigured(
    session: AsyncSession, connection_id: uuid.UUID, kind: SyncKind, only: str | None
) -> None:
    """Refuse what the configuration leaves out: a kind that is switched off, a dimension that is not selected."""
    newest = await newest_config(session, connection_id)
    if newest is None:
        return  # the run says so
    body = ConfigurationBody.read(newest.body)
    if not rhythm(body, kind).enabled:
        raise Refused(
            "sync_disabled",
            f"The synchronisation of {NAMES[kind]} is switched off in the configuration. Set syncs.{kind.value}.enabled"
            f" to true with PUT /admin/api/connections/{connection_id}/config, then ask again.",
        )
    selected = body.dimensions or []
    if kind is SyncKind.TAGS and only is not None and key(only) not in map(key, selected):
        offered = f"The selected ones are {', '.join(selected)}." if selected else "None is selected yet."
        text = f"Dimension {only} is not selected in the configuration. {offered}"
        raise HttpProblem(422, text, kind="dimension-not-selected", errors=[Fault("only", "Not a selected dimension.")])
