"""The database goes away and comes back; the worker goes on by itself, and no work is lost or doubled."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from sqlalchemy import text

from ledgerbridge.store import postmaster, schema
from ledgerbridge.store.embedded import embedded_postgres
from ledgerbridge.store.engine import Database

from .conftest import until

JOBS = "select status::text, attempts from procrastinate_jobs order by id"


@pytest.fixture
def own_server(tmp_path: Path):
    """A server that this test alone may restart, always on the same port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        settings = {"fsync": "off", "port": str(probe.getsockname()[1])}
    uses = [embedded_postgres(tmp_path, settings)]
    uses[0].create_database("own")

    class Server:
        url = uses[0].url("own")

        def crash(self) -> None:
            """Immediate shutdown: every connection drops, nothing is said."""
            found = postmaster.find(tmp_path / "postgres")
            assert found is not None
            os.kill(found.pid, signal.SIGQUIT)

        def start(self) -> None:
            uses.append(embedded_postgres(tmp_path, settings))

    schema.upgrade(Server.url)
    yield Server()
    for use in uses:
        use.stop()


async def gone(url: str) -> None:
    """Wait until the server takes no connection any more."""
    database = Database(url)
    for _ in range(200):
        try:
            await database.ping()
        except Exception:
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the server did not go")
    await database.close()


@pytest.mark.parametrize("away", [0.5, 6.0])
async def test_work_goes_on_after_a_restart_of_the_database(own_server, make_queue, workers, away: float) -> None:
    """Jobs running, ended and waiting at the moment of the crash: each ends as succeeded, with no second run of those
    that succeeded before or that ended during the outage."""
    ended: list[int] = []
    go = asyncio.Event()

    async def work(number: int) -> None:
        if number < 3:
            await go.wait()
        ended.append(number)

    queue = make_queue(own_server.url, rescue_seconds=6)
    queue.register("work", work)
    db = Database(own_server.url)
    async with db.transaction() as session:
        for number in range(6):
            await queue.defer(session, "work", number=number)
    workers.start(queue, concurrency=3)

    async def states() -> list[str]:
        async with db.reading() as session:
            return list(
                (await session.execute(text("select status::text from procrastinate_jobs order by id"))).scalars()
            )

    while await states() != ["doing"] * 3 + ["todo"] * 3:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    own_server.crash()
    await gone(own_server.url)
    if away < 3:
        go.set()  # the three end while there is nobody to tell
    await asyncio.sleep(away)
    await asyncio.to_thread(own_server.start)
    go.set()
    async with asyncio.timeout(20):
        while await states() != ["succeeded"] * 6:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    if away < 3:
        assert sorted(ended) == list(range(6)), "a run that ended during a short outage was repeated"
    else:
        assert set(ended) == set(range(6))
    async with db.transaction() as session:
        await queue.defer(session, "work", number=7)
    await until(lambda: 7 in ended)
    await workers.stop()
    await db.close()


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
    await until(lambda: {row[0] for row in jobs(JOBS)} == {"succeeded"}, 20)
    assert set(ended) == set(range(40))
    await asyncio.sleep(0.5)
    queue_time = asyncio.get_running_loop().time()
    await enqueue(queue, "work", number=99)
    await until(lambda: 99 in ended)
    assert asyncio.get_running_loop().time() - queue_time < 2


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
    await until(lambda: ran == [1], 20)
    await workers.stop()
    await db.close()


async def test_a_stop_is_obeyed_while_the_database_is_away(own_server, make_queue, workers) -> None:
    queue = make_queue(own_server.url)
    workers.start(queue)
    await asyncio.sleep(1)
    own_server.crash()
    await gone(own_server.url)
    async with asyncio.timeout(15):
        await workers.stop()
