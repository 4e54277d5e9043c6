"""Bringing the database to the schema of this release, and telling whether it is there.

Synchronous, like Alembic; from a coroutine call it with `asyncio.to_thread`. Schemas only go forward. Alembic is
imported by what changes or describes a schema only: telling whether it is there, as every start does, needs none.
"""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from ledgerbridge.store.engine import Database, sqlalchemy_url

if TYPE_CHECKING:
    from alembic.config import Config

_UPGRADE_LOCK = 0x4C42_5550
"""Advisory lock of an upgrade in progress; any number that nobody else uses."""
_INDEX_LOCK = _UPGRADE_LOCK + 1
_WAIT_FOR_OTHERS = "10min"
LOCK_SECONDS = 3
"""How long a migration waits for a table. Whoever comes to the table after it waits as long, so it is short."""
TRIES = 3
_PAUSE_SECONDS = 2.0
"""Between two tries, in which those who waited behind us go on."""
_LINE_CHECK_MS = 5_000
"""How soon the server notices that we were killed in the middle, and undoes it."""


_NOTHING_CHANGED = (
    "The upgrade found a table in use {tries} times and gave up after {seconds} s each, so that the service goes on. "
    "Nothing was changed."
)
_WITHOUT_AN_INDEX = (
    f"The schema is that of this release, but an index waited {_WAIT_FOR_OTHERS} for transactions that began before it "
    "and is not built. The service works without it, more slowly."
)


class UpgradeBusy(Exception):
    """The upgrade gave up so that the service goes on. The text says what has changed and who was in the way."""


def upgrade(url: str) -> None:
    """Bring the schema up to date in one transaction. Replicas that start together take turns; nothing is done twice.

    Killed anywhere, it is simply repeated. Indexes that a migration wants built while the service writes
    (`CONCURRENTLY`) follow after it, each on its own.

    Raises `UpgradeBusy` when a long transaction holds a table or is still open when an index waits for it, and
    sqlalchemy.exc.SQLAlchemyError when the server cannot be reached or a migration fails; then nothing changed.
    """
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool, hide_parameters=True)
    for turn in range(1, TRIES + 1):
        try:
            _migrate(engine)
            break
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            if turn == TRIES:
                raise UpgradeBusy(_in_the_way(engine, _NOTHING_CHANGED)) from None
        except LockNotAvailable:  # of a statement that only the driver itself could run
            if turn == TRIES:
                raise UpgradeBusy(_in_the_way(engine, _NOTHING_CHANGED)) from None
        time.sleep(_PAUSE_SECONDS)
    try:
        _build_indexes(engine)
    except OperationalError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        raise UpgradeBusy(_in_the_way(engine, _WITHOUT_AN_INDEX)) from None


def _migrate(engine: Engine) -> None:
    from alembic import command

    with engine.begin() as connection:
        # A role may be told to end statements that take long, as behind a pooler (docs/deploy.md). Not these.
        connection.execute(text("set local statement_timeout = 0"))
        connection.execute(text(f"set local lock_timeout = '{_WAIT_FOR_OTHERS}'"))
        connection.execute(text(f"set local client_connection_check_interval = {_LINE_CHECK_MS}"))
        connection.execute(text(f"select pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        connection.execute(text(f"set local lock_timeout = '{LOCK_SECONDS}s'"))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _in_the_way(engine: Engine, what: str) -> str:
    """What an upgrade that gave up came to, with the oldest transactions, one of which it waited for."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select pid, coalesce(nullif(application_name, ''), usename) as name, "
                "extract(epoch from clock_timestamp() - xact_start)::int as seconds from pg_stat_activity "
                "where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null "
                "order by xact_start limit 3"
            )
        ).all()
    oldest = ", ".join(f"process {row.pid} ({row.name}), open for {row.seconds} s" for row in rows)
    return (
        f"{what.format(tries=TRIES, seconds=LOCK_SECONDS)} Oldest transactions: {oldest or 'none any more'}. Let them "
        "end, or end them with pg_terminate_backend, then run `ledgerbridge migrate` again."
    )


def _build_indexes(engine: Engine) -> None:
    """Build what migrations want built `CONCURRENTLY`, and again what an interrupted attempt left unusable."""
    from alembic.script import ScriptDirectory

    wanted: dict[str, str] = {}
    for script in ScriptDirectory.from_config(_config()).walk_revisions():
        wanted |= getattr(script.module, "CONCURRENTLY", {})
    if not wanted:
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("set statement_timeout = 0"))
        connection.execute(text(f"set lock_timeout = '{_WAIT_FOR_OTHERS}'"))
        # Tried, never waited for: whoever waits has a snapshot, and the build waits for every snapshot.
        while not connection.scalar(text(f"select pg_try_advisory_lock({_INDEX_LOCK})")):
            time.sleep(_PAUSE_SECONDS / 4)
        for name, statement in wanted.items():
            valid = connection.scalar(
                text("select indisvalid from pg_index where indexrelid = to_regclass(:name)"), {"name": name}
            )
            if valid is False:
                connection.execute(text(f"drop index concurrently {name}"))
            if not valid:
                connection.execute(text(statement))


@cache
def expected_revision() -> str:
    """The newest revision this release knows."""
    return _known()[-1]


def current_revision(url: str) -> str | None:
    """The revision the database has; None for one without any. Raises SQLAlchemyError when it cannot be reached."""
    from alembic.runtime.migration import MigrationContext

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


_REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)


@cache
def _known() -> tuple[str, ...]:
    """Every revision, oldest first, as the files of the migrations say, which are named in their order."""
    files = sorted((migrations_folder() / "versions").glob("*.py"))
    return tuple(found[1] for file in files if (found := _REVISION.search(file.read_text("utf-8"))) is not None)


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config
