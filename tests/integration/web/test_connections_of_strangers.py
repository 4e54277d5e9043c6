"""HTTP over real sockets, as `serve` speaks it: slow, crooked and lying requests end, and nothing is made of them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response

from ledgerbridge import serving
from ledgerbridge.settings import Settings
from ledgerbridge.web import middleware, problems, protocol
from ledgerbridge.web.limiting import caller_of
from ledgerbridge.web.middleware import RequestFrame

PATIENCE = 60
"""Seconds until a connection counts as left open, on a busy machine."""


class Counting:
    """Takes the place of the metrics."""

    def request(self, *_: object) -> None:
        return None


def small_app() -> FastAPI:
    app = FastAPI(openapi_url=None)
    problems.install(app)
    app.state.services = type("Services", (), {"metrics": Counting()})()
    app.state.reached = 0

    @app.get("/who")
    async def who(request: Request) -> dict[str, str]:
        app.state.reached += 1
        return {"caller": caller_of(request), "scheme": request.url.scheme}

    @app.post("/take")
    async def take(request: Request) -> dict[str, int]:
        body = len(await request.body())
        app.state.reached += 1
        return {"bytes": body}

    app.add_middleware(RequestFrame, secure=False)
    return app


@asynccontextmanager
async def served(app: FastAPI, **settings: Any) -> AsyncIterator[int]:
    """The app on a port of this machine, as `serve` would serve it."""
    server = uvicorn.Server(serving.web_config(app, Settings(_env_file=None, **settings)))
    app.state.connections = server.server_state.connections
    listening = serving._bind("127.0.0.1", 0)
    running = asyncio.create_task(server._serve([listening]))
    while not server.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    yield int(listening.getsockname()[1])
    server.should_exit = server.force_exit = True
    await running


async def said(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """All that comes back, while these bytes go out, until the connection ends; what came by then after `PATIENCE`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = bytearray()

    async def listen() -> None:
        with contextlib.suppress(ConnectionError):
            while more := await reader.read(65536):
                heard.extend(more)

    listening = asyncio.create_task(listen())
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
    await asyncio.wait([listening], timeout=PATIENCE)
    listening.cancel()
    writer.close()
    return bytes(heard)


async def one_answer(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    body = await asyncio.wait_for(reader.readexactly(length), PATIENCE)
    writer.close()
    return head + body


GET = b"GET /who HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"GET /who HT"],
        [GET],
        [b"G"] + [b"E"] * 40,
        [GET] + [b"X-%d: y\r\n" % number for number in range(40)],
        # A first request that is answered does not buy endless time for a second one.
        [GET + b"\r\n", b"GET /w"],
    ],
    ids=["nothing", "half a line", "half a head", "a trickle of nonsense", "a trickle of headers", "half a second one"],
)
async def test_a_request_that_never_arrives_is_not_waited_for(pieces: list[bytes], monkeypatch: Any) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    async with served(small_app()) as port:
        began = time.monotonic()
        heard = await said(port, *pieces, pause=0.02)
        took = time.monotonic() - began
    assert took < PATIENCE, "closed by us, not left"
    assert heard.count(b"HTTP/1.1 200") == (1 if len(pieces) == 2 and pieces[0] != b"G" else 0)


@pytest.mark.parametrize("asked", [1, 40], ids=["one answer", "many answers"])
@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"], ids=["kept open", "closed by us"])
async def test_an_answer_that_nobody_reads_is_not_kept_for_ever(asked: int, last: bytes, monkeypatch: Any) -> None:
    """Else 512 visitors who only ask and never read are all that we serve."""
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0.3)
    app = small_app()

    @app.get("/long")
    async def long() -> Response:
        app.state.reached += 1
        return Response(bytes(8 * 1024 * 1024))

    async with served(app) as port:
        with socket.socket() as visitor:
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            visitor.connect(("127.0.0.1", port))
            visitor.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n" * (asked - 1))
            visitor.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n")
            async with asyncio.timeout(PATIENCE):
                while not app.state.reached or app.state.connections:  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.01)


