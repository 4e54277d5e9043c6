"""A folder on an SFTP server: written beside, renamed into place.

The server is known by fingerprints of its key that a person has confirmed, and by nothing else; no password and no
signature leave before it has shown one of them. Connections are made to checked addresses (`network.dial`).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import asyncssh

from ledgerbridge.outgoing.addresses import Reach
from ledgerbridge.outgoing.network import AddressRefused, dial
from ledgerbridge.outgoing.placing import Decisive, Failing, NotPlaced, Parcel, nothing, short

_HOST_KEYS = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    *("rsa-sha2-512", "rsa-sha2-256"),
)
"""In this order for good: a server with several keys must show the same one every time."""
_EXCHANGES = "-*-sha1,rsa*,gss-*"
"""Those of the library but for SHA-1 and what lets a stolen key read yesterday's files."""
_AT_ONCE = 512 * 1024
"""Bytes handed to the library together, which sends parts of them side by side."""
_PATIENCE = 60.0
"""Seconds for a step; for a piece of a file."""
_LAST_WORDS = 5.0
"""Seconds for ending what has failed already."""

# Its lines of debugging tell names of files and users.
asyncssh.set_log_level("ERROR")


@dataclass(frozen=True, slots=True)
class SftpLogin:
    """Where the folder is and how it is entered."""

    host: str
    port: int
    user: str
    folder: str
    """As the server names it; empty for the one it starts in."""
    host_keys: tuple[str, ...]
    """Fingerprints as `SHA256:...`; a server that shows none of them is not let in."""
    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    """In OpenSSH's or a PEM form, without a passphrase."""


def private_key_fault(text: str) -> str | None:
    """Why a private key cannot be used, completing "the key ..."; None when it can."""
    try:
        asyncssh.import_private_key(text)
    except asyncssh.KeyEncryptionError:
        return "is locked with a passphrase"
    except (asyncssh.KeyImportError, ValueError) as error:
        return "is locked with a passphrase" if "assphrase" in str(error) else "cannot be read"
    return None


class Sftp:
    """A `Place` on an SFTP server."""

    def __init__(self, login: SftpLogin, reach: Reach, *, patience: float = _PATIENCE) -> None:
        self._login = login
        self._reach = reach
        self._patience = patience

    async def put(self, parcel: Parcel, *, decisive: Decisive = nothing, sent: bool = False) -> bool:
        async with self._folder() as folder:
            return await folder.put(parcel, decisive, sent=sent)

    async def probe(self) -> None:
        async with self._folder() as folder:
            await folder.probe()

    @asynccontextmanager
    async def _folder(self) -> AsyncIterator[_Folder]:
        login = self._login
        guard = _Guard(login.host_keys)
        line = await self._dialled()
        opened = False
        try:
            with _told(guard):
                async with asyncio.timeout(self._patience):
                    connection = await asyncssh.connect(
                        login.host,
                        login.port,
                        sock=line,
                        client_factory=lambda: guard,
                        username=login.user,
                        password=login.password,
                        client_keys=[asyncssh.import_private_key(login.private_key)] if login.private_key else None,
                        # Nothing of the machine: no known hosts, no configuration, no agent.
                        known_hosts=([], [], []),
                        x509_trusted_certs=None,
                        server_host_key_algs=_HOST_KEYS,
                        kex_algs=_EXCHANGES,
                        agent_path=None,
                        config=[],
                        compression_algs=None,
                        keepalive_interval=20,
                    )
                opened = True
        finally:
            if not opened:
                line.close()
        try:
            with _told(guard):
                async with asyncio.timeout(self._patience):
                    client = await connection.start_sftp_client()
            yield _Folder(client, login.folder, self._patience)
        finally:
            connection.abort()
            with suppress(Exception):
                async with asyncio.timeout(_LAST_WORDS):
                    await connection.wait_closed()

    async def _dialled(self) -> socket.socket:
        try:
            return await dial(self._reach, self._login.host, self._login.port)
        except AddressRefused as error:
            raise NotPlaced(Failing.ADDRESS, error.reason) from None
        except (OSError, UnicodeError) as error:
            raise NotPlaced(Failing.UNREACHABLE, short(getattr(error, "strerror", None) or "")) from None


