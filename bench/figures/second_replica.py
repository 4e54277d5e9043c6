"""What a second replica adds where the ERP does not set the limit.

Jobs of 20 items of many companies that all have work at once. Ours: items a second that two replicas work. Bare: that
one replica works. They take turns, each on a fresh database and sandbox; of each the median of the rounds.

A replica works ten companies at a time and mostly waits: Pleo answers after 400 ms and the ERP after a second here,
whatever the call, so that places are the limit and not the processors. Bench, sandbox, PostgreSQL and both replicas
share the processors of one machine; the processor time of the replicas in `detail` says how far it is from being the
limit.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import Any

from bench import job, stage
from bench.fleet import fleet, replica
from bench.terms import Figure, Terms

FIGURE = Figure("throughput of two replicas over one", 1.6, 1.9, higher_is_better=True)
COMPANIES = stage.size(60, 20)
ITEMS = 20
ROUNDS = stage.size(2, 1)
PLEO_SECONDS, ERP_SECONDS = 0.4, 1.0


def measure() -> Terms:
    one, two = [], []
    with stage.postgres() as cluster:
        for _ in range(ROUNDS):
            one.append(_worked(cluster, 1))
            two.append(_worked(cluster, 2))
    detail = {"companies": COMPANIES, "items": ITEMS, "one": one, "two": two}
    ours, bare = (statistics.median(run["items a second"] for run in runs) for runs in (two, one))
    return Terms(ours, bare, "items/s", detail)


def _worked(cluster: Any, replicas: int) -> dict[str, float]:
    with ExitStack() as stack:
        url = stack.enter_context(stage.database(cluster))
        pleo = stack.enter_context(job.sandbox())
        companies = stack.enter_context(fleet(url, pleo))
        companies.connect(COMPANIES)
        companies.export([ITEMS] * COMPANIES)
        companies.slow_pleo(PLEO_SECONDS)
        workers = [stack.enter_context(replica(url, pleo, erp_seconds=ERP_SECONDS)) for _ in range(replicas)]
        before = sum(worker.cpu_seconds() for worker in workers)
        companies.go()
        seconds = companies.finishes(within=300)[-1]
        busy = sum(worker.cpu_seconds() for worker in workers) - before
    return {
        "items a second": COMPANIES * ITEMS / seconds,
        "seconds": seconds,
        "processors a replica used": busy / replicas / seconds,
    }
