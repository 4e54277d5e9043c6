"""The ERP's vendors for one job: read once, and only when an item of it may need one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.vendor_index import VendorIndex
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports.preflight import NotReady
from ledgerbridge.store.tables import VendorLink

if TYPE_CHECKING:
    from ledgerbridge.exports.job import Run

log = structlog.get_logger(__name__)

# Accounts payable whatever the type; and the two types whose journal entry has a payable line (export.md section 21).
_NEEDS = text(
    """
    select distinct payload -> 'vendor' ->> 'id' as tagged
    from export_items
    where job_id = :job_id and state in ('waiting', 'unknown')
        and (payload -> 'bookkeeping' ->> 'method' = 'accounts_payable'
             or payload ->> 'type' in ('invoice', 'invoice_payment'))
    """
)


@dataclass(frozen=True, slots=True)
class Needed:
    """Whether items of a job may need a vendor, and which vendors of Pleo they name."""

    any: bool
    pleo_ids: tuple[str, ...]


async def needed(session: AsyncSession, job_id: uuid.UUID) -> Needed:
    """What the items of a job that are still to be worked ask for."""
    rows = (await session.scalars(_NEEDS, {"job_id": job_id})).all()
    return Needed(bool(rows), tuple(sorted(row for row in rows if row)))


async def index_for(run: Run, erp: Erp) -> VendorIndex | None:
    """The vendors of the ERP, after those the job names were brought to it; None where no item needs one.

    Raises `NotReady` when they cannot be read: a vendor that merely was not seen must not fail an item
    (VEN-109, VEN-110, VEN-127).
    """
    if not erp.capabilities.vendor_bills:
        return None
    connection_id = run.company.connection.id
    async with run.context.db.reading() as session:
        wanted = await needed(session, run.job.id)
    if not wanted.any:
        return VendorIndex(())
    await _bring(run, wanted.pleo_ids)
    try:
        vendors = await erp.vendors()
    except ErpError as error:
        raise NotReady(error.problem) from error
    async with run.context.db.reading() as session:
        return VendorIndex(vendors, await _aliases(session, connection_id))


async def _bring(run: Run, pleo_ids: Sequence[str]) -> None:
    """Let vendors only Pleo has be made in the ERP first. Never fails the job: the item then says what is missing."""
    if not pleo_ids:
        return
    try:
        await run.context.bring_vendors(run.company.connection.id, pleo_ids)
    except Exception:
        log.exception("vendors of the job could not be synchronised", vendors=len(pleo_ids))


async def _aliases(session: AsyncSession, connection_id: uuid.UUID) -> dict[str, str]:
    """Vendors merged away, and what took their place (VEN-096)."""
    rows = await session.execute(
        select(VendorLink.erp_id, VendorLink.merged_into).where(
            VendorLink.connection_id == connection_id,
            VendorLink.erp_id.is_not(None),
            VendorLink.merged_into.is_not(None),
        )
    )
    return {old: new for old, new in rows if old and new}
