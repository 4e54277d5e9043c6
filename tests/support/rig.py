"""A company connected to the sandbox, with the ERP double or a real ERP behind it, ready for `exports.run.look`."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select, update

from ledgerbridge.connections.context import Budgets, Connections
from ledgerbridge.exports.context import ExportContext, Observer, Patience
from ledgerbridge.exports.enqueue import LOOK, SETTLE, enqueue_look
from ledgerbridge.exports.filing import FILE, file_later
from ledgerbridge.exports.later import settle_later
from ledgerbridge.exports.run import look
from ledgerbridge.pleo.downloads import Downloader
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.store.tables import ConfigVersion, Connection, ConnectionStatus, Credential, ErpBinding, Lease
from ledgerbridge.store.vault import Vault
from ledgerbridge.work.queue import Queue
from pleo_sandbox.config import DEMO_COMPANY_ID
from tests.support.erp_double import CODES, Books, DoubleAdapter

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()

CONFIGURATION: dict[str, Any] = {
    "journal": "EXP",
    "accounts": {
        "wallet": {"DKK": CODES["wallet"], "*": CODES["wallet"]},
        "out_of_pocket": CODES["out_of_pocket"],
        "contra": CODES["contra"],
        "external_reimbursement": CODES["external_reimbursement"],
        "payable": CODES["payable"],
    },
    "posting_mode": "final",
    "closed_period": "fail",
    "time_zone": "Europe/Copenhagen",
    "tax": {"mode": "explicit", "codes": {}},
    "dimensions": ["CC", "PRJ"],
}

SEED_CHART: dict[str, Any] = {
    "accounts": {
        **dict.fromkeys(
            ("expense", "software", "office", "equipment", "rent", "meals", "fees", "interest"), CODES["expense"]
        ),
        **dict.fromkeys(("travel", "mileage", "per_diem", "cashback"), CODES["travel"]),
        "wallet": CODES["wallet"],
        "contra": CODES["contra"],
        "out_of_pocket": CODES["out_of_pocket"],
        "payable": CODES["payable"],
        "input_tax": CODES["input_vat"],
        "output_tax": CODES["output_vat"],
    },
}


class Pleo:
    """The bookkeeper and the control desk of a running sandbox."""

    def __init__(
        self, url: str, company_id: str = DEMO_COMPANY_ID, chart: Mapping[str, Any] = MappingProxyType(SEED_CHART)
    ) -> None:
        self.url = url
        self.company_id = company_id
        self._chart = dict(chart)
        self._http = httpx.Client(base_url=url, timeout=30)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One call of the control API; its JSON, or None."""
        answer = self._http.request(method, f"/sandbox{path}", json=body)
        assert answer.status_code < 300, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def queue(
        self,
        *seeds: str,
        copies: int = 1,
        custom: list[dict[str, Any]] | None = None,
        vendor_id: str | None = None,
    ) -> list[str]:
        """Put expenses in the Export queue; their accounting entry ids."""
        body = {
            "company_id": self.company_id,
            "seeds": list(seeds),
            "copies": copies,
            "chart": self._chart,
            "custom": custom or [],
            "vendor_id": vendor_id,
        }
        return [entry["id"] for entry in self.control("POST", "/expenses", body)]

    def export(self, entry_ids: list[str] | None = None, **options: Any) -> str:
        """Press Export; the job id."""
        body = {"company_id": self.company_id, "entry_ids": entry_ids, **options}
        return str(self.control("POST", "/exports", body)["id"])

    def job(self, job_id: str) -> Any:
        """The job with its items, as the bookkeeper sees them."""
        return self.control("GET", f"/jobs/{job_id}")

    def items(self, job_id: str) -> dict[str, Any]:
        """Items by accounting entry."""
        return {item["accountingEntryId"]: item for item in self.job(job_id)["items"]}

    def fault(self, kind: str, **options: Any) -> None:
        """Switch a fault on."""
        self.control("POST", "/faults", {"kind": kind, **options})

    def requests(self, prefix: str = "/v3") -> list[Any]:
        """Recorded calls, oldest first."""
        return list(self.control("GET", f"/requests?path_prefix={prefix}&limit=100000"))

    def calls(self, prefix: str = "/v3") -> list[str]:
        """Recorded calls as `METHOD path`."""
        return [f"{call['method']} {call['path']}" for call in self.requests(prefix)]

    def forget(self) -> None:
        """Forget recorded calls."""
        self.control("DELETE", "/requests")

    def close(self) -> None:
        self._http.close()


