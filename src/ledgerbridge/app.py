"""The composition root: the only place that knows every room.

`running` opens everything a process needs, in order, and closes it in reverse; `create_app` is the same as an ASGI
application for any server. Refuses to start on what it cannot work with, in one sentence (`StartRefused`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ledgerbridge.connections import credentials
from ledgerbridge.connections.context import Budgets, Connections
from ledgerbridge.erp.adapter import Adapter
from ledgerbridge.erp.registry import adapters
from ledgerbridge.exports import polls
from ledgerbridge.exports.context import ExportContext, Observer
from ledgerbridge.exports.enqueue import enqueue_look
from ledgerbridge.ops import calls, rounds
from ledgerbridge.ops.doctor_database import other_environments
from ledgerbridge.ops.logging import configure, get_logger
from ledgerbridge.ops.metrics import Metrics
from ledgerbridge.ops.openid import Provider, provider_client
from ledgerbridge.ops.openid_sign_in import Door
from ledgerbridge.outgoing.clients import operators_client
from ledgerbridge.pleo.downloads import Downloader, files_client
from ledgerbridge.pleo.endpoints import EndpointsRefused, PleoEndpoints
from ledgerbridge.pleo.transport import Observation
from ledgerbridge.settings import Settings
from ledgerbridge.store import schema
from ledgerbridge.store.embedded import EmbeddedPostgres, EmbeddedPostgresError, embedded_postgres
from ledgerbridge.store.engine import Database, DatabaseUrlError
from ledgerbridge.store.tables import CalledSystem
from ledgerbridge.store.vault import Vault
from ledgerbridge.syncs.context import Observer as SyncObserver
from ledgerbridge.syncs.context import Syncs
from ledgerbridge.syncs.enqueue import enqueue_first
from ledgerbridge.syncs.vendors.runs import ready
from ledgerbridge.web import application
from ledgerbridge.web.admin.paging import Cursors
from ledgerbridge.web.limiting import Limiter
from ledgerbridge.web.services import Services, provide
from ledgerbridge.work.queue import Queue

EMBEDDED_DATABASE = "ledgerbridge"
_log = get_logger(__name__)


class StartRefused(Exception):
    """The process cannot work like this; the text says what to fix."""


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """The URL of the database: the configured one, or that of the embedded server, held while in use.

    Raises `StartRefused`.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    try:
        server = await asyncio.to_thread(_embedded, settings)
    except EmbeddedPostgresError as error:
        raise StartRefused(str(error)) from None
    try:
        yield server.url(EMBEDDED_DATABASE)
    finally:
        await asyncio.to_thread(server.stop)


def _embedded(settings: Settings) -> EmbeddedPostgres:
    server = embedded_postgres(settings.ledgerbridge_data_dir)
    try:
        server.create_database(EMBEDDED_DATABASE)
    except BaseException:
        server.stop()
        raise
    return server


@asynccontextmanager
async def running(
    settings: Settings, *, worker: bool = True, erps: Mapping[str, Adapter] | None = None
) -> AsyncIterator[Services]:
    """Everything a process works with, and the worker when it has one; drained and closed at the end.

    `erps` takes the place of the kinds of ERP there are, in tests.

    Raises `StartRefused` when a setting, the database or its schema does not fit.
    """
    endpoints, vault = _checked(settings)
    if erps is None:
        erps = adapters(settings.erp_reach(local=endpoints.local))
        for one in erps.left_out.values():
            _log.error("ALERT: an ERP adapter is left out", erp=one.kind, packages=one.packages, reason=one.reason)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(database(settings))
        services = await _services(settings, url, endpoints, vault, erps, stack)
        await _refuse_older_schema(services.db, url)
        await _refuse_other_environment(services)
        await stack.enter_async_context(calls.storing(services.tally, services.db))
        if worker:
            await stack.enter_async_context(_worker(services))
        yield services


def create_app(settings: Settings, *, worker: bool = True) -> FastAPI:
    """The service as an ASGI application; it opens and closes everything in its lifespan, and sets up logging."""
    configure(settings.log_level, settings.log_format)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, worker=worker) as services:
            provide(app, services)
            yield

    return application.build(lifespan, secure=settings.public_url.startswith("https://"))


def app_of(services: Services) -> FastAPI:
    """An application on services that are running already, for a caller that manages their life."""
    app = application.build(None, secure=services.settings.public_url.startswith("https://"))
    provide(app, services)
    return app


def _checked(settings: Settings) -> tuple[PleoEndpoints, Vault]:
    """What can be refused without touching anything."""
    try:
        endpoints = PleoEndpoints(settings.pleo_auth_url, settings.pleo_api_url).checked()
        vault = Vault(settings.keys)
        settings.admins  # noqa: B018 - read once here, so that a bad entry stops the start and not a request
    except (EndpointsRefused, ValueError) as error:
        raise StartRefused(f"{error} `ledgerbridge doctor` says what to do.") from None
    return endpoints, vault


