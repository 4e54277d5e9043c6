"""What no database may show once all is quiet, whatever died before (the invariants of docs/architecture.md)."""

INVARIANTS = {
    "a posting whose outcome nobody knows": "select id, state from postings where state in ('intended', 'unknown')",
    "a reversal whose outcome nobody knows": "select id from postings where reversal_state in ('intended', 'unknown')",
    "two live postings of one entry": """
        select accounting_entry_id from postings where state = 'booked'
        group by connection_id, accounting_entry_id having count(*) > 1""",
    "an item reported without a posting": """
        select i.accounting_entry_id from export_items i left join postings p on p.id = i.posting_id
        where i.state = 'booked' and coalesce(p.state, '') not in ('booked', 'reversed')""",
    "a job left open": "select pleo_job_id, phase from export_jobs where phase <> 'closed'",
    "a delivery left over": "select webhook_id from webhook_deliveries where status = 'queued'",
    "a payload kept after its job": """
        select i.accounting_entry_id from export_items i join export_jobs j on j.id = i.job_id
        where j.phase = 'closed' and i.payload <> 'null'""",
    "a lease still held": "select scope, holder from leases where expires_at > now()",
    "a refresh still claimed": "select connection_id from credentials where refresh_until > now()",
    "work that failed for good": """
        select task_name, args from procrastinate_jobs where status = 'failed'""",
    "a run that never ended": "select id, kind from sync_runs where status = 'running'",
    "an open transaction": """
        select query from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%'
            and state_change < now() - interval '2 seconds'""",
}
"""What may never be found once all is quiet, each with the query that finds it."""
