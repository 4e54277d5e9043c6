"""The pages of the set-up."""

from __future__ import annotations

from ledgerbridge.web.console.setup import accounts, activate, dimensions, erp, posting, preview, steps, syncs

ROUTERS = (
    steps.router,
    erp.router,
    accounts.router,
    posting.router,
    dimensions.router,
    syncs.router,
    preview.router,
    activate.router,
)
