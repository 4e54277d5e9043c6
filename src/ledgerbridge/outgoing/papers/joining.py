"""PDFs and images as one PDF, in order: every page of every file, and the files that PDFs carry inside.

What a PDF forbids its readers, short of opening it, is not asked: whoever has the file may print and join it. The same
files make the same bytes. Runs only where `bounds` hold.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import BinaryIO

import pypdf
from pypdf.errors import FileNotDecryptedError, WrongPasswordError
from pypdf.generic import NullObject

from ledgerbridge.outgoing.papers import images
from ledgerbridge.outgoing.papers.faults import Damaged, Locked, NoDocument, of_file
from ledgerbridge.outgoing.papers.order import Given, pieces

HEAD = 1024
"""A PDF may have so much before it begins."""
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


def rehearse() -> None:
    """Join what is known to be whole, so that all that is needed later is loaded while it still can be."""
    blank = io.BytesIO()
    made = pypdf.PdfWriter()
    made.add_blank_page(1, 1)
    made.add_attachment("a", b"a")
    made.write(blank)
    _append(pypdf.PdfWriter(), blank.getvalue(), 1)


def join(files: Sequence[Given], into: BinaryIO, begun: Callable[[int], None]) -> None:
    """Write one PDF of all files, having told `begun` the position of each. Raises `Unusable`, and `OSError` of
    `into`."""
    made = pypdf.PdfWriter()
    for position, given in enumerate(files, 1):
        begun(position)
        content = b"".join(pieces(given))
        if content.startswith(_IMAGES):
            content = images.page(content)
        elif b"%PDF-" not in content[:HEAD]:
            raise NoDocument
        _append(made, content, position)
    begun(0)
    made.metadata = {"/Producer": "Ledgerbridge"}
    made.write(into)


def _append(made: pypdf.PdfWriter, content: bytes, position: int) -> None:
    before = len(made.pages)
    try:
        found = pypdf.PdfReader(io.BytesIO(content), strict=False)
        pages = _complete(found)
        made.append(found, import_outline=False)
        for name, versions in found.attachments.items():
            for one in versions:
                made.add_attachment(f"{position}-{name}", one)
    except (FileNotDecryptedError, WrongPasswordError) as error:
        raise Locked from error
    except Exception as error:
        if not of_file(error):
            raise
        raise Damaged(repr(error)) from error
    if not pages or len(made.pages) != before + pages:
        raise Damaged(f"{pages} pages, of which {len(made.pages) - before} could be read")


def _complete(found: pypdf.PdfReader) -> int:
    """How many pages there are. Raises `Damaged` where some, or what is on them, are missing.

    What is broken is mended while it is read, and a page that cannot be is passed over or left white in silence.
    """
    pages = len(found.pages)
    told = found.root_object["/Pages"].get_object().get("/Count")  # type: ignore[union-attr]
    if isinstance(told, int) and told > pages:
        raise Damaged(f"{told} pages, of which {pages} are there")
    for page in found.pages:
        if "/Contents" in page and isinstance(page["/Contents"].get_object(), NullObject | None):
            raise Damaged("a page without its contents")
    return pages
