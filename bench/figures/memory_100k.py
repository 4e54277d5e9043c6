"""Memory that a long job costs.

Ours: the peak of resident memory of a replica, a fresh process with its imports and all, that works a job of 100,000
items. Bare: the peak of one that works a job of 1,000 (the median of several). The ERP behind both keeps nothing, and
sandbox and PostgreSQL are processes of their own.
"""

from __future__ import annotations

from bench import long_job
from bench.terms import Figure, Terms

FIGURE = Figure("peak memory of a 100,000-item job over a 1,000-item job", 1.3, 1.1, higher_is_better=False)


def measure() -> Terms:
    found = long_job.measured()
    return Terms(found["long"]["mib"], found["short"]["mib"], "MiB", found)
