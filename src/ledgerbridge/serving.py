"""Running until told to stop: the first SIGTERM or Ctrl-C drains and ends with status 0, the second ends at once."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from ledgerbridge.app import StartRefused, app_of, running
from ledgerbridge.ops.hardening import harden
from ledgerbridge.ops.logging import get_logger
from ledgerbridge.settings import Settings
from ledgerbridge.web.middleware import MAX_HEAD
from ledgerbridge.web.protocol import PromptProtocol

REQUEST_SECONDS = 15
"""What requests under way get to finish."""
MAX_CONNECTIONS = 512
"""At once; further ones are answered 503, before files and memory run out and the work beside the web with them."""
_YOUNG = 10_000
"""New objects between two looks for garbage; a request under way holds some hundreds."""
_log = get_logger(__name__)


async def serve(settings: Settings, host: str, port: int, *, worker: bool) -> None:
    """Answer HTTP, and work the queue unless told not to, until a signal. Raises `StartRefused`."""
    harden()
    asked = _signals()
    with _bind(host, port) as listening:
        async with running(settings, worker=worker) as services:
            server = _Server(web_config(app_of(services), settings))
            _keep_what_was_made()
            stopper = asyncio.create_task(_stop_when(asked, server, services.stopping))
            shown = listening.getsockname()
            _log.info("listening", host=shown[0], port=shown[1], url=settings.public_url, worker=worker)
            await server.serve(sockets=[listening])
            stopper.cancel()


def web_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How HTTP is spoken: one strict parser, bounds on what a connection may cost, a proxy believed only if named."""
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        http=PromptProtocol,
        ws="none",
        h11_max_incomplete_event_size=MAX_HEAD,
        limit_concurrency=MAX_CONNECTIONS,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=REQUEST_SECONDS,
    )


async def work(settings: Settings) -> None:
    """Work the queue until a signal. Raises `StartRefused`."""
    harden()
    asked = _signals()
    async with running(settings, worker=True):
        _keep_what_was_made()
        _log.info("working")
        await asked.wait()


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which would end a drained process with the signal's status."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop_when(asked: asyncio.Event, server: uvicorn.Server, stopping: asyncio.Event) -> None:
    await asked.wait()
    stopping.set()
    server.should_exit = True


def _keep_what_was_made() -> None:
    """Spare the garbage collector what a start has made, half a million objects that stay until the end.

    It would look through all of them again and again, which takes a tenth of the time a delivery needs.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG)


def _signals() -> asyncio.Event:
    """Set by the first signal; the second ends the process where it stands. In force until the process ends."""
    asked = asyncio.Event()

    def handle(number: int) -> None:
        if asked.is_set():
            os._exit(128 + number)
        _log.info("stopping", signal=signal.Signals(number).name)
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handle, number)
    return asked


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartRefused(f"HOST {host!r} cannot be used: {error.strerror or error}.") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise StartRefused(f"Cannot listen on {host}:{port}: {error.strerror or error}. Set HOST or PORT.") from None
    bound.setblocking(False)
    return bound
