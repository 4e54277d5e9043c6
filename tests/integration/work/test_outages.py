"""The database goes away and comes back; the worker goes on by itself, and no work is lost or doubled."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ledgerbridge.store import postmaster, schema
from ledgerbridge.store.embedded import embedded_postgres
from ledgerbridge.store.engine import Database
from ledgerbridge.work.queue import Queue
from tests.support.ports import free_port

from .conftest import RESCUE, Workers, until

STATES = text("select status::text from procrastinate_jobs order by id")
JOBS = "select status::text, attempts from procrastinate_jobs order by id"


class Server:
    """A server that these tests alone may crash, always on the same port."""

    def __init__(self, data_dir: Path) -> None:
        self._settings = {"fsync": "off", "port": str(free_port())}
        self._data_dir = data_dir
        self._uses = [embedded_postgres(data_dir, self._settings)]
        self._uses[0].create_database("migrated")
        schema.upgrade(self._uses[0].url("migrated"))
        self.url = ""

    def fresh(self) -> None:
        """Run, with a database nobody used before."""
        self.start()
        name = f"own{len(self._uses)}"
        self._uses[0].create_database(name, "migrated")
        self.url = self._uses[0].url(name)

    def crash(self) -> None:
        """Immediate shutdown: every connection drops, nothing is said."""
        found = postmaster.find(self._data_dir / "postgres")
        assert found is not None
        os.kill(found.pid, signal.SIGQUIT)

    def start(self) -> None:
        self._uses.append(embedded_postgres(self._data_dir, self._settings))

    def stop(self) -> None:
        for use in self._uses:
            use.stop()


@pytest.fixture(scope="module")
def crashing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("crashing"))
    yield server
    server.stop()


@pytest.fixture
def own_server(crashing_server: Server) -> Server:
    crashing_server.fresh()
    return crashing_server


async def gone(url: str) -> None:
    """Wait until the server takes no connection any more."""
    database = Database(url)
    for _ in range(3000):
        try:
            await database.ping()
        except Exception:
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the server did not go")
    await database.close()


class Office:
    """A worker with some desks and six jobs, of which the first three wait at their desks for `go`."""

    def __init__(self, queue: Queue, url: str, workers: Workers) -> None:
        self.queue, self.db, self.workers = queue, Database(url), workers
        self.began: list[int] = []
        self.ended: list[int] = []
        self.go = asyncio.Event()
        queue.register("work", self._work)

    async def _work(self, number: int) -> None:
        self.began.append(number)
        if number < 3:
            await self.go.wait()
        self.ended.append(number)

    async def states(self) -> list[str]:
        async with self.db.reading() as session:
            return list((await session.execute(STATES)).scalars())

    async def reach(self, states: list[str], seconds: float = 90) -> None:
        async with asyncio.timeout(seconds):
            while await self.states() != states:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def open(self, desks: int = 3) -> None:
        for number in range(6):
            await self.enqueue(number)
        self.workers.start(self.queue, concurrency=desks)
        await self.reach(["doing"] * 3 + ["todo" if desks == 3 else "succeeded"] * 3)

    async def enqueue(self, number: int) -> None:
        async with self.db.transaction() as session:
            await self.queue.defer(session, "work", number=number)

    async def close(self) -> None:
        await self.enqueue(7)
        await until(lambda: 7 in self.ended)
        await self.workers.stop()
        await self.db.close()


async def test_runs_that_end_while_the_database_is_away_are_not_repeated(own_server, make_queue, workers) -> None:
    office = Office(make_queue(own_server.url, rescue_seconds=40), own_server.url, workers)
    await office.open()
    own_server.crash()
    await gone(own_server.url)
    office.go.set()
    await asyncio.sleep(1.5)
    await asyncio.to_thread(own_server.start)
    await office.reach(["succeeded"] * 6)
    assert sorted(office.began) == sorted(office.ended) == list(range(6))
    await office.close()


async def test_running_work_is_not_disturbed_by_a_short_outage(own_server, make_queue, workers) -> None:
    queue = make_queue(own_server.url, rescue_seconds=30, grace_seconds=0.1)
    office = Office(queue, own_server.url, workers)
    await office.open(desks=5)
    own_server.crash()
    await gone(own_server.url)
    await asyncio.sleep(queue.tempo.heartbeat + 0.3)
    await asyncio.to_thread(own_server.start)
    await asyncio.sleep(1)
    office.go.set()
    await office.reach(["succeeded"] * 6)
    assert sorted(office.began) == sorted(office.ended) == list(range(6)), "a run was stopped and begun again"
    await office.close()


async def test_after_a_long_outage_everything_is_done(own_server, make_queue, workers) -> None:
    office = Office(make_queue(own_server.url), own_server.url, workers)
    await office.open()
    own_server.crash()
    await gone(own_server.url)
    await asyncio.sleep(2 * RESCUE)
    await asyncio.to_thread(own_server.start)
    office.go.set()
    await office.reach(["succeeded"] * 6)
    assert set(office.ended) == set(range(6))
    await office.close()


async def test_terminated_backends_are_replaced_without_losing_work(make_queue, workers, enqueue, jobs) -> None:
    ended: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(0.05)
        ended.append(number)

    queue = make_queue()
    queue.register("work", work)
    workers.start(queue, concurrency=2)
    for number in range(40):
        await enqueue(queue, "work", number=number)
    for _ in range(5):
        await asyncio.sleep(0.2)
        jobs(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'ledgerbridge worker' and datname = current_database()"
        )
    await until(lambda: {row[0] for row in jobs(JOBS)} == {"succeeded"})
    assert set(ended) == set(range(40))
    await enqueue(queue, "work", number=99)
    await until(lambda: 99 in ended)


async def test_a_worker_started_before_its_database_waits_for_it(own_server, make_queue, workers) -> None:
    ran: list[int] = []

    async def work() -> None:
        ran.append(1)

    queue = make_queue(own_server.url)
    queue.register("work", work)
    own_server.crash()
    await gone(own_server.url)
    workers.start(queue)
    await asyncio.sleep(1)
    await asyncio.to_thread(own_server.start)
    db = Database(own_server.url)
    async with db.transaction() as session:
        await queue.defer(session, "work")
    await until(lambda: ran == [1])
    await workers.stop()
    await db.close()


async def test_a_stop_is_obeyed_while_the_database_is_away(own_server, make_queue, workers) -> None:
    queue = make_queue(own_server.url)
    workers.start(queue)
    await asyncio.sleep(1)
    own_server.crash()
    await gone(own_server.url)
    async with asyncio.timeout(60):
        await workers.stop()
