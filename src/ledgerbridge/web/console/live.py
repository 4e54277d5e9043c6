"""Pages that follow what happens: server-sent events, each a piece of the page drawn anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import StreamingResponse

from ledgerbridge.web.services import Services

LOOK_SECONDS = 1.0
"""Between two looks."""
LONGEST_SECONDS = 300.0
"""Of one stream; the browser comes back by itself."""
_QUIET_SECONDS = 15.0
"""After so long without news a comment is sent, so that nobody on the way takes the line for dead."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A piece of a page at this moment."""

    html: str
    over: bool
    """Nothing more will change; the browser closes the stream and loads the page once more."""


def follow(request: Request, services: Services, draw: Callable[[], Awaitable[Drawn]]) -> StreamingResponse:
    """A stream of the piece that `draw` makes, sent when it changed, until it is over or we are told to stop."""
    return StreamingResponse(
        _events(request, services, draw), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _events(request: Request, services: Services, draw: Callable[[], Awaitable[Drawn]]) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends, quiet_since, last = loop.time() + LONGEST_SECONDS, loop.time(), None
    while loop.time() < ends and not services.stopping.is_set() and not await request.is_disconnected():
        drawn = await draw()
        if drawn.html != last:
            last, quiet_since = drawn.html, loop.time()
            yield _event("piece", drawn.html)
        if drawn.over:
            yield _event("over", "")
            return
        if loop.time() - quiet_since > _QUIET_SECONDS:
            quiet_since = loop.time()
            yield ": still here\n\n"
        try:
            await asyncio.wait_for(services.stopping.wait(), LOOK_SECONDS)
        except TimeoutError:
            continue


def _event(name: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
