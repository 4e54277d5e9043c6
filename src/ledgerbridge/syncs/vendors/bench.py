"""What all vendors of one run are worked with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledgerbridge.pleo.vendors import VendorsApi
from ledgerbridge.store.tables import ErpBinding, SyncKind
from ledgerbridge.syncs import kept
from ledgerbridge.syncs.desk import Desk
from ledgerbridge.syncs.vendors.judge import Books

_OUR_NAME = "ledgerbridge"


@dataclass(frozen=True, slots=True)
class Bench:
    """A run's desk with what only vendors need."""

    desk: Desk
    api: VendorsApi
    books: Books
    tries_refused: bool = True
    """Whether a draft the ERP refused before is offered to it again unchanged; the frequent poll does not."""

    def one_at_a_time(self) -> Bench:
        """The same for work in which each vendor must see what became of the one before."""
        return replace(self, desk=replace(self.desk, syncs=replace(self.desk.syncs, writers=1)))


async def bench_of(desk: Desk) -> Bench:
    """A bench at this desk. Raises `failing.Stopped` for an ERP that keeps no vendors, and `ErpError`."""
    kept.insist(desk.erp.capabilities, SyncKind.VENDORS)
    company = await desk.erp.company()
    async with desk.db.reading() as session:
        binding = await session.get(ErpBinding, desk.connection_id)
    systems = {_OUR_NAME, *([binding.kind.lower()] if binding else [])}
    return Bench(desk, VendorsApi(desk.pleo), Books(company.currency, frozenset(systems)))
