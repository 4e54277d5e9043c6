"""Whoever asks for TLS to the database gets it, in every part that connects, before a name or password is sent.

Against a stand-in that speaks TLS as PostgreSQL does, because the embedded server is built without it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy.exc import SQLAlchemyError

from ledgerbridge.store import schema
from ledgerbridge.store.engine import Database, connection_settings, libpq_url

SSL_REQUEST = 80877103
REACHED = "the stand-in was reached"


def certificate(folder: Path, name: str, address: str) -> tuple[Path, Path]:
    """Key and self-signed certificate for an address; the certificate is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.key", folder / f"{name}.crt"
    files[0].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    files[1].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return files


class StandIn:
    """Takes connections as PostgreSQL does up to the first message that names a user, and refuses there."""

    def __init__(self, key: Path | None, cert: Path | None) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.speaks_tls = key is not None and cert is not None
        if key is not None and cert is not None:
            self.context.load_cert_chain(cert, key)
        self.users: list[str] = []
        """Everybody who said who they are."""
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self.listening.accept()
            except OSError:
                return
            with closing(caller), suppress(OSError):
                caller.settimeout(10)
                self._answer(caller)

    def _answer(self, caller: socket.socket) -> None:
        line: socket.socket = caller
        while True:
            length, code = struct.unpack("!II", _exactly(line, 8))
            rest = _exactly(line, length - 8)
            if code != SSL_REQUEST:
                break
            line.sendall(b"S" if self.speaks_tls else b"N")
            if self.speaks_tls:
                line = self.context.wrap_socket(caller, server_side=True)
        parts = rest.split(b"\0")
        self.users.append(parts[parts.index(b"user") + 1].decode())
        text = f"SFATAL\0VFATAL\0C28000\0M{REACHED}\0\0".encode()
        line.sendall(b"E" + struct.pack("!I", len(text) + 4) + text)


def _exactly(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = line.recv(size - len(found))
        if not piece:
            raise OSError("gone")
        found += piece
    return found


@contextmanager
def stand_in(key: Path | None = None, cert: Path | None = None) -> Iterator[StandIn]:
    server = StandIn(key, cert)
    try:
        yield server
    finally:
        server.listening.close()


async def by_the_engine(url: str) -> None:
    db = Database(url)
    try:
        await db.ping()
    finally:
        await db.close()


async def by_the_queue(url: str) -> None:
    await psycopg.AsyncConnection.connect(libpq_url(url), **connection_settings(url, "worker"))  # type: ignore[arg-type]


async def by_migrations(url: str) -> None:
    schema.current_revision(url)


WAYS = [by_the_engine, by_the_queue, by_migrations]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("case", ["right", "other-authority", "other-name", "no-tls"])
async def test_a_verified_connection_or_none(tmp_path: Path, way: Callable[..., object], case: str) -> None:
    key, cert = certificate(tmp_path, "database", "127.0.0.1" if case != "other-name" else "192.0.2.1")
    trusted = cert if case != "other-authority" else certificate(tmp_path, "other", "127.0.0.1")[1]
    with stand_in(*((key, cert) if case != "no-tls" else ())) as server:
        url = f"postgresql://us:hush@127.0.0.1:{server.port}/books?sslmode=verify-full&sslrootcert={trusted}"
        with pytest.raises((SQLAlchemyError, psycopg.OperationalError)) as refused:
            await way(url)  # type: ignore[misc]
        said = str(getattr(refused.value, "orig", refused.value))
        assert "hush" not in said
        assert server.users == (["us"] if case == "right" else [])
        assert (REACHED in said) is (case == "right")
        assert {"right": REACHED, "other-authority": "certificate verify failed", "other-name": "does not match",
                "no-tls": "does not support SSL"}[case] in said  # fmt: skip
