"""The doctor's look at the database: is it there, is it ours, does it tell the same time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.erp.registry import adapters
from ledgerbridge.ops.doctor import Finding, endpoints, error, ok, warning
from ledgerbridge.settings import Settings
from ledgerbridge.store import rekey, schema
from ledgerbridge.store.engine import Database, DatabaseUrlError
from ledgerbridge.store.scope import across_companies
from ledgerbridge.store.tables import Connection, ConnectionStatus, ErpBinding
from ledgerbridge.store.vault import Vault, VaultError

OLDEST_SERVER = 14
SKEW_WARNING = timedelta(seconds=5)
SKEW_ERROR = timedelta(seconds=60)
"""Beyond this, signatures with a tolerance of 300 s and token expiry become unreliable."""
SECONDS = 15
_NAME = "DATABASE_URL"
_LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
_REACH = "Check host, port, user and password in DATABASE_URL, and that the server runs."


async def inspect_database(settings: Settings, url: str) -> list[Finding]:
    """Everything that can be told from the database at `url`."""
    try:
        db = Database(url, pool_size=2, application_name="ledgerbridge doctor")
    except DatabaseUrlError as fault:
        return [error(_NAME, str(fault), "Correct DATABASE_URL.")]
    try:
        async with asyncio.timeout(SECONDS):
            return await _inspect(settings, db, url)
    except (SQLAlchemyError, OSError, TimeoutError) as fault:
        lines = str(getattr(fault, "orig", fault)).strip().splitlines()
        return [error(_NAME, f"Cannot be reached: {lines[0] if lines else type(fault).__name__}", _REACH)]
    finally:
        await db.close()


async def other_environments(session: AsyncSession, environment: str) -> list[str]:
    """Environments other than this one that live connections in the database belong to (AUTH-001)."""
    wanted = (
        select(Connection.environment)
        .distinct()
        .where(Connection.environment != environment, Connection.status != ConnectionStatus.DISCONNECTED)
        .order_by(Connection.environment)
    )
    with across_companies(session, "a database belongs to one environment as a whole"):
        return list(await session.scalars(wanted))


async def _inspect(settings: Settings, db: Database, url: str) -> list[Finding]:
    async with db.reading() as session:
        version = int(await session.scalar(text("show server_version_num")) or 0) // 10_000
        skew = await _skew(session)
        limits = await _unlimited(session)
    found = [_server(version), _clock(skew), *limits]
    migrations = await _migrations(db, url)
    found.append(migrations)
    if migrations.fix:
        return found
    async with db.reading() as session:
        found.append(await _environment(session, settings))
        found.append(await _secrets(session, settings))
        found += await _unserved(session)
    return found


def _server(version: int) -> Finding:
    if version < OLDEST_SERVER:
        return error(_NAME, f"PostgreSQL {version} is too old.", f"Use PostgreSQL {OLDEST_SERVER} or newer.")
    return ok(_NAME, f"PostgreSQL {version} answers.")


async def _unlimited(session: AsyncSession) -> list[Finding]:
    """What nothing limits although every connection of ours asks for it: a pooler can drop what it is asked."""
    missing = [name for name in _LIMITS if await session.scalar(text(f"show {name}")) == "0"]
    if not missing:
        return []
    text_ = f"The server does not know our limits ({', '.join(missing)}): a pooler in front of it drops them."
    return [error(_NAME, text_, f"Connect to the server itself, or there: ALTER ROLE ... SET {missing[0]} = '30s'.")]


async def _skew(session: AsyncSession) -> timedelta:
    """How far the server's clock is ahead of ours, the way there and back allowed for."""
    before = utcnow()
    there: datetime | None = await session.scalar(text("select clock_timestamp()"))
    after = utcnow()
    assert there is not None  # noqa: S101
    if before <= there <= after:
        return timedelta(0)
    return there - after if there > after else there - before


