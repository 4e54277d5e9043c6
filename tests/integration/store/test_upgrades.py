"""Every earlier schema comes to the newest with what it held, and the code of before works on until it is replaced."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, NullPool, create_engine, select, text
from sqlalchemy.orm import Session

from ledgerbridge.cli import migrate
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.store import rekey, schema
from ledgerbridge.store.embedded import EmbeddedPostgres
from ledgerbridge.store.engine import sqlalchemy_url
from ledgerbridge.store.tables import Base, ConfigVersion
from ledgerbridge.store.vault import Vault
from tests.support.clones import new_name
from tests.support.commands import until

FIXTURES = Path(__file__).parent / "revisions"
KEY = bytes(range(32))
EARLIER = sorted(one.revision for one in ScriptDirectory.from_config(schema._config()).walk_revisions())[:-1]
Rows = dict[str, list[dict[str, Any]]]

LOST_KEYS = {("leases", "connection_id", "")}
"""Unique keys that 0003 took away: code of 0001 and 0002 cannot take leases beside newer code. No release was made of
those, and no later migration may do this (`tests/unit/store/test_migrations.py`)."""


@contextmanager
def engine_of(url: str) -> Iterator[Any]:
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
    yield engine
    engine.dispose()


def migrate_to(url: str, revision: str) -> None:
    with engine_of(url) as engine, engine.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def fill(url: str, revision: str) -> None:
    """The data the code of each revision up to this one wrote."""
    with psycopg.connect(url) as connection:
        for path in sorted(FIXTURES.glob("*.sql")):
            if path.stem <= revision:
                connection.execute(path.read_text().encode())


def reflected(url: str) -> MetaData:
    """The tables as the code of a revision knew them: no column that came later."""
    found = MetaData()
    with engine_of(url) as engine:
        found.reflect(engine, only=lambda name, _: not name.startswith(("procrastinate_", "alembic_")))
    return found


def rows_of(url: str, tables: MetaData) -> Rows:
    with engine_of(url) as engine, engine.connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
            for table in tables.sorted_tables
        }


def unique_keys(url: str) -> set[tuple[str, str, str]]:
    """What an `on conflict` may lean on: table, columns, condition."""
    query = """
        select t.relname, string_agg(a.attname, ',' order by a.attname), coalesce(pg_get_expr(i.indpred, t.oid), '')
        from pg_index i join pg_class t on t.oid = i.indrelid and t.relnamespace = 'public'::regnamespace
            join pg_attribute a on a.attrelid = t.oid and a.attnum = any(i.indkey)
        where i.indisunique and t.relname !~ '^(alembic|procrastinate)_'
        group by i.indexrelid, t.relname, i.indpred, t.oid
    """
    with psycopg.connect(url) as connection:
        return {(str(row[0]), str(row[1]), str(row[2])) for row in connection.execute(query)}


@pytest.fixture(scope="module", params=EARLIER)
def earlier(request: pytest.FixtureRequest, postgres: EmbeddedPostgres) -> Iterator[tuple[str, str]]:
    """A revision, and a database of it with data."""
    name = new_name()
    postgres.create_database(name)
    migrate_to(postgres.url(name), request.param)
    fill(postgres.url(name), request.param)
    yield request.param, postgres.url(name)
    postgres.drop_database(name)


def test_code_of_an_earlier_revision_works_on_the_newest_schema(earlier: tuple[str, str], database_url: str) -> None:
    """While an update rolls out: its inserts, updates, deletes and reads, which name the columns it knew."""
    revision, url = earlier
    tables = reflected(url)
    rows = rows_of(url, tables)
    assert all(rows.values()), [name for name, found in rows.items() if not found]
    with engine_of(database_url) as engine, engine.begin() as connection:
        for table in tables.sorted_tables:
            connection.execute(table.insert(), rows[table.name])
    assert rows_of(database_url, tables) == rows
    with engine_of(database_url) as engine, engine.begin() as connection:
        for table in tables.sorted_tables:
            for row in rows[table.name]:
                same = [table.c[key.name] == row[key.name] for key in table.primary_key]
                assert connection.execute(table.update().where(*same).values(row)).rowcount == 1
        for table in reversed(tables.sorted_tables):
            connection.execute(table.delete())
    lost = unique_keys(url) - unique_keys(database_url)
    assert lost <= (LOST_KEYS if revision < "0003" else set())


def test_an_earlier_schema_is_brought_up_with_all_it_holds(earlier: tuple[str, str]) -> None:
    """Runs after the test above, which needs the older schema: both share the database of a revision."""
    revision, url = earlier
    tables = reflected(url)
    before = rows_of(url, tables)
    with psycopg.connect(url) as connection:
        known = "select to_regclass('procrastinate_jobs') is not null"
        jobs_before = revision >= "0002" and connection.execute(known).fetchone() == (True,)

    schema.upgrade(url)

    assert schema.current_revision(url) == schema.expected_revision()
    assert rows_of(url, tables) == before
    with engine_of(url) as engine, Session(engine) as session:
        found = {mapper.class_: session.scalars(select(mapper.class_)).all() for mapper in Base.registry.mappers}
        assert {one.__tablename__: len(rows) for one, rows in found.items() if rows} == {
            name: len(rows) for name, rows in before.items()
        }
        for version in found[ConfigVersion]:
            assert ConfigurationBody.read(version.body).journal == "EXP"
        sealed = 0
        for cell in rekey.cells():
            for row, value in session.execute(select(cell.row, cell.column).where(cell.column.is_not(None))):
                opened = Vault([KEY]).open(value, table=cell.table.name, column=cell.column.name, row=row)
                assert "0001" in opened
                sealed += 1
        assert sealed == (6 if revision < "0005" else 8)
        if jobs_before:
            args = session.scalar(text("select args ->> 'found_by' from procrastinate_jobs"))
            assert args == "webhook"


def test_every_revision_has_a_file_with_its_data() -> None:
    assert [path.stem for path in sorted(FIXTURES.glob("*.sql"))] == EARLIER


# ------------------------------------------------------------------ a migration of tomorrow

NEXT = '''
"""A migration of tomorrow."""
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None
CONCURRENTLY = {concurrently!r}


def upgrade() -> None:
    for statement in {statements!r}:
        op.execute(statement)
'''
Tomorrow = Callable[..., Path]


@pytest.fixture
def tomorrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tomorrow:
    """Makes the next release: ours with one more migration."""
    real = schema.migrations_folder()

    def make(*statements: str, concurrently: dict[str, str] | None = None) -> Path:
        folder = tmp_path / "migrations"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(real, folder, ignore=shutil.ignore_patterns("__pycache__"))
        head = schema.expected_revision()
        body = NEXT.format(head=head, statements=list(statements), concurrently=concurrently or {})
        (folder / "versions" / "9999_next.py").write_text(body)
        monkeypatch.setattr(schema, "migrations_folder", lambda: folder)
        return folder

    monkeypatch.setattr(schema, "_PAUSE_SECONDS", 0.05)
    return make


def columns(url: str, table: str) -> set[str]:
    with psycopg.connect(url) as line:
        query = "select column_name from information_schema.columns where table_name = %s"
        return {str(row[0]) for row in line.execute(query, [table])}


def test_a_migration_that_meets_a_long_transaction_gives_up_and_can_be_repeated(
    database_url: str, tomorrow: Tomorrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow("alter table connections add column later text")
    monkeypatch.setattr(schema, "LOCK_SECONDS", 0.2)
    served: list[float] = []

    def serve() -> None:
        with psycopg.connect(database_url, autocommit=True, options="-c lock_timeout=10s") as line:
            while not done.is_set():
                line.execute("select count(*) from connections")
                served.append(time.monotonic())

    done = threading.Event()
    with psycopg.connect(database_url, application_name="a long report") as long:
        long.execute("select count(*) from connections")
        pid = long.info.backend_pid
        service = threading.Thread(target=serve)
        service.start()
        try:
            with pytest.raises(schema.UpgradeBusy) as caught:
                schema.upgrade(database_url)
            so_far = len(served)
            until("the service goes on", lambda: len(served) > so_far)
        finally:
            done.set()
            service.join()
    assert f"process {pid} (a long report)" in str(caught.value)
    assert "run `ledgerbridge migrate` again" in str(caught.value)
    assert "later" not in columns(database_url, "connections")
    schema.upgrade(database_url)
    assert "later" in columns(database_url, "connections")


def test_the_command_says_so_in_one_sentence(
    database_url: str, tomorrow: Tomorrow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tomorrow("alter table connections add column later text")
    monkeypatch.setattr(schema, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(schema, "TRIES", 1)
    monkeypatch.setenv("DATABASE_URL", database_url)
    with psycopg.connect(database_url) as long:
        long.execute("select count(*) from connections")
        with pytest.raises(BaseException, match="1") as ended:
            migrate()
    assert getattr(ended.value, "exit_code", None) == 1
    assert capsys.readouterr().err.startswith("ledgerbridge: The upgrade found a table in use")


def test_a_migration_killed_in_the_middle_is_undone_and_repeated(database_url: str, tomorrow: Tomorrow) -> None:
    folder = tomorrow("alter table connections add column later text", "select pg_sleep(300)")
    program = (
        "import sys, pathlib; from ledgerbridge.store import schema; schema._LINE_CHECK_MS = 200;"
        "schema.migrations_folder = lambda: pathlib.Path(sys.argv[1]); schema.upgrade(sys.argv[2])"
    )
    running = subprocess.Popen([sys.executable, "-c", program, str(folder), database_url])

    def sleeping() -> bool:
        assert running.poll() is None
        with psycopg.connect(database_url) as line:
            query = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
            return bool(line.execute(query).rowcount)

    try:
        until("the migration is in the middle", sleeping)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    tomorrow("alter table connections add column later text")
    schema.upgrade(database_url)
    assert schema.current_revision(database_url) == "9999"
    assert "later" in columns(database_url, "connections")


def test_an_index_of_a_large_table_is_built_while_the_service_writes_and_mended_after_a_kill(
    database_url: str, tomorrow: Tomorrow
) -> None:
    tomorrow(concurrently={"ix_later": "create index concurrently ix_later on postings (erp_number)"})
    state = "select indisvalid from pg_index where indexrelid = to_regclass('ix_later')"
    with psycopg.connect(database_url, autocommit=True) as line:
        schema.upgrade(database_url)
        assert line.execute(state).fetchone() == (True,)
        line.execute("update pg_index set indisvalid = false where indexrelid = 'ix_later'::regclass")
        schema.upgrade(database_url)
        assert line.execute(state).fetchone() == (True,)
        made = "select oid from pg_class where relname = 'ix_later'"
        before = line.execute(made).fetchone()
        schema.upgrade(database_url)
        assert line.execute(made).fetchone() == before, "a sound index was built again"


def test_an_upgrade_takes_its_time_where_the_role_ends_long_statements(database_url: str, tomorrow: Tomorrow) -> None:
    """As docs/deploy.md asks for behind a pooler. An index of a large table takes minutes."""
    tomorrow("select pg_sleep(1)", concurrently={"ix_later": "create index concurrently ix_later on postings (total)"})
    with psycopg.connect(database_url, autocommit=True) as line, psycopg.connect(database_url) as long:
        line.execute(f'alter database "{line.info.dbname}" set statement_timeout = 500'.encode())
        long.execute("lock table postings in row exclusive mode")  # which the index waits for
        waiting = threading.Timer(3, long.rollback)
        waiting.start()
        try:
            schema.upgrade(database_url)
        finally:
            waiting.join()
        state = "select indisvalid from pg_index where indexrelid = to_regclass('ix_later')"
        assert line.execute(state).fetchone() == (True,)


def test_an_index_that_a_long_transaction_keeps_from_being_built_is_said_and_built_later(
    database_url: str, tomorrow: Tomorrow, monkeypatch: pytest.MonkeyPatch
) -> None:
    tomorrow(concurrently={"ix_later": "create index concurrently ix_later on postings (total)"})
    with psycopg.connect(database_url, application_name="a long report") as long:
        long.execute("lock table postings in row exclusive mode")
        with monkeypatch.context() as patched:
            patched.setattr(schema, "_WAIT_FOR_OTHERS", "300ms")
            with pytest.raises(schema.UpgradeBusy) as caught:
                schema.upgrade(database_url)
    assert "an index waited" in str(caught.value)
    assert "(a long report)" in str(caught.value)
    assert "run `ledgerbridge migrate` again" in str(caught.value)
    schema.upgrade(database_url)
    with psycopg.connect(database_url) as line:
        state = "select indisvalid from pg_index where indexrelid = to_regclass('ix_later')"
        assert line.execute(state).fetchone() == (True,)
