"""Tells workers of new work after its commit, once for all that came in meanwhile.

For statements of `Database.alone`, whose commits tell nobody: a NOTIFY makes the commits of a database wait for each
other, each for a visit to the disk of its own, while those without share one. What tells alone has nothing to keep on
the disk. Workers who are not told, because this process ends in between, find the work when they look by themselves.
"""

from __future__ import annotations

import asyncio
import logging

import psycopg
from psycopg_pool import PoolClosed

from ledgerbridge.store.engine import Database
from ledgerbridge.work import statements

PAUSE_SECONDS = 0.05
"""Between two tellings; the first comes at once."""
_log = logging.getLogger(__name__)


class Crier:
    """One process's."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._wanted = False
        self._crying: asyncio.Task[None] | None = None

    def cry(self) -> None:
        """Let workers look soon; returns at once."""
        self._wanted = True
        if self._crying is None or self._crying.done():
            self._crying = asyncio.create_task(self._cry(), name="crier")

    async def _cry(self) -> None:
        while self._wanted:
            self._wanted = False
            try:
                await self._db.alone(statements.WAKE, {})
            except PoolClosed:
                return
            except psycopg.Error as error:
                _log.warning("workers were not told of new work: %s", type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)