async def test_whoever_reads_slowly_but_reads_gets_all_of_it(monkeypatch: Any) -> None:
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 5)
    app = small_app()
    app.add_api_route("/long", lambda: Response(bytes(8 * 1024 * 1024)), response_model=None)
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
        writer.write(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(8):
            await asyncio.sleep(0.05)
            await asyncio.wait_for(reader.readexactly(1024 * 1024), PATIENCE)
        writer.close()


async def test_a_prompt_visitor_is_served_as_often_as_they_like_on_one_connection(monkeypatch: Any) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 2)
    app = small_app()
    async with served(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(12):
            writer.write(GET + b"\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
            await asyncio.sleep(0.2)
        writer.close()
    assert app.state.reached == 12


async def test_a_body_that_never_ends_is_answered_and_not_waited_for(monkeypatch: Any) -> None:
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    app = small_app()
    async with served(app) as port:
        head = b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        began = time.monotonic()
        heard = await said(port, head, *[b"x"] * 50, pause=0.02)
        assert time.monotonic() - began < PATIENCE, "closed by us, although the body went on after the answer"
        assert heard.startswith(b"HTTP/1.1 408")
        assert b"application/problem+json" in heard
        assert b'"bytes":3' in await one_answer(port, head.replace(b"1000", b"3") + b"abc")
    assert app.state.reached == 1


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 60\r\n\r\nabcd" + GET + b"\r\n",
        b"POST /take HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /take HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /take HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
        b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /who HTTP/1.1\r\n\r\n",
        b"GET /who HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /who\r\nSet-Cookie: x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /who HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /who HTTP/1.1\r\nHost: x\r\n folded: header\r\n",
        b"GET /who HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * middleware.MAX_HEAD + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["two lengths", "odd coding", "blank before colon", "bad chunk", "negative length", "no host", "two hosts",
         "split line", "null byte", "folded", "too long", "tls"],
)  # fmt: skip
async def test_a_crooked_request_is_refused_or_ended_and_reaches_nothing(request_: bytes, monkeypatch: Any) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(middleware, "BODY_SECONDS", 0.3)
    app = small_app()
    async with served(app) as port:
        heard = await said(port, request_)
    assert heard == b"" or heard.split(b" ")[1] in (b"400", b"408", b"413", b"431", b"501")
    assert heard.count(b"HTTP/1.1") <= 1
    assert b"Traceback" not in heard
    assert app.state.reached == 0


async def test_both_lengths_at_once_smuggle_no_second_request() -> None:
    app = small_app()
    async with served(app) as port:
        head = b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"
        heard = await said(port, head, b"ET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    statuses = [line for line in heard.split(b"\r\n") if line.startswith(b"HTTP/1.1")]
    assert statuses == [b"HTTP/1.1 400 Bad Request"]
    assert app.state.reached == 0


async def test_nothing_is_read_behind_a_body_of_two_lengths() -> None:
    """A proxy that goes by the length takes the second request for a part of the first one's body."""
    app = small_app()
    hidden = b"0\r\n\r\n" + GET + b"\r\n"
    head = b"POST /take HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(hidden)
    async with served(app) as port:
        heard = await said(port, head + hidden)
    assert heard.count(b"HTTP/1.1") == 1
    assert b"connection: close" in heard.lower()
    assert app.state.reached == 0


FORWARDED = GET + b"X-Forwarded-For: 203.0.113.7, 198.51.100.9\r\nX-Forwarded-Proto: https\r\n\r\n"


async def test_nobody_is_believed_about_who_is_calling() -> None:
    async with served(small_app()) as port:
        heard = await one_answer(port, FORWARDED)
    assert b'"caller":"127.0.0.1"' in heard
    assert b'"scheme":"http"' in heard


@pytest.mark.parametrize(
    ("proxies", "caller"),
    [
        ("127.0.0.1", b"198.51.100.9"),
        ("127.0.0.0/8, 198.51.100.0/24", b"203.0.113.7"),
        ("10.0.0.0/8", b"127.0.0.1"),
    ],
)
async def test_a_proxy_of_ours_is_believed_as_far_as_our_proxies_reach(proxies: str, caller: bytes) -> None:
    async with served(small_app(), trusted_proxies=proxies) as port:
        assert b'"caller":"%s"' % caller in await one_answer(port, FORWARDED)


async def test_more_connections_than_we_serve_are_told_so(monkeypatch: Any) -> None:
    monkeypatch.setattr(serving, "MAX_CONNECTIONS", 5)
    async with served(small_app()) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        heard = await one_answer(port, GET + b"\r\n")
        assert heard.startswith(b"HTTP/1.1 503")
        for _, writer in idle:
            writer.close()
        for _ in range(900):
            if (await one_answer(port, GET + b"\r\n")).startswith(b"HTTP/1.1 200"):
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("not served again")
