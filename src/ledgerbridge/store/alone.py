"""Statements that are transactions of their own: one visit to the server each, on connections kept for them.

For what is asked so often that a session would cost more than its statement. Judged like all others (`store.scope`).

Jobs queued on these connections are not told of by their commit: `work.crier` does that afterwards. A NOTIFY makes all
commits of a database wait for each other, each for a visit to the disk of its own (decision 0175).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed

from ledgerbridge.store import scope

TELLS_LATER = "ledgerbridge.tells_later"
"""A setting of our own, which the trigger of the queue's table asks for (migration 0006)."""
WAIT_SECONDS = 10
"""For a connection; then whoever waits is told that the database is away."""
LOCK_SECONDS = 1
"""For a row that somebody holds."""


class Alone:
    """A pool beside the engine's, opened by its first statement."""

    def __init__(self, conninfo: str, settings: Mapping[str, str | int], size: int) -> None:
        self._conninfo = conninfo
        options = f"{settings.get('options', '')} -c {TELLS_LATER}=yes -c lock_timeout={LOCK_SECONDS}s".strip()
        self._settings = {**settings, "options": options, "autocommit": True}
        self._size = size
        self._pool: AsyncConnectionPool | None = None
        self._opening = asyncio.Lock()
        self._closed = False

    async def run(
        self, statement: str, values: Mapping[str, Any], *, across: str | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement with psycopg's placeholders. Committed on return.

        Run again when its connection turns out to be dead, also if the reply alone was lost: it must not matter how
        often it runs. A row that somebody holds is waited for `LOCK_SECONDS`.
        Raises `psycopg.Error`, which is `PoolClosed` after `close`, and `UnscopedQuery` for a statement that is not
        bound to one company, unless `across` says why it need not be.
        """
        if across is None:
            scope.judge_text(statement)
        pool = self._pool or await self._opened()
        async with pool.connection() as connection:
            try:
                return await _rows(connection, statement, values)
            except psycopg.OperationalError:
                if not connection.broken:
                    raise
        await pool.check()  # a server that was restarted leaves none of them alive
        async with pool.connection() as connection:
            return await _rows(connection, statement, values)

    async def close(self) -> None:
        """Close every connection, for good; may be repeated.

        Nothing opens the pool again: its workers outlive being cancelled, and a process with any left never ends.
        """
        async with self._opening:
            self._closed = True
            pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _opened(self) -> AsyncConnectionPool:
        async with self._opening:
            if self._closed:
                raise PoolClosed("the database was let go")
            if self._pool is None:
                pool = AsyncConnectionPool(
                    self._conninfo,
                    kwargs=self._settings,
                    min_size=1,
                    max_size=self._size,
                    max_lifetime=1800,
                    timeout=WAIT_SECONDS,
                    reconnect_timeout=5,  # then the next caller begins anew; the pool's own pauses would double
                    open=False,
                    name="alone",
                )
                await pool.open()
                self._pool = pool
            return self._pool


async def _rows(
    connection: psycopg.AsyncConnection, statement: str, values: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement.encode(), values)
    return await cursor.fetchall() if cursor.description else []
