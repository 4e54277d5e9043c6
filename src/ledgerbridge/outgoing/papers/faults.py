"""Why a file cannot be taken into a document, where that is found out."""

from __future__ import annotations

import errno

from ledgerbridge.outgoing.papers.order import Why


class Unusable(Exception):
    """A file that cannot be taken in, now and on every other try."""

    why: Why


class NoDocument(Unusable):
    """It begins as nothing we know."""

    why = Why.NO_DOCUMENT


class Locked(Unusable):
    """It opens with a password only."""

    why = Why.LOCKED


class Damaged(Unusable):
    """It is not what it begins as."""

    why = Why.DAMAGED


class TooMuch(Unusable):
    """It asks for more than a receipt needs."""

    why = Why.BEYOND


def of_file(error: BaseException) -> bool:
    """Whether an error met while reading a file tells of the file, and not of a library that was not loaded in time."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ImportError | MemoryError) or (isinstance(seen, OSError) and seen.errno == errno.EMFILE):
            return False
        seen = seen.__cause__ or seen.__context__
    return True
