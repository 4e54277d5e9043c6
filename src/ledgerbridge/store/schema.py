"""Bringing the database to the schema of this release, and telling whether it is there.

Synchronous, like Alembic; from a coroutine call it with `asyncio.to_thread`. Schemas only go forward.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from ledgerbridge.store.engine import Database, sqlalchemy_url

_UPGRADE_LOCK = 0x4C42_5550
"""Advisory lock of an upgrade in progress; any number that nobody else uses."""
_WAIT_FOR_OTHERS = "10min"


def upgrade(url: str) -> None:
    """Bring the schema up to date in one transaction. Replicas that start together take turns; nothing is done twice.

    Raises sqlalchemy.exc.SQLAlchemyError when the server cannot be reached or a migration fails; then nothing changed.
    """
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool, hide_parameters=True)
    with engine.begin() as connection:
        connection.execute(text(f"set local lock_timeout = '{_WAIT_FOR_OTHERS}'"))
        connection.execute(text(f"select pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        connection.execute(text("set local lock_timeout = '30s'"))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@cache
def expected_revision() -> str:
    """The newest revision this release knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101
    return head


def current_revision(url: str) -> str | None:
    """The revision the database has; None for one without any. Raises SQLAlchemyError when it cannot be reached."""

    def read(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool, hide_parameters=True)
    with engine.connect() as connection:
        return read(connection)


async def is_current(db: Database) -> bool:
    """Whether this release can work on the database (for `/readyz` and before `serve`).

    A revision this release has never heard of counts as current: it is a newer one, put there while an update rolls
    out, and migrations keep the release before them working.
    """
    try:
        async with db.reading() as session:
            found = (await session.execute(text("select version_num from alembic_version"))).scalars().all()
    except ProgrammingError:
        return False
    return bool(found) and all(revision == expected_revision() or revision not in _known() for revision in found)


def migrations_folder() -> Path:
    """Where the migrations are: beside the package's modules when installed, at the top of a checkout otherwise."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "migrations", package.parents[1] / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise FileNotFoundError(f"no migrations beside {package}: the installation is incomplete")


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config