class _Guard(asyncssh.SSHClient):
    """Looks at the server's key."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        self._trusted = trusted
        self.shown: str | None = None
        """Fingerprint of a key that was not trusted."""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        found = key.get_fingerprint()
        if found in self._trusted:
            return True
        self.shown = found
        return False


class _Folder:
    """The folder while it is open."""

    def __init__(self, client: asyncssh.SFTPClient, path: str, patience: float) -> None:
        self._client = client
        self._path = path
        self._patience = patience

    async def put(self, parcel: Parcel, decisive: Decisive, *, sent: bool) -> bool:
        final, part = self._at(parcel.name), self._at(f".{parcel.name}.{parcel.sha256[:16]}.part")
        if await self._there(final, parcel):
            return False
        if sent and not await self._size(part) == parcel.size:
            raise NotPlaced(Failing.IN_DOUBT)
        if not sent:
            await self._write(part, parcel)
        await decisive()
        try:
            await self._rename(part, final)
        except NotPlaced as failed:
            # Somebody may have been quicker, or our own try whose answer was lost.
            if not failed.sent and await self._there(final, parcel):
                return False
            raise
        return True

    async def probe(self) -> None:
        content = secrets.token_hex(16).encode()
        name = f"ledgerbridge-test-{secrets.token_hex(4)}"
        parcel = Parcel(f"{name}.txt", len(content), hashlib.sha256(content).hexdigest(), lambda: _once(content))
        part, final = self._at(f".{name}.part"), self._at(parcel.name)
        await self._write(part, parcel)
        at = part
        try:
            await self._rename(part, final)
            at = final
            await self._there(final, parcel)
        except NotPlaced:
            with suppress(NotPlaced):
                await self._step(self._client.remove(at), Failing.MAY_NOT_DELETE)
            raise
        await self._step(self._client.remove(final), Failing.MAY_NOT_DELETE)

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}" if self._path else name

    async def _there(self, path: str, parcel: Parcel) -> bool:
        """Whether exactly this file is there. Raises `NotPlaced` when another one is, or none can say."""
        size = await self._size(path)
        if size is None:
            return False
        if size != parcel.size:
            raise NotPlaced(Failing.OTHER_FILE, parcel.name)
        digest, read = hashlib.sha256(), 0
        with _told(denied=Failing.MAY_NOT_READ):
            async with self._opened(path, "rb") as file:
                while True:
                    async with asyncio.timeout(self._patience):
                        piece = await file.read(_AT_ONCE)
                    if not piece:
                        break
                    digest.update(piece if isinstance(piece, bytes) else piece.encode())
                    read += len(piece)
                    if read > size:  # it says more than it said it would, perhaps without end
                        break
        if read != size or digest.hexdigest() != parcel.sha256:
            raise NotPlaced(Failing.OTHER_FILE, parcel.name)
        return True

    @asynccontextmanager
    async def _opened(self, path: str, mode: str) -> AsyncIterator[asyncssh.SFTPClientFile]:
        """The file while it is open; its end is waited for no longer than any other step."""
        async with asyncio.timeout(self._patience):
            file = await self._client.open(path, mode)
        try:
            yield file
        except BaseException:
            with suppress(Exception):
                async with asyncio.timeout(_LAST_WORDS):
                    await file.close()
            raise
        async with asyncio.timeout(self._patience):
            await file.close()

    async def _size(self, path: str) -> int | None:
        """Bytes of a file; None when there is none."""
        try:
            with _told(denied=Failing.MAY_NOT_READ, missing=Failing.FOLDER):
                async with asyncio.timeout(self._patience):
                    return (await self._client.stat(path)).size
        except NotPlaced as failed:
            if failed.failing is Failing.FOLDER:
                return None
            raise

    async def _write(self, path: str, parcel: Parcel) -> None:
        with _told(denied=Failing.MAY_NOT_WRITE, missing=Failing.FOLDER, failure=Failing.FULL):
            async with self._opened(path, "wb") as file:
                async for piece in _gathered(parcel.pieces()):
                    async with asyncio.timeout(self._patience):
                        await file.write(piece)
                with suppress(asyncssh.SFTPOpUnsupported):
                    async with asyncio.timeout(self._patience):
                        await file.fsync()
        if await self._size(path) != parcel.size:
            raise NotPlaced(Failing.FULL, "fewer bytes arrived than were sent")

    async def _rename(self, part: str, final: str) -> None:
        try:
            # Not the one of POSIX, which takes the place of what is there.
            await self._step(self._client.rename(part, final), Failing.MAY_NOT_RENAME)
        except NotPlaced as failed:
            if failed.failing is Failing.BROKEN:
                raise NotPlaced(failed.failing, failed.detail, sent=True) from None
            raise

    async def _step(self, call: object, denied: Failing) -> None:
        with _told(denied=denied, missing=Failing.FOLDER, failure=denied):
            async with asyncio.timeout(self._patience):
                await call  # type: ignore[misc]


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Small pieces together."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) >= _AT_ONCE:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


@contextmanager
def _told(
    guard: _Guard | None = None,
    *,
    denied: Failing = Failing.LOGIN,
    missing: Failing = Failing.STRANGE,
    failure: Failing = Failing.STRANGE,
) -> Iterator[None]:
    """Raise what goes wrong as `NotPlaced`; `guard` while the connection is being made."""
    before = guard is not None
    try:
        yield
    except asyncssh.HostKeyNotVerifiable:
        raise NotPlaced(Failing.HOST_KEY, guard.shown or "" if guard else "") from None
    except (asyncssh.PermissionDenied, asyncssh.IllegalUserName):
        raise NotPlaced(Failing.LOGIN) from None
    except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPWriteProtect) as error:
        raise NotPlaced(denied, short(error.reason)) from None
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath, asyncssh.SFTPNotADirectory):
        raise NotPlaced(missing) from None
    except (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded) as error:
        raise NotPlaced(Failing.FULL, short(error.reason)) from None
    except (asyncssh.SFTPNoConnection, asyncssh.SFTPConnectionLost, asyncssh.ConnectionLost, TimeoutError) as error:
        raise NotPlaced(Failing.BROKEN, short(error)) from None
    except asyncssh.SFTPError as error:
        raise NotPlaced(failure, short(error.reason)) from None
    except asyncssh.ChannelOpenError as error:
        raise NotPlaced(Failing.NOT_IT, short(error.reason)) from None
    except asyncssh.DisconnectError as error:
        raise NotPlaced(Failing.NOT_IT if before else Failing.BROKEN, short(error.reason)) from None
    except OSError as error:
        raise NotPlaced(Failing.BROKEN, short(error.strerror or "")) from None
    except asyncssh.Error as error:
        raise NotPlaced(Failing.STRANGE, short(error)) from None
