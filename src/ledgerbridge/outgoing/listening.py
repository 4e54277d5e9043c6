"""A connection that listens while it sends something long.

A server may answer before it has read all, because the body is too large, and hang up at once. Whoever goes on sending
then finds the line dead, and the answer is lost with it: a plain refusal would look like a lost reply.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpcore

_LONG = 128 * 1024
"""Bytes sent without a look at what comes back; so much goes out at once and waits for nobody."""
_PIECE = 64 * 1024
_TURNS = 3
"""Of the event loop, until what has arrived is heard."""


class Listening(httpcore.AsyncNetworkStream):
    """Raises `WriteError` once the other side has answered; httpcore then reads the answer instead of sending on."""

    def __init__(self, line: httpcore.AsyncNetworkStream) -> None:
        self._line = line
        self._sent = 0
        """Since something was read."""
        self._ear: asyncio.Task[bytes] | None = None
        self._heard = b""
        """Read and not asked for yet."""

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        self._sent += len(buffer)
        if self._sent <= _LONG:
            await self._line.write(buffer, timeout)
            return
        if self._ear is None:
            self._ear = asyncio.create_task(self._line.read(_PIECE), name="listening")
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self._stop_if_answered(self._ear)
        writing = asyncio.create_task(self._line.write(buffer, timeout), name="sending")
        try:
            # A server that has answered need not take what we send.
            await asyncio.wait({writing, self._ear}, return_when=asyncio.FIRST_COMPLETED)
            if not writing.done():
                self._stop_if_answered(self._ear)
            await writing
        finally:
            await _ended(writing)

    def _stop_if_answered(self, ear: asyncio.Task[bytes]) -> None:
        """Raises `WriteError`. Told that we may go on (status 1xx), we do."""
        if ear.done() and not ear.cancelled() and not (ear.exception() is None and ear.result()[9:10] == b"1"):
            raise httpcore.WriteError("there was an answer before all was sent")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        self._sent = 0
        if self._ear is not None:
            ear, self._ear = self._ear, None
            try:
                async with asyncio.timeout(timeout):
                    self._heard = await ear
            except TimeoutError:
                raise httpcore.ReadTimeout from None
            if not self._heard:
                return b""
        if self._heard:
            found, self._heard = self._heard[:max_bytes], self._heard[max_bytes:]
            return found
        return await self._line.read(max_bytes, timeout)

    async def aclose(self) -> None:
        if self._ear is not None:
            await _ended(self._ear)
        await self._line.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return Listening(await self._line.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._line.get_extra_info(info)


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
