"""The one way to the database: short transactions on a pool, with limits that end whatever waits too long.

No statement crosses companies unless its caller says why (`store.scope`).
A transaction here is never held across a call to Pleo or an ERP (invariant 9); the server ends one that idles.
"""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from ledgerbridge import faults
from ledgerbridge.store import scope
from ledgerbridge.store.alone import Alone

STATEMENT_SECONDS = 30
LOCK_SECONDS = 10
IDLE_IN_TRANSACTION_SECONDS = 30

_SERVER_SETTINGS = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_SECONDS}s",
    "timezone": "UTC",
}
_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg", "postgresql+psycopg2"})


class DatabaseUrlError(ValueError):
    """The database URL cannot be used; the text says why and never repeats the URL, which holds a password."""


def sqlalchemy_url(url: str) -> URL:
    """The URL in SQLAlchemy's form for psycopg 3, from any usual form of a PostgreSQL URL.

    Raises DatabaseUrlError for anything else, libpq's `key=value` form included.
    """
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise DatabaseUrlError("DATABASE_URL must look like postgresql://user:password@host:5432/database")
    try:
        return make_url(f"postgresql+psycopg://{rest}")
    except Exception:
        raise DatabaseUrlError(
            "DATABASE_URL cannot be read; special characters in user or password must be percent-encoded"
        ) from None


def libpq_url(url: str) -> str:
    """The URL as psycopg and every libpq program take it. Raises DatabaseUrlError like `sqlalchemy_url`."""
    return sqlalchemy_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def connection_settings(url: str, application_name: str) -> dict[str, str | int]:
    """How every connection of ours is made: limits on waiting, and a silent line noticed within half a minute.

    Server settings in the URL's own `options` come after ours and so win over them. libpq's names and units.
    """
    theirs = sqlalchemy_url(url).query.get("options", "")
    ours = (f"-c {name}={value}" for name, value in _SERVER_SETTINGS.items())
    return {
        "options": " ".join([*ours, *([theirs] if isinstance(theirs, str) else theirs)]).strip(),
        "application_name": application_name,
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Raise DisconnectionError, upon which the pool makes another, when the server has gone.

    Only then is there something to read on an idle line. It costs no visit to the server, as asking it would.
    """
    if has_something_to_read(connection.driver_connection.fileno()):
        raise DisconnectionError("the server has closed the connection")


def has_something_to_read(socket: int) -> bool:
    """Whether a read would return at once, be it with the news that the line is closed."""
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


class Database:
    """One process's pool of connections. `url` in any form that `sqlalchemy_url` takes."""

    def __init__(self, url: str, *, pool_size: int = 10, application_name: str = "ledgerbridge") -> None:
        settings = connection_settings(url, application_name)
        self.engine = create_async_engine(
            sqlalchemy_url(url).difference_update_query(["options"]),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=STATEMENT_SECONDS,
            pool_recycle=1800,
            hide_parameters=True,
            connect_args=settings,
        )
        self._alone = Alone(libpq_url(url), settings, pool_size)
        event.listen(self.engine.sync_engine, "checkout", _refuse_dead)
        scope.hold(self.engine.sync_engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, sync_session_class=scope.ScopedSession)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session in a transaction: committed at the end, rolled back when the body raises or is cancelled."""
        point = f"commit {faults.caller()}"
        async with self._sessions() as session, session.begin():
            yield session
            faults.reach(f"{point} before")
        faults.reach(f"{point} after")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session in a read-only transaction with one snapshot for all its queries; a write raises."""
        async with self._sessions() as session, session.begin():
            await session.connection(
                execution_options={"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}
            )
            yield session

    async def alone(
        self, statement: str, values: Mapping[str, Any], *, across: str | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement that is a transaction of its own, in one visit to the server (`store.alone`).

        Committed on return. It may be run twice, so it must not matter how often it runs. `across` is for who reads the
        code: why it may touch more than one company. Raises `psycopg.Error`.
        """
        point = f"commit {faults.caller()}"
        faults.reach(f"{point} before")
        rows = await self._alone.run(statement, values, across=across)
        faults.reach(f"{point} after")
        return rows

    async def ping(self) -> None:
        """One round trip to the server. Raises sqlalchemy.exc.SQLAlchemyError when it does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("select 1"))

    async def close(self) -> None:
        """Close every connection; may be repeated."""
        await self._alone.close()
        await self.engine.dispose()
