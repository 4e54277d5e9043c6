"""The store on a database of the test's own."""

import uuid
from collections.abc import AsyncIterator

import pytest

from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection
from tests.support.lines import Proxy


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def connection_id(db: Database) -> uuid.UUID:
    """A connection to lease."""
    row = Connection(environment="custom", company_id="c", auth_method="oauth", subject_urn="urn:c")
    async with db.transaction() as session:
        session.add(row)
    return row.id


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as line:
        yield line
