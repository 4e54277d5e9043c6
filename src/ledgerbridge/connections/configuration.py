"""Configuration versions: checked against the live chart, then kept for ever.

A version never changes; the next one follows it, and each posting records the one it used.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.bookkeeping import configuration as rules
from ledgerbridge.bookkeeping import period
from ledgerbridge.bookkeeping.master_data import VendorLookup
from ledgerbridge.bookkeeping.problem import Failed
from ledgerbridge.bookkeeping.vendor_index import VendorIndex
from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.connections.abilities import beyond
from ledgerbridge.connections.access import load, open_erp, verify_erp_company
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.errors import ConfigurationRefused, ErpNotBound, Fault, Refused
from ledgerbridge.connections.limits import limits_of
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.store import audit
from ledgerbridge.store.tables import ConfigVersion, ErpBinding


@dataclass(frozen=True, slots=True)
class Version:
    """One stored version."""

    version: int
    body: ConfigurationBody
    created_at: datetime
    created_by: str


async def put(
    room: Connections, connection_id: uuid.UUID, body: object, actor: str, *, following: int | None = None
) -> Version:
    """Check a configuration against the live ERP chart and store it as the next version.

    `following`: only as the one right after this version (0: as the first); else `Refused("configuration_changed")`.
    Raises `ConfigurationRefused` naming every faulty place, `ErpNotBound`, `Refused` when the ERP cannot be read or is
    another company than the bound one, and `ConnectionUnknown`. Nothing changes then.
    """
    wanted = ConfigurationBody.read(body)
    binding = (await load(room, connection_id)).binding
    if binding is None:
        raise ErpNotBound
    async with open_erp(room, connection_id) as erp:
        if wrong := await verify_erp_company(erp, binding):
            raise Refused(wrong.failure.value, f"{wrong.text} Nothing was changed.")
        if faults := await faults_in(erp, wanted.configuration(version=0)):
            raise ConfigurationRefused(faults)
        limits = await limits_of(erp)
    async with room.db.transaction() as session:
        await connection_row(session, connection_id, lock=True)
        (await _refuse_when_rebound(session, binding)).limits = limits
        newest = await newest_config(session, connection_id)
        version = newest.version if newest else 0
        if following not in (None, version):
            raise Refused("configuration_changed", "Somebody changed the configuration meanwhile. Look at it again.")
        row = ConfigVersion(
            connection_id=connection_id,
            version=version + 1,
            body=wanted.model_dump(mode="json"),
            created_at=room.now(),
            created_by=actor,
        )
        session.add(row)
        audit.record(session, actor, "configuration_changed", connection_id, version=row.version)
    return version_of(row)


async def faults_in(erp: Erp, configuration: Configuration) -> list[Fault]:
    """What of a configuration the live ERP does not bear out or has no way to do. Raises `Refused` when it cannot be
    read."""
    vendors = None
    try:
        chart = await erp.chart()
        if (named := configuration.default_vendor) and erp.capabilities.vendors:
            vendors = VendorIndex(await erp.find_vendors(VendorLookup(codes=(named,), ids=(named,))))
    except ErpError as error:
        raise Refused(error.problem.failure.value, f"{error.problem.text} Nothing was changed.") from error
    found = (*rules.check(configuration, chart, vendors), *beyond(configuration, erp.capabilities))
    return [Fault(fault.path, fault.text) for fault in found]


async def deselect(room: Connections, connection_id: uuid.UUID, codes: Collection[str]) -> Version | None:
    """Take dimensions that the ERP no longer has active out of the newest version, as the next one (TAG-035).

    Works on the newest version, not on the one the caller read, so that a person's change meanwhile stands. None when
    that one names none of them. Raises `ConnectionUnknown`.
    """
    gone = {code.lower() for code in codes}
    async with room.db.transaction() as session:
        await connection_row(session, connection_id, lock=True)
        newest = await newest_config(session, connection_id)
        if newest is None:
            return None
        body = ConfigurationBody.read(newest.body)
        kept = [code for code in body.dimensions or () if code.lower() not in gone]
        if kept == (body.dimensions or []):
            return None
        row = ConfigVersion(
            connection_id=connection_id,
            version=newest.version + 1,
            body=body.model_copy(update={"dimensions": kept}).model_dump(mode="json"),
            created_at=room.now(),
            created_by="system",
        )
        session.add(row)
        audit.record(
            session,
            "system",
            "dimensions_deselected",
            connection_id,
            version=row.version,
            dimensions=[code for code in body.dimensions or () if code not in kept],
        )
    return version_of(row)


async def select_open(room: Connections, connection_id: uuid.UUID, codes: Sequence[str]) -> Version | None:
    """Select dimensions where the newest version leaves them open, as the next one (TAG-028, TAG-030, TAG-031).

    None when somebody has chosen meanwhile, or there is nothing to select. Raises `ConnectionUnknown`.
    """
    async with room.db.transaction() as session:
        await connection_row(session, connection_id, lock=True)
        newest = await newest_config(session, connection_id)
        if newest is None or not codes:
            return None
        body = ConfigurationBody.read(newest.body)
        if body.dimensions is not None:
            return None
        row = ConfigVersion(
            connection_id=connection_id,
            version=newest.version + 1,
            body=body.model_copy(update={"dimensions": list(codes)}).model_dump(mode="json"),
            created_at=room.now(),
            created_by="system",
        )
        session.add(row)
        audit.record(
            session, "system", "dimensions_preselected", connection_id, version=row.version, dimensions=list(codes)
        )
    return version_of(row)


async def ever_selected(room: Connections, connection_id: uuid.UUID) -> frozenset[str]:
    """Codes of all dimensions that any version selected, in lower case: what this connection has managed (TAG-061)."""
    query = select(ConfigVersion.body["dimensions"]).where(ConfigVersion.connection_id == connection_id).distinct()
    async with room.db.transaction() as session:
        return frozenset(code.lower() for codes in await session.scalars(query) for code in codes or ())


async def current(room: Connections, connection_id: uuid.UUID) -> Version | None:
    """The version in force; None before the first. Raises `ConnectionUnknown`."""
    async with room.db.transaction() as session:
        await connection_row(session, connection_id)
        newest = await newest_config(session, connection_id)
    return version_of(newest) if newest else None


async def zone(room: Connections, connection_id: uuid.UUID) -> tzinfo:
    """Where the days of a company begin, by the version in force; UTC before the first."""
    newest = (
        select(ConfigVersion.body["time_zone"].astext)
        .where(ConfigVersion.connection_id == connection_id)
        .order_by(ConfigVersion.version.desc())
        .limit(1)
    )
    async with room.db.reading() as session:
        name = await session.scalar(newest)
    found = period.zone(name) if name else UTC
    return UTC if isinstance(found, Failed) else found


async def versions(
    room: Connections, connection_id: uuid.UUID, *, before: int | None = None, limit: int = 50
) -> list[Version]:
    """Versions, newest first, `limit` at a time; `before` is the last one seen. Raises `ConnectionUnknown`."""
    query = select(ConfigVersion).where(ConfigVersion.connection_id == connection_id)
    if before is not None:
        query = query.where(ConfigVersion.version < before)
    async with room.db.transaction() as session:
        await connection_row(session, connection_id)
        rows = await session.scalars(query.order_by(ConfigVersion.version.desc()).limit(limit))
        return [version_of(row) for row in rows]


def version_of(row: ConfigVersion) -> Version:
    return Version(row.version, ConfigurationBody.read(row.body), row.created_at, row.created_by)


async def _refuse_when_rebound(session: AsyncSession, checked_against: ErpBinding) -> ErpBinding:
    binding = await session.get(ErpBinding, checked_against.connection_id)
    if binding is None or binding.bound_at != checked_against.bound_at:
        raise Refused("erp_rebound", "The accounting system was changed meanwhile. Nothing was changed; try again.")
    return binding
