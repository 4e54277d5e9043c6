"""The template database: Tryton's schema with two companies' books, built once per cluster and copied per test.

A finished template is recognised by its name, which carries a stamp of everything it was made from, so a half-built one
is never mistaken for it. Its facts (ids, account codes, API keys) are kept as the comment of the database itself: what
belongs together cannot be parted.
"""

import contextlib
import datetime as dt
import fcntl
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tryton_sandbox.environment import (
    ADD_ON,
    INSIDE,
    REQUIREMENTS,
    Environment,
    Progress,
    TrytonSandboxError,
    prepare,
    run,
)
from tryton_sandbox.server import TrytonServer, start_server

__all__ = ["Template", "TrytonSandboxError", "alive", "build"]

MODULES = ["account", "account_invoice", "account_be", "analytic_account", "analytic_invoice", "bank", ADD_ON.name]
TEMPLATES_KEPT = 2  # besides the new one; another session may be using it
LANGUAGES = ["en", "nl"]  # the Belgian chart exists only in a language of Belgium


@dataclass(frozen=True)
class Template:
    """A built template: make databases from it with `clone()` and serve them with `start()`."""

    environment: Environment
    postgres_url: str
    cache_dir: Path
    name: str
    facts: dict[str, Any]

    def clone(self, *, stock: bool = False) -> str:
        """A fresh database with a name of its own, which a running server may serve at once (well under a second).

        With `stock` our add-on is not activated in it, as in a company that never installed it.
        """
        name = f"tryton_clone_{os.getpid()}_{secrets.token_hex(4)}"
        self._sql(f'CREATE DATABASE "{name}" TEMPLATE "{self.name}" STRATEGY FILE_COPY')
        if stock:
            self._call_add_on(name, "not activated")
        return name

    def add_to(self, database: str) -> None:
        """Activate our add-on in a stock clone, for servers started from now on."""
        self._call_add_on(database, "activated")

    def _call_add_on(self, database: str, state: str) -> None:
        # A server loads what a database calls activated; the add-on has neither tables nor records of its own.
        said = f"UPDATE ir_module SET state = '{state}' WHERE name = '{ADD_ON.name}'"  # noqa: S608
        self.environment.sql(f"{self.postgres_url.rpartition('/')[0]}/{database}", [said])

    def drop(self, *databases: str) -> None:
        """Drop databases that no running server serves any more."""
        self._sql(*[f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in databases])

    def sweep(self) -> None:
        """Drop the clones, and delete the logs, of processes that are gone; their servers died with them."""
        names = [
            str(name)
            for (name,) in self._sql("SELECT datname FROM pg_database WHERE datname LIKE 'tryton\\_clone\\_%'")
        ]
        self.drop(*[name for name in names if not alive(int(name.split("_")[2]))])
        for log in self.cache_dir.glob("server_*_*.log"):
            if not alive(int(log.name.split("_")[1])):
                log.unlink(missing_ok=True)

    def start(self, database: str, port: int = 0) -> TrytonServer:
        """Serve this database, and later clones too, on a loopback port (a free one unless named)."""
        settings = tryton_settings(self.cache_dir, self.postgres_url)
        return start_server(self.environment, settings, database, self.facts, self._new_log(), port)

    def _new_log(self) -> Path:
        return self.cache_dir / f"server_{os.getpid()}_{secrets.token_hex(4)}.log"

    def _sql(self, *statements: str) -> list[list[Any]]:
        return self.environment.sql(_admin(self.postgres_url), statements)


def build(cache_dir: Path, postgres_url: str, progress: Progress = lambda line: None) -> Template:
    """The template in this cluster, built if it is missing or out of date (about a minute; a second call takes 0.2 s).

    `postgres_url` is a superuser's URL of any database of the cluster. `cache_dir` keeps the packages and the server's
    files. Two builders at once: one builds, the other waits. Raises TrytonSandboxError if a step fails.
    """
    cache_dir = cache_dir.resolve()
    cache_dir.mkdir(parents=True, exist_ok=True)
    with _alone(cache_dir / "build.lock", progress):
        environment = prepare(cache_dir, progress)
        settings = tryton_settings(cache_dir, postgres_url)
        name = f"tryton_template_{_stamp()}"
        facts = _facts(environment, postgres_url, name)
        if facts is None:
            _build_template(environment, postgres_url, settings, name, progress)
            facts = _facts(environment, postgres_url, name)
        if facts is None:
            raise TrytonSandboxError(f"The template {name} was built but cannot be found.")
    return Template(environment, postgres_url, cache_dir, name, facts)


