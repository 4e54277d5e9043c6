"""Tests look around in the database as they like: sessions they open themselves may ask about every company.

What the service opens is judged as in production (`ledgerbridge.store.scope`), in tests as well.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.engine import Database
from ledgerbridge.store.scope import across_companies

Opened = Callable[[Database], AbstractAsyncContextManager[AsyncSession]]
_TRANSACTION: Opened = Database.transaction


def open_for_tests() -> None:
    """From now on, for the whole process."""
    Database.transaction = _open(Database.transaction)  # type: ignore[assignment,method-assign]
    Database.reading = _open(Database.reading)  # type: ignore[assignment,method-assign]


def as_the_service(db: Database) -> AbstractAsyncContextManager[AsyncSession]:
    """A transaction judged like those of the service, for tests of the judgement."""
    return _TRANSACTION(db)


def _open(opened: Opened) -> Opened:
    def opening(db: Database) -> AbstractAsyncContextManager[AsyncSession]:
        caller = str(sys._getframe(1).f_globals.get("__name__", ""))
        return opened(db) if caller.startswith("ledgerbridge.") else _across(opened(db))

    return opening


@asynccontextmanager
async def _across(opened: AbstractAsyncContextManager[AsyncSession]) -> AsyncIterator[AsyncSession]:
    async with opened as session:
        with across_companies(session, "a test looks around"):
            yield session
