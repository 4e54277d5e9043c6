"""When a worker is to look for work: told of it, when a job's time has come, and every few seconds until it is told.

The database tells of new jobs (NOTIFY), and every look that finds nothing learns when the next job is due. So an idle
worker need not ask every few seconds, unless it has never been told of anything: behind a connection pooler, for
example, nothing is heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable

_EARLY_SECONDS = 0.001
"""A timer may go off this much too soon, and would have to be set again."""


class Bell:
    """One worker's. It rings in `ring_for_ever`, and whenever the worker hears a notification."""

    def __init__(self) -> None:
        self.rung = 0
        """How often; whoever finds nothing and sees that it rang meanwhile looks again."""
        self._hearing = False
        self._due_at: float | None = None
        self._looked_at = time.monotonic()
        self._changed = asyncio.Event()
        self._wake: Callable[[], Awaitable[None]] | None = None

    def wakes(self, wake: Callable[[], Awaitable[None]]) -> None:
        """Say what wakes the worker."""
        self._wake = wake

    def heard(self) -> None:
        """A notification came, which wakes the worker by itself."""
        self.rung += 1
        if not self._hearing:
            self._hearing = True
            self._changed.set()

    def deaf(self) -> None:
        """The line on which notifications come is lost, and with it perhaps some of them."""
        self._hearing = False
        self._changed.set()

    def next_in(self, seconds: float | None) -> None:
        """A look found nothing, and will not before so many seconds; None when no job waits for its time."""
        self._looked_at = time.monotonic()
        self._due_at = None if seconds is None else time.monotonic() + max(0.0, seconds) + _EARLY_SECONDS
        self._changed.set()

    async def ring(self) -> None:
        """Let the worker look at once."""
        self.rung += 1
        if self._wake is not None:
            await self._wake()

    async def ring_for_ever(self, poll: float) -> None:
        """Ring whenever a job's time has come, and every `poll` seconds as long as nothing was heard of work."""
        while True:
            self._changed.clear()
            times = [] if self._hearing else [self._looked_at + poll]
            times += [] if self._due_at is None else [self._due_at]
            at = min(times, default=math.inf)
            with contextlib.suppress(TimeoutError):
                wait = None if at == math.inf else max(0.0, at - time.monotonic())
                await asyncio.wait_for(self._changed.wait(), wait)
            if time.monotonic() >= at:
                self._due_at, self._looked_at = None, time.monotonic()
                await self.ring()
