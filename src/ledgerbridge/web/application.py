"""The web face as a whole: every route, every error a problem document, the frame around every request."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI

from ledgerbridge.web import connect, docs, health, hooks, pages, problems, refusals
from ledgerbridge.web.admin import connections, files, invariants, jobs, preview, records, syncs
from ledgerbridge.web.console import sign_in
from ledgerbridge.web.console.admin import routers as operators
from ledgerbridge.web.console.customer import exports, home, versions, warnings
from ledgerbridge.web.console.customer import syncs as customer_syncs
from ledgerbridge.web.console.files import customer as customer_files
from ledgerbridge.web.console.files import operator as operator_files
from ledgerbridge.web.console.operations import routers as operations
from ledgerbridge.web.console.setup import routers as setup
from ledgerbridge.web.middleware import RequestFrame
from ledgerbridge.web.pages import ASSETS

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_DESCRIPTION = (
    "Between Pleo and a company's ERP. Admin routes need `Authorization: Bearer`; errors are "
    "`application/problem+json` (RFC 9457); lists page by `cursor` and `limit`; nothing returns a secret."
)


def build(lifespan: Lifespan | None, *, secure: bool) -> FastAPI:
    """The app with all its routes; the services must be provided before the first request (`web.services.provide`).

    `secure` is whether we live behind HTTPS.
    """
    app = FastAPI(
        title="Ledgerbridge",
        version=version("ledgerbridge"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    refusals.install(app)
    pages.install(app)
    for router in (hooks.router, connect.router, home.front, health.router, docs.router):
        app.include_router(router)
    for router in (connections.router, syncs.router, jobs.router, files.router, preview.router):
        app.include_router(router)
    for router in (records.router, invariants.router):
        app.include_router(router)
    for router in (
        sign_in.router,
        customer_syncs.router,
        home.router,
        exports.router,
        customer_files.router,
        operator_files.router,
        versions.router,
        warnings.router,
        *setup.ROUTERS,
        *operators.ROUTERS,
        *operations.ROUTERS,
    ):
        app.include_router(router)
    app.mount("/assets", ASSETS, name="assets")

    app.add_middleware(RequestFrame, secure=secure, refuse=pages.refuse)
    return app
