"""What a process that holds secrets leaves behind when it dies: no core, no values, no file that others can read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.web.test_process import environment, serving
from tests.support.commands import LEDGERBRIDGE
from tests.support.ports import free_port

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CRASHING = """
import ctypes, pathlib, resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
from ledgerbridge.ops.hardening import harden
harden()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
pathlib.Path("made").write_text("x")
def refresh(token):
    ctypes.string_at(1)
refresh("a-refresh-token")
"""


@ON_LINUX
def test_a_crash_leaves_its_place_and_no_value(tmp_path: Path) -> None:
    died = subprocess.run([sys.executable, "-c", CRASHING], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert died.returncode < 0
    assert died.stdout == "(0, 0) 0\n", "no core by size, and none by PR_GET_DUMPABLE"
    assert "Segmentation fault" in died.stderr
    assert "in refresh" in died.stderr
    assert "a-refresh-token" not in died.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["made"]
    assert (tmp_path / "made").stat().st_mode & 0o077 == 0


def limits_of(pid: int) -> tuple[str, str]:
    (core,) = (one for one in Path(f"/proc/{pid}/limits").read_text().splitlines() if one.startswith("Max core"))
    (umask,) = (one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("Umask"))
    return " ".join(core.split()[4:6]), umask.split()[1]


@ON_LINUX
def test_serve_is_hardened_before_it_answers(tmp_path: Path, database_url: str) -> None:
    port = free_port()
    with serving(tmp_path, port, environment(database_url), "--no-worker", fork=False) as process:
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=10).status_code == 200
        assert limits_of(process.pid) == ("0 0", "0077")


@ON_LINUX
def test_a_worker_is_hardened_too(tmp_path: Path, database_url: str) -> None:
    with subprocess.Popen(
        [LEDGERBRIDGE, "worker"], env=environment(database_url), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "event" in process.stderr.readline()
        assert limits_of(process.pid) == ("0 0", "0077")
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == os.EX_OK
