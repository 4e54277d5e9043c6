"""Jobs, webhooks and open transactions (statements 4, 5, 9 and 10)."""

from __future__ import annotations

from ledgerbridge.ops.invariants.invariant import Invariant
from ledgerbridge.ops.invariants.windows import held

ONE_JOB_AT_A_TIME = Invariant(
    name="one-job-at-a-time",
    number=4,
    statement="A company has at most one export job under way.",
    alert="Two export jobs of a company are worked at once: look which replica works them.",
    # A job that Pleo let expire waits in our table until Pleo shows how it ended; it is not under way.
    broken="""
        select connection_id || ' jobs ' || string_agg(id::text, ' ' order by id) as sample
        from export_jobs
        where phase in ('started', 'fetched')
          and coalesce(last_action_at, claimed_at) + make_interval(secs => expires_in) > now()
        group by connection_id having count(*) > 1
    """,
)

OLDEST_FIRST = Invariant(
    name="oldest-first",
    number=4,
    statement="Of two export jobs of a company that we had taken, the older was started first.",
    alert="A company's expenses were booked in the wrong order; amounts are right, balances in between may not be.",
    broken="""
        with near as (
            select * from export_jobs where phase <> 'closed'
            union all
            select * from export_jobs where phase = 'closed' and closed_at > now() - make_interval(days => :days)
        )
        select younger.connection_id || ' job ' || younger.id || ' before ' || older.id as sample
        from near younger join near older on older.connection_id = younger.connection_id
        where older.pleo_created_at < younger.pleo_created_at
          and older.claimed_at < younger.started_at and younger.started_at < older.started_at
    """,
    values={"days": 2},
)

WEBHOOK_SETTLED = Invariant(
    name="webhook-settled",
    number=5,
    statement="An accepted webhook of an active company reaches its end soon.",
    alert="Deliveries of Pleo are not worked: look at the queue, the workers, and whether Pleo answers.",
    # While the company is being worked its deliveries wait for the end of that; others wait for the drafts' turn.
    broken=f"""
        select d.connection_id || ' delivery ' || d.id as sample
        from webhook_deliveries d join connections c on c.id = d.connection_id
        where d.status = 'queued' and c.status = 'active'
          and greatest(d.received_at, d.replayed_at) < now() - make_interval(
            mins => case when d.event_type like '%export-job%' then :minutes else :patient_minutes end)
          and not case when d.event_type like '%export-job%'
            then {held("d.connection_id", "exports")} else {held("d.connection_id", "syncs")} end
    """,  # noqa: S608
    values={"minutes": 15, "patient_minutes": 60},
)

NO_OPEN_TRANSACTION = Invariant(
    name="no-open-transaction",
    number=9,
    statement="No transaction of ours stays open while it does nothing, nor for longer than any statement may take.",
    alert="A transaction is held open, most likely across a call: find the replica by its address and look at its log.",
    broken="""
        select application_name || ' pid ' || pid || ' ' || state as sample
        from pg_stat_activity
        where datname = current_database() and application_name like 'ledgerbridge%' and pid <> pg_backend_pid()
          and (
            (state like 'idle in transaction%' and state_change < clock_timestamp() - make_interval(secs => :idle))
            or (xact_start < clock_timestamp() - make_interval(secs => :long) and backend_type = 'client backend')
          )
    """,
    values={"idle": 10.0, "long": 300.0},
)

JOB_WITHIN_EXPIRY = Invariant(
    name="job-within-expiry",
    number=10,
    statement="An export job in our hands tells Pleo of progress well before it expires.",
    alert="An export job is about to expire, or has: look why nothing of it was reported.",
    broken="""
        select j.connection_id || ' job ' || j.id as sample
        from export_jobs j join connections c on c.id = j.connection_id
        where j.phase <> 'closed' and c.status <> 'disconnected'
          and coalesce(j.last_action_at, j.claimed_at) + make_interval(secs => j.expires_in * :share) < now()
    """,
    values={"share": 0.75},
)

CHECKS = (
    ONE_JOB_AT_A_TIME,
    OLDEST_FIRST,
    WEBHOOK_SETTLED,
    NO_OPEN_TRANSACTION,
    JOB_WITHIN_EXPIRY,
)
