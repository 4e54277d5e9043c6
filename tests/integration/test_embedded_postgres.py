"""The embedded PostgreSQL under everything that happens to it on a real machine."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from ledgerbridge.store import postmaster
from ledgerbridge.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, embedded_postgres

FAST = {"fsync": "off", "synchronous_commit": "off"}

USER = """
import itertools
import sys
from pathlib import Path
import psycopg
from ledgerbridge.store.embedded import embedded_postgres
use = embedded_postgres(Path(sys.argv[1]))
for order in itertools.chain(["ask"], sys.stdin):
    if order.strip() == "stop":
        use.stop()
        break
    with psycopg.connect(use.url()) as connection:
        print(connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()[0], flush=True)
"""


class OtherProcess:
    """Another process that uses the cluster; `.ask()` makes it run a query and tell which server answered."""

    def __init__(self, data_dir: Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, "-c", USER, str(data_dir)], stdin=pipe, stdout=pipe, text=True)

    def told(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, "the other process got no answer from the server"
        return line

    def ask(self, order: str = "ask") -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return self.told()

    def stop(self) -> None:
        self.process.communicate("stop\n", timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with embedded_postgres(tmp_path_factory.mktemp("shared"), FAST) as cluster:
        yield cluster


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Callable[[], OtherProcess]]:
    processes: list[OtherProcess] = []

    def start() -> OtherProcess:
        processes.append(OtherProcess(tmp_path))
        return processes[-1]

    yield start
    for each in processes:
        each.kill()


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def children_of(pid: int) -> list[str]:
    """Nobody, where there is no /proc."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return listed.read_text().split() if listed.exists() else []


def until_stopped(data_dir: Path) -> bool:
    deadline = time.monotonic() + 60
    while postmaster.find(data_dir / "postgres") is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    return postmaster.find(data_dir / "postgres") is None


