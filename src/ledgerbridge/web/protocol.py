"""HTTP as uvicorn speaks it, with an end to waiting for a request."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""From the first byte of a connection or of its next request to the end of the request's headers."""
MAX_HEAD = 32 * 1024
"""Bytes of a request's line and headers."""


class PromptProtocol(H11Protocol):
    """Closes a connection whose request does not arrive: uvicorn waits for ever once one byte of it has come."""

    _awaited: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._await_head()
        else:
            self._head_is_there()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        # Not anew with every byte, or a trickle would put it off for ever.
        if self._awaited is None:
            self._awaited = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _head_is_there(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _too_late(self) -> None:
        self._awaited = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()
