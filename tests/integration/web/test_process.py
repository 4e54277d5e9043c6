"""The command as a person runs it: real processes, real signals, one line for a mistake."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.integration.web.conftest import ADMINS, KEY, TOKEN
from tests.support.commands import Process, running, until
from tests.support.ports import free_port


def environment(database_url: str | None = None, **changes: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {
        **plain,
        "PLEO_AUTH_URL": "http://127.0.0.1:1",
        "PLEO_API_URL": "http://127.0.0.1:1",
        "PLEO_CLIENT_ID": "client",
        "PLEO_CLIENT_SECRET": "secret",
        "ENCRYPTION_KEYS": KEY,
        "ADMIN_TOKENS": ADMINS,
        **({"DATABASE_URL": database_url} if database_url else {}),
        **changes,
    }


def run(tmp_path: Path, arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The command to its end. It is a fork: what a start from nothing does is shown by the first test."""
    with running(uuid.uuid4().hex, arguments, variables, tmp_path, fork=True) as process:
        status = process.wait(120)
        return subprocess.CompletedProcess(arguments, status, process.stdout, process.stderr)


@contextmanager
def serving(
    tmp_path: Path, port: int, variables: dict[str, str], *arguments: str, fork: bool = True
) -> Iterator[Process]:
    """A service that answers, or has ended before it did."""
    with running(uuid.uuid4().hex, ["serve", *arguments], {**variables, "PORT": str(port)}, tmp_path, fork=fork) as one:
        for _ in range(1200):
            if not one.running:
                break
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=30)
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield one


def reaches_us(visitor: socket.socket, head: str) -> None:
    """Send the head of a request, without its last blank line, and wait until our side asks for the body."""
    visitor.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
    assert visitor.recv(65536).startswith(b"HTTP/1.1 100")


def events(process: Process) -> list[str]:
    """What the log tells so far; a line that is not written to its end counts for nothing."""
    return [json.loads(line)["event"] for line in process.stderr.splitlines(keepends=True) if line.endswith("\n")]


def until_said(process: Process, event: str) -> None:
    until(event, lambda: event in events(process), pause=0.02)


def test_serving_becomes_ready_and_the_first_signal_drains_and_ends_well(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    with serving(tmp_path, port, environment(database_url), fork=False) as process:
        for _ in range(600):
            ready = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30)
            if ready.status_code == 200:
                break
            time.sleep(0.1)
        assert ready.status_code == 200, ready.text
        process.terminate()
        assert process.wait(30) == 0
        said = events(process)
    assert "listening" in said
    assert said.index("stopping") < said.index("draining")


def test_a_request_under_way_is_answered_before_the_process_ends(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    with serving(tmp_path, port, environment(database_url), "--no-worker") as process:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as slow:
            head = f"PUT /admin/api/connections/{uuid.uuid4()}/config HTTP/1.1\r\nHost: x\r\n"
            head += f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            reaches_us(slow, head)
            slow.sendall(b"{")
            process.terminate()
            until_said(process, "stopping")
            slow.sendall(b"}")
            assert slow.recv(65536).startswith(b"HTTP/1.1 422")
        assert process.wait(30) == 0


def test_a_second_signal_ends_at_once(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    with (
        serving(tmp_path, port, environment(database_url), "--no-worker") as process,
        socket.create_connection(("127.0.0.1", port), timeout=60) as stuck,
    ):
        head = f"POST /admin/api/connections HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        reaches_us(stuck, f"{head}Content-Type: application/json\r\nContent-Length: 50\r\n")
        stuck.sendall(b"{")
        process.terminate()
        until_said(process, "stopping")
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM, "drained, although told to end"


def test_the_worker_alone_drains_too(tmp_path: Path, database_url: str) -> None:
    with running("worker", ["worker"], environment(database_url), tmp_path, fork=True) as process:
        until_said(process, "working")
        process.terminate()
        assert process.wait(30) == 0


def test_a_port_in_use_is_one_line(tmp_path: Path, database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run(tmp_path, ["serve", "--port", str(taken.getsockname()[1])], environment(database_url))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Cannot listen" in done.stderr


def test_the_doctor_names_settings_that_cannot_be_read(tmp_path: Path) -> None:
    told = run(
        tmp_path, ["doctor", "--json"], environment("postgresql://127.0.0.1:1/none", PORT="http", LOG_LEVEL="LOUD")
    )
    assert told.returncode == 1
    assert {one["check"] for one in json.loads(told.stdout)["findings"]} == {"PORT", "LOG_LEVEL"}


def test_the_doctor_passes_a_sound_set_and_exits_1_on_a_faulty_one(tmp_path: Path, database_url: str) -> None:
    well = run(tmp_path, ["doctor"], environment(database_url))
    assert well.returncode == 0, well.stdout
    assert "0 errors" in well.stdout
    ill = run(tmp_path, ["doctor", "--json"], environment(database_url, ENCRYPTION_KEYS="", PLEO_CLIENT_ID=""))
    assert ill.returncode == 1
    errors = [one["check"] for one in json.loads(ill.stdout)["findings"] if one["level"] == "error"]
    assert errors == ["PLEO_CLIENT_ID", "ENCRYPTION_KEYS"]


def test_without_a_database_url_the_embedded_one_is_used(tmp_path: Path) -> None:
    variables = environment(LEDGERBRIDGE_DATA_DIR=str(tmp_path / "data"))
    assert run(tmp_path, ["migrate"], variables).returncode == 0
    port = free_port()
    with serving(tmp_path, port, variables) as process:
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200
        process.terminate()
        assert process.wait(60) == 0


def test_the_sandbox_command_passes_its_arguments_on(tmp_path: Path) -> None:
    done = run(tmp_path, ["sandbox", "--help"], environment())
    assert done.returncode == 0
    assert "sandbox" in done.stdout.lower()
    assert "--port" in done.stdout
