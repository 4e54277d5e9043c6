"""The beats of a worker, all derived from one promise: dead work is running again within `rescue_seconds`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tempo:
    """Seconds. The worst case is `stalled_after + heartbeat + poll`, at most 0.85 of the promise."""

    rescue: float

    @property
    def heartbeat(self) -> float:
        """Between two signs of life, each of which looks for stalled work, too; four in a row may be missed."""
        return self.rescue * 0.15

    @property
    def stalled_after(self) -> float:
        """A worker silent for so long is taken for dead, by others and by itself."""
        return self.rescue * 0.6

    @property
    def poll(self) -> float:
        """Between two looks for work by a worker that hears of none."""
        return min(self.rescue / 10, 5)

    @property
    def poll_hearing(self) -> float:
        """The same for one that is told of new work: what comes that late was told of, and missed."""
        return max(self.poll, min(self.rescue, 60) / 2)
