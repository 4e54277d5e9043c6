"""One job of 5,000 journal items, end to end, before an ERP that answers at once.

Ours: `exports.run.look`, from finding the job to closing it: lease, preflight, both layers into the spool, judging,
intents, booking a hundred at a time, outcomes, reports, completion; with the log of the service. Bare: a loop over the
same pages of the same sandbox that maps each item, writes the same rows and reports (`bench/bare_job.py`), in the same
process, with the same database, in turns. Each term is the median of its rounds, in items a second. The sandbox is
a process of its own; its time is in both terms.
"""

from __future__ import annotations

import asyncio
import time
from statistics import median

from bench import job
from bench.bare_job import bare
from bench.stage import database, postgres, size
from bench.terms import Figure, Terms

FIGURE = Figure(
    "One job of 5,000 journal items end to end, against an ERP that takes no time",
    floor=0.6,
    aim=0.85,
    higher_is_better=True,
)
ITEMS = size(5_000, 300)
ROUNDS = size(3, 1)


def measure() -> Terms:
    with postgres() as cluster, job.sandbox() as sandbox, database(cluster) as url:
        return asyncio.run(_measure(url, sandbox))


async def _measure(url: str, sandbox: str) -> Terms:
    ours, others = [], []
    async with job.company(url, sandbox, remember=True) as rig:
        script = await bare(rig, url)
        for turn in range(ROUNDS + 1):
            items = ITEMS if turn else 200  # the first warms both: statements are compiled, connections opened
            for rates, work in ((ours, rig.look), (others, script.work)):
                pressed = job.exported(rig.pleo, items)
                began, cpu = time.monotonic(), time.process_time()
                await work()
                seconds, cpu = time.monotonic() - began, time.process_time() - cpu
                assert rig.pleo.job(pressed)["status"] == "completed"
                if turn:
                    rates.append((items / seconds, items / cpu))
        assert job.booked(rig) == 200 + ROUNDS * ITEMS
    rounds = {"ours": [round(rate) for rate, _ in ours], "bare": [round(rate) for rate, _ in others]}
    cpu = {"ours": round(median(rate for _, rate in ours)), "bare": round(median(rate for _, rate in others))}
    return Terms(
        median(rate for rate, _ in ours),
        median(rate for rate, _ in others),
        "items/s",
        {"items": ITEMS, "rounds": rounds, "items a second of our own CPU": cpu},
    )
