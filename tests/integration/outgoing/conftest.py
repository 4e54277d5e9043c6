"""An internet of this machine's own: names, public addresses, and real TLS servers behind them."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ledgerbridge.outgoing.addresses import PUBLIC, Reach
from ledgerbridge.outgoing.network import CheckedBackend, CheckedTransport

NAMES = ("files.example", "cdn.example", "erp.example")
Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The TLS of servers that may call themselves by any of `NAMES`, and that of clients who believe them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in NAMES]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder: Path = tmp_path_factory.mktemp("tls")
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(secret + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    # The name each client asks for, noted on the connection: `Server.talk` puts it down.
    server.sni_callback = lambda connection, named, _context: setattr(connection, "asked_for", named)
    return server, ssl.create_default_context(cadata=pem.decode())


@dataclass
class Server:
    """A server that notes what it is told and answers as a test wishes."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    """Request line and headers of every request."""
    named: list[str | None] = field(default_factory=list)
    """The name asked for in each TLS handshake."""
    connections: int = 0
    answers: list[Answer] = field(default_factory=list)
    """For one request each; the last one for all that follow."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        tls = writer.get_extra_info("ssl_object")
        self.named.append(getattr(tls, "asked_for", None))
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head.decode("latin-1"))
                await (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def saying(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    """An ordinary answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in named.items())]

    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return say


def trickling(beginning: bytes, piece: bytes) -> Answer:
    """An answer that goes on for ever, a little at a time."""

    async def trickle(writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    return trickle


@dataclass
class Internet(httpcore.AsyncNetworkBackend):
    """Public addresses lead to servers of this machine; every other address would be a real call and is refused."""

    routes: dict[str, Server] = field(default_factory=dict)
    names: dict[str, list[list[str]]] = field(default_factory=dict)
    """For each name its answers, one a question; the last one for all that follow."""
    called: list[str] = field(default_factory=list)
    trusted: ssl.SSLContext | None = None

    async def look_up(self, host: str, port: int) -> Sequence[str]:
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect_tcp(self, host: str, port: int, *more: Any, **named: Any) -> httpcore.AsyncNetworkStream:
        self.called.append(host)
        return await httpcore.AnyIOBackend().connect_tcp("127.0.0.1", self.routes[host].port, *more, **named)

    def transport(self, reach: Reach = PUBLIC) -> httpx.AsyncBaseTransport:
        """As the service's own, on this internet."""
        assert self.trusted is not None
        return CheckedTransport(CheckedBackend(reach, self.look_up, self), self.trusted)


@pytest.fixture
def internet(authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> Internet:
    return Internet(trusted=authority[1])


Open = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve(authority: tuple[ssl.SSLContext, ssl.SSLContext], internet: Internet) -> AsyncIterator[Open]:
    """Opens a server at an address of the internet, or, without one, in plain HTTP at a port of this machine."""
    opened: list[asyncio.Server] = []

    async def start(address: str | None, *answers: Answer) -> Server:
        server = Server(answers=list(answers) or [saying()])
        tls = None
        if address is not None:
            tls = authority[0]
            internet.routes[address] = server
        bound = await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=tls)
        server.port = bound.sockets[0].getsockname()[1]
        opened.append(bound)
        return server

    yield start
    for bound in opened:
        bound.close()
