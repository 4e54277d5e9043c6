"""Work that comes again for ever: on one replica at a time, through crashes, failures and changes of its interval."""

import asyncio
import time

from .conftest import RESCUE, until
from .process import worker_process

TICKS = "select status::text from procrastinate_jobs where task_name = 'tick' and status in ('todo', 'doing')"


async def test_it_comes_again_at_its_interval(make_queue, workers) -> None:
    times: list[float] = []

    async def tick() -> None:
        times.append(time.monotonic())

    queue = make_queue()
    queue.every("tick", 0.5, tick)
    workers.start(queue)
    await until(lambda: len(times) >= 5)
    assert times[4] - times[0] >= 4 * 0.45 * 0.95


async def test_the_first_comes_with_the_worker(make_queue, workers) -> None:
    times: list[float] = []

    async def tick() -> None:
        times.append(time.monotonic())

    queue = make_queue()
    queue.every("tick", 3600, tick)
    workers.start(queue)
    await until(lambda: len(times) == 1)


async def test_two_replicas_do_not_double_it(make_queue, workers, jobs) -> None:
    running = most = 0
    ticks: list[float] = []

    async def tick() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(0.1)
            ticks.append(time.monotonic())
        finally:
            running -= 1

    for _ in range(3):
        queue = make_queue()
        queue.every("tick", 0.4, tick)
        workers.start(queue)
    planned = 0

    def six_ticks() -> bool:
        nonlocal planned
        planned = max(planned, len(jobs(TICKS)))
        return len(ticks) >= 6

    await until(six_ticks)
    assert planned <= 2, "at most one running and one planned"
    assert most == 1
    assert ticks[5] - ticks[0] >= 5 * (0.36 + 0.1) * 0.95, "the next is planned when one has ended"


async def test_it_goes_on_after_its_worker_was_killed(database_url, jobs, tmp_path) -> None:
    with worker_process(tmp_path, database_url, RESCUE) as first:
        await until(lambda: first.said.count("tick") >= 2)
        first.kill()
    with worker_process(tmp_path, database_url, RESCUE) as second:
        await until(lambda: second.said.count("tick") >= 3)
        assert len(jobs(TICKS)) <= 2


async def test_a_crash_at_any_point_leaves_one_plan(make_queue, workers, jobs) -> None:
    """Each state a crash can leave: nothing, running with nothing planned, running with the next planned."""
    insert = (
        "insert into procrastinate_jobs (task_name, queue_name, lock, queueing_lock, status, scheduled_at)"
        " values ('tick', 'default', 'every:tick', 'every:tick', %s, now() + make_interval(secs => %s))"
    )
    for left in ([], [("doing", 0)], [("doing", 0), ("todo", 0.2)], [("todo", 0.2)], [("succeeded", 0)]):
        jobs("delete from procrastinate_jobs")
        for status, seconds in left:
            jobs(insert, status, seconds)
        ticks: list[int] = []

        async def tick(ticks: list[int] = ticks) -> None:
            ticks.append(1)

        queue = make_queue(rescue_seconds=2)
        queue.every("tick", 0.5, tick)
        workers.start(queue)
        await until(lambda ticks=ticks: len(ticks) >= 3)
        assert len(jobs(TICKS)) <= 2
        await workers.stop()
        assert jobs(TICKS) == [("todo",)], f"after {left}"


async def test_a_failure_does_not_end_it_nor_pile_up_rows(make_queue, workers, jobs, db) -> None:
    runs: list[int] = []

    async def tick() -> None:
        runs.append(1)
        if len(runs) < 5:
            raise ValueError("no")

    queue = make_queue(rescue_seconds=2)
    queue.every("tick", 0.2, tick)
    workers.start(queue)
    await until(lambda: len(runs) >= 7)
    await workers.stop()
    async with db.reading() as session:
        assert (await queue.stats(session)).failed == 0
    assert [state for (state,) in jobs(TICKS)] == ["todo"]
    ended = jobs("select status::text, count(*) from procrastinate_jobs where status <> 'todo' group by 1")
    assert dict(ended).get("failed", 0) == 0


async def test_a_shorter_interval_takes_effect_at_once(make_queue, workers, jobs) -> None:
    ticks: list[int] = []

    async def tick() -> None:
        ticks.append(1)

    slow = make_queue()
    slow.every("tick", 3600, tick)
    stop = workers.start(slow)
    await until(lambda: len(ticks) == 1)
    await until(lambda: jobs(TICKS) == [("todo",)])
    stop.set()
    quick = make_queue()
    quick.every("tick", 0.3, tick)
    workers.start(quick)
    await until(lambda: len(ticks) >= 3)
