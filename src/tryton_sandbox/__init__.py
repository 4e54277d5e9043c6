"""A real Tryton ERP to develop against: built once, cloned per test, served on loopback.

Nothing here imports Tryton or Ledgerbridge. Tryton's packages live in a virtual environment of their own, and the
programs under `inside/` are run by that environment's Python; we start them and talk to them over pipes and HTTP.

    template = build(cache_dir, postgres_url, print)
    with template.start(template.clone()) as server:
        print(server.base_url, server.database, server.keys["erp_integration"])
"""

from tryton_sandbox.books import bills, count_documents, count_moves, moves, parties, payments, reconciliations
from tryton_sandbox.server import TrytonServer
from tryton_sandbox.template import Template, TrytonSandboxError, build

__all__ = [
    "Template",
    "TrytonSandboxError",
    "TrytonServer",
    "bills",
    "build",
    "count_documents",
    "count_moves",
    "moves",
    "parties",
    "payments",
    "reconciliations",
]
