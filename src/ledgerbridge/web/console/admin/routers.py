"""The routers of these pages, in one place for the application."""

from __future__ import annotations

from ledgerbridge.web.console.admin import connection, connections, exports, invariants, items, syncs, unknown

ROUTERS = (
    connections.router,
    connection.router,
    exports.router,
    items.router,
    unknown.router,
    syncs.router,
    invariants.router,
)
