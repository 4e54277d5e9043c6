"""The whole web face in-process, on a real database, with a real Pleo sandbox over loopback and the ERP double."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from ledgerbridge.app import app_of, running
from ledgerbridge.erp.adapter import Adapter
from ledgerbridge.ops.logging import configure
from ledgerbridge.settings import Settings
from ledgerbridge.syncs.enqueue import FIRST
from ledgerbridge.syncs.first import first_syncs
from ledgerbridge.web.admin import connections
from ledgerbridge.web.console.doors import csrf_of
from ledgerbridge.web.services import Services
from pleo_sandbox.config import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEMO_COMPANY_ID
from pleo_sandbox.server import Running
from pleo_sandbox.server import running as sandbox_running
from tests.integration.web.mailbox import Box, mailbox
from tests.integration.web.two_companies import Two, two_companies
from tests.support.canaries import canary, canary_key
from tests.support.erp_double import Books, DoubleAdapter
from tests.support.leak_watch import keep_logging
from tests.support.rig import CONFIGURATION
from tests.support.sandbox import SandboxPleo

KEY = canary_key()
TOKEN = canary("admin token")
ADMINS = f"ada:{hashlib.sha256(TOKEN.encode()).hexdigest()}"
ERP_SETTINGS = {
    "base_url": "https://erp.example",
    "database": "books",
    "api_key": canary("key of the ERP"),
    "company": 1,
}

NO_LISTS = {kind: {"enabled": False} for kind in ("tags", "accounts", "tax_codes", "vendors")}


class Pleo(SandboxPleo):
    """What a browser and an administrator get from Pleo."""

    def decide(self, authorise_url: str, subject: str = DEMO_COMPANY_ID, decision: str = "allow") -> str:
        """A person's decision on the consent page; where Pleo sends the browser, path and query."""
        parts = urlsplit(self.consent(authorise_url, subject, decision))
        return f"{parts.path}?{parts.query}"

    def api_key(self, company_id: str = DEMO_COMPANY_ID) -> str:
        """An API key of a company."""
        return str(self.control("POST", "/api-keys", company_id=company_id)["key"])


@dataclass
class Face:
    """A running web face and its clients."""

    services: Services
    pleo: Pleo
    books: Books
    browser: httpx.AsyncClient
    """Keeps cookies, does not follow redirects."""
    operator: httpx.AsyncClient
    """The browser of an operator; signed in by `sign_in_operator`."""
    admin: httpx.AsyncClient
    """Sends an administrator's token."""
    anybody: httpx.AsyncClient

    async def sign_in_operator(self) -> None:
        """Let the operator's browser in with an administrator's token."""
        answer = await self.operator.post("/admin/sign-in", data={"token": TOKEN})
        assert answer.status_code == 303, answer.text

    async def press(self, browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
        """Send a form as its page would, with the token of the browser's session."""
        token = next(
            browser.cookies[name] for name in ("ledgerbridge_session", "ledgerbridge_admin") if name in browser.cookies
        )
        return await browser.post(path, data={**fields, "csrf": csrf_of(token)})

    async def connect(self, subject: str = DEMO_COMPANY_ID) -> str:
        """Press Connect, allow, come back; the connection's id."""
        pressed = await self.browser.get("/connect")
        assert pressed.status_code == 302, pressed.text
        back = await self.browser.get(self.pleo.decide(pressed.headers["location"], subject))
        assert back.status_code == 303, back.text
        newest = (await self.admin.get("/admin/api/connections?limit=1")).json()
        return str(newest["data"][0]["id"])

    async def bound(self) -> str:
        """Connected and bound to the ERP double; the connection's id."""
        found = await self.connect()
        answer = await self.admin.put(
            f"/admin/api/connections/{found}/erp", json={"kind": "double", "settings": ERP_SETTINGS}
        )
        assert answer.status_code == 200, answer.text
        return found

    async def active(self, *, lists: bool = False) -> str:
        """Connected, bound, configured and active; the connection's id.

        Without `lists` no kind is synced: few tests are about master data.
        """
        found = await self.bound()
        body = CONFIGURATION if lists else {**CONFIGURATION, "syncs": NO_LISTS}
        put = await self.admin.put(f"/admin/api/connections/{found}/config", json=body)
        assert put.status_code == 200, put.text
        assert (await self.activate(found))["status"] == "active"
        return found

    async def activate(self, connection_id: str) -> dict[str, Any]:
        """Go live, with the first syncs done here and now because no worker runs; the connection as shown."""
        on = await self.admin.post(f"/admin/api/connections/{connection_id}/activate")
        assert on.status_code in (200, 202), on.text
        if on.status_code == 202:
            await first_syncs(self.services.syncs, uuid.UUID(connection_id))
            async with self.services.db.transaction() as session:
                await session.execute(text("delete from procrastinate_jobs where task_name = :name"), {"name": FIRST})
        return dict((await self.admin.get(f"/admin/api/connections/{connection_id}")).json())


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """As in service; the default of the library prints every local variable of a traceback."""
    restore = keep_logging()
    configure("INFO", "console")
    yield
    restore()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Going live answers at once when the first syncs are only queued."""
    monkeypatch.setattr(connections, "ACTIVATION_SECONDS", 0.0)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    with sandbox_running() as served:
        yield served


@pytest.fixture
def pleo(sandbox: Running) -> Iterator[Pleo]:
    with httpx.Client(timeout=30) as http:
        found = Pleo(sandbox.url, sandbox, http)
        found.control("POST", "/reset")
        yield found


def settings_for(database_url: str, pleo_url: str, **changes: Any) -> Settings:
    return Settings(
        _env_file=None,
        **{
            "database_url": database_url,
            "pleo_auth_url": pleo_url,
            "pleo_api_url": pleo_url,
            "pleo_client_id": DEFAULT_CLIENT_ID,
            "pleo_client_secret": DEFAULT_CLIENT_SECRET,
            "encryption_keys": KEY,
            "admin_tokens": ADMINS,
            **changes,
        },
    )


@asynccontextmanager
async def facing(
    database_url: str, pleo: Pleo, books: Books, erps: Mapping[str, Adapter] | None = None
) -> AsyncIterator[Face]:
    """A running web face; with accounting systems of its own instead of the double alone."""
    settings = settings_for(database_url, pleo.url)
    async with running(settings, worker=False, erps=erps or {"double": DoubleAdapter(books)}) as services:
        transport = httpx.ASGITransport(app_of(services), raise_app_exceptions=False)
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            httpx.AsyncClient(transport=transport, base_url=settings.public_url) as browser,
            httpx.AsyncClient(transport=transport, base_url=settings.public_url) as operator,
            httpx.AsyncClient(transport=transport, base_url=settings.public_url, headers=bearer) as admin,
            httpx.AsyncClient(transport=transport, base_url=settings.public_url) as anybody,
        ):
            yield Face(services, pleo, books, browser, operator, admin, anybody)


@pytest.fixture
async def face(database_url: str, pleo: Pleo) -> AsyncIterator[Face]:
    async with facing(database_url, pleo, Books()) as made:
        yield made


@pytest.fixture
async def box(face: Face) -> Box:
    return await mailbox(face)


@pytest.fixture
async def two(face: Face) -> Two:
    return await two_companies(face)
