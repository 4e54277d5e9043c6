"""`ledgerbridge` with the one clock that no setting turns: how long a write without an answer is looked for.

Two minutes are right for a customer's ERP behind the internet. Here nothing is on its way for longer than some seconds,
and a suite that waits two minutes each time tries fewer things.
"""

from __future__ import annotations

from functools import partial

from ledgerbridge import app, cli
from ledgerbridge.exports.context import ExportContext, Patience

PATIENCE = Patience(settling=20, pause=(1, 2, 4, 8, 8, 8))

if __name__ == "__main__":
    app.ExportContext = partial(ExportContext, patience=PATIENCE)  # type: ignore[assignment,misc]
    cli.main()
