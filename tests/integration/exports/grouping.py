"""What tests of groups look at, and how a worker dies in the midst of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from sqlalchemy import select

from ledgerbridge import faults
from ledgerbridge.store.tables import ExportItem, Posting
from tests.support.erp_double import CAPABILITIES
from tests.support.rig import Killed, Rig

TOGETHER = replace(CAPABILITIES, batch=10)


async def outcomes(rig: Rig) -> dict[str, str]:
    """States of items by accounting entry."""
    async with rig.db.reading() as session:
        rows = await session.execute(
            select(ExportItem.accounting_entry_id, ExportItem.state).where(
                ExportItem.connection_id == rig.connection_id
            )
        )
        return {entry: state for entry, state in rows}  # noqa: C416 - keeps the types


async def ledger(rig: Rig) -> Counter[str]:
    """How many postings are in which state."""
    async with rig.db.reading() as session:
        return Counter(await session.scalars(select(Posting.state).where(Posting.connection_id == rig.connection_id)))


def dies_at(point: str) -> None:
    """The process is killed when it passes a fault point."""

    def hook(name: str) -> None:
        if name == point:
            faults.install(None)
            raise Killed

    faults.install(hook)