async def _services(
    settings: Settings,
    url: str,
    endpoints: PleoEndpoints,
    vault: Vault,
    erps: Mapping[str, Adapter],
    stack: AsyncExitStack,
) -> Services:
    metrics, tally = Metrics(), calls.Tally()
    try:
        db = Database(url)
        queue = Queue(url, rescue_seconds=settings.rescue_seconds)
    except DatabaseUrlError as error:
        raise StartRefused(str(error)) from None
    stack.push_async_callback(db.close)
    pleo_http = await stack.enter_async_context(operators_client())
    files_http = await stack.enter_async_context(files_client(local_allowed=endpoints.local))
    openid: Door | None = None
    if settings.oidc_configured:
        provider_http = await stack.enter_async_context(provider_client(settings))
        openid = Door(settings, db, vault, Provider(settings, provider_http))

    async def look_again(session: AsyncSession, connection_id: uuid.UUID) -> None:
        await enqueue_look(session, queue, connection_id, "recovery")

    async def first_syncs(session: AsyncSession, connection_id: uuid.UUID) -> None:
        await enqueue_first(session, queue, connection_id)

    def observe(seen: Observation) -> None:
        metrics.call("pleo", seen.operation, str(seen.status or seen.fault or "no_answer"), seen.seconds)
        tally.call(CalledSystem.PLEO, seen.status, seen.seconds)

    def observe_erp(operation: str, outcome: str, seconds: float) -> None:
        metrics.call("erp", operation, outcome, seconds)
        tally.call(CalledSystem.ERP, outcome, seconds)

    connections = Connections(
        settings=settings,
        db=db,
        vault=vault,
        http=pleo_http,
        endpoints=endpoints,
        budgets=Budgets(db, endpoints.environment, settings.pleo_requests_per_minute, metrics.budget_wait),
        enqueue_look=look_again,
        first_syncs=first_syncs,
        erps=erps,
        observe=observe,
        observe_erp=observe_erp,
        count_refresh=metrics.refresh,
    )
    stack.push_async_callback(credentials.drain, connections)
    worker = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    syncs = Syncs(
        db=db,
        queue=queue,
        connections=connections,
        worker=worker,
        lease_seconds=settings.rescue_seconds / 2,
        observer=SyncObserver(run=metrics.sync_run, record=metrics.sync_records),
    )

    async def bring_vendors(connection_id: uuid.UUID, pleo_vendor_ids: Sequence[str]) -> None:
        await ready(syncs, connection_id, pleo_vendor_ids)

    exports = ExportContext(
        db=db,
        queue=queue,
        connections=connections,
        downloads=Downloader(files_http, local_allowed=endpoints.local),
        lease_seconds=settings.rescue_seconds / 2,
        worker=worker,
        bring_vendors=bring_vendors,
        observer=Observer(item=metrics.item, job=metrics.job, unannounced=metrics.unannounced),
    )
    rounds.teach(
        queue,
        exports,
        syncs,
        polls=polls.Rhythm(
            settings.export_poll_seconds,
            settings.export_poll_longest_seconds,
            settings.pleo_requests_per_minute * polls.SHARE,
        ),
        vendor_poll_seconds=settings.vendor_poll_seconds,
        removed=metrics.removed,
    )
    return Services(
        settings=settings,
        db=db,
        queue=queue,
        connections=connections,
        exports=exports,
        syncs=syncs,
        metrics=metrics,
        tally=tally,
        cursors=Cursors(settings.keys),
        limiter=Limiter(metrics.limited),
        openid=openid,
    )


async def _refuse_older_schema(db: Database, url: str) -> None:
    try:
        if await schema.is_current(db):
            return
        found = await asyncio.to_thread(schema.current_revision, url)
    except (SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()
        raise StartRefused(
            f"The database cannot be reached ({reason[0] if reason else type(error).__name__}). Check DATABASE_URL."
        ) from None
    if found is None:
        raise StartRefused("The database is empty. Run `ledgerbridge migrate` first.")
    raise StartRefused(
        f"The database has the older schema {found}, this release needs {schema.expected_revision()}. "
        "Run `ledgerbridge migrate` first."
    )


async def _refuse_other_environment(services: Services) -> None:
    """Tokens of one environment must never be sent to the hosts of another (AUTH-001)."""
    async with services.db.reading() as session:
        others = await other_environments(session, services.connections.environment)
    if others:
        raise StartRefused(
            f"The database holds connections of {', '.join(others)}, but the Pleo hosts are those of "
            f"{services.connections.environment}. Use the database that belongs to these hosts."
        )


@asynccontextmanager
async def _worker(services: Services) -> AsyncIterator[None]:
    """The worker beside the web server: started with a look at what an earlier process left, drained at the end."""
    stop = asyncio.Event()
    left = await rounds.queue_recovery(services.queue, services.connections)
    if left:
        _log.info("unfinished export jobs found", companies=left)
    working = asyncio.create_task(services.queue.run_worker(stop), name="queue worker")
    try:
        yield
    finally:
        _log.info("draining")
        stop.set()
        await working
