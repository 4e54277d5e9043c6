"""How long work waits to be taken, in a queue with a past and a backlog.

Ours: from the commit of a piece of work to the start of its handler, in a queue with a million ended jobs (and their
three million events) and ten thousand that wait and may not run. The backlog is tried in two forms, and the worse one
counts: `later` has ten thousand companies that each wait for their time, `behind` has ten thousand pieces that could
run but for the ten companies they belong to, each of which has work under way. Bare: the same worker, deferring in the
same way, on an empty queue. The three take turns, sample by sample; of each, the median.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import ExitStack

import psycopg

from bench.stage import database, postgres, size
from bench.terms import Figure, Terms
from ledgerbridge.store.engine import Database
from ledgerbridge.work.queue import Queue

FIGURE = Figure("claim latency with a past and a backlog over an empty queue", 1.5, 1.1, higher_is_better=False)
ENDED = size(1_000_000, 20_000)
WAITING = size(10_000, 1_000)
SAMPLES = size(600, 50)
"""Of each queue."""
WARM_UP = 20

PAST = """
    set session_replication_role = replica;
    insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, scheduled_at, attempts)
    select 'default', 'exports.look', 'exports:' || n % 5000, 'exports:' || n % 5000, '{}', 'succeeded',
        now() - interval '6 days' * random(), 1
    from generate_series(1, {ended}) n;
    insert into procrastinate_events (job_id, type, at)
    select id, kind::procrastinate_job_event_type, scheduled_at
    from procrastinate_jobs, unnest(array['deferred', 'started', 'succeeded']) kind;
    reset session_replication_role;
"""
LATER = """
    insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    select 'default', 'exports.look', 'later:' || n, 'later:' || n, '{{}}', now() + interval '1 hour'
    from generate_series(1, {waiting}) n;
"""
BEHIND = """
    insert into procrastinate_workers default values;
    insert into procrastinate_jobs (queue_name, task_name, lock, args, status, scheduled_at, worker_id)
    select 'default', 'syncs.run', 'busy:' || n, '{{}}', 'doing', now() - interval '1 minute',
        (select max(id) from procrastinate_workers)
    from generate_series(1, 10) n;
    insert into procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, scheduled_at)
    select 'default', 'syncs.run', 'busy:' || n % 10 + 1, 'busy:' || n, '{{}}', now() - interval '1 minute'
    from generate_series(1, {waiting}) n;
"""


def fill(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as line:
        for statement in statements:
            line.execute(
                statement.replace("{ended}", str(ENDED))
                .replace("{waiting}", str(WAITING))
                .replace("{{}}", "{}")
                .encode()
            )
        line.execute("vacuum analyze")


class Bench:
    """One queue and its worker."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)
        self.queue = Queue(url, rescue_seconds=600)
        self.started: asyncio.Queue[float] = asyncio.Queue()
        self.queue.register("bench.work", self._work)
        self.queue.register("exports.look", self._never)
        self.queue.register("syncs.run", self._never)
        self.stop = asyncio.Event()

    async def _work(self) -> None:
        self.started.put_nowait(time.perf_counter())

    async def _never(self) -> None:
        raise RuntimeError("this was to wait")

    async def sample(self, number: int) -> float:
        async with self.db.transaction() as session:
            key = f"bench:{number % 7}"
            await self.queue.defer(session, "bench.work", lock=key, queueing_lock=key)
        committed = time.perf_counter()
        taken = await asyncio.wait_for(self.started.get(), 60) - committed
        await asyncio.sleep(0.01)  # so that its end is written, and the worker waits again
        return taken


async def measured(urls: dict[str, str]) -> dict[str, list[float]]:
    """Samples by turns, so that whatever else the machine does meets all queues alike."""
    benches = {name: Bench(url) for name, url in urls.items()}
    workers = [asyncio.create_task(bench.queue.run_worker(bench.stop)) for bench in benches.values()]
    times: dict[str, list[float]] = {name: [] for name in urls}
    for number in range(WARM_UP + SAMPLES):
        for name, bench in benches.items():
            taken = await bench.sample(number)
            if number >= WARM_UP:
                times[name].append(taken)
    for bench in benches.values():
        bench.stop.set()
    await asyncio.gather(*workers)
    for bench in benches.values():
        await bench.db.close()
    return times


def measure() -> Terms:
    with ExitStack() as stack:
        cluster = stack.enter_context(postgres())
        urls = {name: stack.enter_context(database(cluster)) for name in ("empty", "later", "behind")}
        fill(urls["later"], PAST, LATER)
        fill(urls["behind"], PAST, BEHIND)
        times = asyncio.run(measured(urls))
    middle = {name: statistics.median(found) * 1000 for name, found in times.items()}
    worse = max(("later", "behind"), key=lambda name: middle[name])
    tenth = {name: statistics.quantiles(found, n=10)[8] * 1000 for name, found in times.items()}
    return Terms(
        middle[worse], middle["empty"], "ms", {"median": middle, "slowest_tenth": tenth, "worse": worse, "ended": ENDED}
    )
