"""All parts at once: PostgreSQL, books, the sandbox, two replicas behind one address, companies that are live."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pleo_sandbox.config import DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET
from tests.chaos.company import Company
from tests.chaos.line import Line, line
from tests.chaos.parts import Postgres, Replica
from tests.chaos.systems import Folder, System, opened
from tests.support.commands import Process, until
from tests.support.ports import free_port
from tests.support.site import until_answering
from tryton_sandbox import Template

RESCUE_SECONDS = 10
POLL_SECONDS = 10
JOB_SECONDS = 3600
_ROOT = Path(__file__).parents[2]


class History:
    """What happened when: JSON lines in a file, with the seconds since the beginning."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1)
        self._began = time.monotonic()
        self._alone = threading.Lock()
        self.context: dict[str, Any] = {}
        """What every line also says: the seed, the faults."""

    def tell(self, event: str, **detail: Any) -> None:
        """One line."""
        at = round(time.monotonic() - self._began, 2)
        with self._alone:
            self._file.write(json.dumps({"at": at, **self.context, "event": event, **detail}, default=str) + "\n")

    def close(self) -> None:
        self._file.close()


@dataclass
class World:
    """The parts of one installation."""

    postgres: Postgres
    answering: list[System]
    """Accounting systems that answer calls; those that take files do not."""
    sftp: Folder | None
    """Where files are put."""
    pleo_line: Line
    """Between the service and Pleo."""
    replicas: list[Replica]
    companies: list[Company]
    history: History
    folder: Path

    @property
    def sandbox(self) -> Company:
        """Any company's hand on the sandbox's control API."""
        return self.companies[0]


@contextmanager
def world(
    template: Template | None,
    history: History,
    *,
    kinds: Sequence[str] = ("tryton",) * 3,
    syncs: bool = True,
    handover: bool = True,
    folder: Path | None = None,
) -> Iterator[World]:
    """An installation for the length of a `with` block; everything it started is gone afterwards.

    A company for each of `kinds`; of Tryton only with its `template`. Files go to an SFTP server if there is to be a
    `handover`. What all parts write goes to `folder`, or to one that goes with it.
    """
    with ExitStack() as stack:
        folder = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        postgres = Postgres(folder)
        stack.callback(postgres.stop)
        systems = opened(stack, kinds, template, folder, _told(history, "erp"), handover=handover)
        ports = [free_port(), free_port()]
        front = stack.enter_context(line(*(f"http://127.0.0.1:{port}" for port in ports), keep_host=True))
        sandbox = _sandbox(stack, folder, front.url)
        pleo_line = stack.enter_context(line(sandbox, keep_host=True, told=_told(history, "pleo")))
        token = secrets.token_urlsafe(32)
        environment = _environment(postgres.url, front.url, pleo_line.url, token)
        replicas = [Replica(f"replica-{n}", port, environment, folder) for n, port in enumerate(ports)]
        for replica in replicas:
            replica.start()
            stack.callback(lambda one=replica: one.process.end())  # type: ignore[misc]
        for replica in replicas:
            until(f"{replica.name} ready", replica.ready, 120)
        made = [
            Company(f"Company {n} ({books.kind})", front.url, sandbox, books, token)
            for n, books in enumerate(systems.books, 1)
        ]
        for company in made:
            stack.callback(company.close)
            company.go_live(syncs=syncs)
        for company in made:
            company.is_live()
        history.tell("world ready", companies=len(made))
        yield World(postgres, systems.answering, systems.folder, pleo_line, replicas, made, history, folder)


def _told(history: History, where: str) -> Any:
    return lambda text: history.tell("struck", line=where, what=text)


def _sandbox(stack: ExitStack, folder: Path, front: str) -> str:
    """A process of its own; its address."""
    port = free_port()
    environment = {
        "PLEO_SANDBOX_REDIRECT_URIS": f"{front}/oauth/callback",
        "PLEO_SANDBOX_INITIATION_URI": f"{front}/connect",
        "PLEO_SANDBOX_SETTINGS_URI": f"{front}/settings",
        "PLEO_SANDBOX_JOB_SECONDS": str(JOB_SECONDS),
    }
    process = Process("sandbox", ["sandbox", "--port", str(port)], environment, folder)
    stack.callback(process.end)
    url = f"http://127.0.0.1:{port}"
    until_answering(process, f"{url}/sandbox/clock")
    return url


def _environment(database: str, public: str, pleo: str, token: str) -> dict[str, str]:
    return {
        "PYTHONPATH": f"{_ROOT / 'src'}:{_ROOT}",
        "DATABASE_URL": database,
        "PUBLIC_URL": public,
        "PLEO_AUTH_URL": pleo,
        "PLEO_API_URL": pleo,
        "PLEO_CLIENT_ID": DEFAULT_CLIENT_ID,
        "PLEO_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "ADMIN_TOKENS": f"chaos:{hashlib.sha256(token.encode()).hexdigest()}",
        "PLEO_REQUESTS_PER_MINUTE": "60000",
        "RESCUE_SECONDS": str(RESCUE_SECONDS),
        "EXPORT_POLL_SECONDS": str(POLL_SECONDS),
        "VENDOR_POLL_SECONDS": "60",
    }
