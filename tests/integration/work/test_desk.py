"""What operators see of the queue, and their remedies for work that failed for good or that nobody runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from ledgerbridge.store.engine import Database
from ledgerbridge.work import desk
from ledgerbridge.work.queue import Queue
from ledgerbridge.work.retry import RetryRule
from ledgerbridge.work.runs import place_of

from .conftest import until

STATES = "select task_name, status::text, attempts from procrastinate_jobs order by id"


class Patch:
    """Work that fails until it is mended."""

    def __init__(self, queue: Queue) -> None:
        self.mended = False
        self.done: list[Any] = []
        queue.register("sew", self.sew, retry=RetryRule(attempts=1))

    async def sew(self, **arguments: Any) -> None:
        if not self.mended:
            raise LookupError("a text with a secret in it")
        self.done.append(arguments)


@pytest.fixture
async def failed(make_queue: Any, workers: Any, enqueue: Any, jobs: Any) -> tuple[Queue, Patch]:
    """A queue with one piece of work that failed for good, and nobody working."""
    queue = make_queue()
    patch = Patch(queue)
    stop = workers.start(queue)
    await enqueue(queue, "sew", lock="l", queueing_lock="q", coat="red")
    await until(lambda: jobs("select 1 from procrastinate_jobs where task_name = 'sew' and status = 'failed'"))
    stop.set()
    await workers.stop()
    return queue, patch


async def test_failed_work_says_where_it_failed_and_no_text_of_the_error(db: Database, failed: Any, jobs: Any) -> None:
    async with db.reading() as session:
        (work,) = await desk.failed(session, limit=10)
        depths = {(one.task, one.status): one.jobs for one in await desk.depths(session)}
    assert (work.task, work.arguments, work.attempts, work.error, work.place) == (
        *("sew", {"coat": "red"}, 1, "LookupError"),
        None,
    )
    assert work.since is not None
    assert depths["sew", "failed"] == 1
    ((kept,),) = jobs("select w::text from work_failures w")
    assert "secret" not in kept


def test_the_place_of_an_error_is_the_last_line_of_ours_that_it_came_through() -> None:
    with pytest.raises(Exception, match="DATABASE_URL") as raised:
        Database("nonsense")
    place = place_of(raised.value)
    assert place is not None
    assert place.startswith("store/engine.py:")
    with pytest.raises(Exception, match="parse") as raised:
        make_url("::")
    assert place_of(raised.value) is None


async def test_work_that_runs_again_begins_with_a_fresh_count_and_happens_once(
    db: Database, failed: tuple[Queue, Patch], workers: Any, jobs: Any
) -> None:
    queue, patch = failed
    patch.mended = True
    async with db.transaction() as session:
        (work,) = await desk.failed(session, limit=10)
        assert await desk.run_again(session, work.id) == ("sew", {"coat": "red"})
    async with db.transaction() as session:
        assert await desk.run_again(session, work.id) is None, "pressed twice"
        assert await desk.give_up(session, work.id) is None
    workers.start(queue)
    await until(lambda: len(patch.done) == 1)
    assert patch.done == [{"coat": "red"}]
    await until(lambda: ("sew", "succeeded", 1) in jobs(STATES))
    assert [row for row in jobs(STATES) if row[0] == "sew"] == [("sew", "cancelled", 1), ("sew", "succeeded", 1)]


async def test_an_equal_piece_that_waits_stands_for_the_failed_one(
    db: Database, failed: tuple[Queue, Patch], enqueue: Any, jobs: Any
) -> None:
    queue, _ = failed
    await enqueue(queue, "sew", lock="l", queueing_lock="q", in_seconds=3600, coat="blue")
    async with db.transaction() as session:
        (work,) = await desk.failed(session, limit=10)
        await desk.run_again(session, work.id)
    waiting = jobs(
        "select args->>'coat', scheduled_at <= now() from procrastinate_jobs"
        " where status = 'todo' and task_name = 'sew'"
    )
    assert waiting == [("blue", True)], "it comes at once"


async def test_two_people_who_press_at_once_make_one_run(db: Database, failed: Any, jobs: Any) -> None:
    async with db.reading() as session:
        (work,) = await desk.failed(session, limit=10)

    async def pressed() -> object:
        async with db.transaction() as session:
            return await desk.run_again(session, work.id)

    answers = await asyncio.gather(pressed(), pressed(), pressed())
    assert [answer is not None for answer in answers].count(True) == 1
    assert jobs("select count(*) from procrastinate_jobs where task_name = 'sew' and status = 'todo'") == [(1,)]


async def test_work_that_was_given_up_is_no_longer_counted_as_failed(db: Database, failed: Any) -> None:
    queue, _ = failed
    async with db.transaction() as session:
        (work,) = await desk.failed(session, limit=10)
        assert await desk.give_up(session, work.id) == ("sew", {"coat": "red"})
    async with db.reading() as session:
        assert await desk.failed(session, limit=10) == []
        assert (await queue.stats(session)).failed == 0


async def test_failed_work_is_paged_through(db: Database, make_queue: Any, jobs: Any) -> None:
    jobs(
        "insert into procrastinate_jobs (queue_name, task_name, status, args) "
        "select 'default', 'sew', 'failed', jsonb_build_object('n', n) from generate_series(1, 5) n"
    )
    async with db.reading() as session:
        first = await desk.failed(session, limit=3)
        rest = await desk.failed(session, before=first[-1].id, limit=3)
    assert [work.arguments["n"] for work in [*first, *rest]] == [5, 4, 3, 2, 1]


async def test_rescue_now_puts_back_what_nobody_runs_and_plans_what_nobody_planned(
    db: Database, make_queue: Any, jobs: Any
) -> None:
    queue = make_queue()
    Patch(queue)

    async def round_() -> None: ...

    queue.every("tidy", 60, round_)
    jobs(
        "insert into procrastinate_jobs (queue_name, task_name, status, args) values ('default', 'sew', 'doing', '{}')"
    )
    async with db.reading() as session:
        (work,) = await desk.running(session, queue)
        (tidy,) = await desk.rounds(session, queue)
    assert work.stalled
    assert (tidy.name, tidy.every_seconds, tidy.last, tidy.next, tidy.running) == ("tidy", 60, None, None, False)
    await queue.rescue()
    async with db.reading() as session:
        assert await desk.running(session, queue) == []
        (tidy,) = await desk.rounds(session, queue)
    assert tidy.next is not None
    assert [row[1] for row in jobs(STATES) if row[0] == "sew"] == ["failed"], "its rule allows one run"
    async with db.reading() as session:
        (lost,) = await desk.failed(session, limit=10)
    assert lost.error == "its worker is gone"


async def test_rescue_now_leaves_alone_what_a_living_worker_runs(
    db: Database, make_queue: Any, workers: Any, enqueue: Any, jobs: Any
) -> None:
    queue, began = make_queue(), asyncio.Event()

    async def nap() -> None:
        began.set()
        await asyncio.sleep(60)

    queue.register("nap", nap)
    workers.start(queue)
    await enqueue(queue, "nap")
    await asyncio.wait_for(began.wait(), 30)
    await queue.rescue()
    async with db.reading() as session:
        (work,) = await desk.running(session, queue)
    assert (work.stalled, work.attempts) == (False, 0)
    assert work.since is not None


async def test_what_is_known_of_a_failure_goes_with_the_work(
    db: Database, failed: tuple[Queue, Patch], jobs: Any
) -> None:
    queue, _ = failed
    jobs("update procrastinate_events set at = now() - interval '100 days'")
    await queue.rescue()
    assert jobs("select count(*) from procrastinate_jobs where task_name = 'sew'") == [(0,)]
    assert jobs("select count(*) from work_failures") == [(0,)]
