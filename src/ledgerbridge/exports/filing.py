"""Files made of what was booked, where accounting takes files: at the end of a job, after an entry was taken back, and
by a round for what was left.

An item is booked once its voucher is in the book; the file follows and costs no item its outcome. What keeps one from
being made is told to operators, and the round tries again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

import structlog
from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.connections.access import open_erp
from ledgerbridge.connections.errors import ErpNotBound, SecretUnreadable
from ledgerbridge.connections.voucher_rows import bare
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus, ErpBinding, Voucher, VoucherBookRow
from ledgerbridge.work.queue import Queue
from ledgerbridge.work.tasks import Order

log = structlog.get_logger(__name__)

FILE = "exports.file"
"""The queued work: make files of what one company's book holds and no file has."""
ROUND_SECONDS = 900.0
LEFT_ALONE = dt.timedelta(minutes=10)
"""A voucher younger than this is of a job that is still being worked, or was just now."""


async def file_waiting(erp: Erp) -> bool:
    """Make files of what waits to be in one; False when that did not come about. Raises nothing foreseeable."""
    if not erp.capabilities.files:
        return True
    try:
        await erp.hand_over()
    except ErpError as error:
        log.warning("files not made, the round tries again", reason=str(error))
    except Exception:
        log.exception("unexpected failure while files were made, the round tries again")
    else:
        return True
    return False


async def file_later(context: ExportContext, connection_id: uuid.UUID) -> None:
    """The same for what a worker that died left behind, and for what waited for the end of its day."""
    with structlog.contextvars.bound_contextvars(connection_id=str(connection_id)):
        try:
            async with open_erp(context.connections, connection_id) as erp:
                await file_waiting(erp)
        except (ErpNotBound, SecretUnreadable, ErpError) as reason:
            log.warning("vouchers wait, the accounting system cannot be opened", reason=str(reason) or repr(reason))


def order(queue: Queue, connection_id: uuid.UUID) -> Order:
    """That work; under the lock of the company's looks, so that the vouchers of one job come into one file."""
    return queue.order(
        FILE,
        lock=f"exports:{connection_id}",
        queueing_lock=f"file:{connection_id}",
        connection_id=str(connection_id),
    )


async def queue_filing(context: ExportContext) -> int:
    """Queue it for every company with vouchers that wait; how many there were."""
    async with context.db.transaction() as session:
        found = await companies_waiting(session, context.connections.environment)
        await context.queue.place_all(session, [order(context.queue, connection_id) for connection_id in found])
    return len(found)


async def companies_waiting(session: AsyncSession, environment: str) -> Sequence[uuid.UUID]:
    """Connections of an environment with vouchers that are in no file and that nobody is working on any more.

    Only of the company they are bound to: for another one's nobody can make a file until it is bound again.
    """
    bound = and_(
        ErpBinding.connection_id == VoucherBookRow.connection_id,
        ErpBinding.company_ref == VoucherBookRow.company_ref,
    )
    wanted = (
        select(Voucher.connection_id, ErpBinding.registration_number, VoucherBookRow.registration_number)
        .distinct()
        .join(Connection, Connection.id == Voucher.connection_id)
        .join(VoucherBookRow, VoucherBookRow.id == Voucher.book_id)
        .join(ErpBinding, bound)
        .where(
            Voucher.file_id.is_(None),
            Voucher.recorded_at < utcnow() - LEFT_ALONE,
            Connection.environment == environment,
            Connection.status != ConnectionStatus.DISCONNECTED,
        )
        .order_by(Voucher.connection_id)
    )
    with across_companies(session, "a round asks which companies have something to do"):
        found = (await session.execute(wanted)).all()
    return list(dict.fromkeys(connection_id for connection_id, now, then in found if bare(now) == bare(then)))