def test_one_url_serves_libpq_and_sqlalchemy(shared: EmbeddedPostgres) -> None:
    assert query(shared.url(), "SELECT 6 * 7") == 42
    engine = sqlalchemy.create_engine(shared.url().replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SHOW server_encoding").scalar_one() == "UTF8"
        assert connection.exec_driver_sql("SHOW listen_addresses").scalar_one() == "127.0.0.1"
    engine.dispose()


def test_nobody_gets_in_without_the_password(shared: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(shared.url().replace(shared.password, "guess"))
    assert (shared.data_dir / "postgres").stat().st_mode & 0o077 == 0


def test_creating_a_database_twice_makes_one(shared: EmbeddedPostgres) -> None:
    assert shared.create_database("once") is True
    query(shared.url("once"), "CREATE TABLE kept (id int)")
    assert shared.create_database("once") is False
    assert query(shared.url("once"), "SELECT count(*) FROM kept") == 0


def test_a_copy_of_a_template_is_a_database_of_its_own(shared: EmbeddedPostgres) -> None:
    shared.create_database("pattern")
    query(shared.url("pattern"), "CREATE TABLE coins AS SELECT 5 AS cents")
    shared.create_database("copy", template="pattern")
    query(shared.url("copy"), "UPDATE coins SET cents = 7")
    assert query(shared.url("pattern"), "SELECT cents FROM coins") == 5


def test_dropping_ends_the_sessions_in_the_way(shared: EmbeddedPostgres) -> None:
    shared.create_database("doomed")
    with psycopg.connect(shared.url("doomed")):
        shared.drop_database("doomed")
    shared.drop_database("doomed")
    assert query(shared.url(), "SELECT count(*) FROM pg_database WHERE datname = 'doomed'") == 0


@pytest.mark.long
def test_data_survive_a_clean_stop_and_a_second_start(tmp_path: Path) -> None:
    with embedded_postgres(tmp_path) as first:
        first.create_database("books")
    assert postmaster.find(tmp_path / "postgres") is None
    with embedded_postgres(tmp_path) as second:
        assert second.create_database("books") is False
        assert query(second.url("books"), "SHOW fsync") == "on"
    second.stop()


def test_processes_starting_at_once_share_one_server(tmp_path: Path, other: Callable[[], OtherProcess]) -> None:
    assert len({each.told() for each in [other() for _ in range(4)]}) == 1


def test_the_last_user_stops_the_server(tmp_path: Path, other: Callable[[], OtherProcess]) -> None:
    one, two = other(), other()
    server = one.told()
    two.told()
    one.stop()
    assert two.ask() == server
    two.stop()
    assert postmaster.find(tmp_path / "postgres") is None


@pytest.mark.long
def test_a_killed_user_neither_disturbs_the_others_nor_keeps_the_server_alive(
    tmp_path: Path, other: Callable[[], OtherProcess]
) -> None:
    victim, survivor = other(), other()
    server = victim.told()
    survivor.told()
    victim.kill()
    assert survivor.ask() == server
    survivor.kill()
    assert until_stopped(tmp_path), "the server outlived its last user"
    with embedded_postgres(tmp_path) as cluster:
        assert query(cluster.url(), "SELECT 1") == 1


@pytest.mark.long
def test_after_a_power_loss_committed_data_are_there_and_a_stale_pid_file_is_no_obstacle(tmp_path: Path) -> None:
    cluster = embedded_postgres(tmp_path)
    query(cluster.url(), "CREATE TABLE posted AS SELECT 1 AS id")
    server = postmaster.find(tmp_path / "postgres")
    assert server is not None
    pid_file = tmp_path / "postgres" / "postmaster.pid"
    left_behind = pid_file.read_text().splitlines()
    children = children_of(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    assert until_stopped(tmp_path)
    left_behind[0] = str(os.getpid())  # after a restart the number belongs to somebody else
    pid_file.write_text("\n".join(left_behind) + "\n")
    cluster.stop()
    deadline = time.monotonic() + 60  # its children notice, and leave the shared memory
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    with embedded_postgres(tmp_path) as again:
        assert query(again.url(), "SELECT id FROM posted") == 1


@pytest.mark.long
def test_a_server_that_died_under_its_users_is_started_by_the_next(
    tmp_path: Path, other: Callable[[], OtherProcess]
) -> None:
    first = other().told()
    server = postmaster.find(tmp_path / "postgres")
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    assert until_stopped(tmp_path)
    assert other().told() != first


@pytest.mark.long
def test_a_long_path_is_fine(tmp_path: Path) -> None:
    deep = tmp_path / ("quite long and with blanks " * 6) / ("d" * 100)
    with embedded_postgres(deep, FAST) as cluster:
        assert query(cluster.url(), "SELECT 1") == 1


@pytest.mark.long
def test_an_interrupted_creation_is_done_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    (tmp_path / "password.new").write_text("half")
    with embedded_postgres(tmp_path, FAST) as cluster:
        assert query(cluster.url(), "SELECT 1") == 1
    assert not half.exists()


def test_data_of_another_major_version_are_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 12.*Dump the data"):
        embedded_postgres(tmp_path)
    assert (tmp_path / "postgres" / "PG_VERSION").read_text() == "12\n"


def test_a_server_that_cannot_start_shows_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        embedded_postgres(tmp_path, {"shared_buffers": "a lot"})
    with embedded_postgres(tmp_path) as cluster:
        assert query(cluster.url(), "SELECT 1") == 1


def test_without_the_extra_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedPostgresError, match=r"set DATABASE_URL .* install ledgerbridge\[embedded\]"):
        embedded_postgres(tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test of this file already runs as an ordinary user")
def test_an_ordinary_user_can_run_it_and_is_told_when_the_data_are_somebody_elses(tmp_path: Path) -> None:
    nobody = 65534
    for directory in [tmp_path, *tmp_path.parents]:
        if directory.stat().st_mode & 0o001 == 0:
            directory.chmod(directory.stat().st_mode | 0o011)
    mine, roots = tmp_path / "mine", tmp_path / "roots"
    mine.mkdir()
    os.chown(mine, nobody, nobody)
    embedded_postgres(roots, FAST).stop()

    def run(data_dir: Path) -> "subprocess.CompletedProcess[str]":
        program = [sys.executable, "-c", USER, str(data_dir)]
        return subprocess.run(
            program, input="stop\n", capture_output=True, text=True, user=nobody, group=nobody, extra_groups=[], cwd="/"
        )

    try:
        done = run(mine)
    except PermissionError:
        pytest.skip("an ordinary user cannot run this Python here")
    assert done.returncode == 0, done.stderr
    refused = run(roots)
    assert refused.returncode != 0
    assert "permission denied. Run as the user who created it" in refused.stderr
