"""Serves a sandbox over loopback: in the foreground for people, in a thread for tests."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx
import uvicorn

from pleo_sandbox.app import Sandbox, create_app
from pleo_sandbox.config import SandboxConfig

_START_SECONDS = 20


@dataclass(frozen=True)
class Running:
    """A served sandbox: its base URL, serving as authorisation and resource server, and the sandbox itself.

    Tests change its state through the control API; reading ``sandbox.world`` directly is fine.
    """

    url: str
    sandbox: Sandbox


class _Server(uvicorn.Server):
    """Tells when it listens, and where."""

    def __init__(self, config: uvicorn.Config, announce: bool) -> None:
        super().__init__(config)
        self._announce = announce
        self.url = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            if self._announce:
                print(f"pleo sandbox on {self.url}", flush=True)


class _QuietDrops(logging.Filter):
    """Keeps uvicorn from reporting the answers that were dropped or cut on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(
            ("ASGI callable should return None", "ASGI callable returned without")
        )


_QUIET_DROPS = _QuietDrops()


def _server(sandbox: Sandbox, host: str, port: int, *, announce: bool) -> _Server:
    sandbox.edge.served = True
    logging.getLogger("uvicorn.error").addFilter(_QUIET_DROPS)
    config = uvicorn.Config(sandbox, host=host, port=port, log_level="warning", access_log=False, http="h11", ws="none")
    return _Server(config, announce)


def serve(config: SandboxConfig, host: str, port: int) -> None:
    """Serves until interrupted; prints one line with the URL when ready. Port 0 takes a free one."""
    with suppress(KeyboardInterrupt):
        _server(create_app(config), host, port, announce=True).run()


@contextmanager
def running(
    config: SandboxConfig | None = None,
    *,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[Running]:
    """A sandbox in a thread for the length of a ``with`` block, on a free port unless one is asked for."""
    sandbox = create_app(config, webhook_transport=webhook_transport)
    server = _server(sandbox, host, port, announce=False)
    thread = threading.Thread(target=_run_quietly, args=(server,), name="pleo-sandbox", daemon=True)
    thread.start()
    _wait_for(server, thread)
    try:
        yield Running(server.url, sandbox)
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)


def _run_quietly(server: _Server) -> None:
    # uvicorn leaves through sys.exit when it cannot bind; the caller notices that the thread has ended.
    with suppress(SystemExit):
        server.run()


def _wait_for(server: _Server, thread: threading.Thread) -> None:
    for _ in range(_START_SECONDS * 100):
        if server.url:
            return
        thread.join(0.01)
        if not thread.is_alive():
            break
    server.should_exit = True
    raise RuntimeError("the sandbox did not start")
