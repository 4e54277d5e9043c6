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
        (SELECT concat(datallowconn, datconnlimit) FROM pg_database WHERE datname = current_database()),
        (SELECT string_agg(version_num, ' ') FROM alembic_version))
"""  # all that a test may change in a database beside its rows
_TABLES = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'
"""
_SEQUENCES = "SELECT schemaname, sequencename, start_value FROM pg_sequences"
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
    _lines: dict[str, psycopg.Connection] = field(default_factory=dict)
    """A session in each, kept: a new one has to learn the whole catalogue before it finds its first table."""
    _filled: sql.Composed = field(default_factory=lambda: sql.Composed([]))
    """Asks which tables have rows."""
    _size: int = 0
    """Bytes of the template."""
    _rewind: sql.Composed = field(default_factory=lambda: sql.Composed([]))
    """Lets all sequences begin anew."""

    def take(self) -> str:
        """The name of an empty database, used by nobody else until it is given back."""
        if self._idle:
            return self._idle.pop()
        name = new_name()
        self.cluster.create_database(name, template=self.template)
        line = self._line(name)
        self._shapes[name] = _shape(line)
        if not self._filled.as_string():
            self._learn(line)
        return name

    def give_back(self, name: str) -> None:
        """Empty the database, or drop it if it was dropped, rebuilt or filled beyond what emptying is good for."""
        if self._could_be_emptied(name):
            self._idle.append(name)
        else:
            self._drop(name)

    def close(self) -> None:
        """Drop what is left."""
        while self._idle:
            self._drop(self._idle.pop())

    def _line(self, name: str) -> psycopg.Connection:
        if name not in self._lines:
            # The order of foreign keys is no matter then. Said at each emptying it made the session plan all anew.
            no_triggers = "-c session_replication_role=replica"
            self._lines[name] = psycopg.connect(self.cluster.url(name), autocommit=True, options=no_triggers)
        return self._lines[name]

    def _drop(self, name: str) -> None:
        if name in self._lines:
            self._lines.pop(name).close()
        self.cluster.drop_database(name)

    def _could_be_emptied(self, name: str) -> bool:
        for _ in range(2):  # the test may have ended our session with all others
            try:
                return self._emptied(self._line(name), name)
            except psycopg.OperationalError:  # or the database is gone, or nobody may connect to it
                self._lines.pop(name, None)
        return False

    def _learn(self, connection: psycopg.Connection) -> None:
        """The same for all databases as long as they keep their shape."""
        asked = [
            sql.SQL("SELECT {}, {} WHERE EXISTS (SELECT FROM {})").format(*table, sql.Identifier(*table))
            for table in connection.execute(_TABLES).fetchall()
        ]
        self._filled = sql.SQL(" UNION ALL ").join(asked)
        begun = [
            sql.SQL("setval({}, {}, false)").format(sql.Identifier(schema, name).as_string(), start)
            for schema, name, start in connection.execute(_SEQUENCES).fetchall()
        ]
        self._rewind = sql.SQL("SELECT ") + sql.SQL(", ").join(begun)
        self._size = _one(connection.execute("SELECT pg_database_size(%s)", [self.template]))

    def _emptied(self, connection: psycopg.Connection, name: str) -> bool:
        connection.execute(_SESSIONS)
        if _shape(connection) != self._shapes[name]:
            HUNT.look_through(connection, connection.execute(_TABLES).fetchall())
            return False
        tables = connection.execute(self._filled).fetchall()
        HUNT.look_through(connection, tables)
        if _one(connection.execute("SELECT pg_database_size(current_database())")) - self._size > _MOST_GROWTH:
            return False
        with connection.transaction():
            for table in tables:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))
            connection.execute(self._rewind)
        return True


def _shape(connection: psycopg.Connection) -> str:
    return str(_one(connection.execute(_SHAPE)))


def _one(found: psycopg.Cursor) -> int:  # type: ignore[type-arg]
    row = found.fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]
