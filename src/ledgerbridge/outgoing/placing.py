"""Putting a file where others fetch it, so that it is there once, whole, and never in place of another.

Whoever fetches files from a folder takes each away at once, so a file that is missing tells nothing about whether it
was there. Therefore a place says, before the step after which the file may be seen, that it takes it (`Decisive`);
whoever remembers that and hears nothing more must not take the step again without a person.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Decisive = Callable[[], Awaitable[None]]
"""Called when the next step makes the file visible to others."""


class Failing(StrEnum):
    """What kept a file from its place."""

    ADDRESS = "address"
    """The address must not be called."""
    UNREACHABLE = "unreachable"
    """Nobody answers; nothing was sent."""
    BROKEN = "broken"
    """The connection was lost, or nothing came for too long."""
    NOT_IT = "not_it"
    """Something else answers at the address."""
    HOST_KEY = "host_key"
    """The server does not prove to be the one that was confirmed; no password was sent. `detail`: its fingerprint."""
    LOGIN = "login"
    """User name, password or key are refused."""
    REGION = "region"
    """The bucket is in another region; `detail` names it."""
    CLOCK = "clock"
    """Their clock and ours are too far apart."""
    FOLDER = "folder"
    """There is no such folder or bucket."""
    MAY_NOT_WRITE = "may_not_write"
    MAY_NOT_RENAME = "may_not_rename"
    MAY_NOT_READ = "may_not_read"
    MAY_NOT_DELETE = "may_not_delete"
    FULL = "full"
    """It takes no more bytes; SFTP cannot tell a full disk from other failures of a write."""
    OTHER_FILE = "other_file"
    """Another file lies there under this name. It was left alone."""
    IN_DOUBT = "in_doubt"
    """It may have been put there and fetched already, or never have come."""
    BUSY = "busy"
    """The server asks to come back later."""
    STRANGE = "strange"
    """An answer we have no word for; `detail` says it."""


class NotPlaced(Exception):
    """A file is not in its place, or nobody can tell."""

    def __init__(self, failing: Failing, detail: str = "", *, sent: bool = False) -> None:
        super().__init__(f"{failing}: {detail}" if detail else str(failing))
        self.failing = failing
        self.detail = detail
        """For people, short, without secrets."""
        self.sent = sent
        """The decisive step was taken and nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file to be put into its place."""

    name: str
    size: int
    sha256: str
    """Hexadecimal."""
    pieces: Callable[[], AsyncIterator[bytes]]
    """Its bytes from the beginning, the same every time."""


class Place(Protocol):
    """A folder on a server of others."""

    async def put(self, parcel: Parcel, *, decisive: Decisive, sent: bool = False) -> bool:
        """Put the file there under its name; False when exactly this file was there already.

        `sent`: an earlier call took the decisive step and heard nothing more; then a file that is nowhere is
        `IN_DOUBT`. Raises `NotPlaced`.
        """
        ...

    async def probe(self) -> None:
        """Write, rename, read and delete a small file. Raises `NotPlaced` with what is missing."""
        ...


async def nothing() -> None:
    """A `Decisive` that nobody asks for."""


def short(text: object, most: int = 200) -> str:
    """What another side said, on one line and not endless."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)).split())[:most]
