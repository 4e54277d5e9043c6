"""Reading and locking the rows of one connection inside a caller's transaction."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.store.tables import ConfigVersion, Connection, Credential


async def connection_row(session: AsyncSession, connection_id: uuid.UUID, *, lock: bool = False) -> Connection:
    """The connection; with `lock` its row is held until the transaction ends.

    Whoever locks several rows of a connection locks this one first, so that nobody waits in a circle.
    Raises `ConnectionUnknown`.
    """
    query = select(Connection).where(Connection.id == connection_id)
    found = await session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise ConnectionUnknown(connection_id)
    return found


async def credential_row(session: AsyncSession, connection_id: uuid.UUID, *, lock: bool = False) -> Credential | None:
    """The connection's credential row, locked on request."""
    query = select(Credential).where(Credential.connection_id == connection_id)
    return await session.scalar(query.with_for_update() if lock else query)


def wipe(credential: Credential) -> None:
    """Forget everything secret. The generation rises, so that a refresh under way cannot put a pair back."""
    credential.access_token_sealed = credential.refresh_token_sealed = credential.api_key_sealed = None
    credential.expires_at = credential.expires_in = None
    credential.refresh_holder = credential.refresh_until = None
    credential.generation += 1


async def newest_config(session: AsyncSession, connection_id: uuid.UUID) -> ConfigVersion | None:
    """The configuration version in force."""
    return await session.scalar(
        select(ConfigVersion)
        .where(ConfigVersion.connection_id == connection_id)
        .order_by(ConfigVersion.version.desc())
        .limit(1)
    )
