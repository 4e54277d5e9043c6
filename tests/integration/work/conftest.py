"""Workers on a real database, and what tests ask about their jobs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

from ledgerbridge.store.engine import Database
from ledgerbridge.work.queue import Queue

RESCUE = 4.0
"""Seconds within which dead work must be running again; long enough for a busy machine to give its signs of life."""


class Workers:
    """Starts workers and stops what is still running at the end of the test."""

    def __init__(self) -> None:
        self._running: list[tuple[asyncio.Event, asyncio.Task[None]]] = []

    def start(self, queue: Queue, concurrency: int = 5) -> asyncio.Event:
        """Run a worker of this queue; set the answer to stop it."""
        stop = asyncio.Event()
        self._running.append((stop, asyncio.create_task(queue.run_worker(stop, concurrency))))
        return stop

    async def stop(self) -> None:
        """Stop all and wait until they have drained."""
        for stop, _ in self._running:
            stop.set()
        await asyncio.gather(*(task for _, task in self._running))
        self._running.clear()

    async def kill(self) -> None:
        """Cancel all at once."""
        for _, task in self._running:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._running), return_exceptions=True)
        self._running.clear()


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    started = Workers()
    yield started
    await started.kill()


@pytest.fixture
def jobs(database_url: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Ask the database, outside all pools."""
    with psycopg.connect(database_url, autocommit=True) as connection:

        def ask(query: str, *values: Any) -> list[tuple[Any, ...]]:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

        yield ask


@pytest.fixture
def make_queue(database_url: str) -> Callable[..., Queue]:
    def make(url: str = database_url, **options: Any) -> Queue:
        return Queue(url, **{"rescue_seconds": RESCUE, "grace_seconds": 5} | options)

    return make


@pytest.fixture
def enqueue(db: Database) -> Callable[..., Awaitable[bool]]:
    """Enqueue in a transaction of its own."""

    async def do(queue: Queue, name: str, **options: Any) -> bool:
        async with db.transaction() as session:
            return await queue.defer(session, name, **options)

    return do


async def until(condition: Callable[[], bool], seconds: float = 60) -> float:
    """Wait until it holds and tell how long that took; fail when it does not in time, which is no measure of speed."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "waited in vain"
        await asyncio.sleep(0.02)
    return time.monotonic() - began
