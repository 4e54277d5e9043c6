"""Whether this service can do its work right now: database, schema, a worker that lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from ledgerbridge.ops.logging import get_logger
from ledgerbridge.store import schema
from ledgerbridge.store.engine import Database
from ledgerbridge.work.queue import Queue

SECONDS = 5
"""For one check; whatever takes longer counts as failed."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """One condition and what was seen of it."""

    name: str
    ok: bool
    detail: str


async def checks(db: Database, queue: Queue) -> list[Check]:
    """All conditions, each looked at even when an earlier one failed."""
    return [
        await _looked_at("database", "answers", "does not answer", _database(db)),
        await _looked_at("migrations", "current", "not current; run `ledgerbridge migrate`", schema.is_current(db)),
        await _looked_at("worker", "alive", "no worker has given a sign of life lately", _worker(db, queue)),
    ]


async def _looked_at(name: str, good: str, bad: str, condition: Awaitable[bool]) -> Check:
    try:
        async with asyncio.timeout(SECONDS):
            ok = await condition
    except Exception as error:
        _log.warning("not ready", check=name, error=str(error))
        return Check(name, False, f"{bad} ({type(error).__name__})")
    return Check(name, ok, good if ok else bad)


async def _database(db: Database) -> bool:
    await db.ping()
    return True


async def _worker(db: Database, queue: Queue) -> bool:
    async with db.reading() as session:
        stats = await queue.stats(session)
    return stats.has_worker(queue.tempo.stalled_after)
