"""Puts the sandbox together: one application, one world, one dispatcher."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.config import SandboxConfig
from pleo_sandbox.core.problems import Refusal
from pleo_sandbox.core.world import World
from pleo_sandbox.delivery import Dispatcher
from pleo_sandbox.web import (
    accounts,
    bookkeeper,
    companies,
    control,
    control_faults,
    control_lists,
    control_oauth,
    export,
    files,
    lists_page,
    oauth,
    platform,
    tag_groups,
    tags,
    tax_codes,
    vendors,
)
from pleo_sandbox.web.answers import refusal
from pleo_sandbox.web.edge import Edge, Receive, Scope, Send


class Sandbox:
    """The sandbox as an ASGI application. ``world`` is its state, ``dispatcher`` sends its webhooks."""

    def __init__(self, config: SandboxConfig, webhook_transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.config = config
        self.world = World(config)
        self.dispatcher = Dispatcher(self.world, webhook_transport)
        self.edge = Edge(_application(self.world, self.dispatcher), self.world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serves one ASGI event."""
        return await self.edge(scope, receive, send)


def create_app(
    config: SandboxConfig | None = None, *, webhook_transport: httpx.AsyncBaseTransport | None = None
) -> Sandbox:
    """A sandbox to be used in process through ``httpx.ASGITransport``, or served by :mod:`pleo_sandbox.server`.

    ``webhook_transport`` takes the place of the network for webhook deliveries.
    """
    return Sandbox(config or SandboxConfig(), webhook_transport)


def _application(world: World, dispatcher: Dispatcher) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await dispatcher.stop()

    app = FastAPI(
        title="Pleo sandbox: control API",
        docs_url="/sandbox/docs",
        openapi_url="/sandbox/openapi.json",
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.world = world
    app.state.dispatcher = dispatcher
    for pleo in (oauth, platform, companies, export, tag_groups, tags, accounts, tax_codes, vendors, files):
        app.include_router(pleo.router)
    for ours in (control, control_oauth, control_faults, control_lists, bookkeeper, lists_page):
        app.include_router(ours.router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _http_problem)
    return app


async def _refused(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Refusal)  # noqa: S101
    return refusal(problem)


async def _http_problem(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)  # noqa: S101
    names = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
    return refusal(Refusal(problem.status_code, names.get(problem.status_code, "ERROR"), str(problem.detail)))
