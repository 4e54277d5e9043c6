"""When failed work is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryRule:
    """Exponential back-off with a cap, and an end after which the work counts as failed and stays visible."""

    attempts: int = 12
    """How often the work is run in all, a worker's death included."""
    first_seconds: float = 2
    """Wait after the first failure; doubles with each."""
    cap_seconds: float = 600
    """No wait is longer."""

    def wait_after(self, runs: int) -> float | None:
        """Seconds to wait after this many failed runs (at least 1), spread a little; None when there were enough."""
        if runs >= self.attempts:
            return None
        wait = self.first_seconds * 2.0 ** min(runs - 1, 60)
        return min(wait, self.cap_seconds) * random.uniform(0.8, 1)  # noqa: S311


class TryLater(Exception):
    """Raised by a handler that found no fault but cannot go on now; it runs again after `seconds`, uncounted."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds
