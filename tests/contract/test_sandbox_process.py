"""The sandbox over real sockets: as a process of its own, and in a thread for tests."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import httpx
import pytest

from pleo_sandbox.config import DEMO_COMPANY_ID, SandboxConfig
from pleo_sandbox.server import running


@pytest.fixture(scope="module")
def url():
    with running(SandboxConfig()) as served:
        yield served.url


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False, timeout=10)


def test_a_process_says_where_it_listens_and_ends_when_told():
    command = [sys.executable, "-m", "pleo_sandbox", "--port", "0", "--initiation-uri", "http://127.0.0.1:9/connect"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline().strip()
        assert line.startswith("pleo sandbox on http://127.0.0.1:")
        with _client(line.rsplit(" ", 1)[1]) as client:
            assert len(client.get("/sandbox/companies").json()) == 3
            assert client.get("/sandbox/clients").json()[0]["initiation_uri"] == "http://127.0.0.1:9/connect"
        process.send_signal(signal.SIGTERM)
        process.wait(15)
    finally:
        process.kill()
        process.wait(15)
    assert process.stdout.read() == ""


def test_a_dropped_reply_closes_the_connection_without_a_byte(url: str):
    with _client(url) as client:
        client.post("/sandbox/faults", json={"kind": "drop", "path": "/v1/introspect"})
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.get("/v1/introspect")
        assert client.get("/v1/introspect").status_code == 401


def test_a_cut_reply_ends_in_the_middle(url: str):
    with _client(url) as client:
        client.post("/sandbox/faults", json={"kind": "truncate", "path": "/v1/introspect"})
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            client.get("/v1/introspect")


def test_a_drop_after_the_effect_over_the_wire(url: str):
    with _client(url) as client:
        key = client.post("/sandbox/api-keys", json={"company_id": DEMO_COMPANY_ID}).json()["key"]
        client.post("/sandbox/faults", json={"kind": "drop", "method": "POST", "path": "/v1/installations/me"})
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/v1/installations/me", json={}, auth=(key, ""))
        assert client.get("/v1/installations/me", auth=(key, "")).json()["status"] == "AUTHORIZED"


def test_webhooks_travel_over_the_wire(url: str):
    with running(SandboxConfig()) as receiver, _client(url) as client:
        key = client.post("/sandbox/api-keys", json={"company_id": DEMO_COMPANY_ID}).json()["key"]
        wish = {"endpointUrl": f"{receiver.url}/v1/hook", "eventTypes": ["v1.export-job.created"]}
        assert client.post("/v1/subscriptions", json=wish, auth=(key, "")).status_code == 200
        client.post("/sandbox/exports", json={"company_id": DEMO_COMPANY_ID})
        for _ in range(100):
            (delivery,) = client.get("/sandbox/deliveries").json()
            if delivery["attempts"]:
                break
            time.sleep(0.05)
        assert delivery["attempts"][0]["status"] == 404
        (got,) = receiver.sandbox.world.recorder.requests
        assert dict(got.headers)["webhook-id"] == delivery["id"]
        assert got.body == delivery["body"]


def test_a_taken_port_is_an_error(url: str):
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(RuntimeError, match="did not start"), running(port=port):
        pass
