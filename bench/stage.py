"""What figures run on: a PostgreSQL that keeps its promises (nothing is switched off for speed), and databases."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledgerbridge.store import schema
from ledgerbridge.store.embedded import EmbeddedPostgres, embedded_postgres

CACHE = Path(__file__).parents[1] / ".cache" / "bench"
QUICK = bool(os.environ.get("BENCH_QUICK"))


def size(whole: int, quick: int) -> int:
    """How many of something to measure with."""
    return quick if QUICK else whole


@contextmanager
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server of the benchmarks, with the settings of the service's own embedded one."""
    with embedded_postgres(CACHE / "postgres") as cluster:
        yield cluster


@contextmanager
def database(cluster: EmbeddedPostgres) -> Iterator[str]:
    """The URL of an empty, migrated database, dropped at the end."""
    name = f"bench_{uuid.uuid4().hex[:12]}"
    cluster.create_database(name)
    try:
        schema.upgrade(cluster.url(name))
        yield cluster.url(name)
    finally:
        cluster.drop_database(name)
