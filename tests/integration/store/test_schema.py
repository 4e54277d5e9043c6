"""The migrations make exactly the tables the code knows, once, however many replicas start together."""

import asyncio
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import procrastinate
import psycopg
import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import create_engine, text

from ledgerbridge.store import schema
from ledgerbridge.store.engine import Database, sqlalchemy_url
from ledgerbridge.store.tables import Base

COLUMNS = """
    select table_name, column_name, data_type, is_nullable, coalesce(column_default, ''), is_identity
    from information_schema.columns where table_schema = 'public' order by 1, 2
"""
CONSTRAINTS = """
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace and conrelid <> 0 and contype <> 'n' order by 1, 2
"""
INDEXES = "select tablename, indexdef from pg_indexes where schemaname = 'public' order by 1, 2"
FUNCTIONS = "select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1, 2"
TRIGGERS = "select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1"


def catalogue(url: str, *queries: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(url) as connection:
        return {query: connection.execute(query.encode()).fetchall() for query in queries}


OUR_INDEXES = ("ix_procrastinate_jobs_due", "ix_procrastinate_jobs_lock")
"""On the library's table, for our own statement that takes jobs."""


def without_ours(trigger: str) -> str:
    """A trigger of the library without the condition that 0006 adds: jobs whose makers tell workers themselves."""
    condition = " AND (current_setting('ledgerbridge.tells_later'::text, true) IS DISTINCT FROM 'yes'::text))"
    return trigger.replace(condition, "").replace("WHEN (((new.", "WHEN ((new.") if condition in trigger else trigger


def without_library(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    foreign = ("procrastinate_", "alembic_")
    return {query: [row for row in rows if not row[0].startswith(foreign)] for query, rows in found.items()}


def test_migrations_and_metadata_make_the_same_tables(empty_database_url: str, database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(empty_database_url))
    Base.metadata.create_all(engine)
    engine.dispose()
    queries = (COLUMNS, CONSTRAINTS, INDEXES)
    assert without_library(catalogue(database_url, *queries)) == catalogue(empty_database_url, *queries)


def test_the_queues_tables_are_those_of_the_installed_library(empty_database_url: str, database_url: str) -> None:
    """Fails when the library is raised without a migration: databases in use would keep the older functions."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute(SchemaManager.get_schema())
    queries = (COLUMNS, CONSTRAINTS, INDEXES, FUNCTIONS, TRIGGERS)
    ours = catalogue(database_url, *queries)
    theirs = catalogue(empty_database_url, *queries)
    assert [row for row in ours[FUNCTIONS] if row[0].startswith("procrastinate_")] == theirs[FUNCTIONS]
    triggers = [(without_ours(row[0]),) for row in ours[TRIGGERS] if "procrastinate_" in row[0]]
    assert triggers == theirs[TRIGGERS]
    for query in (COLUMNS, CONSTRAINTS, INDEXES):
        kept = [row for row in ours[query] if not any(name in row[1] for name in OUR_INDEXES)]
        assert [row for row in kept if row[0].startswith("procrastinate_")] == theirs[query]
    with psycopg.connect(database_url) as connection:
        noted = connection.execute("select obj_description('procrastinate_jobs'::regclass)").fetchone()
    assert noted == (f"procrastinate {procrastinate.__version__}",)
    assert procrastinate.__version__ == "3.10.0", "raise this only together with a migration for databases in use"


def test_replicas_that_start_together_migrate_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as replicas:
        list(replicas.map(schema.upgrade, [empty_database_url] * 4))
    assert schema.current_revision(empty_database_url) == schema.expected_revision()


def test_an_upgrade_again_changes_nothing(database_url: str) -> None:
    before = catalogue(database_url, COLUMNS, CONSTRAINTS, INDEXES)
    schema.upgrade(database_url)
    assert catalogue(database_url, COLUMNS, CONSTRAINTS, INDEXES) == before


def test_a_migration_that_fails_leaves_nothing(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("create table procrastinate_jobs (id int)")  # in the way of the second migration
    with pytest.raises(psycopg.errors.DuplicateTable):
        schema.upgrade(empty_database_url)
    assert schema.current_revision(empty_database_url) is None
    assert [row[0] for row in catalogue(empty_database_url, COLUMNS)[COLUMNS]] == ["procrastinate_jobs"]


async def test_a_database_knows_whether_it_is_current(empty_database_url: str) -> None:
    db = Database(empty_database_url)
    assert not await schema.is_current(db)
    await asyncio.to_thread(schema.upgrade, empty_database_url)
    assert await schema.is_current(db)
    async with db.transaction() as session:
        await session.execute(text("update alembic_version set version_num = '0001'"))
    assert not await schema.is_current(db), "an older schema passed"
    async with db.transaction() as session:
        await session.execute(text("update alembic_version set version_num = '9999'"))
    assert await schema.is_current(db), "a newer replica's schema stopped this one"
    await db.close()


def test_an_installed_wheel_brings_its_migrations(tmp_path: Path, empty_database_url: str) -> None:
    checkout = Path(__file__).parents[3]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=checkout, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from ledgerbridge.store import schema;"
        "print(schema.migrations_folder()); schema.upgrade(sys.argv[2])"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "installed"), empty_database_url]
    told = subprocess.run(arguments, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    assert told == str(tmp_path / "installed" / "ledgerbridge" / "migrations")
    assert schema.current_revision(empty_database_url) == schema.expected_revision()


def test_the_alembic_command_works_for_developers(empty_database_url: str) -> None:
    environment = os.environ | {"DATABASE_URL": empty_database_url}
    for arguments in (["upgrade", "head"], ["check"]):
        command = [sys.executable, "-m", "alembic", *arguments]
        done = subprocess.run(command, cwd=Path(__file__).parents[3], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
