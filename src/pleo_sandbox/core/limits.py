"""The limit of calls a minute over a sliding window, and how many calls each company's credentials really made.

A minute may be made shorter than sixty seconds, so that a test of throughput need not last an hour.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Limiter:
    """``per_minute`` 0 means no limit; ``minute_seconds`` is how long a minute lasts here. Times are monotonic."""

    per_minute: int
    minute_seconds: float = 60.0
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    def refuses(self, credential: str, now: float) -> int | None:
        """Counts a call. ``Retry-After`` in whole seconds when it is one too many; such a call is not counted."""
        if not self.per_minute:
            return None
        recent = self._recent.setdefault(credential, deque())
        while recent and now - recent[0] >= self.minute_seconds:
            recent.popleft()
        if len(recent) < self.per_minute:
            recent.append(now)
            return None
        return max(1, math.ceil(recent[0] + self.minute_seconds - now))


@dataclass
class Tally:
    """Every call of one company's credentials: monotonic times of arrival, and how many a 429 answered."""

    times: list[float] = field(default_factory=list)
    refused: int = 0

    def busiest(self, seconds: float) -> int:
        """The most calls that any stretch of this length has seen."""
        most, start = 0, 0
        for end, now in enumerate(self.times):
            while now - self.times[start] >= seconds:
                start += 1
            most = max(most, end - start + 1)
        return most
