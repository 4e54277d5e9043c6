"""How other rooms get at one connection: its state as it is now, Pleo with its credential, its ERP company."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import select

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import Configuration
from ledgerbridge.connections.config_body import ConfigurationBody
from ledgerbridge.connections.context import Connections
from ledgerbridge.connections.credentials import credential_for
from ledgerbridge.connections.errors import ErpNotBound
from ledgerbridge.connections.rows import connection_row, newest_config
from ledgerbridge.connections.sealed import BIND_AGAIN, opened
from ledgerbridge.connections.voucher_book import StoredBook, book_of
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.erp.port import Erp, ErpError
from ledgerbridge.erp.registry import adapter_for
from ledgerbridge.pleo.transport import Credential, PleoClient
from ledgerbridge.store.tables import Connection, ErpBinding, Subscription


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """A connection as one moment saw it. The rows are detached: changing them changes nothing."""

    connection: Connection
    binding: ErpBinding | None
    """None when no ERP is bound, or its access was wiped on disconnect."""
    configuration: Configuration | None
    subscription: Subscription | None


async def load(room: Connections, connection_id: uuid.UUID) -> ConnectionState:
    """The connection with everything that belongs to it. Raises `ConnectionUnknown`."""
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id)
        binding = await session.get(ErpBinding, connection_id)
        version = await newest_config(session, connection_id)
        subscription = await session.get(Subscription, connection_id)
        return ConnectionState(
            connection=connection,
            binding=binding if binding is not None and binding.settings_sealed is not None else None,
            configuration=ConfigurationBody.read(version.body).configuration(version.version) if version else None,
            subscription=subscription,
        )


async def open_pleo(room: Connections, connection_id: uuid.UUID, *, urgent: bool = True) -> PleoClient:
    """Pleo for one connection, with its own credential and budget (EXP-ENT-04).

    Calls that are not `urgent` let those that are go first: exports and people's requests before syncs.
    Raises `ConnectionUnknown`; a missing or dead credential shows at the first call, as `GrantEnded`.
    """
    async with room.db.transaction() as session:
        connection = await connection_row(session, connection_id)
    return client(room, credential_for(room, connection), str(connection_id), urgent=urgent)


def client(room: Connections, credential: Credential, budget_of: str, *, urgent: bool = True) -> PleoClient:
    """Pleo with a given credential; `budget_of` names whose allowance of calls it uses (LIMIT-001)."""
    budget = room.budgets.of(budget_of).lane(urgent=urgent)
    return PleoClient(room.http, room.endpoints, credential, budget, room.observe, sleep=room.sleep, now=room.now)


@asynccontextmanager
async def open_erp(room: Connections, connection_id: uuid.UUID) -> AsyncIterator[Erp]:
    """The ERP company bound to a connection; closed when the context ends.

    Raises `ErpNotBound`, `SecretUnreadable`, and `ErpError` where the adapter is not installed or does not take what
    is stored. Nothing else is checked: see `verify_erp_company`.
    """
    async with room.db.transaction() as session:
        binding = await session.scalar(select(ErpBinding).where(ErpBinding.connection_id == connection_id))
    if binding is None or binding.settings_sealed is None:
        raise ErpNotBound
    settings = json.loads(
        opened(
            room.vault,
            binding.settings_sealed,
            table="erp_bindings",
            column="settings_sealed",
            row=connection_id,
            remedy=BIND_AGAIN,
        )
    )
    adapter = adapter_for(room.erps, binding.kind)
    try:
        company = adapter.open(settings, room.observe_erp, book=StoredBook(room.db, book_of(binding)))
    except SettingsError as error:  # an adapter that was replaced by a newer one may ask for more
        raise ErpError(problem(Failure.ERP_ACCESS_UNREADABLE, f"settings refused: {sorted(error.errors)}")) from None
    async with company as erp:
        yield erp


async def verify_erp_company(erp: Erp, binding: ErpBinding) -> Problem | None:
    """Whether the ERP still answers as the company that was bound; a problem when name or number differ (EXP-VALID-06).

    One cheap call. An ERP that cannot be read is a problem, too.
    """
    try:
        company = await erp.company()
    except ErpError as error:
        return error.problem
    pinned = (binding.company_ref, binding.company_name, binding.registration_number)
    if (company.id, company.name, company.registration_number) == pinned:
        return None
    return problem(
        Failure.ERP_COMPANY_CHANGED,
        actual=_named(company.name, company.registration_number),
        expected=_named(binding.company_name, binding.registration_number),
    )


def _named(name: str, number: str | None) -> str:
    return f"{name} ({number})" if number else name
