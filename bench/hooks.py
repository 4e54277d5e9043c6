"""What the figures of the webhook intake share: the service and the bare receiver, side by side on one database."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from bench import bare_hook, stage
from bench.postman import Address
from ledgerbridge.store.engine import Database, libpq_url
from ledgerbridge.store.tables import Connection, ConnectionStatus, Subscription
from ledgerbridge.store.vault import Vault, hash_token, new_token

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
LEDGERBRIDGE = "from ledgerbridge.cli import main; main()"
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Receivers:
    """Two processes that take deliveries."""

    ours: int
    """Port."""
    bare: int
    addresses: Sequence[Address]


def environment(url: str, port: int) -> dict[str, str]:
    """What a process of the service needs; Pleo is nowhere, because nothing is worked."""
    plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    nowhere = "http://127.0.0.1:1"
    return plain | {
        "DATABASE_URL": url,
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PLEO_AUTH_URL": nowhere,
        "PLEO_API_URL": nowhere,
        "PLEO_CLIENT_ID": "client",
        "PLEO_CLIENT_SECRET": "secret",
        "ENCRYPTION_KEYS": KEY,
    }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def process(command: list[str], variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that listens on its PORT by the time it is handed over; told to end at the end."""
    with log.open("wb") as said:
        running = subprocess.Popen(command, env=variables, stdout=said, stderr=said)
        try:
            until = time.monotonic() + START_SECONDS
            while not _listens(int(variables["PORT"])):
                if running.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{command} did not start: {log.read_text()[-2000:]}")
                time.sleep(0.05)
            yield running
        finally:
            running.terminate()
            running.wait(30)


@contextmanager
def receivers(companies: int) -> Iterator[Receivers]:
    """The service without its worker and the bare receiver, with connected companies whose deliveries both take."""
    with stage.postgres() as cluster, stage.database(cluster) as url, TemporaryDirectory() as folder:
        addresses = asyncio.run(connect(url, companies))
        ours, bare = free_port(), free_port()
        serve = [sys.executable, "-c", LEDGERBRIDGE, "serve", "--no-worker"]
        receive = [sys.executable, "-m", "bench.bare_hook", str(bare)]
        with (
            process(serve, environment(url, ours), Path(folder, "ours.log")),
            process(receive, environment(url, bare), Path(folder, "bare.log")),
        ):
            yield Receivers(ours, bare, addresses)


async def connect(url: str, companies: int) -> list[Address]:
    """Rows of connected companies, and the table of the bare receiver."""
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute(f"create table {bare_hook.TABLE} (like webhook_deliveries including all)")
    vault, db = Vault([base64.urlsafe_b64decode(KEY)]), Database(url)
    addresses = []
    async with db.transaction() as session:
        for _ in range(companies):
            connection_id, company, token = uuid.uuid4(), str(uuid.uuid4()), new_token()
            secret = f"whsec_{base64.b64encode(os.urandom(24)).decode()}"
            session.add(
                Connection(
                    id=connection_id,
                    environment="custom",
                    company_id=company,
                    status=ConnectionStatus.ACTIVE,
                    auth_method="oauth",
                    subject_urn="urn",
                )
            )
            await session.flush()
            session.add(
                Subscription(
                    connection_id=connection_id,
                    path_token_hash=hash_token(token),
                    path_token_sealed=b"not opened here",
                    secret_sealed=vault.seal(secret, table="subscriptions", column="secret_sealed", row=connection_id),
                    event_types=[],
                )
            )
            addresses.append(Address(company, token, secret))
    await db.close()
    return addresses


def _listens(port: int) -> bool:
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0
