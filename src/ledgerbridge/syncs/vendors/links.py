"""Links: our row for each pair of vendors, read as values and saved in short transactions under the lease's fence."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.store.leases import LeaseLost, holds
from ledgerbridge.store.tables import LinkPhase, VendorLink
from ledgerbridge.syncs.desk import Desk

BRAKE_WRITES = 3
"""So many writes of one vendor in a day without a change in the ERP are made; the next is not (VEN-087)."""
BRAKE_WINDOW = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Link:
    """What we remember of one Pleo vendor beside its ERP vendor, and nothing of the vendor itself (VEN-009)."""

    pleo_id: str
    phase: LinkPhase
    erp_id: str | None = None
    """`externalId`; None for a draft that waits for a person without an ERP vendor of its own."""
    code: str | None = None
    """The vendor number last seen in the ERP."""
    merged_into: str | None = None
    """ERP id of the vendor this one was merged into (VEN-096)."""
    erp_digest: str | None = None
    pleo_digest: str | None = None
    note: str | None = None
    """Why it is parked or broken, in a sentence for a person."""
    writes: int = 0
    """Writes to Pleo since `writes_since` without a change in the ERP."""
    writes_since: dt.datetime | None = None

    @property
    def binds(self) -> bool:
        """Whether it ties the Pleo vendor to an ERP vendor, now or as a tombstone."""
        return self.erp_id is not None and self.phase is not LinkPhase.BROKEN

    def braked(self, now: dt.datetime) -> bool:
        """Whether another write without a change in the ERP would be one too many (VEN-087)."""
        return self.writes >= BRAKE_WRITES and self._recent(now)

    def after_write(self, now: dt.datetime) -> Link:
        """With one more write counted."""
        if self._recent(now):
            return replace(self, writes=self.writes + 1)
        return replace(self, writes=1, writes_since=now)

    def _recent(self, now: dt.datetime) -> bool:
        return self.writes_since is not None and now - self.writes_since < BRAKE_WINDOW


_COLUMNS = tuple(each for each in Link.__dataclass_fields__ if each != "pleo_id")


async def every(session: AsyncSession, connection_id: uuid.UUID) -> tuple[Link, ...]:
    """All links of a company."""
    rows = await session.scalars(select(VendorLink).where(VendorLink.connection_id == connection_id))
    return tuple(_read(row) for row in rows)


async def about(
    session: AsyncSession, connection_id: uuid.UUID, pleo_ids: Collection[str], erp_ids: Collection[str]
) -> tuple[Link, ...]:
    """The links that name one of these vendors."""
    named = or_(VendorLink.pleo_id.in_(pleo_ids), VendorLink.erp_id.in_(erp_ids))
    rows = await session.scalars(select(VendorLink).where(VendorLink.connection_id == connection_id, named))
    return tuple(_read(row) for row in rows)


async def save(desk: Desk, link: Link) -> Link:
    """Write one link as it is now and return it. Broken links of the same ERP vendor have served their turn and go.

    Raises `LeaseLost`, and nothing has changed then.
    """
    values = {name: getattr(link, name) for name in _COLUMNS} | {"updated_at": utcnow()}
    wanted = insert(VendorLink).values(
        id=uuid.uuid4(), connection_id=desk.connection_id, pleo_id=link.pleo_id, **values
    )
    async with desk.db.transaction() as session:
        await _fence(desk, session)
        await session.execute(wanted.on_conflict_do_update(index_elements=["connection_id", "pleo_id"], set_=values))
        if link.phase is LinkPhase.LINKED:
            await session.execute(
                delete(VendorLink).where(
                    VendorLink.connection_id == desk.connection_id,
                    VendorLink.erp_id == link.erp_id,
                    VendorLink.phase == LinkPhase.BROKEN,
                )
            )
    return link


async def drop(desk: Desk, pleo_id: str) -> None:
    """Forget one link. Raises `LeaseLost`."""
    async with desk.db.transaction() as session:
        await _fence(desk, session)
        await session.execute(
            delete(VendorLink).where(VendorLink.connection_id == desk.connection_id, VendorLink.pleo_id == pleo_id)
        )


async def waiting(session: AsyncSession, connection_id: uuid.UUID) -> Sequence[VendorLink]:
    """Links that wait for a person or tell of something broken, and archived vendors on offer; oldest first."""
    rows = await session.scalars(
        select(VendorLink)
        .where(
            VendorLink.connection_id == connection_id,
            or_(VendorLink.phase.in_((LinkPhase.PARKED, LinkPhase.BROKEN)), VendorLink.note.is_not(None)),
        )
        .order_by(VendorLink.created_at, VendorLink.id)
    )
    return rows.all()


async def _fence(desk: Desk, session: AsyncSession) -> None:
    if desk.lease is None:
        raise RuntimeError("a preview writes nothing")
    if not await holds(session, desk.lease):
        raise LeaseLost(f"the lease of connection {desk.connection_id} was lost")


def _read(row: VendorLink) -> Link:
    values = {name: getattr(row, name) for name in _COLUMNS}
    return Link(pleo_id=row.pleo_id, **values | {"phase": LinkPhase(row.phase)})
