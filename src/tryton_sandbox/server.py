"""A running Tryton server and the databases it serves.

The server is a process group of its own that ends when its stdin closes, so it dies with whoever started it, however
that one dies. It serves any number of databases; each is opened with `open_database` before several clients use it.
"""

import json
import os
import signal
import subprocess
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tryton_sandbox.environment import Environment, TrytonSandboxError, clean_environment

START_SECONDS = 60
STOP_SECONDS = 10


@dataclass
class TrytonServer:
    """A server process. `base_url` and `database` are what a client needs, with one of the `keys` by login."""

    base_url: str
    database: str
    facts: dict[str, Any]
    process: "subprocess.Popen[str]" = field(repr=False)

    @property
    def keys(self) -> dict[str, str]:
        """REST keys by login: `erp_integration` posts, `erp_admin` also closes periods, `erp_nogroups` may do little,
        `erp_be_only` sees only the Belgian company, `erp_entries` posts but takes no match apart."""
        keys: dict[str, str] = self.facts["keys"]
        return keys

    @property
    def api_key(self) -> str:
        """The key of `erp_integration`, the user a service would be given."""
        return self.keys["erp_integration"]

    @property
    def port(self) -> int:
        """The loopback port; start a server there again to come back after an outage."""
        return int(self.base_url.rpartition(":")[2])

    def company_id(self, key: str = "DK") -> int:
        """The ERP's id of the Danish (`DK`) or Belgian (`BE`) company."""
        return int(self.facts["companies"][key]["id"])

    def binding(self, company: str = "DK", login: str = "erp_integration") -> dict[str, Any]:
        """What a client has to be told to work in this company as this user."""
        return {
            "base_url": self.base_url,
            "database": self.database,
            "api_key": self.keys[login],
            "company": self.company_id(company),
        }

    def open_database(self, database: str) -> "TrytonServer":
        """Serve one more database and return the server as seen by its clients.

        Tryton remembers for minutes which databases a host name may see, and concurrent first requests to a database
        can fail, so the first request is made here, alone, and under a host name nobody used before.
        """
        address = f"{self.base_url}/{database}/rest/model/company.company"
        host = f"{database.replace('_', '-')}.sandbox.invalid"
        bearer = f"bearer {self.keys['erp_admin']}"
        request = urllib.request.Request(address, headers={"Authorization": bearer, "Host": host})  # noqa: S310
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:  # noqa: S310
            answer.read()
        return TrytonServer(self.base_url, database, self.facts, self.process)

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End the server and wait for it. May be repeated."""
        if self.running:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> "TrytonServer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_server(
    environment: Environment,
    settings: dict[str, str],
    database: str,
    facts: dict[str, Any],
    log: Path,
    port: int,
) -> TrytonServer:
    """Start a server for this database and wait until it answers (about a second).

    Raises TrytonSandboxError with the end of its log if it ends instead.
    """
    with log.open("ab") as errors:
        process = subprocess.Popen(
            environment.command("serve.py", database, "--port", str(port)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=clean_environment() | settings,
            start_new_session=True,
        )
    server = TrytonServer("", database, facts, process)
    line = _first_line(process.stdout)
    if not line:
        server.stop()
        raise TrytonSandboxError(f"Tryton did not start; the end of {log}:\n" + "\n".join(_tail(log)))
    server.base_url = f"http://127.0.0.1:{json.loads(line)['port']}"
    return server.open_database(database)


def _first_line(stdout: IO[str] | None) -> str:
    return stdout.readline() if stdout is not None else ""


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-15:]
