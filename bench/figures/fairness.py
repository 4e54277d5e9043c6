"""Whether companies wait for each other when all of them have work at once.

Five hundred companies get a job at the same instant: of every twenty, twelve of 5 items, five of 20, two of 60 and one
of 200, in an order that does not go by size. Two replicas work them. A company's finish is from that instant to the
close of its job. Ours: the mean finish of the slowest tenth. Bare: the median finish.

Work is taken in the order it came, so the median company is served when half of the work is done, and the last tenth at
the end: 1.9 is what a queue of equal jobs gives when it is perfectly fair. More than that says that some companies were
passed over, less that everybody was made to wait for everybody.

Pleo answers after 50 ms and the ERP after 100 ms, whatever the call.
"""

from __future__ import annotations

import random
import statistics

from bench import job, stage
from bench.fleet import fleet, replica
from bench.terms import Figure, Terms

FIGURE = Figure("500 companies at once: slowest tenth's finish over the median", 3, 1.5, higher_is_better=False)
COMPANIES = stage.size(500, 40)
SIZES = (5,) * 12 + (20,) * 5 + (60,) * 2 + (200,)
PLEO_SECONDS, ERP_SECONDS = 0.05, 0.1


def measure() -> Terms:
    sizes = [SIZES[number % len(SIZES)] for number in range(COMPANIES)]
    random.Random(COMPANIES).shuffle(sizes)  # the same every time
    with (
        stage.postgres() as cluster,
        stage.database(cluster) as url,
        job.sandbox() as pleo,
        fleet(url, pleo) as all_of_them,
    ):
        all_of_them.connect(COMPANIES)
        all_of_them.export(sizes)
        all_of_them.slow_pleo(PLEO_SECONDS)
        with replica(url, pleo, erp_seconds=ERP_SECONDS), replica(url, pleo, erp_seconds=ERP_SECONDS):
            all_of_them.go()
            finishes = all_of_them.finishes(within=600)
    slowest = statistics.mean(finishes[-(len(finishes) // 10) :])
    detail = {"companies": COMPANIES, "items": sum(sizes), "first": finishes[0], "last": finishes[-1]}
    return Terms(slowest, statistics.median(finishes), "s", detail)
