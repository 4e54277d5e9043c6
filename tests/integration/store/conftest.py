"""A fresh database a test, cloned from one that went through the migrations once."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from ledgerbridge.store import schema
from ledgerbridge.store.embedded import EmbeddedPostgres, embedded_postgres
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with embedded_postgres(tmp_path_factory.mktemp("cluster"), {"fsync": "off"}) as server:
        server.create_database("migrated")
        schema.upgrade(server.url("migrated"))
        yield server


@pytest.fixture
def database_url(postgres: EmbeddedPostgres) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    postgres.create_database(name, "migrated")
    yield postgres.url(name)
    postgres.drop_database(name)


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
