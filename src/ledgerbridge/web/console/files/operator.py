"""`/admin/connections/{id}/files`: one company's files of vouchers, as its customer sees them."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.web import handing_out
from ledgerbridge.web.console.doors import ConsoleRoute, Operator, SignedInOperator
from ledgerbridge.web.console.files.drawing import Drawer
from ledgerbridge.web.services import Provided, Services

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
HERE = "/admin/connections/{connection_id}/files"
ONE = HERE + "/{file_id}"
Cursor = Annotated[str | None, Query(max_length=1000)]


def _drawer(request: Request, services: Services, operator: Operator, connection_id: uuid.UUID) -> Drawer:
    return Drawer(request, services, operator, connection_id, HERE.format(connection_id=connection_id))


@router.get(HERE)
async def listed(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID, cursor: Cursor = None
) -> HTMLResponse:
    """All files of the company, newest first."""
    return await _drawer(request, services, operator, connection_id).listed(cursor)


@router.get(ONE)
async def one(
    request: Request,
    services: Provided,
    operator: SignedInOperator,
    connection_id: uuid.UUID,
    file_id: uuid.UUID,
    cursor: Cursor = None,
) -> HTMLResponse:
    """One file with its vouchers, its sums, and how far it is."""
    return await _drawer(request, services, operator, connection_id).one(file_id, cursor)


@router.get(ONE + "/download")
async def download(
    services: Provided, operator: SignedInOperator, connection_id: uuid.UUID, file_id: uuid.UUID
) -> Response:
    """Its bytes."""
    return await handing_out.file(services, connection_id, file_id, operator.actor)


@router.get(ONE + "/receipts/download")
async def receipts(
    services: Provided, operator: SignedInOperator, connection_id: uuid.UUID, file_id: uuid.UUID
) -> Response:
    """The receipts of its vouchers as a ZIP."""
    return await handing_out.receipts(services, connection_id, file_id, operator.actor)


@router.post(ONE + "/hand-over")
async def hand_over(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID, file_id: uuid.UUID
) -> Response:
    """Bring it to its place now."""
    return await _drawer(request, services, operator, connection_id).hand_over(file_id)


@router.post(ONE + "/fetched")
async def fetched(
    request: Request, services: Provided, operator: SignedInOperator, connection_id: uuid.UUID, file_id: uuid.UUID
) -> Response:
    """It is where it belongs."""
    return await _drawer(request, services, operator, connection_id).fetched(file_id)
