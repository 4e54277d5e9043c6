"""A newer queue library on a database in use: its own scripts bring the schema up, older workers live on meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import procrastinate
import psycopg
import pytest
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, NullPool, create_engine

from ledgerbridge.store import queue_schema
from ledgerbridge.store.engine import sqlalchemy_url
from ledgerbridge.work import statements
from tests.integration.store.test_schema import (
    COLUMNS,
    CONSTRAINTS,
    FUNCTIONS,
    INDEXES,
    TRIGGERS,
    catalogue,
    without_ours,
)

OLDER = (3, 0, 0)
"""A release whose schema differs from the installed one in tables, functions and indexes."""
SIGNATURES = """
    select proname || '(' || pg_get_function_identity_arguments(oid) || ')' from pg_proc
    where pronamespace = 'public'::regnamespace
"""
EVERYTHING = (COLUMNS, CONSTRAINTS, INDEXES, FUNCTIONS, TRIGGERS)


@pytest.fixture
def older(empty_database_url: str) -> Iterator[Connection]:
    """A queue of the older release with a job in it, made by the library's own scripts."""
    with psycopg.connect(empty_database_url) as line:
        for one in queue_schema.scripts(since=()):
            if one.release <= OLDER:
                line.execute(one.path.read_bytes())
        line.execute("comment on table procrastinate_jobs is 'procrastinate 3.0.0'")
        line.execute(
            "insert into procrastinate_jobs (queue_name, task_name, queueing_lock, args) "
            "values ('default', 'a', 'a', '{\"x\": 1}')"
        )
    engine = create_engine(sqlalchemy_url(empty_database_url), poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def signatures(connection: Connection) -> set[str]:
    return {str(row[0]) for row in connection.exec_driver_sql(SIGNATURES)}


def plain(rows: list[tuple[Any, ...]]) -> list[str]:
    """Definitions without their layout and the case they are written in."""
    return sorted(" ".join(" ".join(map(str, row)).lower().split()) for row in rows)


def note(connection: Connection) -> Any:
    return connection.exec_driver_sql("select obj_description('procrastinate_jobs'::regclass)").scalar()


def columns(connection: Connection) -> set[tuple[Any, ...]]:
    return {(row[0], row[1], row[2]) for row in connection.exec_driver_sql(COLUMNS)}


def test_older_workers_find_all_they_use_until_the_release_after(older: Connection) -> None:
    before, tables = signatures(older), columns(older)
    queue_schema.raise_to_installed(older)
    assert before <= signatures(older), "an older worker calls a function that is gone"
    assert tables <= columns(older)
    assert note(older) == f"procrastinate {procrastinate.__version__} with parts of 3.0.0"
    queue_schema.raise_to_installed(older)  # a migration that is repeated
    queue_schema.take_away_older(older)
    assert not before <= signatures(older)
    assert note(older) == f"procrastinate {procrastinate.__version__}"


def test_in_the_end_the_schema_is_the_installed_librarys_and_the_work_is_still_there(
    older: Connection, empty_database_url: str, database_url: str
) -> None:
    queue_schema.raise_to_installed(older)
    queue_schema.take_away_older(older)
    assert older.exec_driver_sql("select args ->> 'x' from procrastinate_jobs where status = 'todo'").scalar() == "1"
    older.commit()
    raised, ours = catalogue(empty_database_url, *EVERYTHING), catalogue(database_url, *EVERYTHING)
    for query in (FUNCTIONS, TRIGGERS):
        library = plain(
            [tuple(without_ours(str(part)) for part in row) for row in ours[query] if "procrastinate_" in row[0]]
        )
        assert plain(raised[query]) == library != []
    assert {row[:3] for row in raised[COLUMNS]} == {
        row[:3] for row in ours[COLUMNS] if row[0].startswith("procrastinate_")
    }


def test_our_own_statements_work_while_parts_of_the_older_release_stand(older: Connection) -> None:
    queue_schema.raise_to_installed(older)
    driver: Any = older.connection.driver_connection
    driver.execute("create table work_failures (job_id bigint)")  # our own, beside the library's
    arm = {"name": "round", "key": "round"}
    driver.execute(statements.ARM, arm)
    driver.execute(statements.ARM, arm)
    driver.execute(statements.NEXT, {**arm, "seconds": 5})
    driver.execute(statements.HASTEN, {"key": "round", "seconds": 1})
    taken = driver.execute(statements.TAKE, {"worker_id": None}).fetchone()
    assert taken[0] is not None
    run = {"id": taken[0], "attempts": 0, "worker_id": None}
    assert driver.execute(statements.REQUEUE, {**run, "seconds": 0, "counted": 1}).rowcount == 1
    assert driver.execute(statements.STATS).fetchone() is not None
    driver.execute(statements.FORGET, {"seconds": 0, "failed_seconds": 0, "newest": 10})


def test_a_database_without_a_note_is_refused(older: Connection) -> None:
    older.exec_driver_sql("comment on table procrastinate_jobs is null")
    with pytest.raises(ValueError, match="does not note"):
        queue_schema.raise_to_installed(older)


def test_the_librarys_scripts_make_what_its_schema_says(empty_database_url: str) -> None:
    """The two ways to a schema that the library ships, on which bringing up databases in use rests."""
    assert SchemaManager.get_schema()
    names = [one.path.name for one in queue_schema.scripts(since=())]
    assert names == sorted(names), "the library's scripts are not applied in the order of their names"
    assert {one.release for one in queue_schema.scripts((3, 2, 0))} == {(3, 3, 0), (3, 4, 0)}
