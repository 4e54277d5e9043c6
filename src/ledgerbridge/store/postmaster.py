"""The postmaster of one data directory: is it running, where does it listen, stop it, and guard it.

Standard library only, because this file is also a program: the *guard*, one small process beside each embedded cluster
that waits until no process uses the cluster any more and then stops it, even if the last user was killed. The kernel
keeps count: every user holds a shared lock on one file; the guard gets its exclusive lock when the last one is gone.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

STOP_SECONDS = 60.0


@dataclass(frozen=True)
class Postmaster:
    """A running server: its process id and the loopback TCP port it listens on."""

    pid: int
    port: int


def find(pgdata: Path) -> Postmaster | None:
    """The server running on `pgdata`, or None, also when its pid file outlived it.

    After a power loss or a container restart the recorded pid may belong to another program, so the process must also
    look like a postmaster of this very directory.
    """
    try:
        lines = (pgdata / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 4 or not lines[0].strip().isdigit() or not lines[3].strip().isdigit():
        return None
    pid = int(lines[0])
    return Postmaster(pid, int(lines[3])) if os.fsencode(pgdata) in _command_line(pid) else None


def stop(pgdata: Path) -> None:
    """Stop the server on `pgdata`, ending its sessions, and wait until it is gone. Nothing to do if none runs.

    Raises TimeoutError if it still runs after a minute.
    """
    server = find(pgdata)
    if server is None:
        return
    os.kill(server.pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    while find(pgdata) is not None:
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"The embedded PostgreSQL (process {server.pid}) did not stop within {STOP_SECONDS:.0f} s."
            )
        time.sleep(0.02)


def lock(path: Path, kind: int) -> IO[bytes] | None:
    """Take a file lock of this kind (`fcntl.LOCK_SH`, `LOCK_EX`, with `LOCK_NB` or not); closing the file releases it.

    None if it was asked not to wait and somebody else holds it.
    """
    handle = path.open("ab")
    try:
        fcntl.flock(handle, kind)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def stop_when_unused(users: Path, pgdata: Path) -> None:
    """The guard's whole life: wait for the last user to let go of the lock file, then stop the server."""
    handle = lock(users, fcntl.LOCK_EX)
    stop(pgdata)
    if handle is not None:
        handle.close()


def _command_line(pid: int) -> bytes:
    """The command line of a process, empty if there is none; `ps` stands in where there is no /proc (macOS)."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True).stdout  # noqa: S603, S607


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # whoever started us need not wait for us nor bury us
    stop_when_unused(Path(sys.argv[1]), Path(sys.argv[2]))
