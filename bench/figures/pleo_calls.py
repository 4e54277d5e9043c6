"""Calls to Pleo that one job costs.

Ours: every call that arrives at the sandbox from the look that finds a pending job of N items to its end. Bare: the
fewest calls by which Pleo's rules let a job be worked, by arithmetic: one list that finds it (what a webhook says is
not trusted, EXP-DETECT-02), `started` (EXP-START-02), every page of the control layer (EXP-CTRL-02) and of the data
layer (EXP-DATA-01) at 100 a page, an update for every 100 items (EXP-UPD-02), and the final event (EXP-DONE-01).
Connecting, which is done once a company, is left out of both.
"""

from __future__ import annotations

import asyncio

from bench import job
from bench.stage import database, postgres, size
from bench.terms import Figure, Terms
from ledgerbridge.pleo.export import MAX_UPDATES
from ledgerbridge.pleo.paging import PAGE_SIZE

FIGURE = Figure("Pleo calls of a job over the least possible", 1.05, 1.0, higher_is_better=False)
ITEMS = size(1_000, 250)


def least(items: int) -> int:
    """The fewest calls a job of so many items can be worked with."""
    pages, updates = -(-items // PAGE_SIZE), -(-items // MAX_UPDATES)
    return 1 + 1 + pages + pages + updates + 1


def measure() -> Terms:
    with postgres() as cluster, database(cluster) as url, job.sandbox() as pleo:
        calls, status = asyncio.run(_calls(url, pleo))
    assert status == "completed", status
    return Terms(sum(calls.values()), least(ITEMS), "calls", {"items": ITEMS, "calls": calls})


async def _calls(url: str, pleo: str) -> tuple[dict[str, int], str]:
    """Calls an endpoint, and the job's final status."""
    async with job.company(url, pleo) as rig:
        made = job.exported(rig.pleo, ITEMS)
        rig.pleo.forget()
        await rig.look()
        return rig.pleo.control("GET", "/requests/counts"), rig.pleo.job(made)["status"]
