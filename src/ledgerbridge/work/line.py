"""How a worker speaks with the database: no statement more than the work needs, and a line of its own to be told on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import psycopg
from procrastinate import PsycopgConnector, exceptions
from procrastinate.connector import Notify
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from ledgerbridge.store.engine import has_something_to_read


def pool_of(conninfo: str, settings: Mapping[str, Any], *, size: int, timeout: float, name: str) -> AsyncConnectionPool:
    """A pool for single statements: each is its own transaction, without a word before or after it."""
    return AsyncConnectionPool(
        conninfo,
        kwargs=dict(settings),
        min_size=1,
        max_size=size,
        timeout=timeout,
        reconnect_timeout=5,  # then the next caller begins anew; the pool's own pauses would double for minutes
        configure=_commits_by_itself,
        check=_still_there,
        open=False,
        name=name,
    )


async def _commits_by_itself(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.set_autocommit(True)


async def _still_there(connection: psycopg.AsyncConnection[Any]) -> None:
    """Raise psycopg.OperationalError when the server has gone: only then is there something to read on an idle line."""
    if has_something_to_read(connection.fileno()):
        await AsyncConnectionPool.check_connection(connection)


class Line(PsycopgConnector):
    """The queue library's connector on our pool."""

    def __init__(self, conninfo: str, settings: Mapping[str, Any]) -> None:
        super().__init__()
        self._made_of = (conninfo, dict(settings))
        self.listening: Callable[[], Awaitable[None]] | None = None
        """Awaited each time the line for notifications is up: some may have been missed before."""

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        """Hand on notifications until the line is lost. Raises ConnectorException then.

        A line that falls silent is found out by the server settings for idle lines (`store.engine`).
        """
        conninfo, settings = self._made_of
        try:
            async with await psycopg.AsyncConnection.connect(conninfo, **settings, autocommit=True) as line:
                for channel in channels:
                    await line.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                if self.listening is not None:
                    await self.listening()
                async for one in line.notifies():
                    await on_notification(channel=one.channel, payload=one.payload)
        except psycopg.Error as error:
            raise exceptions.ConnectorException from error
