"""HTTP as uvicorn speaks it, with an end to waiting for a request, and for an answer to be read."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""From the first moment of a connection, or the end of an answer, to the end of the next request's headers."""
UNREAD_SECONDS = 30.0
"""For an answer, or the rest of it, to be taken off our hands."""


class PromptProtocol(H11Protocol):
    """Closes a connection whose request does not arrive, and one whose answers are not read.

    uvicorn itself ends an idle connection, but waits for ever once one byte has come: of a request's headers, or of a
    body that was answered before it was whole. It also waits for ever for a visitor to read, and closing waits, too.
    """

    _awaited: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Pausing then means that something is unread, and resuming that all of it was taken.
        transport.set_write_buffer_limits(high=0)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._taken()

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()
        self._taken()
        super().connection_lost(exc)

    def _taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _waiting(self) -> bool:
        """Whether it is the visitor's turn, and nobody else is waiting with us: a body is waited for by its route."""
        if self.conn.their_state is h11.IDLE:
            return True
        answered = self.cycle is not None and self.cycle.response_complete
        return answered and self.conn.their_state is h11.SEND_BODY

    def _watch(self) -> None:
        if not self._waiting():
            self._rest()
        elif self._awaited is None:  # not anew with every byte, or a trickle would put it off for ever
            self._awaited = self.loop.call_later(HEAD_SECONDS, self._too_late)

    def _rest(self) -> None:
        if self._awaited is not None:
            self._awaited.cancel()
            self._awaited = None

    def _too_late(self) -> None:
        self._awaited = None
        if self._waiting() and not self.transport.is_closing():
            self.transport.close()
