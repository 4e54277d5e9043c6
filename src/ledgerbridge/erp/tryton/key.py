"""The key a document carries in Tryton: the last thing in its description, ` [PLEO:<accounting entry>]`.

Only the very end counts, and we always write the end: nobody can forge a key by typing one into a note. Revisions
after the first show as ` [PLEO:<accounting entry>#2]`, the payment of a bill from the same item as ` [PLEO:<accounting
entry>#payment]` or `#2-payment`. Tryton's description has no unique constraint, so the key is for finding; that it
stays unique is the work of `booking`.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

from ledgerbridge.bookkeeping.words import PostingKey

_LONGEST_TEXT = 2_000
"""Tryton sets no limit; a description is a line a person reads."""
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Control characters (Tryton refuses tabs and line ends, Postgres NUL), lone surrogates, line and paragraph ends."""
_SAFE_ID = re.compile(r"[^\[\]#\x00-\x20]{1,200}")


class Mark(Enum):
    """What the document is for its accounting entry; the value reads the key back."""

    DOCUMENT = re.compile(r"\[PLEO:([^\[\]#]+)(?:#([0-9]{1,9}))?\]\Z")
    """The posting itself: a journal entry or a bill."""
    PAYMENT = re.compile(r"\[PLEO:([^\[\]#]+)#(?:([0-9]{1,9})-)?payment\]\Z")
    """What settles the bill of the same item (EXP-AP-10)."""


def plain(text: str) -> str:
    """Text as Tryton takes it in a one-line field: blanks for unsafe characters, no doubled or outer blanks."""
    safe = "".join(" " if unicodedata.category(character) in _UNSAFE else character for character in text)
    return " ".join(safe.split())


def suffix(key: PostingKey, mark: Mark = Mark.DOCUMENT) -> str:
    """The key as it ends a description. Raises `ValueError` for an id that could not be read back."""
    if not _SAFE_ID.fullmatch(key.accounting_entry_id) or key.revision < 1:
        raise ValueError(f"not a usable posting key: {key.accounting_entry_id!r} revision {key.revision}")
    told = ([] if key.revision == 1 else [str(key.revision)]) + (["payment"] if mark is Mark.PAYMENT else [])
    return f"[PLEO:{key.accounting_entry_id}{'#' if told else ''}{'-'.join(told)}]"


def description(text: str, key: PostingKey, mark: Mark = Mark.DOCUMENT) -> str:
    """The description of an entry: what a bookkeeper reads, shortened if need be, then the key, whole."""
    return f"{plain(text)[:_LONGEST_TEXT].rstrip()} {suffix(key, mark)}".strip()


def read(text: str | None, company_id: str, mark: Mark = Mark.DOCUMENT) -> PostingKey | None:
    """The key of this mark that a description ends with, if any."""
    found = mark.value.search(text or "")
    if not found:
        return None
    revision = int(found.group(2) or 1)
    return PostingKey(company_id, found.group(1), revision) if revision >= 1 else None


def patterns(accounting_entry_id: str) -> tuple[str, str]:
    """LIKE patterns that match every description ending in a key of this entry: first revision, later ones; payments
    are among what the second matches."""
    escaped = re.sub(r"([\\%_])", r"\\\1", accounting_entry_id)
    return f"%[PLEO:{escaped}]", f"%[PLEO:{escaped}#%]"
