"""The form in which an ERP is given the receipts of an item, by what it declares it takes (EXP-ATT-06, EXP-ATT-12).

What it takes goes as it is, byte for byte. Where it takes one file for each entry, several become one PDF, or else one
ZIP; an image where it takes no images becomes a PDF, and what it does not take at all a ZIP of its own. What has no
form fails its item with words. The same files get the same form and name on every try (EXP-ATT-16): which form it is
depends on the files and on what the ERP declares, and on nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum

import structlog

from ledgerbridge.bookkeeping.problem import Failure, Problem, problem
from ledgerbridge.bookkeeping.words import ExportItem
from ledgerbridge.erp.port import Attachment, Capabilities
from ledgerbridge.outgoing.files import FileNotKept, HeldFile
from ledgerbridge.outgoing.papers.order import Make, Why
from ledgerbridge.outgoing.papers.workshop import CannotMake, NotMade, Sheet, TooLargeMade, Workshop

log = structlog.get_logger(__name__)

PDF, JPEG, PNG, ZIP = "application/pdf", "image/jpeg", "image/png", "application/zip"
JOINABLE = frozenset({PDF, JPEG, PNG})
"""Types of which a PDF can be made."""
_MADE = {Make.PDF: PDF, Make.ZIP: ZIP}
_EXTENSIONS = {
    PDF: "pdf",
    JPEG: "jpg",
    PNG: "png",
    ZIP: "zip",
    "text/plain": "txt",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
"""What Pleo takes (EXP-ATT-13). Any other type is named `.bin`, on every machine alike and as nothing that runs."""
_WORDS = (
    (PDF, "PDF"),
    (JPEG, "JPEG"),
    (PNG, "PNG"),
    ("text/plain", "plain text"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "Word document"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel workbook"),
)
"""Types as people know them, those first that most have."""
_REASONS = {
    Why.NO_DOCUMENT: "is neither a PDF nor a JPEG or PNG image",
    Why.LOCKED: "opens with a password only",
    Why.DAMAGED: "is damaged",
    Why.BEYOND: "is too large or too intricate to be converted",
}


class Form(StrEnum):
    """How a receipt is given to an ERP."""

    AS_IT_IS = "as_it_is"
    PDF = "pdf"
    """As a PDF that is made of it, with the other receipts of its item where the ERP takes one file."""
    ZIP = "zip"
    """In a ZIP, alike."""
    NONE = "none"
    """Not at all: its item fails."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One file that the ERP is given, and which receipts it is made of."""

    positions: tuple[int, ...]
    """Of the receipts, from 1, in order."""
    makes: tuple[Make, ...] | None
    """What may be made of them, the best first; None where the only one goes as it is, empty where nothing can be."""
    joined: bool = False
    """It stands for all receipts of its item."""
    odd: int | None = None
    """Position of the first receipt of a type of which no PDF can be made, where that is known."""

    @property
    def form(self) -> Form:
        """As it is told beforehand: the best of what may be made."""
        if self.makes is None:
            return Form.AS_IT_IS
        return Form(self.makes[0].value) if self.makes else Form.NONE


