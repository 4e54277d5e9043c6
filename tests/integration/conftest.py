"""What several rooms ask for: the test's own database, straight and over a line that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ledgerbridge.store.engine import Database
from tests.support.lines import Proxy


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as line:
        yield line
