"""What is left open by the jobs of a company, tried again by a round: a draft made final, an ERP that was down."""

from __future__ import annotations

import uuid

import structlog

from ledgerbridge.connections.access import load, open_erp, verify_erp_company
from ledgerbridge.exports import claims
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.exports.enqueue import enqueue_settle
from ledgerbridge.exports.reverse import finish_pending
from ledgerbridge.exports.settling import Settling, settle_open
from ledgerbridge.store.leases import Lease, LeaseKeeper, acquire
from ledgerbridge.store.tables import ConnectionStatus

log = structlog.get_logger(__name__)


async def settle_later(context: ExportContext, connection_id: uuid.UUID) -> None:
    """Finish what was being taken back, and match what belongs together among the open claims of a company; without
    any that is due, nobody is asked.

    An ERP that cannot be asked, or is no longer the company that was bound, leaves them for the next round.
    """
    with structlog.contextvars.bound_contextvars(connection_id=str(connection_id)):
        lease = await acquire(context.db, connection_id, f"{context.worker}/{uuid.uuid4()}", context.lease_seconds)
        if lease is None:
            log.info("another worker holds the company, coming back later")
            async with context.db.transaction() as session:
                await enqueue_settle(session, context.queue, connection_id, in_seconds=context.lease_seconds)
            return
        async with LeaseKeeper(context.db, lease, context.lease_seconds):
            await _settle(context, lease, connection_id)


async def _settle(context: ExportContext, lease: Lease, connection_id: uuid.UUID) -> None:
    company = await load(context.connections, connection_id)
    if company.connection.status != ConnectionStatus.ACTIVE or company.binding is None:
        return
    await finish_pending(context, lease, connection_id)
    async with context.db.reading() as session:
        due = await claims.vendors_with_news(session, connection_id)
    if not due:
        return
    async with open_erp(context.connections, connection_id) as erp:
        if found := await verify_erp_company(erp, company.binding):
            log.warning("claims left open", reason=found.text)
            return
        matched = await settle_open(Settling(context.db, lease, connection_id, company.connection.company_id, erp))
    log.info("open claims tried", vendors=len(due), matched=matched.groups)
