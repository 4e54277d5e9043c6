"""The databases tests are given: migrated, empty, their own, and gone afterwards even if a session crashed."""

import subprocess
import sys

import psycopg

from ledgerbridge.store import schema
from ledgerbridge.store.embedded import EmbeddedPostgres
from tests.support.clones import migrated_template, new_name, sweep


def names(postgres: EmbeddedPostgres) -> set[str]:
    with psycopg.connect(postgres.url()) as connection:
        return {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}


def test_a_test_gets_the_newest_schema(database_url: str) -> None:
    assert schema.current_revision(database_url) == schema.expected_revision()


def test_an_empty_database_has_no_schema(empty_database_url: str) -> None:
    assert schema.current_revision(empty_database_url) is None


def test_the_migrated_template_is_made_once(postgres: EmbeddedPostgres, migrated: str) -> None:
    before = names(postgres)
    assert migrated_template(postgres) == migrated
    assert names(postgres) == before


def test_what_a_crashed_session_left_is_dropped_and_what_a_living_one_uses_is_kept(postgres: EmbeddedPostgres) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left_behind, in_use = f"lb_test_{int(gone.stdout)}_00c0ffee", new_name()
    postgres.create_database(left_behind)
    postgres.create_database(in_use)
    sweep(postgres)
    assert left_behind not in names(postgres)
    assert in_use in names(postgres)
    postgres.drop_database(in_use)
