"""What a worker can run: named handlers with the rule for their failures."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ledgerbridge.work.retry import RetryRule

Argument = str | int | None
Handler = Callable[..., Awaitable[float | None]]
"""`async def handler(**arguments)` with the arguments given to `Queue.defer`, each a str, an int or None.

One of periodic work may answer with the seconds after which it wants to run again, if that is sooner than its interval.
"""


@dataclass(frozen=True, slots=True)
class Order:
    """Work that may be queued: its name is known and its arguments can be stored."""

    name: str
    lock: str | None
    """One at a time of those that share it."""
    queueing_lock: str | None
    """One waiting of those that share it."""
    args: str
    """JSON."""
    seconds: float
    """From now until it may begin."""

    @property
    def values(self) -> dict[str, str | float | None]:
        """For the statement that queues it."""
        return {
            "name": self.name,
            "lock": self.lock,
            "queueing_lock": self.queueing_lock,
            "args": self.args,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Task:
    """A kind of work."""

    name: str
    handler: Handler
    retry: RetryRule

    def wait_after(self, runs: int) -> float | None:
        """Seconds until the next try after this many failed runs; None when there were enough."""
        return self.retry.wait_after(runs)


@dataclass(frozen=True)
class Periodic(Task):
    """Work that comes again for ever, also after a failure."""

    seconds: float

    @property
    def key(self) -> str:
        """Lock and queueing lock: one waiting and one running over all replicas."""
        return f"every:{self.name}"

    def wait_after(self, runs: int) -> float:
        return self.next_wait()

    def next_wait(self, wanted: float | None = None) -> float:
        """Seconds until the next run: never later than asked, a little apart from other companies' and replicas'."""
        seconds = self.seconds if wanted is None else min(max(wanted, 0.0), self.seconds)
        return seconds * random.uniform(0.9, 1)  # noqa: S311
