"""What routes work with; made once a process by the composition root."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from ledgerbridge.connections.context import Connections
from ledgerbridge.exports.context import ExportContext
from ledgerbridge.ops.calls import Tally
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.ops.openid_sign_in import Door
from ledgerbridge.ops.readiness import Check
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.web.admin.paging import Cursors
from ledgerbridge.web.gathering import Gathering
from ledgerbridge.web.limiting import Limiter
from ledgerbridge.web.mailboxes import Mailboxes
from ledgerbridge.web.shared import Shared
from ledgerbridge.work.crier import Crier
from ledgerbridge.work.queue import Queue


@dataclass(frozen=True, slots=True)
class Services:
    """The rooms behind the routes."""

    settings: Settings
    db: Database
    queue: Queue
    connections: Connections
    exports: ExportContext
    syncs: Syncs
    metrics: Metrics
    tally: Tally
    cursors: Cursors
    limiter: Limiter
    mailboxes: Mailboxes = field(default_factory=Mailboxes)
    openid: Door | None = None
    """None where administrators sign in with tokens only."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process is told to stop: streams end, so that nobody waits for them."""
    readiness: Shared[list[Check]] = field(default_factory=Shared)
    scrape: Shared[bytes] = field(default_factory=Shared)
    crier: Crier = field(init=False)
    gathering: Gathering = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "crier", Crier(self.db))
        object.__setattr__(self, "gathering", Gathering(self.db))


def provide(app: FastAPI, services: Services) -> None:
    """Let the app's routes find the services."""
    app.state.services = services


def services_of(request: Request) -> Services:
    """The services of the app that answers this request."""
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 - set by the lifespan before the first request
    return services


async def _provided(request: Request) -> Services:
    """Not `services_of` itself: what is no coroutine, FastAPI asks for in a thread, for every request."""
    return services_of(request)


Provided = Annotated[Services, Depends(_provided)]
"""The services, as a route's parameter."""
