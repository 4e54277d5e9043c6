"""How work is run: one at a time where asked, again after a failure, and never without a trace."""

import asyncio
import itertools
import logging

import pytest

from ledgerbridge.store.engine import Database
from ledgerbridge.work import statements
from ledgerbridge.work.retry import RetryRule, TryLater

from .conftest import until

STATES = "select status::text, attempts from procrastinate_jobs order by id"


async def test_one_at_a_time_per_lock_in_order_over_two_workers(make_queue, workers, enqueue):
    """Forty jobs of four companies, two replicas: within a company never two at once, oldest first."""
    running: dict[str, int] = {}
    seen: list[tuple[str, int]] = []
    most_at_once = 0

    async def look(company: str, number: int) -> None:
        nonlocal most_at_once
        running[company] = running.get(company, 0) + 1
        assert running[company] == 1, f"two at once for {company}"
        most_at_once = max(most_at_once, sum(running.values()))
        await asyncio.sleep(0.03)
        seen.append((company, number))
        running[company] -= 1

    replicas = [make_queue(), make_queue()]
    for queue in replicas:
        queue.register("look", look, retry=RetryRule(attempts=1))
    for number in range(10):
        for company in "abcd":
            await enqueue(replicas[0], "look", lock=company, company=company, number=number)
    for queue in replicas:
        workers.start(queue)
    await until(lambda: len(seen) == 40)
    for company in "abcd":
        assert [number for name, number in seen if name == company] == list(range(10))
    assert most_at_once > 1, "different companies must run side by side"


async def test_a_failure_is_tried_again_later_and_later_and_then_stays_visible(
    make_queue, workers, enqueue, db: Database, jobs
):
    times: list[float] = []

    async def fails() -> None:
        times.append(asyncio.get_running_loop().time())
        raise ValueError("no")

    queue = make_queue()
    queue.register("fails", fails, retry=RetryRule(attempts=4, first_seconds=0.2, cap_seconds=0.5))
    workers.start(queue)
    await enqueue(queue, "fails", lock="l", queueing_lock="q")
    await until(lambda: jobs(STATES)[0][0] == "failed")
    assert len(times) == 4
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits[0] >= 0.16
    assert waits[1] >= 0.32
    assert waits[2] >= 0.4
    async with db.reading() as session:
        stats = await queue.stats(session)
    assert (stats.failed, stats.waiting, stats.running) == (1, 0, 0)


async def test_a_run_that_waits_for_its_retry_is_counted(make_queue, workers, enqueue, db: Database, jobs):
    async def fails() -> None:
        raise ValueError("no")

    queue = make_queue()
    queue.register("fails", fails, retry=RetryRule(attempts=2, first_seconds=3600))
    workers.start(queue)
    await enqueue(queue, "fails")
    await until(lambda: jobs(STATES) == [("todo", 1)])
    async with db.reading() as session:
        stats = await queue.stats(session)
    assert (stats.retrying, stats.running, stats.failed) == (1, 0, 0)


async def test_trying_later_is_no_failure(make_queue, workers, enqueue, jobs):
    runs = []

    async def busy() -> None:
        runs.append(1)
        if len(runs) < 4:
            raise TryLater(0.1, "somebody else has the lease")

    queue = make_queue()
    queue.register("busy", busy, retry=RetryRule(attempts=1))
    workers.start(queue)
    await enqueue(queue, "busy")
    await until(lambda: jobs(STATES) == [("succeeded", 1)])
    assert len(runs) == 4


async def test_a_failed_run_yields_to_an_equal_job_that_waits(make_queue, workers, enqueue, jobs):
    """The library itself would leave it running for ever, and its lock with it."""
    go = asyncio.Event()
    runs = []

    async def look() -> None:
        runs.append(1)
        if len(runs) == 1:
            await go.wait()
            raise ValueError("no")

    queue = make_queue()
    queue.register("look", look)
    workers.start(queue)
    await enqueue(queue, "look", lock="l", queueing_lock="q")
    await until(lambda: len(runs) == 1)
    assert await enqueue(queue, "look", lock="l", queueing_lock="q")
    go.set()
    await until(lambda: [state for state, _ in jobs(STATES)] == ["aborted", "succeeded"])
    assert len(runs) == 2


