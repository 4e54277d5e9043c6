"""The wire of the HTTP target, held against the published document: what we send and what is answered."""

from __future__ import annotations

import httpx


class Checked(httpx.AsyncBaseTransport):
    def __init__(self, wire: httpx.AsyncBaseTransport) -> None:
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._wire.handle_async_request(request)

    async def aclose(self) -> None:
        await self._wire.aclose()
