"""The worker's hold on its jobs: what the queue library's manager does, made to survive lost connections and takeovers.

Every end of a run is written for that run only (`worker_id` and `attempts`), so a worker that was taken for dead cannot
end or restart the run of the worker that took over.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from procrastinate import exceptions, manager
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job, Status

from ledgerbridge import faults
from ledgerbridge.work import statements
from ledgerbridge.work.bell import Bell

_log = logging.getLogger(__name__)

_UNKNOWN_TASK_SECONDS = 30.0
_MOST_FORGOTTEN = 500_000
"""Ended jobs that one worker deletes in an hour: as many as the largest installation makes."""
_CROWD_BELIEVED = 50
"""Times that work is taken from lock to lock before it is looked for in the order of its time again."""


@dataclass(frozen=True)
class Requeue:
    """The verdict on a run that did not succeed: run the job again."""

    seconds: float
    """From now."""
    counted: bool
    """Whether the run counts against the retry rule."""


def is_outage(error: BaseException) -> bool:
    """Whether the database could not be reached, as opposed to having refused."""
    return isinstance(error, exceptions.ConnectorException) and isinstance(error.__cause__, psycopg.OperationalError)


@dataclass(frozen=True)
class Sign:
    """What the database answered to a sign of life."""

    known: bool
    """False when this worker was taken for dead."""
    trouble: bool
    """There is work of dead workers, or periodic work that nobody planned."""
    mine: frozenset[tuple[int, int]]
    """Id and attempts of each job the database gives to this worker."""


class DurableJobs(manager.JobManager):
    """One worker's jobs. `tasks` are the names it can run; `patience` how long it insists on storing an outcome."""

    def __init__(self, connector: BaseConnector, tasks: Collection[str], patience: float) -> None:
        super().__init__(connector)
        self._tasks = tasks
        self._patience = patience
        self.bell = Bell()
        self._crowd = 0
        self.held: set[int] = set()
        """Jobs taken and not yet ended, as far as this process knows."""
        self.verdicts: dict[int, Requeue] = {}

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """The next job, now `doing`; None when there is none or the database is away (the worker asks again)."""
        while True:
            rung = self.bell.rung
            try:
                with faults.around("queue fetch"):
                    job = await self._take(worker_id)
            except exceptions.UniqueViolation:
                continue  # another worker took a job with the same lock in this instant: there may be others
            except exceptions.ConnectorException as error:
                if is_outage(error):
                    _log.warning("no work taken, the database does not answer: %s", type(error.__cause__).__name__)
                    return None
                raise
            if job is None or job.id is None:
                if self.bell.rung != rung:
                    continue  # told of while we asked; the library forgets what it is told in that time
                return None
            if job.task_name in self._tasks:
                self.held.add(job.id)
                return job
            # During an update an older replica meets work of a newer one; the library would fail it.
            _log.warning("job %s: unknown work %s is left to others", job.id, job.task_name)
            await self.requeue(job, Requeue(_UNKNOWN_TASK_SECONDS, counted=False))

    async def _take(self, worker_id: int) -> Job | None:
        """Take the job whose time came first among those whose lock is free; without one, note when the next is due.

        Where a crowd waits behind the locks of others, that is believed for a while, and one statement is enough.
        """
        row: dict[str, Any] | None = None
        if not self._crowd:
            (row,) = await self._rows(statements.TAKE, worker_id=worker_id)
            if row["id"] is None and row["seen"] == statements.TAKE_AMONG:
                self._crowd = _CROWD_BELIEVED
        if self._crowd:
            (row,) = await self._rows(statements.TAKE_BY_LOCK, worker_id=worker_id)
            self._crowd -= 1
            if row["seen"] == statements.WALKED:
                self._crowd = 0
                (row,) = await self._rows(statements.TAKE_ANY, worker_id=worker_id)
        assert row is not None  # noqa: S101
        if row["id"] is None:
            self.bell.next_in(row["next"])
            return None
        return Job.from_row(row)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Store the end of this run, insisting through an outage."""
        await self._insist(job, lambda: self.end(job, status))

    async def retry_job(
        self,
        job: Job,
        retry_at: dt.datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Store that this run is followed by another, as its verdict says, insisting through an outage."""
        verdict = self.verdicts.pop(_id(job), Requeue(0, counted=True))
        await self._insist(job, lambda: self.requeue(job, verdict))

    async def end(self, job: Job, status: Status) -> bool:
        """End this run; False when the job is no longer in it."""
        with faults.around("queue end"):
            return bool(await self._rows(statements.FINISH, **_run(job), status=status.value))

    async def requeue(self, job: Job, verdict: Requeue) -> bool:
        """Let the job wait again, or leave its work to an equal one that waits; False when it is not in this run."""
        for _ in range(5):
            try:
                with faults.around("queue requeue"):
                    rows = await self._rows(
                        statements.REQUEUE, **_run(job), seconds=verdict.seconds, counted=int(verdict.counted)
                    )
            except exceptions.UniqueViolation:
                continue  # an equal job was enqueued in this instant; now it is seen
            if rows and rows[0]["status"] == Status.ABORTED.value:
                _log.info("job %s: left to the equal job that waits", job.id)
            return bool(rows)
        return False

    async def beat(self, worker_id: int, keys: Collection[str], stalled_after: float) -> Sign:
        """Give a sign of life, and ask whether there is something to mend; `keys` are those of periodic work."""
        values = {"worker_id": worker_id, "keys": list(keys), "stalled_after": stalled_after}
        (row,) = await self._rows(statements.BEAT, **values)
        if row["due"]:
            await self.bell.ring()
        mine = frozenset((int(job), int(attempts)) for job, attempts in (one.split("/") for one in row["mine"]))
        return Sign(row["known"], row["silent"] or row["orphaned"] or row["unplanned"], mine)

    async def listen_for_jobs(
        self, *, on_notification: manager.NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Listen for new jobs until cancelled, over any number of lost connections; polling covers the gaps."""

        async def ring() -> None:
            await on_notification(channel="", notification={"type": "job_inserted", "job_id": 0})

        async def heard(*, channel: str, notification: Any) -> None:
            self.bell.heard()
            await on_notification(channel=channel, notification=notification)

        self.bell.wakes(ring)
        pause = 0.5
        while True:
            began = time.monotonic()
            try:
                await super().listen_for_jobs(on_notification=heard, queues=queues)
            except exceptions.ConnectorException as error:
                _log.warning("not listening for work: %s", type(error.__cause__).__name__)
            self.bell.deaf()
            pause = 0.5 if time.monotonic() - began > 10 else min(pause * 2, 10)
            await asyncio.sleep(pause)

    async def failed(self, job_id: int, error: str, place: str | None) -> None:
        """Write down for people why a run failed, if the database answers; the log has more."""
        try:
            await self.execute(statements.FAILURE, id=job_id, error=error, place=place)
        except exceptions.ConnectorException as lost:
            _log.warning("job %s: no record why it failed: %s", job_id, type(lost.__cause__).__name__)

    async def forget(self, seconds: float, failed_seconds: float) -> None:
        """Delete jobs that ended so long ago. What is left, because it is very much, is for the next time."""
        (span,) = await self._rows(statements.SPAN)
        first, last = span["first"], span["last"]
        while last - first > statements.FORGET_AT_ONCE:
            middle = (first + last) // 2
            (made,) = await self._rows(statements.MADE_BEFORE, id=middle, seconds=min(seconds, failed_seconds))
            first, last = (middle, last) if made["before"] else (first, middle)
        for _ in range(_MOST_FORGOTTEN // statements.FORGET_AT_ONCE):
            values = {"seconds": seconds, "failed_seconds": failed_seconds, "newest": last}
            (row,) = await self._rows(statements.FORGET, **values)
            if row["gone"] < statements.FORGET_AT_ONCE:
                return

    async def execute(self, statement: str, **values: Any) -> None:
        """Run one of our statements that returns nothing."""
        await self.connector.execute_query_async(statement, **values)

    async def _rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        return await self.connector.execute_query_all_async(statement, **values)

    async def _insist(self, job: Job, store: Callable[[], Awaitable[bool]]) -> None:
        give_up = time.monotonic() + self._patience
        pause = 0.1
        try:
            while True:
                try:
                    if not await store():
                        _log.warning("job %s: its run was ended already, by a takeover or a lost reply", job.id)
                    return
                except exceptions.ConnectorException as error:
                    if not is_outage(error) or time.monotonic() > give_up:
                        raise  # it stays `doing` without a holder; the rescue finds it
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2)
        finally:
            self.held.discard(_id(job))


def _id(job: Job) -> int:
    if job.id is None:
        raise ValueError("a job that was never stored")
    return job.id


def _run(job: Job) -> dict[str, Any]:
    return {"id": _id(job), "attempts": job.attempts, "worker_id": job.worker_id}