def _build_template(
    environment: Environment, postgres_url: str, settings: dict[str, str], name: str, progress: Progress
) -> None:
    draft = f"tryton_draft_{secrets.token_hex(4)}"
    admin = _admin(postgres_url)
    leftovers = environment.sql(admin, ["SELECT datname FROM pg_database WHERE datname LIKE 'tryton\\_draft\\_%'"])
    environment.sql(
        admin,
        [
            *[f'DROP DATABASE "{old}" WITH (FORCE)' for (old,) in leftovers],
            f'CREATE DATABASE "{draft}" TEMPLATE template0',
        ],
    )
    progress("Building Tryton: schema (about a minute, once) ...")
    _create_schema(environment, settings, draft)
    progress("Building Tryton: companies, charts, periods, users ...")
    today = dt.date.today()  # noqa: DTZ011 - the books open and close by the calendar on the wall
    filled = run(environment.command("demo_data.py", draft, today.isoformat()), environ=settings)
    facts = json.loads(filled.splitlines()[-1])
    progress("Building Tryton: template ...")
    query = "SELECT datname FROM pg_database WHERE datname LIKE 'tryton\\_template\\_%' ORDER BY oid DESC"
    outdated = environment.sql(admin, [query])[TEMPLATES_KEPT:]
    comment = json.dumps(facts).replace("'", "''")
    final = [
        f'ALTER DATABASE "{draft}" RENAME TO "{name}"',
        f"COMMENT ON DATABASE \"{name}\" IS '{comment}'",
        # Tryton connects to every database that is no template to see whether it is one of its own.
        f'ALTER DATABASE "{name}" IS_TEMPLATE true ALLOW_CONNECTIONS false',
    ]
    environment.sql(admin, final, together=True)
    for (old,) in outdated:
        environment.sql(admin, [f'ALTER DATABASE "{old}" IS_TEMPLATE false', f'DROP DATABASE "{old}" WITH (FORCE)'])


def _create_schema(environment: Environment, settings: dict[str, str], database: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".password") as password:
        password.write(secrets.token_urlsafe(24) + "\n")
        password.flush()
        admin = [str(environment.directory / "bin" / "trytond-admin"), "-d", database]
        languages = ["--email", "admin@example.invalid", "-l", *LANGUAGES]
        modules = ["-u", "ir", "res", *MODULES, "--activate-dependencies"]
        run([*admin, *languages, *modules], environ=settings | {"TRYTONPASSFILE": password.name})


def _facts(environment: Environment, postgres_url: str, name: str) -> dict[str, Any] | None:
    """The facts of a finished template; None if there is no such template."""
    query = f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}' AND datistemplate"  # noqa: S608
    rows = environment.sql(_admin(postgres_url), [query])
    if not rows:
        return None
    facts: dict[str, Any] = json.loads(rows[0][0])
    return facts


def _stamp() -> str:
    """What a template depends on: the pins, the data and how they are loaded, and the year its books are about."""
    files = [REQUIREMENTS, INSIDE / "demo_data.py", INSIDE / "demo_plan.toml", *sorted(ADD_ON.glob("*.*"))]
    parts = [*(file.read_text() for file in files), *MODULES, *LANGUAGES]
    parts.append(str(dt.date.today().year))  # noqa: DTZ011
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def tryton_settings(cache_dir: Path, postgres_url: str) -> dict[str, str]:
    """The environment variables that tell Tryton its configuration, its cluster and where to keep files."""
    files = cache_dir / "files"
    files.mkdir(exist_ok=True)
    return {
        "TRYTOND_CONFIG": str(INSIDE / "trytond.conf"),
        "TRYTOND_DATABASE__URI": postgres_url.rpartition("/")[0] + "/",
        "TRYTOND_DATABASE__PATH": str(files),
    }


def _admin(postgres_url: str) -> str:
    """The URL of the cluster's maintenance database."""
    return postgres_url.rpartition("/")[0] + "/postgres"


@contextlib.contextmanager
def _alone(lock: Path, progress: Progress) -> Iterator[None]:
    with lock.open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("Building Tryton: waiting for another build ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def alive(pid: int) -> bool:
    """Whether a process of this id runs, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
