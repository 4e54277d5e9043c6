"""Connections to checked addresses only.

The check stands where a connection is made, below the pool: a name is resolved once, all its addresses are checked, and
one of those very addresses is connected to. So it does not matter how the host was written, whether a redirect led to
it, or whether its name means something else a moment later. TLS and the Host header keep the name, and the pool goes on
telling hosts apart by name, so that a connection made for one is never used for another.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import httpcore
import httpx

from ledgerbridge.outgoing.addresses import Reach, host_of
from ledgerbridge.outgoing.listening import Listening

LookUp = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a host; raises `OSError` when there are none."""

_MOST_ADDRESSES = 8
_CONNECT_SECONDS = 10.0


class AddressRefused(Exception):
    """A host that must not be called; nothing was sent. `reason` completes "it ..."."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(f"{host} {reason}")
        self.host = host
        self.reason = reason


async def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    rows = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


async def _checked(reach: Reach, look_up: LookUp, host: str, port: int, seconds: float) -> Sequence[str]:
    """The addresses that may be connected to. Raises `AddressRefused`, `TimeoutError`, and what `look_up` raises."""
    try:
        name = host_of(host)
    except ValueError:
        raise AddressRefused(host[:100], "is no host name") from None
    async with asyncio.timeout(seconds):
        found = await look_up(host, port)
    # One bad address among good ones is the mark of somebody who hopes that we try again.
    for address in found:
        if fault := reach.fault(name, address):
            raise AddressRefused(name, fault)
    return found[:_MOST_ADDRESSES]


async def dial(
    reach: Reach, host: str, port: int, *, seconds: float = _CONNECT_SECONDS, look_up: LookUp = look_up
) -> socket.socket:
    """A connected socket for a protocol other than HTTP, to a checked address; whoever dials closes it.

    Raises `AddressRefused`, and `OSError` (`TimeoutError` included) when nobody answers.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    addresses = await _checked(reach, look_up, host, port, seconds)
    failed: OSError = ConnectionError("the name has no address")
    for position, address in enumerate(addresses):
        share = max(ends - loop.time(), 0.1) / (len(addresses) - position)
        line = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            line.setblocking(False)
            async with asyncio.timeout(share):
                await loop.sock_connect(line, (address, port))
        except OSError as error:
            line.close()
            failed = error
        except BaseException:
            line.close()
            raise
        else:
            return line
    raise failed


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, checks and connects."""

    def __init__(
        self, reach: Reach, look_up: LookUp = look_up, inner: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        self._reach = reach
        self._look_up = look_up
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        clock = asyncio.get_running_loop().time
        ends = clock() + (_CONNECT_SECONDS if timeout is None else timeout)
        addresses = await self._checked(host, port, ends - clock())
        failed: Exception = httpcore.ConnectError("no address answered")
        for position, address in enumerate(addresses):
            # A share for each, so that one that never answers leaves time for the others.
            share = max(ends - clock(), 0.1) / (len(addresses) - position)
            try:
                line = await self._inner.connect_tcp(address, port, share, local_address, socket_options)
                return Listening(line)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def _checked(self, host: str, port: int, seconds: float) -> Sequence[str]:
        try:
            return await _checked(self._reach, self._look_up, host, port, seconds)
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from None
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the name has no address") from None

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("a socket file", "is no host")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class CheckedTransport(httpx.AsyncBaseTransport):
    """httpx on top of `CheckedBackend`. Raises `AddressRefused` besides httpx's own errors."""

    def __init__(self, backend: CheckedBackend, trusted: ssl.SSLContext) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with _told_by_httpx():
            answer = await self._pool.handle_async_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    # What is known of a connection's TLS is decided here; a caller cannot name another host for it.
                    extensions={name: value for name, value in request.extensions.items() if name == "timeout"},
                )
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _told_by_httpx():
            async for part in self._answer.aiter_stream():
                yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


_SAME_NAMES = (
    *("ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout", "TimeoutException"),
    *("ConnectError", "ReadError", "WriteError", "NetworkError"),
    *("LocalProtocolError", "RemoteProtocolError", "ProtocolError", "ProxyError", "UnsupportedProtocol"),
)


@contextmanager
def _told_by_httpx() -> Iterator[None]:
    """Raise httpcore's errors as httpx's errors of the same name."""
    try:
        yield
    except tuple(getattr(httpcore, name) for name in _SAME_NAMES) as error:
        names = (kind.__name__ for kind in type(error).__mro__)
        told = getattr(httpx, next(name for name in names if name in _SAME_NAMES))
        raise told(str(error)) from error
