"""Books of vouchers in the database, for tests of targets that book into files."""

from __future__ import annotations

from ledgerbridge.connections.voucher_book import StoredBook
from ledgerbridge.connections.voucher_rows import Identity
from ledgerbridge.erp.port import ErpCompany
from ledgerbridge.store import tables
from ledgerbridge.store.engine import Database


async def empty_book(db: Database, kind: str, company: ErpCompany) -> StoredBook:
    """The book of a company of a connection of its own."""
    row = tables.Connection(environment="custom", company_id="c", auth_method="oauth", subject_urn="urn:c")
    async with db.transaction() as session:
        session.add(row)
    whose = Identity(row.id, kind, company.id, company.registration_number, company.name, company.currency)
    return StoredBook(db, whose)
