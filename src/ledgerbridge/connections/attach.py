"""Binding a proven credential to its company's one connection: new, taken over, or refused as somebody else's.

A company is connected once (AUTH-063). Whoever connects it again takes the connection over, configuration and ledger
included, unless it works for somebody else (AUTH-066).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.activation import remember
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.proof import Proven
from ledgerbridge.connections.refresh import put_pair
from ledgerbridge.connections.refusals import Why, refused
from ledgerbridge.connections.rows import connection_row, credential_row, newest_config, wipe
from ledgerbridge.connections.sessions import SignedIn, sign_in
from ledgerbridge.pleo.errors import Forbidden, NotFound, PleoError, Unauthorised
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.pleo.introspect import missing_scopes
from ledgerbridge.store import audit
from ledgerbridge.store.tables import BrowserSession, Connection, ConnectionStatus, Credential, ErpBinding


@dataclass(frozen=True, slots=True)
class Attached:
    """Where the credential went."""

    connection_id: uuid.UUID
    company_name: str | None
    created: bool
    status: str
    goes_live_again: bool
    """It was active before and lacks nothing, but Pleo waits to be told that we are ready (AUTH-070)."""
    missing_scopes: tuple[str, ...]
    """Requested and not granted; the connection cannot be activated while there are any (AUTH-034)."""
    session: SignedIn
    """For the browser that did it."""


async def attach(
    room: Connections, proven: Proven, actor: str, *, owned: uuid.UUID | None = None, replaces: str | None = None
) -> Attached:
    """Store a proven credential in its company's connection; nothing else of the connection is lost.

    `owned` is the connection the caller has shown to be theirs, by session or by naming it; `replaces` is the token of
    the session that ends with this sign-in. Raises `ConnectRefused` when the company is connected by somebody else: the
    new credential is dropped and the connection left untouched.
    """
    company = (Connection.environment == room.environment, Connection.company_id == proven.company_id)
    async with room.db.transaction() as session:
        known = await session.scalar(select(Connection).where(*company))
        before = await credential_row(session, known.id) if known else None
    if known is not None and known.id != owned and _in_use(known):
        await _refuse_if_it_works(room, known)
    async with room.db.transaction() as session:
        created = await session.scalar(
            insert(Connection)
            .values(
                id=uuid.uuid4(), environment=room.environment, company_id=proven.company_id,
                auth_method=proven.method, subject_urn=f"urn:pleo:company:{proven.company_id}",
            )
            .on_conflict_do_nothing(constraint="uq_connections_environment_company_id")
            .returning(Connection.id)
        )  # fmt: skip
        found = created or await session.scalar(select(Connection.id).where(*company))
        assert found is not None  # noqa: S101
        connection = await connection_row(session, found, lock=True)
        credential = await _credential(session, found)
        _refuse_if_changed(known, before, connection, credential)
        _store(room, credential, proven)
        missing = missing_scopes(room.settings.pleo_scopes, proven.scopes) if proven.method == "oauth" else ()
        if found != owned:
            # Whoever was signed in before may have lost the company; what they see is the new owner's now.
            await session.execute(delete(BrowserSession).where(BrowserSession.connection_id == found))
        goes_live_again = await _settle(room, session, connection, proven, missing)
        audit.record(
            session, actor, "connected" if created else "reconnected", found,
            company_id=proven.company_id, auth_method=proven.method, missing_scopes=list(missing),
        )  # fmt: skip
        return Attached(
            connection_id=found,
            company_name=connection.company_name,
            created=created is not None,
            status=connection.status,
            goes_live_again=goes_live_again,
            missing_scopes=missing,
            session=await sign_in(session, found, room.now(), replaces=replaces),
        )


def _in_use(known: Connection) -> bool:
    """Whether somebody may rely on the connection. One that the daily check paused has asked to be connected again."""
    by_check = known.status == ConnectionStatus.PAUSED and known.paused_by == "watch"
    return known.status in (ConnectionStatus.ACTIVE, ConnectionStatus.PAUSED) and not by_check


async def _refuse_if_it_works(room: Connections, known: Connection) -> None:
    """Refuse unless the connection's own credential is certainly dead (AUTH-066). One read decides it."""
    company = known.company_name or "this company"
    try:
        installation = await InstallationsApi(await open_pleo(room, known.id)).get()
    except (Unauthorised, Forbidden, NotFound):
        return
    except PleoError as error:
        raise refused(Why.CANNOT_CHECK_NOW, company=company) from error
    if installation.works:
        raise refused(Why.CONNECTED_ELSEWHERE, company=company)


async def _credential(session: AsyncSession, connection_id: uuid.UUID) -> Credential:
    credential = await credential_row(session, connection_id, lock=True)
    if credential is None:
        credential = Credential(connection_id=connection_id, generation=0)
        session.add(credential)
    return credential


def _refuse_if_changed(
    known: Connection | None, before: Credential | None, connection: Connection, credential: Credential
) -> None:
    """What was decided holds only for the credential it was decided on: somebody may have connected meanwhile."""
    has_one = credential.access_token_sealed is not None or credential.api_key_sealed is not None
    if has_one and (known is None or before is None or before.generation != credential.generation):
        raise refused(Why.CANNOT_CHECK_NOW, company=connection.company_name or "this company")


def _store(room: Connections, credential: Credential, proven: Proven) -> None:
    wipe(credential)
    if isinstance(proven.secret, str):
        credential.api_key_sealed = room.vault.seal(
            proven.secret, table="credentials", column="api_key_sealed", row=credential.connection_id
        )
        credential.refreshed_at = room.now()
    else:
        put_pair(room, credential, proven.secret)


async def _settle(
    room: Connections, session: AsyncSession, connection: Connection, proven: Proven, missing: tuple[str, ...]
) -> bool:
    """Set the status after a new authorisation; whether an activation is still due to make it active again."""
    binding = await session.get(ErpBinding, connection.id)
    complete = (
        connection.activated_at is not None
        and binding is not None
        and binding.settings_sealed is not None
        and await newest_config(session, connection.id) is not None
        and not missing
    )
    stopped = connection.status == ConnectionStatus.PAUSED and connection.paused_by == "operator"
    connection.auth_method, connection.scopes = proven.method, proven.scopes
    connection.subject_urn = f"urn:pleo:company:{proven.company_id}"
    connection.disconnected_at, connection.updated_at = None, room.now()
    if proven.installation is not None:
        remember(connection, proven.installation, room)
    if stopped and complete:
        return False
    connection.paused_by = None
    connection.status, connection.status_reason = ConnectionStatus.SETTING_UP, None
    if missing:
        connection.status_reason = f"Pleo did not grant {', '.join(missing)}. Press Connect in Pleo again."
    if complete and proven.installation is not None and proven.installation.status == "ACTIVATED":
        connection.status = ConnectionStatus.ACTIVE
        await room.enqueue_look(session, connection.id)
        return False
    return complete
