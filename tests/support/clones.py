"""Databases that tests get to themselves; the name tells which process made one, so that crashes can be cleaned up."""

import hashlib
import importlib.metadata
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict

from ledgerbridge.store import schema
from ledgerbridge.store.embedded import EmbeddedPostgres
from tryton_sandbox import Template, TrytonServer
from tryton_sandbox.template import alive

_OURS = re.compile(r"lb_test_(\d+)_[0-9a-f]+")
_TEMPLATE = "lb_template_"
_TEMPLATES_KEPT = 4  # sessions of a neighbouring version may be running
_DATABASES_PER_SERVER = 40  # each costs the Tryton server some 12 MB until it ends


def new_name() -> str:
    """A name for a database of this process."""
    return f"lb_test_{os.getpid()}_{uuid.uuid4().hex[:12]}"


def sweep(cluster: EmbeddedPostgres) -> None:
    """Drop what earlier sessions left behind, and templates of migrations long changed."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        names = [str(row[0]) for row in connection.execute("SELECT datname FROM pg_database ORDER BY oid DESC")]
        for name in names:
            made_by = _OURS.fullmatch(name)
            if made_by is not None and not alive(int(made_by[1])):
                cluster.drop_database(name)
        for outdated in [name for name in names if name.startswith(_TEMPLATE)][_TEMPLATES_KEPT:]:
            connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(outdated)))
            cluster.drop_database(outdated)


def quick_login(cluster: EmbeddedPostgres) -> None:
    """Let a login cost next to nothing: hashing the password a few thousand times for each of a test's connections
    guards a password of which the tests make no secret."""
    password = sql.Literal(conninfo_to_dict(cluster.url())["password"])
    with psycopg.connect(cluster.url()) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")  # another session may be at it
        quick = connection.execute(
            "SELECT FROM pg_authid WHERE rolname = 'postgres' AND rolpassword ~ '^SCRAM-SHA-256.1:'"
        )
        if not quick.rowcount:
            connection.execute("SET LOCAL scram_iterations = 1")
            connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(password))


def migrated_template(cluster: EmbeddedPostgres) -> str:
    """The database with all migrations applied that tests copy; made anew when a migration changes."""
    folder = schema.migrations_folder()
    name = _TEMPLATE + _digest(folder)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
            return name
    draft = new_name()
    cluster.create_database(draft)
    schema.upgrade(cluster.url(draft))
    old, new = sql.Identifier(draft), sql.Identifier(name)
    try:
        with psycopg.connect(cluster.url()) as together:
            together.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(old, new))
            # Tryton connects to every database that is no template, and nobody may be connected to one being copied.
            together.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(new))
    except errors.DuplicateDatabase:  # another session was quicker
        cluster.drop_database(draft)
    return name


class NearTemplate(Template):
    """A template whose databases are made and dropped by us, on our own line, not by a program of Tryton's environment
    started for each statement; the tests of the sandbox use that."""

    @classmethod
    def of(cls, built: Template) -> "NearTemplate":
        return cls(**{one.name: getattr(built, one.name) for one in fields(built)})

    def _sql(self, *statements: str) -> list[list[Any]]:
        return _rows(self.postgres_url, statements)


def _rows(url: str, statements: Sequence[str]) -> list[list[Any]]:
    """The rows of the last statement that has rows."""
    rows: list[list[Any]] = []
    with psycopg.connect(url, autocommit=True) as line:
        for statement in statements:
            found = line.execute(statement.encode())
            if found.description:
                rows = [list(row) for row in found.fetchall()]
    return rows


class TrytonServers:
    """The Tryton server of a test session, replaced by a new one before it has served too many databases, or when a
    test has ended it."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self._server: TrytonServer | None = None
        self._served = 0

    def fresh(self, *, stock: bool = False) -> TrytonServer:
        """A server whose database nobody used before; with `stock` without our add-on."""
        database = self.template.clone(stock=stock)
        if self._server is not None and self._server.running and self._served < _DATABASES_PER_SERVER:
            self._served += 1
            return self._server.open_database(database)
        self.stop()
        self._server, self._served = self.template.start(database), 1
        return self._server

    def stop(self) -> None:
        """End the server, if one runs."""
        if self._server is not None:
            self._server.stop()


def _digest(folder: Path) -> str:
    parts = [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    parts.append(importlib.metadata.version("procrastinate").encode())  # its tables are part of the schema
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]
