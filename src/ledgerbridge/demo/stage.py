"""The stage: embedded Postgres, an accounting system, the Pleo sandbox and the service, each a process of its own."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from ledgerbridge.demo.erps import ERPS
from ledgerbridge.demo.erps.base import DemoErp
from ledgerbridge.store.embedded import EmbeddedPostgres, embedded_postgres

CACHE = Path(".cache")
CLIENT_ID = "ledgerbridge-demo"
START_SECONDS = 60
STOP_SECONDS = 40
PLEO_CALLS_A_MINUTE = 6000
"""More than Pleo allows, so that nobody has to wait for the first syncs."""

_SETTINGS = ("DATABASE_URL", "PUBLIC_URL", "PLEO_", "ENCRYPTION_KEYS", "ADMIN_TOKENS", "LOG_", "LEDGERBRIDGE_")

Progress = Callable[[str], None]


class StageError(RuntimeError):
    """Something did not come up; the text says what and where its log is."""


@dataclass(frozen=True)
class Stage:
    """What is running, and how to reach it."""

    service_url: str
    sandbox_url: str
    admin_token: str
    erp: DemoErp


@contextmanager
def stage(progress: Progress, erp: str = "tryton") -> Iterator[Stage]:
    """Bring everything up in order and take it down in reverse; `erp` is one of `ERPS`. Raises `StageError`."""
    CACHE.mkdir(exist_ok=True)
    with ExitStack() as stack:
        progress("Starting PostgreSQL")
        postgres = stack.enter_context(embedded_postgres(CACHE / "postgres", {"fsync": "off"}))
        books = stack.enter_context(ERPS[erp](postgres, progress))
        sandbox_port, service_port = _free_port(), _free_port()
        sandbox_url, service_url = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{service_port}"
        client_secret = secrets.token_urlsafe(24)
        progress("Starting the Pleo sandbox")
        stack.enter_context(_sandbox(sandbox_port, service_url, client_secret))
        progress("Starting Ledgerbridge")
        admin_token = secrets.token_urlsafe(24)
        database = f"ledgerbridge_demo_{secrets.token_hex(4)}"
        postgres.create_database(database)
        stack.callback(postgres.drop_database, database)
        environment = _service_environment(postgres, database, sandbox_url, service_url, client_secret, admin_token)
        stack.enter_context(_service(environment, service_port))
        yield Stage(service_url, sandbox_url, admin_token, books)


def _service_environment(
    postgres: EmbeddedPostgres, database: str, sandbox_url: str, service_url: str, client_secret: str, admin_token: str
) -> dict[str, str]:
    return {
        "DATABASE_URL": postgres.url(database),
        "PUBLIC_URL": service_url,
        "PLEO_AUTH_URL": sandbox_url,
        "PLEO_API_URL": sandbox_url,
        "PLEO_CLIENT_ID": CLIENT_ID,
        "PLEO_CLIENT_SECRET": client_secret,
        "PLEO_REQUESTS_PER_MINUTE": str(PLEO_CALLS_A_MINUTE),
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "ADMIN_TOKENS": f"demo:{hashlib.sha256(admin_token.encode()).hexdigest()}",
        "LOG_FORMAT": "json",
    }


@contextmanager
def _sandbox(port: int, service_url: str, client_secret: str) -> Iterator[None]:
    environment = {
        "PLEO_SANDBOX_CLIENT_ID": CLIENT_ID,
        "PLEO_SANDBOX_CLIENT_SECRET": client_secret,
        "PLEO_SANDBOX_REDIRECT_URIS": f"{service_url}/oauth/callback",
        "PLEO_SANDBOX_INITIATION_URI": f"{service_url}/connect",
        "PLEO_SANDBOX_SETTINGS_URI": f"{service_url}/settings",
    }
    command = [sys.executable, "-m", "pleo_sandbox", "--port", str(port)]
    with _process("pleo-sandbox", command, environment) as process:
        _wait(process, f"http://127.0.0.1:{port}/sandbox/clock", "pleo-sandbox")
        yield


@contextmanager
def _service(environment: dict[str, str], port: int) -> Iterator[None]:
    ledgerbridge = [str(Path(sys.executable).with_name("ledgerbridge"))]
    migrated = subprocess.run(  # noqa: S603
        [*ledgerbridge, "migrate"], env=_clean() | environment, capture_output=True, text=True, check=False
    )
    if migrated.returncode:
        raise StageError(f"The database could not be migrated: {migrated.stderr.strip()}")
    with _process("ledgerbridge", [*ledgerbridge, "serve", "--port", str(port)], environment) as process:
        _wait(process, f"http://127.0.0.1:{port}/readyz", "ledgerbridge")
        yield


@contextmanager
def _process(name: str, command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to a log file; asked to end at the end, and ended if it does not."""
    with (CACHE / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            command,
            env=_clean() | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _clean() -> dict[str, str]:
    """Our environment without settings of a real installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


def _wait(process: subprocess.Popen[bytes], url: str, name: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    log = CACHE / f"{name}.log"
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
    raise StageError(f"{name} did not start; the end of {log}:\n{tail}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
