"""Bringing the queue library's own tables and functions from an older release of it to the installed one.

The library ships its changes as scripts. Those called `pre` keep its older code working, so they come with the release
of ours that raises the library; those called `post` take away what only the older code used, so they come one release
later, when no older worker runs any more. The table of jobs notes how far a database has come.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from procrastinate import __version__ as installed
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, text

_SCRIPT = re.compile(r"(\d+)\.(\d+)\.(\d+)_(\d+)_(pre_|post_)?.*\.sql")
_NOTE = re.compile(r"procrastinate (\d+\.\d+\.\d+)(?: with parts of (\d+\.\d+\.\d+))?")

Release = tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Script:
    """One change of the library's schema."""

    release: Release
    number: int
    post: bool
    path: Path


def scripts(since: Release) -> list[Script]:
    """The library's changes after a release, in the order they are to be applied."""
    found = []
    for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"):
        if parts := _SCRIPT.fullmatch(path.name):
            release = tuple(int(part) for part in parts.group(1, 2, 3))
            found.append(Script(release, int(parts[4]), parts[5] == "post_", path))
    return sorted(one for one in found if one.release > since)


def noted(connection: Connection) -> tuple[Release, Release]:
    """The release a database's queue is at, and the oldest whose code still works on it."""
    note = connection.scalar(text("select obj_description('procrastinate_jobs'::regclass)"))
    found = _NOTE.fullmatch(note or "")
    if found is None:
        raise ValueError("procrastinate_jobs does not note the release of its schema")
    return _release(found[1]), _release(found[2] or found[1])


def raise_to_installed(connection: Connection) -> None:
    """For the migration that comes with a newer library: everything that older workers can live with."""
    now, oldest = noted(connection)
    _apply(connection, [one for one in scripts(now) if not one.post])
    _note(connection, f"{installed} with parts of {'.'.join(map(str, oldest))}" if now < _release(installed) else None)


def take_away_older(connection: Connection) -> None:
    """For a migration one release later: what only older workers used."""
    _, oldest = noted(connection)
    _apply(connection, [one for one in scripts(oldest) if one.post])
    _note(connection, installed)


def _apply(connection: Connection, chosen: list[Script]) -> None:
    # Many statements in one text with percent signs in it: only the driver itself, without parameters, takes that.
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101
    for one in chosen:
        driver.execute(one.path.read_text())


def _note(connection: Connection, what: str | None) -> None:
    if what is not None:
        connection.execute(text(f"comment on table procrastinate_jobs is 'procrastinate {what}'"))


def _release(written: str) -> Release:
    return tuple(int(part) for part in written.split("."))