async def test_work_of_a_newer_release_is_left_for_it(make_queue, workers, enqueue, jobs):
    newer, older = make_queue(), make_queue()
    ran = []

    async def look() -> None:
        ran.append(1)

    newer.register("new work", look)
    await enqueue(newer, "new work")
    older.register("old work", look)
    await enqueue(older, "old work")
    workers.start(older)
    await until(lambda: len(ran) == 1)
    await workers.stop()
    assert jobs("select status::text, attempts from procrastinate_jobs where task_name = 'new work'") == [("todo", 0)]
    jobs("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
    workers.start(newer)
    await until(lambda: len(ran) == 2)


@pytest.mark.rule("AUTH-045")
async def test_a_failure_is_logged_with_its_traceback_and_without_a_secret(make_queue, workers, enqueue, jobs, caplog):
    token = "eyJhbGciOi.J9.abc"

    async def call_pleo(company: str) -> None:
        raise ConnectionError(f"{company} refused: Authorization: Bearer {token}")

    queue = make_queue()
    queue.register("call", call_pleo, retry=RetryRule(attempts=1))
    workers.start(queue)
    with caplog.at_level(logging.DEBUG):
        await enqueue(queue, "call", company="c-17")
        await until(lambda: [state for state, _ in jobs(STATES)] == ["failed"])
    assert "in call_pleo" in caplog.text
    assert "c-17" in caplog.text
    assert "ConnectionError" in caplog.text
    assert token not in caplog.text
    formatter = logging.Formatter()
    assert token not in "".join(formatter.format(record) for record in caplog.records)


async def test_stats_tell_depth_age_and_signs_of_life(make_queue, workers, enqueue, db: Database, jobs):
    release = asyncio.Event()

    async def slow() -> None:
        await release.wait()

    queue = make_queue()
    queue.register("slow", slow)
    for _ in range(3):
        await enqueue(queue, "slow")
    await enqueue(queue, "slow", in_seconds=600)
    jobs("update procrastinate_jobs set scheduled_at = now() - interval '90 seconds' where id < 3")
    workers.start(queue, concurrency=1)
    await until(lambda: jobs("select 1 from procrastinate_jobs where status = 'doing'") != [])
    async with db.reading() as session:
        stats = await queue.stats(session)
    assert (stats.waiting, stats.scheduled, stats.running, stats.failed) == (2, 1, 1, 0)
    assert 90 <= stats.oldest_waiting_seconds < 90 + 60
    assert stats.has_worker(queue.tempo.stalled_after)
    assert len(stats.workers) == 1
    release.set()
    await workers.stop()
    async with db.reading() as session:
        assert not (await queue.stats(session)).workers, "a worker that ended still counts"


async def test_ended_jobs_are_forgotten_in_time_and_failed_ones_later(make_queue, workers, jobs, enqueue):
    async def nothing() -> None: ...

    queue = make_queue(keep_days=7, keep_failed_days=90)
    queue.register("nothing", nothing)
    for _ in range(5):
        await enqueue(queue, "nothing", in_seconds=3600)
    for job, status, days in ((1, "succeeded", 8), (2, "succeeded", 6), (3, "failed", 60), (4, "failed", 91)):
        jobs("update procrastinate_jobs set status = %s where id = %s", status, job)
        jobs("update procrastinate_events set at = now() - make_interval(days => %s) where job_id = %s", days, job)
    workers.start(queue)
    await until(lambda: len(jobs(STATES)) == 3)
    assert jobs("select id from procrastinate_jobs order by id") == [(2,), (3,), (5,)]


async def test_more_ended_jobs_than_are_deleted_at_once_are_forgotten_all_the_same(
    make_queue, workers, jobs, monkeypatch
) -> None:
    monkeypatch.setattr(statements, "FORGET_AT_ONCE", 50)
    monkeypatch.setattr(statements, "FORGET", statements.FORGET.replace("limit 5000", "limit 50"))
    insert = (
        "insert into procrastinate_jobs (task_name, queue_name, status, args)"
        " select 'old', 'default', 'succeeded', '{}' from generate_series(1, %s)"
    )
    jobs(insert, 1)
    jobs("update procrastinate_jobs set status = 'failed' where id = (select max(id) from procrastinate_jobs)")
    jobs(insert, 300)
    jobs("insert into procrastinate_events (job_id, type) select id, 'succeeded' from procrastinate_jobs")
    jobs("update procrastinate_events set at = now() - interval '8 days'")
    jobs(insert, 40)
    jobs(
        "insert into procrastinate_events (job_id, type) select id, 'succeeded' from procrastinate_jobs j"
        " where not exists (select 1 from procrastinate_events e where e.job_id = j.id)"
    )
    workers.start(make_queue(keep_days=7, keep_failed_days=90))
    await until(lambda: jobs("select count(*) from procrastinate_jobs") == [(41,)])
