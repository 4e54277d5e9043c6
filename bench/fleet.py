"""Many companies with work at one sandbox, and replicas of the service as processes that work them.

The companies are connected by rows, with an API key of the sandbox, and paused until `Fleet.go`, so that every one of
them has work at the same instant.
"""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from sqlalchemy import update

from bench.job import SEED
from ledgerbridge.clock import utcnow
from ledgerbridge.exports.enqueue import LOOK, enqueue_look
from ledgerbridge.pleo.endpoints import PleoEndpoints
from ledgerbridge.store.engine import Database, libpq_url
from ledgerbridge.store.tables import ConfigVersion, Connection, ConnectionStatus, Credential, ErpBinding
from ledgerbridge.store.vault import Vault
from ledgerbridge.work.queue import Queue
from tests.support.erp_double import Books
from tests.support.rig import CONFIGURATION, SEED_CHART

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
START_SECONDS = 60
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH")
QUEUED_AT_ONCE = 20_000
"""Expenses that the sandbox is asked for in one call."""


@dataclass(frozen=True, slots=True)
class Company:
    """A company at the sandbox, connected to us."""

    connection_id: uuid.UUID
    pleo_id: str
    api_key: str


class Fleet:
    """The companies of one database and one sandbox."""

    def __init__(self, url: str, pleo: str) -> None:
        self.url, self.pleo = url, pleo
        self._http = httpx.Client(base_url=f"{pleo}/sandbox", timeout=600)
        self.companies: list[Company] = []
        self._began = utcnow()

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One call of the sandbox's control API; its JSON, or None."""
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def connect(self, count: int) -> None:
        """Connect so many new companies."""
        made = []
        for number in range(count):
            company = self.control("POST", "/companies", {"name": f"Company {number}"})["id"]
            key = self.control("POST", "/api-keys", {"company_id": company})["key"]
            made.append(Company(uuid.uuid4(), company, key))
        asyncio.run(_store(self.url, self.pleo, made))
        self.companies += made

    def export(self, items: Sequence[int]) -> None:
        """Every company presses Export for its number of expenses, but for those with none."""
        for company, wanted in zip(self.companies, items, strict=True):
            if not wanted:
                continue
            for first in range(0, wanted, QUEUED_AT_ONCE):
                copies = min(QUEUED_AT_ONCE, wanted - first)
                body = {"company_id": company.pleo_id, "seeds": [SEED], "copies": copies, "chart": SEED_CHART}
                self.control("POST", "/expenses", {**body, "brief": True})
            self.control("POST", "/exports", {"company_id": company.pleo_id, "brief": True})

    def slow_pleo(self, seconds: float) -> None:
        """Every answer of Pleo takes so long from now on."""
        self.control("POST", "/faults", {"kind": "slow", "path": "/v3/**", "seconds": seconds, "times": None})

    def go(self) -> None:
        """From this instant every company may be worked and has work."""
        self._began = asyncio.run(_go(self.url, [company.connection_id for company in self.companies]))

    def finishes(self, within: float) -> list[float]:
        """Seconds from `go` until each company's job was closed, rising, once all are.

        Raises `AssertionError` when a job does not end well or not within so many seconds.
        """
        end = time.monotonic() + within
        with psycopg.connect(libpq_url(self.url), autocommit=True) as line:
            while True:
                rows = line.execute("select closed_at, pleo_status from export_jobs").fetchall()
                if len(rows) == len(self.companies) and all(closed is not None for closed, _ in rows):
                    break
                assert time.monotonic() < end, f"not all jobs were done within {within:g} s"
                time.sleep(0.1)
        assert {status for _, status in rows} == {"completed"}, rows
        return sorted((closed - self._began).total_seconds() for closed, _ in rows)

    def close(self) -> None:
        self._http.close()


@contextmanager
def fleet(url: str, pleo: str) -> Iterator[Fleet]:
    """Companies of a fresh sandbox."""
    made = Fleet(url, pleo)
    try:
        made.control("POST", "/reset")
        yield made
    finally:
        made.close()


# ------------------------------------------------------------------ replicas


class Replica:
    """A running replica."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def peak_mib(self) -> float:
        """The most memory it ever had in use."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the kernel does not tell")

    def cpu_seconds(self) -> float:
        """Processor time it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def replica(url: str, pleo: str, *, erp_seconds: float = 0.0, profile: Path | None = None) -> Iterator[Replica]:
    """A replica that takes work, for the length of a `with` block; see `bench.replica`."""
    environment = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    environment |= {
        "DATABASE_URL": url,
        "PLEO_AUTH_URL": pleo,
        "PLEO_API_URL": pleo,
        "PLEO_CLIENT_ID": "client",
        "PLEO_CLIENT_SECRET": "secret",
        "ENCRYPTION_KEYS": KEY,
        "PLEO_REQUESTS_PER_MINUTE": "600000",  # Pleo's limit is not what is measured
        "EXPORT_POLL_SECONDS": "86400",
    }
    command = [sys.executable, "-m", "bench.replica", "--erp-seconds", str(erp_seconds)]
    command += ["--profile", str(profile)] if profile else []
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", f"the replica did not start: {line!r}"
        yield Replica(process)
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


# ------------------------------------------------------------------ rows


async def _store(url: str, pleo: str, companies: Sequence[Company]) -> None:
    vault, books, db = Vault([bytes(range(32))]), Books(), Database(url)
    environment = PleoEndpoints(pleo, pleo).environment
    try:
        async with db.transaction() as session:
            for one in companies:
                row = one.connection_id
                session.add(
                    Connection(
                        id=row,
                        environment=environment,
                        company_id=one.pleo_id,
                        company_name=books.company.name,
                        status=ConnectionStatus.PAUSED,
                        auth_method="api_key",
                        subject_urn=f"urn:pleo:company:{one.pleo_id}",
                    )
                )
            await session.flush()
            for one in companies:
                row = one.connection_id
                sealed = vault.seal(one.api_key, table="credentials", column="api_key_sealed", row=row)
                session.add(Credential(connection_id=row, api_key_sealed=sealed))
                session.add(
                    ErpBinding(
                        connection_id=row,
                        kind="double",
                        settings_sealed=vault.seal("{}", table="erp_bindings", column="settings_sealed", row=row),
                        settings_shown={},
                        company_key=f"double:{row}",
                        company_ref=books.company.id,
                        company_name=books.company.name,
                        registration_number=books.company.registration_number,
                        currency=books.company.currency,
                        bound_by="bench",
                    )
                )
                session.add(ConfigVersion(connection_id=row, version=1, body=CONFIGURATION, created_by="bench"))
    finally:
        await db.close()


async def _go(url: str, companies: Sequence[uuid.UUID]) -> dt.datetime:
    db, queue = Database(url), Queue(url)
    queue.register(LOOK, _nothing)
    try:
        async with db.transaction() as session:
            for one in companies:
                await enqueue_look(session, queue, one, "webhook")
                change = update(Connection).where(Connection.id == one)
                await session.execute(change.values(status=ConnectionStatus.ACTIVE))
        return utcnow()
    finally:
        await db.close()


async def _nothing() -> None:
    """The work is done by the replicas."""
