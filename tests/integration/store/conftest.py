"""The store on a database of the test's own."""

import uuid

import pytest

from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection


@pytest.fixture
async def connection_id(db: Database) -> uuid.UUID:
    """A connection to lease."""
    row = Connection(environment="custom", company_id="c", auth_method="oauth", subject_urn="urn:c")
    async with db.transaction() as session:
        session.add(row)
    return row.id
