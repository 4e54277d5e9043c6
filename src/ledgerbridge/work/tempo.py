"""The beats of a worker, all derived from one promise: dead work is running again within `rescue_seconds`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tempo:
    """Seconds. The worst case is `stalled_after + sweep + poll`, which is 0.8 of the promise."""

    rescue: float

    @property
    def heartbeat(self) -> float:
        """Between two signs of life; four in a row may be missed."""
        return self.rescue / 10

    @property
    def stalled_after(self) -> float:
        """A worker silent for so long is taken for dead, by others and by itself."""
        return self.rescue / 2

    @property
    def sweep(self) -> float:
        """Between two looks for stalled work."""
        return self.rescue / 5

    @property
    def poll(self) -> float:
        """Between two looks for new work when no notification came."""
        return min(self.rescue / 10, 5)
