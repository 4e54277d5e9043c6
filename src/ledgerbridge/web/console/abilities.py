"""What an accounting system cannot take, in words for a person, and what happens instead.

Made of its capabilities alone. Every capability has its words in `texts/en/abilities.toml` or stands in `UNSAID`; a
test holds a new one to it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ledgerbridge.connections.access import open_erp
from ledgerbridge.connections.errors import ErpNotBound, SecretUnreadable
from ledgerbridge.erp.port import Capabilities, ErpError
from ledgerbridge.store.tables import SyncKind
from ledgerbridge.syncs.kept import keeps
from ledgerbridge.syncs.schedule import ORDER
from ledgerbridge.web.services import Services
from ledgerbridge.web.texts import text


@dataclass(frozen=True, slots=True)
class Note:
    """A difference a person should know of before they rely on something."""

    capability: str
    """Its name."""
    lacks: str
    """What the accounting system cannot take, or how it takes it, in a few words."""
    instead: str
    """What happens then, and what to do."""


Values = Mapping[str, object]
_SECONDS = 4.0
_TYPES = {"application/pdf": "PDF", "application/zip": "ZIP", "image/jpeg": "JPEG", "image/png": "PNG"}

NOTED: Mapping[str, Callable[[Capabilities], Values | None]] = {
    "files": lambda able: {} if able.files else None,
    "vendor_bills": lambda able: None if able.vendor_bills else {},
    "vendors": lambda able: None if able.vendors else {},
    "dimensions": lambda able: None if able.dimensions else {},
    "tax_codes": lambda able: None if able.tax_codes else {},
    "drafts": lambda able: None if able.drafts else {},
    "attachments": lambda able: None if able.attachments else {},
    "several_attachments": lambda able: {} if able.attachments and not able.several_attachments else None,
    "attachment_types": lambda able: (
        {"types": _types(able.attachment_types)} if able.attachments and able.attachment_types is not None else None
    ),
    "max_attachment_bytes": lambda able: (
        {"size": _size(able.max_attachment_bytes)} if able.attachments and able.max_attachment_bytes else None
    ),
    "can_probe": lambda able: None if able.can_probe else {},
    "can_reverse": lambda able: None if able.can_reverse else {},
    "lists_entries": lambda able: None if able.lists_entries else {},
}
"""By capability: the values of its words; None where there is nothing to say. In the order of the page."""

UNSAID = {
    "computes_tax_on_journal_entries": "The set-up asks how VAT is worked out, and says what that means.",
    "parallel_writers": "Only a matter of speed.",
    "batch": "Only a matter of speed.",
    "told": "Where it is not, nothing is said at all.",
}
"""Capabilities that no person has to know of, and why."""


def notes(able: Capabilities) -> list[Note]:
    """What there is to say of an accounting system."""
    found = {name: values(able) for name, values in NOTED.items()}
    return [
        Note(name, text(f"abilities.{name}.lacks", **values), text(f"abilities.{name}.instead", **values))
        for name, values in found.items()
        if values is not None
    ]


async def known(services: Services, connection_id: uuid.UUID) -> Capabilities | None:
    """What the bound accounting system can do; None when there is none or that cannot be told.

    Most are not called for it. One that has to be asked is not waited for long: a page is to come.
    """
    try:
        async with asyncio.timeout(_SECONDS), open_erp(services.connections, connection_id) as erp:
            return erp.capabilities if erp.capabilities.told else None
    except (ErpNotBound, SecretUnreadable, ErpError, TimeoutError):
        return None


def nothing_of(able: Capabilities | None) -> tuple[SyncKind, ...]:
    """The kinds of master data that it keeps nothing of; none while nothing is known of it."""
    return tuple(kind for kind in ORDER if able is not None and not keeps(able, kind))


def _types(types: frozenset[str]) -> str:
    return ", ".join(sorted(_TYPES.get(one, one) for one in types))


def _size(size: int) -> str:
    if size >= 1024 * 1024:
        return text("abilities.megabytes", count=f"{size / 1024 / 1024:.3g}")
    return text("abilities.kilobytes", count=max(1, size // 1024))
