"""Any files as one ZIP: stored as they are, in order, under plain names and with one date, so that the same files make
the same bytes on every machine. Runs only where `bounds` hold.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from typing import BinaryIO

from ledgerbridge.outgoing.papers.order import Given, pieces

_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The first day that a ZIP can name."""


def pack(files: Sequence[Given], into: BinaryIO, begun: Callable[[int], None]) -> None:
    """Write one archive of all files, having told `begun` the position of each. Raises `OSError` of `into`."""
    with zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as archive:
        for position, given in enumerate(files, 1):
            begun(position)
            about = zipfile.ZipInfo(given.name, _LONG_AGO)
            about.create_system, about.external_attr = 3, 0o644 << 16
            about.file_size = given.size
            with archive.open(about, "w") as place:
                for piece in pieces(given):
                    place.write(piece)
        begun(0)
