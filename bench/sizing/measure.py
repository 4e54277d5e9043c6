"""What `bench.sizing` takes as given and a machine can measure: processor time, statements and bytes an item.

`python -m bench.sizing.measure` works jobs of two sizes against an ERP that answers at once, and prints what it found,
to be put into `bench.sizing.given`. Processor time is ours, without PostgreSQL's and the sandbox's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from bench import job
from bench.stage import database, postgres, size
from ledgerbridge.store.engine import Database
from ledgerbridge.work.queue import Queue
from tests.support.rig import Rig

JOBS = size(20, 3)
"""Of each size."""
SMALL, LARGE = 5, 205
"""Items a job: two sizes tell what a job costs and what an item."""
LOOKS = size(100, 10)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one thing, by ourselves: without PostgreSQL's processor time and without Pleo's."""

    milliseconds: float
    statements: float

    def __str__(self) -> str:
        return f"{self.milliseconds:.2f} ms of processor, {self.statements:.2f} statements"


_SIZES = """
    select c.relname, pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind = 'r'
"""


def sizes(url: str) -> Mapping[str, tuple[int, int]]:
    """Bytes with indexes and rows of every table, after what is dead was cleared away."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum full analyze")
        return {str(name): (int(total), int(rows)) for name, total, rows in connection.execute(_SIZES).fetchall()}


async def _looks(rig: Rig, times: int, items: int) -> Cost:
    """What one look costs: at a job of that many items, or at nothing."""
    cpu, seen = 0.0, 0
    for _ in range(times):
        if items:
            job.exported(rig.pleo, items)
        began = time.process_time()
        with job.statements(rig) as statements:
            await rig.look()
        cpu += time.process_time() - began
        seen += len(statements)
    return Cost(cpu / times * 1000, seen / times)


async def _queued(url: str) -> None:
    """Let so many pieces of work run that do nothing."""
    queue, db, left, stop = Queue(url), Database(url), LOOKS * 20, asyncio.Event()

    async def nothing(number: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            stop.set()

    queue.register("nothing", nothing)
    async with db.transaction() as session:
        for number in range(left):
            await queue.defer(session, "nothing", lock=f"a lock {number:032}", number=number)
    await queue.run_worker(stop)
    await db.close()


async def _measured(url: str, pleo: str) -> tuple[Cost, Cost, Cost, Mapping[str, tuple[int, int]]]:
    """A quiet look, a small job, a large one, and the tables as they were before the jobs."""
    async with job.company(url, pleo) as rig:
        await _looks(rig, 2, SMALL)
        before = await asyncio.to_thread(sizes, url)
        return await _looks(rig, LOOKS, 0), await _looks(rig, JOBS, SMALL), await _looks(rig, JOBS, LARGE), before


def main() -> None:
    with postgres() as cluster, database(cluster) as url, job.sandbox() as pleo:
        quiet, small, large, before = asyncio.run(_measured(url, pleo))
        after = sizes(url)
        asyncio.run(_queued(url))
        full = sizes(url)
    item = Cost(
        (large.milliseconds - small.milliseconds) / (LARGE - SMALL),
        (large.statements - small.statements) / (LARGE - SMALL),
    )
    print(f"a look that finds nothing: {quiet}")
    print(f"a job: {Cost(small.milliseconds - SMALL * item.milliseconds, small.statements - SMALL * item.statements)}")
    print(f"an item: {item}")
    jobs, items = 2 * JOBS, JOBS * (SMALL + LARGE)
    for name, (grown, rows) in _growth(before, after).items():
        if rows > JOBS:
            print(f"{name}: {grown / rows:.0f} bytes a row, {rows / items:.2f} an item, {rows / jobs:.1f} a job")
    queued = sum(grown for name, (grown, _) in _growth(after, full).items() if name.startswith("procrastinate"))
    print(f"a piece of work in the queue: {queued / (LOOKS * 20):.0f} bytes")


def _growth(before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Bytes and rows that each table has more."""
    return {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in after}


if __name__ == "__main__":
    main()
