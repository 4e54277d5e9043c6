"""`python -m tests.chaos.sftp PORT FOLDER KEY`: an SFTP server that somebody else may kill."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncssh

from tests.support.sftp_server import PASSWORD, USER


class _Door(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


async def serve(port: int, folder: Path, key: Path) -> None:
    """Until it is killed."""
    await asyncssh.create_server(
        _Door,
        "127.0.0.1",
        port,
        server_host_keys=[asyncssh.read_private_key(key)],
        sftp_factory=lambda chan: asyncssh.SFTPServer(chan, chroot=str(folder).encode()),
        reuse_address=True,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
