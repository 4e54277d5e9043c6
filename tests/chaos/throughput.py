"""Whether the service is as fast as before, by itself, after its database was restarted and its workers were killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.chaos.company import FINAL
from tests.chaos.play import until_ready
from tests.chaos.world import World

WANTED = 0.95
_COPIES = 12
"""Expenses of each company in a window."""
_BEFORE = 5
_TRIES = 12
"""Windows after; one moment of a busy machine must not decide."""


def measure(world: World, say: Callable[[str], None]) -> dict[str, Any]:
    """Items a second before, after a restart of PostgreSQL, and after three kills of each worker."""
    until_ready(world)
    _window(world)
    before = median(_window(world) for _ in range(_BEFORE))
    found: dict[str, Any] = {"before": round(before, 2)}
    for name, break_it in (("postgres restarted", _restart), ("workers killed", _kill)):
        break_it(world)
        until_ready(world)
        after, share = _after(world, before)
        found[name] = {"after": after, "share": share}
        say(f"throughput after {name}: {share:.0%} of {before:.1f} items a second")
    found["good"] = all(one["share"] >= WANTED for one in found.values() if isinstance(one, dict))
    return found


def _after(world: World, before: float) -> tuple[list[float], float]:
    """Windows until the median of the last three is what it was before; the windows, and that share."""
    rates: list[float] = []
    while True:
        rates.append(round(_window(world), 2))
        share = median(rates[-3:]) / before
        if len(rates) >= _TRIES or (len(rates) >= 3 and share >= WANTED):
            return rates, round(share, 3)


def _window(world: World) -> float:
    """Export the same for every company and wait for the end; items a second."""
    entries = [(company, company.queue(["card_purchase"], _COPIES)) for company in world.companies]
    began = time.monotonic()
    jobs = [(company, company.export(each)) for company, each in entries]
    while not all(company.job(job)["status"] in FINAL for company, job in jobs):
        assert time.monotonic() - began < 300, "a window does not end"
        time.sleep(0.05)
    return len(jobs) * _COPIES / (time.monotonic() - began)


def _restart(world: World) -> None:
    world.postgres.end(signal.SIGINT)
    world.postgres.start()


def _kill(world: World) -> None:
    for _ in range(3):
        for replica in world.replicas:
            replica.process.kill()
            replica.start()
        until_ready(world)
