"""Real processes with canaries for secrets: what they print while they work, refuse to start, and crash."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.canaries import MARK, canary, canary_key
from tests.support.commands import Process, until
from tests.support.ports import free_port
from tests.support.site import until_answering

pytestmark = pytest.mark.rule("AUTH-045")
TOKEN = canary("admin token of a process")


def _environment(database_url: str, **more: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "PLEO_AUTH_URL": "http://127.0.0.1:9",
        "PLEO_API_URL": "http://127.0.0.1:9",
        "PLEO_CLIENT_ID": "a-client",
        "PLEO_CLIENT_SECRET": canary("client secret of a process"),
        "ENCRYPTION_KEYS": f"{canary_key()},{canary_key('older key')}",
        "ADMIN_TOKENS": f"ada:{hashlib.sha256(TOKEN.encode()).hexdigest()}",
        **more,
    }


def _said(process: Process) -> str:
    return process.stdout + process.stderr


SETTINGS: dict[str, tuple[str, dict[str, str]]] = {
    "well": ("doctor", {}),
    "key": ("doctor", {"ENCRYPTION_KEYS": canary("no key at all")}),
    "number": ("doctor", {"PLEO_REQUESTS_PER_MINUTE": canary("in the wrong place")}),
    "token": ("serve", {"ADMIN_TOKENS": f"ada:{canary('no digest')}"}),
    "unreachable": ("serve", {"DATABASE_URL": f"postgresql://user:{canary('password')}@127.0.0.1:9/none"}),
    "libpq": ("serve", {"DATABASE_URL": f"host=127.0.0.1 password={canary('password')}"}),
    "url": ("serve", {"PUBLIC_URL": f"https://user:{canary('password')}@bridge.example"}),
}
REQUESTS = """
import sys, httpx
url, token = sys.argv[1:]
bearer = {'Authorization': f'Bearer {token}'}
with httpx.Client(base_url=url, trust_env=False, timeout=60) as c:
    c.get('/connect'); c.get('/admin/api/connections', headers=bearer)
    c.get(f'/admin/api/connections?token={token}', headers=bearer)
    c.post(f'/webhooks/pleo/{token}', json={'secret': token})
    c.post('/admin/api/connections', json={'api_key': token}, headers=bearer)
    c.get(f'/oauth/callback?state={token}&code={token}'); c.get('/metrics')
"""


@pytest.mark.parametrize("name", SETTINGS)
def test_what_is_wrong_with_a_setting_is_told_without_its_value(name: str, database_url: str, tmp_path: Path) -> None:
    command, changes = SETTINGS[name]
    from_nothing = name == "well"  # the others are forks of one that has imported everything
    process = Process(command, [command], _environment(database_url) | changes, tmp_path, fork=not from_nothing)
    process.wait(120)
    assert _said(process).strip()
    assert MARK not in _said(process)


@pytest.mark.long
@pytest.mark.parametrize("log_format", ["console", pytest.param("json", marks=pytest.mark.long)])
def test_a_process_that_logs_everything_and_crashes_tells_no_secret(
    log_format: str, database_url: str, tmp_path: Path
) -> None:
    """At DEBUG every library talks; SIGABRT makes Python's fault handler write what every thread was doing."""
    port = free_port()
    environment = _environment(
        database_url, LOG_LEVEL="DEBUG", LOG_FORMAT=log_format, PYTHONFAULTHANDLER="1", PORT=str(port)
    )
    process = Process("serve", ["serve"], environment, tmp_path)
    try:
        until_answering(process, f"http://127.0.0.1:{port}/healthz")
        asked = [sys.executable, "-c", REQUESTS, f"http://127.0.0.1:{port}", TOKEN]
        subprocess.run(asked, check=True, timeout=120)
        until("the requests in the log", lambda: "/metrics" in process.stderr)
        os.kill(process.pid, signal.SIGABRT)
        process.wait(60)
    finally:
        process.end()
    assert "Fatal Python error: Aborted" in process.stderr
    assert MARK not in _said(process)
