"""For machines that watch us: is the process alive, can it work, what does it count."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from ledgerbridge.ops import gauges, readiness
from ledgerbridge.ops.metrics import CONTENT_TYPE
from ledgerbridge.web.services import Provided

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="The process runs")
async def healthz() -> dict[str, str]:
    """Looks at nothing else: a database that is away must not get the process killed."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="The service can work", responses={503: {"description": "A check failed"}})
async def readyz(services: Provided) -> JSONResponse:
    """Database, migrations, and a worker with a recent heartbeat, here or in another process."""
    found = await services.readiness.get(lambda: readiness.checks(services.db, services.queue))
    ready = all(check.ok for check in found)
    return JSONResponse(
        {
            "status": "ready" if ready else "not ready",
            "checks": {check.name: {"ok": check.ok, "detail": check.detail} for check in found},
        },
        200 if ready else 503,
    )


@router.get("/metrics", summary="Prometheus metrics", response_class=PlainTextResponse)
async def metrics(services: Provided) -> Response:
    """No label names a company; keep it off the public address all the same."""

    async def look() -> bytes:
        await gauges.read(services.metrics, services.db, services.queue)
        return services.metrics.render()

    return Response(await services.scrape.get(look), media_type=CONTENT_TYPE)
