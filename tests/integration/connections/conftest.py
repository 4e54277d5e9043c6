"""A real database and a real Pleo sandbox over loopback for every test of this room; the ERP is the double."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import activation, configuration, connect, erp_binding
from ledgerbridge.connections.connect import ConnectOutcome
from ledgerbridge.connections.context import Budgets, Connections
from ledgerbridge.connections.errors import ConnectRefused
from ledgerbridge.erp.adapter import SettingsError
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import Connection, Credential
from ledgerbridge.store.vault import Vault
from pleo_sandbox.config import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEMO_COMPANY_ID
from pleo_sandbox.server import running
from tests.support.erp_double import Books, DoubleAdapter
from tests.support.sandbox import SandboxPleo

KEY = base64.urlsafe_b64encode(os.urandom(32)).decode()
BROWSER = "a-browser-cookie"
CONFIG = {
    "journal": "EXP",
    "accounts": {"wallet": {"*": "5820"}, "out_of_pocket": "6810", "contra": "5840", "external_reimbursement": "5850"},
    "time_zone": "Europe/Copenhagen",
    "dimensions": ["CC"],
}
ERP_SETTINGS = {"base_url": "https://erp.example", "database": "books", "api_key": "erp-secret", "company": 1}


class StrictAdapter(DoubleAdapter):
    """The double with settings like a real adapter's: four fields, all needed, nothing else."""

    def check_settings(self, settings: dict[str, Any]) -> dict[str, Any]:
        errors = dict.fromkeys(settings.keys() - ERP_SETTINGS.keys(), "There is no such setting.")
        errors |= dict.fromkeys(ERP_SETTINGS.keys() - settings.keys(), "Enter it.")
        if errors:
            raise SettingsError(errors)
        return {**settings, "base_url": str(settings["base_url"]).rstrip("/")}


class Rewriting(httpx.AsyncBaseTransport):
    """The network, with some of Pleo's answers changed on the way."""

    def __init__(self, change: Callable[[httpx.Request, Any], Any]) -> None:
        self._network = httpx.AsyncHTTPTransport()
        self._change = change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._network.handle_async_request(request)
        body = await response.aread()
        if response.status_code != 200 or not body:
            return httpx.Response(response.status_code, content=body)
        return httpx.Response(response.status_code, json=self._change(request, json.loads(body)))


