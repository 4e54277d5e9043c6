"""A partner's operations, called: signed, bounded, never redirected. Every failure is a `CallFailed`.

Reads repeat themselves while that may help. Writes are sent again only where it is sure that nothing was done; whoever
writes looks for what became of all others (`booking`).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from ledgerbridge import faults
from ledgerbridge.clock import utcnow
from ledgerbridge.erp.http_target import wire
from ledgerbridge.erp.http_target.errors import BY_STATUS, CallFailed, Outcome, phrase
from ledgerbridge.erp.http_target.patience import Patience
from ledgerbridge.erp.http_target.settings import Access
from ledgerbridge.erp.port import Observe
from ledgerbridge.outgoing import texts
from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.bodies import ACCEPT_ENCODING, read_body
from ledgerbridge.outgoing.clients import checked_client
from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from ledgerbridge.outgoing.network import AddressRefused
from ledgerbridge.outgoing.signing import signed

_LARGEST_ANSWER = 32 * 1024 * 1024
_LONGEST_CALL = 300.0
"""Seconds from first to last byte, so that a trickle cannot hold us for ever; the largest receipt needs a while."""
_GOOD = {200, 201, 204}
_FIELDS_TOLD = 3
_IN_THE_WAY = {409, 425}
"""What programs between us and the books answer while the same request is being worked on."""
_KIND = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}")

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Sent:
    """Names one write over all its tries."""

    id: str
    """The `webhook-id`: one for each call of ours, the same on every try of it."""
    key: str
    """The `Idempotency-Key`: names what is wanted, the same whenever that is wanted again."""


def a_write(operation: str, *wanted: str) -> Sent:
    """Names a write of `operation` that is about these keys."""
    digest = hashlib.sha256("\n".join((operation, *wanted)).encode()).hexdigest()
    return Sent(f"{operation}-{uuid4().hex}", f"{operation}-{digest[:48]}")


def http_client(
    at: Access, patience: Patience, transport: httpx.AsyncBaseTransport | None = None, *, reach: Reach = PUBLIC
) -> httpx.AsyncClient:
    """The one HTTP client of an opened company. Follows no redirect, so what is signed stays where it belongs."""
    return checked_client(
        reach,
        transport=transport,
        base_url=f"{at.base_url}/v1/",
        headers={
            "Accept": "application/json, application/problem+json",
            "Accept-Encoding": ACCEPT_ENCODING,
            "User-Agent": "ledgerbridge",
        },
        timeout=httpx.Timeout(patience.reply, connect=10.0),
    )


class Client:
    def __init__(
        self, http: httpx.AsyncClient, secrets: Sequence[str], patience: Patience, observe: Observe | None = None
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._patience = patience
        self._observe = observe
        self.barred: CallFailed | None = None
        """Why nothing may be called: what the partner can do could not be learnt."""

    async def read(self, asked: wire.Request, answer: type[A], *, told: bool = True) -> A:
        """Ask what changes nothing. `told` is whether the call is told to whoever observes."""
        return await self._patience.retrying()(self._ask, asked, answer, None, told)

    async def once(self, asked: wire.Request, answer: type[A]) -> A:
        """As `read`, without repeating."""
        return await self._ask(asked, answer, None, True)

    async def write(self, asked: wire.Request, answer: type[A], sent: Sent) -> A:
        """Send what changes the books: again while the partner says that it is busy or cannot be reached at all."""

        def sure(failure: CallFailed) -> bool:
            return failure.again and not failure.perhaps_done

        return await self._patience.retrying(sure)(self._ask, asked, answer, sent, True)

    async def repeat(self, asked: wire.Request, answer: type[A], sent: Sent) -> A:
        """Send what may be done any number of times with the same result."""
        return await self._patience.retrying()(self._ask, asked, answer, sent, True)

    async def upload(self, sha256: str, kind: str, file: HeldFile) -> None:
        """Bring a file under its hash. May be repeated: the same bytes lie there afterwards, and nothing is booked."""
        await self._patience.retrying()(self._put, sha256, kind, file)

    async def _ask(self, asked: wire.Request, answer: type[A], sent: Sent | None, told: bool) -> A:
        operation = asked.operation
        body = asked.model_dump_json().encode()
        headers = {"Content-Type": "application/json"}
        if sent is not None:
            headers["Idempotency-Key"] = sent.key
        webhook_id = sent.id if sent else f"{operation}-{uuid4().hex}"
        headers |= self._signature(webhook_id, [body])
        status, content = await self._observed(operation, "POST", operation, headers, body, told)
        return _fitting(operation, status, content, answer)

    async def _put(self, sha256: str, kind: str, file: HeldFile) -> None:
        try:
            headers = self._signature(f"attachment-{sha256}", file.pieces())
        except FileNotKept as error:
            raise CallFailed(Outcome.NOT_KEPT, "attachments", said=str(error)) from None
        shown = kind if _KIND.fullmatch(kind) else "application/octet-stream"
        headers |= {"Content-Type": shown, "Content-Length": str(file.size)}
        await self._observed("attachments", "PUT", f"attachments/{sha256}", headers, _pieces(file), True)

    def _signature(self, webhook_id: str, body: Any) -> dict[str, str]:
        moment = int(utcnow().timestamp())
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": signed(self._secrets, webhook_id, moment, body),
        }

    async def _observed(
        self, operation: str, method: str, path: str, headers: dict[str, str], body: Any, told: bool
    ) -> tuple[int, bytes]:
        if self.barred is not None:
            raise self.barred
        started, seen = time.monotonic(), "cancelled"
        try:
            with faults.around(f"erp http {operation}"):
                status, content = await self._exchange(operation, method, path, headers, body)
            seen = str(status)
            return status, content
        except CallFailed as failure:
            seen = str(failure.status or failure.outcome)
            raise
        finally:
            if self._observe and told:
                self._observe(operation, seen, time.monotonic() - started)

    async def _exchange(
        self, operation: str, method: str, path: str, headers: dict[str, str], body: Any
    ) -> tuple[int, bytes]:
        try:
            async with (
                asyncio.timeout(_LONGEST_CALL),
                self._http.stream(method, path, content=body, headers=headers) as response,
            ):
                read, whole = await read_body(response, _LARGEST_ANSWER)
                if not whole:
                    raise CallFailed(Outcome.STRANGE, operation, status=response.status_code, said="too long an answer")
                if response.status_code not in _GOOD:
                    raise _refusal(operation, response, read)
                return response.status_code, read
        except AddressRefused as refused:
            raise CallFailed(Outcome.ADDRESS_REFUSED, operation, said=str(refused)) from None
        except FileNotKept as error:
            raise CallFailed(Outcome.NOT_KEPT, operation, said=str(error)) from None
        except TimeoutError:
            raise CallFailed(Outcome.TIMED_OUT, operation, said="the whole call took too long") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            raise CallFailed(Outcome.NOT_SENT, operation, said=repr(error)) from None
        except httpx.TimeoutException as error:
            raise CallFailed(Outcome.TIMED_OUT, operation, said=repr(error)) from None
        except httpx.HTTPError as error:
            raise CallFailed(Outcome.NO_REPLY, operation, said=repr(error)) from None


async def _pieces(file: HeldFile) -> AsyncIterator[bytes]:
    for piece in file.pieces():
        yield piece


def _refusal(operation: str, response: httpx.Response, body: bytes) -> CallFailed:
    status = response.status_code
    after = _seconds(response.headers.get("Retry-After"))
    told = _problem(response.headers.get("Content-Type", ""), body)
    said = phrase(f"{told.code}: {told.detail}" if told else body[:2000].decode("utf-8", "replace"))
    if told and told.pointer:
        said = f"{phrase(told.pointer, 200)}: {said}"
    if 200 <= status < 400 or (status in _IN_THE_WAY and told is None):
        outcome = Outcome.STRANGE
    elif status == 503 and (told is None or told.code != "busy"):
        # Not the partner's word: a proxy says so, too, of a request that it has passed on.
        outcome = Outcome.GATEWAY
    elif status in BY_STATUS and not (told and status in (403, 404, 413)):
        outcome = BY_STATUS[status]
    elif status >= 500:
        outcome = Outcome.FAULT
    else:
        outcome = Outcome.PROBLEM if told else BY_STATUS.get(status, Outcome.REFUSED)
    return CallFailed(outcome, operation, said=said, status=status, after=after, told=told)


def _problem(kind: str, body: bytes) -> wire.Problem | None:
    """The problem in an answer; None where there is none with a code."""
    if "json" not in kind.lower():
        return None
    try:
        return wire.Problem.model_validate(texts.load(body))
    except (ValueError, RecursionError):
        return None


def _fitting(operation: str, status: int, content: bytes, answer: type[A]) -> A:
    """The answer as the document has it. Raises `CallFailed` that names operation and field."""
    try:
        value = texts.load(content) if content else {}
    except (ValueError, RecursionError):
        raise CallFailed(Outcome.UNFIT, operation, status=status, said="the answer is not JSON") from None
    try:
        return answer.model_validate(value)
    except ValidationError as error:
        found = [f"{_place(one['loc'])}: {one['msg']}" for one in error.errors()[:_FIELDS_TOLD]]
        said = phrase(f"{operation} answered what the document does not allow: {'; '.join(found)}", 400)
        raise CallFailed(Outcome.UNFIT, operation, status=status, said=said) from None


def _place(path: Sequence[int | str]) -> str:
    return "/" + "/".join(phrase(str(part), 60) for part in path)


def _seconds(retry_after: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        return max(0.0, float(retry_after or ""))
    return None