def _clock(skew: timedelta) -> Finding:
    seconds = abs(skew.total_seconds())
    text_ = f"This machine and the database differ by {seconds:.0f} s."
    fix = "Let both keep time by NTP."
    if abs(skew) > SKEW_ERROR:
        return error("clock", text_, fix)
    if abs(skew) > SKEW_WARNING:
        return warning("clock", text_, fix)
    return ok("clock", "This machine and the database agree.")


async def _migrations(db: Database, url: str) -> Finding:
    if await schema.is_current(db):
        return ok("migrations", "The schema is the one this release needs.")
    found = await asyncio.to_thread(schema.current_revision, url)
    if found is None:
        return error("migrations", "The database is empty.", "Run `ledgerbridge migrate`.")
    return error("migrations", f"Schema {found} is older than this release needs.", "Run `ledgerbridge migrate`.")


async def _environment(session: AsyncSession, settings: Settings) -> Finding:
    environment = endpoints(settings).environment
    if others := await other_environments(session, environment):
        text_ = f"Holds connections of {', '.join(others)}, but the Pleo hosts are those of {environment}."
        fix = "Staging and production never mix: use the database that belongs to these hosts, or set its hosts."
        return error("environment", text_, fix)
    with across_companies(session, "a number of companies, no row"):
        number = await session.scalar(select(func.count()).select_from(Connection)) or 0
    return ok("environment", f"{number} connection{'' if number == 1 else 's'}, all of {environment}.")


async def _secrets(session: AsyncSession, settings: Settings) -> Finding:
    """Whether the keys open what is stored, and whether older ones are still needed; opens, never shows."""
    name = "ENCRYPTION_KEYS"
    try:
        vault = Vault(settings.keys)
    except ValueError:
        return ok(name, "Stored secrets not tried; see above.")
    counted = await rekey.census(session, vault)
    if counted.foreign:
        where = ", ".join(f"{number} in {cell}" for cell, number in counted.foreign.items())
        fix = "Put the old key back, behind the others; `ledgerbridge rotate-keys` then makes it dispensable."
        return error(name, f"Stored secrets were sealed with a key that is not listed: {where}.", fix)
    try:
        tried = await _try_some(session, vault)
    except VaultError as fault:
        return error(name, f"A stored secret does not open: {fault}.", "Restore the database and keys of one time.")
    if counted.older:
        fix = "Keep the older keys listed. To retire them run `ledgerbridge rotate-keys`."
        return warning(name, f"{_secrets_of(counted.older)} still need{'s' * (counted.older == 1)} an older key.", fix)
    spare = " Only the first key is needed." if len(settings.keys) > 1 else ""
    return ok(name, f"{_secrets_of(tried)} tried, all open.{spare}")


async def _unserved(session: AsyncSession) -> list[Finding]:
    """Connections bound to a kind of ERP that no usable adapter is there for."""
    usable = adapters()
    with across_companies(session, "a number of companies by the kind of their ERP, no row"):
        bound = await session.execute(
            select(ErpBinding.kind, func.count())
            .where(ErpBinding.settings_sealed.is_not(None))
            .group_by(ErpBinding.kind)
            .order_by(ErpBinding.kind)
        )
    return [
        error(
            "adapters",
            f"{number} connection{'' if number == 1 else 's'} bound to {kind}, for which no adapter can be used.",
            "Install the package that brings it, or have the companies connect another accounting system.",
        )
        for kind, number in bound
        if kind not in usable
    ]


def _secrets_of(number: int) -> str:
    return f"{number} stored secret{'' if number == 1 else 's'}"


async def _try_some(session: AsyncSession, vault: Vault) -> int:
    """Open up to a thousand values of each kind; how many. Raises VaultError."""
    tried = 0
    for cell in rekey.cells():
        with across_companies(session, "the keys are those of all companies"):
            rows = await session.execute(select(cell.row, cell.column).where(cell.column.is_not(None)).limit(1000))
        for row, sealed in rows:
            vault.open(sealed, table=cell.table.name, column=cell.column.name, row=row)
            tried += 1
    return tried
