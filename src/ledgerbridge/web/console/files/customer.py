"""`/settings/files`: the company's files of vouchers, to be downloaded or followed to where they go."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from ledgerbridge.web import handing_out
from ledgerbridge.web.console.doors import ConsoleRoute, Customer, SignedInCustomer
from ledgerbridge.web.console.files.drawing import Drawer
from ledgerbridge.web.services import Provided, Services

router = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
HERE = "/settings/files"
Cursor = Annotated[str | None, Query(max_length=1000)]


def _drawer(request: Request, services: Services, customer: Customer) -> Drawer:
    return Drawer(request, services, customer, customer.connection_id, HERE)


@router.get(HERE)
async def listed(
    request: Request, services: Provided, customer: SignedInCustomer, cursor: Cursor = None
) -> HTMLResponse:
    """All files, newest first."""
    return await _drawer(request, services, customer).listed(cursor)


@router.get(HERE + "/{file_id}")
async def one(
    request: Request, services: Provided, customer: SignedInCustomer, file_id: uuid.UUID, cursor: Cursor = None
) -> HTMLResponse:
    """One file with its vouchers, its sums, and how far it is."""
    return await _drawer(request, services, customer).one(file_id, cursor)


@router.get(HERE + "/{file_id}/download")
async def download(services: Provided, customer: SignedInCustomer, file_id: uuid.UUID) -> Response:
    """Its bytes."""
    return await handing_out.file(services, customer.connection_id, file_id, customer.actor)


@router.get(HERE + "/{file_id}/receipts/download")
async def receipts(services: Provided, customer: SignedInCustomer, file_id: uuid.UUID) -> Response:
    """The receipts of its vouchers as a ZIP."""
    return await handing_out.receipts(services, customer.connection_id, file_id, customer.actor)


@router.post(HERE + "/{file_id}/hand-over")
async def hand_over(request: Request, services: Provided, customer: SignedInCustomer, file_id: uuid.UUID) -> Response:
    """Bring it to its place now."""
    return await _drawer(request, services, customer).hand_over(file_id)


@router.post(HERE + "/{file_id}/fetched")
async def fetched(request: Request, services: Provided, customer: SignedInCustomer, file_id: uuid.UUID) -> Response:
    """It is where it belongs."""
    return await _drawer(request, services, customer).fetched(file_id)
