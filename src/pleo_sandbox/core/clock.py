"""The sandbox's clock: real time plus an offset that tests push forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """UTC now, advanceable. Webhook timestamps use real time instead, or receivers would refuse them as stale."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """The sandbox's present moment in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        """Moves time forward by ``seconds`` and returns the new now; time never runs backwards."""
        if seconds < 0:
            raise ValueError("the clock only moves forward")
        self._offset += timedelta(seconds=seconds)
        return self.now()

    def reset(self) -> None:
        """Back to real time."""
        self._offset = timedelta()


def stamp(moment: datetime) -> str:
    """A moment in the published mask ``YYYY-MM-DDTHH:mi:ssZ``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def stamp_or_none(moment: datetime | None) -> str | None:
    """As :func:`stamp`, null for an event that has not happened."""
    return None if moment is None else stamp(moment)
