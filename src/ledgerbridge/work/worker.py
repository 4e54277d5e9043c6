"""The life of a worker: take work, give signs of life, sweep, and end in good order or begin again after a fall."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from ledgerbridge.redaction import redact_text
from ledgerbridge.work.jobs import DurableJobs
from ledgerbridge.work.line import Line
from ledgerbridge.work.rescue import FORGET_EVERY_SECONDS, Rescue
from ledgerbridge.work.runs import AsTheRunSays, Runs
from ledgerbridge.work.tasks import Argument, Task
from ledgerbridge.work.tempo import Tempo

_log = logging.getLogger(__name__)

_NEVER_SECONDS = 86_400.0
_LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_SECONDS = 60.0


async def run_for_ever(live: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """Live one life after another until `stop` is set, with a growing pause after quick deaths."""
    pause = 0.25
    while not stop.is_set():
        began = time.monotonic()
        try:
            await live()
        except Exception as error:
            _log.error("the worker fell and begins again: %s: %s", type(error).__name__, redact_text(str(error)))
        pause = 0.25 if time.monotonic() - began > _HEALTHY_SECONDS else min(pause * 2, _LONGEST_PAUSE_SECONDS)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


class Life:
    """One life of a worker, from its registration to its end. `grace` is what running work gets when it must stop."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        line: Line,
        tasks: Mapping[str, Task],
        tempo: Tempo,
        concurrency: int,
        grace_seconds: float,
        keep_seconds: float,
        keep_failed_seconds: float,
    ) -> None:
        self._pool = pool
        self._tempo = tempo
        self._grace = grace_seconds
        self._heard = time.monotonic()
        self._connector = line
        self._jobs = DurableJobs(line, tasks.keys(), patience=tempo.stalled_after)
        line.listening = self._jobs.bell.ring
        self._sweep_wanted = asyncio.Event()
        self._runs = Runs(self._jobs)
        self._rescue = Rescue(self._jobs, tasks, tempo, keep_seconds, keep_failed_seconds)
        app = App(connector=self._connector)
        app.job_manager = self._jobs
        for task in tasks.values():
            self._teach(app, task)
        self._worker = Worker(
            app,
            concurrency=concurrency,
            fetch_job_polling_interval=_NEVER_SECONDS,  # the bell rings instead
            abort_job_polling_interval=_NEVER_SECONDS,
            shutdown_graceful_timeout=grace_seconds,
            install_signal_handlers=False,
            # The library's own signs of life end when it begins to drain; ours go on until the last job is stored.
            update_heartbeat_interval=_NEVER_SECONDS,
            stalled_worker_timeout=tempo.rescue,
        )

    async def live(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain; cancelled, put the work back at once. Raises what makes it fall."""
        await self._connector.open_async(self._pool)
        working = asyncio.create_task(self._work(), name="worker")
        asked = asyncio.create_task(stop.wait(), name="worker stop")
        side = [
            asyncio.create_task(self._beat(), name="worker heartbeat"),
            asyncio.create_task(self._watch(), name="worker watch"),
            asyncio.create_task(self._sweep(), name="worker sweep"),
            asyncio.create_task(self._ring(), name="worker bell"),
        ]
        try:
            await asyncio.wait({working, asked, *side}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self._ask_to_stop()
                await self._wait_for(working, self._grace + self._tempo.stalled_after)
        finally:
            if not working.done():
                self._worker.shutdown_graceful_timeout = 0.0
                self._ask_to_stop()
                self._runs.cancel_all()
                await self._wait_for(working, self._tempo.stalled_after)
            broken = [task.exception() for task in side if task.done() and not task.cancelled()]
            for task in (asked, *side):
                task.cancel()
            await asyncio.gather(asked, *side, return_exceptions=True)
        if working.done():
            working.result()
        else:
            working.add_done_callback(lambda late: late.cancelled() or late.exception())
        for error in broken:
            if error is not None:
                raise error

    async def _wait_for(self, working: asyncio.Task[None], seconds: float) -> None:
        await asyncio.wait({working}, timeout=seconds)
        if not working.done():
            _log.error("work does not end when asked; the rescue will put it back")

    async def _work(self) -> None:
        await self._worker.run()  # type: ignore[no-untyped-call]

    def _ask_to_stop(self) -> None:
        self._worker.stop()  # type: ignore[no-untyped-call]

    def _teach(self, app: App, task: Task) -> None:
        async def run(context: JobContext, /, **arguments: Argument) -> None:
            await self._runs.run(task, context, arguments)

        app.task(name=task.name, pass_context=True, retry=AsTheRunSays(self._jobs))(run)

    async def _beat(self) -> None:
        """Give signs of life until this worker is found to have been taken for dead; then begin again."""
        while True:
            await asyncio.sleep(self._tempo.heartbeat)
            worker_id = self._worker.worker_id
            asked = time.monotonic()
            if worker_id is None:
                self._heard = asked
                continue
            try:
                sign = await self._jobs.beat(worker_id, self._rescue.keys, self._tempo.stalled_after)
            except ConnectorException as error:
                _log.warning("no sign of life got through: %s", type(error.__cause__).__name__)
                continue
            self._heard = asked
            if self._rescue.wanted(sign):
                self._sweep_wanted.set()
            if not sign.known and self._worker.worker_id == worker_id:
                _log.error("this worker was taken for dead; it begins again under a new number")
                self._runs.cancel_all()
                self._ask_to_stop()
                return

    async def _watch(self) -> None:
        """Stop running work when no sign of life got through for as long as others wait before they take it over.

        Apart from `_beat`, because a query on a dead line does not even end when it is cancelled.
        """
        while True:
            await asyncio.sleep(self._tempo.heartbeat)
            if time.monotonic() - self._heard > self._tempo.stalled_after - self._tempo.heartbeat:
                _log.error("no sign of life got through for %.0f s; running work is stopped", self._tempo.stalled_after)
                self._runs.cancel_all()

    async def _ring(self) -> None:
        await self._jobs.bell.ring_for_ever(self._tempo.poll)

    async def _sweep(self) -> None:
        """At the start, when a sign of life shows that something is amiss, and now and then to forget what is over."""
        while True:
            self._sweep_wanted.clear()
            try:
                await self._rescue.sweep(self._worker.worker_id)
            except ConnectorException as error:
                _log.warning("no sweep, the database does not answer: %s", type(error.__cause__).__name__)
            except Exception as error:
                _log.error("sweep failed: %s: %s", type(error).__name__, redact_text(str(error)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sweep_wanted.wait(), FORGET_EVERY_SECONDS)
