"""The beats of a worker, all derived from one promise: dead work is running again within `rescue_seconds`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tempo:
    """Seconds. The worst case is `stalled_after + heartbeat + poll`, at most 0.94 of the promise."""

    rescue: float

    @property
    def heartbeat(self) -> float:
        """Between two signs of life, each of which looks for stalled work, too; three in a row may be missed."""
        return self.rescue / 6

    @property
    def stalled_after(self) -> float:
        """A worker silent for so long is taken for dead, by others and by itself."""
        return self.heartbeat * 4

    @property
    def poll(self) -> float:
        """Between two looks for work by a worker that hears of none. Each sign of life asks for work, too."""
        return min(self.rescue / 10, 5)
