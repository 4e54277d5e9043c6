"""What the arithmetic starts from: constants with where each is from."""

from __future__ import annotations

import inspect

from ledgerbridge.connections.config_body import SyncBody, TagsSyncBody
from ledgerbridge.exports.polls import JITTER, SHARE
from ledgerbridge.ops.rounds import SYNCS_AT_ONCE
from ledgerbridge.settings import Settings
from ledgerbridge.store.engine import Database
from ledgerbridge.syncs import schedule
from ledgerbridge.work.queue import Queue

DAY_MINUTES = 1440
MONTH_DAYS = 30
_FIELDS = Settings.model_fields


def _default(function: object, name: str) -> int:
    return int(inspect.signature(function).parameters[name].default)  # type: ignore[arg-type]


# ------------------------------------------------------------------ the code
LIMIT = 494
"""Calls a minute that our ceiling of 500 lets through evenly (docs/decisions/0100)."""
PLACES = _default(Queue.run_worker, "concurrency")
"""Jobs a worker has in hand at once."""
PLACES_OF_SYNCS = SYNCS_AT_ONCE
"""Of those, that syncs may take."""
POOL = 3 * _default(Database.__init__, "pool_size")
"""Connections of a process that serves, at most: the engine's, as many to spare, and those for single statements."""
KEPT_DAYS = _default(Queue.__init__, "keep_days")
"""Of ended work in the queue."""
WORKER_POOL = PLACES + 4 + 1
"""And of its worker besides: for its places, for itself, and the line it listens on."""
WATCHED_MINUTES = float(_FIELDS["export_poll_seconds"].default) / 60
"""Between two polls of a company whose webhooks are not relied on (docs/decisions/0166)."""
RELIED_MINUTES = float(_FIELDS["export_poll_longest_seconds"].default) / 60
POLL_EARLY = JITTER / 2
"""Of the interval: so much sooner a company is polled on the average."""
POLL_SHARE = SHARE
"""Of the limit: polls take no more, and stretch."""
EXPIRES_MINUTES = 60
"""What an export waits for us at Pleo before it expires (EXP-EXPIRE-*)."""
DRAFTS_MINUTES = float(_FIELDS["vendor_poll_seconds"].default) / 60
DRAFTS_SPARED = schedule.RELIED_ON
"""So many times longer where webhooks are relied on."""
TAGS_MINUTES = TagsSyncBody().every_minutes
LISTS_MINUTES = SyncBody().every_minutes
"""Accounts, tax codes and vendors."""

# ------------------------------------------------------------------ measured
LOOK_MS, JOB_MS, ITEM_MS = 19.0, 98.0, 1.6
"""Processor time of a look that finds nothing, of a job, and of each of its items."""
LOOK_STATEMENTS, JOB_STATEMENTS, ITEM_STATEMENTS = 12.0, 66.0, 0.2
BYTES = {"export_items": 589, "postings": 575, "export_jobs": 205, "export_job_events": 234, "queue": 590}
"""A row with its indexes; of the queue, a piece of work with what is noted of it."""
EVENTS = 7
"""Lines in the timeline of a job."""
ERP_SECONDS = 0.15
"""An item at Tryton: 0.06 for its entry, booked with fifty (docs/decisions/0163), the rest for its receipt."""

# ------------------------------------------------------------------ assumed
ITEMS_A_JOB = 25
PLEO_SECONDS = 0.25
"""A call to Pleo, answered."""
ERP_READ_SECONDS = 1.0
"""Of a list at the ERP, for a sync."""
TAG_GROUPS, ACCOUNTS, TAX_CODES, VENDORS = 2, 150, 30, 300
"""Of a company; a group has no more tags than fit on a page."""
RELIED_ON = 0.95
"""Of the companies: their webhooks come."""
BUSIEST_DAY = 0.08
"""Of a month's items: the five days about the end of the month carry two fifths."""
HOURS = {8: 5, 9: 12, 10: 14, 11: 12, 12: 6, 13: 11, 14: 14, 15: 12, 16: 9, 17: 5}
"""Of that day's exports in each hour, in hundredths; all companies keep the same hours."""
BLOAT = 1.3
"""A table in use over one freshly packed."""
BUSY = 0.7
"""Of a processor that is to answer in time."""
YEARS_OF_POSTINGS = 10
