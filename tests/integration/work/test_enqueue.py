"""Work is enqueued with the caller's transaction or not at all; equal work collapses without being lost."""

import asyncio
import time

import pytest
from sqlalchemy import text

from ledgerbridge.store.engine import Database
from ledgerbridge.work.statements import TAKE_AMONG
from ledgerbridge.work.tempo import Tempo

from .conftest import RESCUE, until

TODO = "select task_name, args, lock, queueing_lock from procrastinate_jobs where status = 'todo' order by id"
NOTE = text("insert into rate_budgets (key, next_free_at) values (:key, now())")


@pytest.fixture
def ran():
    return []


@pytest.fixture
def queue(make_queue, ran):
    queue = make_queue()

    async def look(**arguments):
        ran.append(arguments)

    queue.register("look", look)
    return queue


async def test_a_rolled_back_transaction_leaves_no_job(db, queue, jobs):
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with db.transaction() as session:
            assert await queue.defer(session, "look", company="c")
            raise ZeroDivisionError
    assert jobs(TODO) == []


async def test_a_committed_one_leaves_exactly_what_was_asked(db, queue, jobs):
    async with db.transaction() as session:
        assert await queue.defer(session, "look", lock="l", queueing_lock="q", company="c", page=3, cursor=None)
        assert jobs(TODO) == [], "visible before the commit"
    assert jobs(TODO) == [("look", {"company": "c", "page": 3, "cursor": None}, "l", "q")]


async def test_equal_work_collapses_and_the_callers_transaction_goes_on(db, queue, jobs, enqueue):
    assert await enqueue(queue, "look", queueing_lock="q")
    async with db.transaction() as session:
        await session.execute(NOTE, {"key": "before"})
        assert not await queue.defer(session, "look", queueing_lock="q")
        await session.execute(NOTE, {"key": "after"})
    assert len(jobs(TODO)) == 1
    assert jobs("select key from rate_budgets order by key") == [("after",), ("before",)]


async def test_of_many_at_once_one_is_enqueued(queue, jobs, enqueue):
    answers = await asyncio.gather(*(enqueue(queue, "look", queueing_lock="q") for _ in range(20)))
    assert sum(answers) == 1
    assert len(jobs(TODO)) == 1


async def test_work_that_runs_already_does_not_swallow_new_work(queue, jobs, enqueue):
    await enqueue(queue, "look", queueing_lock="q")
    jobs("update procrastinate_jobs set status = 'doing'")
    assert await enqueue(queue, "look", queueing_lock="q")


async def test_collapsed_work_starts_only_after_the_commit_that_leans_on_it(db, queue, workers, ran, enqueue):
    """Otherwise it could look before the caller's rows are there, and nobody would look again."""
    await enqueue(queue, "look", queueing_lock="q")
    async with db.transaction() as session:
        assert not await queue.defer(session, "look", queueing_lock="q")
        workers.start(queue)
        await asyncio.sleep(1.2)
        assert ran == [], "started before the commit"
        await session.execute(NOTE, {"key": "k"})
    await until(lambda: len(ran) == 1)


async def test_collapsing_brings_waiting_work_forward_and_never_puts_it_off(queue, jobs, enqueue):
    due = "select extract(epoch from scheduled_at - now())::int from procrastinate_jobs"
    await enqueue(queue, "look", queueing_lock="q", in_seconds=600)
    await enqueue(queue, "look", queueing_lock="q", in_seconds=900)
    assert 500 <= jobs(due)[0][0] <= 600
    await enqueue(queue, "look", queueing_lock="q", in_seconds=60)
    assert 10 <= jobs(due)[0][0] <= 60
    await enqueue(queue, "look", queueing_lock="q")
    assert jobs(due)[0][0] <= 0


async def test_new_work_starts_at_once_without_waiting_for_a_poll(make_queue, workers, enqueue, jobs, monkeypatch):
    monkeypatch.setattr(Tempo, "poll", 3600)
    ran = []

    async def look():
        ran.append(1)

    queue = make_queue()
    queue.register("look", look)
    await enqueue(queue, "look")
    workers.start(queue)
    await until(lambda: len(ran) == 1)
    listening = (
        "select 1 from pg_stat_activity where datname = current_database() and state = 'idle'"
        " and starts_with(lower(query), 'listen')"
    )
    await until(lambda: jobs(listening) != [])
    await enqueue(queue, "look")
    await until(lambda: len(ran) == 2)