@dataclass
class Rig:
    """One connected company."""

    context: ExportContext
    connection_id: uuid.UUID
    pleo: Pleo
    books: Books
    observed: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def db(self) -> Database:
        return self.context.db

    async def look(self, found_by: str = "poll") -> None:
        """What the queue would run."""
        await look(self.context, self.connection_id, found_by)

    async def export(self, *seeds: str, copies: int = 1) -> str:
        """Queue, press Export, look; the job id."""
        job = self.pleo.export(self.pleo.queue(*seeds, copies=copies))
        await self.look()
        return job

    async def configure(self, **changes: Any) -> None:
        """Store a new version of the configuration: the standard one with changes."""
        await self.configure_exactly({**CONFIGURATION, **changes})

    async def configure_exactly(self, body: dict[str, Any]) -> None:
        """Store a new version of the configuration."""
        async with self.db.transaction() as session:
            newest = await session.scalar(
                select(func.max(ConfigVersion.version)).where(ConfigVersion.connection_id == self.connection_id)
            )
            session.add(
                ConfigVersion(
                    connection_id=self.connection_id,
                    version=(newest or 0) + 1,
                    body=body,
                    created_by="test",
                )
            )

    async def expire_lease(self) -> None:
        """Let the lease of a killed run end, as time would."""
        async with self.db.transaction() as session:
            await session.execute(update(Lease).values(expires_at=func.now()))

    def entries_of(self, accounting_entry_id: str) -> int:
        """How many live entries the ERP double holds for an accounting entry."""
        return len(self.books.of(accounting_entry_id))


class Killed(BaseException):
    """Ends a run as a killed process would: no handler of the run sees it."""


PATIENT = Patience(erp_down=2, pause=(0.02, 0.05, 0.1), settling=0.1, interrupted=0)


@asynccontextmanager
async def company_rig(
    database_url: str,
    sandbox_url: str,
    *,
    books: Books | None = None,
    patience: Patience = PATIENT,
    worker: str = "test",
    lease_seconds: float = 10,
    adapter: DoubleAdapter | None = None,
) -> AsyncIterator[Rig]:
    """An active connection with an API key, the ERP double bound and a first configuration.

    `adapter` opens `books` in another way than the double's own.
    """
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(database_url),
        pleo_auth_url=sandbox_url,
        pleo_api_url=sandbox_url,
        pleo_client_id="test",
        pleo_client_secret=SecretStr("test"),
        encryption_keys=SecretStr(KEY),
    )
    db = Database(database_url)
    queue = Queue(database_url)
    pleo = Pleo(sandbox_url)
    books = books or Books()
    observed: list[tuple[str, ...]] = []
    async with httpx.AsyncClient() as http, httpx.AsyncClient() as files:
        endpoints = PleoEndpoints(sandbox_url, sandbox_url)
        connections = Connections(
            settings=settings,
            db=db,
            vault=Vault(settings.keys),
            http=http,
            endpoints=endpoints,
            budgets=Budgets(db, endpoints.environment, 60_000),
            enqueue_look=lambda session, connection_id: enqueue_look(session, queue, connection_id, "recovery"),
            erps=dict.fromkeys(("double", (adapter or DoubleAdapter).kind), adapter or DoubleAdapter(books)),
            sleep=_soon,
        )
        context = ExportContext(
            db=db,
            queue=queue,
            connections=connections,
            downloads=Downloader(files, local_allowed=True, sleep=_soon),
            worker=worker,
            lease_seconds=lease_seconds,
            patience=patience,
            observer=Observer(
                item=lambda outcome: observed.append(("item", outcome)),
                job=lambda status, found_by, seconds: observed.append(("job", status, found_by)),
                unannounced=lambda: observed.append(("unannounced",)),
            ),
        )
        queue.register(LOOK, _work(context))
        queue.register(SETTLE, _settle(context))
        queue.register(FILE, _file(context))
        connection_id = await _connect(connections, pleo, books)
        rig = Rig(context, connection_id, pleo, books, observed)
        await rig.configure()
        try:
            yield rig
        finally:
            pleo.close()
            await db.close()


async def _soon(_: float) -> None:
    await asyncio.sleep(0)


def _work(context: ExportContext) -> Callable[..., Any]:
    async def work(connection_id: str, found_by: str) -> None:
        await look(context, uuid.UUID(connection_id), found_by)

    return work


def _settle(context: ExportContext) -> Callable[..., Any]:
    async def settle(connection_id: str) -> None:
        await settle_later(context, uuid.UUID(connection_id))

    return settle


def _file(context: ExportContext) -> Callable[..., Any]:
    async def file(connection_id: str) -> None:
        await file_later(context, uuid.UUID(connection_id))

    return file


async def _connect(room: Connections, pleo: Pleo, books: Books) -> uuid.UUID:
    key = pleo.control("POST", "/api-keys", {"company_id": pleo.company_id})["key"]
    connection_id = uuid.uuid4()
    async with room.db.transaction() as session:
        session.add(
            Connection(
                id=connection_id,
                environment=room.environment,
                company_id=pleo.company_id,
                company_name="Demo ApS",
                status=ConnectionStatus.ACTIVE,
                auth_method="api_key",
                subject_urn=f"urn:pleo:company:{pleo.company_id}",
            )
        )
        await session.flush()
        sealed = room.vault.seal(key, table="credentials", column="api_key_sealed", row=connection_id)
        session.add(Credential(connection_id=connection_id, api_key_sealed=sealed))
        session.add(
            ErpBinding(
                connection_id=connection_id,
                kind="double",
                settings_sealed=room.vault.seal(
                    "{}", table="erp_bindings", column="settings_sealed", row=connection_id
                ),
                settings_shown={},
                company_key=f"double:{connection_id}",
                company_ref=books.company.id,
                company_name=books.company.name,
                registration_number=books.company.registration_number,
                currency=books.company.currency,
                bound_by="test",
            )
        )
    return connection_id
