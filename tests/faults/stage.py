"""One company, its Pleo and its ERP, and a service that dies and is started again while those two live on.

Everything is asked from outside: of the service over HTTP, of Pleo through the sandbox's control desk. Time that would
have to pass between a death and the next start is taken off the clocks in the database instead of waited for.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from pleo_sandbox.config import DEMO_COMPANY_ID
from pleo_sandbox.server import Running
from tests.faults.invariants import INVARIANTS
from tests.faults.remote_books import BooksServer
from tests.support import leaks
from tests.support.erp_double import Books
from tests.support.rig import Pleo

ADMIN_TOKEN = "a-long-random-admin-token"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
PATIENCE = 240.0
"""Seconds until a service counts as hanging, on a busy machine."""

_TIME_PASSES = """
    update leases set expires_at = now() where expires_at > now();
    update procrastinate_workers set last_heartbeat = last_heartbeat - interval '1 hour';
    update credentials set refresh_until = now() where refresh_until > now();
    update postings set intended_at = intended_at - interval '1 hour' where state in ('intended', 'unknown');
    update postings set reversal_at = reversal_at - interval '1 hour' where reversal_state in ('intended', 'unknown');
"""
_ASKED_NOW = """
    insert into look_schedules (connection_id, due_at)
    select id, now() - interval '1 second' from connections where status = 'active'
    on conflict (connection_id) do update set due_at = excluded.due_at
"""
"""Whoever may be polled is due."""
_DUE = """
    with woken as (
        update procrastinate_jobs set scheduled_at = now() - interval '1 second'
        where status = 'todo' and scheduled_at > now() and (task_name = any(%s) or not queueing_lock like 'every:%%')
        returning id
    )
    select pg_notify('procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', id)::text)
    from woken
"""
_WAKE = """
    select pg_notify('procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', id)::text)
    from procrastinate_jobs where status = 'todo' and scheduled_at <= now() limit 1
"""
_BUSY = """
    select task_name, status::text, attempts, scheduled_at from procrastinate_jobs
    where status = 'doing' or (status = 'todo' and (scheduled_at is null or scheduled_at <= now()))
