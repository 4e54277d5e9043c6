"""What a person does with a closed file: downloads it, says that it was fetched, asks for it to be handed over again.

Each is in the audit log. A person's word ends a try that is under way.
"""

from __future__ import annotations

import datetime as dt
import uuid

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import Refused
from ledgerbridge.connections.handover import order
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.connections.voucher_files import FileUnknown
from ledgerbridge.store import audit
from ledgerbridge.store.tables import ConnectionStatus, HandoverState, VoucherFile
from ledgerbridge.work.queue import Queue

UNDER_WAY = dt.timedelta(minutes=5)
"""Longer than the last step of a try takes, whatever the other side does."""


class NotPossible(Refused):
    """Asked of a file for which it makes no sense; nothing changed."""


async def downloaded(
    room: Connections, connection_id: uuid.UUID, file_id: uuid.UUID, actor: str, *, receipts: bool = False
) -> None:
    """Note that somebody downloads a file, or the ZIP of its receipts. Raises `FileUnknown`."""
    async with room.db.transaction() as session:
        row = await _row(session, connection_id, file_id)
        if not receipts:
            row.fetched_at = room.now()
        action = "voucher_receipts_downloaded" if receipts else "voucher_file_downloaded"
        audit.record(session, actor, action, connection_id, file=row.name)


async def mark_fetched(room: Connections, connection_id: uuid.UUID, file_id: uuid.UUID, actor: str) -> None:
    """The file is where it belongs, says a person; nobody tries any more. Raises `FileUnknown`."""
    async with room.db.transaction() as session:
        row = await _row(session, connection_id, file_id)
        if row.handover_state == HandoverState.DONE:
            return
        before = row.handover_state
        row.handover_state, row.handover_due_at = HandoverState.DONE, None
        row.handed_over_at = room.now()
        row.handover_error = row.handover_fault = row.handover_sent_at = None
        row.handover_tries += 1
        audit.record(session, actor, "voucher_file_marked_fetched", connection_id, file=row.name, before=before)


async def hand_over_again(
    room: Connections, queue: Queue, connection_id: uuid.UUID, file_id: uuid.UUID, actor: str
) -> None:
    """Bring the file to its place now, whatever is known of earlier tries: the person has looked.

    Raises `FileUnknown`, `NotPossible`.
    """
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        if connection.status == ConnectionStatus.DISCONNECTED:
            raise NotPossible("disconnected", "This company is disconnected, and where its files went is forgotten.")
        row = await _row(session, connection_id, file_id)
        if row.handover_sent_at is not None and room.now() - row.handover_sent_at < UNDER_WAY:
            raise NotPossible("under_way", "It is being put into its place just now. Look again in a few minutes.")
        before = row.handover_state
        row.handover_state, row.handover_due_at = HandoverState.WAITING, room.now()
        row.handover_error = row.handover_fault = row.handover_sent_at = row.receipts_there_at = None
        row.handed_over_at = row.handover_place = None
        # Counted, so that a try under way notices.
        row.handover_tries += 1
        await queue.place(session, order(queue, connection_id))
        audit.record(session, actor, "voucher_file_handed_over_again", connection_id, file=row.name, before=before)


async def _row(session: AsyncSession, connection_id: uuid.UUID, file_id: uuid.UUID) -> VoucherFile:
    found = await session.scalar(
        select(VoucherFile)
        .where(VoucherFile.connection_id == connection_id, VoucherFile.id == file_id)
        .with_for_update()
    )
    if found is None:
        raise FileUnknown
    return found
