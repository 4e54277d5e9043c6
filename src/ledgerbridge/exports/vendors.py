"""The ERP's vendors for one job: read once, and only when an item of it may need one."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping.master_data import ErpVendor
from ledgerbridge.bookkeeping.vendor_index import VendorIndex
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.exports.preflight import NotReady, patiently
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import LinkPhase, VendorLink

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
_NOT_PAIRED = (LinkPhase.PARKED,)
"""Which of the ERP's vendors a parked one is, a person has not said yet."""


@dataclass(frozen=True, slots=True)
class Needed:
    """Whether items of a job may need a vendor, and which vendors of Pleo they name."""

    any: bool
    pleo_ids: tuple[str, ...]


async def needed(session: AsyncSession, job_id: uuid.UUID) -> Needed:
    """What the items of a job that are still to be worked ask for."""
    rows = (await session.scalars(_NEEDS, {"job_id": job_id})).all()
    return Needed(bool(rows), tuple(sorted(row for row in rows if row)))


def needed_by(payloads: Iterable[Mapping[str, Any]]) -> Needed:
    """The same of payloads that are not in the spool."""
    naming = [payload for payload in payloads if _may_need(payload)]
    vendors = [vendor for each in naming if isinstance(vendor := each.get("vendor"), dict)]
    return Needed(bool(naming), tuple(sorted({str(vendor["id"]) for vendor in vendors if vendor.get("id")})))


def _may_need(payload: Mapping[str, Any]) -> bool:
    bookkeeping = payload.get("bookkeeping")
    method = bookkeeping.get("method") if isinstance(bookkeeping, dict) else None
    return method == "accounts_payable" or payload.get("type") in ("invoice", "invoice_payment")


async def index_for(run: Run, erp: Erp) -> VendorIndex | None:
    """The vendors of the ERP, after those the job names were brought to it; None where it books no vendor bills.

    Raises `NotReady` when they cannot be read: a vendor that merely was not seen must not fail an item
    (VEN-109, VEN-110, VEN-127).
    """
    if not erp.capabilities.vendor_bills:
        return None
    async with run.context.db.reading() as session:
        wanted = await needed(session, run.job.id)
    if wanted.any:
        await _bring(run, wanted.pleo_ids)
    return await patiently(
        run.context.patience, lambda: index_of(run.context.db, run.company.connection.id, erp, wanted)
    )


async def index_of(db: Database, connection_id: uuid.UUID, erp: Erp, wanted: Needed) -> VendorIndex | None:
    """The vendors of the ERP as they are; read only where any may be needed. Raises as `index_for`."""
    if not erp.capabilities.vendor_bills:
        return None
    if not wanted.any:
        return VendorIndex(())
    vendors = await _read(erp)
    async with db.reading() as session:
        merged = await aliases(session, connection_id)
        links = await _links(session, connection_id, wanted.pleo_ids)
    return VendorIndex(vendors, merged, links)


async def _bring(run: Run, pleo_ids: Sequence[str]) -> None:
    """Let vendors only Pleo has be made in the ERP first. Never fails the job: the item then says what is missing."""
    if not pleo_ids:
        return
    seconds = min(run.context.patience.vendors, run.job.expires_in * run.context.patience.report_share)
    try:
        async with asyncio.timeout(seconds):
            await run.context.bring_vendors(run.company.connection.id, pleo_ids)
    except TimeoutError:
        log.warning("vendors of the job were not synchronised in time", vendors=len(pleo_ids), seconds=seconds)
    except Exception:
        log.exception("vendors of the job could not be synchronised", vendors=len(pleo_ids))


async def _read(erp: Erp) -> Sequence[ErpVendor]:
    try:
        return await erp.vendors()
    except ErpError as error:
        raise NotReady(error.problem) from error


async def aliases(session: AsyncSession, connection_id: uuid.UUID) -> dict[str, str]:
    """ERP ids of vendors merged away, and what took the place of each; the index follows a chain of them (VEN-096)."""
    rows = await session.execute(
        select(VendorLink.erp_id, VendorLink.merged_into).where(
            VendorLink.connection_id == connection_id,
            VendorLink.erp_id.is_not(None),
            VendorLink.merged_into.is_not(None),
        )
    )
    return {old: new for old, new in rows if old and new}


async def _links(session: AsyncSession, connection_id: uuid.UUID, pleo_ids: Sequence[str]) -> dict[str, str]:
    """Which vendors of the ERP these of Pleo were paired with. One found by its tax id carries no Pleo id (VEN-110)."""
    rows = await session.execute(
        select(VendorLink.pleo_id, VendorLink.erp_id).where(
            VendorLink.connection_id == connection_id,
            VendorLink.pleo_id.in_(pleo_ids),
            VendorLink.phase.not_in(_NOT_PAIRED),
        )
    )
    return {pleo_id: erp_id for pleo_id, erp_id in rows if erp_id}
