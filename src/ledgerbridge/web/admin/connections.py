"""Connections: look at them, connect by key, bind the ERP, configure, activate, export now, disconnect."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from fastapi import Body, Response

from ledgerbridge.connections import activation, api_keys, configuration, erp_binding, uninstall
from ledgerbridge.connections.errors import ConnectionUnknown
from ledgerbridge.ops import overview
from ledgerbridge.web import actions
from ledgerbridge.web.admin import models, render
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Cursor, Limit, Page
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.problems import HttpProblem
from ledgerbridge.web.services import Provided, Services

router = admin_router("connections")
_LISTING = "connections"
ACTIVATION_SECONDS = 25.0
"""How long going live waits for the first syncs before it answers 202."""
_OF_A_VERSION = ("id", "version", "created_at", "created_by")


@router.get("/connections", summary="List connections, newest first", responses=answers(400, 422))
async def list_connections(
    services: Provided, _actor: Actor, cursor: Cursor = None, limit: Limit = 50
) -> Page[models.Connection]:
    """All connections of this service."""
    before = services.cursors.read_moment(_LISTING, cursor)
    async with services.db.reading() as session:
        found = await overview.connections(session, before=before, limit=limit + 1)
    return services.cursors.page(
        _LISTING, found, limit, render.connection, lambda row: (row.connection.created_at, row.connection.id)
    )


@router.post(
    "/connections", status_code=201, summary="Connect a company by an API key", responses=answers(409, 415, 422)
)
async def connect_by_key(services: Provided, actor: Actor, body: models.NewConnection) -> models.Connection:
    """Validates the key with Pleo and binds its company; the installation is created on going live (AUTH-101, -102)."""
    outcome = await api_keys.connect_with_key(services.connections, body.api_key, actor)
    return await _shown(services, outcome.connection_id)


@router.get("/connections/{connection_id}", summary="One connection", responses=answers(404, 422))
async def get_connection(services: Provided, _actor: Actor, connection_id: uuid.UUID) -> models.Connection:
    """The company, its ERP company, what is missing and the last job."""
    return await _shown(services, connection_id)


@router.put(
    "/connections/{connection_id}/api-key", summary="Replace the API key", responses=answers(404, 409, 415, 422)
)
async def replace_key(
    services: Provided, actor: Actor, connection_id: uuid.UUID, body: models.NewConnection
) -> models.Connection:
    """The new key must belong to the same company; the old one is forgotten (AUTH-103)."""
    await api_keys.replace_key(services.connections, connection_id, body.api_key, actor)
    return await _shown(services, connection_id)


@router.put(
    "/connections/{connection_id}/erp",
    summary="Bind the ERP company",
    responses=answers(404, 409, 415, 422, most="8 MiB; a file in the settings may have 5 MiB before it is base64"),
)
async def bind_erp(services: Provided, actor: Actor, connection_id: uuid.UUID, body: models.BindErp) -> models.Erp:
    """Reads the company live and pins its name and registration number; posting stops when they change.

    A file among the settings that takes the place of another, such as a newer chart of the same company, keeps what is
    booked and has the lists in Pleo brought in step with it.
    """
    bound = await erp_binding.bind(
        services.connections,
        connection_id,
        body.kind,
        body.settings,
        actor,
        confirm_company_change=body.confirm_company_change,
    )
    await actions.bound_anew(services, connection_id, bound, actor)
    return render.erp(connection_id, bound)


@router.get("/connections/{connection_id}/config", summary="The configuration in force", responses=answers(404, 422))
async def get_config(services: Provided, _actor: Actor, connection_id: uuid.UUID) -> models.Configuration:
    """May be kept as a file and sent back with PUT; 404 before the first version."""
    version = await configuration.current(services.connections, connection_id)
    if version is None:
        raise HttpProblem(404, "This connection has no configuration yet. PUT one.", kind="not-configured")
    return render.configuration(connection_id, version)


@router.put(
    "/connections/{connection_id}/config", summary="Change the configuration", responses=answers(404, 409, 415, 422)
)
async def put_config(
    services: Provided,
    actor: Actor,
    connection_id: uuid.UUID,
    body: Annotated[
        dict[str, Any],
        Body(openapi_examples={"journal": {"summary": "Journal bookkeeping", "value": models.CONFIGURATION_EXAMPLE}}),
    ],
) -> models.Configuration:
    """Checked against the live ERP chart; becomes the next version. `id`, `version`, `created_*` are ignored."""
    wanted = {name: value for name, value in body.items() if name not in _OF_A_VERSION}
    return render.configuration(
        connection_id, await configuration.put(services.connections, connection_id, wanted, actor)
    )


@router.get(
    "/connections/{connection_id}/config/versions",
    summary="All versions, newest first",
    responses=answers(400, 404, 422),
)
async def list_versions(
    services: Provided, _actor: Actor, connection_id: uuid.UUID, cursor: Cursor = None, limit: Limit = 50
) -> Page[models.Configuration]:
    """Each posting records the version it used."""
    listing = f"config/{connection_id}"
    before = services.cursors.read_number(listing, cursor)
    found = await configuration.versions(services.connections, connection_id, before=before, limit=limit + 1)
    return services.cursors.page(
        listing, found, limit, lambda row: render.configuration(connection_id, row), lambda row: (row.version,)
    )


@router.post(
    "/connections/{connection_id}/activate",
    summary="Go live",
    responses={202: {"description": "The first syncs go on; `activating` tells how far"}, **answers(404, 409, 422)},
)
async def activate(services: Provided, actor: Actor, response: Response, connection_id: uuid.UUID) -> models.Connection:
    """Preflight, subscription, first syncs, Pleo activation, then one look for pending jobs.

    Refused with what is missing. Waits a while for the end; 202 when the first syncs take longer.
    """
    if not await actions.activate(services, connection_id, actor, wait_seconds=ACTIVATION_SECONDS):
        response.status_code = 202
    return await _shown(services, connection_id)


@router.post(
    "/connections/{connection_id}/pause",
    summary="Leave exports and syncs waiting",
    responses=answers(404, 409, 415, 422),
)
async def pause(services: Provided, actor: Actor, connection_id: uuid.UUID, body: models.Pause) -> models.Connection:
    """Until it is resumed; the reason is shown to the customer. `at_once` also stops what is being worked."""
    await actions.pause(services, connection_id, actor, body.reason.strip(), at_once=body.at_once)
    return await _shown(services, connection_id)


@router.post("/connections/{connection_id}/resume", summary="Go on after a pause", responses=answers(404, 409, 422))
async def resume(services: Provided, actor: Actor, connection_id: uuid.UUID) -> models.Connection:
    """With one look for pending jobs. An active connection is left as it is."""
    await activation.resume(services.connections, connection_id, actor)
    return await _shown(services, connection_id)


@router.post(
    "/connections/{connection_id}/exports",
    status_code=202,
    summary="Look for export jobs now",
    responses=answers(404, 409, 422),
)
async def export_now(services: Provided, actor: Actor, connection_id: uuid.UUID) -> models.Queued:
    """The same enqueue as webhook and schedule."""
    queued = await actions.look_for_exports(services, connection_id, actor)
    return models.Queued(id=connection_id, queued=queued)


@router.delete(
    "/connections/{connection_id}",
    status_code=204,
    summary="Disconnect and wipe all secrets",
    responses=answers(404, 422),
)
async def disconnect(services: Provided, actor: Actor, connection_id: uuid.UUID) -> Response:
    """Subscriptions, installation, tokens, in this order; repeatable. What was booked stays on record."""
    await uninstall.disconnect(services.connections, connection_id, actor)
    return Response(status_code=204)


async def _shown(services: Services, connection_id: uuid.UUID) -> models.Connection:
    async with services.db.reading() as session:
        found = await overview.connection(session, connection_id)
    if found is None:
        raise ConnectionUnknown(connection_id)
    return render.connection(found)
