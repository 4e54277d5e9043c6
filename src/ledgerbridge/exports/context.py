"""What an export run needs from outside, handed in by the composition root."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from ledgerbridge.connections.context import Connections
from ledgerbridge.exports.ahead import Shelf
from ledgerbridge.pleo.downloads import Downloader
from ledgerbridge.store.engine import Database
from ledgerbridge.work.queue import Queue


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run waits for what passes by itself. Seconds."""

    erp_down: float = 600
    """Waiting for an unreachable ERP in the middle of a job, before the rest is reported as failed."""
    pause: tuple[float, ...] = (2, 5, 10, 20, 40, 60)
    """Pauses between tries; the last repeats."""
    vendors: float = 200
    """Waiting for vendors that a job names to be brought to the ERP; never more than `report_share` of `expiresIn`."""
    settling: float = 120
    """A write without an answer may still take effect for so long; until then it is looked for and not repeated."""
    interrupted: float = 15
    """The same for the write of a worker that died or lost its lease: nobody heard that its answer was late."""
    preview: float = 60
    """For all questions of one preview to the ERP: a person is waiting."""
    report_share: float = 0.25
    """Report at the latest when this share of `expiresIn` has passed since the last action (EXP-UPD-12)."""
    deadline_share: float = 0.6
    """Stop waiting and settle what is open when this share of `expiresIn` has passed (EXP-EXPIRE-04)."""


def _ignore(*_: object, **__: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Observer:
    """Counters an operations room may plug in."""

    item: Callable[[str], None] = _ignore
    """Outcome of an item: booked, nothing_to_post, failed, unknown."""
    job: Callable[[str, str, float], None] = _ignore
    """Final status of a job, how it was found, seconds from its creation at Pleo."""
    unannounced: Callable[[], None] = _ignore
    """A job that only polling found, although webhooks are on."""


BringVendors = Callable[[uuid.UUID, Sequence[str]], Awaitable[None]]
"""Makes vendors of Pleo that the ERP lacks there, and brings the others up to date where that was long ago."""


async def _nobody(connection_id: uuid.UUID, pleo_ids: Sequence[str]) -> None:
    """Without a vendor sync the ERP's vendors are taken as they are."""


@dataclass(frozen=True, slots=True)
class ExportContext:
    """Everything `exports` works with; made once a process."""

    db: Database
    queue: Queue
    connections: Connections
    downloads: Downloader
    worker: str
    """Names this process in leases."""
    lease_seconds: float = 30
    patience: Patience = field(default_factory=Patience)
    observer: Observer = field(default_factory=Observer)
    shelf: Shelf = field(default_factory=Shelf)
    """Room for the receipts that jobs fetch ahead."""
    bring_vendors: BringVendors = _nobody
    """Asked before the items of a job that names vendors are booked (VEN-110, VEN-127)."""
