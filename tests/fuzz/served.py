"""The web face served over HTTP from a thread, on a real database, with the sandbox and the ERP double behind it."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import psycopg
import uvicorn
from psycopg import sql
from pydantic import SecretStr

from ledgerbridge.app import app_of, running
from ledgerbridge.exports.run import look
from ledgerbridge.settings import Settings
from ledgerbridge.syncs.first import first_syncs
from ledgerbridge.web.services import Services
from pleo_sandbox.config import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, DEMO_COMPANY_ID
from pleo_sandbox.server import Running
from tests.support.canaries import canary, canary_key
from tests.support.erp_double import Books, DoubleAdapter
from tests.support.rig import CONFIGURATION, Pleo
from tests.support.sandbox import SandboxPleo

TOKEN = canary("admin token")
ERP_SETTINGS = {
    "base_url": "https://erp.example",
    "database": "books",
    "api_key": canary("key of the ERP"),
    "company": 1,
}
_MOVING = ("leases", "rate_budgets", "alembic_version", "call_minutes")

Answer = TypeVar("Answer")


@dataclass
class Served:
    """A face that answers, and what is in it."""

    url: str
    services: Services
    loop: asyncio.AbstractEventLoop
    database_url: str
    admin: httpx.Client
    browser: httpx.Client
    """Keeps cookies, does not follow redirects."""
    nobody: httpx.Client
    known: dict[str, list[str]] = field(default_factory=dict)
    """Values of path parameters that lead somewhere, by the parameter's name."""
    database: Any = None
    _fingerprint: sql.Composed | None = None

    def wait(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Do something in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def fingerprint(self) -> dict[str, str]:
        """The content of every table, the queue's included, but for what moves by itself or by any call to Pleo."""
        if self._fingerprint is None:
            tables = self.database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            one = sql.SQL("SELECT {}, coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {} t")
            names = sorted(name for (name,) in tables if name not in _MOVING)
            self._fingerprint = sql.SQL(" UNION ALL ").join(
                one.format(sql.Literal(name), sql.Identifier(name)) for name in names
            )
        return dict(self.database.execute(self._fingerprint).fetchall())

    def mailbox(self) -> tuple[str, str]:
        """The live company's path for deliveries and the secret they are signed with."""
        (row,) = self.database.execute(
            "SELECT connection_id, path_token_sealed, secret_sealed FROM subscriptions"
        ).fetchall()
        opened = [
            self.services.connections.vault.open(sealed, table="subscriptions", column=column, row=row[0])
            for column, sealed in zip(("path_token_sealed", "secret_sealed"), row[1:], strict=True)
        ]
        return f"/webhooks/pleo/{opened[0]}", opened[1]


@contextmanager
def served(database_url: str, sandbox: Running) -> Iterator[Served]:
    """A face with one active company that has jobs, and one that is only connected; see `Served.known`."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        pleo_auth_url=sandbox.url,
        pleo_api_url=sandbox.url,
        pleo_client_id=DEFAULT_CLIENT_ID,
        pleo_client_secret=SecretStr(DEFAULT_CLIENT_SECRET),
        encryption_keys=SecretStr(canary_key()),
        admin_tokens=SecretStr(f"ada:{hashlib.sha256(TOKEN.encode()).hexdigest()}"),
        pleo_requests_per_minute=60_000,
    )
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with (
        _thread(settings, listening) as (services, loop),
        httpx.Client(base_url=url, timeout=60, trust_env=False, headers=bearer) as admin,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as browser,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as nobody,
        httpx.Client(timeout=30) as pleo,
        psycopg.connect(database_url, autocommit=True) as database,
    ):
        face = Served(url, services, loop, database_url, admin, browser, nobody, database=database)
        client = SandboxPleo(sandbox.url, sandbox, pleo)
        client.control("POST", "/reset")
        _fill(face, client)
        yield face


@contextmanager
def _thread(settings: Settings, listening: socket.socket) -> Iterator[tuple[Services, asyncio.AbstractEventLoop]]:
    ready = threading.Event()
    found: dict[str, Any] = {}

    async def serve() -> None:
        async with running(settings, worker=False, erps={"double": DoubleAdapter(Books())}) as services:
            config = uvicorn.Config(
                app_of(services), lifespan="off", log_config=None, access_log=False, server_header=False
            )
            found.update(services=services, loop=asyncio.get_running_loop(), server=uvicorn.Server(config))
            ready.set()
            await found["server"].serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="served face", daemon=True)
    thread.start()
    assert ready.wait(60), "the face did not start"
    try:
        yield found["services"], found["loop"]
    finally:
        found["server"].should_exit = True
        thread.join(60)
        listening.close()


def _fill(face: Served, client: SandboxPleo) -> None:
    """One company goes live and exports, another only connects."""
    live = _connected(face, client, DEMO_COMPANY_ID)
    _ok(face.admin.put(f"/admin/api/connections/{live}/erp", json={"kind": "double", "settings": ERP_SETTINGS}))
    _ok(face.admin.put(f"/admin/api/connections/{live}/config", json=CONFIGURATION))
    if _ok(face.admin.post(f"/admin/api/connections/{live}/activate")).status_code == 202:
        face.wait(first_syncs(face.services.syncs, uuid.UUID(live)))
    pleo = Pleo(client.url)
    job = pleo.export(pleo.queue("all"))
    face.wait(look(face.services.exports, uuid.UUID(live), "webhook"))
    pleo.close()
    items = _ok(face.admin.get(f"/admin/api/export-jobs/{job}/items?limit=200")).json()["data"]
    failed = [one["id"] for one in items if one["state"] == "failed"]
    assert failed, "no item failed: there is nothing to settle by hand"
    runs = _ok(face.admin.get("/admin/api/sync-runs")).json()["data"]
    tokens = face.database.execute("SELECT 1 FROM subscriptions").fetchall()
    assert tokens, "no subscription"
    face.known = {
        "connection_id": [live],
        "connection": [live],
        "job_id": [job],
        "entry_id": [*failed[:2], items[0]["id"]],
        "run_id": [one["id"] for one in runs[:2]],
        "kind": ["tags", "accounts", "tax_codes", "vendors"],
    }


def _connected(face: Served, client: SandboxPleo, company_id: str) -> str:
    pressed = face.browser.get("/connect")
    assert pressed.status_code == 302, pressed.text
    back = urlsplit(client.consent(pressed.headers["location"], company_id))
    answer = face.browser.get(f"{back.path}?{back.query}")
    assert answer.status_code == 303, answer.text
    newest = _ok(face.admin.get("/admin/api/connections?limit=1")).json()["data"]
    return str(newest[0]["id"])


def _ok(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code < 300, answer.text
    return answer
