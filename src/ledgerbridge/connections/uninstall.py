"""Disconnecting, in an order that can be repeated from any point (AUTH-080).

Deleting the installation revokes every token, so the subscriptions go first and our own secrets last; before them the
vouchers that wait become files (`leaving`), and after them goes what else is not needed (`erasure`). The row and its
ledger stay: they prevent double posting when the company comes back.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.exc import SQLAlchemyError

from ledgerbridge.connections import erasure, leaving, subscriptions
from ledgerbridge.connections.access import open_pleo
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import Refused, SecretUnreadable
from ledgerbridge.connections.rows import connection_row, credential_row, wipe
from ledgerbridge.pleo.errors import Forbidden, PleoError, Unauthorised
from ledgerbridge.pleo.installations import InstallationsApi
from ledgerbridge.store import audit
from ledgerbridge.store.tables import (
    BrowserSession,
    Connection,
    ConnectionStatus,
    DeliveryStatus,
    ErpBinding,
    SetupDraft,
    Subscription,
    WebhookDelivery,
)

_GRANT_DEAD = (Unauthorised, Forbidden)

_log = logging.getLogger(__name__)


async def disconnect(room: Connections, connection_id: uuid.UUID, actor: str) -> None:
    """Uninstall at Pleo, then wipe tokens and secrets and erase the rest; of a connection that is disconnected already
    only what was left is erased.

    Works when the grant is dead, because then there is nothing left to delete with. Raises `ConnectionUnknown`,
    `SecretUnreadable`, and `Refused("pleo_unavailable")` when Pleo does not answer: the connection is paused then, and
    the same call goes on.
    """
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        over = connection.status == ConnectionStatus.DISCONNECTED
        if not over:
            connection.status, connection.paused_by = ConnectionStatus.PAUSED, "operator"
            connection.status_reason = "The connection is being removed."
            connection.activating_since = connection.activating_by = None  # else its end would make it active again
    if over:
        await erasure.erase(room.db, connection_id)
        return
    left: list[str] = []
    if not await _gone(connection_id, subscriptions.remove(room, connection_id)):
        left.append("subscriptions")
    if not await _gone(connection_id, InstallationsApi(await open_pleo(room, connection_id)).delete()):
        left.append("installation")
    await end(room, connection_id, actor, left_at_pleo=left)


async def end(
    room: Connections,
    connection_id: uuid.UUID,
    actor: str,
    *,
    only_if: Callable[[Connection], bool] | None = None,
    **detail: Any,
) -> bool:
    """The end of a connection on our side: tokens and secrets at once, then everything that is not needed.

    `only_if` looks at the locked row; on False nothing happens, and False is returned. `detail` is for the audit log.
    An erasure that is interrupted is gone on with by the rounds.
    """
    await erasure.stop_work(room.db, connection_id)
    await leaving.close_books(room, connection_id)
    detail |= (await leaving.left_of(room, connection_id)).told
    if not await _wipe(room, connection_id, actor, only_if, detail):
        return False
    try:
        await erasure.erase(room.db, connection_id)
    except SQLAlchemyError as error:
        _log.warning("connection %s is not erased yet: %s", connection_id, type(error).__name__)
    return True


async def _gone(connection_id: uuid.UUID, removal: Awaitable[None]) -> bool:
    """Whether Pleo confirmed a removal; False when our access is dead, so that nothing can be removed any more."""
    try:
        await removal
    except _GRANT_DEAD as error:
        _log.info("connection %s: not removed at Pleo, the access is dead: %s", connection_id, error)
        return False
    except SecretUnreadable:
        raise  # says what to do, which is not to wait for Pleo
    except PleoError as error:
        _log.warning("connection %s not removed at Pleo: %s", connection_id, error)
        raise Refused(
            "pleo_unavailable",
            "Pleo did not answer, so the connection could not be removed there yet. It is paused. Try again later.",
        ) from error
    return True


async def _wipe(
    room: Connections,
    connection_id: uuid.UUID,
    actor: str,
    only_if: Callable[[Connection], bool] | None,
    detail: Mapping[str, Any],
) -> bool:
    now = room.now()
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id, lock=True)
        if only_if is not None and not only_if(connection):
            return False
        credential = await credential_row(session, connection_id, lock=True)
        if credential is not None:
            wipe(credential)
        if subscription := await session.get(Subscription, connection_id, with_for_update=True):
            subscription.pleo_id = subscription.secret_sealed = None
            subscription.ended_at = now
        if binding := await session.get(ErpBinding, connection_id, with_for_update=True):
            binding.settings_sealed = binding.company_key = None
        await session.execute(delete(SetupDraft).where(SetupDraft.connection_id == connection_id))
        await session.execute(delete(BrowserSession).where(BrowserSession.connection_id == connection_id))
        await session.execute(
            update(WebhookDelivery)
            .where(WebhookDelivery.connection_id == connection_id, WebhookDelivery.status == DeliveryStatus.QUEUED)
            .values(status=DeliveryStatus.DROPPED, note="the connection has ended", settled_at=now)
        )
        connection.status, connection.paused_by, connection.status_reason = ConnectionStatus.DISCONNECTED, None, None
        connection.activating_since = connection.activating_by = connection.activation_refusal = None
        connection.disconnected_at = connection.updated_at = now
        audit.record(session, actor, "disconnected", connection_id, **detail)
    return True