class Unfit(Exception):
    """Receipts that cannot be given the form that the ERP takes."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.text)
        self.problem = found


def pieces(kinds: Sequence[str | None], able: Capabilities) -> tuple[Piece, ...]:
    """What receipts of these MIME types become, each by its `plain` name; None is a type that is not known yet.

    Where no files are taken they stay as they are.
    """
    if not able.attachments:
        return tuple(Piece((position,), None) for position, _ in enumerate(kinds, 1))
    if len(kinds) > 1 and not able.several_attachments:
        odd = next((at for at, kind in enumerate(kinds, 1) if kind and kind not in JOINABLE), None)
        return (Piece(tuple(range(1, len(kinds) + 1)), _makes(odd is None, able), joined=True, odd=odd),)
    return tuple(Piece((position,), _makes_of_one(kind, able)) for position, kind in enumerate(kinds, 1))


def _makes_of_one(kind: str | None, able: Capabilities) -> tuple[Make, ...] | None:
    if kind is None or _taken(kind, able):
        return None
    return _makes(kind in JOINABLE, able)


def _makes(joinable: bool, able: Capabilities) -> tuple[Make, ...]:
    makes = (Make.PDF, Make.ZIP) if joinable else (Make.ZIP,)
    return tuple(make for make in makes if _taken(_MADE[make], able))


def _taken(kind: str, able: Capabilities) -> bool:
    return able.attachment_types is None or kind in able.attachment_types


def plain(kind: str) -> str:
    """A MIME type by its usual name."""
    return JPEG if kind in ("image/jpg", "image/pjpeg") else kind


# ------------------------------------------------------------------ names


def name_of(item: ExportItem, position: int, kind: str) -> str:
    """Reconciliation id and position with the extension of the type (EXP-ATT-03, -16), e.g. `R-1001-2.pdf`."""
    return f"{_stem(item)}-{position}.{_EXTENSIONS.get(kind, 'bin')}"


def name_of_piece(item: ExportItem, piece: Piece, kind: str) -> str:
    """The same for one file of the ERP; what all receipts were made into has no position, e.g. `R-1001.pdf`."""
    if piece.joined:
        return f"{_stem(item)}.{_EXTENSIONS[kind]}"
    return name_of(item, piece.positions[0], kind)


def foreseen_name(item: ExportItem, piece: Piece, kind: str | None) -> str | None:
    """The name it will most likely have, by the declared type of its only receipt; None where that does not tell."""
    if piece.makes:
        return name_of_piece(item, piece, _MADE[piece.makes[0]])
    return name_of(item, piece.positions[0], kind) if kind and piece.makes is None else None


def _stem(item: ExportItem) -> str:
    return _word(item.reconciliation_id) or _word(item.accounting_entry_id) or "receipt"


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:80]


# ------------------------------------------------------------------ making


async def fit(
    item: ExportItem,
    receipts: Sequence[Attachment],
    able: Capabilities,
    workshop: Workshop,
    *,
    most: int,
    held: ExitStack,
) -> list[Attachment]:
    """The receipts of an item in the form that the ERP takes; `held` frees what is made.

    What went into it is freed. What is made is of at most `most` bytes. Raises `Unfit`.
    """
    fitted = []
    for piece in pieces([one.type for one in receipts], able):
        parts = [receipts[position - 1] for position in piece.positions]
        if piece.makes is None:
            fitted.extend(parts)
            continue
        if (found := hopeless(piece, len(receipts), able)) is not None:
            raise Unfit(found)
        made, kind = await _made(piece, parts, len(receipts), able, workshop, most)
        held.enter_context(made)
        for part in parts:
            part.file.close()
        fitted.append(Attachment(name_of_piece(item, piece, kind), kind, made))
    return fitted


async def _made(
    piece: Piece, parts: Sequence[Attachment], count: int, able: Capabilities, workshop: Workshop, most: int
) -> tuple[HeldFile, str]:
    """What becomes of one piece and its type, by the first way that leads somewhere."""
    found: Problem | None = None
    sheets = [Sheet(part.name, part.file) for part in parts]
    for make in piece.makes or ():
        try:
            return await workshop.make(make, sheets, most), _MADE[make]
        except CannotMake as error:
            log.info("receipts cannot be made into one document", why=str(error.why), position=error.position)
            found = found or _refused(piece, count, able, error)
        except TooLargeMade:
            found = found or _too_large(piece, count, most)
        except NotMade as error:
            log.error("receipts not prepared", reason=str(error))
            raise Unfit(problem(Failure.RECEIPT_NOT_PREPARED, str(error))) from None
        except FileNotKept as error:
            log.error("no room for a receipt on this machine", reason=str(error))
            raise Unfit(problem(Failure.RECEIPT_NOT_KEPT, str(error), name=_label(piece, count))) from None
    assert found is not None  # noqa: S101 - `hopeless` was asked before
    raise Unfit(found)


def hopeless(piece: Piece, count: int, able: Capabilities) -> Problem | None:
    """Why nothing can be made of receipts of these types that the ERP takes; None where something may."""
    if piece.makes != ():
        return None
    if not piece.joined:
        reason = "it takes no files of this type"
        return problem(Failure.RECEIPT_CONVERSION, name=_label(piece, count), reason=reason, types=types_in_words(able))
    reason = "it takes neither PDF nor ZIP files"
    if _taken(PDF, able):
        reason = f"receipt {piece.odd or 1} of {count} {_REASONS[Why.NO_DOCUMENT]}"
    return problem(Failure.RECEIPTS_NOT_JOINED, count=count, reason=reason, types=types_in_words(able))


def _refused(piece: Piece, count: int, able: Capabilities, error: CannotMake) -> Problem:
    reason = _REASONS[error.why]
    types = types_in_words(able)
    if not piece.joined:
        name = _label(piece, count)
        return problem(Failure.RECEIPT_CONVERSION, str(error), name=name, reason=f"it {reason}", types=types)
    about = f"receipt {error.position} of {count}" if error.position else "one of them"
    return problem(Failure.RECEIPTS_NOT_JOINED, str(error), count=count, reason=f"{about} {reason}", types=types)


def _too_large(piece: Piece, count: int, most: int) -> Problem:
    limit = f"{most / 1_000_000:.1f} MB"
    if piece.joined:
        return problem(Failure.RECEIPTS_TOO_MANY, size=f"{count} made into one file", limit=limit)
    return problem(Failure.RECEIPT_TOO_LARGE, name=_label(piece, count), size="more", limit=limit)


def _label(piece: Piece, count: int) -> str:
    return f"{piece.positions[0]} of {count}"


def types_in_words(able: Capabilities) -> str:
    """Types that a person may upload in Pleo so that the ERP can be given them, e.g. "PDF, JPEG or PNG"."""
    pdf = _taken(PDF, able)
    named = [name for kind, name in _WORDS if _taken(kind, able) or (pdf and kind in JOINABLE)]
    if not able.several_attachments:
        named = [name for name in named if name in ("PDF", "JPEG", "PNG")] or named
    if len(named) < 2:
        return "".join(named) or "another type of file"
    return f"{', '.join(named[:-1])} or {named[-1]}"
