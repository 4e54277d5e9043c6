"""What a sync needs from outside, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ledgerbridge.connections.context import Connections
from ledgerbridge.store.engine import Database
from ledgerbridge.syncs.patience import Patience
from ledgerbridge.work.queue import Queue


def _ignore(*_: object, **__: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Observer:
    """Counters an operations room may plug in."""

    run: Callable[[str, str, float], None] = _ignore
    """Kind, final status of a run, seconds it took."""
    record: Callable[[str, str, int], None] = _ignore
    """Kind, what was done (created, updated, ...), how many."""


@dataclass(frozen=True, slots=True)
class Syncs:
    """Everything `syncs` works with; made once a process."""

    db: Database
    queue: Queue
    connections: Connections
    worker: str
    """Names this process in leases."""
    lease_seconds: float = 30
    writers: int = 8
    """Calls to Pleo at once: enough to use the whole request budget whatever an answer takes."""
    observer: Observer = field(default_factory=Observer)
    patience: Patience = field(default_factory=Patience)
    """How long a kind may fail before somebody is told, and before it is switched off."""
