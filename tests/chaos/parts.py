"""The parts that break: a PostgreSQL and an ERP that can be killed and come back at their place."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg

from ledgerbridge.store import postmaster, schema
from ledgerbridge.store.embedded import EmbeddedPostgres, embedded_postgres
from tests.support.commands import Process, until
from tests.support.ports import free_port
from tryton_sandbox import Template, TrytonServer

DATABASE = "ledgerbridge"
CONNECTIONS = 90
"""`max_connections`; two replicas use up to 70 at the very most."""
_DOWN_SECONDS = 60


class Postgres:
    """The service's own server. What it has committed survives its crashes: only the disk is trusted blindly."""

    def __init__(self, folder: Path) -> None:
        self._data_dir = folder / "database"
        self._settings = {
            "fsync": "off",  # the machine does not lose power
            "full_page_writes": "off",
            "max_connections": str(CONNECTIONS),
            "port": str(free_port()),
        }
        self._uses: list[EmbeddedPostgres] = []
        self.hand = threading.Lock()
        """Who breaks it holds this, so that two faults do not."""
        self.start()
        self._uses[0].create_database(DATABASE)
        self.url = self._uses[0].url(DATABASE)
        schema.upgrade(self.url)

    def start(self) -> None:
        """At the same port as ever."""
        self._uses.append(embedded_postgres(self._data_dir, self._settings))

    def end(self, how: signal.Signals) -> None:
        """SIGINT ends it with a farewell to every session, SIGQUIT without; waits until it is gone."""
        place = self._data_dir / "postgres"
        found = postmaster.find(place)
        assert found is not None, "no server runs"
        os.kill(found.pid, how)
        give_up = time.monotonic() + _DOWN_SECONDS
        while postmaster.find(place) is not None:
            assert time.monotonic() < give_up, "PostgreSQL does not end"
            time.sleep(0.02)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A session of somebody else's; what it does is committed at once."""
        return psycopg.connect(self.url, autocommit=True, application_name="chaos", connect_timeout=10)

    def take_all(self) -> list[psycopg.Connection[tuple[object, ...]]]:
        """Every connection the server has to give, the service's too; close them."""
        taken = [self.connect()]
        taken[0].execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.append(self.connect())
        return taken

    def stop(self) -> None:
        for use in self._uses:
            use.stop()


class Tryton:
    """One server with a set of books for each company."""

    def __init__(self, template: Template, companies: int) -> None:
        self._template = template
        self._databases = [template.clone() for _ in range(companies)]
        self._server = template.start(self._databases[0])
        self._port = self._server.port
        self.url = self._server.base_url
        self.facts = template.facts
        self.hand = threading.Lock()
        self._opened()

    @property
    def books(self) -> list[TrytonServer]:
        """The server as seen by each company."""
        return [TrytonServer(self.url, name, self.facts, self._server.process) for name in self._databases]

    def kill(self) -> None:
        """SIGKILL to the whole group."""
        os.killpg(self._server.process.pid, signal.SIGKILL)
        self._server.process.wait()
        self._server.stop()

    def start(self) -> None:
        """At the same port."""
        self._server = self._template.start(self._databases[0], self._port)
        self._opened()

    def _opened(self) -> None:
        for name in self._databases[1:]:
            self._server.open_database(name)

    def stop(self) -> None:
        self._server.stop()
        self._template.drop(*self._databases)


class Server:
    """A process of somebody else's at a port of its own, with what it keeps in files: it survives being killed."""

    def __init__(self, name: str, command: Sequence[str], port: int, folder: Path, cwd: Path) -> None:
        self._name, self._command, self._port, self._folder, self._cwd = name, command, port, folder, cwd
        self._lives = 0
        self.hand = threading.Lock()
        self.start()

    def start(self) -> None:
        """At the same port; there once this returns."""
        self._lives += 1
        program, *arguments = self._command
        name = f"{self._name}-{self._lives}"
        self._process = Process(name, arguments, {}, self._folder, self._cwd, (program,))
        until(f"{name} answers", self._listens, _DOWN_SECONDS, 0.05)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def stop(self) -> None:
        self._process.end()


@dataclass
class Replica:
    """One `ledgerbridge serve` with its worker, at its own port."""

    name: str
    port: int
    environment: dict[str, str]
    folder: Path
    process: Process = field(init=False)
    lives: int = 0
    hand: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """A new life."""
        self.lives += 1
        arguments = ["-m", "tests.chaos.replica", "serve", "--port", str(self.port)]
        self.process = Process(f"{self.name}-{self.lives}", arguments, self.environment, self.folder, fork=True)

    def ready(self) -> bool:
        """Whether it says that work gets done. One that ended by itself is started again, as a supervisor would."""
        with self.hand:
            if not self.process.running:
                self.start()
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
