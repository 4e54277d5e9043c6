"""Finding work that nobody runs any more, and periodic work that nobody planned, and putting both back in the queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping

from procrastinate.jobs import Job, Status

from ledgerbridge.work import statements
from ledgerbridge.work.jobs import DurableJobs, Requeue, Sign
from ledgerbridge.work.tasks import Periodic, Task
from ledgerbridge.work.tempo import Tempo

_log = logging.getLogger(__name__)

FORGET_EVERY_SECONDS = 3600.0
_Run = tuple[int, int]
"""Id and attempts: names one run of a job in one worker."""


class Rescue:
    """One worker's sweep. Every replica sweeps; each step is written so that two at once do no harm.

    `keep_seconds` and `keep_failed_seconds` say how long finished and failed jobs stay.
    """

    def __init__(
        self,
        jobs: DurableJobs,
        tasks: Mapping[str, Task],
        tempo: Tempo,
        keep_seconds: float,
        keep_failed_seconds: float,
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._tempo = tempo
        self._keep = {"seconds": keep_seconds, "failed_seconds": keep_failed_seconds}
        self._forgot_at: float | None = None
        self._suspects: frozenset[_Run] = frozenset()
        self._astray: frozenset[_Run] = frozenset()

    @property
    def keys(self) -> Collection[str]:
        """Of the periodic work there is."""
        return [task.key for task in self._tasks.values() if isinstance(task, Periodic)]

    def wanted(self, sign: Sign) -> bool:
        """Whether the answer to a sign of life calls for a sweep.

        Jobs that the database gives to this worker and that it does not hold are astray: a reply was lost on the way. A
        job just being handed over looks the same for an instant, so only the second sighting counts.
        """
        sighted = frozenset(run for run in sign.mine if run[0] not in self._jobs.held)
        self._astray, self._suspects = sighted & self._suspects, sighted
        return sign.trouble or bool(self._astray)

    async def sweep(self, worker_id: int | None) -> None:
        """Do it all once. Raises procrastinate's ConnectorException when the database is away."""
        if not await self._take_over_stalled():
            # A worker that starts strikes off dead ones, and their runs lose the name under which we just found them.
            await self._take_over_stalled()
        if worker_id is not None:
            await self._take_back_own(worker_id)
        await self._jobs.prune_stalled_workers(self._tempo.rescue)
        for task in self._tasks.values():
            if isinstance(task, Periodic):
                await self._arm(task)
        if self._forgot_at is None or time.monotonic() - self._forgot_at > FORGET_EVERY_SECONDS / 2:
            self._forgot_at = time.monotonic()
            await self._jobs.forget(**self._keep)
        await self._jobs.bell.ring()

    async def _take_over_stalled(self) -> bool:
        """Whether all runs of dead workers that were found could be taken over."""
        stalled = await self._jobs.get_stalled_jobs(seconds_since_heartbeat=self._tempo.stalled_after)
        return all([await self._take_over(job, "its worker is gone") for job in stalled])

    async def _take_over(self, job: Job, why: str) -> bool:
        """End or requeue a run that nobody is in; False when it is not the run it was."""
        assert job.id is not None  # noqa: S101 - it was read from the database
        task = self._tasks.get(job.task_name)
        if task is not None and task.wait_after(job.attempts + 1) is None:
            taken = await self._jobs.end(job, Status.FAILED)
            if taken:
                _log.error("%s: failed for good: %s, run %d", job.call_string, why, job.attempts + 1)
                await self._jobs.failed(job.id, why, None)
        else:
            taken = await self._jobs.requeue(job, Requeue(0, counted=True))
            if taken:
                _log.warning("%s: put back: %s", job.call_string, why)
        return taken

    async def _take_back_own(self, worker_id: int) -> None:
        """Put back the jobs of this worker that were astray at its last sign of life, and still are."""
        if not self._astray:
            return
        mine = await self._jobs.list_jobs_async(status=Status.DOING.value, worker_id=worker_id)
        for job in mine:
            if (job.id, job.attempts) in self._astray and job.id not in self._jobs.held:
                await self._take_over(job, "a reply of the database was lost")
        self._astray = frozenset()

    async def _arm(self, task: Periodic) -> None:
        await self._jobs.execute(statements.ARM, name=task.name, key=task.key)
        await self._jobs.execute(statements.HASTEN, key=task.key, seconds=task.seconds)
