"""Whether an item of a long job takes longer than one of a short job.

Ours: seconds an item of a job of 100,000 items, from the moment its company may be worked to the close of the job.
Bare: the same of a job of 1,000 (the median of several, before and after the long one). What a job costs once, whatever
its length, is spread over its items in both, so the ratio can be below 1.
"""

from __future__ import annotations

from bench import long_job
from bench.terms import Figure, Terms

FIGURE = Figure("time per item at 100,000 items over at 1,000", 1.2, 1.05, higher_is_better=False)


def measure() -> Terms:
    found = long_job.measured()
    ours, bare = (found[length]["seconds"] / found[length]["items"] * 1000 for length in ("long", "short"))
    return Terms(ours, bare, "ms an item", found)
