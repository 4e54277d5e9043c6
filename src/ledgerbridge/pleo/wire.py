"""One HTTP exchange, nothing more: no cookies, no redirects, no ambient authentication, a cap on size and time.

Requests are built bare instead of through the client, because the client is shared by all companies and would add its
cookies and default headers. Faults are raised outside the `except` clause: an httpx error keeps the request, and with
it the Authorization header, and h11 even prints a header it refuses.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import httpx

from ledgerbridge.outgoing import texts
from ledgerbridge.outgoing.bodies import pour_body, read_body

try:
    USER_AGENT = f"Ledgerbridge/{version('ledgerbridge')}"
except PackageNotFoundError:  # pragma: no cover - only when run from a bare source tree
    USER_AGENT = "Ledgerbridge/0"

Into = Callable[[bytes], object]
"""Takes a body piece by piece."""
_MOST_DIGITS = 400
_LONGEST_REFUSAL = 64 * 1024
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much: seconds, and bytes of the body, packed and unpacked (LIMIT-041)."""

    connect: float = 10.0
    read: float = 30.0
    """Longest silence while waiting for an answer or its next piece."""
    total: float = 120.0
    """Longest exchange from first to last byte, so that a trickle cannot hold us for ever."""
    max_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    complete: bool = True
    """False when the body was cut."""


class NoAnswer(Exception):
    """No complete answer arrived."""

    def __init__(self, cause: str, *, sent: bool) -> None:
        super().__init__(cause)
        self.cause = cause
        """Name of the fault."""
        self.sent = sent
        """Whether the request may have reached the other side."""


def bare_request(
    method: str,
    url: httpx.URL | str,
    *,
    headers: Mapping[str, str],
    limits: Limits,
    content: bytes | None = None,
) -> httpx.Request:
    """A request with these headers, a User-Agent and nothing that belongs to the client."""
    timeout = httpx.Timeout(limits.read, connect=limits.connect)
    return httpx.Request(
        method,
        url,
        headers={"User-Agent": USER_AGENT, **headers},
        content=content,
        extensions={"timeout": timeout.as_dict()},
    )


async def exchange(http: httpx.AsyncClient, request: httpx.Request, limits: Limits, into: Into | None = None) -> Answer:
    """Send one request and read the whole answer. The body of a good one goes to `into` where that is given.

    Raises `NoAnswer` for every transport fault and for an answer that breaks off; what a checked client refuses
    (`AddressRefused`) passes through.
    """
    fault: NoAnswer
    try:
        async with asyncio.timeout(limits.total):
            return await _sent(http, request, limits.max_bytes, into)
    except _NOT_SENT as error:
        fault = NoAnswer(type(error).__name__, sent=False)
    except (httpx.HTTPError, httpx.StreamError) as error:
        fault = NoAnswer(type(error).__name__, sent=True)
    except TimeoutError:
        fault = NoAnswer("TotalTimeout", sent=True)
    raise fault


async def _sent(http: httpx.AsyncClient, request: httpx.Request, max_bytes: int, into: Into | None) -> Answer:
    response = await http.send(request, stream=True, auth=None, follow_redirects=False)
    try:
        if into is None:
            body, complete = await read_body(response, max_bytes)
        elif response.is_success:
            body, complete = b"", await pour_body(response, max_bytes, into)
        else:
            # Nobody reads it; what is short is taken so that the connection can be used again.
            body, complete = await read_body(response, _LONGEST_REFUSAL)
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, body, complete)


class NotJson(ValueError):
    """The body is not JSON we can hold; says why in words without the body."""


def read_json(answer: Answer, *, exact: bool = False) -> Any:
    """The body as JSON values that can be stored; with `exact`, numbers with a fraction or an exponent are `Decimal`.

    Raises `NotJson` for anything else, `NaN` and endless nesting included.
    """
    if not answer.complete:
        raise NotJson(f"larger than {len(answer.body)} bytes")
    try:
        return texts.load(answer.body, parse_float=_decimal if exact else None)
    except (ValueError, RecursionError):
        reason = "empty" if not answer.body.strip() else "not JSON"
    raise NotJson(reason)


def _decimal(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:
        raise ValueError("a number out of bounds") from None
    # Sent back, it would be written out digit by digit.
    if abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError("a number out of bounds")
    return number


def write_json(value: Any) -> bytes:
    """JSON without blanks; a `Decimal` becomes a number with exactly its digits.

    Raises `TypeError` for a binary float: amounts are whole numbers and rates are decimals.
    """
    return _written(value).encode()


def _written(value: Any) -> str:
    match value:
        case Mapping():
            return "{" + ",".join(f"{_written(str(name))}:{_written(part)}" for name, part in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(_written(part) for part in value) + "]"
        case Decimal() if value.is_finite():
            return format(value, "f")
        case float() | Decimal():
            raise TypeError("a binary float or an endless number is never sent")
        case _:
            return json.dumps(value, ensure_ascii=False)
