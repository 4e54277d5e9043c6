"""Giving out closed files: the bytes as they were closed, and the ZIP of receipts made on its way.

Every download is in the audit log before its first byte.
"""

from __future__ import annotations

import uuid
from urllib.parse import quote

from fastapi.responses import Response, StreamingResponse

from ledgerbridge.connections import handover_desk, voucher_files
from ledgerbridge.connections.voucher_files import FileForgotten
from ledgerbridge.web.services import Services

BYTES = "application/octet-stream"
ZIP = "application/zip"


async def file(services: Services, connection_id: uuid.UUID, file_id: uuid.UUID, actor: str) -> Response:
    """The file itself. Raises `FileUnknown`, `FileForgotten`."""
    async with services.db.reading() as session:
        found = await voucher_files.closed_file(session, connection_id, file_id)
        content = await voucher_files.content(session, connection_id, file_id)
    await handover_desk.downloaded(services.connections, connection_id, file_id, actor)
    return Response(content, media_type=BYTES, headers=_named(found.row.name))


async def receipts(services: Services, connection_id: uuid.UUID, file_id: uuid.UUID, actor: str) -> Response:
    """The ZIP of its receipts, a piece at a time. Raises `FileUnknown`, `FileForgotten`."""
    async with services.db.reading() as session:
        found = await voucher_files.closed_file(session, connection_id, file_id)
    if not found.kept:
        raise FileForgotten
    inside = await voucher_files.vouchers(services.db, found)
    await handover_desk.downloaded(services.connections, connection_id, file_id, actor, receipts=True)
    pieces = voucher_files.receipts(services.db, found, inside)
    return StreamingResponse(pieces, media_type=ZIP, headers=_named(voucher_files.receipts_name(found.row.name)))


def _named(name: str) -> dict[str, str]:
    plain = "".join(sign if sign.isascii() and sign.isprintable() and sign not in '"\\' else "_" for sign in name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
