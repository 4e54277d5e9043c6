"""The routers of these pages, in one place for the application."""

from __future__ import annotations

from ledgerbridge.web.console.operations import audit, charts, deliveries, queue

ROUTERS = (deliveries.router, queue.router, charts.router, audit.router)
