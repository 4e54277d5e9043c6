"""A company whose files are handed over: its book, its binding, and a clock that a test moves."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.clock import utcnow
from ledgerbridge.connections import handover
from ledgerbridge.connections.context import Budgets, Connections
from ledgerbridge.connections.voucher_book import StoredBook
from ledgerbridge.connections.voucher_rows import Identity
from ledgerbridge.erp.files.book import MadeFile, NewVoucher, Voucher
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection, ConnectionStatus, ErpBinding, VoucherFile
from ledgerbridge.store.vault import Vault
from ledgerbridge.work.queue import Queue
from tests.support.rig import KEY

NOWHERE = "http://127.0.0.1:9"


@dataclass
class Clock:
    """The time, until a test moves it."""

    ahead: dt.timedelta = field(default_factory=dt.timedelta)

    def __call__(self) -> dt.datetime:
        return utcnow() + self.ahead

    def pass_on(self, **much: float) -> None:
        self.ahead += dt.timedelta(**much)


@dataclass
class Handing:
    """One company."""

    room: Connections
    queue: Queue
    clock: Clock
    connection_id: uuid.UUID
    identity: Identity

    @property
    def book(self) -> StoredBook:
        return StoredBook(self.room.db, self.identity)

    async def close(self, content: bytes, *wanted: NewVoucher, name: str = "P-2026-001.si") -> MadeFile:
        """Record vouchers and close a file of them."""
        made = [one for one in await self.book.record(wanted) if isinstance(one, Voucher)]
        return await self.book.close(name, content, [one.id for one in made])

    async def bind(self, settings: Mapping[str, Any], **changed: Any) -> None:
        """Bind the company anew, or another one, with these settings."""
        room, own = self.room, self.connection_id
        sealed = room.vault.seal(json.dumps(dict(settings)), table="erp_bindings", column="settings_sealed", row=own)
        async with room.db.transaction() as session:
            binding = await session.get(ErpBinding, own)
            if binding is None:
                binding = ErpBinding(connection_id=own, kind="files", bound_by="test", currency="SEK", company_key=None)
                binding.company_ref, binding.company_name = self.identity.company_ref, self.identity.company_name
                binding.registration_number = self.identity.registration_number
                session.add(binding)
            binding.settings_sealed = sealed
            binding.settings_shown = {name: one for name, one in settings.items() if "secret" not in name}
            for name, one in changed.items():
                setattr(binding, name, one)

    async def sweep(self) -> int:
        return await handover.sweep(self.room, self.queue)

    async def work(self) -> None:
        """What the queue would run."""
        await handover.work(self.room, self.connection_id)

    async def rows(self) -> Sequence[VoucherFile]:
        query = select(VoucherFile).where(VoucherFile.connection_id == self.connection_id)
        async with self.room.db.reading() as session:
            return (await session.scalars(query.order_by(VoucherFile.made_at, VoucherFile.name))).all()

    async def row(self) -> VoucherFile:
        (found,) = await self.rows()
        return found


@asynccontextmanager
async def handing(database_url: str) -> AsyncIterator[Handing]:
    """An active company without a binding, beside a sandbox that is not there."""
    settings = Settings(
        _env_file=None, database_url=SecretStr(database_url), pleo_auth_url=NOWHERE, pleo_api_url=NOWHERE,
        pleo_client_id="test", pleo_client_secret=SecretStr("test"), encryption_keys=SecretStr(KEY),
    )  # fmt: skip
    db, queue, clock = Database(database_url), Queue(database_url), Clock()
    endpoints = PleoEndpoints(NOWHERE, NOWHERE)
    queue.register(handover.HANDOVER, _nobody)

    async def look(session: AsyncSession, connection_id: uuid.UUID) -> None:
        return None

    async with httpx.AsyncClient() as http:
        room = Connections(
            settings=settings, db=db, vault=Vault(settings.keys), http=http, endpoints=endpoints,
            budgets=Budgets(db, endpoints.environment, 60_000), enqueue_look=look, erps={}, now=clock,
        )  # fmt: skip
        row = Connection(
            environment=room.environment, company_id=str(uuid.uuid4()), company_name="Demo AB",
            auth_method="api_key", subject_urn="urn:test", status=ConnectionStatus.ACTIVE,
        )  # fmt: skip
        async with db.transaction() as session:
            session.add(row)
        identity = Identity(row.id, "files", "1", "5560000001", "Books AB", "SEK")
        try:
            yield Handing(room, queue, clock, row.id, identity)
        finally:
            await db.close()


async def _nobody(connection_id: str) -> None:
    raise AssertionError(connection_id)
