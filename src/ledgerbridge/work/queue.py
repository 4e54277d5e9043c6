"""The door of the room: say what work there is, enqueue it in a transaction, run a worker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.store.engine import connection_settings, libpq_url
from ledgerbridge.work import statements
from ledgerbridge.work.jobs import DurableJobs
from ledgerbridge.work.line import Line, pool_of
from ledgerbridge.work.rescue import Rescue
from ledgerbridge.work.retry import RetryRule
from ledgerbridge.work.stats import QueueStats, read_stats
from ledgerbridge.work.tasks import Argument, Handler, Order, Periodic, Task
from ledgerbridge.work.tempo import Tempo
from ledgerbridge.work.worker import Life, run_for_ever

_DAY = 86_400.0


class Queue:
    """The durable queue in the database at `conninfo` (any form of URL that `store.engine` takes).

    A handler may be run more than once: its worker may die after the work and before the record of it. Jobs with the
    same lock run one at a time, in the order in which their times came, over all replicas.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        rescue_seconds: float = 60,
        grace_seconds: float = 25,
        keep_days: float = 7,
        keep_failed_days: float = 90,
    ) -> None:
        """`rescue_seconds`: a dead worker's work runs again within this. `grace_seconds`: what running work gets to
        finish when the process stops. `keep_days`, `keep_failed_days`: how long ended jobs stay visible."""
        self._conninfo = libpq_url(conninfo)
        self._settings = connection_settings(conninfo, "ledgerbridge worker")
        self.tempo = Tempo(rescue_seconds)
        self._grace = grace_seconds
        self._keep = (keep_days * _DAY, keep_failed_days * _DAY)
        self._tasks: dict[str, Task] = {}

    def register(self, name: str, handler: Handler, *, retry: RetryRule | None = None) -> None:
        """Say what runs under `name`. Raises ValueError when the name is taken."""
        self._add(Task(name, handler, retry or RetryRule()))

    def every(self, name: str, seconds: float, handler: Handler) -> None:
        """Run `handler()` again and again, at most `seconds` after its last end, on one replica at a time.

        It may answer that it wants to run again sooner than that.
        The first run comes with the first worker; a failed run is followed by the next at its time. The plan is in the
        database: it goes on after crashes and restarts, and a changed interval takes effect with the next sweep.
        """
        self._add(Periodic(name, handler, RetryRule(), seconds))

    async def defer(
        self,
        session: AsyncSession,
        name: str,
        *,
        lock: str | None = None,
        queueing_lock: str | None = None,
        in_seconds: float | None = None,
        **arguments: Argument,
    ) -> bool:
        """Enqueue work in the caller's transaction: it exists if and only if that commits.

        False when a job with the same queueing lock waits already. Then that one stands for both: it starts only after
        the caller's commit, and no later than `in_seconds` from now. Raises ValueError for a name nobody registered
        and TypeError for an argument that is not str, int or None.
        """
        return await self.place(
            session, self.order(name, lock=lock, queueing_lock=queueing_lock, in_seconds=in_seconds, **arguments)
        )

    def order(
        self,
        name: str,
        *,
        lock: str | None = None,
        queueing_lock: str | None = None,
        in_seconds: float | None = None,
        **arguments: Argument,
    ) -> Order:
        """The same work, checked and not queued yet. Raises like `defer`."""
        if name not in self._tasks:
            raise ValueError(f"no handler is registered for {name!r}")
        for key, value in arguments.items():
            if not isinstance(value, str | int | None):
                raise TypeError(f"{name}: argument {key} must be str, int or None, not {type(value).__name__}")
        return Order(name, lock, queueing_lock, json.dumps(arguments), max(0.0, in_seconds or 0.0))

    async def place(self, session: AsyncSession, order: Order) -> bool:
        """Queue what was ordered in the caller's transaction; the answer of `defer`."""
        row = (await session.execute(text(statements.DEFER), order.values)).first()
        if row is None or not row.inserted:
            await session.execute(text(statements.WAKE))
            return False
        return True

    async def place_all(self, session: AsyncSession, orders: Sequence[Order]) -> int:
        """Queue work of one name in the caller's transaction, by one statement; how many are new.

        Give the orders in the same order everywhere, or two callers lock each other out. No two may have the same
        queueing lock.
        """
        if not orders:
            return 0
        (name,) = {order.name for order in orders}
        values = {
            "name": name,
            "locks": [order.lock for order in orders],
            "queueing_locks": [order.queueing_lock for order in orders],
            "all_args": [order.args for order in orders],
            "all_seconds": [order.seconds for order in orders],
        }
        rows = (await session.execute(text(statements.DEFER_ALL), values)).all()
        new = sum(bool(row.inserted) for row in rows)
        if new < len(orders):
            await session.execute(text(statements.WAKE))
        return new

    async def run_worker(self, stop: asyncio.Event, concurrency: int = 10) -> None:
        """Run up to `concurrency` jobs at a time until `stop` is set, then drain.

        Running handlers get the grace time to finish; after it they are cancelled and their jobs wait again. Returns
        when all is stored. Survives restarts of the database. Cancelling this coroutine drains without grace.
        """
        await run_for_ever(lambda: self._live(stop, concurrency), stop)

    async def stats(self, session: AsyncSession) -> QueueStats:
        """Depth, oldest waiting, failures and workers, read in the caller's transaction."""
        return await read_stats(session)

    async def rescue(self) -> None:
        """Do at once what every worker does now and then: put back work that nobody runs any more, and periodic work
        that nobody planned. Raises ConnectionError when the database is away."""
        try:
            async with pool_of(self._conninfo, self._settings, size=1, timeout=5, name="rescue") as pool:
                line = Line(self._conninfo, self._settings)
                await line.open_async(pool)
                jobs = DurableJobs(line, self._tasks.keys(), patience=self.tempo.stalled_after)
                await Rescue(jobs, self._tasks, self.tempo, *self._keep).sweep(None)
        except (ConnectorException, PoolTimeout) as error:
            raise ConnectionError("the database does not answer") from error

    @property
    def names(self) -> tuple[str, ...]:
        """Every kind of work there is."""
        return tuple(self._tasks)

    @property
    def periodic(self) -> tuple[Periodic, ...]:
        """Work that comes round by itself, as it was registered."""
        return tuple(task for task in self._tasks.values() if isinstance(task, Periodic))

    async def _live(self, stop: asyncio.Event, concurrency: int) -> None:
        timeout = max(1.0, self.tempo.heartbeat / 1.5)
        async with pool_of(
            self._conninfo, self._settings, size=concurrency + 4, timeout=timeout, name="worker"
        ) as pool:
            line = Line(self._conninfo, self._settings)
            life = Life(pool, line, dict(self._tasks), self.tempo, concurrency, self._grace, *self._keep)
            await life.live(stop)

    def _add(self, task: Task) -> None:
        if task.name in self._tasks:
            raise ValueError(f"{task.name!r} is registered already")
        self._tasks[task.name] = task


async def forget_jobs(session: AsyncSession, **arguments: Argument) -> int:
    """Delete waiting and ended jobs with these arguments in the caller's transaction, and what they were told to do
    with them; how many. Looks at every job there is."""
    gone = await session.execute(text(statements.FORGET_OF), {"arguments": json.dumps(arguments)})
    return len(gone.all())
