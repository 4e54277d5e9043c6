"""The outermost layer: records every call to Pleo's endpoints and makes chosen ones go wrong.

It sits outside the web framework because dropping or cutting an answer has to happen after the call took effect.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import httpx

from pleo_sandbox.core.faults import ANSWER_KINDS, Fault
from pleo_sandbox.core.problems import Refusal
from pleo_sandbox.core.recorder import Recorded
from pleo_sandbox.core.world import World

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[Any]]

# The retired families as well: a call there must be seen to have been made.
_RESOURCES = ("/v0/", "/v1/", "/v1-beta/", "/v2/", "/v3/")
_WATCHED = (*_RESOURCES, "/oauth/", "/files/")
_NAMES = {429: "RATE_LIMITED", 500: "INTERNAL_SERVER_ERROR", 502: "BAD_GATEWAY", 503: "SERVICE_UNAVAILABLE"}


class Edge:
    """An ASGI application around the sandbox.

    ``served`` says that uvicorn is below. Then a dropped answer is an application that returns a value, upon which
    uvicorn closes the connection without a reply. In process it is an ``httpx.RemoteProtocolError`` instead.
    """

    def __init__(self, application: Application, world: World) -> None:
        self._application = application
        self.world = world
        self.served = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serves one call."""
        if scope["type"] != "http" or not scope["path"].startswith(_WATCHED):
            return await self._application(scope, receive, send)
        body = await _read(receive)
        recorded = self._record(scope, body)
        started = time.monotonic()
        try:
            return await self._serve(scope, body, send, recorded)
        finally:
            recorded.seconds = time.monotonic() - started

    async def _serve(self, scope: Scope, body: bytes, send: Send, recorded: Recorded) -> Any:
        retry_after = self._retry_after(scope, recorded)
        faults = self.world.faults
        slow = faults.strike(("slow",), recorded.method, recorded.path)
        fault = faults.strike(ANSWER_KINDS, recorded.method, recorded.path)
        recorded.fault = fault.kind if fault else slow.kind if slow else None
        if slow is not None and not slow.after_effect:
            await asyncio.sleep(slow.seconds)
        if fault is not None and fault.kind == "status":
            return await self._send(send, recorded, *_status_answer(fault))
        if retry_after is not None:
            return await self._send(send, recorded, *_problem(429, {"retry-after": str(retry_after)}))
        if fault is not None and fault.kind == "drop" and not fault.after_effect:
            return self._drop(recorded)
        status, headers, content = await self._perform(scope, body)
        if slow is not None and slow.after_effect:
            await asyncio.sleep(slow.seconds)
        if fault is not None and fault.kind == "drop":
            return self._drop(recorded)
        if fault is not None and fault.kind == "malformed":
            headers = [(name, value) for name, value in headers if name != b"content-length"]
            content = content[: max(1, len(content) // 2)] or b'{"data": ['
        cut = fault is not None and fault.kind == "truncate"
        return await self._send(send, recorded, status, headers, content, cut=cut)

    async def _perform(self, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        status, headers, chunks = 500, [], []
        handed_over = False

        async def receive() -> Message:
            nonlocal handed_over
            if handed_over:
                return {"type": "http.disconnect"}
            handed_over = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def capture(message: Message) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message["headers"])
            elif message["type"] == "http.response.body":
                chunks.append(message.get("body", b""))

        await self._application(scope, receive, capture)
        return status, headers, b"".join(chunks)

    async def _send(
        self,
        send: Send,
        recorded: Recorded,
        status: int,
        headers: list[tuple[bytes, bytes]],
        content: bytes,
        *,
        cut: bool = False,
    ) -> None:
        recorded.status = 0 if cut else status
        if cut:
            if not self.served:
                raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")
            headers = [(n, v) for n, v in headers if n != b"content-length"]
            headers.append((b"content-length", str(len(content) + 1).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        # A body announced as unfinished makes uvicorn close the connection in the middle of the answer.
        await send(
            {"type": "http.response.body", "body": content[: len(content) // 2] if cut else content, "more_body": cut}
        )

    def _drop(self, recorded: Recorded) -> str:
        recorded.status = 0
        if not self.served:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return "dropped"

    def _record(self, scope: Scope, body: bytes) -> Recorded:
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        return self.world.recorder.begin(scope["method"], scope["path"], query, headers, body)

    def _retry_after(self, scope: Scope, recorded: Recorded) -> int | None:
        """Counts a call of a resource API; the seconds to wait when it is one too many."""
        if not scope["path"].startswith(_RESOURCES):
            return None
        header = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")
        try:
            caller = self.world.credentials.caller(header)
            subject, credential = caller.subject, f"{caller.client_id} {caller.subject}"
        except Refusal:
            subject, credential = "", header
        now = time.monotonic()
        tally = self.world.recorder.tally(subject)
        tally.times.append(now)
        retry_after = self.world.limiter.refuses(credential, now)
        tally.refused += retry_after is not None
        recorded.subject = subject
        return retry_after


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(chunks)


def _status_answer(fault: Fault) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    headers: dict[str, str] = {}
    if isinstance(fault.retry_after, int):
        headers["retry-after"] = str(fault.retry_after)
    elif fault.retry_after is not None:
        moment = datetime.now(UTC) + timedelta(seconds=float(fault.retry_after.removeprefix("date:")))
        headers["retry-after"] = format_datetime(moment, usegmt=True)
    return _problem(fault.status, headers)


def _problem(status: int, headers: dict[str, str]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    body = json.dumps({"type": _NAMES.get(status, "ERROR"), "message": "Switched on in the sandbox"}).encode()
    all_headers = {"content-type": "application/json;charset=UTF-8", "content-length": str(len(body)), **headers}
    return status, [(name.encode(), value.encode()) for name, value in all_headers.items()], body
