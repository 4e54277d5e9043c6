"""Migrated databases that tests take turns in: emptied between two tests, which costs a tenth of a new copy."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.support.clones import new_name
from tests.support.leak_watch import HUNT

_MOST_GROWTH = 8_000_000  # a database that a test filled is slower to empty than to replace
_SHAPE = """
    SELECT concat_ws(' ',
        (SELECT count(*) FROM pg_class),
        (SELECT sum(oid::bigint) FROM pg_class WHERE oid >= 16384),
        (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped),
        (SELECT count(*) FROM pg_constraint),
        (SELECT count(*) FROM pg_trigger),
        (SELECT count(*) FROM pg_proc),
        (SELECT count(*) FROM pg_policy),
        (SELECT count(*) FROM pg_db_role_setting
         JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()),
        (SELECT string_agg(version_num, ' ') FROM alembic_version))
"""  # all that a test may change in a database beside its rows
_TABLES = "SELECT schemaname, relname FROM pg_stat_user_tables WHERE relname <> 'alembic_version' ORDER BY 1, 2"
_SEQUENCES = "SELECT schemaname, sequencename FROM pg_sequences WHERE last_value IS NOT NULL"
_SESSIONS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass
class DatabasePool:
    """Databases that are copies of `template` and empty whenever a test gets one."""

    cluster: EmbeddedPostgres
    template: str
    _idle: list[str] = field(default_factory=list)
    _shapes: dict[str, str] = field(default_factory=dict)

    def take(self) -> str:
        """The name of an empty database, used by nobody else until it is given back."""
        if self._idle:
            return self._idle.pop()
        name = new_name()
        self.cluster.create_database(name, template=self.template)
        with psycopg.connect(self.cluster.url(name), autocommit=True) as connection:
            self._shapes[name] = _shape(connection)
        return name

    def give_back(self, name: str) -> None:
        """Empty the database, or drop it if it was dropped, rebuilt or filled beyond what emptying is good for."""
        try:
            with psycopg.connect(self.cluster.url(name), autocommit=True) as connection:
                reusable = self._emptied(connection, name)
        except psycopg.OperationalError:  # gone, or nobody may connect to it
            reusable = False
        if reusable:
            self._idle.append(name)
        else:
            self.cluster.drop_database(name)

    def close(self) -> None:
        """Drop what is left."""
        while self._idle:
            self.cluster.drop_database(self._idle.pop())

    def _emptied(self, connection: psycopg.Connection, name: str) -> bool:
        connection.execute(_SESSIONS)
        tables = connection.execute(_TABLES).fetchall()
        HUNT.look_through(connection, tables)
        size = connection.execute("SELECT pg_database_size(current_database()) - pg_database_size(%s)", [self.template])
        if _shape(connection) != self._shapes[name] or _one(size) > _MOST_GROWTH:
            return False
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # the order of foreign keys is no matter
            for table in tables:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))
            for sequence in connection.execute(_SEQUENCES).fetchall():
                connection.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sql.Identifier(*sequence)))
        return True


def _shape(connection: psycopg.Connection) -> str:
    return str(_one(connection.execute(_SHAPE)))


def _one(found: psycopg.Cursor) -> int:  # type: ignore[type-arg]
    row = found.fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]