"""


class Died(Exception):
    """The service died while it was asked something."""


class Forks:
    """The parent of all services of a test module."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        """Of the parent, which lives the first life itself."""
        return self._process.pid

    def start(self, order: dict[str, Any]) -> int:
        """A new service; its process number."""
        return self._ask(order)

    def end(self, pid: int) -> int:
        """How a service ended, waited for: its status, or the negative number of the signal."""
        return self._ask(pid)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _ask(self, what: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@dataclass
class Stage:
    """The company of a scenario. Nothing is started or connected yet."""

    forks: Forks
    database_url: str
    sandbox: Running
    pleo: Pleo
    folder: Path
    port: int
    books: BooksServer
    settings: dict[str, str] = field(default_factory=dict)
    periodic: tuple[str, ...] = ()
    """Rounds whose time comes after each death."""
    pid: int | None = None
    starts: int = 0
    _door: socket.socket | None = None
    _connection: str | None = None
    _armed: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        token = hashlib.sha256(ADMIN_TOKEN.encode()).hexdigest()
        (client,) = self.sandbox.sandbox.world.clients.all()
        self.settings = {
            "database_url": self.database_url,
            "public_url": self.url,
            "pleo_auth_url": self.sandbox.url,
            "pleo_api_url": self.sandbox.url,
            "pleo_client_id": client.client_id,
            "pleo_client_secret": client.config.client_secret,
            "encryption_keys": KEY,
            "admin_tokens": f"ada:{token}",
            "pleo_requests_per_minute": "60000",
        } | self.settings
        self.sql = psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row)
        bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        self._admin = httpx.Client(base_url=f"{self.url}/admin/api", headers=bearer, timeout=60, trust_env=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # ------------------------------------------------------------------ the life of a service

    def start(self, arm: tuple[str, int] | None = None) -> None:
        """Start a service and wait until it answers. Raises `Died`."""
        self.starts += 1
        control = self.folder / "control"
        control.unlink(missing_ok=True)
        order = {
            "settings": self.settings,
            "port": self.port,
            "control": str(control),
            "books": self.books.path,
            "log": str(self.folder / "log"),
            "arm": arm,
        }
        self.pid = self.forks.start(order)
        end = time.monotonic() + PATIENCE
        while True:
            door = socket.socket(socket.AF_UNIX)
            try:
                door.connect(str(control))
                self._door = door
                break
            except OSError:
                door.close()
                if not _alive(self.pid) or time.monotonic() > end:
                    raise Died from None
                time.sleep(0.005)

    def arm(self, fatal: tuple[str, int] | None) -> None:
        """From now on write down the points passed, and die at this one."""
        self._armed = fatal
        self._tell({"arm": fatal})

    def passed(self) -> list[str]:
        """The points passed since `arm`."""
        return self._tell({})

    def ended(self) -> int:
        """How the service ended, waited for."""
        assert self.pid is not None
        status = self.forks.end(self.pid)
        self.pid = None
        if self._door:
            self._door.close()
        self._admin.close()
        bearer = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        self._admin = httpx.Client(base_url=f"{self.url}/admin/api", headers=bearer, timeout=60, trust_env=False)
        return status

    @property
    def died_at(self) -> str:
        """The point of the last order to die."""
        return self._armed[0] if self._armed else ""

    def restart(self) -> None:
        """End the service in good order and start it again, with the same orders. Raises `Died`."""
        self.signal(signal.SIGTERM)
        assert self.ended() == 0, "the service did not end in good order"
        self.start(self._armed)

    def leave_parent(self) -> None:
        """End the first life, which is the parent's own, in good order, and begin one that may be killed."""
        if self.pid == self.forks.pid:
            self.restart()

    def signal(self, number: int) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)

    def _tell(self, what: dict[str, Any]) -> list[str]:
        assert self._door is not None
        try:
            self._door.sendall(json.dumps(what).encode() + b"\n")
            said = b""
            while not said.endswith(b"\n"):
                more = self._door.recv(1 << 20)
                if not more:
                    raise Died
                said += more
        except OSError:
            raise Died from None
        return list(json.loads(said))

    # ------------------------------------------------------------------ time

    def time_passes(self) -> None:
        """What a dead process held runs out."""
        self.sql.execute(_TIME_PASSES)

    def settle(self) -> None:
        """Wait until the service has done all that is queued, bringing forward what waits for its time.

        Raises `Died`.
        """
        self.delivered()
        end = time.monotonic() + PATIENCE
        quiet = 0
        if "exports.poll" in self.periodic:
            self.sql.execute(_ASKED_NOW)
        self.sql.execute(_DUE, [list(self.periodic)])
        while quiet < 2:
            self.sql.execute(_WAKE)
            busy = self.sql.execute(_BUSY).fetchall()
            if busy or self.sql.execute(_DUE, [[]]).rowcount:
                quiet = 0
            else:
                quiet += 1
            if not _alive(self.pid):
                raise Died
            assert time.monotonic() < end, f"still at work: {busy}"
            time.sleep(0.01)

    # ------------------------------------------------------------------ asking

    def ask(self, method: str, path: str, body: object = None, **options: Any) -> Any:
        """One call of the admin API that must succeed; its JSON. Raises `Died`."""
        try:
            answer = self._admin.request(method, path, json=body, **options)
        except httpx.TransportError:
            raise Died from None
        assert answer.status_code < 300, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def visit(self, browser: httpx.Client, url: str) -> httpx.Response:
        """What a person's browser gets. Raises `Died`."""
        try:
            return browser.get(url)
        except httpx.TransportError:
            raise Died from None

    def browser(self) -> httpx.Client:
        """A person's: keeps cookies, does not follow redirects."""
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    @property
    def connection(self) -> str:
        if self._connection is None:
            row = self.sql.execute("select id::text from connections").fetchone()
            assert row is not None
            self._connection = row["id"]
        return self._connection

    # ------------------------------------------------------------------ looking

    def status(self) -> str:
        """Of the connection."""
        (row,) = self.rows("select status from connections where id = %s", self.connection)
        return str(row["status"])

    def delivered(self) -> None:
        """Wait until Pleo's messages have been taken, or could not be because the service is dead. Raises `Died`."""
        end = time.monotonic() + PATIENCE
        while any(one.state == "waiting" for one in list(self.sandbox.sandbox.world.messages)):
            if not _alive(self.pid):
                raise Died
            assert time.monotonic() < end, "Pleo's message was not taken"
            time.sleep(0.005)

    def events(self, job_id: str) -> list[str]:
        """The events Pleo accepted for a job, in order."""
        sent = [
            json.loads(request.body)
            for request in list(self.sandbox.sandbox.world.recorder.requests)
            if request.path == "/v3/export-job-events" and request.status == 202
        ]
        return [event["event"] for event in sent if event["jobId"] == job_id]

    def entries(self, accounting_entry_id: str) -> int:
        """How many entries the ERP has for an item."""
        return len(self.books.books.of(accounting_entry_id))

    def made_of(self, pleo_id: str) -> list[str]:
        """The vendors the ERP has for a draft."""
        return [one.id for one in self.books.books.master.vendors if one.pleo_id == pleo_id]

    def round_comes(self) -> None:
        """The time of every round has come."""
        self.sql.execute("update procrastinate_jobs set scheduled_at = now() where queueing_lock like 'every:%'")

    def leaked(self) -> list[str]:
        """Secrets found in the log, or in clear text in the database."""
        known = leaks.of_pleo(self.sandbox.sandbox.world) | {"admin token": ADMIN_TOKEN, "encryption key": KEY}
        log = ("log", (self.folder / "log").read_text())
        return leaks.in_texts(known, [log, *leaks.database_text(self.database_url)])

    def in_order(self) -> None:
        """What must always hold, whatever the scenario was about (the invariants of docs/architecture.md)."""
        for sentence, query in INVARIANTS.items():
            assert not (found := self.rows(query)), f"{sentence}: {found}"

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return self.sql.execute(query, values or None).fetchall()

    def close(self) -> None:
        if self.pid is not None:
            self.signal(signal.SIGTERM if self.pid == self.forks.pid else signal.SIGKILL)
            self.ended()
        self.sql.close()
        self._admin.close()


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def stage(
    forks: Forks,
    database_url: str,
    sandbox: Running,
    folder: Path,
    port: int,
    *,
    books: Books | None = None,
    kind: type[Stage] = Stage,
    **more: Any,
) -> Iterator[Stage]:
    """A stage for the length of a `with` block."""
    server = BooksServer(books or Books(), folder / "books")
    pleo = Pleo(sandbox.url)
    made = kind(forks, database_url, sandbox, pleo, folder, port, server, **more)
    try:
        yield made
    finally:
        made.close()
        server.close()
        pleo.close()


__all__ = ["DEMO_COMPANY_ID", "Died", "Forks", "Stage", "stage"]
