"""What the command says before it can work: one sentence a person can act on, and the right exit status."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine

from ledgerbridge.store import schema
from ledgerbridge.store.engine import sqlalchemy_url
from tests.support.commands import Process, running

Run = Callable[..., Process]
WAIT = 60


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Starts a command on a sound set of settings, changed as told; those made together run together.

    With `fork` it is one of a parent that has imported everything, which costs a tenth; each command starts from
    nothing at least once.
    """
    sound = {
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "PLEO_AUTH_URL": "https://auth.staging.pleo.io",
        "PLEO_API_URL": "https://external.staging.pleo.io",
        "PLEO_CLIENT_ID": "client",
        "PLEO_CLIENT_SECRET": "hush-hush-client-secret",
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "ADMIN_TOKENS": f"ada:{hashlib.sha256(os.urandom(32)).hexdigest()}",
    }
    with ExitStack() as stack:
        number = iter(range(100))

        def start(*arguments: str, fork: bool = False, **settings: str) -> Process:
            told = sound | settings
            return stack.enter_context(running(f"{next(number)}", list(arguments), told, tmp_path, fork=fork))

        yield start


def first_release(url: str) -> None:
    """The schema as an earlier release left it."""
    config = Config()
    config.set_main_option("script_location", str(schema.migrations_folder()))
    with create_engine(sqlalchemy_url(url), poolclass=NullPool).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


def only_line(process: Process, status: int) -> str:
    assert process.wait(WAIT) == status
    lines = process.stderr.splitlines()
    assert len(lines) == 1, process.stderr
    return lines[0]


def test_serve_and_worker_refuse_an_older_schema_and_migrate_mends_it(run: Run, empty_database_url: str) -> None:
    first_release(empty_database_url)
    early = [
        run("serve", "--port", "0", fork=True, DATABASE_URL=empty_database_url),
        run("worker", DATABASE_URL=empty_database_url),
    ]
    for process in early:
        said = only_line(process, 1)
        assert "schema 0001" in said
        assert "Run `ledgerbridge migrate`" in said
    migrate = run("migrate", DATABASE_URL=empty_database_url)
    assert migrate.wait(WAIT) == 0, migrate.stderr
    with psycopg.connect(empty_database_url) as connection:
        (found,) = connection.execute("select version_num from alembic_version").fetchall()
    assert found == (schema.expected_revision(),)


@pytest.mark.rule("AUTH-003")
def test_every_bad_setting_gets_one_line_without_its_value(run: Run) -> None:
    wrong = {
        "PLEO_API_URL": "http://external.pleo.io",
        "PUBLIC_URL": "http://example.com",
        "EXPORT_POLL_SECONDS": "-1",
        "LOG_LEVEL": "CHATTY",
    }
    process = run("serve", **wrong)
    assert process.wait(WAIT) == 2
    lines = process.stderr.splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(wrong)
    assert process.stdout == ""
    assert not any(value in process.stderr for value in wrong.values())


@pytest.mark.rule("AUTH-001", "EXP-PRE-03")
def test_a_pair_of_staging_and_production_is_named_by_the_doctor_and_refused_by_serve(
    run: Run, database_url: str
) -> None:
    mixed = {"PLEO_AUTH_URL": "https://auth.pleo.io", "DATABASE_URL": database_url}
    doctor, serve = run("doctor", fork=True, **mixed), run("serve", "--port", "0", fork=True, **mixed)
    sound = run("doctor", DATABASE_URL=database_url)
    assert doctor.wait(WAIT) == 1
    errors = [line for line in doctor.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert "production" in errors[0]
    assert "staging" in errors[0]
    assert "Mixed pair" in only_line(serve, 1)
    assert sound.wait(WAIT) == 0, sound.stdout
    assert sound.stdout.splitlines()[-1].startswith("0 errors")
    assert "hush-hush" not in doctor.stdout + sound.stdout + serve.stderr
