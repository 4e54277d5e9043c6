"""`ledgerbridge` with the clocks that no setting turns: how long a write without an answer is looked for, and when
files are made of what was left and handed over again.

Minutes are right for a customer's ERP behind the internet. Here nothing is on its way for longer than some seconds,
and a suite that waits minutes each time tries fewer things.
"""

from __future__ import annotations

import datetime as dt
from functools import partial

from ledgerbridge import app, cli
from ledgerbridge.connections import handover
from ledgerbridge.exports import filing
from ledgerbridge.exports.context import ExportContext, Patience
from ledgerbridge.ops import rounds

PATIENCE = Patience(settling=20, pause=(1, 2, 4, 8, 8, 8))

if __name__ == "__main__":
    app.ExportContext = partial(ExportContext, patience=PATIENCE)  # type: ignore[assignment,misc]
    vars(rounds)["FILE_ROUND_SECONDS"] = handover.SWEEP_SECONDS = 5.0
    filing.LEFT_ALONE = dt.timedelta(seconds=5)
    handover.WAITS = (2, 4, 8, 8, 8)
    cli.main()
