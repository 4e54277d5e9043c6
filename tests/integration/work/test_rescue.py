"""Work of a worker that died, vanished or was cut off runs again, in time, and once."""

import asyncio
import contextlib
import time
from typing import Any

from ledgerbridge.work.jobs import DurableJobs, Sign
from ledgerbridge.work.queue import Queue

from .conftest import RESCUE, until
from .process import worker_process

JOBS = "select status::text, attempts, worker_id from procrastinate_jobs order by id"


def napping(queue: Queue, naps: list[float]) -> Queue:
    async def nap(seconds: int) -> None:
        naps.append(time.monotonic())

    queue.register("nap", nap)
    return queue


async def test_a_killed_workers_work_runs_again_within_the_promise(
    make_queue, workers, enqueue, database_url, jobs, tmp_path
) -> None:
    naps: list[float] = []
    here = napping(make_queue(), naps)
    with worker_process(tmp_path, database_url, RESCUE) as there:
        await enqueue(here, "nap", lock="l", queueing_lock="q", seconds=60)
        await until(lambda: "began" in there.said)
        workers.start(here)
        await asyncio.sleep(RESCUE)  # `test_rules` shows by the beats that this is enough for a dead worker's work
        assert naps == [], "taken from a living worker"
        there.kill()
        await until(lambda: len(naps) == 1, 5 * RESCUE)
    await until(
        lambda: (
            jobs("select status::text, attempts from procrastinate_jobs where task_name = 'nap'") == [("succeeded", 2)]
        )
    )


async def test_a_killed_worker_that_comes_back_alone_rescues_itself(
    make_queue, enqueue, database_url, tmp_path
) -> None:
    queue = napping(make_queue(), [])
    with worker_process(tmp_path, database_url, RESCUE) as first:
        await enqueue(queue, "nap", lock="l", seconds=60)
        await until(lambda: "began" in first.said)
        first.kill()
    with worker_process(tmp_path, database_url, RESCUE) as second:
        await until(lambda: "began" in second.said)


async def test_work_of_a_worker_whose_row_vanished_runs_again(make_queue, workers, enqueue, jobs) -> None:
    naps: list[float] = []
    queue = napping(make_queue(), naps)
    await enqueue(queue, "nap", lock="l", seconds=0)
    jobs("update procrastinate_jobs set status = 'doing', worker_id = null")
    workers.start(queue)
    await until(lambda: jobs(JOBS) == [("succeeded", 2, None)])
    assert len(naps) == 1


async def test_work_whose_dead_worker_is_struck_off_while_it_is_taken_over_does_not_wait_for_the_next_sweep(
    make_queue, workers, enqueue, jobs, monkeypatch
) -> None:
    """A worker that starts strikes off dead ones, and with them the name under which their runs were found."""
    naps: list[float] = []
    queue = napping(make_queue(rescue_seconds=600), naps)
    await enqueue(queue, "nap", lock="l", seconds=0)
    jobs("insert into procrastinate_workers (last_heartbeat) values (now() - interval '400 seconds')")
    jobs("update procrastinate_jobs set status = 'doing', worker_id = (select id from procrastinate_workers)")
    found = DurableJobs.get_stalled_jobs

    async def struck_off_meanwhile(self: DurableJobs, **options: Any) -> Any:
        stalled = list(await found(self, **options))
        jobs("delete from procrastinate_workers where last_heartbeat < now() - interval '1 minute'")
        return stalled

    monkeypatch.setattr(DurableJobs, "get_stalled_jobs", struck_off_meanwhile)
    workers.start(queue)
    await until(lambda: len(naps) == 1, queue.tempo.heartbeat / 2)


async def test_a_job_given_to_a_worker_that_never_heard_of_it_runs_again(make_queue, workers, enqueue, jobs) -> None:
    """What a reply lost between the database and a living worker leaves behind."""
    naps: list[float] = []
    queue = napping(make_queue(), naps)
    workers.start(queue)
    await until(lambda: jobs("select 1 from procrastinate_workers") != [])
    await enqueue(queue, "nap", lock="l", seconds=0, in_seconds=3600)
    jobs("update procrastinate_jobs set status = 'doing', worker_id = (select id from procrastinate_workers)")
    await until(lambda: len(naps) == 1)


async def test_work_that_kills_every_worker_ends_as_failed(make_queue, workers, enqueue, jobs, db) -> None:
    queue = napping(make_queue(), [])
    await enqueue(queue, "nap", seconds=0)
    jobs("update procrastinate_jobs set status = 'doing', attempts = 11")
    workers.start(queue)
    await until(lambda: jobs(JOBS) == [("failed", 12, None)])
    async with db.reading() as session:
        assert (await queue.stats(session)).failed == 1


