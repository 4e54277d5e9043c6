"""What authenticates a connection's calls: an OAuth token pair or an API key behind pleo's one face (AUTH-104).

A token pair is refreshed by one task at a time over all replicas (AUTH-052). No transaction may stay open while Pleo is
called, so the right to refresh is a claim written on the row; it is kept alive while the call lasts and runs out by
itself when a process dies. The new pair is stored before anybody uses it (AUTH-051).
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import ClientRejected, GrantEnded, RefreshUnavailable
from ledgerbridge.connections.refresh import Claim, Pair, claim, newer_pair, refreshed, stored_pair
from ledgerbridge.connections.rows import credential_row
from ledgerbridge.connections.sealed import ENTER_KEY_AGAIN, opened
from ledgerbridge.pleo.credentials import api_key_header, bearer_header
from ledgerbridge.pleo.transport import Credential
from ledgerbridge.store.tables import Connection
from ledgerbridge.store.vault import new_token

IDLE = timedelta(days=30)
"""A quiet connection is refreshed at least this often, well inside the 60 days a refresh token lives (AUTH-044)."""

PATIENCE = 180.0
"""Seconds a waiter gives somebody else's refresh; longer than one with all its tries usually takes."""

AFTER_FAILURE = timedelta(seconds=30)
"""How long a token that is due but still valid is used without trying again to refresh it."""


def credential_for(room: Connections, connection: Connection) -> Credential:
    """The credential of a connection, read from storage at the first call."""
    if connection.auth_method == "api_key":
        return ApiKeyCredential(room, connection.id)
    return OAuthCredential(room, connection.id)


@dataclass(frozen=True, slots=True)
class FixedCredential:
    """A credential that is not stored yet: what Pleo just gave us, or a key somebody just typed."""

    value: str = field(repr=False)
    """The Authorization header."""

    async def header(self) -> str:
        return self.value

    async def renew(self, rejected: str) -> str | None:
        return None


class OAuthCredential:
    """The token pair of one connection, refreshed before it expires and after a 401 (AUTH-053, AUTH-054)."""

    def __init__(self, room: Connections, connection_id: uuid.UUID) -> None:
        self._room = room
        self._connection_id = connection_id
        self._pair: Pair | None = None
        self._rest_until: datetime | None = None

    async def header(self) -> str:
        """The header of a token with some life left.

        While the token endpoint fails, a token that is due but not expired is used on. Raises a `CredentialError`.
        """
        pair = self._pair or await stored_pair(self._room, self._connection_id)
        now = self._room.now()
        if now >= pair.due_at and not (self._rest_until and now < self._rest_until and now < pair.expires_at):
            try:
                pair = await renewed(self._room, self._connection_id, pair.generation)
            except (RefreshUnavailable, ClientRejected):
                if self._room.now() >= pair.expires_at:
                    raise
                self._rest_until = now + AFTER_FAILURE
        self._pair = pair
        return bearer_header(pair.access_token)

    async def renew(self, rejected: str) -> str | None:
        """The header of a newer token after a 401: from storage if somebody refreshed already, else refreshed now.

        Raises a `CredentialError`.
        """
        pair = self._pair or await stored_pair(self._room, self._connection_id)
        if bearer_header(pair.access_token) == rejected:
            pair = await renewed(self._room, self._connection_id, pair.generation)
        self._pair = pair
        return bearer_header(pair.access_token)


class ApiKeyCredential:
    """The API key of one connection. It cannot be renewed; a 401 only makes us look whether it was replaced."""

    def __init__(self, room: Connections, connection_id: uuid.UUID) -> None:
        self._room = room
        self._connection_id = connection_id
        self._header: str | None = None

    async def header(self) -> str:
        """Raises `GrantEnded` when the key was wiped."""
        if self._header is None:
            self._header = await self._stored()
        return self._header

    async def renew(self, rejected: str) -> str | None:
        self._header = await self._stored()
        return None if self._header == rejected else self._header

    async def _stored(self) -> str:
        async with self._room.db.transaction() as session:
            row = await credential_row(session, self._connection_id)
        if row is None or row.api_key_sealed is None:
            raise GrantEnded("There is no API key for this company any more. Enter a new one.")
        return api_key_header(
            opened(
                self._room.vault,
                row.api_key_sealed,
                table="credentials",
                column="api_key_sealed",
                row=self._connection_id,
                remedy=ENTER_KEY_AGAIN,
            )
        )


async def renewed(room: Connections, connection_id: uuid.UUID, generation: int) -> Pair:
    """A pair newer than `generation`: the stored one if somebody was quicker, else one refreshed now.

    A refresh that has begun goes on when the caller is cancelled, because its answer exists only once. Raises
    `GrantEnded`, `RefreshUnavailable` or `ClientRejected`.
    """
    holder = new_token()
    loop = asyncio.get_running_loop()
    give_up, pause = loop.time() + PATIENCE, 0.02
    while True:
        if (pair := await newer_pair(room, connection_id, generation)) is not None:
            return pair
        if (right := await claim(room, connection_id, generation, holder)) is not None:
            return await _uninterrupted(room, right)
        if loop.time() > give_up:
            raise RefreshUnavailable("Another refresh of this connection takes too long.", retry_after=PATIENCE)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 0.5)


async def refresh_if_idle(room: Connections, connection_id: uuid.UUID) -> bool:
    """Refresh a pair that nobody needed for 30 days, so that it stays alive (AUTH-044); whether it was.

    Raises as `renewed`.
    """
    async with room.db.transaction() as session:
        row = await credential_row(session, connection_id)
    if row is None or row.refresh_token_sealed is None:
        return False
    if row.refreshed_at is not None and row.refreshed_at > room.now() - IDLE:
        return False
    await renewed(room, connection_id, row.generation)
    return True


async def drain(room: Connections) -> None:
    """Wait for the refreshes under way; call it before the process ends, or a pair may be lost."""
    while room.refreshing:
        await asyncio.gather(*room.refreshing, return_exceptions=True)


async def _uninterrupted(room: Connections, right: Claim) -> Pair:
    task = asyncio.create_task(refreshed(room, right), name="refresh of a token pair")
    known = cast("asyncio.Task[object]", task)
    room.refreshing.add(known)
    known.add_done_callback(room.refreshing.discard)
    known.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)
