"""One long job between short ones, each worked by a fresh replica: what `memory_100k` and `time_per_item_100k` share.

Each replica works a small job of another company before, so that what a process does only once (connections, compiled
statements, the plans of the database) is in neither: of a short job's processor it would be a fifth, of a long one's
nothing.

Time is from the moment the company may be worked to the close of its job; memory is the peak of the process from its
start. Short jobs come before and after the long one, so that a machine that grows slower meanwhile is seen.
"""

from __future__ import annotations

import statistics
from typing import Any

from bench import job, stage
from bench.fleet import fleet, replica

SHORT = 1_000
LONG = stage.size(100_000, 2_000)
WARM_UP = 200
"""Items of the job before."""
SHORTS = stage.size(4, 1)
"""Short jobs before the long one, and as many after it."""


def measured() -> dict[str, Any]:
    """`short` and `long`, each with `items`, `seconds` and `mib`: the medians of the short jobs, and the long one."""
    return stage.shared("long_job", _measure)


def _measure() -> dict[str, Any]:
    with stage.postgres() as cluster:
        shorts = [_work(cluster, SHORT) for _ in range(SHORTS)]
        long = _work(cluster, LONG)
        shorts += [_work(cluster, SHORT) for _ in range(SHORTS)]
    middle = {term: statistics.median(one[term] for one in shorts) for term in ("items", "seconds", "mib")}
    return {"short": middle, "long": long, "shorts": shorts}


def _work(cluster: Any, items: int) -> dict[str, float]:
    with stage.database(cluster) as url, job.sandbox() as pleo, fleet(url, pleo) as company:
        company.connect(1)
        company.export([WARM_UP])
        with replica(url, pleo) as worker:
            company.go()
            company.finishes(within=300)
            company.connect(1)
            company.export([0, items])
            before = worker.cpu_seconds()
            company.go()
            seconds = company.finishes(within=1800)[-1]
            cpu = worker.cpu_seconds() - before
            return {"items": items, "seconds": seconds, "mib": worker.peak_mib(), "cpu": cpu}