async def test_a_worker_cut_off_stops_itself_and_cannot_touch_its_successors_run(
    make_queue, workers, enqueue, database_url, jobs, proxy
) -> None:
    """The network parts: the other side takes over; the cut-off side stops, and its late word changes nothing."""
    log: list[str] = []
    release = asyncio.Event()

    def named(name: str, url: str) -> Queue:
        async def look() -> None:
            log.append(f"{name} began")
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()
                return
            log.append(f"{name} was stopped")
            raise ValueError("late word")

        queue = make_queue(url)
        queue.register("look", look)
        return queue

    far, near = named("far", proxy.url), named("near", database_url)
    await enqueue(near, "look", lock="l", queueing_lock="q")
    workers.start(far)
    await until(lambda: log == ["far began"])
    workers.start(near)
    proxy.cut()
    await until(lambda: {"near began", "far was stopped"} <= set(log))
    proxy.mend()
    await asyncio.sleep(RESCUE)
    assert [row[0] for row in jobs(JOBS)] == ["doing"], "the late word ended or restarted the successor's run"
    release.set()
    await until(lambda: [row[0] for row in jobs(JOBS)] == ["succeeded"])
    assert sorted(log) == ["far began", "far was stopped", "near began"]


async def test_a_worker_taken_for_dead_begins_again_under_a_new_number(make_queue, workers, enqueue, jobs) -> None:
    naps: list[float] = []
    queue = napping(make_queue(), naps)
    workers.start(queue)
    await until(lambda: jobs("select 1 from procrastinate_workers") != [])
    (first,) = jobs("delete from procrastinate_workers returning id")
    await until(lambda: jobs("select id from procrastinate_workers where id <> %s", *first) != [])
    await enqueue(queue, "nap", seconds=0)
    await until(lambda: len(naps) == 1)


async def test_a_worker_whose_heartbeat_breaks_begins_again(make_queue, workers, enqueue, jobs, monkeypatch) -> None:
    """A fault of ours in the heartbeat must not leave a worker that the others take for dead and that works on."""
    beat, broken = DurableJobs.beat, []

    async def once(self: DurableJobs, worker_id: int, *more: Any) -> Sign:
        if not broken:
            broken.append(worker_id)
            raise RuntimeError("bug")
        return await beat(self, worker_id, *more)

    monkeypatch.setattr(DurableJobs, "beat", once)
    naps: list[float] = []
    queue = napping(make_queue(), naps)
    workers.start(queue)
    await until(lambda: broken and jobs("select id from procrastinate_workers where id <> %s", broken[0]) != [])
    await enqueue(queue, "nap", seconds=0)
    await until(lambda: len(naps) == 1)


async def test_sigterm_lets_running_work_finish_and_takes_no_more(
    make_queue, enqueue, database_url, jobs, tmp_path
) -> None:
    queue = napping(make_queue(), [])
    with worker_process(tmp_path, database_url, RESCUE, grace=10) as process:
        await enqueue(queue, "nap", seconds=4, lock="l")
        await until(lambda: "began" in process.said)
        process.terminate()
        await until(lambda: "stopping" in process.said)
        await enqueue(queue, "nap", seconds=0)
        assert await process.end() == 0
    assert [word for word in process.said if word != "tick"] == ["began", "stopping", "finished", "drained"]
    states = jobs("select status::text, attempts from procrastinate_jobs where task_name = 'nap' order by id")
    assert states == [("succeeded", 1), ("todo", 0)]
    assert jobs("select 1 from procrastinate_workers") == []


async def test_draining_work_is_not_taken_for_dead(make_queue, workers, enqueue, database_url, tmp_path) -> None:
    """The drain lasts longer than the silence after which a worker counts as dead."""
    naps: list[float] = []
    here = napping(make_queue(), naps)
    with worker_process(tmp_path, database_url, RESCUE, grace=30) as process:
        await enqueue(here, "nap", seconds=5)
        await until(lambda: "began" in process.said)
        process.terminate()
        workers.start(here)
        assert await process.end() == 0
    assert "finished" in process.said
    assert naps == []


async def test_work_that_outlasts_the_grace_is_put_back_at_once(
    make_queue, workers, enqueue, database_url, jobs, tmp_path
) -> None:
    naps: list[float] = []
    here = napping(make_queue(rescue_seconds=60), naps)
    with worker_process(tmp_path, database_url, 60, grace=0.5) as process:
        await enqueue(here, "nap", seconds=60, lock="l")
        await until(lambda: "began" in process.said)
        process.terminate()
        assert await process.end() == 0
    assert [word for word in process.said if word != "tick"] == ["began", "stopping", "cancelled", "drained"]
    query = "select status::text, attempts from procrastinate_jobs where task_name = 'nap'"
    assert jobs(query) == [("todo", 0)], "an interrupted run must not count as a failure"
    workers.start(here)
    await until(lambda: jobs(query) == [("succeeded", 1)])


async def test_a_handler_that_ignores_cancellation_does_not_keep_the_process(
    make_queue, enqueue, database_url, jobs, tmp_path
) -> None:
    queue = make_queue()

    async def deaf(seconds: int) -> None: ...

    queue.register("deaf", deaf)
    with worker_process(tmp_path, database_url, RESCUE, grace=0.3) as process:
        await enqueue(queue, "deaf", seconds=60)
        await until(lambda: "began" in process.said)
        process.terminate()
        await until(lambda: "drained" in process.said)
    assert jobs("select status::text from procrastinate_jobs where task_name = 'deaf'") == [("doing",)], (
        "left to the rescue"
    )
