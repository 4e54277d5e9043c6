"""The admin API: every route needs an administrator's token."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from ledgerbridge.web.admin.auth import AdminRoute
from ledgerbridge.web.admin.models import Problem

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def answers(*statuses: int, most: str = "1 MiB") -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the refusals a route can give; 401, 429, 503 come with every one, 400 and 413 (for a body
    of more than `most`) with a body."""
    texts = {
        400: "Unreadable, or a cursor that is not ours",
        401: "No administrator's token",
        404: "Unknown connection, job or item",
        410: "Forgotten with the end of the connection",
        409: "Not possible as things stand",
        413: f"Larger than {most}",
        415: "Not JSON",
        422: "Not valid; `errors` names each place",
        429: "Too many requests without an administrator's token from one address",
        503: "The database, Pleo or the ERP is away; nothing was changed",
    }
    return {
        status: {"description": texts[status], "model": Problem, "content": _PROBLEM}
        for status in sorted({401, 429, 503, *statuses, *((400, 413) if 415 in statuses else ())})
    }


def admin_router(tag: str) -> APIRouter:
    """A router whose routes are for administrators."""
    return APIRouter(prefix="/admin/api", tags=[tag], route_class=AdminRoute)