async def test_work_in_the_future_waits_for_its_time(queue, workers, ran, enqueue):
    began = time.monotonic()
    await enqueue(queue, "look", in_seconds=1)
    workers.start(queue)
    await until(lambda: ran == [{}])
    assert time.monotonic() - began > 0.95


async def test_mistakes_are_refused_and_leave_nothing(db: Database, queue, jobs):
    for name, arguments, error in (("lokk", {}, ValueError), ("look", {"x": 1.5}, TypeError)):
        with pytest.raises(error):
            async with db.transaction() as session:
                await queue.defer(session, name, **arguments)
    assert jobs(TODO) == []


async def test_what_waits_for_its_time_holds_back_nothing_with_its_lock(make_queue, workers, enqueue) -> None:
    """As a round of settling, spread over half an hour, would hold back the looks that webhooks ask for meanwhile."""
    ran: list[int] = []

    async def work(number: int) -> None:
        ran.append(number)

    queue = make_queue()
    queue.register("work", work)
    await enqueue(queue, "work", lock="company", in_seconds=3600, number=1)
    await enqueue(queue, "work", lock="company", number=2)
    workers.start(queue)
    await until(lambda: ran == [2])


async def test_with_one_lock_whatever_was_due_first_goes_first(make_queue, workers, enqueue, jobs) -> None:
    ran: list[int] = []

    async def work(number: int) -> None:
        ran.append(number)
        await asyncio.sleep(0)

    queue = make_queue()
    queue.register("work", work)
    for number in range(1, 5):
        await enqueue(queue, "work", lock="company", number=number)
    jobs("update procrastinate_jobs set scheduled_at = scheduled_at - interval '1 minute' where id = 3")
    workers.start(queue)
    await until(lambda: len(ran) == 4, RESCUE * 5)
    assert ran == [3, 1, 2, 4]


@pytest.mark.parametrize("lock", ["mine", None])
async def test_work_runs_however_much_waits_behind_others(make_queue, workers, enqueue, jobs, lock) -> None:
    """More than is looked through at once waits for a company whose work is under way."""
    ran: list[int] = []

    async def work(number: int) -> None:
        ran.append(number)

    queue = make_queue()
    queue.register("work", work)
    jobs("insert into procrastinate_workers default values")
    insert = (
        "insert into procrastinate_jobs (task_name, queue_name, lock, status, args, scheduled_at, worker_id)"
        " select 'work', 'default', 'busy', %s::procrastinate_job_status, '{\"number\": 0}', now() - interval '1 hour',"
        " (select max(id) from procrastinate_workers where %s = 'doing') from generate_series(1, %s)"
    )
    jobs(insert, "doing", "doing", 1)
    jobs(insert, "todo", "todo", 3 * TAKE_AMONG)
    await enqueue(queue, "work", lock=lock, number=1)
    workers.start(queue)
    await until(lambda: ran == [1])


async def test_whoever_waits_for_a_lock_is_told_when_it_is_free(make_queue, workers, enqueue) -> None:
    """Not found by a poll: with these beats the next is minutes away."""
    ran: list[int] = []
    began, release = asyncio.Event(), asyncio.Event()

    async def work(number: int) -> None:
        began.set()
        if number == 0:
            await release.wait()
        ran.append(number)

    queue = make_queue(rescue_seconds=600)
    queue.register("work", work)
    workers.start(queue)
    await enqueue(queue, "work", lock="company", number=0)
    await began.wait()
    for number in (1, 2, 3):
        await enqueue(queue, "work", lock="company", number=number)
    began_waiting = time.monotonic()
    release.set()
    await until(lambda: ran == [0, 1, 2, 3])
    assert time.monotonic() - began_waiting < 3 * queue.tempo.poll, "each waited for a poll"


async def test_many_at_once_are_one_statement_and_collapse_like_single_ones(db, make_queue, jobs, enqueue) -> None:
    async def work(number: int) -> None: ...

    queue = make_queue()
    queue.register("work", work)
    await enqueue(queue, "work", queueing_lock="q2", in_seconds=60, number=2)
    orders = [queue.order("work", lock=f"l{n}", queueing_lock=f"q{n}", number=n) for n in (1, 2, 3)]
    async with db.transaction() as session:
        assert await queue.place_all(session, orders) == 2
        assert await queue.place_all(session, []) == 0
    waiting = jobs("select queueing_lock, scheduled_at <= now() from procrastinate_jobs order by 1")
    assert waiting == [("q1", True), ("q2", True), ("q3", True)], "the one that waited is brought forward"
