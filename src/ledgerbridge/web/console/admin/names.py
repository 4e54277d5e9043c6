"""Names of companies for lists that show rows of several."""

from __future__ import annotations

from ledgerbridge.ops.roster import names_of

__all__ = ["names_of"]
