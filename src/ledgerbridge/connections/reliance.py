"""Whether a company's webhooks can be relied on, so that polling it less loses nothing (HOOK-045, EXP-EXPIRE-05).

Relied on are those of a company that is live for a day or more, whose subscription was seen to be alive within two
days (it is looked at daily, HOOK-010), that delivered something in the last month, and of which no poll has found in
the last week what a webhook should have told of. Who has never delivered anything proves nothing, and is polled as
before.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, and_, exists, not_
from sqlalchemy.orm import aliased

from ledgerbridge.store.tables import Connection, LookSchedule, Subscription, WebhookDelivery

WATCHED_FOR = dt.timedelta(days=1)
"""After going live."""
CHECKED_WITHIN = dt.timedelta(days=2)
DELIVERED_WITHIN = dt.timedelta(days=30)
"""As long as deliveries are kept."""
MISSED_WITHIN = dt.timedelta(days=7)


def relied_on(now: dt.datetime) -> ColumnElement[bool]:
    """The condition on a row of `connections` in the query around it. By index, a few rows a company."""
    of = Connection.id
    alive = exists().where(
        Subscription.connection_id == of,
        Subscription.ended_at.is_(None),
        Subscription.checked_at > now - CHECKED_WITHIN,
    )
    delivered = exists().where(
        WebhookDelivery.connection_id == of, WebhookDelivery.received_at > now - DELIVERED_WITHIN
    )
    # Apart from a schedule that the query around it may read, too.
    polled = aliased(LookSchedule)
    missed = exists().where(polled.connection_id == of, polled.missed_at > now - MISSED_WITHIN)
    live = and_(Connection.activated_at.is_not(None), Connection.activated_at < now - WATCHED_FOR)
    return and_(live, alive, delivered, not_(missed))
