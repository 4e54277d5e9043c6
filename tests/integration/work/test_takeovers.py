"""A worker that was taken for dead comes back with a late word: it must not end or restart its successor's run."""

from collections.abc import AsyncIterator

import pytest
from procrastinate import PsycopgConnector
from procrastinate.jobs import Job, Status

from ledgerbridge.work.jobs import DurableJobs, Requeue

STATE = "select status::text, attempts, worker_id from procrastinate_jobs"


class Taken:
    """One job, taken by worker `old`, put back by the rescue, and taken again by worker `new`."""

    def __init__(self, jobs: DurableJobs, old: Job, new: Job) -> None:
        self.jobs, self.old, self.new = jobs, old, new
        self.state = ("doing", new.attempts, new.worker_id)


@pytest.fixture(params=["another worker", "the same worker", "another worker, first run uncounted"])
async def taken(request, database_url: str, make_queue, enqueue) -> AsyncIterator[Taken]:
    queue = make_queue()

    async def nothing() -> None: ...

    queue.register("work", nothing)
    await enqueue(queue, "work", lock="l", queueing_lock="q")
    connector = PsycopgConnector(conninfo=database_url)
    await connector.open_async()
    jobs = DurableJobs(connector, {"work"}, patience=1)
    first = await jobs.register_worker()
    second = first if request.param == "the same worker" else await jobs.register_worker()
    old = await jobs.fetch_job(None, first)
    assert old is not None
    assert await jobs.requeue(old, Requeue(0, counted="uncounted" not in request.param))
    new = await jobs.fetch_job(None, second)
    assert new is not None
    assert new.id == old.id
    yield Taken(jobs, old, new)
    await connector.close_async()


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
async def test_a_late_end_ends_nothing(taken: Taken, jobs, status: Status) -> None:
    await taken.jobs.finish_job(taken.old, status, delete_job=False)
    assert jobs(STATE) == [taken.state]
    await taken.jobs.finish_job(taken.new, Status.SUCCEEDED, delete_job=False)
    assert jobs(STATE) == [("succeeded", taken.new.attempts + 1, None)]


async def test_a_late_retry_restarts_nothing(taken: Taken, jobs) -> None:
    await taken.jobs.retry_job(taken.old)
    assert jobs(STATE) == [taken.state]


async def test_a_second_rescue_of_the_same_run_restarts_nothing(taken: Taken, jobs) -> None:
    """Two replicas sweep at once; one is slow between looking and putting back."""
    assert not await taken.jobs.requeue(taken.old, Requeue(0, counted=True))
    assert not await taken.jobs.end(taken.old, Status.FAILED)
    assert jobs(STATE) == [taken.state]


async def test_a_late_word_about_a_job_that_waits_again_changes_nothing(taken: Taken, jobs) -> None:
    assert await taken.jobs.requeue(taken.new, Requeue(60, counted=True))
    await taken.jobs.finish_job(taken.old, Status.SUCCEEDED, delete_job=False)
    assert jobs(STATE) == [("todo", taken.new.attempts + 1, None)]
