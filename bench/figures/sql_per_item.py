"""Statements a job of 5,000 journal items sends to the database, for each item.

Ours: every statement that `exports.run.look` executes from finding the job to closing it, counted where the driver is
handed it (BEGIN and COMMIT are not statements here); spooling, the request budget, intents, outcomes and reports are
all among them. Bare: the items. Nothing is timed.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from bench import job
from bench.stage import database, postgres, size
from bench.terms import Figure, Terms

FIGURE = Figure("SQL statements per item in a job of 5,000", floor=1, aim=0.1, higher_is_better=False)
ITEMS = size(5_000, 500)


def measure() -> Terms:
    with postgres() as cluster, job.sandbox() as sandbox, database(cluster) as url:
        return asyncio.run(_measure(url, sandbox))


async def _measure(url: str, sandbox: str) -> Terms:
    async with job.company(url, sandbox) as rig:
        pressed = job.exported(rig.pleo, ITEMS)
        with job.statements(rig) as seen:
            await rig.look()
        assert rig.pleo.job(pressed)["status"] == "completed"
    most = Counter(" ".join(text.split())[:60] for text in seen).most_common(12)
    return Terms(len(seen), ITEMS, "statements", {"most": dict(most)})
