"""Going live, pausing and going on.

`activate` is a walk through checks and calls that can each be repeated, so it resumes after a crash at any step by
being called again; only the last transaction, in `finish`, changes the connection's status. The first syncs between
the two are another room's queued work.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update

from ledgerbridge.bookkeeping.words import PostingMode
from ledgerbridge.connections import subscriptions
from ledgerbridge.connections.access import ConnectionState, load, open_erp, open_pleo, verify_erp_company
from ledgerbridge.connections.configuration import faults_in
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import ActivationOver, ActivationRefused, GrantEnded, Refused
from ledgerbridge.connections.limits import limits_of
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.erp.port import ErpError
from ledgerbridge.pleo.errors import NotFound, OutcomeUnknown, PleoError
from ledgerbridge.pleo.installations import Installation, InstallationsApi
from ledgerbridge.pleo.introspect import missing_scopes
from ledgerbridge.store import audit
from ledgerbridge.store.tables import Connection, ConnectionStatus, ErpBinding

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Activated:
    """An active connection, or one that becomes active once its first syncs are through."""

    connection_id: uuid.UUID
    installation_status: str | None
    """As last read from Pleo."""
    first_time: bool
    under_way: bool = False
    """The first syncs are queued; `finish` follows them, and `give_up` when it cannot."""


async def activate(room: Connections, connection_id: uuid.UUID, actor: str) -> Activated:
    """Check everything, subscribe, synchronise, tell Pleo, and look for waiting export jobs once (HOOK-003, AUTH-070).

    The first syncs are queued work where this process has any (`room.first_syncs`); they end with `finish`. A
    connection that is active or paused has had them. Repeatable: on an active connection it checks and mends, and it
    lifts a pause. Raises `ActivationRefused` with a sentence for a person, and `ConnectionUnknown`; the status is
    unchanged then.
    """
    state = await load(room, connection_id)
    _refuse_unready(room, state)
    await _preflight(room, state)
    try:
        await subscriptions.ensure(room, connection_id)
    except PleoError as error:
        _log.warning("connection %s not activated: %s", connection_id, error)
        raise _pleo_refused(error) from error
    if room.first_syncs is None or state.connection.status != ConnectionStatus.SETTING_UP:
        return await finish(room, connection_id, actor)
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        _refuse_ended(connection)
        if connection.activating_since is None:
            connection.activating_since, connection.activating_by = room.now(), actor
            connection.activation_refusal, connection.updated_at = None, room.now()
        await room.first_syncs(session, connection_id)
    return Activated(
        connection_id, connection.installation_status, first_time=connection.activated_at is None, under_way=True
    )


async def finish(
    room: Connections, connection_id: uuid.UUID, actor: str, *, since: datetime | None = None
) -> Activated:
    """Tell Pleo that we are ready and make the connection active. Repeatable. Raises as `activate`.

    `since`: only to end the activation that began then; `ActivationOver` when that one has ended otherwise.
    """
    if since is not None:
        _refuse_over((await load(room, connection_id)).connection, since)
    try:
        installation = await tell_pleo(room, (await load(room, connection_id)).connection)
    except PleoError as error:
        _log.warning("connection %s not activated: %s", connection_id, error)
        raise _pleo_refused(error) from error
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        _refuse_ended(connection)
        if since is not None:
            _refuse_over(connection, since)
        first_time = connection.activated_at is None
        now = room.now()
        connection.status, connection.status_reason, connection.paused_by = ConnectionStatus.ACTIVE, None, None
        connection.activated_at = connection.activated_at or now
        connection.updated_at = now
        connection.activating_since = connection.activating_by = connection.activation_refusal = None
        remember(connection, installation, room)
        audit.record(session, actor, "activated", connection_id, installation=installation.status)
        await room.enqueue_look(session, connection_id)
    return Activated(connection_id, installation.status, first_time)


async def give_up(
    room: Connections, connection_id: uuid.UUID, refused: ActivationRefused, *, since: datetime | None = None
) -> None:
    """End an activation under way without success, and keep its reason for whoever asked for it.

    `since`: only the one that began then.
    """
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        if connection.activating_since is None or since not in (None, connection.activating_since):
            return
        actor = connection.activating_by or "system"
        connection.activating_since = connection.activating_by = None
        connection.activation_refusal = {"code": refused.code, "text": refused.text}
        connection.updated_at = room.now()
        if connection.status == ConnectionStatus.SETTING_UP:
            connection.status_reason = refused.text
        audit.record(session, actor, "activation_refused", connection_id, code=refused.code, reason=refused.text)


async def pause(room: Connections, connection_id: uuid.UUID, actor: str, reason: str) -> None:
    """Leave export jobs of an active connection pending until somebody resumes it; the credentials stay.

    Raises `Refused` when it is not active, and `ConnectionUnknown`.
    """
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        if connection.status not in (ConnectionStatus.ACTIVE, ConnectionStatus.PAUSED):
            raise Refused("not_active", f"Only an active connection can be paused; this one is {connection.status}.")
        connection.status, connection.status_reason = ConnectionStatus.PAUSED, reason
        connection.paused_by, connection.updated_at = "operator", room.now()
        audit.record(session, actor, "paused", connection_id, reason=reason)


async def resume(room: Connections, connection_id: uuid.UUID, actor: str) -> None:
    """Go on after a pause, and look for export jobs at once. An active connection is left as it is.

    Raises `Refused` when it is neither paused nor active, and `ConnectionUnknown`.
    """
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        if connection.status == ConnectionStatus.ACTIVE:
            return
        if connection.status != ConnectionStatus.PAUSED or connection.activated_at is None:
            raise Refused("not_paused", f"Only a paused connection can be resumed; this one is {connection.status}.")
        lift_pause(connection, room)
        audit.record(session, actor, "resumed", connection_id)
        await room.enqueue_look(session, connection_id)


def lift_pause(connection: Connection, room: Connections) -> None:
    """Make a paused connection active again, in the caller's transaction."""
    connection.status, connection.status_reason, connection.paused_by = ConnectionStatus.ACTIVE, None, None
    connection.updated_at = room.now()


