"""Files of vouchers: what was closed, how far it is, and the bytes."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import Response

from ledgerbridge.connections import handover_desk, voucher_files
from ledgerbridge.connections.rows import connection_row
from ledgerbridge.web import handing_out
from ledgerbridge.web.admin import file_models as models
from ledgerbridge.web.admin.auth import Actor
from ledgerbridge.web.admin.paging import Cursor, Limit, Page
from ledgerbridge.web.admin.router import admin_router, answers
from ledgerbridge.web.services import Provided, Services

router = admin_router("files")
_FILES = "/connections/{connection_id}/files"


def _bytes(media: str) -> dict[int | str, dict[str, Any]]:
    content = {media: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "The bytes", "content": content}, **answers(404, 410, 422)}


@router.get(_FILES, summary="Files of vouchers, newest first", responses=answers(400, 404, 422))
async def list_files(
    services: Provided, _actor: Actor, connection_id: uuid.UUID, cursor: Cursor = None, limit: Limit = 50
) -> Page[models.VoucherFile]:
    """Empty where the accounting system takes no files."""
    listing = f"files/{connection_id}"
    before = services.cursors.read_moment(listing, cursor)
    async with services.db.reading() as session:
        await connection_row(session, connection_id)
        found = await voucher_files.closed_files(session, connection_id, before=before, limit=limit + 1)
    return services.cursors.page(listing, found, limit, models.shown, lambda one: (one.row.made_at, one.row.id))


@router.get(_FILES + "/{file_id}", summary="One file", responses=answers(404, 422))
async def get_file(
    services: Provided, _actor: Actor, connection_id: uuid.UUID, file_id: uuid.UUID
) -> models.VoucherFile:
    """How far its handover is."""
    return await _shown(services, connection_id, file_id)


@router.get(
    _FILES + "/{file_id}/content",
    summary="Its bytes",
    response_class=Response,
    responses=_bytes(handing_out.BYTES),
)
async def get_content(services: Provided, actor: Actor, connection_id: uuid.UUID, file_id: uuid.UUID) -> Response:
    """As they were closed, and as they are handed over. The download is in the audit log."""
    return await handing_out.file(services, connection_id, file_id, actor)


@router.get(
    _FILES + "/{file_id}/receipts",
    summary="The receipts of its vouchers",
    response_class=Response,
    responses=_bytes(handing_out.ZIP),
)
async def get_receipts(services: Provided, actor: Actor, connection_id: uuid.UUID, file_id: uuid.UUID) -> Response:
    """A ZIP, named by voucher, with an index. The download is in the audit log."""
    return await handing_out.receipts(services, connection_id, file_id, actor)


@router.post(
    _FILES + "/{file_id}/hand-over", status_code=202, summary="Hand a file over now", responses=answers(404, 409, 422)
)
async def hand_over(
    services: Provided, actor: Actor, connection_id: uuid.UUID, file_id: uuid.UUID
) -> models.VoucherFile:
    """Whatever is known of earlier tries: look first whether its vouchers are in the accounting system already."""
    await handover_desk.hand_over_again(services.connections, services.queue, connection_id, file_id, actor)
    return await _shown(services, connection_id, file_id)


@router.post(_FILES + "/{file_id}/fetched", summary="Say that a file is where it belongs", responses=answers(404, 422))
async def fetched(services: Provided, actor: Actor, connection_id: uuid.UUID, file_id: uuid.UUID) -> models.VoucherFile:
    """Nobody tries to hand it over any more."""
    await handover_desk.mark_fetched(services.connections, connection_id, file_id, actor)
    return await _shown(services, connection_id, file_id)


async def _shown(services: Services, connection_id: uuid.UUID, file_id: uuid.UUID) -> models.VoucherFile:
    async with services.db.reading() as session:
        return models.shown(await voucher_files.closed_file(session, connection_id, file_id))
