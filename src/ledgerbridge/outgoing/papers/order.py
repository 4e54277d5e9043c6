"""What a process that reads strangers' files is asked for, and what it answers; both sides know nothing else."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

_PIECE = 256 * 1024


class Make(StrEnum):
    """What is to be made of the files."""

    PDF = "pdf"
    """One document of all their pages, in order; of PDFs, JPEGs and PNGs."""
    ZIP = "zip"
    """One archive that holds them as they are; of anything."""


class Why(StrEnum):
    """Why a file cannot be taken into a document; the same on every try."""

    NO_DOCUMENT = "no_document"
    """Neither a PDF nor a JPEG or PNG, whatever it is called."""
    LOCKED = "locked"
    """It opens with a password only."""
    DAMAGED = "damaged"
    """It breaks off, or is not what it begins as."""
    BEYOND = "beyond"
    """Reading it takes more memory or time, or it has more pixels, than any receipt needs."""


@dataclass(frozen=True, slots=True)
class Given:
    """One file to be worked on."""

    name: str
    """Its name in an archive."""
    descriptor: int
    """An open file of the process, to be read from the beginning."""
    size: int
    """In bytes."""


def pieces(given: Given) -> Iterator[bytes]:
    """The bytes of a file from its beginning, wherever others have read to. Raises `OSError` where some are missing."""
    at = 0
    while at < given.size:
        piece = os.pread(given.descriptor, min(_PIECE, given.size - at), at)
        if not piece:
            raise OSError(errno.EIO, "a file was cut short")
        at += len(piece)
        yield piece


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of one process."""

    make: Make
    files: tuple[Given, ...]
    into: int
    """An open, empty file of the process, for what is made."""
    most: int
    """Bytes that may become of it."""
    seconds: int
    """Of a processor, that it may take."""

    def told(self) -> str:
        """As one argument of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def heard(cls, told: str) -> Self:
        """What `told` said."""
        body = json.loads(told)
        files = tuple(Given(**one) for one in body["files"])
        return cls(Make(body["make"]), files, body["into"], body["most"], body["seconds"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order; no answer at all is told by how the process ended."""

    done: bool = False
    """What was asked for stands in the file."""
    why: Why | None = None
    """Why a file cannot be taken in."""
    too_large: bool = False
    """It would be more than may become of it."""
    unwritten: str | None = None
    """What the machine said when the file could not be written."""
    position: int | None = None
    """Of the file it is about, from 1; None where it is about all together."""

    def told(self) -> str:
        """As the last line of what the process prints."""
        return json.dumps(asdict(self))

    @classmethod
    def heard(cls, line: str) -> Self:
        """What `told` said. Raises `ValueError` for anything else."""
        try:
            body = json.loads(line)
            body["why"] = Why(body["why"]) if body["why"] is not None else None
            return cls(**body)
        except (TypeError, KeyError) as error:
            raise ValueError(str(error)) from None


AT = "at "
"""Begins the line that is printed when the file whose position follows is begun."""
