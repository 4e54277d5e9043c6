"""How long a delivery waits for its answer when 50 a second arrive by the clock.

Ours and bare as in `webhook_intake`. A delivery's time counts from the moment it was due, whether or not earlier ones
were answered, so that a stall is felt by all that should have arrived in it. The 99th percentile over all rounds.
"""

from __future__ import annotations

from statistics import median

from bench import hooks
from bench.figures.webhook_intake import COMPANIES
from bench.postman import deliveries, latencies, rate
from bench.stage import size
from bench.terms import Figure, Terms

FIGURE = Figure("p99 of a delivery at 50 a second, over a bare handler's", floor=3, aim=1.5, higher_is_better=False)
A_SECOND = 50


def measure() -> Terms:
    count, rounds = size(500, 50), size(4, 1)
    ours: list[float] = []
    bare: list[float] = []
    with hooks.receivers(COMPANIES) as both:
        for port in (both.ours, both.bare):
            rate(port, deliveries(both.addresses, size(1000, 300)))
        for _ in range(rounds):
            ours += latencies(both.ours, deliveries(both.addresses, count), A_SECOND)
            bare += latencies(both.bare, deliveries(both.addresses, count), A_SECOND)
    detail = {"median_ours": _ms(median(ours)), "median_bare": _ms(median(bare)), "deliveries": len(ours)}
    return Terms(_ms(_percentile(ours)), _ms(_percentile(bare)), "ms", detail)


def _percentile(times: list[float], part: float = 0.99) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