class Pleo(SandboxPleo):
    """What Pleo was asked for, and what it holds."""

    def decide(self, authorise_url: str, subject: str = DEMO_COMPANY_ID, decision: str = "allow") -> dict[str, str]:
        """A person's decision on the consent page; the parameters Pleo sends the browser back with."""
        return dict(parse_qsl(urlsplit(self.consent(authorise_url, subject, decision)).query))

    def calls(self, method: str, path: str) -> int:
        """How often an endpoint was called since the last `forget`."""
        return len(self.requests(method, path))

    def token_calls(self, grant: str) -> int:
        return sum(f"grant_type={grant}" in one.body for one in self.requests("POST", "/oauth/token"))

    async def refresh_under_way(self) -> None:
        """Returns once a refresh has reached Pleo."""
        async with asyncio.timeout(90):
            while not self.token_calls("refresh_token"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    def forget(self) -> None:
        self.running.sandbox.world.recorder.clear()

    @property
    def families(self) -> list[Any]:
        return list(self.running.sandbox.world.tokens.families.values())

    @property
    def installations(self) -> list[Any]:
        return self.running.sandbox.world.installations.all()

    @property
    def subscriptions(self) -> list[Any]:
        return self.running.sandbox.world.subscriptions.all()


@dataclass
class Looks:
    """Stands in for the exports room: remembers whose export jobs were to be looked at."""

    asked: list[uuid.UUID] = field(default_factory=list)

    async def __call__(self, session: AsyncSession, connection_id: uuid.UUID) -> None:
        self.asked.append(connection_id)


@dataclass
class House:
    """One service instance, and short ways to say what a test does with it."""

    room: Connections
    pleo: Pleo
    books: Books
    looks: Looks
    refreshes: list[str]

    async def connect(self, subject: str = DEMO_COMPANY_ID, **more: Any) -> ConnectOutcome:
        """Press Connect, allow, come back."""
        url = await connect.begin(self.room, BROWSER)
        return await connect.complete(self.room, BROWSER, self.pleo.decide(url, subject), **more)

    async def connect_refused(self, subject: str = DEMO_COMPANY_ID, **more: Any) -> str:
        """The same when it must not work; the code of the refusal."""
        with pytest.raises(ConnectRefused) as caught:
            await self.connect(subject, **more)
        return caught.value.code

    async def configured(self, subject: str = DEMO_COMPANY_ID, **settings: Any) -> ConnectOutcome:
        """Connected, bound and configured, not active yet."""
        outcome = await self.connect(subject)
        await erp_binding.bind(self.room, outcome.connection_id, "double", {**ERP_SETTINGS, **settings}, "admin:test")
        await configuration.put(self.room, outcome.connection_id, CONFIG, "admin:test")
        return outcome

    async def active(self, subject: str = DEMO_COMPANY_ID, **settings: Any) -> ConnectOutcome:
        outcome = await self.configured(subject, **settings)
        await activation.activate(self.room, outcome.connection_id, "admin:test")
        self.looks.asked.clear()
        self.pleo.forget()
        return outcome

    async def row(self, connection_id: uuid.UUID) -> Connection:
        async with self.room.db.transaction() as session:
            return await session.get_one(Connection, connection_id)

    async def credential(self, connection_id: uuid.UUID) -> Credential:
        async with self.room.db.transaction() as session:
            return await session.get_one(Credential, connection_id)

    async def change(self, connection_id: uuid.UUID, table: type[Any] = Credential, **values: Any) -> None:
        """Put a row into a state that only time or a crash would bring about."""
        async with self.room.db.transaction() as session:
            row = await session.get_one(table, connection_id)
            for name, value in values.items():
                setattr(row, name, value)

    def with_room(self, **changes: Any) -> House:
        return replace(self, room=replace(self.room, **changes))


@pytest.fixture(scope="session")
def served_pleo() -> Iterator[Pleo]:
    with running() as served, httpx.Client(timeout=30) as http:
        yield Pleo(served.url, served, http)


@pytest.fixture
def pleo(served_pleo: Pleo) -> Pleo:
    served_pleo.control("POST", "/reset")
    return served_pleo


def settings_for(pleo: Pleo, **changes: Any) -> Settings:
    return Settings(
        _env_file=None,
        pleo_auth_url=pleo.url,
        pleo_api_url=pleo.url,
        pleo_client_id=DEFAULT_CLIENT_ID,
        pleo_client_secret=changes.pop("pleo_client_secret", DEFAULT_CLIENT_SECRET),
        encryption_keys=KEY,
        **changes,
    )


async def at_once(_: float) -> None:
    """Back-off that does not wait."""


MakeHouse = Callable[..., Any]


@pytest.fixture
def make_house(database_url: str, pleo: Pleo) -> MakeHouse:
    """Opens service instances on one database and one Pleo; each has a pool and a client of its own."""

    @asynccontextmanager
    async def make(
        *, books: Books | None = None, transport: httpx.AsyncBaseTransport | None = None, **changes: Any
    ) -> AsyncIterator[House]:
        settings = settings_for(pleo, **changes)
        endpoints = PleoEndpoints(settings.pleo_auth_url, settings.pleo_api_url)
        db, http = Database(database_url, pool_size=5), httpx.AsyncClient(transport=transport)
        books = books or Books()
        looks, refreshes = Looks(), list[str]()
        room = Connections(
            settings=settings,
            db=db,
            vault=Vault(settings.keys),
            http=http,
            endpoints=endpoints,
            budgets=Budgets(db, endpoints.environment, settings.pleo_requests_per_minute),
            enqueue_look=looks,
            erps={"double": StrictAdapter(books)},
            count_refresh=refreshes.append,
            sleep=at_once,
        )
        try:
            yield House(room, pleo, books, looks, refreshes)
        finally:
            await http.aclose()
            await db.close()

    return make


@pytest.fixture
async def house(make_house: MakeHouse) -> AsyncIterator[House]:
    async with make_house() as made:
        yield made
