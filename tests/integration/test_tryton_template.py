"""Building the Tryton template when things go wrong. Only the slow programs are stood in for; the rest is real."""

import fcntl
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledgerbridge.store.embedded import EmbeddedPostgres
from tryton_sandbox import Template, TrytonSandboxError, build
from tryton_sandbox import template as building

FACTS = {"companies": {}, "keys": {"o'erp": "it's"}}
TEMPLATE = "tryton_template_0123456789ab"


class Work:
    """Stands in for the slow programs; the schema stage fails as often as told."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self.schemas = 0

    def create_schema(self, *_: Any) -> None:
        self.schemas += 1
        if self.failures:
            raise self.failures.pop()

    def run(self, *_: Any, **__: Any) -> str:
        return "some chatter\n" + json.dumps(FACTS)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, tryton_template: Template, postgres: EmbeddedPostgres) -> Iterator[Work]:
    made = Work()
    monkeypatch.setattr(building, "_create_schema", made.create_schema)
    monkeypatch.setattr(building, "run", made.run)
    monkeypatch.setattr(building, "_stamp", lambda: TEMPLATE.removeprefix("tryton_template_"))
    monkeypatch.setattr(building, "prepare", lambda cache_dir, progress: tryton_template.environment)
    yield made
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        if TEMPLATE in databases(postgres):
            connection.execute(f'ALTER DATABASE "{TEMPLATE}" IS_TEMPLATE false'.encode())
    postgres.drop_database(TEMPLATE)


def databases(postgres: EmbeddedPostgres) -> set[str]:
    with psycopg.connect(postgres.url()) as connection:
        return {str(row[0]) for row in connection.execute("SELECT datname FROM pg_database")}


def drafts(postgres: EmbeddedPostgres) -> set[str]:
    return {name for name in databases(postgres) if name.startswith("tryton_draft_")}


@pytest.mark.long
def test_an_interrupted_build_is_never_taken_for_a_template_and_is_cleared_away(
    work: Work, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    work.failures.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, postgres.url())
    assert TEMPLATE not in databases(postgres)
    assert len(drafts(postgres)) == 1
    template = build(tmp_path, postgres.url())
    assert (template.name, template.facts) == (TEMPLATE, FACTS)
    assert work.schemas == 2
    assert drafts(postgres) == set()


def test_a_failing_step_shows_its_own_words(work: Work, postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    work.failures.append(TrytonSandboxError("trytond-admin ended with 1:\nno space left"))
    with pytest.raises(TrytonSandboxError, match="no space left"):
        build(tmp_path, postgres.url())


@pytest.mark.long
def test_of_two_builders_one_builds_and_the_other_waits(work: Work, postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    lines: list[str] = []
    waiting = threading.Event()

    def progress(line: str) -> None:
        lines.append(line)
        if "waiting" in line:
            waiting.set()

    with (tmp_path / "build.lock").open("ab") as first_builder:
        fcntl.flock(first_builder, fcntl.LOCK_EX)
        second = threading.Thread(target=build, args=(tmp_path, postgres.url(), progress))
        second.start()
        assert waiting.wait(20)
        assert work.schemas == 0
    second.join(30)
    assert TEMPLATE in databases(postgres)
    build(tmp_path, postgres.url(), progress)
    assert work.schemas == 1
    assert lines.count("Building Tryton: waiting for another build ...") == 1


@pytest.mark.long
def test_the_real_template_survives_a_newer_one(
    work: Work, postgres: EmbeddedPostgres, tryton_template: Template, tmp_path: Path
) -> None:
    build(tmp_path, postgres.url())
    assert {TEMPLATE, tryton_template.name} <= databases(postgres)