def remember(connection: Connection, installation: Installation, room: Connections) -> None:
    """Note the installation as just read, in the caller's transaction."""
    connection.installation_id, connection.installation_status = installation.id, installation.status
    connection.installation_read_at = room.now()


def _refuse_ended(connection: Connection) -> None:
    if connection.status in (ConnectionStatus.DISCONNECTED, ConnectionStatus.RECONNECT_NEEDED):
        raise ActivationRefused("reconnect_needed", "The access to Pleo ended meanwhile. Connect in Pleo again.")


def _refuse_over(connection: Connection, since: datetime) -> None:
    if connection.activating_since != since:
        raise ActivationOver


def _refuse_unready(room: Connections, state: ConnectionState) -> None:
    connection = state.connection
    if connection.status in (ConnectionStatus.DISCONNECTED, ConnectionStatus.RECONNECT_NEEDED):
        raise ActivationRefused("reconnect_needed", "The access to Pleo has ended. Press Connect in Pleo again first.")
    missing = missing_scopes(room.settings.pleo_scopes, connection.scopes)
    if missing and connection.auth_method == "oauth":
        raise ActivationRefused(
            "scopes_missing",
            f"Pleo did not grant {', '.join(missing)}. Press Connect in Pleo again and allow everything that is asked.",
        )
    absent = [
        name
        for name, there in (
            ("the accounting system", state.binding is not None),
            ("the bookkeeping configuration", state.configuration is not None),
        )
        if not there
    ]
    if absent:
        raise ActivationRefused("not_configured", f"Not set up yet: {' and '.join(absent)}. Finish the set-up first.")


async def _preflight(room: Connections, state: ConnectionState) -> None:
    """Whether entries could be booked as things stand now (EXP-VALID-02 to -06)."""
    binding, configuration = state.binding, state.configuration
    assert binding is not None  # noqa: S101
    assert configuration is not None  # noqa: S101
    try:
        async with open_erp(room, binding.connection_id) as erp:
            wrong = await verify_erp_company(erp, binding)
            if wrong is None:
                await erp.preflight(final=configuration.posting_mode is PostingMode.FINAL)
                faults = await faults_in(erp, configuration)
                limits = await limits_of(erp)
    except ErpError as error:
        raise ActivationRefused(error.problem.failure.value, error.problem.text) from error
    except Refused as error:
        raise ActivationRefused(error.code, error.text) from error
    if wrong is not None:
        raise ActivationRefused(wrong.failure.value, wrong.text)
    if faults:
        raise ActivationRefused(
            "configuration_outdated",
            "The configuration no longer fits the accounting system. Correct it, then activate again.",
            faults,
        )
    async with room.db.transaction() as session:
        still = (ErpBinding.connection_id == binding.connection_id, ErpBinding.bound_at == binding.bound_at)
        await session.execute(update(ErpBinding).where(*still).values(limits=limits))


async def tell_pleo(room: Connections, connection: Connection) -> Installation:
    """Say that we are ready, only where Pleo waits for it, and return the installation (AUTH-070, AUTH-071).

    Raises `ActivationRefused` when the installation is off, and `PleoError`.
    """
    api = InstallationsApi(await open_pleo(room, connection.id))
    installation = await _installation(api, connection)
    if installation.awaits_activation:
        try:
            installation = await api.activate()
        except OutcomeUnknown:
            installation = await api.get()
            if installation.awaits_activation:
                raise
    if not installation.works:
        code = f" ({installation.error_code})" if installation.error_code else ""
        raise ActivationRefused(
            "installation_off",
            f"Pleo shows this integration as {installation.status}{code}. Press Connect in Pleo again to repair it.",
        )
    return installation


async def _installation(api: InstallationsApi, connection: Connection) -> Installation:
    try:
        return await api.get()
    except NotFound:
        if connection.auth_method != "api_key":
            raise
    try:
        return await api.create()
    except OutcomeUnknown:
        return await api.get()


def _pleo_refused(error: PleoError) -> ActivationRefused:
    match error:
        case NotFound():
            text = "Pleo no longer knows this integration for the company. Press Connect in Pleo again."
            return ActivationRefused("installation_gone", text)
        case GrantEnded():
            return ActivationRefused("reconnect_needed", error.text)
        case _:
            text = "Pleo did not accept the activation or did not answer. Try again in a few minutes."
            return ActivationRefused("pleo_unavailable", text)
