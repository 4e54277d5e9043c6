"""Our webhook subscription at Pleo: one a connection, on a path of its own (HOOK-001 to HOOK-010)."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert

from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import SecretUnreadable
from ledgerbridge.connections.sealed import opened
from ledgerbridge.pleo.errors import PleoError
from ledgerbridge.pleo.subscriptions import SubscriptionsApi
from ledgerbridge.store.tables import Subscription
from ledgerbridge.store.vault import hash_token, new_token

RE_READ_EVERY = timedelta(minutes=5)
"""How often a secret may be re-read because a signature did not match (HOOK-037)."""

_log = logging.getLogger(__name__)


async def ensure(room: Connections, connection_id: uuid.UUID) -> bool:
    """Make sure that Pleo notifies us of this company's events, and that we hold the secret.

    True when something had to be made or mended, so that events may have been missed (HOOK-010: poll then). Looks
    before it creates (HOOK-004), so it can be repeated after any failure. Raises `PleoError`.
    """
    url = f"{room.settings.public_url}/webhooks/pleo/{await _path_token(room, connection_id)}"
    wanted = room.settings.pleo_event_types
    async with room.db.transaction() as session:
        stored = await session.get_one(Subscription, connection_id)
    api = SubscriptionsApi(await open_pleo(room, connection_id))
    ours = [one for one in await api.list_all() if one.endpoint_url == url and one.deleted_at is None]
    # The one whose secret we hold comes first; then the oldest, so that two replicas settle on the same one.
    ours.sort(key=lambda one: (one.id != stored.pleo_id, one.created_at or room.now(), one.id))
    serving = next((one for one in ours if one.serves(url, wanted)), None)
    found = serving or await api.ensure(url, wanted)
    for one in ours:
        if one.id != found.id:
            await api.delete(one.id)
    known = found.id == stored.pleo_id and stored.secret_sealed is not None
    secret = None if known else await api.secret(found.id)
    async with room.db.transaction() as session:
        row = await session.get_one(Subscription, connection_id, with_for_update=True)
        row.pleo_id, row.event_types = found.id, list(found.event_types)
        row.checked_at, row.ended_at = room.now(), None
        if secret is not None:
            _keep(room, row, secret)
    return serving is None or not known or stored.ended_at is not None


async def secret_for(room: Connections, connection_id: uuid.UUID, *, re_read: bool = False) -> str | None:
    """The secret that signs this connection's deliveries; None when there is none (any more).

    With `re_read` it is fetched from Pleo again, for a signature that did not match: at most once in five minutes and
    only while the connection has a living subscription, else the stored one is returned (HOOK-037). Never raises
    because of Pleo.
    """
    if re_read and (pleo_id := await _may_re_read(room, connection_id)):
        try:
            secret = await SubscriptionsApi(await open_pleo(room, connection_id)).secret(pleo_id)
        except PleoError as error:
            _log.warning("webhook secret of connection %s not re-read: %s", connection_id, error)
        else:
            async with room.db.transaction() as session:
                row = await session.get_one(Subscription, connection_id, with_for_update=True)
                if row.pleo_id == pleo_id and row.ended_at is None:
                    _keep(room, row, secret)
    async with room.db.transaction() as session:
        stored = await session.get(Subscription, connection_id)
    if stored is None or stored.secret_sealed is None:
        return None
    return readable(room, stored.secret_sealed, connection_id)


def readable(room: Connections, sealed: bytes, connection_id: uuid.UUID) -> str | None:
    """The webhook secret; None when it does not open, so that it is read again at Pleo."""
    try:
        return opened(
            room.vault,
            sealed,
            table="subscriptions",
            column="secret_sealed",
            row=connection_id,
            remedy="It is read anew.",
        )
    except SecretUnreadable:
        return None


async def remove(room: Connections, connection_id: uuid.UUID) -> None:
    """Delete our subscriptions at Pleo, also one whose id was never stored. Repeatable. Raises `PleoError`."""
    url = f"{room.settings.public_url}/webhooks/pleo/{await _path_token(room, connection_id)}"
    api = SubscriptionsApi(await open_pleo(room, connection_id))
    for one in await api.list_all():
        if one.endpoint_url == url and one.deleted_at is None:
            await api.delete(one.id)


async def _path_token(room: Connections, connection_id: uuid.UUID) -> str:
    """The connection's own path, made once and kept, so that every repeat asks Pleo for the same URL."""
    token = new_token()
    sealed = room.vault.seal(token, table="subscriptions", column="path_token_sealed", row=connection_id)
    async with room.db.transaction() as session:
        await session.execute(
            insert(Subscription)
            .values(
                connection_id=connection_id,
                path_token_hash=hash_token(token),
                path_token_sealed=sealed,
                event_types=[],
            )
            .on_conflict_do_nothing(index_elements=[Subscription.connection_id])
        )
        row = await session.get_one(Subscription, connection_id)
    return opened(
        room.vault, row.path_token_sealed, table="subscriptions", column="path_token_sealed", row=connection_id,
        remedy="Disconnect, then connect again.",
    )  # fmt: skip


async def _may_re_read(room: Connections, connection_id: uuid.UUID) -> str | None:
    """Pleo's id of the subscription when a re-read is allowed just now, and takes the allowance."""
    now = room.now()
    async with room.db.transaction() as session:
        return await session.scalar(
            update(Subscription)
            .where(
                Subscription.connection_id == connection_id,
                Subscription.ended_at.is_(None),
                Subscription.pleo_id.is_not(None),
                or_(Subscription.secret_read_at.is_(None), Subscription.secret_read_at <= now - RE_READ_EVERY),
            )
            .values(secret_read_at=now)
            .returning(Subscription.pleo_id)
        )


def _keep(room: Connections, row: Subscription, secret: str) -> None:
    row.secret_sealed = room.vault.seal(secret, table="subscriptions", column="secret_sealed", row=row.connection_id)
    row.secret_read_at = room.now()
