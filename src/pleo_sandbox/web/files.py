"""Receipt downloads, as an object store behind signed links behaves."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pleo_sandbox.core.problems import Refusal
from pleo_sandbox.web.answers import world_of

router = APIRouter(include_in_schema=False)


@router.get("/files/{path:path}")
async def download(request: Request) -> Response:
    """The file behind a signed link. A credential sent along is refused and remarked: the link itself is the key."""
    world = world_of(request)
    if "authorization" in request.headers:
        world.recorder.remark("credential_sent_to_file_url", f"GET {request.url.path} carried an Authorization header")
        return Response("Only one authorisation mechanism is allowed", 400, media_type="text/plain")
    try:
        file = world.files.open(request.url.path)
    except Refusal as problem:
        return Response(problem.message, problem.status, media_type="text/plain")
    return Response(file.content, media_type=file.type)
