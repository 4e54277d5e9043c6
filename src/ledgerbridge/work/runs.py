"""One run of a piece of work: call the handler, and settle what becomes of the job when it does not succeed."""

from __future__ import annotations

import asyncio
import logging
import traceback
from typing import Any

from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from structlog.contextvars import bound_contextvars

from ledgerbridge.redaction import redact_text
from ledgerbridge.work import statements
from ledgerbridge.work.jobs import DurableJobs, Requeue
from ledgerbridge.work.retry import TryLater
from ledgerbridge.work.tasks import Argument, Periodic, Task

_log = logging.getLogger(__name__)

_WORK = __name__.rpartition(".")[0]
_OURS = f"{__name__.partition('.')[0]}."


class RunFailed(Exception):
    """A run did not succeed; the log has the reason. Stands in for the original, whose text may hold a secret."""


class AsTheRunSays(BaseRetryStrategy):
    """Tells the queue library to retry exactly when the run left a verdict."""

    def __init__(self, jobs: DurableJobs) -> None:
        self._jobs = jobs

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return RetryDecision() if job.id in self._jobs.verdicts else None


class Runs:
    """The runs going on in one worker."""

    def __init__(self, jobs: DurableJobs) -> None:
        self._jobs = jobs
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, task: Task, context: JobContext, arguments: dict[str, Argument]) -> None:
        """Run a job's handler. Raises RunFailed or CancelledError, with the verdict left for the queue library."""
        current = asyncio.current_task()
        assert current is not None  # noqa: S101
        assert context.job.id is not None  # noqa: S101
        self._running.add(current)
        try:
            with bound_contextvars(work=task.name, work_id=context.job.id):
                await self._attempt(task, context.job, context.job.id, arguments)
        finally:
            self._running.discard(current)

    def cancel_all(self) -> None:
        """Cancel every run; the jobs wait again, uncounted."""
        for running in self._running:
            running.cancel()

    async def _attempt(self, task: Task, job: Job, job_id: int, arguments: dict[str, Argument]) -> None:
        try:
            wanted = await task.handler(**arguments)
        except asyncio.CancelledError:
            _log.warning("%s: stopped in the middle, to be run again", job.call_string)
            self._jobs.verdicts[job_id] = Requeue(0, counted=False)
            raise
        except TryLater as later:
            _log.info("%s: again in %.0f s: %s", job.call_string, later.seconds, redact_text(str(later)))
            self._jobs.verdicts[job_id] = Requeue(later.seconds, counted=False)
            raise RunFailed("try later") from None
        except Exception as error:
            wait = task.wait_after(job.attempts + 1)
            told = "for good" if wait is None else f"to be run again in {wait:.0f} s"
            _log.exception(
                "%s: run %d failed, %s\n%s",
                job.call_string,
                job.attempts + 1,
                told,
                safe_traceback(error),
                exc_info=False,
            )
            if wait is not None:
                self._jobs.verdicts[job_id] = Requeue(wait, counted=True)
            await self._jobs.failed(job_id, type(error).__name__, place_of(error))
            raise RunFailed(type(error).__name__) from None
        if isinstance(task, Periodic):
            await self._plan_next(task, wanted)

    async def _plan_next(self, task: Periodic, wanted: float | None) -> None:
        try:
            await self._jobs.execute(statements.NEXT, name=task.name, key=task.key, seconds=task.next_wait(wanted))
        except ConnectorException as error:  # the sweep arms it again once this job has ended
            _log.warning("%s: next run not planned yet: %s", task.name, type(error.__cause__).__name__)


def place_of(error: BaseException) -> str | None:
    """Module and line of ours that an error came through last, as `exports/run.py:71`; None when through none."""
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_OURS) and not module.startswith(_WORK):
            found = f"{module.removeprefix(_OURS).replace('.', '/')}.py:{line}"
    return found


def safe_traceback(error: BaseException) -> str:
    """The traceback with its chain of causes, without local variables and with secrets hidden (AUTH-045)."""
    return redact_text("".join(traceback.TracebackException.from_exception(error).format()).rstrip())
