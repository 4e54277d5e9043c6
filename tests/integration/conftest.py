"""What several rooms ask for: the test's own database, straight and over a line that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ledgerbridge.store.engine import Database
from tests.support.lines import Proxy
from tests.support.open_transactions import watched


@pytest.fixture(autouse=True)
def _no_call_inside_a_transaction() -> Iterator[None]:
    """Invariant 9, held by every test there is."""
    with watched() as watch:
        yield
    assert not watch.calls, f"called while a transaction was open: {watch.calls}"


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    async with Proxy(database_url) as line:
        yield line
