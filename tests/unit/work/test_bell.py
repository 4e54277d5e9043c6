"""A worker looks for work when told, when a job's time has come, and every few seconds until it is told of anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from procrastinate import exceptions
from procrastinate.jobs import Job

from ledgerbridge.work.bell import Bell
from ledgerbridge.work.jobs import DurableJobs

POLL = 0.05
LONG = 3600.0


class Ringing:
    """A bell whose worker counts how often it is woken."""

    def __init__(self) -> None:
        self.bell = Bell()
        self.woken = 0
        self.bell.wakes(self._wake)

    async def _wake(self) -> None:
        self.woken += 1

    async def until(self, woken: int) -> None:
        async with asyncio.timeout(20):
            while self.woken < woken:  # noqa: ASYNC110 - whoever waits is not whoever is woken
                await asyncio.sleep(0.005)


@pytest.fixture
async def ringing() -> AsyncIterator[Ringing]:
    made = Ringing()
    task: asyncio.Task[None] | None = None

    def start(poll: float) -> None:
        nonlocal task
        task = asyncio.create_task(made.bell.ring_for_ever(poll))

    cast("Any", made).start = start
    yield made
    assert task is not None
    task.cancel()


async def test_it_rings_again_and_again_until_something_is_heard(ringing: Any) -> None:
    ringing.start(POLL)
    await ringing.until(3)
    ringing.bell.heard()
    before = ringing.woken
    await asyncio.sleep(5 * POLL)
    assert ringing.woken <= before + 1, "told of work, it need not ask"
    ringing.bell.deaf()
    await ringing.until(before + 2)


async def test_it_rings_when_the_time_of_a_job_has_come(ringing: Any) -> None:
    ringing.bell.heard()
    ringing.start(LONG)
    ringing.bell.next_in(0.05)
    await ringing.until(1)
    ringing.bell.next_in(LONG)
    ringing.bell.next_in(0.05)
    await ringing.until(2)
    ringing.bell.next_in(None)
    await asyncio.sleep(0.1)
    assert ringing.woken == 2


async def test_what_is_told_while_the_worker_asks_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library forgets a notification that comes while it waits for an answer, and would sleep until it polls."""
    jobs = DurableJobs(cast("Any", None), {"work"}, patience=1)
    asked: list[int] = []

    async def take(worker_id: int) -> None:
        asked.append(worker_id)
        if len(asked) == 1:
            jobs.bell.heard()

    monkeypatch.setattr(jobs, "_take", take)
    assert await jobs.fetch_job(None, 7) is None
    assert asked == [7, 7]


async def test_a_lock_that_another_worker_took_first_does_not_keep_other_work_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody would tell of the other work again, and a worker that is told of work does not poll."""
    jobs = DurableJobs(cast("Any", None), {"work"}, patience=1)
    other = Job(id=7, queue="default", lock="b", queueing_lock=None, task_name="work")
    answers: list[Any] = [exceptions.UniqueViolation(constraint_name="x", queueing_lock=None), other]

    async def take(_: int) -> Job:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return cast("Job", answer)

    monkeypatch.setattr(jobs, "_take", take)
    assert await jobs.fetch_job(None, 7) is other
