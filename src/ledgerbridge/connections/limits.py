"""What the set-up of an ERP keeps us from without being wrong: told as a warning, never a reason to refuse."""

from __future__ import annotations

import logging

from ledgerbridge.erp.port import Erp, ErpError

_log = logging.getLogger(__name__)


async def limits_of(erp: Erp) -> str | None:
    """A sentence for a person about what stays undone in the accounting system; None where nothing does."""
    if not erp.capabilities.vendor_bills:
        return None
    try:
        found = await erp.matching_limits()
    except ErpError as error:
        _log.warning("limits of matching not read: %s", error)
        return None
    return f"In the accounting system the integration user may not {found}." if found else None
