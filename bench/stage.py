"""What figures run on: a PostgreSQL that keeps its promises (nothing is switched off for speed), and databases."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.runs import SHARED
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
        _drop_orphans(cluster)
        yield cluster


@contextmanager
def database(cluster: EmbeddedPostgres) -> Iterator[str]:
    """The URL of an empty, migrated database, dropped at the end."""
    name = f"bench_{os.getpid()}_{uuid.uuid4().hex[:12]}"
    cluster.create_database(name)
    try:
        schema.upgrade(cluster.url(name))
        yield cluster.url(name)
    finally:
        cluster.drop_database(name)


def shared(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What two figures of one run of the bench read from one measurement, which the first of them makes."""
    folder = os.environ.get(SHARED)
    if folder is None:
        return measure()
    kept = Path(folder) / f"{name}.json"
    if not kept.exists():
        kept.write_text(json.dumps(measure()))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def _drop_orphans(cluster: EmbeddedPostgres) -> None:
    """Drop the databases of runs that were killed: their names tell the process, and it is gone."""
    with psycopg.connect(cluster.url()) as line:
        names = [name for (name,) in line.execute("select datname from pg_database where datname like 'bench\\_%'")]
    for name in names:
        process = name.split("_")[1]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            cluster.drop_database(name)
