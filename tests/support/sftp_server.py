"""A real SFTP server in a folder of the test's own, which can break at a chosen moment."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

from tests.support.canaries import canary

USER, PASSWORD = "ledger", canary("SFTP password")


@dataclass
class SftpStand:
    """The server as a test sees and spoils it."""

    folder: Path
    port: int = 0
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    client_key: asyncssh.SSHKey | None = None
    """Whoever proves to have it is let in as well."""
    break_after: int | None = None
    """Bytes of a file after which the line is cut, once."""
    full_after: int | None = None
    """Bytes of a file after which there is no room."""
    rename: str = "works"
    """Or `lost` (done, line cut), `taken` (done, fetched by the importer, line cut), `cut` (not done, line cut),
    `refused`."""
    rename_of: str = ""
    """What the name ends with whose renaming goes so; others work."""
    slow: float = 0.0
    """Seconds a write takes."""
    may_delete: bool = True
    may_read: bool = True
    endless: bool = False
    """Whether a file that is read never ends, whatever its size is said to be."""
    passwords: list[str] = field(default_factory=list)
    """Tried, right or wrong."""
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"sftp://127.0.0.1:{self.port}"

    @property
    def fingerprint(self) -> str:
        return self.host_key.get_fingerprint()

    @property
    def settings(self) -> dict[str, Any]:
        """Of a destination in the folder `in`."""
        return {
            "delivery": "sftp",
            "sftp_address": f"{self.address}/in",
            "sftp_user": USER,
            "sftp_secret": PASSWORD,
            "sftp_host_key": self.fingerprint,
        }

    @property
    def files(self) -> dict[str, bytes]:
        """What lies in the folder `in`, by name."""
        return {one.name: one.read_bytes() for one in sorted((self.folder / "in").iterdir())}

    def cut(self) -> None:
        for connection in self.connections:
            connection.abort()
        self.connections.clear()


class _Door(asyncssh.SSHServer):
    def __init__(self, stand: SftpStand) -> None:
        self._stand = stand

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._stand.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._stand.passwords.append(password)
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return self._stand.client_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        mine = self._stand.client_key
        return mine is not None and username == USER and key == mine.convert_to_public()


class _Files(asyncssh.SFTPServer):
    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], stand: SftpStand) -> None:
        super().__init__(chan, chroot=str(stand.folder).encode())
        self._stand = stand

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if not self._stand.may_read and not pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("no reading here")
        return super().open(path, pflags, attrs)

    def read(self, file_obj: object, offset: int, size: int) -> object:
        return bytes(size) if self._stand.endless else super().read(file_obj, offset, size)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        stand = self._stand
        await asyncio.sleep(stand.slow)
        if stand.break_after is not None and offset + len(data) > stand.break_after:
            stand.break_after = None
            stand.cut()
            raise asyncssh.SFTPConnectionLost("cut")
        if stand.full_after is not None and offset + len(data) > stand.full_after:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(file_obj, offset, data)
        return written if isinstance(written, int) else await written

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        mine = newpath.decode().endswith(self._stand.rename_of)
        fate = self._stand.rename if mine else "works"
        if fate == "refused":
            raise asyncssh.SFTPPermissionDenied("no renaming here")
        if fate != "cut":
            super().rename(oldpath, newpath)
        if fate == "taken":
            (self._stand.folder / newpath.decode().lstrip("/")).unlink()
        if fate != "works":
            self._stand.rename = "works"
            self._stand.cut()

    def remove(self, path: bytes) -> None:
        if not self._stand.may_delete:
            raise asyncssh.SFTPPermissionDenied("no deleting here")
        super().remove(path)


@asynccontextmanager
async def sftp_stand(folder: Path) -> AsyncIterator[SftpStand]:
    """A server in `folder`, in which the folder `in` is for files."""
    (folder / "in").mkdir()
    stand = SftpStand(folder)
    server = await asyncssh.create_server(
        lambda: _Door(stand),
        "127.0.0.1",
        0,
        server_host_keys=[stand.host_key],
        sftp_factory=lambda chan: _Files(chan, stand),
    )
    stand.port = server.sockets[0].getsockname()[1]
    try:
        yield stand
    finally:
        stand.cut()
        server.close()
        await server.wait_closed()
