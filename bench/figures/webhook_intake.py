"""How many deliveries a second one process takes.

Ours: `ledgerbridge serve --no-worker` as a process, each delivery verified, deduplicated, stored, its work queued, all
committed before the 202. Bare: `bench.bare_hook`, one INSERT of the same row in a FastAPI route of one more process
with the same server settings and pool size. Both on one PostgreSQL with fsync on; the same client processes bring
distinct deliveries for some hundred companies over connections that stay open; rounds alternate, medians count.
"""

from __future__ import annotations

from statistics import median

from bench import hooks
from bench.postman import deliveries, rate
from bench.stage import size
from bench.terms import Figure, Terms

FIGURE = Figure("Webhook intake against a bare handler doing one INSERT", floor=0.6, aim=0.85, higher_is_better=True)
COMPANIES = 300


def measure() -> Terms:
    count, rounds = size(1500, 200), size(9, 1)
    with hooks.receivers(COMPANIES) as both:
        for port in (both.ours, both.bare):
            rate(port, deliveries(both.addresses, size(600, 300)))
        ours, bare = [], []
        for _ in range(rounds):
            ours.append(rate(both.ours, deliveries(both.addresses, count)))
            bare.append(rate(both.bare, deliveries(both.addresses, count)))
    detail = {"rounds_ours": [round(one) for one in ours], "rounds_bare": [round(one) for one in bare]}
    return Terms(median(ours), median(bare), "deliveries/s", {"deliveries_a_round": count, **detail})
